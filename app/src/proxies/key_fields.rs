//! How a key is sent, as three form fields: the kind, a name, and what stands before the key.

use keyward_domain::provider::KeyPlacement;
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::error::PageError;
use crate::ui::field::{Field, Select};
use crate::ui::form::FormError;

const BEARER: &str = "bearer";
const HEADER: &str = "header";
const QUERY: &str = "query";

#[cfg(feature = "ssr")]
pub struct KeyFields<'a> {
    pub kind: &'a str,
    pub name: &'a str,
    pub prefix: &'a str,
}

#[cfg(feature = "ssr")]
impl KeyFields<'_> {
    /// Nothing chosen means: as the provider's catalogue entry says.
    pub fn placement(&self) -> Result<Option<KeyPlacement>, PageError> {
        match self.kind {
            "" => Ok(None),
            BEARER => Ok(Some(KeyPlacement::Bearer)),
            HEADER => Ok(Some(KeyPlacement::Header { name: self.name.to_owned(), prefix: self.prefix.to_owned() })),
            QUERY => Ok(Some(KeyPlacement::Query { name: self.name.to_owned() })),
            _ => Err(PageError::incomplete()),
        }
    }
}

/// `GET …?api_key={key}` and the like, in words.
pub fn in_words(placement: &KeyPlacement) -> String {
    match placement {
        KeyPlacement::Bearer => "Authorization: Bearer …".to_owned(),
        KeyPlacement::Header { name, prefix } => format!("{name}: {prefix}…"),
        KeyPlacement::Query { name } => format!("?{name}=…"),
    }
}

#[component]
pub fn KeyPlacementFields(error: FormError, #[prop(optional_no_strip)] now: Option<KeyPlacement>) -> impl IntoView {
    let (kind, name, prefix) = match now {
        None | Some(KeyPlacement::Bearer) => (BEARER, String::new(), String::new()),
        Some(KeyPlacement::Header { name, prefix }) => (HEADER, name, prefix),
        Some(KeyPlacement::Query { name }) => (QUERY, name, String::new()),
    };
    let choices = vec![
        (BEARER, "Authorization: Bearer {key}"),
        (HEADER, "In a header of its own"),
        (QUERY, "In a query parameter"),
    ];
    view! {
        // The style sheet hides the fields that the choice has no use for.
        <div class="placement">
        <Select name="placement" label="How the API wants its key" error choices value=kind/>
        <div class="field-pair">
            <Field name="placement_name" label="Header or parameter name" error value=name placeholder="x-api-key" hint="Only for a header or a query parameter" optional=true/>
            <Field name="placement_prefix" label="Text before the key" error value=prefix placeholder="Token " hint="Only for a header" optional=true/>
        </div>
        </div>
    }
    .into_any()
}
