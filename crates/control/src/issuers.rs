//! Identity providers linked to an app. An issuer whose keys can't be fetched is saved all the same, with the failed
//! check and advice: a paused project or a passing outage must not lose what was typed, and nothing opens by it,
//! since the edge refuses every token until it has the keys.

use keyward_domain::ids::{AccountId, AppId, IssuerId};
use keyward_domain::issuer::{ClaimNames, IssuerConfig};
use keyward_domain::policy::AnonymousPolicy;
use keyward_domain::validate;
use keyward_domain::view::{IssuerCheckView, IssuerForm, IssuerView};
use keyward_identity::{Discovery, FetchError};
use keyward_store::issuers::{IssuerCheck, IssuerRow, NewIssuer};
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{Actor, Control, ControlError, Mode};

/// What the emulator puts into its generic tokens as `aud`.
const EMULATOR_AUDIENCE: &str = "keyward-app";

/// A form that was understood.
struct ParsedIssuer {
    config: IssuerConfig,
    secret: Option<Zeroizing<String>>,
}

impl Control {
    pub async fn add_issuer(&self, actor: &Actor, app: AppId, form: IssuerForm) -> Result<IssuerView, ControlError> {
        let account = actor.editing()?;
        // Before anything is fetched on behalf of an app that isn't there.
        self.store().app_name(account, app).await?;
        let parsed = self.parse_issuer(form).await?;
        let id = IssuerId(Uuid::now_v7());
        let sealed_secret = match &parsed.secret {
            Some(secret) => Some(self.seal_issuer_secret(account, id, secret).await?),
            None => None,
        };
        let new = NewIssuer { id, config: parsed.config, sealed_secret };
        self.store().add_issuer(account, app, &new, self.now()).await?;
        let last_check = self.check_issuer(account, id, &new.config).await?;
        let has_secret = new.sealed_secret.is_some();
        Ok(IssuerView {
            id,
            config: new.config,
            has_secret,
            anonymous: AnonymousPolicy::Deny,
            last_check: Some(last_check),
        })
    }

    pub async fn recheck_issuer(&self, actor: &Actor, issuer: IssuerId) -> Result<IssuerCheckView, ControlError> {
        let account = actor.editing()?;
        let row = self.store().issuer(account, issuer).await?;
        self.check_issuer(account, issuer, &row.config).await
    }

