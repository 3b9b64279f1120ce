//! The documentation's errors page names every code that the edge can send.

/// The string literals of a file's `fn code`, by their `=> "…"`.
fn codes_in(source: &str) -> Vec<&str> {
    let body = source.split("pub fn code(").nth(1).expect("the file has a `fn code`");
    let body = body.split("\n    }\n").next().expect("and it ends");
    body.lines().filter_map(|line| line.split("=> \"").nth(1)?.split('"').next()).collect()
}

#[test]
fn the_errors_page_describes_every_code_the_edge_can_send() {
    let page = include_str!("../../../docs/errors.md");
    let mut codes = codes_in(include_str!("../src/rejection.rs"));
    codes.extend(codes_in(include_str!("../../identity/src/rejection.rs")));
    assert!(codes.len() > 40, "found only {codes:?}");
    let missing: Vec<_> = codes.iter().filter(|code| !page.contains(&format!("\n| `{code}` | "))).collect();
    assert!(missing.is_empty(), "docs/errors.md lacks {missing:?}");
}

#[test]
fn the_errors_page_describes_no_code_that_is_gone() {
    let page = include_str!("../../../docs/errors.md");
    let mut codes = codes_in(include_str!("../src/rejection.rs"));
    codes.extend(codes_in(include_str!("../../identity/src/rejection.rs")));
    let described = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let gone: Vec<_> = described.filter(|code| !codes.contains(code)).collect();
    assert!(gone.is_empty(), "docs/errors.md describes {gone:?}");
}
