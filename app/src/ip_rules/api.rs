//! Server functions of address rules.

use keyward_domain::ip_rules::IpAction;
use keyward_domain::place::AddressPlace;
use keyward_domain::validate::Lasts;
use keyward_domain::view::AddressRulesView;
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {
    crate::context::signed_in,
    crate::stored::{stored, word},
    keyward_domain::validate::AddressRuleForm,
};

#[server(endpoint = "address-rules")]
pub async fn address_rules(place: AddressPlace) -> Result<AddressRulesView, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.address_rules(&actor, place).await?)
}

#[server(endpoint = "put-address-rule")]
pub async fn put_address_rule(
    place: AddressPlace,
    action: IpAction,
    network: String,
    lasts: Lasts,
    #[server(default)] note: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let form = AddressRuleForm { action, network, note, lasts };
    let (action, lasts) = (word(&action), word(&lasts));
    let kept = [("action", action.as_str()), ("network", &form.network), ("lasts", &lasts), ("note", &form.note)];
    control.put_address_rule(&actor, place, &form).await.map_err(|error| PageError::from(error).keeping(kept))
}

/// `rule` is the rule itself, as the page showed it.
#[server(endpoint = "remove-address-rule")]
pub async fn remove_address_rule(place: AddressPlace, rule: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.remove_address_rule(&actor, place, &stored(&rule)?).await?)
}
