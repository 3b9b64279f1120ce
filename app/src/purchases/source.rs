//! A seller that is connected: its key, its webhooks, how it goes, and the end of it.

use keyward_domain::ids::AppId;
use keyward_domain::view::{PurchaseSourceView, WebhookSecretView};
use leptos::prelude::*;

use super::api::{AddWebhookSecret, DisconnectPurchases, RemoveWebhookSecret, ReplacePurchasesKey};
use super::words::guide;
use crate::ui::card::Section;
use crate::ui::confirm::{Confirm, Danger, Hidden, Removal, hidden};
use crate::ui::copy::CopyLine;
use crate::ui::field::{Field, FieldKind};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::format::{capitalized, counted, moment};
use crate::ui::notice::{Badge, Notice, Tone};
use crate::ui::row::Row;

/// The forms of each seller.
#[derive(Clone, Copy)]
pub struct SourceActions {
    replace: ServerAction<ReplacePurchasesKey>,
    add: ServerAction<AddWebhookSecret>,
    remove: ServerAction<RemoveWebhookSecret>,
    disconnect: ServerAction<DisconnectPurchases>,
}

impl SourceActions {
    pub fn unsent() -> Self {
        Self {
            replace: ServerAction::new(),
            add: ServerAction::new(),
            remove: ServerAction::new(),
            disconnect: ServerAction::new(),
        }
    }

    /// Differs after each of them has done something.
    pub fn changes(self) -> [usize; 4] {
        [
            self.replace.version().get(),
            self.add.version().get(),
            self.remove.version().get(),
            self.disconnect.version().get(),
        ]
    }
}

#[component]
pub fn Connected(app: AppId, view: PurchaseSourceView, url: String, actions: SourceActions) -> impl IntoView {
    let source = view.source;
    let whose: Hidden = vec![("app", app.to_string()), ("source", source.name().to_owned())];
    let silent = view.secrets.is_empty().then(|| {
        view! { <Notice tone=Tone::Caution>"Without a webhook secret no webhook is taken: what is bought is noticed by the reconciler only, some minutes later."</Notice> }
    });
    let secrets = view.secrets.iter().map(|secret| secret_row(secret, &whose, actions.remove)).collect_view();
    let (key, hook, run) = (key_row(&view, &whose, actions), hook_row(&view, &whose, url, actions), run_row(&view));
    view! {
        <Section title="Connection">
            <FormAlert error=FormError::of(actions.remove)/>
            {silent}
            <ul class="row-list">{key}{hook}{secrets}{run}</ul>
        </Section>
        <Section title="Disconnect">
            <div class="panel form-width">
                <Danger
                    action=actions.disconnect fields=whose summary="Disconnect this seller" verb="Disconnect it"
                    warning="What was bought there counts no more, within seconds: whoever is in a plan by it is where the other rules put them. Its customers and links by hand are forgotten."
                />
            </div>
        </Section>
    }
    .into_any()
}

fn key_row(view: &PurchaseSourceView, whose: &Hidden, actions: SourceActions) -> AnyView {
    let badge = if view.live {
        view! { <Badge tone=Tone::Good text="Live"/> }
    } else {
        view! { <Badge tone=Tone::Neutral text="Test mode"/> }
    };
    let (guide, fields) = (guide(view.source), whose.clone());
    let error = FormError::of(actions.replace);
    let title = view! { "Key "{view.key_hint.to_string()}" "{badge} }.into_any();
    let text = format!("Connected {} · last taken {}", moment(view.connected_at), moment(view.checked_at));
    let replace = view! {
        <Confirm summary="Replace key">
            <PostForm action=actions.replace class="fold-form">
                <FormAlert error fields=&["key"]/>
                {hidden(fields)}
                <Field name="key" label=guide.key_label kind=FieldKind::Secret error placeholder=guide.key_example hint="Of the same mode. The old one is forgotten."/>
                <div><SubmitButton pending=pending(actions.replace) class="btn btn-sm">"Replace it"</SubmitButton></div>
            </PostForm>
        </Confirm>
    };
    view! { <Row title actions=replace.into_any()><p class="muted">{text}</p></Row> }.into_any()
}

fn hook_row(view: &PurchaseSourceView, whose: &Hidden, url: String, actions: SourceActions) -> AnyView {
    let (guide, fields) = (guide(view.source), whose.clone());
    let error = FormError::of(actions.add);
    let refused = view.last_refusal.as_ref().map(|refused| {
        let text = format!("A webhook was refused {}: {}.", moment(refused.at), refused.reason);
        view! { <p class="field-error break">{text}</p> }
    });
    let add = view! {
        <Confirm summary="Add a secret">
            <PostForm action=actions.add class="fold-form">
                <FormAlert error fields=&["webhook_secret"]/>
                {hidden(fields)}
                <Field name="webhook_secret" label=guide.secret_label kind=FieldKind::Secret error hint="Beside the one that is there: remove that when the new one is in use."/>
                <div><SubmitButton pending=pending(actions.add) class="btn btn-sm">"Add it"</SubmitButton></div>
            </PostForm>
        </Confirm>
    };
    view! {
        <Row title="Webhook address".into_any() actions=add.into_any()>
            <CopyLine text=url label="Copy the webhook address"/>
            {refused}
        </Row>
    }
    .into_any()
}

fn secret_row(secret: &WebhookSecretView, whose: &Hidden, remove: ServerAction<RemoveWebhookSecret>) -> AnyView {
    let used = secret.last_used_at.map_or_else(
        || "No webhook was signed with it yet".to_owned(),
        |at| format!("Last webhook signed with it {}", moment(at)),
    );
    let fields = [whose.clone(), vec![("secret", secret.id.to_string())]].concat();
    let title = format!("Webhook secret {}", secret.hint).into_any();
    let actions = view! { <Removal action=remove fields warning="Webhooks that are signed with it are refused."/> };
    view! { <Row title actions=actions.into_any()><p class="muted">{used}</p></Row> }.into_any()
}

fn run_row(view: &PurchaseSourceView) -> AnyView {
    let waiting = (view.waiting > 0).then(|| {
        let count = i64::try_from(view.waiting).unwrap_or(i64::MAX);
        let text = format!("{} still to be read", counted(count, "customer is", "customers are"));
        view! { <p class="muted">{text}</p> }
    });
    let (badge, text) = match &view.last_run {
        None => (None, "Has not run yet; it looks for what no webhook told.".to_owned()),
        Some(run) if run.ok => (None, format!("Ran {}: {}.", moment(run.at), run.note)),
        Some(run) => (
            Some(view! { " "<Badge tone=Tone::Caution text="Failed"/> }),
            format!("Tried {}: {}.", moment(run.at), run.note),
        ),
    };
    let title = view! { "Reconciler"{badge} }.into_any();
    view! { <Row title actions=().into_any()><p class="muted break">{capitalized(&text)}</p>{waiting}</Row> }.into_any()
}
