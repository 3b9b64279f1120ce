//! docs/providers.md says what the catalogue says.

use keyward_domain::catalogue::providers;
use keyward_domain::prices;
use keyward_domain::provider::{KeyPlacement, Provider, UsageShape};

const PAGE: &str = include_str!("../../../docs/providers.md");

fn addresses(provider: &Provider) -> String {
    let known = Some(&provider.base_url).filter(|address| !address.is_empty());
    let all: Vec<String> = known.into_iter().chain(&provider.addresses).map(|text| format!("`{text}`")).collect();
    if all.is_empty() { "any `https://` address".to_owned() } else { all.join(", ") }
}

fn key(provider: &Provider) -> String {
    if provider.is_custom() {
        return "as you say".to_owned();
    }
    match &provider.key_placement {
        KeyPlacement::Bearer => "`Authorization: Bearer …`".to_owned(),
        KeyPlacement::Header { name, prefix } if name == "authorization" => format!("`Authorization: {prefix}…`"),
        KeyPlacement::Header { name, prefix } => format!("`{name}: {prefix}…`"),
        KeyPlacement::Query { name } => format!("`?{name}=…`"),
    }
}

fn tokens(provider: &Provider) -> &'static str {
    match provider.usage_shape {
        UsageShape::OpenAi | UsageShape::Anthropic | UsageShape::Gemini | UsageShape::Cloudflare => "yes",
        UsageShape::Replicate => "of language models",
        UsageShape::None => "no",
    }
}

fn priced(provider: &Provider) -> String {
    let source = prices::sources().iter().find(|source| source.provider == provider.name);
    source.map_or_else(|| "no".to_owned(), |source| format!("[{}]({})", source.as_of, source.source))
}

fn line(provider: &Provider) -> String {
    let Provider { title, name, .. } = provider;
    let (addresses, key) = (addresses(provider), key(provider));
    format!("| {title} | `{name}` | {addresses} | {key} | {} | {} |", tokens(provider), priced(provider))
}

fn rules(provider: &Provider) -> String {
    let lines = provider.default_rules.iter().map(|rule| {
        let query = if rule.query.is_empty() { String::new() } else { format!(" ?{}", rule.query.join("&")) };
        format!("{} {}{query}\n", rule.method, rule.template)
    });
    format!("### {}\n\n```\n{}```\n", provider.title, lines.collect::<String>())
}

#[test]
fn the_table_of_providers_is_the_catalogue() {
    let missing: Vec<String> = providers().iter().map(line).filter(|line| !PAGE.contains(line.as_str())).collect();
    assert!(missing.is_empty(), "docs/providers.md lacks:\n{}", missing.join("\n"));
}

#[test]
fn the_page_on_sockets_has_every_rule_for_one_as_it_can_be_added() {
    let page = include_str!("../../../docs/realtime.md");
    for provider in providers() {
        let lines = keyward_domain::validate::rule_lines(&provider.optional_rules);
        let missing: Vec<&str> = lines.lines().filter(|line| !page.lines().any(|known| known == *line)).collect();
        assert!(missing.is_empty(), "docs/realtime.md lacks {missing:#?}");
    }
}

#[test]
fn the_endpoints_on_the_page_are_the_default_rules() {
    let open = providers().iter().filter(|provider| !provider.default_rules.is_empty());
    let missing: Vec<String> = open.map(rules).filter(|rules| !PAGE.contains(rules.as_str())).collect();
    assert!(missing.is_empty(), "docs/providers.md lacks:\n{}", missing.join("\n"));
}
