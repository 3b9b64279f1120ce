//! The body rules of a proxy.

use keyward_domain::body_rules::BodyRule;
use keyward_domain::ids::ProxyId;
use leptos::prelude::*;
use leptos_router::location::Url;

use super::api::RemoveBodyRule;
use super::words::summary;
use crate::proxies::api::proxy_settings;
use crate::proxies::{ProxyPageHead, ProxyTitle, proxy_id};
use crate::ui::card::{Empty, Section};
use crate::ui::confirm::Removal;
use crate::ui::form::{FormAlert, FormError};
use crate::ui::loading::loaded;
use crate::ui::row::Row;

const LEAD: &str = "What clients may ask for inside a request. A rule that names an endpoint holds there alone, instead of the one for all.";

#[component]
pub fn BodiesPage() -> impl IntoView {
    let id = proxy_id();
    let remove = ServerAction::<RemoveBodyRule>::new();
    let resource =
        Resource::new(move || (id.get(), remove.version().get()), |(id, _)| async move { proxy_settings(id?).await });
    loaded(resource, move |proxy| {
        let id = proxy.id;
        let new = format!("/proxies/{id}/bodies/rule");
        let rules = proxy.policy.bodies.clone();
        let content = if rules.is_empty() {
            view! {
                <Section title="Rules">
                    <Empty title="No rules yet" text="Clients may ask for every model of the API, and for answers of any length. Allow only the models that your app uses.">
                        <a class="btn" href=new>"Add a rule"</a>
                    </Empty>
                </Section>
            }
            .into_any()
        } else {
            let rows = rules.iter().map(|rule| row(id, rule, remove)).collect_view();
            let add = view! { <a class="btn btn-sm" href=new>"Add a rule"</a> }.into_any();
            view! {
                <Section title="Rules" actions=add>
                    <FormAlert error=FormError::of(remove)/>
                    <ul class="row-list">{rows}</ul>
                </Section>
            }
            .into_any()
        };
        view! {
            <ProxyPageHead proxy=ProxyTitle::of(&proxy) title="Models and bodies" lead=LEAD/>
            <div class="stack">{content}</div>
        }
        .into_any()
    })
}

fn row(id: ProxyId, rule: &BodyRule, remove: ServerAction<RemoveBodyRule>) -> impl IntoView + use<> {
    let endpoint = rule.endpoint.clone().unwrap_or_default();
    let change = format!("/proxies/{id}/bodies/rule?endpoint={}", Url::escape(&endpoint));
    let title = rule.endpoint.clone().unwrap_or_else(|| "Every endpoint".to_owned());
    let lines = match summary(rule) {
        lines if lines.is_empty() => vec!["Everything is allowed here".to_owned()],
        lines => lines,
    };
    let lines = lines.into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
    let fields = vec![("id", id.to_string()), ("endpoint", endpoint)];
    let actions = view! {
        <a class="btn btn-sm" href=change>"Change"</a>
        <Removal action=remove fields/>
    };
    view! { <Row title=title.into_any() actions=actions.into_any()><ul class="muted break">{lines}</ul></Row> }
}
