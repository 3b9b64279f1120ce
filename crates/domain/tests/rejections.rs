//! The list of rejections that is shown to the SDKs is whole, and each shape says all that a developer needs.

#[path = "../examples/rejections.rs"]
mod examples;

use std::collections::BTreeSet;

use examples::{all, shown};
use keyward_domain::error_shape::{self, ERROR_DOCS_URL};
use keyward_domain::provider::{ErrorShape, Provider};

#[test]
fn every_code_of_the_errors_page_is_shown_to_the_sdks() {
    let page = include_str!("../../../docs/errors.md");
    let described: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let listed: BTreeSet<&str> = all().iter().map(|rejection| rejection.code()).collect();
    let missing: Vec<_> = described.difference(&listed).collect();
    assert!(missing.is_empty(), "crates/domain/examples/rejections.rs lacks {missing:?}");
    let unknown: Vec<_> = listed.difference(&described).collect();
    assert!(unknown.is_empty(), "docs/errors.md lacks {unknown:?}");
}

#[test]
fn the_status_on_the_errors_page_is_the_one_that_is_sent() {
    let page = include_str!("../../../docs/errors.md");
    for rejection in all() {
        let row = format!("| `{}` | {} |", rejection.code(), rejection.status());
        assert!(page.contains(&row), "docs/errors.md lacks {row:?}");
    }
}

#[test]
fn every_shape_says_the_code_the_request_and_where_it_is_explained() {
    let shapes: BTreeSet<String> = keyward_domain::catalogue::providers().iter().map(shape_name).collect();
    for rejection in all() {
        for name in &shapes {
            let shape: ErrorShape = serde_json::from_str(name).expect("a shape");
            let body = error_shape::body(shape, &rejection, "req-1").to_string();
            let link = format!("{ERROR_DOCS_URL}#{}", rejection.code());
            let code = rejection.code();
            let has_code = body.contains(code) || body.contains(&code.to_ascii_uppercase());
            assert!(has_code && body.contains("req-1") && body.contains(&link), "{name} {body}");
        }
        assert_eq!(shown(&rejection)["code"], rejection.code());
    }
}

fn shape_name(provider: &Provider) -> String {
    serde_json::to_string(&provider.error_shape).expect("a name")
}

#[test]
fn what_may_pass_later_says_when_and_nothing_else_does() {
    for rejection in all() {
        let (status, after) = (rejection.status(), rejection.retry_after_secs());
        assert!(!(rejection.is_final() && after.is_some()), "{} is final", rejection.code());
        let is_temporary = matches!(status, 429 | 503) && !rejection.is_final();
        assert!(!is_temporary || after.is_some_and(|secs| secs > 0), "{} says not when", rejection.code());
        // Of a refusal that stays one, no SDK may make a second request.
        let is_repeated = matches!(status, 408 | 409 | 429) || status >= 500;
        assert!(
            !is_repeated || after.is_some() || rejection.is_final() || matches!(status, 502 | 504),
            "{rejection:?}"
        );
    }
}
