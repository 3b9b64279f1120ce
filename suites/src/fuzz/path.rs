//! What a browser's URL parser reads out of an accepted target is what we read; a rebuilt path means the same again.

use std::sync::LazyLock;

use keyward_domain::catalogue;
use keyward_domain::path::{PathTemplate, RequestPath};
use keyward_domain::query::Query;
use url::Url;

use super::{Target, owned};

pub const TARGET: Target = Target {
    name: "path",
    run,
    seeds: || {
        owned(&[
            "/v1/files/file-abc",
            "/v1/files/a%20b?limit=2&after=x",
            "/v1beta/models/gemini-2.5-flash:generateContent?alt=sse",
            "/v1/threads/t/runs/r/steps?include[]=a&include%5B%5D=b",
            "/v1/chat/completions",
        ])
    },
};

static TEMPLATES: LazyLock<Vec<PathTemplate>> = LazyLock::new(|| {
    let rules = catalogue::providers().iter().flat_map(|provider| &provider.default_rules);
    rules.map(|rule| PathTemplate::parse(&rule.template).expect("the catalogue is tested")).collect()
});

fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (raw, query) = text.split_once('?').unwrap_or((text, ""));
    if let Ok(path) = RequestPath::parse(raw) {
        check_path(raw, &path);
    }
    if let Ok(query) = Query::parse(query) {
        let again = Query::parse(&query.rebuild()).expect("what was rebuilt can be read");
        assert_eq!(again, query, "the rebuilt query means something else");
    }
}

fn check_path(raw: &str, path: &RequestPath) {
    for segment in path.segments() {
        assert!(!matches!(segment.as_str(), "" | "." | ".."), "{raw:?}");
        assert!(segment.bytes().all(|b| matches!(b, 0x20..=0x7e) && !b"/\\;%?#".contains(&b)), "{raw:?}");
    }
    let url = Url::parse(&format!("https://host.example{raw}")).expect("an accepted path makes a URL");
    assert_eq!((url.path(), url.host_str()), (raw, Some("host.example")), "a URL parser repairs it");
    for template in TEMPLATES.iter() {
        let Some(params) = template.matches(path) else { continue };
        let rebuilt = template.rebuild(&params);
        let again = RequestPath::parse(&rebuilt).expect("what was rebuilt can be read");
        assert_eq!(&again, path, "the rebuilt path {rebuilt:?} means something else");
        assert!(!rebuilt.contains("//"), "{rebuilt:?}");
    }
}
