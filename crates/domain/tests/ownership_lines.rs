//! The ownership table of a custom API, as a developer writes it.

use keyward_domain::catalogue::{provider, providers};
use keyward_domain::ownership::rule::OwnershipRule;
use keyward_domain::rules::EndpointRule;
use keyward_domain::validate::{ownership_lines, ownership_rules, parse_ownership_lines};

const JOBS: &str = "POST /jobs; names file /inputs/*; creates job /id prefix=job_ when=/keep=true\n\
    GET /jobs; lists job /data id=id cursor=after most=100\n\
    GET /jobs/{job}; needs job {job}\n\
    DELETE /jobs/{job}; needs job {job}; forgets job {job}\n\
    POST /files; names job form:job_id; form; creates file /file/name under=files; creates session header:x-upload-url param=id\n\
    PUT /files; names session ?id; bytes\n";

fn jobs() -> Vec<OwnershipRule> {
    parse_ownership_lines(JOBS).expect("well written")
}

#[test]
fn what_is_written_reads_back() {
    assert_eq!(ownership_lines(&jobs()), JOBS);
    for provider in providers().iter().filter(|provider| provider.ownership.len() <= 100) {
        let text = ownership_lines(&provider.ownership);
        assert_eq!(parse_ownership_lines(&text).as_ref(), Ok(&provider.ownership), "{}", provider.name);
    }
}

#[test]
fn a_fault_names_its_line_and_what_is_wrong_with_it() {
    for (text, line, reason) in [
        ("GET /a\n\n# note\nGET", 4, "write a method"),
        ("FETCH /a; needs job {id}", 1, "not one of GET"),
        ("GET /a\nGET /a", 2, "there twice"),
        ("GET /a; needs job {id}", 1, "the path has no {id}"),
        ("GET /a/{id}; needs job id", 1, "not a parameter"),
        ("GET /a/{id}; needs Job {id}", 1, "not a kind"),
        ("GET /a/{id}; wants job {id}", 1, "\"wants\" is none of"),
        ("GET /a; creates job id", 1, "not a place in JSON"),
        ("GET /a; creates job /id prefx=a", 1, "possible are prefix="),
        ("GET /a; creates job /id prefix", 1, "not name=value"),
        ("GET /a; creates job /id when=/x", 1, "not /path=value"),
        ("POST /a; lists job /data", 1, "only a GET"),
        ("GET /a; lists job /data most=many", 1, "not a number"),
        ("POST /a; names job form:id", 1, "add the clause form"),
        ("POST /a; bytes; names job /id", 1, "not read"),
        ("POST /a; creates job", 1, "too few words"),
        ("GET /a; lists job /data next=token", 1, "needs cursor="),
    ] {
        let fault = parse_ownership_lines(text).expect_err(text);
        assert_eq!(fault.line, line, "{text}");
        assert!(fault.reason.contains(reason), "{text}: {}", fault.reason);
    }
}

#[test]
fn no_endpoint_may_reach_objects_that_the_table_cannot_tell_apart() {
    let custom = provider("custom").expect("in the catalogue");
    let open = |method: &str, template: &str| EndpointRule {
        method: method.to_owned(),
        template: template.to_owned(),
        query: vec![],
        headers: vec![],
    };
    for (method, template, passes) in [
        ("GET", "/jobs", true),
        ("GET", "/jobs/{any}/logs", true),
        ("GET", "/health", true),
        ("PUT", "/jobs", false),
        ("GET", "/{collection}", false),
    ] {
        let checked = ownership_rules(custom, &jobs(), &[open(method, template)]);
        assert_eq!(checked.is_ok(), passes, "{method} {template}: {checked:?}");
    }
    let openai = provider("openai").expect("in the catalogue");
    assert!(ownership_rules(openai, &jobs(), &[]).is_err());
    assert!(ownership_rules(openai, &[], &[]).is_ok());
}

#[test]
fn the_example_in_the_documentation_is_one() {
    let page = include_str!("../../../docs/ownership.md");
    let example = page.split("```").nth(1).expect("a block of code");
    let rules = parse_ownership_lines(example).expect("well written");
    assert_eq!(rules.len(), example.trim().lines().count());
}
