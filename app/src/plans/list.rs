//! All plans of an app, and the form that makes one.

use keyward_domain::ids::AppId;
use keyward_domain::view::PlanView;
use leptos::prelude::*;

use super::api::{CreatePlan, plans};
use crate::apps::{AppPageHead, app_id};
use crate::ui::card::Section;
use crate::ui::field::Field;
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::format::counted;
use crate::ui::icon::{Icon, IconName};
use crate::ui::loading::loaded;
use crate::ui::notice::{Badge, Tone};

#[component]
pub fn PlansPage() -> impl IntoView {
    let id = app_id();
    let resource = Resource::new(
        move || id.get(),
        |id| async move {
            let id = id?;
            Ok((id, plans(id).await?))
        },
    );
    loaded(resource, |(id, plans)| {
        let name = plans.first().map(|plan| plan.app_name.clone()).unwrap_or_default();
        let rows = plans.into_iter().map(row).collect_view();
        view! {
            <AppPageHead id name title="Plans" lead="What a class of users may use, over all proxies of the app."/>
            <div class="stack">
                <Section title="Plans"><ul class="row-list">{rows}</ul></Section>
                <NewPlan app=id/>
            </div>
        }
        .into_any()
    })
}

fn row(plan: PlanView) -> impl IntoView {
    let limits = i64::try_from(plan.limits().len()).unwrap_or(i64::MAX);
    let limits = if limits == 0 { "No limits of its own".to_owned() } else { counted(limits, "limit", "limits") };
    let badge = plan.is_default.then(|| view! { <Badge tone=Tone::Neutral text="Default"/> });
    let whose = plan.is_default.then_some(" · for everybody without another");
    view! {
        <li class="row panel-link">
            <div class="row-main">
                <h3 class="row-title"><a class="stretched" href=format!("/apps/{}/plans/{}", plan.app_id, plan.id)>{plan.name}</a></h3>
                <p class="muted">{limits}{whose}</p>
            </div>
            <div class="row-end">{badge}<Icon name=IconName::Chevron class="icon-small"/></div>
        </li>
    }
    .into_any()
}

#[component]
fn NewPlan(app: AppId) -> impl IntoView {
    let action = ServerAction::<CreatePlan>::new();
    let error = FormError::of(action);
    view! {
        <Section title="New plan" lead="For users whose tokens name it, or for the anonymous users of an identity provider.">
            <div class="panel form-width">
                <PostForm action=action>
                    <FormAlert error fields=&["name"]/>
                    <input type="hidden" name="app" value=app.to_string()/>
                    <Field name="name" label="Name" error hint="Users may see it when one of its limits is reached."/>
                    <div><SubmitButton pending=pending(action)>"Create plan"</SubmitButton></div>
                </PostForm>
            </div>
        </Section>
    }
    .into_any()
}
