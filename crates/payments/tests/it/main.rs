//! The sellers' doors against a seller on this machine that answers as scripted.

mod logs;
mod oracle;
mod revenue_cat;
mod stand_in;
mod stripe;
