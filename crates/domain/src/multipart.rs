//! Forms with files (RFC 7578), read so strictly that no upstream can find another field in them than the edge did.
//! Knows no endpoint and no rule: it says which parts there are.

mod boundary;
mod form;
mod part_head;
mod scan;

pub use boundary::Boundary;
pub use form::Form;
pub use part_head::PartHead;
pub use scan::{FormScan, Part};

pub const MAX_PARTS: usize = 32;
/// Of one part's header.
pub const MAX_HEAD_BYTES: usize = 4 << 10;
pub const MAX_HEAD_FIELDS: usize = 8;
/// Of a field that is read; files have no such bound.
pub const MAX_TEXT_BYTES: usize = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    #[error("its Content-Type names no boundary, or not one that can be told from the content")]
    Boundary,
    #[error("it does not begin with its boundary")]
    Preamble,
    #[error("its boundary stands where no part begins or ends")]
    StrayBoundary,
    #[error("it has more than {MAX_PARTS} parts")]
    TooManyParts,
    #[error("a part's header has more than {MAX_HEAD_FIELDS} fields or 4 KiB")]
    HeadTooLarge,
    #[error("a part's header may be read in two ways")]
    Head,
    #[error("something follows its last boundary")]
    Epilogue,
    #[error("it ends before its last boundary")]
    Unfinished,
    #[error("a field is there twice")]
    RepeatedField,
    #[error("the name of a field may be read in two ways")]
    FieldName,
    #[error("a text field is not UTF-8")]
    NotText,
    #[error("a text field has more than 64 KiB")]
    TextTooLong,
}
