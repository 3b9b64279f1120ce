//! Settings beside the address and the key: times, header fields of the developer's, whose objects are whose.

use keyward_domain::catalogue;
use keyward_domain::validate::{ConnectionForm, ownership_lines, shared_lines};
use keyward_domain::view::ProxyView;
use leptos::prelude::*;

use super::connection_api::{SaveConnection, SaveOwnership};
use crate::stored::as_field;
use crate::ui::card::Section;
use crate::ui::field::{Field, FieldKind, TextArea};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};

const FIELDS: &[&str] = &["connect_secs", "first_byte_secs", "idle_secs", "open_secs", "upstream_headers"];

#[component]
pub fn ConnectionSection(proxy: ProxyView, action: ServerAction<SaveConnection>) -> impl IntoView {
    let error = FormError::of(action);
    let form = ConnectionForm::of(proxy.policy.timeouts, &proxy.policy.upstream_headers);
    let known =
        catalogue::provider(&proxy.provider).map(|known| known.developer_headers.join(", ")).unwrap_or_default();
    let is_custom = proxy.provider == "custom";
    let hint = match (is_custom, known.is_empty()) {
        (true, _) => "Sent with every call. One a line: name, colon, value.".to_owned(),
        (false, true) => format!("{} takes none.", proxy.provider_title),
        (false, false) => {
            format!("Sent with every call. One a line: name, colon, value. {} takes {known}.", proxy.provider_title)
        }
    };
    view! {
        <Section title="Connection" lead="Seconds that the API may take. Empty: as the edge is set up.">
            <div class="panel form-width">
                <PostForm action=action>
                    <FormAlert error fields=FIELDS/>
                    <input type="hidden" name="id" value=proxy.id.to_string()/>
                    <input type="hidden" name="seen" value=as_field(&form)/>
                    <div class="field-pair">
                        <Field name="connect_secs" label="To connect" kind=FieldKind::Number error value=form.connect_secs optional=true/>
                        <Field name="first_byte_secs" label="To the first byte" kind=FieldKind::Number error value=form.first_byte_secs optional=true/>
                    </div>
                    <div class="field-pair">
                        <Field name="idle_secs" label="Of silence in a stream" kind=FieldKind::Number error value=form.idle_secs optional=true/>
                        <Field name="open_secs" label="Of a stream as a whole" kind=FieldKind::Number error value=form.open_secs optional=true/>
                    </div>
                    <TextArea
                        name="upstream_headers" label="Headers of yours" error rows=3 value=form.upstream_headers optional=true hint
                        placeholder="x-team: mobile"
                    />
                    <div><SubmitButton pending=pending(action) class="btn">"Save connection"</SubmitButton></div>
                </PostForm>
            </div>
        </Section>
    }
    .into_any()
}

/// The table is of a custom API; for the others the catalogue has it.
#[component]
pub fn OwnershipSection(proxy: ProxyView, action: ServerAction<SaveOwnership>) -> impl IntoView {
    let error = FormError::of(action);
    let table = (proxy.provider == "custom").then(|| {
        let rows = proxy.policy.ownership.len().clamp(4, 16);
        view! {
            <TextArea
                name="ownership" label="Objects" error rows value=ownership_lines(&proxy.policy.ownership) optional=true
                hint="Which calls make an object, and which name one: one endpoint a line, its clauses parted by semicolons."
                placeholder="POST /v1/jobs; creates job /id"
            />
        }
    });
    view! {
        <Section title="Users’ objects" lead="Files, threads and the like belong to the user who made them; the edge keeps them from all others.">
            <div class="panel">
                <PostForm action=action>
                    <FormAlert error fields=&["ownership", "shared"]/>
                    <input type="hidden" name="id" value=proxy.id.to_string()/>
                    <input type="hidden" name="seen" value=as_field(&proxy.updated_at)/>
                    {table}
                    <TextArea
                        name="shared" label="For everybody" error rows=3 value=shared_lines(&proxy.policy.shared) optional=true
                        hint="Objects of your own that every user may use. One a line: its kind and its id."
                        placeholder="vector_store vs_abc123"
                    />
                    <div><SubmitButton pending=pending(action) class="btn">"Save objects"</SubmitButton></div>
                </PostForm>
            </div>
        </Section>
    }
    .into_any()
}
