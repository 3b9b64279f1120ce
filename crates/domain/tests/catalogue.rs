//! Every file of the catalogue: it reads, its rules compile, and every id in a path is owned or known to be public.

use keyward_domain::body_fields::{BodyFields, BodyFieldsTable, SystemField};
use keyward_domain::catalogue::{Charge, body_fields, charge, model_in_path, provider, providers, socket_protocol};
use keyward_domain::ownership::OwnershipTable;
use keyward_domain::path::{PathTemplate, RequestPath};
use keyward_domain::query::Query;
use keyward_domain::rules::{METHODS, RuleSet, WEBSOCKET, is_reserved_header};
use keyward_domain::sockets::SocketProtocol;

/// Parameters that name nothing of a user's.
const PUBLIC_PARAMS: [&str; 4] = ["model", "owner", "vendor", "voice"];

#[test]
fn every_file_reads_and_its_rules_compile() {
    for provider in providers() {
        let (_, broken) = RuleSet::compile(&provider.default_rules);
        assert_eq!(broken, [], "{}", provider.name);
        OwnershipTable::compile(&provider.ownership).expect("ownership templates parse");
        for prefix in &provider.stateful_prefixes {
            PathTemplate::parse(prefix).expect("prefixes parse");
        }
        for name in provider.request_headers.iter().chain(&provider.response_headers) {
            assert_eq!(name, &name.to_ascii_lowercase());
            assert!(!is_reserved_header(name), "{}: {name}", provider.name);
        }
    }
}

#[test]
fn every_id_in_a_default_rule_must_belong_to_the_caller() {
    for provider in providers() {
        let table = OwnershipTable::compile(&provider.ownership).expect("templates parse");
        for rule in &provider.default_rules {
            let template = PathTemplate::parse(&rule.template).expect("compiles");
            let Some((_, first)) = template.param_names().find(|(_, name)| !PUBLIC_PARAMS.contains(name)) else {
                continue;
            };
            let path: String = rule.template.replace(['{', '}'], "");
            let path = RequestPath::parse(&path).expect("parameters stand for themselves");
            let required = table.demands(&rule.method, &path, &Query::default()).required;
            assert!(required.iter().any(|wanted| wanted.id == first), "{} {} has no owner", rule.method, rule.template);
        }
    }
}

#[test]
fn what_reaches_other_users_or_the_organization_is_off_by_default() {
    for (name, method, path) in [
        ("openai", "DELETE", "/v1/models/ft-1"),
        ("openai", "GET", "/v1/chat/completions"),
        ("openai", "GET", "/v1/organization/users"),
        ("openai", "POST", "/v1/batches"),
        ("openai", "POST", "/v1/fine_tuning/jobs"),
        ("openai", "GET", "/v1/threads"),
        ("openai", "GET", "/v1/responses"),
        ("openai", "POST", "/v1/containers"),
        ("anthropic", "POST", "/v1/messages/batches"),
        ("anthropic", "GET", "/v1/files"),
        ("anthropic", "GET", "/v1/organizations/users"),
        ("gemini", "POST", "/v1beta/cachedContents"),
        ("gemini", "POST", "/v1beta/files:register"),
        ("gemini", "POST", "/v1beta/models/m:batchGenerateContent"),
        ("groq", "GET", "/openai/v1/files"),
        ("groq", "POST", "/openai/v1/batches"),
        ("mistral", "DELETE", "/v1/models/ft-1"),
        ("mistral", "POST", "/v1/conversations"),
        ("deepseek", "GET", "/user/balance"),
        ("xai", "GET", "/v1/api-key"),
        ("perplexity", "GET", "/async/chat/completions"),
        ("openrouter", "GET", "/api/v1/credits"),
        ("openrouter", "GET", "/api/v1/generation"),
        ("fireworks", "POST", "/v1/accounts/a/users"),
        ("azure-openai", "GET", "/openai/files"),
        ("azure-openai", "GET", "/openai/v1/responses"),
        ("cloudflare", "POST", "/finetunes"),
        ("replicate", "GET", "/v1/predictions"),
        ("replicate", "GET", "/v1/account"),
        ("stability", "GET", "/v1/user/balance"),
        ("fal", "GET", "/fal-ai/flux/requests/r"),
        ("elevenlabs", "GET", "/v1/history"),
        ("elevenlabs", "GET", "/v1/user/subscription"),
        ("deepgram", "GET", "/v1/projects"),
        ("deepl", "GET", "/v2/usage"),
        ("deepl", "POST", "/v2/document"),
        ("custom", "GET", "/anything"),
    ] {
        let (rules, _) = RuleSet::compile(&provider(name).expect("in the catalogue").default_rules);
        assert!(rules.find(method, &RequestPath::parse(path).expect("a path")).is_none(), "{name} {method} {path}");
    }
}

