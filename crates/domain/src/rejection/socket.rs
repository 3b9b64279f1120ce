//! Why a WebSocket was not opened, or was closed by the edge; and with which code any rejection closes one.

use super::{Rejection, Step};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketRefusal {
    /// An upgrade that is no WebSocket's of RFC 6455.
    Handshake {
        reason: &'static str,
    },
    /// A message that must be read and can't be, or says what it may not.
    Message {
        reason: &'static str,
    },
    MessageTooLarge {
        limit_bytes: u64,
    },
    Idle,
    OpenTooLong,
}

impl SocketRefusal {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Handshake { .. } => "bad_upgrade",
            Self::Message { .. } => "socket_message_refused",
            Self::MessageTooLarge { .. } => "socket_message_too_large",
            Self::Idle => "socket_idle",
            Self::OpenTooLong => "socket_open_too_long",
        }
    }

    pub fn status(&self) -> u16 {
        match self {
            Self::Handshake { .. } | Self::Message { .. } => 400,
            Self::MessageTooLarge { .. } => 413,
            Self::Idle | Self::OpenTooLong => 408,
        }
    }

    pub fn step(&self) -> Step {
        match self {
            Self::Handshake { .. } => Step::Route,
            Self::Message { .. } | Self::MessageTooLarge { .. } => Step::Body,
            Self::Idle | Self::OpenTooLong => Step::Limit,
        }
    }

    pub fn message(&self) -> String {
        match self {
            Self::Handshake { reason } => format!("This is no WebSocket that can be opened: {reason}."),
            Self::Message { reason } => format!("The message can't be passed on: {reason}."),
            Self::MessageTooLarge { limit_bytes } => format!("The message is larger than {limit_bytes} bytes."),
            Self::Idle => "Nothing was said over the socket for too long.".into(),
            Self::OpenTooLong => "The socket was open for as long as it may be. Open another one.".into(),
        }
    }
}

impl Rejection {
    /// Of the WebSocket that it ends (RFC 6455, section 7.4.1).
    pub fn close_code(&self) -> u16 {
        match (self, self.status()) {
            (Self::ShuttingDown, _) => 1001,
            (Self::Socket(SocketRefusal::MessageTooLarge { .. }), _) => 1009,
            (_, 500..) => 1011,
            (_, _) => 1008,
        }
    }

    /// Why it was closed: the code, and of the message what fits into a control frame.
    pub fn close_reason(&self) -> String {
        const MOST_BYTES: usize = 123;
        let mut reason = format!("{}: {}", self.code(), self.message());
        let end = (0..=MOST_BYTES.min(reason.len())).rev().find(|&at| reason.is_char_boundary(at));
        reason.truncate(end.unwrap_or(0));
        reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body_rules::BodyRefusal;

    #[test]
    fn whoever_is_at_fault_is_told_by_the_close_code() {
        for (rejection, code) in [
            (Rejection::ShuttingDown, 1001),
            (Rejection::AccessRevoked, 1008),
            (Rejection::Body(BodyRefusal::SystemPrompt), 1008),
            (Rejection::ResourceNotFound, 1008),
            (Rejection::Socket(SocketRefusal::Idle), 1008),
            (Rejection::Socket(SocketRefusal::MessageTooLarge { limit_bytes: 5 }), 1009),
            (Rejection::UpstreamBroke, 1011),
            (Rejection::OwnerNotRecorded, 1011),
        ] {
            assert_eq!(rejection.close_code(), code, "{rejection:?}");
            assert!(rejection.close_reason().starts_with(&format!("{}: ", rejection.code())));
        }
    }

    #[test]
    fn a_reason_fits_into_a_control_frame_and_is_cut_between_characters() {
        let name = "ö".repeat(200);
        let reason = Rejection::Body(BodyRefusal::Model { name }).close_reason();
        assert!((120..=123).contains(&reason.len()), "{reason}");
    }
}
