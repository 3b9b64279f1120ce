//! What is decided for a proxy beside its limits and addresses: whose keys serve its calls, and how they go out.

use keyward_domain::body_rules::BodyRule;
use keyward_domain::catalogue;
use keyward_domain::ids::{AppId, ProxyId};
use keyward_domain::policy::Byok;
use keyward_domain::validate::{self, BodyRuleForm, ConnectionForm};
use keyward_domain::view::ProxySummary;
use keyward_store::proxies::SeenProxy;
use time::OffsetDateTime;

use crate::apps::proxy_summary;
use crate::proxies::known_provider;
use crate::seen::{changed_meanwhile, still_as_seen};
use crate::{Actor, Control, ControlError};

impl Control {
    /// Without a key of the developer's, users must bring their own.
    pub async fn set_byok(&self, actor: &Actor, proxy: ProxyId, byok: Byok) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let row = self.store().proxy(account, proxy).await?;
        if byok != Byok::Required && row.key_hint.is_none() {
            return Err(ControlError::invalid("byok", "the proxy has no key of yours; add one first"));
        }
        self.store()
            .change_proxy_policy(account, proxy, |policy| {
                policy.byok = byok;
                Ok(())
            })
            .await
    }

    /// Other proxies of the app that speak this one's language.
    pub async fn fallback_choices(&self, actor: &Actor, proxy: ProxyId) -> Result<Vec<ProxySummary>, ControlError> {
        let account = actor.account_id();
        let row = self.store().proxy(account, proxy).await?;
        let others = self.store().proxies(account, AppId(row.app_id), self.now()).await?;
        let speaks_alike = |provider: &str| shapes(provider).is_some_and(|there| Some(there) == shapes(&row.provider));
        others
            .into_iter()
            .filter(|other| other.id != row.id && speaks_alike(&other.provider))
            .map(proxy_summary)
            .collect()
    }

    pub async fn set_fallback(
        &self,
        actor: &Actor,
        proxy: ProxyId,
        fallback: Option<ProxyId>,
    ) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let choices = self.fallback_choices(actor, proxy).await?;
        if fallback.is_some_and(|chosen| choices.iter().all(|choice| choice.id != chosen)) {
            return Err(ControlError::invalid("fallback", "choose another proxy of this app for the same kind of API"));
        }
        self.store()
            .change_proxy_policy(account, proxy, |policy| {
                policy.fallback = fallback;
                Ok(())
            })
            .await
    }

    /// In place of `seen`, the rule that the form was filled in on; there is none for a new one. It may name another
    /// endpoint than before, but not one that has a rule of its own.
    pub async fn put_body_rule(
        &self,
        actor: &Actor,
        proxy: ProxyId,
        form: &BodyRuleForm,
        seen: Option<&BodyRule>,
    ) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let row = self.store().proxy(account, proxy).await?;
        let provider = known_provider(&row.provider)?;
        let rule = form.read(provider, &row.rules)?;
        self.store()
            .change_proxy_policy(account, proxy, |policy| {
                replace_body_rule(&mut policy.bodies, rule, seen)?;
                // As a whole too: there are so many rules at most, and each endpoint has one.
                validate::body_rules(provider, &row.rules, &policy.bodies)
                    .map(drop)
                    .map_err(|fault| ControlError::invalid("endpoint", fault))
            })
            .await
    }

    /// `endpoint` is empty for the rule of every endpoint.
    pub async fn remove_body_rule(&self, actor: &Actor, proxy: ProxyId, endpoint: &str) -> Result<(), ControlError> {
        let account = actor.editing()?;
        self.store()
            .change_proxy_policy(account, proxy, |policy| {
                policy.bodies.retain(|rule| rule.endpoint.as_deref().unwrap_or_default() != endpoint);
                Ok(())
            })
            .await
    }

    pub async fn save_connection(
        &self,
        actor: &Actor,
        proxy: ProxyId,
        form: &ConnectionForm,
        seen: Option<&ConnectionForm>,
    ) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let provider = known_provider(&self.store().proxy(account, proxy).await?.provider)?;
        let (timeouts, upstream_headers) = form.read(provider)?;
        self.store()
            .change_proxy_policy(account, proxy, |policy| {
                still_as_seen(&ConnectionForm::of(policy.timeouts, &policy.upstream_headers), seen)?;
                policy.timeouts = timeouts;
                policy.upstream_headers = upstream_headers;
                Ok(())
            })
            .await
    }

    /// Whose objects a custom API holds, and which of any API's are for everybody. Checked against the endpoints that are
    /// open: none may reach objects that the table does not tell apart. `seen` is the `updated_at` that the page showed.
    pub async fn save_ownership(
        &self,
        actor: &Actor,
        proxy: ProxyId,
        (lines, shared): (&str, &str),
        seen: Option<OffsetDateTime>,
    ) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let row = self.store().proxy(account, proxy).await?;
        let provider = known_provider(&row.provider)?;
        let invalid = |reason: String| ControlError::invalid("ownership", reason);
        let rules = validate::parse_ownership_lines(lines).map_err(|error| invalid(error.to_string()))?;
        validate::ownership_rules(provider, &rules, &row.rules).map_err(invalid)?;
        let shared = validate::parse_shared_lines(shared).map_err(|error| ControlError::invalid("shared", error))?;
        let seen = SeenProxy { updated_at: seen.unwrap_or(row.updated_at), key_version: row.key_version };
        Ok(self.store().set_ownership(account, proxy, (&rules, &shared), &seen, self.now()).await?)
    }
}

fn replace_body_rule(rules: &mut Vec<BodyRule>, rule: BodyRule, seen: Option<&BodyRule>) -> Result<(), ControlError> {
    let place = match seen {
        Some(seen) => rules.iter().position(|other| other == seen).ok_or_else(changed_meanwhile)?,
        None => rules.len(),
    };
    rules.retain(|other| Some(other) != seen);
    if rules.iter().any(|other| other.endpoint == rule.endpoint) {
        return Err(ControlError::invalid("endpoint", "it has a rule already; change that one"));
    }
    rules.insert(place, rule);
    Ok(())
}

/// What an app's SDK must understand of a provider's replies.
fn shapes(provider: &str) -> Option<impl PartialEq> {
    catalogue::provider(provider).map(|known| (known.error_shape, known.usage_shape))
}
