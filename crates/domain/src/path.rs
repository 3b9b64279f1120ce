//! The path of a request, parsed once, and the templates it is matched against.
//!
//! Nothing is repaired: whatever two programs could read in two ways is an error. The upstream path is rebuilt from
//! the template and the matched parameters, so the client's own bytes never travel on.

use std::cmp::Ordering;
use std::fmt::Write;

/// Decoded segments; none is empty, `.` or `..`, and none holds `/ \ ; % ? #`, a control or a non-ASCII character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPath {
    segments: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParsePathError {
    #[error("the path does not begin with a slash")]
    NotAbsolute,
    #[error("the path has an empty segment (a repeated or trailing slash)")]
    EmptySegment,
    #[error("the path has a . or .. segment")]
    DotSegment,
    #[error("the path has a % that is not followed by two hexadecimal digits")]
    BadEscape,
    #[error("the path has a character, plain or escaped, that may be read in two ways")]
    ForbiddenCharacter,
}

impl RequestPath {
    /// `raw` is the path as it came, without the query. A lone `/` has no segment.
    pub fn parse(raw: &str) -> Result<Self, ParsePathError> {
        let rest = raw.strip_prefix('/').ok_or(ParsePathError::NotAbsolute)?;
        if rest.is_empty() {
            return Ok(Self { segments: Vec::new() });
        }
        let segments = rest.split('/').map(parse_segment).collect::<Result<_, _>>()?;
        Ok(Self { segments })
    }

    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// The proxy's slug and what is below it.
    pub fn split_first(mut self) -> Option<(String, Self)> {
        if self.segments.is_empty() {
            return None;
        }
        let first = self.segments.remove(0);
        Some((first, self))
    }
}

fn parse_segment(raw: &str) -> Result<String, ParsePathError> {
    let mut decoded = String::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        let plain = match byte {
            b'%' => {
                let value = escaped(&mut bytes)?;
                // A dot that was worth escaping is a dot segment for somebody.
                let harmless = matches!(value, 0x20..=0x7e) && !b"/\\.;%?#".contains(&value);
                harmless.then_some(value)
            }
            _ if is_plain(byte) => Some(byte),
            _ => None,
        };
        decoded.push(char::from(plain.ok_or(ParsePathError::ForbiddenCharacter)?));
    }
    match decoded.as_str() {
        "" => Err(ParsePathError::EmptySegment),
        "." | ".." => Err(ParsePathError::DotSegment),
        _ => Ok(decoded),
    }
}

fn escaped(bytes: &mut std::str::Bytes<'_>) -> Result<u8, ParsePathError> {
    let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16)).ok_or(ParsePathError::BadEscape);
    let (high, low) = (digit()?, digit()?);
    u8::try_from(high * 16 + low).map_err(|_| ParsePathError::BadEscape)
}

/// What RFC 3986 lets stand in a segment, without `;`, which some servers read as the start of parameters.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte)
}

