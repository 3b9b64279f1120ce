//! Which counter a limit uses. Its name holds where the limit stands, for whom and what it counts, but not how much it
//! allows: a developer who raises a limit does not forget what was used.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::quota::Place;
use super::{Measure, Window};
use crate::issuer::Subject;

/// Of an app user or an address: short, and tells nobody who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag([u8; 16]);

impl Tag {
    pub fn of_subject(subject: &Subject) -> Self {
        Self::of(&[subject.issuer.0.as_bytes(), subject.sub.as_bytes()])
    }

    pub fn of_network(network: std::net::IpAddr) -> Self {
        Self::of(&[b"address", network.to_string().as_bytes()])
    }

    fn of(parts: &[&[u8]]) -> Self {
        let hash = parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize();
        Self(std::array::from_fn(|at| hash[at]))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 32];
        hex::encode_to_slice(self.0, &mut text).map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// Of a counter, within its app.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CounterName {
    /// `None` of a limit that all share.
    pub whose: Option<Tag>,
    pub kind: CounterKind,
}

/// Of a counter, among those of one app user, of one address, or of what all share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CounterKind {
    pub place: Place,
    pub stands_at: Uuid,
    pub measure: Measure,
    pub window: Window,
    /// Never empty.
    pub model: Option<Arc<str>>,
}

/// By what counters are told apart and put in order: first where the limit stands, as a number. Nothing in it is compared
/// by a call into libc unless there are models: with bytes and empty texts, a quarter of the limits' time went there.
pub type KindOrder<'a> = (u128, Place, Measure, Window, Option<&'a str>);

impl CounterKind {
    pub fn order(&self) -> KindOrder<'_> {
        (self.stands_at.as_u128(), self.place, self.measure, self.window, self.model.as_deref())
    }
}

impl fmt::Display for CounterName {
    /// `plan:…:…:tokens:day:gpt-4o*`: what it is called in Redis and in the database.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CounterKind { place, stands_at, measure, window, model } = &self.kind;
        write!(f, "{}:{}:", place.name(), stands_at.simple())?;
        if let Some(whose) = &self.whose {
            whose.fmt(f)?;
        }
        write!(f, ":{}:{}:{}", measure.name(), window.name(), model.as_deref().unwrap_or_default())
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a counter's name")]
pub struct ParseCounterNameError;

impl FromStr for CounterName {
    type Err = ParseCounterNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A model may hold colons, and stands last.
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or(ParseCounterNameError);
        let place = named(Place::ALL, Place::name, next()?)?;
        let stands_at = Uuid::try_parse(next()?).map_err(|_| ParseCounterNameError)?;
        let whose = match next()? {
            "" => None,
            tag => {
                let mut bytes = [0; 16];
                hex::decode_to_slice(tag, &mut bytes).map_err(|_| ParseCounterNameError)?;
                Some(Tag(bytes))
            }
        };
        let measure = named(Measure::ALL, Measure::name, next()?)?;
        let window = named(Window::ALL, Window::name, next()?)?;
        let model = Some(next()?).filter(|model| !model.is_empty()).map(Into::into);
        Ok(Self { whose, kind: CounterKind { place, stands_at, measure, window, model } })
    }
}

fn named<T: Copy>(
    all: impl IntoIterator<Item = T>,
    name: impl Fn(T) -> &'static str,
    text: &str,
) -> Result<T, ParseCounterNameError> {
    all.into_iter().find(|one| name(*one) == text).ok_or(ParseCounterNameError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::IssuerId;

    fn tag(sub: &str) -> Tag {
        Tag::of_subject(&Subject { issuer: IssuerId(Uuid::nil()), sub: sub.to_owned() })
    }

    fn name(whose: Option<Tag>, window: Window, model: Option<&str>) -> CounterName {
        let model = model.map(Into::into);
        let kind = CounterKind {
            place: Place::Plan,
            stands_at: Uuid::from_u128(7),
            measure: Measure::TotalTokens,
            window,
            model,
        };
        CounterName { whose, kind }
    }

    #[test]
    fn a_name_is_written_as_it_always_was() {
        let shared = "plan:00000000000000000000000000000007::tokens:at_once:";
        assert_eq!(name(None, Window::AtOnce, None).to_string(), shared);
        let own = format!("plan:00000000000000000000000000000007:{}:tokens:day:ft:gpt-4o:x*", tag("alice"));
        assert_eq!(name(Some(tag("alice")), Window::Day, Some("ft:gpt-4o:x*")).to_string(), own);
        let hash = Sha256::new().chain_update(Uuid::nil().as_bytes()).chain_update("alice").finalize();
        assert_eq!(tag("alice").to_string(), hex::encode(&hash[..16]));
    }

    #[test]
    fn what_was_written_down_names_the_same_counter_again() {
        for whose in [None, Some(tag("alice"))] {
            for place in Place::ALL {
                for (measure, window) in Measure::ALL.into_iter().flat_map(|m| Window::ALL.map(|window| (m, window))) {
                    for model in [None, Some("gpt-4o"), Some("ft:gpt-4o:x:*"), Some("ü:")] {
                        let kind = CounterKind {
                            place,
                            stands_at: Uuid::from_u128(u128::MAX - 7),
                            measure,
                            window,
                            model: model.map(Into::into),
                        };
                        let name = CounterName { whose, kind };
                        assert_eq!(name.to_string().parse(), Ok(name));
                    }
                }
            }
        }
    }

    #[test]
    fn what_names_no_counter_is_none() {
        let good = name(Some(tag("alice")), Window::Day, None).to_string();
        for bad in
            ["", "x", "plan:", &good[..good.len() - 1], &good.replace("plan", "plans"), &good.replace("day", "year")]
        {
            assert_eq!(bad.parse::<CounterName>(), Err(ParseCounterNameError), "{bad}");
        }
    }

    #[test]
    fn a_tag_is_of_one_subject_and_does_not_name_it() {
        assert_ne!(tag("alice"), tag("bob"));
        assert_eq!(tag("alice"), tag("alice"));
        assert!(!tag("alice@example.com").to_string().contains("alice"));
        assert_ne!(Tag::of_network([127, 0, 0, 1].into()), Tag::of_network([127, 0, 0, 2].into()));
    }
}
