//! The documentation's errors page names every code that the edge can send.

/// The string literals of a file's `fn code`, by their `=> "…"`.
fn codes_in(source: &str) -> Vec<&str> {
    let body = source.split("pub fn code(").nth(1).expect("the file has a `fn code`");
    let body = body.split("\n    }\n").next().expect("and it ends");
    body.lines().filter_map(|line| line.split("=> \"").nth(1)?.split('"').next()).collect()
}

/// Every code that the edge can send.
fn codes() -> Vec<&'static str> {
    let sources = [
        include_str!("../src/rejection.rs"),
        include_str!("../src/body_rules/refusal.rs"),
        include_str!("../src/rejection/socket.rs"),
        include_str!("../../identity/src/rejection.rs"),
    ];
    sources.into_iter().flat_map(codes_in).collect()
}

#[test]
fn the_errors_page_describes_every_code_the_edge_can_send() {
    let page = include_str!("../../../docs/errors.md");
    let codes = codes();
    assert!(codes.len() > 40, "found only {codes:?}");
    let missing: Vec<_> = codes.iter().filter(|code| !page.contains(&format!("\n| `{code}` | "))).collect();
    assert!(missing.is_empty(), "docs/errors.md lacks {missing:?}");
}

#[test]
fn the_errors_page_describes_no_code_that_is_gone() {
    let page = include_str!("../../../docs/errors.md");
    let codes = codes();
    let described = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let gone: Vec<_> = described.filter(|code| !codes.contains(code)).collect();
    assert!(gone.is_empty(), "docs/errors.md describes {gone:?}");
}
