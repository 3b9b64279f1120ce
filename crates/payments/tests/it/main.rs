//! The sellers' doors against a seller on this machine that answers as scripted.

mod logs;
mod revenue_cat;
mod stand_in;
mod stripe;
