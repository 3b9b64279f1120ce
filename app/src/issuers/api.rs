//! Server functions of identity providers.

#![expect(clippy::too_many_arguments, reason = "each argument of a server function is a field of its form")]

use keyward_domain::ids::{AppId, IssuerId};
use keyward_domain::view::{IssuerCheckView, TokenCheckLine};
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {
    super::kind::IssuerKind, crate::context::signed_in, crate::flash, keyward_domain::policy::AnonymousPolicy,
    keyward_domain::view::IssuerForm,
};

/// Which of the fields count depends on the kind; the secret is in no error.
#[server(endpoint = "link-issuer")]
pub async fn link_issuer(
    app: AppId,
    kind: String,
    #[server(default)] project: String,
    #[server(default)] secret: String,
    #[server(default)] issuer_url: String,
    #[server(default)] audience: String,
    #[server(default)] user_claim: String,
    #[server(default)] plan_claim: String,
    #[server(default)] anonymous_claim: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let typed = [
        ("project", project.clone()),
        ("issuer_url", issuer_url.clone()),
        ("audience", audience.clone()),
        ("user_claim", user_claim.clone()),
        ("plan_claim", plan_claim.clone()),
        ("anonymous_claim", anonymous_claim.clone()),
    ];
    let kind = IssuerKind::parse(&kind).ok_or_else(PageError::incomplete)?;
    let form = match kind {
        IssuerKind::Firebase => IssuerForm::Firebase { project_id: project },
        IssuerKind::Supabase => IssuerForm::Supabase { project },
        IssuerKind::SupabaseSecret => IssuerForm::SupabaseSecret { project, secret },
        IssuerKind::Clerk | IssuerKind::Auth0 | IssuerKind::Cognito | IssuerKind::Oidc => {
            IssuerForm::Oidc { dialect: kind.dialect(), issuer_url, audience, user_claim, plan_claim, anonymous_claim }
        }
        IssuerKind::Emulator => IssuerForm::Emulator,
    };
    let kept = typed.each_ref().map(|(field, text)| (*field, text.as_str()));
    control.add_issuer(&actor, app, form).await.map_err(|error| PageError::from(error).keeping(kept))?;
    leptos_axum::redirect(&format!("/apps/{app}"));
    Ok(())
}

#[server(endpoint = "recheck-issuer")]
pub async fn recheck_issuer(id: IssuerId) -> Result<IssuerCheckView, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.recheck_issuer(&actor, id).await?)
}

#[server(endpoint = "set-anonymous-users")]
pub async fn set_anonymous_users(id: IssuerId, to: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let anonymous_users = match to.as_str() {
        "allowed" => AnonymousPolicy::AsOthers,
        "refused" => AnonymousPolicy::Deny,
        plan => AnonymousPolicy::Plan(plan.parse().map_err(|_| PageError::incomplete())?),
    };
    Ok(control.set_anonymous_users(&actor, id, anonymous_users).await?)
}

#[server(endpoint = "remove-issuer")]
pub async fn remove_issuer(id: IssuerId) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.remove_issuer(&actor, id).await?)
}

/// The token is used for this answer only.
#[server(endpoint = "check-token")]
pub async fn check_token(app: AppId, token: String) -> Result<Vec<TokenCheckLine>, PageError> {
    let (control, actor) = signed_in().await?;
    let lines = control.check_token(&actor, app, &token).await?;
    flash::keep(flash::TOKEN_CHECK, app, &lines).await?;
    Ok(lines)
}
