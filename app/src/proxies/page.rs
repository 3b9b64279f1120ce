//! One proxy: its address, whether it is on, how to call it, and what was called.

use keyward_domain::view::ProxyView;
use leptos::prelude::*;

use super::api::{ProxyPageView, SendTestRequest, SwitchProxy, proxy};
use super::head::ProxyTabs;
use super::proxy_id;
use super::snippets::Snippets;
use super::test_request::TestRequest;
use crate::ui::card::Section;
use crate::ui::copy::CopyLine;
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::loading::loaded;
use crate::ui::notice::{Badge, Notice, Tone};
use crate::ui::page::{Crumb, PageHead};
use crate::usage::UsageFigures;

#[component]
pub fn ProxyPage() -> impl IntoView {
    let id = proxy_id();
    let switch = ServerAction::<SwitchProxy>::new();
    let test = ServerAction::<SendTestRequest>::new();
    let resource = Resource::new(move || (id.get(), switch.version().get()), |(id, _)| async move { proxy(id?).await });
    loaded(resource, move |page| content(page, switch, test))
}

fn content(page: ProxyPageView, switch: ServerAction<SwitchProxy>, test: ServerAction<SendTestRequest>) -> AnyView {
    let ProxyPageView { proxy, snippets, usage, test_answer } = page;
    let crumbs =
        vec![Crumb::new("Apps", "/apps"), Crumb::new(proxy.app_name.clone(), format!("/apps/{}", proxy.app_id))];
    let needs_issuer = proxy.needs_issuer.then(|| {
        let href = format!("/apps/{}/issuers/new", proxy.app_id);
        view! {
            <Notice tone=Tone::Caution>
                <p>"Nobody can call this proxy yet: its app has no identity provider. "<a class="link" href=href>"Link one"</a></p>
            </Notice>
        }
    });
    view! {
        <PageHead title=proxy.name.clone() crumbs/>
        <ProxyTabs id=proxy.id/>
        <div class="stack">
            {needs_issuer}
            <Address proxy=proxy.clone() switch/>
            <Snippets snippets/>
            <TestRequest proxy action=test earlier=test_answer/>
            <Section title="Last 24 hours" lead="Times are in UTC."><UsageFigures usage/></Section>
        </div>
    }
    .into_any()
}

#[component]
fn Address(proxy: ProxyView, switch: ServerAction<SwitchProxy>) -> impl IntoView {
    let error = FormError::of(switch);
    let (badge, to, verb) = if proxy.enabled {
        (view! { <Badge tone=Tone::Good text="On"/> }, "off", "Turn off")
    } else {
        (view! { <Badge tone=Tone::Neutral text="Off"/> }, "on", "Turn on")
    };
    let target = match proxy.key_hint {
        Some(hint) => format!("{} → {}, key {hint}", proxy.provider_title, proxy.base_url),
        None => format!("{} → {}, no key yet", proxy.provider_title, proxy.base_url),
    };
    view! {
        <section class="panel" aria-labelledby="edge-address">
            <div class="section-head">
                <h2 id="edge-address" class="section-title">"Edge address "{badge}</h2>
                <PostForm action=switch class="contents">
                    <input type="hidden" name="id" value=proxy.id.to_string()/>
                    <input type="hidden" name="to" value=to/>
                    <SubmitButton pending=pending(switch) class="btn btn-sm">{verb}</SubmitButton>
                </PostForm>
            </div>
            <FormAlert error/>
            <CopyLine text=proxy.edge_url label="Copy the edge address"/>
            <p class="muted break">{target}</p>
        </section>
    }
    .into_any()
}
