//! `GET /{slug}/_keyward/usage`: the user's plan, and what is used and left of each limit that is the user's own.
//! What all users share is nobody's to see.

use http::StatusCode;
use keyward_domain::limits::Window;
use keyward_domain::limits::quota::Quota;
use keyward_domain::rejection::Rejection;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::{OwnReply, Question};
use crate::limiter::Limiter;
use crate::steps::limit::Limits;
use crate::steps::plan::{self, ActivePlan};

pub async fn answer(question: &Question<'_>) -> Result<OwnReply, Rejection> {
    let Question { edge, proxy, caller, address, .. } = question;
    let now = edge.clock.now();
    let plan = plan::active(edge, proxy, caller)?;
    let limits = Limits::of(proxy, &plan, caller, *address, now);
    let quotas = edge.limits.look(&limits.callers_own()).await.ok_or(Rejection::LimitsUnavailable)?;
    let limits: Vec<Value> = quotas.iter().map(|quota| shown(quota, now)).collect();
    Ok(OwnReply { status: StatusCode::OK, content: json!({"plan": told(&plan), "limits": limits}) })
}

/// What the app may show of it.
fn told(plan: &ActivePlan) -> Value {
    let terms = plan.terms();
    let message = terms.map(|terms| terms.policy.message.as_str()).filter(|message| !message.is_empty());
    let upgrade_url = terms.and_then(|terms| terms.policy.upgrade_url.as_deref());
    json!({"name": terms.map(|terms| &terms.name), "message": message, "upgrade_url": upgrade_url})
}

fn shown(quota: &Quota, now: OffsetDateTime) -> Value {
    let limit = &quota.limit;
    let resets_at = match limit.window {
        Window::AtOnce => None,
        Window::Second | Window::Minute | Window::Hour | Window::Day | Window::Month => {
            let secs = i64::try_from(quota.reset_secs).unwrap_or(0);
            let whole = now.replace_nanosecond(0).unwrap_or(now);
            (whole + Duration::seconds(secs)).format(&Rfc3339).ok()
        }
    };
    json!({
        "name": quota.name(),
        "scope": quota.place.name(),
        // As the configuration spells it.
        "measure": limit.measure,
        "window": limit.window.name(),
        "model": limit.model,
        "limit": limit.amount,
        "used": quota.used,
        "remaining": quota.remaining(),
        "resets_at": resets_at,
    })
}
