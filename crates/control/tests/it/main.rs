//! The use cases against a real PostgreSQL, with a clock that stands still until it is told to go on.

mod accounts;
mod app_users;
mod caps;
mod demo;
mod equal_work;
mod isolation;
mod issuers;
mod plans;
mod policies;
mod proxies;
mod proxy_keys;
mod proxy_policy;
mod purchases;
mod purchases_connecting;
mod purchases_order;
mod purchases_reconciling;
mod purchases_users;
mod sealed_rows;
mod shop;
mod sign_in;
mod sign_up;
mod stand_in;
mod test_requests;
mod usage;
mod user_plans;
mod world;
