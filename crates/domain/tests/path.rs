//! Paths and templates: nothing ambiguous parses, and what is rebuilt is what was matched.

use keyward_domain::path::{ParsePathError, ParseTemplateError, PathTemplate, RequestPath};
use proptest::prelude::*;

fn segments(raw: &str) -> Result<Vec<String>, ParsePathError> {
    RequestPath::parse(raw).map(|path| path.segments().to_vec())
}

#[test]
fn parses_plain_and_escaped_segments() {
    for (raw, want) in [
        ("/", vec![]),
        ("/v1/models", vec!["v1", "models"]),
        ("/v1/models/gpt-4.1", vec!["v1", "models", "gpt-4.1"]),
        ("/a%20b/%7Bx%7d", vec!["a b", "{x}"]),
        ("/v1beta/models/gemini-2.5-pro%3AgenerateContent", vec!["v1beta", "models", "gemini-2.5-pro:generateContent"]),
        ("/a/...", vec!["a", "..."]),
    ] {
        let want: Vec<String> = want.into_iter().map(str::to_owned).collect();
        assert_eq!(segments(raw), Ok(want), "{raw}");
    }
}

#[test]
fn refuses_every_ambiguity() {
    use ParsePathError::{BadEscape, DotSegment, EmptySegment, ForbiddenCharacter, NotAbsolute};
    for (raw, want) in [
        ("", NotAbsolute),
        ("v1", NotAbsolute),
        ("//v1", EmptySegment),
        ("/v1//models", EmptySegment),
        ("/v1/", EmptySegment),
        ("/v1/./models", DotSegment),
        ("/v1/../admin", DotSegment),
        ("/v1/%2e%2e/admin", ForbiddenCharacter),
        ("/v1/.%2E/admin", ForbiddenCharacter),
        ("/v1/a%2fb", ForbiddenCharacter),
        ("/v1/a%5Cb", ForbiddenCharacter),
        ("/v1/a\\b", ForbiddenCharacter),
        ("/v1/a;b", ForbiddenCharacter),
        ("/v1/a%3bb", ForbiddenCharacter),
        ("/v1/a%252fb", ForbiddenCharacter),
        ("/v1/a%00", ForbiddenCharacter),
        ("/v1/a%0d%0aX", ForbiddenCharacter),
        ("/v1/%ff", ForbiddenCharacter),
        ("/v1/%C3%A9", ForbiddenCharacter),
        ("/v1/é", ForbiddenCharacter),
        ("/v1/a%3Fb", ForbiddenCharacter),
        ("/v1/a%23b", ForbiddenCharacter),
        ("/v1/a\u{7f}", ForbiddenCharacter),
        ("/v1/a b", ForbiddenCharacter),
        ("/v1/%", BadEscape),
        ("/v1/%4", BadEscape),
        ("/v1/%g0", BadEscape),
        ("/v1/%+1", BadEscape),
    ] {
        assert_eq!(segments(raw), Err(want), "{raw:?}");
    }
}

fn rebuilt(template: &str, raw: &str) -> Option<String> {
    let template = PathTemplate::parse(template).expect("a template");
    let path = RequestPath::parse(raw).expect("a path");
    template.matches(&path).map(|params| template.rebuild(&params))
}

#[test]
fn a_template_matches_whole_segments_only() {
    for (template, raw, want) in [
        ("/v1/models", "/v1/models", Some("/v1/models")),
        ("/v1/models", "/v1/model%73", Some("/v1/models")),
        ("/v1/models", "/v1/Models", None),
        ("/v1/files/{id}", "/v1/files/file-1", Some("/v1/files/file-1")),
        ("/v1/files/{id}", "/v1/files/a%20b", Some("/v1/files/a%20b")),
        ("/v1/files/{id}", "/v1/files", None),
        ("/v1/files/{id}", "/v1/files/a/content", None),
        ("/m/{model}:generate", "/m/g:generate", Some("/m/g:generate")),
        ("/m/{model}:generate", "/m/g%3Agenerate", Some("/m/g:generate")),
        ("/m/{model}:generate", "/m/g:generateMore", None),
        ("/m/{model}:generate", "/m/a:b:generate", None),
        ("/m/{model}:generate", "/m/:generate", None),
        ("/m/{model}", "/m/g:generate", None),
    ] {
        assert_eq!(rebuilt(template, raw).as_deref(), want, "{template} {raw}");
    }
}

