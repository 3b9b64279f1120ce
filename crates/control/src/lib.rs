//! What a signed-in developer can do.
//!
//! Owns every rule of the dashboard: who may, what is valid, what is sealed, which mail goes out. Each function
//! takes an `Actor`, which only a verified member's session makes. Must not know HTTP, cookies or pages, and holds no SQL.

mod account_members;
mod accounts;
mod actor;
mod address_rules;
mod app_check;
mod app_users;
mod apps;
mod attempts;
mod billing;
mod billing_prices;
mod checkout;
mod control;
mod demo;
mod error;
mod invitations;
mod issuers;
mod key_sealing;
mod mail_texts;
mod mailer;
mod notices;
mod passwords;
mod plan_rules;
mod plans;
mod policies;
mod proxies;
mod proxy_keys;
mod proxy_policy;
mod proxy_settings;
mod purchases;
mod rule_doubts;
mod seen;
pub mod settings;
mod sign_in;
mod sign_up;
mod test_request;
mod tier_keeping;
mod token_check;
mod token_plan;
mod tokens;
mod usage;
mod user_plans;

pub use actor::Actor;
pub use billing::Billing;
pub use control::{Control, ControlParts};
pub use demo::Demo;
pub use error::ControlError;
pub use mailer::{Mailer, SmtpSettings, SmtpSettingsError};
pub use proxies::ProxySwitch;
pub use purchases::{WebhookError, WebhookTaken};
pub use settings::{Mode, Settings};
pub use sign_in::SignedIn;
