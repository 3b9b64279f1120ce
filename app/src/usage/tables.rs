//! Who called most, and the latest calls.

use keyward_domain::view::{RecentRequest, TopUser};
use leptos::prelude::*;

use crate::ui::format::{count, machine_moment, micro_usd, millis, moment};
use crate::ui::notice::{Badge, Tone};

/// Test requests come from a member, not from a user of the app.
fn caller(sub: String) -> String {
    if sub.starts_with("dashboard:") { "test request".to_owned() } else { sub }
}

#[component]
pub fn TopUsers(users: Vec<TopUser>) -> impl IntoView {
    let rows = users
        .into_iter()
        .map(|user| {
            view! {
                <tr>
                    <th scope="row" class="cell-id">{caller(user.sub)}</th>
                    <td class="cell-number">{count(user.totals.requests)}</td>
                    <td class="cell-number">{count(user.totals.errors)}</td>
                    <td class="cell-number">{count(user.totals.input_tokens + user.totals.output_tokens)}</td>
                    <td class="cell-number">{micro_usd(user.totals.cost_micro_usd)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-frame" tabindex="0" role="region" aria-label="Top users">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"User (sub)"</th>
                        <th scope="col" class="cell-number">"Requests"</th>
                        <th scope="col" class="cell-number">"Errors"</th>
                        <th scope="col" class="cell-number">"Tokens"</th>
                        <th scope="col" class="cell-number">"Cost"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

#[component]
pub fn RecentRequests(requests: Vec<RecentRequest>) -> impl IntoView {
    let rows = requests.into_iter().map(request_row).collect_view();
    view! {
        <div class="table-frame" tabindex="0" role="region" aria-label="Recent requests">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"When"</th>
                        <th scope="col">"Endpoint"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col">"Model"</th>
                        <th scope="col">"User (sub)"</th>
                        <th scope="col" class="cell-number">"Took"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn request_row(request: RecentRequest) -> impl IntoView {
    let tone = if request.status < 400 { Tone::Good } else { Tone::Caution };
    let status = match request.code {
        Some(code) => format!("{} {code}", request.status),
        None => request.status.to_string(),
    };
    view! {
        <tr>
            <td class="cell-fixed"><time datetime=machine_moment(request.at)>{moment(request.at)}</time></td>
            <td class="cell-id">{request.method} " " {request.endpoint.unwrap_or_else(|| "(not allowed)".to_owned())}</td>
            <td class="cell-fixed"><Badge tone text=status/></td>
            <td class="cell-fixed">{request.model.unwrap_or_else(|| "–".to_owned())}</td>
            <td class="cell-id">{request.sub.map_or_else(|| "–".to_owned(), caller)}</td>
            <td class="cell-number">{millis(i64::from(request.duration_ms))}</td>
        </tr>
    }
    .into_any()
}
