//! What the seller says against a plan's rule: it is saved all the same, and the developer is told.

use std::time::Duration;

use keyward_domain::ids::AppId;
use keyward_domain::plans::{PlanCondition, PurchaseCondition, PurchaseSource};
use keyward_domain::validate::{self, PlanRuleForm};
use keyward_payments::{Mode, Named, ReadError};
use keyward_store::StoreError;
use keyward_store::purchase_sources::SourceRef;

use crate::{Actor, Control, ControlError};

/// A developer waits for it.
const LONGEST: Duration = Duration::from_secs(5);

impl Control {
    /// Why nobody, or not everybody, will fit the rule; `None` where nothing speaks against it, or nobody can be asked.
    pub async fn doubt_about_rule(
        &self,
        actor: &Actor,
        app: AppId,
        form: &PlanRuleForm,
    ) -> Result<Option<String>, ControlError> {
        let account = actor.account_id();
        self.store().app_name(account, app).await?;
        let bought = match validate::plan_rule(form)?.when {
            PlanCondition::Purchase(bought) => bought,
            PlanCondition::Claim { .. } | PlanCondition::Anonymous => return Ok(None),
        };
        let source = SourceRef { account, app, source: bought.source };
        match self.store().purchase_source(&source).await {
            Ok(_) => {}
            // The list of rules says that the seller is missing.
            Err(StoreError::NotFound) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let access = self.access(&source).await?;
        let asked = self.sellers().of(bought.source).look_up(&access, &bought.name);
        let said = tokio::time::timeout(LONGEST, asked).await.unwrap_or(Err(ReadError::Unreachable));
        Ok(match said {
            Ok(said) => in_words(&said, &bought, access.mode),
            Err(error) => Some(format!(
                "The rule is saved, but {} could not be asked whether it knows {}: {error}.",
                bought.source, bought.name
            )),
        })
    }
}

fn in_words(said: &Named, bought: &PurchaseCondition, mode: Mode) -> Option<String> {
    let PurchaseCondition { source, name, .. } = bought;
    match said {
        Named::Sold | Named::NoList => None,
        Named::Unknown => Some(format!(
            "{source} knows no {} {name} in {} mode, so nobody fits this rule. Copy the id from {source} in {} mode, \
             or make it there; what is sold in the other mode needs a connection of that mode.",
            things(*source),
            mode.name(),
            mode.name()
        )),
        Named::PaidOnce => Some(format!(
            "{name} is paid once, and only subscriptions count here, so nobody fits this rule. Name a recurring price, \
             or its product."
        )),
        Named::AlsoInOtherCurrencies { product, currencies } => Some(format!(
            "The same product has other prices in {}: who pays in that buys another price, and does not fit this rule. \
             Name the product {product} to count all of them.",
            currencies.join(", ").to_uppercase()
        )),
    }
}

fn things(source: PurchaseSource) -> &'static str {
    match source {
        PurchaseSource::Stripe => "price, product or lookup key",
        PurchaseSource::RevenueCat => "entitlement or product",
    }
}
