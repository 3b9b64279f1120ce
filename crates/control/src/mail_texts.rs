//! The mails we send, in plain text: what happened, one link, what to do next, or if it wasn't you.

use keyward_domain::membership::INVITATION_DAYS;
use keyward_domain::notices::{AccountNotice, NoticeKind};
use keyward_domain::role::Role;
use keyward_domain::validate::EmailAddress;

use crate::mailer::Mail;
use crate::settings::Settings;
use crate::tokens::LinkToken;

pub(crate) fn confirm_address(settings: &Settings, to: EmailAddress, token: &LinkToken) -> Mail {
    let link = settings.dashboard_link("verify", token.as_str());
    let body = format!(
        "Welcome to Keyward.\n\n\
         Confirm your e-mail address with this link, which works for 24 hours:\n\n{link}\n\n\
         If you did not sign up, ignore this mail: without the link nothing happens.\n"
    );
    Mail { to, subject: "Confirm your e-mail address", body }
}

/// Also the way out for somebody whose address a stranger signed up with: the new password is the owner's.
pub(crate) fn account_exists(settings: &Settings, to: EmailAddress, token: &LinkToken) -> Mail {
    let (sign_in, reset) = (settings.dashboard_url.as_str(), settings.dashboard_link("reset-password", token.as_str()));
    let sign_in = format!("{}/sign-in", sign_in.trim_end_matches('/'));
    let body = format!(
        "Somebody, probably you, signed up at Keyward with this address. It has an account already.\n\n\
         Sign in here:\n\n{sign_in}\n\n\
         If you don't know the password, set a new one with this link, which works for 10 minutes:\n\n{reset}\n\n\
         If it wasn't you, ignore this mail: nothing was changed.\n"
    );
    Mail { to, subject: "You already have an account", body }
}

pub(crate) fn reset_password(settings: &Settings, to: EmailAddress, token: &LinkToken) -> Mail {
    let link = settings.dashboard_link("reset-password", token.as_str());
    let body = format!(
        "Set a new password for Keyward with this link, which works for 10 minutes:\n\n{link}\n\n\
         All your sessions end when you do. If you did not ask for it, ignore this mail: your password stays as it is.\n"
    );
    Mail { to, subject: "Set a new password", body }
}

pub(crate) fn password_changed(to: EmailAddress) -> Mail {
    let body = "The password of your Keyward account was changed, and all sessions were ended.\n\n\
                If it wasn't you, use \"Forgot password\" on the sign-in page at once.\n";
    Mail { to, subject: "Your password was changed", body: body.to_owned() }
}

/// To an owner of the account that it is about.
pub(crate) fn account_notice(settings: &Settings, to: EmailAddress, account: &str, notice: &AccountNotice) -> Mail {
    let subject = match notice.kind {
        NoticeKind::Near => "Most of this month's requests are used",
        NoticeKind::Over { .. } => "This month's requests are used up",
        NoticeKind::Stopped => "Your calls are answered with 402",
        NoticeKind::PaymentFailed { .. } => "A payment for your tier failed",
    };
    let body = format!(
        "About your account {account} at Keyward.\n\n{}\n\n\
         How much is used, larger tiers, and the way to your card and invoices:\n\n{}\n\n\
         You get this mail as an owner of the account, once a month at most for each tier.\n",
        notice.in_words(),
        settings.dashboard_page("account/billing")
    );
    Mail { to, subject, body }
}

pub(crate) struct Invitation<'a> {
    pub to: EmailAddress,
    /// Whose address is known to be theirs. The account's name is anybody's to choose, and stays out of the mail.
    pub by: &'a str,
    pub role: Role,
    pub token: &'a LinkToken,
}

/// The same whether the address has a member or not.
pub(crate) fn invitation(settings: &Settings, Invitation { to, by, role, token }: Invitation<'_>) -> Mail {
    let link = settings.dashboard_link("invitation", token.as_str());
    let role = role.title().to_lowercase();
    let body = format!(
        "{by} invites you to their account at Keyward, with the role {role}.\n\n\
         Accept with this link, which works for {INVITATION_DAYS} days:\n\n{link}\n\n\
         If you don't know who that is, ignore this mail: without the link nothing happens.\n"
    );
    Mail { to, subject: "You are invited to an account", body }
}
