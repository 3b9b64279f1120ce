//! Where a limit or an address rule stands. In forms and on the wire: `app:{id}`, `plan:{id}`, `proxy:{id}`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{AppId, PlanId, ProxyId};

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("names no place for a rule")]
pub struct ParsePlaceError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LimitPlace {
    App(AppId),
    Plan(PlanId),
    Proxy(ProxyId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AddressPlace {
    App(AppId),
    Proxy(ProxyId),
}

fn parts(text: &str) -> Result<(&str, Uuid), ParsePlaceError> {
    let (noun, id) = text.split_once(':').ok_or(ParsePlaceError)?;
    Ok((noun, id.parse().map_err(|_| ParsePlaceError)?))
}

impl FromStr for LimitPlace {
    type Err = ParsePlaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match parts(text)? {
            ("app", id) => Ok(Self::App(AppId(id))),
            ("plan", id) => Ok(Self::Plan(PlanId(id))),
            ("proxy", id) => Ok(Self::Proxy(ProxyId(id))),
            _ => Err(ParsePlaceError),
        }
    }
}

impl fmt::Display for LimitPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(id) => write!(f, "app:{id}"),
            Self::Plan(id) => write!(f, "plan:{id}"),
            Self::Proxy(id) => write!(f, "proxy:{id}"),
        }
    }
}

impl FromStr for AddressPlace {
    type Err = ParsePlaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match parts(text)? {
            ("app", id) => Ok(Self::App(AppId(id))),
            ("proxy", id) => Ok(Self::Proxy(ProxyId(id))),
            _ => Err(ParsePlaceError),
        }
    }
}

impl fmt::Display for AddressPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(id) => write!(f, "app:{id}"),
            Self::Proxy(id) => write!(f, "proxy:{id}"),
        }
    }
}

macro_rules! as_text {
    ($($name:ident)*) => {$(
        impl TryFrom<String> for $name {
            type Error = ParsePlaceError;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(place: $name) -> Self {
                place.to_string()
            }
        }
    )*};
}

as_text! { LimitPlace AddressPlace }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let id = Uuid::from_u128(7);
        for place in [LimitPlace::App(AppId(id)), LimitPlace::Plan(PlanId(id)), LimitPlace::Proxy(ProxyId(id))] {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        for place in [AddressPlace::App(AppId(id)), AddressPlace::Proxy(ProxyId(id))] {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        for text in ["", "app", "app:", "team:00000000-0000-0000-0000-000000000007", "proxy:7:7"] {
            assert_eq!(text.parse::<LimitPlace>(), Err(ParsePlaceError), "{text:?}");
        }
        assert_eq!(format!("plan:{id}").parse::<AddressPlace>(), Err(ParsePlaceError));
    }
}
