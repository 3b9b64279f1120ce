//! One user: the plan, why it is this one, and a way to set another by hand.

use keyward_domain::ids::IssuerId;
use keyward_domain::view::{DecidedBy, RuleVerdict, UserPlanView, Verdict};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::by_hand::{ByHand, HandActions};
use super::plan_api::user_plan;
use super::purchases::Purchases;
use crate::apps::{AppPageHead, app_id};
use crate::error::PageError;
use crate::ui::card::Section;
use crate::ui::format::{capitalized, dated_moment, moment};
use crate::ui::loading::loaded;
use crate::ui::notice::{Badge, Notice, Tone};
use crate::ui::page::Crumb;
use crate::ui::verdict::{Mark, VerdictLine};

#[component]
pub fn AppUserPage() -> impl IntoView {
    let id = app_id();
    let query = use_query_map();
    let named = Memo::new(move |_| {
        query.with(|query| {
            let issuer = query.get("issuer").and_then(|id| id.parse::<IssuerId>().ok());
            issuer.zip(query.get("sub")).ok_or(PageError::NotFound)
        })
    });
    let actions = HandActions::unsent();
    let resource = Resource::new(
        move || (id.get(), named.get(), actions.changes()),
        |(id, named, _)| async move {
            let (issuer, sub) = named?;
            user_plan(id?, issuer, sub).await
        },
    );
    loaded(resource, move |view| {
        let app = view.app_id;
        let between = vec![Crumb::new("Users", format!("/apps/{app}/users"))];
        let seen = view.user.last_seen_at;
        let seen = seen.map_or_else(|| "has not called yet".to_owned(), |at| format!("last call {}", moment(at)));
        let lead = format!("{} · {seen}", view.user.issuer_title);
        let blocked = view.user.blocked_at.map(|at| {
            view! { <Notice tone=Tone::Caution>{format!("Blocked since {}: every call is refused, whatever the plan.", moment(at))}</Notice> }
        });
        view! {
            <AppPageHead id=app name=view.app_name.clone() title=view.user.sub.clone() lead between/>
            <div class="stack">
                {blocked}
                <Decision view=view.clone()/>
                <ByHand view=view.clone() actions/>
                <Purchases purchases=view.purchases email_link=view.email_link/>
            </div>
        }
        .into_any()
    })
}

#[component]
fn Decision(view: UserPlanView) -> impl IntoView {
    let app = view.app_id;
    let because = match view.decision.because {
        DecidedBy::ByHand { until: None } => "You set it by hand, until you take it back.".to_owned(),
        DecidedBy::ByHand { until: Some(at) } => format!("You set it by hand, until {}.", dated_moment(at)),
        DecidedBy::Rule { number } => format!("Rule {number} is the first that fits."),
        DecidedBy::Link => "The identity provider’s link says so.".to_owned(),
        DecidedBy::Default => "It is the plan for everybody without another.".to_owned(),
    };
    let unless = listed(&view.decision.unless)
        .map(|list| view! { <p class="muted">{format!("Unless the token of a call says otherwise: {list}.")}</p> });
    let last = view.last_call.as_ref().map(|call| {
        let plan = call.plan_name.as_ref().map_or_else(
            || "was refused before a plan was looked for".to_owned(),
            |plan| format!("was in the plan {plan}"),
        );
        view! { <p class="muted">{format!("The last call, {}, {plan}.", moment(call.at))}</p> }
    });
    let href = format!("/apps/{app}/plans/{}", view.decision.plan.id);
    let all = view! { <a class="btn btn-sm" href=format!("/apps/{app}/plans")>"All rules"</a> }.into_any();
    let is_by_hand = matches!(view.decision.because, DecidedBy::ByHand { .. });
    view! {
        <Section title="Plan" actions=all>
            <div class="panel">
                <p class="plan-now"><a class="link-quiet" href=href>{view.decision.plan.name}</a></p>
                <p>{because}</p>
                {unless}
                {last}
                <Rules rules=view.rules because=view.decision.because/>
                {is_by_hand.then(|| view! { <p class="muted">"No rule is asked while a plan is set by hand."</p> })}
            </div>
        </Section>
    }
    .into_any()
}

/// `a, b and c`
fn listed(items: &[String]) -> Option<String> {
    let (last, first) = items.split_last()?;
    if first.is_empty() { Some(last.clone()) } else { Some(format!("{} and {last}", first.join(", "))) }
}

#[component]
fn Rules(rules: Vec<RuleVerdict>, because: DecidedBy) -> impl IntoView {
    if rules.is_empty() {
        return view! { <p class="muted">"There are no rules that would put users in other plans."</p> }.into_any();
    }
    let lines = rules
        .into_iter()
        .enumerate()
        .map(|(at, rule)| {
            let number = at + 1;
            let decides = because == DecidedBy::Rule { number };
            let mark = match rule.verdict {
                Verdict::Passed if decides => Mark::Passed,
                Verdict::Passed => Mark::Fits,
                Verdict::Failed => Mark::Misses,
                Verdict::NotChecked => Mark::Open,
            };
            let badge = decides.then(|| view! { " "<Badge tone=Tone::Good text="Decides"/> });
            let title = view! { {format!("{number}. {}", rule.plan_name)}{badge} }.into_any();
            let text = format!("{}. {}.", capitalized(&rule.condition), capitalized(&rule.reason));
            view! { <VerdictLine mark title text/> }
        })
        .collect_view();
    view! { <div class="verdicts"><ol class="verdict-list">{lines}</ol></div> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn a_list_reads_as_one() {
        let list = |items: &[&str]| listed(&items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>());
        assert_eq!(list(&[]), None);
        assert_eq!(list(&["rule 1"]).as_deref(), Some("rule 1"));
        assert_eq!(list(&["rule 1", "rule 2", "rule 3"]).as_deref(), Some("rule 1, rule 2 and rule 3"));
    }
}
