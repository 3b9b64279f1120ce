//! One body rule: which endpoints, and what holds there.

use keyward_domain::body_rules::BodyRule;
use keyward_domain::catalogue;
use keyward_domain::validate::{BodyRuleForm, body_endpoints};
use keyward_domain::view::ProxyView;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::PutBodyRule;
use crate::proxies::api::proxy_settings;
use crate::proxies::{ProxyPageHead, ProxyTitle, proxy_id};
use crate::stored::{as_field, word};
use crate::ui::card::Section;
use crate::ui::field::{Field, FieldKind, Select, TextArea};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::loading::loaded;
use crate::ui::page::Crumb;

const FIELDS: &[&str] = &[
    "endpoint",
    "models",
    "max_output_tokens",
    "max_choices",
    "max_messages",
    "max_chars",
    "tools",
    "tool_types",
    "modalities",
    "system_prompt",
    "prompt",
    "end_user",
];

#[component]
pub fn BodyRulePage() -> impl IntoView {
    let id = proxy_id();
    let query = use_query_map();
    // Absent for a new rule; empty for the one of every endpoint.
    let endpoint = Memo::new(move |_| query.with(|query| query.get("endpoint")));
    let put = ServerAction::<PutBodyRule>::new();
    let resource = Resource::new(
        move || (id.get(), endpoint.get()),
        |(id, endpoint)| async move { Ok((proxy_settings(id?).await?, endpoint)) },
    );
    loaded(resource, move |(proxy, endpoint)| {
        let named = endpoint.clone().filter(|endpoint| !endpoint.is_empty());
        let known = endpoint
            .is_some()
            .then(|| proxy.policy.bodies.iter().find(|rule| rule.endpoint == named))
            .flatten()
            .cloned();
        let title = if known.is_some() { "Change a rule" } else { "Add a rule" };
        let between = vec![Crumb::new("Models and bodies", format!("/proxies/{}/bodies", proxy.id))];
        view! {
            <ProxyPageHead proxy=ProxyTitle::of(&proxy) title between/>
            <RuleForm proxy known put/>
        }
        .into_any()
    })
}

#[component]
fn RuleForm(
    proxy: ProxyView,
    #[prop(optional_no_strip)] known: Option<BodyRule>,
    put: ServerAction<PutBodyRule>,
) -> impl IntoView {
    let error = FormError::of(put);
    let form = StoredValue::new(known.as_ref().map(BodyRuleForm::of).unwrap_or_default());
    view! {
        <PostForm action=put class="stack">
            <FormAlert error fields=FIELDS/>
            <input type="hidden" name="id" value=proxy.id.to_string()/>
            {known.map(|known| view! { <input type="hidden" name="seen" value=as_field(&known)/> })}
            <Section title="Where and which models">
                <div class="panel form-width form-stack">
                    <Endpoint provider=proxy.provider.clone() form error/>
                    <TextArea
                        name="models" label="Allowed models" error rows=5 value=form.with_value(|form| form.models.clone()) optional=true
                        placeholder="gpt-4o-mini" hint="One a line; a * at the end stands for any rest. Empty for all. An alias: fast = gpt-4o-mini"
                    />
                </div>
            </Section>
            <Section title="Sizes" lead="A client that asks for longer answers gets the longest that is allowed; one that sends too much is refused.">
                <div class="panel form-width form-stack"><Sizes form error/></div>
            </Section>
            <Section title="Tools and prompts">
                <div class="panel form-width form-stack"><Contents form error/></div>
            </Section>
            <div class="save-bar"><SubmitButton pending=pending(put)>"Save rule"</SubmitButton></div>
        </PostForm>
    }
    .into_any()
}

#[component]
fn Endpoint(provider: String, form: StoredValue<BodyRuleForm>, error: FormError) -> impl IntoView {
    let now = form.with_value(|form| form.endpoint.clone());
    let mut endpoints = catalogue::provider(&provider).map(body_endpoints).unwrap_or_default();
    if endpoints.is_empty() {
        return view! {
            <Field name="endpoint" label="Endpoint" error value=now placeholder="POST /v1/chat/completions" hint="Method and path. The fields are taken to be those of OpenAI’s chat completions."/>
        }
        .into_any();
    }
    if !now.is_empty() && !endpoints.contains(&now) {
        endpoints.push(now.clone());
    }
    let mut choices = vec![(String::new(), "Every endpoint".to_owned())];
    choices.extend(endpoints.into_iter().map(|endpoint| (endpoint.clone(), endpoint)));
    view! { <Select name="endpoint" label="Endpoint" error choices value=now/> }.into_any()
}

#[component]
fn Sizes(form: StoredValue<BodyRuleForm>, error: FormError) -> impl IntoView {
    let value = |of: fn(&BodyRuleForm) -> &String| form.with_value(|form| of(form).clone());
    view! {
        <div class="field-pair">
            <Field name="max_output_tokens" label="Output tokens" kind=FieldKind::Number error value=value(|form| &form.max_output_tokens) optional=true hint="Of one answer"/>
            <Field name="max_choices" label="Answers at once" kind=FieldKind::Number error value=value(|form| &form.max_choices) optional=true hint="The field n"/>
        </div>
        <div class="field-pair">
            <Field name="max_messages" label="Messages" kind=FieldKind::Number error value=value(|form| &form.max_messages) optional=true hint="In one request"/>
            <Field name="max_chars" label="Characters" kind=FieldKind::Number error value=value(|form| &form.max_chars) optional=true hint="Of all text in one request"/>
        </div>
    }
    .into_any()
}

#[component]
fn Contents(form: StoredValue<BodyRuleForm>, error: FormError) -> impl IntoView {
    let value = |of: fn(&BodyRuleForm) -> &String| form.with_value(|form| of(form).clone());
    let (tools, prompt, end_user) =
        form.with_value(|form| (word(&form.tools), word(&form.system_prompt), word(&form.end_user)));
    let all_tools = vec![("any", "All"), ("none", "None"), ("only", "Only these types")];
    let prompts = vec![
        ("free", "The client’s"),
        ("forbidden", "None: a client that sends one is refused"),
        ("pinned", "This one: a client that sends its own is refused"),
    ];
    let end_users =
        vec![("free", "As the client says"), ("hashed", "A hash of the user’s id, whatever the client says")];
    view! {
        // The style sheet hides what a choice has no use for.
        <div class="choice-with-text">
            <Select name="tools" label="Tools" error choices=all_tools value=tools/>
            <Field name="tool_types" label="Types of tools" error value=value(|form| &form.tool_types) optional=true placeholder="function, web_search"/>
        </div>
        <Field name="modalities" label="Output modalities" error value=value(|form| &form.modalities) optional=true placeholder="text" hint="Empty for all"/>
        <div class="choice-with-text">
            <Select name="system_prompt" label="System prompt" error choices=prompts value=prompt/>
            <TextArea name="prompt" label="Your system prompt" error rows=5 value=value(|form| &form.prompt) optional=true hint="Clients never see it unless the model tells them."/>
        </div>
        <Select name="end_user" label="Who the provider is told the user is" error choices=end_users value=end_user hint="Providers tell abusive users apart by it."/>
    }
    .into_any()
}
