//! Which addresses are a provider's own: a key must not be pointed at another host than the one that issued it.

use url::Url;

use crate::provider::Provider;

/// Whether requests with a key of this provider's may go there.
pub fn is_providers(provider: &Provider, url: &Url) -> bool {
    let known = (!provider.base_url.is_empty()).then_some(provider.base_url.as_str());
    known.into_iter().chain(provider.addresses.iter().map(String::as_str)).any(|pattern| fits(pattern, url))
}

/// `https://{resource}.openai.azure.com`: what a developer types instead, for a form's example.
pub fn example(provider: &Provider) -> Option<String> {
    let pattern = provider.addresses.first()?;
    let with_names = pattern.split('{').map(|part| match part.split_once('}') {
        Some((name, rest)) => format!("my-{}{rest}", name.replace('_', "-")),
        None => part.to_owned(),
    });
    Some(with_names.collect())
}

fn fits(pattern: &str, url: &Url) -> bool {
    let Some(pattern) = pattern.strip_prefix("https://") else { return false };
    let (host, path) = pattern.split_once('/').unwrap_or((pattern, ""));
    let is_plain = url.scheme() == "https" && url.port().is_none() && url.username().is_empty();
    let is_bare = url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    let given_path = url.path().trim_start_matches('/').trim_end_matches('/');
    let same_host = url.domain().is_some_and(|given| all_fit(host, given, '.', is_label));
    is_plain && is_bare && same_host && all_fit(path, given_path, '/', is_segment)
}

fn all_fit(pattern: &str, given: &str, separator: char, is_part: fn(&str) -> bool) -> bool {
    let (wanted, given) = (pattern.split(separator), given.split(separator));
    wanted.clone().count() == given.clone().count()
        && wanted
            .zip(given)
            .all(|(wanted, given)| if wanted.starts_with('{') { is_part(given) } else { wanted == given })
}

fn is_label(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_segment(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::provider;

    fn taken(name: &str, url: &str) -> bool {
        is_providers(provider(name).expect("in the catalogue"), &Url::parse(url).expect("a URL"))
    }

    #[test]
    fn an_address_has_the_developers_part_and_nothing_else_of_theirs() {
        for (name, url) in [
            ("openai", "https://api.openai.com"),
            ("openai", "https://api.openai.com:443/"),
            ("azure-openai", "https://my-resource-1.openai.azure.com"),
            ("cloudflare", "https://api.cloudflare.com/client/v4/accounts/0123456789abcdef0123456789abcdef/ai"),
            ("deepl", "https://api-free.deepl.com/"),
            ("open-meteo", "https://customer-archive-api.open-meteo.com"),
        ] {
            assert!(taken(name, url), "{name} {url}");
        }
        for (name, url) in [
            ("openai", "http://api.openai.com"),
            ("openai", "https://api.openai.com:8443"),
            ("openai", "https://api.openai.com/v1"),
            ("openai", "https://api.openai.com.evil.example"),
            ("azure-openai", "https://evil.example/.openai.azure.com"),
            ("azure-openai", "https://evil.example#.openai.azure.com"),
            ("azure-openai", "https://a.b.openai.azure.com"),
            ("azure-openai", "https://user@my.openai.azure.com"),
            ("azure-openai", "https://openai.azure.com"),
            ("azure-openai", "https://my.openai.azure.com.evil.example"),
            ("cloudflare", "https://api.cloudflare.com/client/v4/accounts/a/ai/more"),
            ("cloudflare", "https://api.cloudflare.com/client/v4/accounts/../ai"),
            ("cloudflare", "https://api.cloudflare.com/client/v4/accounts//ai"),
            ("custom", "https://api.example.com"),
        ] {
            assert!(!taken(name, url), "{name} {url}");
        }
    }

    #[test]
    fn the_example_of_an_address_is_one() {
        for provider in crate::catalogue::providers() {
            if let Some(example) = example(provider) {
                assert!(is_providers(provider, &Url::parse(&example).expect("a URL")), "{example}");
            }
        }
    }
}
