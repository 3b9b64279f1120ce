//! Becoming a member and coming back: sign-up, sign-in, the links sent by mail.

pub mod api;
mod mail;
mod password;
mod sign_in;
mod sign_up;

pub use mail::{CheckYourMailPage, DevMailPage};
pub use password::{ForgotPasswordPage, ResetPasswordPage};
pub use sign_in::SignInPage;
pub use sign_up::{SignUpPage, VerifyPage};