#[test]
fn refuses_templates_that_could_not_match_one_thing() {
    for text in [
        "", "/", "v1", "/v1//x", "/v1/", "/v1/..", "/{}", "/{a", "/{a}b", "/x{a}", "/{a}:", "/{a b}", "/a;b",
        "/{a}:b:c",
    ] {
        assert!(PathTemplate::parse(text).is_err(), "{text}");
    }
    assert_eq!(PathTemplate::parse("/{a}/{a}"), Err(ParseTemplateError::RepeatedParam("a".to_owned())));
}

proptest! {
    #[test]
    fn parsing_never_panics_and_gives_no_dangerous_segment(raw in "[ -~]{0,40}|/[a-z%./;\\\\2fFeE0]{0,30}|\\PC{0,20}") {
        if let Ok(path) = RequestPath::parse(&raw) {
            for segment in path.segments() {
                prop_assert!(!matches!(segment.as_str(), "" | "." | ".."));
                prop_assert!(segment.bytes().all(|b| matches!(b, 0x20..=0x7e) && !b"/\\;%?#".contains(&b)));
            }
        }
    }

    /// The forwarded path is always on the allow-list: read again, it matches the same template the same way.
    #[test]
    fn the_rebuilt_path_is_what_was_matched(
        template in "(/([a-z0-9.-]{1,6}|\\{a\\})){0,2}/(\\{b\\}|\\{b\\}:verb|v1)",
        params in prop::collection::vec("[ !-~]{1,8}", 3),
    ) {
        let Ok(template) = PathTemplate::parse(&template) else { return Ok(()) };
        let raw: String = template.rebuild(&Default::default());
        let mut filled = String::new();
        let mut params = params.iter();
        for piece in raw.split('/').skip(1) {
            filled.push('/');
            let param = params.next().map(|p| p.replace('%', "%25")).unwrap_or_default();
            match piece {
                "" => filled.push_str(&param),
                ":verb" => { filled.push_str(&param); filled.push_str(":verb"); }
                literal => filled.push_str(literal),
            }
        }
        let Ok(path) = RequestPath::parse(&filled) else { return Ok(()) };
        let Some(matched) = template.matches(&path) else { return Ok(()) };
        let again = template.rebuild(&matched);
        let reparsed = RequestPath::parse(&again).expect("what is rebuilt parses");
        prop_assert_eq!(&reparsed, &path);
        prop_assert_eq!(template.matches(&reparsed), Some(matched));
    }
}

#[test]
fn a_name_of_several_segments_is_read_and_changed_as_one() {
    let path = |text: &str| RequestPath::parse(text).expect("a path");
    for (template, at, name, other, want) in [
        ("/{v}/models/{model}:generate", "/v1/models/a:generate", "a", "b", Some("/v1/models/b:generate")),
        (
            "/v1/models/{owner}/{model}/predictions",
            "/v1/models/o/m/predictions",
            "o/m",
            "o/n",
            Some("/v1/models/o/n/predictions"),
        ),
        ("/v1/models/{owner}/{model}/predictions", "/v1/models/o/m/predictions", "o/m", "n", None),
        ("/run/@cf/{vendor}/{model}", "/run/@cf/meta/l", "@cf/meta/l", "@cf/x/y", Some("/run/@cf/x/y")),
        ("/run/@cf/{vendor}/{model}", "/run/@cf/meta/l", "@cf/meta/l", "@hf/x/y", None),
    ] {
        let template = PathTemplate::parse(template).expect("a template");
        assert_eq!(template.full_name("model", &path(at)).as_deref(), Some(name), "{at}");
        assert_eq!(template.renamed("model", &path(at), other).as_deref(), want, "{at} {other}");
    }
}
