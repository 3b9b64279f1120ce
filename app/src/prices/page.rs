//! The prices of an app that are its own.

use keyward_domain::catalogue;
use keyward_domain::ids::AppId;
use keyward_domain::policy::PriceOverride;
use keyward_domain::validate::{PriceForm, price};
use leptos::prelude::*;

use super::api::{PutPrice, RemovePrice};
use crate::apps::{AppPageHead, app_id};
use crate::error::PageError;
use crate::limits::api::app_policy;
use crate::limits::dollars;
use crate::stored::as_field;
use crate::ui::card::{Empty, Section};
use crate::ui::confirm::Removal;
use crate::ui::field::{Field, Select};
use crate::ui::form::{AfterSuccess, FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::loading::loaded;
use crate::ui::row::Row;

const FIELDS: &[&str] = &["provider", "model", "input", "output", "cached", "per_request"];

#[component]
pub fn PricesPage() -> impl IntoView {
    let id = app_id();
    let put = ServerAction::<PutPrice>::new();
    let remove = ServerAction::<RemovePrice>::new();
    let resource = Resource::new(
        move || (id.get(), put.version().get(), remove.version().get()),
        |(id, ..)| async move { app_policy(id?).await },
    );
    loaded(resource, move |app| {
        let id = app.id;
        let prices = app.policy.prices;
        let list = if prices.is_empty() {
            view! { <Empty title="List prices" text="Costs are counted at each provider’s public prices. Add a price for a model that they don’t know, or that costs you something else."/> }.into_any()
        } else {
            let rows = prices.into_iter().map(|price| row(id, &price, remove)).collect_view();
            view! { <ul class="row-list">{rows}</ul> }.into_any()
        };
        view! {
            <AppPageHead id name=app.name title="Prices" lead="What calls cost you, for budgets and figures. They come before the list prices."/>
            <div class="stack">
                <Section title="Your prices">
                    <FormAlert error=FormError::of(remove)/>
                    {list}
                </Section>
                <NewPrice app=id put/>
            </div>
        }
        .into_any()
    })
}

fn row(app: AppId, price: &PriceOverride, remove: ServerAction<RemovePrice>) -> impl IntoView + use<> {
    let provider = catalogue::provider(&price.provider).map_or(price.provider.as_str(), |known| known.title.as_str());
    let model = if price.model == "*" { "every other model" } else { price.model.as_str() };
    let title = format!("{provider}: {model}");
    let cached = price.cached_per_million.map(|cached| format!(", cached {}", dollars(cached))).unwrap_or_default();
    let tokens = format!(
        "A million tokens: input {}, output {}{cached}",
        dollars(price.input_per_million),
        dollars(price.output_per_million)
    );
    let request =
        if price.per_request == 0 { String::new() } else { format!(" · each request {}", dollars(price.per_request)) };
    let actions = view! { <Removal action=remove fields=vec![("app", app.to_string()), ("price", as_field(price))]/> };
    view! { <Row title=title.into_any() actions=actions.into_any()><p class="muted break">{tokens}{request}</p></Row> }
}

fn check(form: &PutPrice) -> Result<(), PageError> {
    let form = PriceForm {
        provider: form.provider.clone(),
        model: form.model.clone(),
        input: form.input.clone(),
        output: form.output.clone(),
        cached: form.cached.clone(),
        per_request: form.per_request.clone(),
    };
    price(&form).map(|_| ()).map_err(|error| PageError::refused(error.field, error.reason))
}

#[component]
fn NewPrice(app: AppId, put: ServerAction<PutPrice>) -> impl IntoView {
    let error = FormError::of(put);
    let providers = catalogue::providers().iter().map(|known| (known.name.as_str(), known.title.as_str())).collect();
    view! {
        <Section title="Add a price" lead="In US dollars. A price of the same model takes the place of the one before.">
            <div class="panel form-width">
                <PostForm action=put check=check after=AfterSuccess::Clear>
                    <FormAlert error fields=FIELDS/>
                    <input type="hidden" name="app" value=app.to_string()/>
                    <div class="field-pair">
                        <Select name="provider" label="API" error choices=providers value="openai"/>
                        <Field name="model" label="Model" error placeholder="gpt-4o-mini" hint="* for every model without a price of its own"/>
                    </div>
                    <div class="field-pair">
                        <Field name="input" label="A million input tokens" error placeholder="0.15"/>
                        <Field name="output" label="A million output tokens" error placeholder="0.60"/>
                    </div>
                    <div class="field-pair">
                        <Field name="cached" label="A million cached input tokens" error optional=true hint="Empty: as other input"/>
                        <Field name="per_request" label="Each request" error optional=true hint="Added to the price of its tokens"/>
                    </div>
                    <div><SubmitButton pending=pending(put)>"Add price"</SubmitButton></div>
                </PostForm>
            </div>
        </Section>
    }
    .into_any()
}