#[test]
fn a_test_request_and_an_example_are_allowed_by_the_default_rules() {
    for provider in providers() {
        for call in [&provider.test_request, &provider.example].into_iter().flatten() {
            let at = format!("{} {} {}", provider.name, call.method, call.path);
            let (rules, _) = RuleSet::compile(&provider.default_rules);
            let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
            let allowed = rules.find(&call.method, &RequestPath::parse(path).expect("a path"));
            let rule = allowed.unwrap_or_else(|| panic!("{at} is not allowed")).rule;
            Query::parse(query).expect("a query").admitted(&rule.query).unwrap_or_else(|_| panic!("{at}: the query"));
            for (name, _) in &call.headers {
                assert!(provider.request_headers.contains(name) || rule.headers.contains(name), "{at}: {name}");
            }
        }
    }
}

#[test]
fn whoever_speaks_openais_language_allows_its_chat_and_knows_its_fields() {
    for provider in providers() {
        let Some(sdk) = &provider.open_ai_sdk else { continue };
        let path = RequestPath::parse(&format!("{}/chat/completions", sdk.path)).expect("a path");
        let (rules, _) = RuleSet::compile(&provider.default_rules);
        assert!(rules.find("POST", &path).is_some(), "{}", provider.name);
        let fields = body_fields(&provider.name, "POST", &path).expect("known");
        assert_eq!(fields.model.as_deref(), Some("/model"), "{}", provider.name);
        assert!(!fields.max_output.is_empty() && !fields.system.is_empty(), "{}", provider.name);
    }
}

#[test]
fn every_provider_has_an_address_a_place_for_its_key_and_an_example() {
    for provider in providers() {
        let has_address = !provider.base_url.is_empty() || !provider.addresses.is_empty();
        assert_eq!(has_address, !provider.is_custom(), "{}", provider.name);
        for address in provider.addresses.iter().chain([&provider.base_url]).filter(|address| !address.is_empty()) {
            assert!(address.starts_with("https://") && !address.ends_with('/'), "{address}");
        }
        assert_eq!(provider.keys_url.starts_with("https://"), !provider.is_custom(), "{}", provider.name);
        let is_shown = provider.open_ai_sdk.is_some() || provider.example.is_some();
        assert!(is_shown || matches!(provider.name.as_str(), "anthropic" | "gemini" | "custom"), "{}", provider.name);
        assert_eq!(provider.default_rules.is_empty(), provider.is_custom(), "{}", provider.name);
    }
}

#[test]
fn every_unbilled_call_is_a_method_and_a_template() {
    for provider in providers() {
        for line in &provider.unbilled {
            let (method, template) = line.split_once(' ').expect("two words");
            assert!(METHODS.contains(&method), "{}: {line}", provider.name);
            PathTemplate::parse(template).expect("a template");
        }
    }
}

#[test]
fn every_optional_rule_is_off_by_default_and_could_be_added() {
    for provider in providers() {
        let (default, broken) = RuleSet::compile(&provider.default_rules);
        assert_eq!(broken, []);
        for rule in &provider.optional_rules {
            let at = format!("{} {} {}", provider.name, rule.method, rule.template);
            let path = RequestPath::parse(&rule.template.replace(['{', '}'], "")).expect("a path");
            assert!(default.find(&rule.method, &path).is_none(), "{at}");
            assert_eq!(keyward_domain::stateful::check(provider, rule), Ok(()), "{at}");
            if rule.method == WEBSOCKET {
                assert_ne!(socket_protocol(&provider.name, &path), SocketProtocol::Opaque, "{at}");
                assert!(body_fields(&provider.name, WEBSOCKET, &path).is_some(), "{at}: no body rule could hold there");
            }
        }
    }
}

#[test]
fn every_price_is_of_a_provider_of_the_catalogue() {
    for source in keyward_domain::prices::sources() {
        assert!(provider(&source.provider).is_some(), "{}", source.provider);
    }
}

fn pointers(fields: &BodyFields) -> Vec<&String> {
    let system = fields.system.iter().map(|field| match field {
        SystemField::Role { pointer, .. } | SystemField::KeptRole { pointer, .. } | SystemField::Field { pointer } => {
            pointer
        }
    });
    let single = [&fields.model, &fields.choices, &fields.messages, &fields.modalities].into_iter().flatten();
    let several = fields.other_models.iter().chain(&fields.max_output).chain(&fields.end_user);
    let several = several.chain(&fields.other_choices).chain(&fields.unruled);
    single.chain(several).chain(system).chain(fields.tools.iter().map(|tools| &tools.pointer)).collect()
}

