//! One thing that was bought, in a line.

use keyward_domain::plans::{Entitlement, EntitlementState};
use leptos::prelude::*;

use crate::ui::format::dated_moment;
use crate::ui::notice::{Badge, Tone};

pub fn item(bought: Entitlement) -> impl IntoView {
    let (tone, word) = match bought.state {
        EntitlementState::Active => (Tone::Good, "Active"),
        EntitlementState::Trial => (Tone::Good, "Trial"),
        EntitlementState::PastDue { .. } => (Tone::Caution, "Payment failed"),
        EntitlementState::Over => (Tone::Neutral, "Over"),
    };
    let until = until(&bought).map(|until| view! { <span class="muted">{until}</span> });
    view! {
        <li class="item">
            <span class="break">{bought.names.join(", ")}</span>
            <Badge tone text=word/>
            {until}
        </li>
    }
    .into_any()
}

fn until(bought: &Entitlement) -> Option<String> {
    match (bought.state, bought.paid_until) {
        (EntitlementState::Over, _) => None,
        (EntitlementState::PastDue { since }, _) => Some(format!("since {}", dated_moment(since))),
        (EntitlementState::Active | EntitlementState::Trial, None) => Some("for good".to_owned()),
        (EntitlementState::Active | EntitlementState::Trial, Some(at)) => {
            Some(format!("{} {}", if bought.ends { "ends" } else { "renews" }, dated_moment(at)))
        }
    }
}
