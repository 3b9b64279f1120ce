//! What a Member may do in an Account.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Owner,
    Admin,
    /// Sees everything but secrets, changes nothing.
    Viewer,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a role is owner, admin or viewer")]
pub struct ParseRoleError;

impl Role {
    pub const ALL: [Self; 3] = [Self::Owner, Self::Admin, Self::Viewer];

    pub fn parse(text: &str) -> Result<Self, ParseRoleError> {
        match text {
            "owner" => Ok(Self::Owner),
            "admin" => Ok(Self::Admin),
            "viewer" => Ok(Self::Viewer),
            _ => Err(ParseRoleError),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Viewer => "viewer",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Owner => "Owner",
            Self::Admin => "Admin",
            Self::Viewer => "Viewer",
        }
    }

    /// Whether one may give that role to others, and take it away from them.
    pub fn may_appoint(self, other: Self) -> bool {
        match self {
            Self::Owner => true,
            Self::Admin => other != Self::Owner,
            Self::Viewer => false,
        }
    }

    pub fn may_edit(self) -> bool {
        match self {
            Self::Owner | Self::Admin => true,
            Self::Viewer => false,
        }
    }
}