    pub async fn set_anonymous_users(
        &self,
        actor: &Actor,
        issuer: IssuerId,
        policy: AnonymousPolicy,
    ) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let row = self.store().issuer(account, issuer).await?;
        if !row.config.marks_anonymous_users() {
            return Err(ControlError::invalid("to", "this identity provider's tokens don't tell anonymous users"));
        }
        if let AnonymousPolicy::Plan(plan) = policy
            && self.store().plan(account, plan).await.map(|plan| plan.app_id).ok() != Some(row.app_id)
        {
            return Err(ControlError::invalid("to", "this app has no such plan"));
        }
        Ok(self.store().set_anonymous_policy(account, issuer, policy, self.now()).await?)
    }

    /// Its users can't call any more; what they own at providers stays theirs.
    pub async fn remove_issuer(&self, actor: &Actor, issuer: IssuerId) -> Result<(), ControlError> {
        Ok(self.store().remove_issuer(actor.editing()?, issuer).await?)
    }

    /// Fetches the key set and keeps the outcome.
    async fn check_issuer(
        &self,
        account: AccountId,
        issuer: IssuerId,
        config: &IssuerConfig,
    ) -> Result<IssuerCheckView, ControlError> {
        let (ok, note) = match self.key_sets().fetch_now(config).await {
            Ok(summary) => {
                let plural = if summary.keys == 1 { "" } else { "s" };
                (true, format!("{} key{plural} ({})", summary.keys, summary.algorithms.join(", ")))
            }
            Err(FetchError::NoKeySet) => {
                (true, "signed with the shared secret; there is no key set to fetch".to_owned())
            }
            Err(error) => (
                false,
                format!(
                    "{error}. Saved all the same: no token is accepted until the keys can be fetched.{}",
                    advice(config)
                ),
            ),
        };
        let check = IssuerCheck { at: self.now(), ok, note };
        self.store().record_issuer_check(account, issuer, &check).await?;
        Ok(IssuerCheckView { ok: check.ok, note: check.note, at: check.at })
    }

    async fn parse_issuer(&self, form: IssuerForm) -> Result<ParsedIssuer, ControlError> {
        let project = |error| ControlError::invalid("project", error);
        match form {
            IssuerForm::Firebase { project_id } => {
                let project_id = validate::firebase_project_id(&project_id).map_err(project)?;
                Ok(without_secret(IssuerConfig::Firebase { project_id }))
            }
            IssuerForm::Supabase { project: typed } => {
                let issuer = self.guarded("project", validate::supabase_issuer(&typed).map_err(project)?)?;
                Ok(without_secret(IssuerConfig::Supabase { issuer }))
            }
            IssuerForm::SupabaseSecret { project: typed, secret } => {
                let secret = Zeroizing::new(secret);
                let issuer = self.guarded("project", validate::supabase_issuer(&typed).map_err(project)?)?;
                let secret =
                    validate::shared_secret(&secret).map_err(|error| ControlError::invalid("secret", error))?;
                let secret = Some(Zeroizing::new(secret.to_owned()));
                Ok(ParsedIssuer { config: IssuerConfig::SupabaseSecret { issuer }, secret })
            }
            IssuerForm::Oidc { dialect, issuer_url, audience, user_claim, plan_claim, anonymous_claim } => {
                let named =
                    |field, text: &str| validate::claim_name(text).map_err(|error| ControlError::invalid(field, error));
                let claims = ClaimNames {
                    user: named("user_claim", &user_claim)?,
                    plan: named("plan_claim", &plan_claim)?,
                    anonymous: named("anonymous_claim", &anonymous_claim)?,
                };
                let audience =
                    validate::token_audiences(&audience).map_err(|error| ControlError::invalid("audience", error))?;
                let found = self.discover(&issuer_url).await?;
                let Discovery { issuer, jwks_url } = found;
                Ok(without_secret(IssuerConfig::Oidc { issuer, audience, jwks_url, dialect, claims }))
            }
            IssuerForm::Emulator => self.emulator_issuer().map(without_secret),
        }
    }

    /// Discovery has to succeed: without it nobody knows where the keys are.
    async fn discover(&self, issuer_url: &str) -> Result<Discovery, ControlError> {
        let field = |error: &dyn std::fmt::Display| ControlError::invalid("issuer_url", error);
        let typed = validate::issuer_url(issuer_url).map_err(|error| field(&error))?;
        self.guard().parse_url(&typed).map_err(|error| field(&error))?;
        let found = self.key_sets().discover(&typed).await.map_err(|error| field(&error))?;
        self.guard().check_url(&found.jwks_url).map_err(|error| field(&error))?;
        Ok(found)
    }

    /// The emulator's address comes from the operator, not from the form.
    fn emulator_issuer(&self) -> Result<IssuerConfig, ControlError> {
        let Mode::Development { emulator_url: Some(url) } = &self.settings().mode else {
            return Err(ControlError::invalid("kind", "the emulator can be linked only in development, while it runs"));
        };
        let issuer = url.as_str().trim_end_matches('/').to_owned();
        let jwks_url = Url::parse(&format!("{issuer}/.well-known/jwks.json")).map_err(|_| ControlError::Internal)?;
        Ok(IssuerConfig::Emulator { issuer, audience: EMULATOR_AUDIENCE.to_owned(), jwks_url })
    }

    fn guarded(&self, field: &'static str, url: Url) -> Result<Url, ControlError> {
        self.guard().check_url(&url).map_err(|error| ControlError::invalid(field, error))?;
        Ok(url)
    }
}

fn without_secret(config: IssuerConfig) -> ParsedIssuer {
    ParsedIssuer { config, secret: None }
}

fn advice(config: &IssuerConfig) -> &'static str {
    match config {
        IssuerConfig::Supabase { .. } => {
            " Check the reference; a paused project has no keys, and a project with legacy keys needs its JWT secret instead."
        }
        IssuerConfig::Emulator { .. } => " Is the emulator running?",
        IssuerConfig::Firebase { .. } | IssuerConfig::SupabaseSecret { .. } | IssuerConfig::Oidc { .. } => {
            " Check again in a moment."
        }
    }
}

pub(crate) fn issuer_view(row: IssuerRow) -> IssuerView {
    let last_check = match (row.last_check_at, row.last_check_ok, row.last_check_note) {
        (Some(at), Some(ok), Some(note)) => Some(IssuerCheckView { ok, note, at }),
        _ => None,
    };
    IssuerView {
        id: IssuerId(row.id),
        config: row.config.0,
        has_secret: row.sealed_secret.is_some(),
        anonymous: row.anonymous_policy.0,
        last_check,
    }
}
