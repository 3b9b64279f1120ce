//! Usage of a proxy or an app: the last 24 hours by hour, the last 7 or 30 days by day, in UTC.

use keyward_domain::ids::{AppId, ProxyId};
use keyward_domain::view::{RecentRequest, TopUser, UsageBucket, UsageRange, UsageTotals, UsageView};
use keyward_store::usage_report::{BucketWidth, RecentRequestRow, TotalsRow, UsagePeriod, UsageScope};
use time::{Duration, OffsetDateTime, Time};

use crate::{Actor, Control, ControlError};

impl Control {
    pub async fn usage(&self, actor: &Actor, proxy: ProxyId, range: UsageRange) -> Result<UsageView, ControlError> {
        self.store().proxy(actor.account_id(), proxy).await?;
        self.usage_of(actor, UsageScope::Proxy(proxy), range).await
    }

    pub async fn app_usage(&self, actor: &Actor, app: AppId, range: UsageRange) -> Result<UsageView, ControlError> {
        self.store().app_name(actor.account_id(), app).await?;
        self.usage_of(actor, UsageScope::App(app), range).await
    }

    async fn usage_of(&self, actor: &Actor, scope: UsageScope, range: UsageRange) -> Result<UsageView, ControlError> {
        let (account, period) = (actor.account_id(), period(range, self.now()));
        let rows = self.store().usage_buckets(account, scope, period).await?;
        let top = self.store().top_users(account, scope, period).await?;
        let recent = self.store().recent_requests(account, scope).await?;
        let buckets: Vec<UsageBucket> =
            rows.iter().map(|row| UsageBucket { starts_at: row.starts_at, totals: totals(row.totals) }).collect();
        Ok(UsageView {
            range,
            total: buckets.iter().fold(UsageTotals::default(), |sum, bucket| add(sum, bucket.totals)),
            buckets,
            top_users: top.into_iter().map(|row| TopUser { sub: row.sub, totals: totals(row.totals) }).collect(),
            recent: recent.into_iter().map(recent_request).collect(),
            charts: Vec::new(),
        })
    }
}

/// The present hour or day is the last bucket, however young it is.
fn period(range: UsageRange, now: OffsetDateTime) -> UsagePeriod {
    let now = now.to_offset(time::UtcOffset::UTC);
    let hour_begins = Time::from_hms(now.hour(), 0, 0).expect("the hour of a time is an hour");
    let (this_hour, today) = (now.replace_time(hour_begins), now.replace_time(Time::MIDNIGHT));
    let days = |count: i64| UsagePeriod {
        from: today - Duration::days(count - 1),
        until: today + Duration::DAY,
        width: BucketWidth::Day,
    };
    match range {
        UsageRange::Day => UsagePeriod {
            from: this_hour - Duration::hours(23),
            until: this_hour + Duration::HOUR,
            width: BucketWidth::Hour,
        },
        UsageRange::Week => days(7),
        UsageRange::Month => days(30),
    }
}

fn totals(row: TotalsRow) -> UsageTotals {
    let TotalsRow { requests, errors, input_tokens, output_tokens, cost_micro_usd } = row;
    UsageTotals { requests, errors, input_tokens, output_tokens, cost_micro_usd }
}

fn add(sum: UsageTotals, more: UsageTotals) -> UsageTotals {
    UsageTotals {
        requests: sum.requests + more.requests,
        errors: sum.errors + more.errors,
        input_tokens: sum.input_tokens + more.input_tokens,
        output_tokens: sum.output_tokens + more.output_tokens,
        cost_micro_usd: sum.cost_micro_usd + more.cost_micro_usd,
    }
}

fn recent_request(row: RecentRequestRow) -> RecentRequest {
    RecentRequest {
        at: row.occurred_at,
        method: row.method,
        endpoint: row.endpoint,
        status: row.status,
        code: row.code,
        model: row.model,
        sub: row.sub,
        duration_ms: row.duration_ms,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_last_bucket_is_the_present_one() {
        let now = datetime!(2026-03-01 00:30 UTC);
        let day = period(UsageRange::Day, now);
        assert_eq!((day.from, day.until), (datetime!(2026-02-28 01:00 UTC), datetime!(2026-03-01 01:00 UTC)));
        let week = period(UsageRange::Week, now);
        assert_eq!((week.from, week.until), (datetime!(2026-02-23 00:00 UTC), datetime!(2026-03-02 00:00 UTC)));
        let month = period(UsageRange::Month, now);
        assert_eq!(month.from, datetime!(2026-01-31 00:00 UTC));
    }
}
