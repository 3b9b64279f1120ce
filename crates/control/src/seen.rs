//! What a page showed when its form was filled in: a save made on anything else would undo what somebody did meanwhile.

use crate::ControlError;

/// `None` is a caller who looked at nothing.
pub(crate) fn still_as_seen<T: PartialEq>(now: &T, seen: Option<&T>) -> Result<(), ControlError> {
    if seen.is_none_or(|seen| seen == now) { Ok(()) } else { Err(changed_meanwhile()) }
}

pub(crate) fn changed_meanwhile() -> ControlError {
    ControlError::Conflict { reason: "this was changed in the meantime; reload the page and try again".to_owned() }
}
