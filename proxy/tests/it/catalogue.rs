//! Every provider of the catalogue through the real edge: its SDK's credential, its key, its errors, its figures.

use crate::harness::{Answer, Seeded, World};
use http::Method;
use keyward_domain::catalogue::{provider, providers};
use keyward_domain::provider::KeyPlacement;
use serde_json::{Value, json};

struct Case {
    provider: &'static str,
    /// Where the provider's SDK puts its key, `{}` being the key; in the query if it begins with `?`.
    credential: (&'static str, &'static str),
    call: (Method, &'static str, Value),
    denied: (Method, &'static str),
    /// Where the provider's SDK looks for an error's text.
    error_text: &'static str,
    tokens: Option<(u64, u64)>,
    is_priced: bool,
}

const BEARER: (&str, &str) = ("authorization", "Bearer {}");

/// One that speaks OpenAI's language; of three words in, five come out.
fn chat(provider: &'static str, path: &'static str, model: &str, denied: &'static str) -> Case {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "one two three"}]});
    Case {
        provider,
        credential: BEARER,
        call: (Method::POST, path, body),
        denied: (Method::GET, denied),
        error_text: "/error/message",
        tokens: Some((3, 5)),
        is_priced: true,
    }
}

/// One that is not paid by tokens.
fn native(
    provider: &'static str,
    credential: (&'static str, &'static str),
    call: (Method, &'static str, Value),
    denied: &'static str,
    error_text: &'static str,
) -> Case {
    Case { provider, credential, call, denied: (Method::GET, denied), error_text, tokens: None, is_priced: false }
}

fn cases() -> Vec<Case> {
    let unpriced = |case: Case| Case { is_priced: false, ..case };
    let said = |error_text: &'static str, case: Case| Case { error_text, ..case };
    let mut cases = conversing();
    cases.extend([
        unpriced(chat("perplexity", "/chat/completions", "sonar", "/async/chat/completions")),
        chat("together", "/v1/chat/completions", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "/v1/files"),
        unpriced(chat("openrouter", "/api/v1/chat/completions", "openai/gpt-4o-mini", "/api/v1/credits")),
        chat(
            "fireworks",
            "/inference/v1/chat/completions",
            "accounts/fireworks/models/llama-v3p1-8b-instruct",
            "/v1/accounts/a",
        ),
        chat("zai", "/api/paas/v4/chat/completions", "glm-4.6", "/api/paas/v4/files"),
        unpriced(chat("github-models", "/inference/chat/completions", "openai/gpt-4o-mini", "/orgs/o")),
        said("/errors/0/message", chat("cloudflare", "/run/@cf/meta/llama-3.1-8b-instruct", "", "/finetunes")),
        said("/detail", replicate()),
    ]);
    cases.extend(unmetered());
    cases
}

fn conversing() -> Vec<Case> {
    let contents = json!({"contents": [{"parts": [{"text": "one two three"}]}]});
    let azure = "/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21";
    let message = json!({"model": "claude-haiku-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "one two three"}]});
    vec![
        chat("openai", "/v1/chat/completions", "gpt-4o-mini", "/v1/organization/users"),
        Case {
            credential: ("x-api-key", "{}"),
            call: (Method::POST, "/v1/messages", message),
            ..chat("anthropic", "", "", "/v1/organizations/users")
        },
        Case {
            credential: ("?key", "{}"),
            call: (Method::POST, "/v1beta/models/gemini-2.5-flash:generateContent", contents),
            ..chat("gemini", "", "", "/v1beta/tunedModels")
        },
        Case { credential: ("api-key", "{}"), is_priced: false, ..chat("azure-openai", azure, "", "/openai/files") },
        chat("groq", "/openai/v1/chat/completions", "llama-3.1-8b-instant", "/openai/v1/files"),
        Case { error_text: "/message", ..chat("mistral", "/v1/chat/completions", "mistral-small-2506", "/v1/files") },
        chat("deepseek", "/chat/completions", "deepseek-chat", "/user/balance"),
        Case {
            error_text: "/error",
            tokens: Some((3, 7)),
            ..chat("xai", "/v1/chat/completions", "grok-4", "/v1/api-key")
        },
    ]
}

fn replicate() -> Case {
    let body = json!({"input": {"prompt": "one two three"}});
    Case {
        call: (Method::POST, "/v1/models/meta/llama-3-8b-instruct/predictions", body),
        is_priced: false,
        ..chat("replicate", "", "", "/v1/account")
    }
}

fn unmetered() -> Vec<Case> {
    let post = |path: &'static str, body: Value| (Method::POST, path, body);
    let get = |path: &'static str| (Method::GET, path, Value::Null);
    let image = json!({"text_prompts": [{"text": "a lighthouse"}]});
    vec![
        native("stability", BEARER, post("/v1/generation/sdxl/text-to-image", image), "/v1/user/balance", "/errors/0"),
        native(
            "fal",
            ("authorization", "Key {}"),
            post("/fal-ai/flux/dev", json!({"prompt": "a lighthouse"})),
            "/fal-ai/flux/requests/r",
            "/detail/0/msg",
        ),
        native(
            "elevenlabs",
            ("xi-api-key", "{}"),
            post("/v1/text-to-speech/voice", json!({"text": "one two three", "model_id": "eleven_flash_v2_5"})),
            "/v1/user",
            "/detail/message",
        ),
        native(
            "deepgram",
            ("authorization", "Token {}"),
            post("/v1/listen?model=nova-3", json!({"url": "https://a.example/a.wav"})),
            "/v1/projects",
            "/err_msg",
        ),
        native(
            "brave",
            ("x-subscription-token", "{}"),
            get("/res/v1/web/search?q=cats"),
            "/res/v1/summarizer/search",
            "/error/detail",
        ),
        native(
            "deepl",
            ("authorization", "DeepL-Auth-Key {}"),
            post("/v2/translate", json!({"text": ["one two three"], "target_lang": "DE"})),
            "/v2/usage",
            "/message",
        ),
        native(
            "open-meteo",
            ("?apikey", "{}"),
            get("/v1/forecast?latitude=52.5&longitude=13.4&current=temperature_2m"),
            "/v1/climate",
            "/reason",
        ),
    ]
}

impl Case {
    /// As the provider's SDK makes it, with whatever else a client may carry.
    async fn ask(&self, world: &World, proxy: &Seeded, (method, path, body): (&Method, &str, &Value)) -> Answer {
        let (place, form) = self.credential;
        let credential = form.replace("{}", &world.token("alice").await);
        let path = match place.strip_prefix('?') {
            Some(name) if path.contains('?') => format!("{path}&{name}={credential}"),
            Some(name) => format!("{path}?{name}={credential}"),
            None => path.to_owned(),
        };
        let mut request = world.client.request(method.clone(), world.url(proxy, &path));
        request = request.header("cookie", "session=1").header("anthropic-version", "2023-06-01");
        if !place.starts_with('?') {
            request = request.header(place, credential);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        world.send(request).await
    }
}

/// ElevenLabs says of every voice that it is one of its own.
pub fn premade_voices() -> Value {
    json!({"path_prefix": "/elevenlabs/v1/voices/", "body": {"voice_id": "voice", "category": "premade"}})
}

fn expected_key(provider_name: &str) -> (String, String) {
    match &provider(provider_name).expect("in the catalogue").key_placement {
        KeyPlacement::Bearer => ("authorization".to_owned(), "Bearer [key]".to_owned()),
        KeyPlacement::Header { name, prefix } => (name.clone(), format!("{prefix}[key]")),
        KeyPlacement::Query { name } => (String::new(), format!("{name}=[key]")),
    }
}

#[test]
fn no_provider_is_forgotten_here() {
    let cases = cases();
    let forgotten = providers().iter().filter(|known| !cases.iter().any(|case| case.provider == known.name));
    assert_eq!(forgotten.map(|provider| provider.name.as_str()).collect::<Vec<_>>(), ["custom"]);
}

#[tokio::test]
async fn every_provider_gets_its_key_where_it_wants_it_and_nothing_of_the_caller() {
    let world = World::start().await;
    world.arm(&premade_voices()).await;
    for case in cases() {
        let proxy = world.plant(world.seed(case.provider)).await;
        world.forget_seen().await;
        let (method, path, body) = &case.call;
        // The emulator itself refuses a request that carries anything of the caller's, or the key twice.
        let answer = case.ask(&world, &proxy, (method, path, body)).await;
        assert!((200..300).contains(&answer.status), "{}: {}", case.provider, answer.text());
        for name in ["set-cookie", "x-account-id", "openai-organization", "anthropic-organization-id"] {
            assert_eq!(answer.header(name), None, "{}: {name}", case.provider);
        }
        // The last: a voice is looked up first, to see that it is everybody's.
        let seen = world.seen().await.pop().expect("it was called");
        let (header, value) = expected_key(case.provider);
        if header.is_empty() {
            assert!(seen["query"].as_str().is_some_and(|query| query.ends_with(&value)), "{seen}");
        } else {
            assert_eq!(seen["headers"][header], json!(value), "{}", case.provider);
        }
        assert_eq!(seen.to_string().matches("[key]").count(), 1, "{}: {seen}", case.provider);
    }
}

#[tokio::test]
async fn every_provider_meters_what_it_reports_and_no_more() {
    let world = World::start().await;
    world.arm(&premade_voices()).await;
    for case in cases() {
        let proxy = world.plant(world.seed(case.provider)).await;
        let (method, path, body) = &case.call;
        case.ask(&world, &proxy, (method, path, body)).await;
        let event = world.usage(&proxy, 1).await.remove(0);
        assert_eq!(event["outcome"], "completed", "{event:#}");
        let tokens = event["input_tokens"].as_u64().zip(event["output_tokens"].as_u64());
        assert_eq!(tokens, case.tokens, "{}: {event:#}", case.provider);
        let cost = event["cost_micro_usd"].as_u64();
        assert_eq!(cost.is_some(), case.is_priced, "{}: {event:#}", case.provider);
        assert!(cost.is_none_or(|cost| cost > 0), "{}: {event:#}", case.provider);
    }
}

#[tokio::test]
async fn every_provider_refuses_what_no_rule_allows_in_its_own_shape() {
    let world = World::start().await;
    for case in cases() {
        let proxy = world.plant(world.seed(case.provider)).await;
        let (method, path) = &case.denied;
        let answer = case.ask(&world, &proxy, (method, path, &Value::Null)).await.expect(403);
        assert_eq!(answer.code(), "endpoint_not_allowed", "{}", case.provider);
        let text = answer.json().pointer(case.error_text).and_then(Value::as_str).map(str::to_owned);
        assert!(text.is_some_and(|text| text.contains("rule")), "{}: {}", case.provider, answer.text());
        // Without a token, too.
        let answer = world.send(world.client.get(world.url(&proxy, path))).await.expect(401);
        assert_eq!(answer.code(), "token_missing", "{}", case.provider);
        assert!(answer.json().pointer(case.error_text).is_some_and(Value::is_string), "{}", answer.text());
    }
    world.assert_unseen().await;
}