fn push_encoded(path: &mut String, segment: &str) {
    for byte in segment.bytes() {
        if is_plain(byte) {
            path.push(char::from(byte));
        } else {
            write!(path, "%{byte:02X}").expect("a string takes any text");
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Literal(String),
    Param(String),
    /// `{model}:generateContent`: the parameter, then a colon and a fixed verb.
    Verb {
        param: String,
        verb: String,
    },
}

/// `/v1/files/{id}`, `/v1beta/models/{model}:generateContent`. A parameter holds no colon: behind one, Google's APIs
/// name another method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseTemplateError {
    #[error("a path template begins with a slash and has something behind it, like /v1/files/{{id}}")]
    NotAbsolute,
    #[error("{0:?} is not a path segment, a {{parameter}} or {{parameter}}:verb")]
    BadSegment(String),
    #[error("the parameter {{{0}}} appears twice")]
    RepeatedParam(String),
}

/// The values a template's parameters took, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathParams(Vec<(String, String)>);

impl FromIterator<(String, String)> for PathParams {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl PathParams {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Another value for a parameter that there is.
    fn set(&mut self, name: &str, value: &str) {
        if let Some((_, old)) = self.0.iter_mut().find(|(key, _)| key == name) {
            value.clone_into(old);
        }
    }
}

impl PathTemplate {
    pub fn parse(text: &str) -> Result<Self, ParseTemplateError> {
        let rest = text.strip_prefix('/').filter(|rest| !rest.is_empty()).ok_or(ParseTemplateError::NotAbsolute)?;
        let segments: Vec<Segment> = rest.split('/').map(parse_template_segment).collect::<Result<_, _>>()?;
        let template = Self { segments };
        for (at, name) in template.param_names() {
            if template.param_names().any(|(other, same)| other < at && same == name) {
                return Err(ParseTemplateError::RepeatedParam(name.to_owned()));
            }
        }
        Ok(template)
    }

    /// Position and name of every parameter.
    pub fn param_names(&self) -> impl Iterator<Item = (usize, &str)> {
        self.segments.iter().enumerate().filter_map(|(at, segment)| match segment {
            Segment::Literal(_) => None,
            Segment::Param(name) | Segment::Verb { param: name, .. } => Some((at, name.as_str())),
        })
    }

    pub fn matches(&self, path: &RequestPath) -> Option<PathParams> {
        (self.segments.len() == path.segments.len()).then_some(())?;
        self.matches_prefix(path, self.segments.len())
    }

    /// As `matches`, where nobody asks what the parameters take.
    pub fn fits(&self, path: &RequestPath) -> bool {
        let fits = |(segment, text): (&Segment, &String)| match segment {
            Segment::Literal(literal) => literal == text,
            Segment::Param(_) => !text.contains(':'),
            Segment::Verb { verb, .. } => {
                text.split_once(':').is_some_and(|(value, behind)| !value.is_empty() && behind == verb)
            }
        };
        self.segments.len() == path.segments.len() && self.segments.iter().zip(&path.segments).all(fits)
    }

    /// Whether the first `count` segments of the path are those of this template; for rules about a parent's children.
    pub fn matches_prefix(&self, path: &RequestPath, count: usize) -> Option<PathParams> {
        let (wanted, given) = (self.segments.get(..count)?, path.segments.get(..count)?);
        let mut params = Vec::new();
        for (segment, text) in wanted.iter().zip(given) {
            match segment {
                Segment::Literal(literal) => (literal == text).then_some(())?,
                Segment::Param(name) => {
                    (!text.contains(':')).then_some(())?;
                    params.push((name.clone(), text.clone()));
                }
                Segment::Verb { param, verb } => {
                    let (value, behind) = text.split_once(':')?;
                    (!value.is_empty() && behind == verb).then_some(())?;
                    params.push((param.clone(), value.to_owned()));
                }
            }
        }
        Some(PathParams(params))
    }

    /// Whether every path that this template matches has a prefix that `general` matches in its first `count` segments.
    pub fn is_within(&self, general: &Self, count: usize) -> bool {
        let Some((wanted, given)) = general.segments.get(..count).zip(self.segments.get(..count)) else { return false };
        wanted.iter().zip(given).all(|(wanted, given)| match (wanted, given) {
            (Segment::Literal(one), Segment::Literal(other)) => one == other,
            (Segment::Literal(_), Segment::Param(_) | Segment::Verb { .. }) => false,
            (Segment::Param(_), Segment::Literal(text)) => !text.contains(':'),
            (Segment::Param(_), Segment::Param(_)) => true,
            (Segment::Param(_), Segment::Verb { .. }) => false,
            (Segment::Verb { verb, .. }, Segment::Literal(text)) => text.ends_with(&format!(":{verb}")),
            (Segment::Verb { .. }, Segment::Param(_)) => false,
            (Segment::Verb { verb, .. }, Segment::Verb { verb: other, .. }) => verb == other,
        })
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The name that a parameter holds together with what stands before it of the same name: `{owner}/{model}`,
    /// `@cf/{vendor}/{model}`.
    pub fn full_name(&self, param: &str, path: &RequestPath) -> Option<String> {
        let params = self.matches(path)?;
        let parts = self.segments[self.name_span(param)?].iter().map(|segment| match segment {
            Segment::Literal(text) => text.as_str(),
            Segment::Param(name) | Segment::Verb { param: name, .. } => params.get(name).unwrap_or_default(),
        });
        Some(parts.collect::<Vec<_>>().join("/"))
    }

    /// The path with another full name; `None` when that has not as many parts.
    pub fn renamed(&self, param: &str, path: &RequestPath, full_name: &str) -> Option<String> {
        let mut params = self.matches(path)?;
        let segments = &self.segments[self.name_span(param)?];
        let parts: Vec<&str> = full_name.split('/').collect();
        (parts.len() == segments.len()).then_some(())?;
        for (segment, part) in segments.iter().zip(parts) {
            match segment {
                Segment::Literal(text) => (text == part).then_some(())?,
                Segment::Param(name) | Segment::Verb { param: name, .. } => params.set(name, part),
            }
        }
        Some(self.rebuild(&params))
    }

    fn name_span(&self, param: &str) -> Option<std::ops::Range<usize>> {
        let (last, _) = self.param_names().find(|(_, name)| *name == param)?;
        let belongs = |segment: &&Segment| match segment {
            Segment::Param(_) => true,
            Segment::Literal(text) => text.starts_with('@'),
            Segment::Verb { .. } => false,
        };
        let before = self.segments[..last].iter().rev().take_while(belongs).count();
        Some(last - before..last + 1)
    }

    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// Whether a path that this template matches may lie at or below one that `prefix` matches. A literal with a verb of
    /// Google's behind it (`files:register`) is still at `files`.
    pub fn may_reach(&self, prefix: &Self) -> bool {
        let Some(given) = self.segments.get(..prefix.segments.len()) else { return false };
        prefix.segments.iter().zip(given).all(|(wanted, given)| match (wanted, given) {
            (Segment::Literal(one), Segment::Literal(other)) => other.split(':').next() == Some(one.as_str()),
            (Segment::Literal(_), Segment::Verb { .. }) => false,
            (Segment::Literal(_), Segment::Param(_)) | (Segment::Param(_) | Segment::Verb { .. }, _) => true,
        })
    }

    pub fn is_literal_at(&self, at: usize) -> bool {
        matches!(self.segments.get(at), Some(Segment::Literal(_)))
    }

    /// Of two templates that match the same path, the one with the earlier literal is meant: `/threads/runs` before
    /// `/threads/{id}`. Greater is more specific.
    pub fn more_specific(&self, other: &Self) -> Ordering {
        let rank = |segment: &Segment| match segment {
            Segment::Literal(_) => 2,
            Segment::Verb { .. } => 1,
            Segment::Param(_) => 0,
        };
        self.segments.iter().map(rank).cmp(other.segments.iter().map(rank))
    }

    /// The upstream path, escaped. A parameter that is missing leaves its place empty, which matches no template.
    pub fn rebuild(&self, params: &PathParams) -> String {
        let mut path = String::new();
        for segment in &self.segments {
            path.push('/');
            match segment {
                Segment::Literal(literal) => push_encoded(&mut path, literal),
                Segment::Param(name) => push_encoded(&mut path, params.get(name).unwrap_or_default()),
                Segment::Verb { param, verb } => {
                    push_encoded(&mut path, params.get(param).unwrap_or_default());
                    path.push(':');
                    push_encoded(&mut path, verb);
                }
            }
        }
        path
    }
}

fn parse_template_segment(text: &str) -> Result<Segment, ParseTemplateError> {
    let bad = || ParseTemplateError::BadSegment(text.to_owned());
    let Some(behind_brace) = text.strip_prefix('{') else {
        let literal = parse_segment(text).map_err(|_| bad())?;
        return Ok(Segment::Literal(literal));
    };
    let (name, rest) = behind_brace.split_once('}').ok_or_else(bad)?;
    let well_named = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    match (well_named, rest.strip_prefix(':')) {
        (true, None) if rest.is_empty() => Ok(Segment::Param(name.to_owned())),
        (true, Some(verb)) if verb.bytes().all(|b| b.is_ascii_alphanumeric()) && !verb.is_empty() => {
            Ok(Segment::Verb { param: name.to_owned(), verb: verb.to_owned() })
        }
        (true | false, _) => Err(bad()),
    }
}
