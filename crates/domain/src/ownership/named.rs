//! Which strings, of all that stand at a place, are ids of which kind.

use std::collections::BTreeSet;

use serde_json::Value;
use url::{Host, Url};

use super::ResourceRef;
use super::pattern::{Pattern, each_below, each_object};
use super::rule::{Creates, NamesInBody};

#[derive(Clone, Debug)]
pub(super) struct NamedIds {
    kind: String,
    prefix: String,
    under: String,
    hosts: Vec<String>,
    except: Vec<String>,
    pattern: Pattern,
}

impl NamedIds {
    pub fn created(creates: &Creates) -> Self {
        Self {
            kind: creates.kind.clone(),
            prefix: creates.prefix.clone(),
            under: creates.under.clone(),
            hosts: Vec::new(),
            except: Vec::new(),
            pattern: Pattern::parse(&creates.pointer),
        }
    }

    pub fn named(names: &NamesInBody) -> Self {
        Self {
            kind: names.kind.clone(),
            prefix: String::new(),
            under: names.under.clone(),
            hosts: names.hosts.clone(),
            except: names.except.clone(),
            pattern: Pattern::parse(&names.path),
        }
    }

    pub fn refs(&self, value: &Value) -> Vec<ResourceRef> {
        self.pattern.strings(value).into_iter().filter_map(|text| self.meant(text)).collect()
    }

    /// What all of these name, in one walk through the value for those that look for a member at any depth.
    pub fn all_refs(names: &[Self], value: &Value) -> BTreeSet<ResourceRef> {
        let mut refs = BTreeSet::new();
        let mut is_any_deep = false;
        for names in names {
            match names.pattern.deep_member() {
                None => names.pattern.each(value, &mut |text| refs.extend(names.meant(text))),
                Some(_) => is_any_deep = true,
            }
        }
        if is_any_deep {
            each_object(value, &mut |members| {
                for names in names {
                    let Some((name, rest)) = names.pattern.deep_member() else { continue };
                    let Some(member) = members.get(name) else { continue };
                    each_below(rest, member, &mut |text| refs.extend(names.meant(text)));
                }
            });
        }
        refs
    }

    fn meant(&self, text: &str) -> Option<ResourceRef> {
        self.is_meant(text).then(|| ResourceRef { kind: self.kind.clone(), id: self.id_in(text).to_owned() })
    }

    fn is_meant(&self, text: &str) -> bool {
        text.starts_with(&self.prefix)
            && !self.except.iter().any(|start| text.starts_with(start))
            && (self.hosts.is_empty() || is_at(text, &self.hosts))
    }

    /// A string of another shape stays whole: nobody owns an object of that name.
    fn id_in<'a>(&self, text: &'a str) -> &'a str {
        if self.under.is_empty() { text } else { id_under(&self.under, text).unwrap_or(text) }
    }
}

/// `abc` of `files/abc` and of `https://host/v1beta/files/abc`; `None` for everything that could be read otherwise.
pub(super) fn id_under<'a>(under: &str, text: &'a str) -> Option<&'a str> {
    let (before, id) = text.rsplit_once('/')?;
    let is_plain =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let path = match before.strip_prefix("https://").or_else(|| before.strip_prefix("http://")) {
        Some(rest) => rest.split_once('/')?.1,
        None => before,
    };
    let mut segments = path.split('/');
    let fits = is_plain(id)
        && !matches!(id, "." | "..")
        && path.split('/').all(is_plain)
        && segments.next_back() == Some(under)
        && segments.all(|segment| segment != under && !matches!(segment, "." | ".."));
    fits.then_some(id)
}

/// As a browser reads the address, whatever the spelling of the host.
fn is_at(text: &str, hosts: &[String]) -> bool {
    let start = text.trim_start().get(..5).unwrap_or_default();
    if start.eq_ignore_ascii_case("data:") {
        return false;
    }
    let Ok(url) = Url::parse(text) else { return false };
    let Some(Host::Domain(domain)) = url.host() else { return false };
    let domain = domain.trim_end_matches('.');
    hosts
        .iter()
        .any(|host| domain.strip_suffix(host.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_an_address_hold_the_same_id_and_nothing_else_does() {
        for text in ["files/abc", "https://api.example/v1beta/files/abc", "http://127.0.0.1:9/gemini/v1beta/files/abc"]
        {
            assert_eq!(id_under("files", text), Some("abc"), "{text}");
        }
        for text in [
            "abc",
            "files/",
            "/files/abc",
            "files/abc/",
            "files/other/files/abc",
            "files/other?x=/files/abc",
            "https://api.example/v1beta/files/other#/files/abc",
            "https://api.example/v1beta/files/other%2F..%2Ffiles/abc",
            "https://api.example/v1beta/files/../files/abc",
            "https://api.example//files/abc",
            "files/a b",
            "files/..",
            "cachedContents/abc",
        ] {
            assert_eq!(id_under("files", text), None, "{text}");
        }
    }

    #[test]
    fn an_address_at_the_providers_host_is_one_in_any_spelling() {
        let hosts = ["replicate.com".to_owned()];
        for text in [
            "https://api.replicate.com/v1/files/a",
            "HTTPS://API.Replicate.COM/v1/files/a",
            "https://api.replicate%2Ecom/v1/files/a",
            " https://user@api.replicate.com:443/v1/files/a",
            "https:\\\\replicate.com\\v1\\files\\a",
            "https://api.replicate.com./v1/files/a",
        ] {
            assert!(is_at(text, &hosts), "{text}");
        }
        for text in [
            "a prompt",
            "data:text/plain,https://replicate.com",
            "https://notreplicate.com/a",
            "https://x.example/replicate.com",
        ] {
            assert!(!is_at(text, &hosts), "{text}");
        }
    }
}
