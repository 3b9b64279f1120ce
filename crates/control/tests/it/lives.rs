//! Lives of a subscription, and every order in which its events can come.

use serde_json::{Value, json};

use crate::shop::subscription;

/// Tried, paid, not paid, paid again, ended.
pub const ENDED: [&str; 5] = ["trialing", "active", "past_due", "active", "canceled"];
/// Begun, ended, tried, not paid, paid.
pub const RUNNING: [&str; 5] = ["incomplete", "canceled", "trialing", "past_due", "active"];

pub fn orders() -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for _ in 0..ENDED.len() {
        let longer = |order: &Vec<usize>| {
            let rest = (0..ENDED.len()).filter(|at| !order.contains(at)).map(|at| [order.clone(), vec![at]].concat());
            rest.collect::<Vec<_>>()
        };
        orders = orders.iter().flat_map(longer).collect();
    }
    assert_eq!(orders.len(), 120);
    orders
}

/// Told apart by its lookup key.
pub fn at_stage(customer: &str, life: &[&str; 5], stage: usize) -> Value {
    let mut now = subscription(customer, life[stage]);
    now["items"]["data"][0]["price"]["lookup_key"] = json!(format!("stage_{stage}"));
    now
}