#[test]
fn every_body_field_is_a_pointer_below_the_body() {
    for provider in providers() {
        BodyFieldsTable::compile(&provider.body_fields).expect("templates parse");
        for fields in &provider.body_fields {
            let at = format!("{} {} {}", provider.name, fields.method, fields.template);
            for pointer in pointers(fields) {
                let segments: Vec<&str> = pointer.split('/').collect();
                assert!(segments.len() > 1 && segments[0].is_empty(), "{at}: {pointer:?}");
                assert!(segments[1..].iter().all(|name| !name.is_empty() && *name != "**"), "{at}: {pointer:?}");
            }
            let names_model = fields.model.is_some() != fields.template.contains("{model}");
            let names_model = names_model || fields.method == WEBSOCKET;
            assert!(names_model || fields.other_models.is_empty(), "{at}: the model is in the body or in the path");
        }
    }
}

#[test]
fn the_fields_of_a_call_are_found_by_its_upstream_path() {
    let path = |text: &str| RequestPath::parse(text).expect("a path");
    let chat = body_fields("openai", "POST", &path("/v1/chat/completions")).expect("known");
    assert_eq!(chat.max_output, ["/max_completion_tokens", "/max_tokens"]);
    assert!(body_fields("openai", "GET", &path("/v1/chat/completions")).is_none());
    assert!(body_fields("gemini", "POST", &path("/v1/models/m:generateContent")).is_some());
}

#[test]
fn a_call_is_free_only_where_the_catalogue_says_so() {
    for (provider, method, target, want) in [
        ("openai", "POST", "/v1/files", Charge::Nothing),
        ("openai", "POST", "/v1/conversations", Charge::Nothing),
        ("openai", "POST", "/v1/responses/input_tokens", Charge::Nothing),
        ("openai", "POST", "/v1/uploads/upload_1/parts", Charge::Nothing),
        ("openai", "POST", "/v1/chat/completions", Charge::Work),
        // What the calls in it cost is counted call by call.
        ("openai", "POST", "/v1/batches", Charge::Nothing),
        ("openai", "POST", "/v1/threads/thread_1/runs", Charge::Work),
        ("openai", "POST", "/v1/threads/thread_1/runs/run_1/cancel", Charge::Nothing),
        ("openai", "GET", "/v1/whatever", Charge::Nothing),
        ("brave", "GET", "/res/v1/web/search", Charge::Work),
        ("custom", "GET", "/orders", Charge::Request),
        ("custom", "POST", "/orders", Charge::Work),
        ("unheard-of", "GET", "/v1/models", Charge::Work),
    ] {
        let path = RequestPath::parse(target).expect("a path");
        assert_eq!(charge(provider, method, &path), want, "{provider} {method} {target}");
    }
}

#[test]
fn a_model_in_the_path_is_found_whatever_a_rule_calls_it() {
    for (provider, path, model) in [
        ("gemini", "/v1/models/gemini-2.5-flash:generateContent", Some("gemini-2.5-flash")),
        ("azure-openai", "/openai/deployments/mine/chat/completions", Some("mine")),
        ("cloudflare", "/run/@cf/meta/llama-3.1-8b-instruct", Some("llama-3.1-8b-instruct")),
        ("openai", "/v1/chat/completions", None),
    ] {
        let path = RequestPath::parse(path).expect("a path");
        assert_eq!(model_in_path(provider, "POST", &path).as_deref(), model, "{provider}");
    }
}

/// Sound and pictures come as forms; what must be JSON would be refused.
#[test]
fn a_default_endpoint_that_takes_a_form_may_be_sent_one() {
    for (name, path) in [
        ("openai", "/v1/audio/transcriptions"),
        ("groq", "/openai/v1/audio/transcriptions"),
        ("azure-openai", "/openai/deployments/m/audio/transcriptions"),
        ("azure-openai", "/openai/deployments/m/audio/translations"),
        ("stability", "/v2beta/stable-image/generate/core"),
        ("elevenlabs", "/v1/speech-to-text"),
        ("deepgram", "/v1/listen"),
        ("deepl", "/v2/translate"),
    ] {
        let known = provider(name).expect("in the catalogue");
        let table = OwnershipTable::compile(&known.ownership).expect("templates parse");
        let path = RequestPath::parse(path).expect("a path");
        assert!(RuleSet::compile(&known.default_rules).0.find("POST", &path).is_some(), "{name}");
        let demands = table.demands("POST", &path, &Query::default());
        assert!(!demands.reads_body || demands.takes_form, "{name} {path:?}");
    }
}

#[test]
fn what_only_the_developer_may_say_no_rule_lets_through() {
    for provider in providers() {
        for name in &provider.developer_headers {
            assert!(is_reserved_header(name), "{}: {name}", provider.name);
        }
    }
}
