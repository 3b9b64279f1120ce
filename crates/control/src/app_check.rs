//! App Check: whether calls must come from an untampered app, and how many would.

use keyward_domain::ids::AppId;
use keyward_domain::policy::AppCheckPolicy;
use keyward_domain::validate::{self, AppCheckForm};
use keyward_domain::view::{AppCheckRates, AppCheckView};
use keyward_store::app_check::AppCheckCounts;
use time::Duration;

use crate::seen::still_as_seen;
use crate::{Actor, Control, ControlError};

impl Control {
    pub async fn app_check(&self, actor: &Actor, app: AppId) -> Result<AppCheckView, ControlError> {
        let (account, now) = (actor.account_id(), self.now());
        let (app_name, policy) = self.store().app_policy(account, app).await?;
        let last_day = self.store().app_check_counts(account, app, now - Duration::DAY, now).await?;
        let last_week = self.store().app_check_counts(account, app, now - Duration::WEEK, now).await?;
        Ok(AppCheckView {
            app_id: app,
            app_name,
            policy: policy.app_check,
            last_day: rates(last_day),
            last_week: rates(last_week),
        })
    }

    pub async fn save_app_check(
        &self,
        actor: &Actor,
        app: AppId,
        form: &AppCheckForm,
        seen: Option<&AppCheckPolicy>,
    ) -> Result<(), ControlError> {
        let app_check = validate::app_check(form)?;
        self.change_app(actor, app, |policy| {
            still_as_seen(&policy.app_check, seen)?;
            policy.app_check = app_check;
            Ok(())
        })
        .await
    }
}

fn rates(counts: AppCheckCounts) -> AppCheckRates {
    AppCheckRates { passed: counts.passed, failed: counts.failed, missing: counts.missing }
}
