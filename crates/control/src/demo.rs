//! The demo of a development installation: a member, an app, the emulator as issuer and as OpenAI. Seeding twice
//! changes nothing, but for the emulator's address when that moved.

use keyward_domain::ids::{AppId, MemberId, ProxyId};
use keyward_domain::issuer::IssuerConfig;
use keyward_domain::slug::ProxySlug;
use keyward_domain::validate::EmailAddress;
use keyward_domain::view::{AppView, IssuerForm, NewProxyForm, ProxySettingsForm};
use keyward_store::email_tokens::{TokenHash, TokenPurpose};

use crate::sign_up::parse_email;
use crate::tokens::LinkToken;
use crate::{Actor, Control, ControlError, Mode};

const EMAIL: &str = "demo@example.com";
const PASSWORD: &str = "keyward-demo";
const APP_NAME: &str = "Demo app";
const PROXY_NAME: &str = "OpenAI (emulator)";
/// The only key that the emulator's providers take; it opens nothing else.
const EMULATOR_KEY: &str = "emulator-provider-key-0000";

/// What `make run` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demo {
    pub email: String,
    pub password: String,
    pub app: AppId,
    pub proxy: ProxyId,
    pub slug: ProxySlug,
    /// `{edge}/{slug}`
    pub edge_url: String,
}

impl Control {
    /// `NotFound` in production and without an emulator.
    pub async fn ensure_demo(&self) -> Result<Demo, ControlError> {
        let Mode::Development { emulator_url: Some(emulator) } = &self.settings().mode else {
            return Err(ControlError::NotFound);
        };
        let upstream = format!("{}/openai", emulator.as_str().trim_end_matches('/'));
        let actor = self.actor(self.demo_member().await?).await?;
        let app = match self.store().app_by_name(actor.account_id(), APP_NAME).await? {
            Some(app) => app,
            None => self.create_app(&actor, APP_NAME).await?,
        };
        let view = self.app(&actor, app).await?;
        self.ensure_demo_issuer(&actor, &view, emulator.as_str().trim_end_matches('/')).await?;
        let proxy = self.ensure_demo_proxy(&actor, &view, &upstream).await?;
        let proxy = self.proxy(&actor, proxy).await?;
        Ok(Demo {
            email: EMAIL.to_owned(),
            password: PASSWORD.to_owned(),
            app,
            proxy: proxy.id,
            slug: proxy.slug,
            edge_url: proxy.edge_url,
        })
    }

    /// Before a start in production: the demo's password is in the source, so a database that was seeded is open to
    /// everybody. An address that was only signed up with is not: nobody can confirm this one.
    pub async fn refuse_demo_in_production(&self) -> Result<(), ControlError> {
        if self.is_development() {
            return Ok(());
        }
        match self.store().member_by_email(EMAIL).await? {
            Some(member) if member.verified_at.is_some() => {
                let reason = format!(
                    "the database holds the development demo, {EMAIL}, whose password everybody knows; \
                     set DATABASE_URL to a database of production's own"
                );
                Err(ControlError::Conflict { reason })
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn demo_member(&self) -> Result<MemberId, ControlError> {
        let email: EmailAddress = parse_email(EMAIL)?;
        let (store, now) = (self.store(), self.now());
        let member = match store.member_by_email(email.as_str()).await? {
            Some(member) if member.verified_at.is_some() => return Ok(member.member_id()),
            Some(member) => member.member_id(),
            None => {
                self.register(&email, PASSWORD).await?;
                store.member_by_email(email.as_str()).await?.ok_or(ControlError::Internal)?.member_id()
            }
        };
        let token = LinkToken::random()?;
        store.add_email_token(member, &token.to_store(TokenPurpose::Verify, now)).await?;
        store.verify_with_token(TokenHash::of(token.as_str()), now).await?;
        Ok(member)
    }

    async fn ensure_demo_issuer(&self, actor: &Actor, view: &AppView, emulator: &str) -> Result<(), ControlError> {
        for issuer in &view.issuers {
            let IssuerConfig::Emulator { issuer: address, .. } = &issuer.config else { continue };
            if address == emulator {
                return Ok(());
            }
            self.remove_issuer(actor, issuer.id).await?;
        }
        self.add_issuer(actor, view.id, IssuerForm::Emulator).await.map(drop)
    }

    async fn ensure_demo_proxy(&self, actor: &Actor, view: &AppView, upstream: &str) -> Result<ProxyId, ControlError> {
        let Some(found) = view.proxies.iter().find(|proxy| proxy.name == PROXY_NAME) else {
            let form = NewProxyForm {
                name: PROXY_NAME.to_owned(),
                provider: "openai".to_owned(),
                base_url: upstream.to_owned(),
                key_placement: None,
                key: EMULATOR_KEY.to_owned(),
            };
            return self.create_proxy(actor, view.id, form).await;
        };
        let proxy = self.proxy(actor, found.id).await?;
        if proxy.base_url != upstream {
            let form = ProxySettingsForm {
                name: proxy.name,
                base_url: upstream.to_owned(),
                key_placement: Some(proxy.key_placement),
                key: EMULATOR_KEY.to_owned(),
                current_password: String::new(),
                allowed_origins: proxy.allowed_origins,
                rules: proxy.rules,
                seen: None,
            };
            self.save_proxy_unasked(actor, proxy.id, form).await?;
        }
        Ok(proxy.id)
    }
}
