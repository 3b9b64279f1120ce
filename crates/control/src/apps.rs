//! Apps: the client applications of an account.

use keyward_domain::catalogue;
use keyward_domain::ids::{AppId, PlanId, ProxyId};
use keyward_domain::slug::ProxySlug;
use keyward_domain::validate;
use keyward_domain::view::{AppSummary, AppView, PlanName, ProxySummary};
use keyward_store::StoreError;
use keyward_store::apps::TOO_MANY_APPS;
use keyward_store::proxies::ProxySummaryRow;

use crate::issuers::issuer_view;
use crate::{Actor, Control, ControlError};

impl Control {
    pub async fn apps(&self, actor: &Actor) -> Result<Vec<AppSummary>, ControlError> {
        let rows = self.store().apps(actor.account_id(), self.now()).await?;
        let views = rows.into_iter().map(|row| AppSummary {
            id: AppId(row.id),
            name: row.name,
            issuers: row.issuers,
            proxies: row.proxies,
            requests_last_day: row.requests_last_day,
        });
        Ok(views.collect())
    }

    pub async fn create_app(&self, actor: &Actor, name: &str) -> Result<AppId, ControlError> {
        let account = actor.editing()?;
        let name = validate::name(name).map_err(|error| ControlError::invalid("name", error))?;
        let Some(most) = self.most_apps(account).await? else {
            return Ok(self.store().create_app(account, &name, self.now()).await?);
        };
        let created = self.store().create_app_within(account, &name, most.into(), self.now()).await;
        created.map_err(|error| match error {
            StoreError::Conflict { constraint } if constraint == TOO_MANY_APPS => ControlError::Conflict {
                reason: format!("your tier has room for {most} apps; take a larger one on the billing page"),
            },
            other => other.into(),
        })
    }

    pub async fn app(&self, actor: &Actor, app: AppId) -> Result<AppView, ControlError> {
        let account = actor.account_id();
        let name = self.store().app_name(account, app).await?;
        let issuers = self.store().issuers(account, app).await?;
        let plans = self.store().plans(account, app).await?.into_iter();
        let proxies = self.store().proxies(account, app, self.now()).await?;
        Ok(AppView {
            id: app,
            name,
            issuers: issuers.into_iter().map(issuer_view).collect(),
            plans: plans.map(|row| PlanName { id: PlanId(row.id), name: row.name }).collect(),
            proxies: proxies.into_iter().map(proxy_summary).collect::<Result<_, _>>()?,
            usage_retention_days: self.store().usage_retention_days(account, app).await?,
            log_days: self.log_days(account).await?,
        })
    }

    pub async fn rename_app(&self, actor: &Actor, app: AppId, name: &str) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let name = validate::name(name).map_err(|error| ControlError::invalid("name", error))?;
        Ok(self.store().rename_app(account, app, &name).await?)
    }

    /// Single requests that are older go within the hour; their sums stay.
    pub async fn set_usage_retention(&self, actor: &Actor, app: AppId, days: &str) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let days = validate::retention_days(days)?;
        if let Some(most) =
            self.most_log_days(account).await?.filter(|most| days > i32::try_from(*most).unwrap_or(i32::MAX))
        {
            let reason = format!("your tier keeps single requests for {most} days at most");
            return Err(ControlError::invalid("days", reason));
        }
        Ok(self.store().set_usage_retention(account, app, days).await?)
    }

    /// With everything in it; calls through its proxies end at once.
    pub async fn delete_app(&self, actor: &Actor, app: AppId) -> Result<(), ControlError> {
        Ok(self.store().delete_app(actor.editing()?, app).await?)
    }
}

pub(crate) fn proxy_summary(row: ProxySummaryRow) -> Result<ProxySummary, ControlError> {
    Ok(ProxySummary {
        id: ProxyId(row.id),
        name: row.name,
        slug: stored_slug(&row.slug)?,
        provider_title: provider_title(&row.provider),
        provider: row.provider,
        enabled: row.enabled,
        requests_last_day: row.requests_last_day,
    })
}

pub(crate) fn stored_slug(text: &str) -> Result<ProxySlug, ControlError> {
    ProxySlug::parse(text).map_err(|error| {
        tracing::error!(%error, "a stored slug can't be read");
        ControlError::Internal
    })
}

/// A provider that left the catalogue keeps its name.
pub(crate) fn provider_title(name: &str) -> String {
    catalogue::provider(name).map_or(name, |provider| &provider.title).to_owned()
}
