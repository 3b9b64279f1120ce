//! Parts of pages. Know nothing of the product: no app, proxy or member is named here.

pub mod card;
pub mod chart;
pub mod choice;
pub mod confirm;
pub mod copy;
pub mod field;
pub mod form;
pub mod format;
pub mod icon;
pub mod loading;
pub mod notice;
pub mod order;
pub mod page;
pub mod row;
pub mod tabs;
pub mod verdict;
