//! Every check of a token on its own, for the developer's token check box.
//! Unlike `verify` it goes on after a failure, so that one paste shows everything that is wrong.

use std::sync::Arc;

use keyward_domain::issuer::ClaimCheck;
use keyward_domain::view::{TokenCheckLine, Verdict};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::jws::CompactToken;
use crate::rejection::TokenRejection;
use crate::select::{has_needed_kid, named_by, pinned};
use crate::{KeySets, LinkedIssuer};

impl KeySets {
    /// The lines in the order of the checks. Nothing of the token is kept.
    pub async fn explain(
        &self,
        issuers: &[Arc<LinkedIssuer>],
        token: &str,
        now: OffsetDateTime,
    ) -> Vec<TokenCheckLine> {
        let parsed = CompactToken::parse(token.trim()).and_then(|token| Ok((token.claims()?, token)));
        let (claims, token) = match parsed {
            Ok(parsed) => parsed,
            Err(error) => return vec![failed("Format", error.to_string()), not_checked("Signature")],
        };
        let mut lines = vec![passed("Format", "a JWT with header, claims and signature")];
        let issuer = match choose(issuers, &token, &claims) {
            Ok(issuer) => issuer,
            Err(rejection) => {
                lines.push(failed(ClaimCheck::Issuer.title(), unmatched(issuers, &claims, rejection)));
                lines.push(not_checked("Algorithm"));
                lines.push(not_checked("Signature"));
                return lines;
            }
        };
        for check in ClaimCheck::of(&issuer.config) {
            lines.push(match check.run(&issuer.config, &claims, now) {
                Ok(found) => passed(check.title(), found),
                Err(failure) => failed(check.title(), failure.to_string()),
            });
        }
        lines.extend(self.explain_signature(issuer, &token).await);
        lines
    }

    async fn explain_signature(&self, issuer: &LinkedIssuer, token: &CompactToken<'_>) -> Vec<TokenCheckLine> {
        let allowed = issuer.config.algorithms().join(" or ");
        let Some(algorithm) = pinned(&issuer.config, token) else {
            let reason = format!(
                "{} tokens are signed with {allowed}; this one says {:?}",
                issuer.config.title(),
                token.algorithm
            );
            return vec![failed("Algorithm", reason), not_checked("Signature")];
        };
        let mut lines = vec![passed("Algorithm", algorithm.name())];
        if !has_needed_kid(&issuer.config, token) {
            lines.push(failed("Signature", "the token's header names no key (`kid`)"));
            return lines;
        }
        let kid = token.kid.as_deref().unwrap_or("none");
        lines.push(match self.check_signature(issuer, algorithm, token).await {
            Ok(()) => passed("Signature", format!("made with the issuer's key (kid {kid})")),
            Err(TokenRejection::UnknownKey) => {
                failed("Signature", format!("the issuer publishes no {} key for kid {kid}", algorithm.name()))
            }
            Err(rejection) => failed("Signature", rejection.to_string()),
        });
        lines
    }
}

/// The issuer a developer means: of several with this name, the one whose algorithm fits.
fn choose<'i>(
    issuers: &'i [Arc<LinkedIssuer>],
    token: &CompactToken<'_>,
    claims: &Map<String, Value>,
) -> Result<&'i LinkedIssuer, TokenRejection> {
    let named = named_by(issuers, claims)?;
    let fits = |issuer: &&&LinkedIssuer| {
        let names_audience = ClaimCheck::Audience.run(&issuer.config, claims, OffsetDateTime::UNIX_EPOCH).is_ok();
        pinned(&issuer.config, token).is_some() && names_audience
    };
    let by_algorithm = |issuer: &&&LinkedIssuer| pinned(&issuer.config, token).is_some();
    let best = named.iter().find(fits).or_else(|| named.iter().find(by_algorithm)).or_else(|| named.first());
    best.copied().ok_or(TokenRejection::NoMatchingIssuer)
}

fn unmatched(issuers: &[Arc<LinkedIssuer>], claims: &Map<String, Value>, rejection: TokenRejection) -> String {
    if rejection != TokenRejection::NoMatchingIssuer {
        return rejection.to_string();
    }
    let found = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    if issuers.is_empty() {
        return format!("the token is from {found:?}, and no identity provider is linked to this app yet");
    }
    let linked: Vec<_> = issuers.iter().map(|issuer| issuer.config.expected_issuer()).collect();
    let hint = hint(found).map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("the token is from {found:?}; linked: {}{hint}", linked.join(", "))
}

/// Tokens that developers paste by mistake.
fn hint(iss: &str) -> Option<&'static str> {
    if iss.starts_with("https://session.firebase.google.com/") {
        return Some("this is a Firebase session cookie; use the ID token");
    }
    if iss.ends_with(".iam.gserviceaccount.com") {
        return Some("this is a Firebase custom token; sign in with it and use the ID token you get");
    }
    None
}

fn passed(check: &str, reason: impl Into<String>) -> TokenCheckLine {
    line(check, Verdict::Passed, reason.into())
}

fn failed(check: &str, reason: impl Into<String>) -> TokenCheckLine {
    line(check, Verdict::Failed, reason.into())
}

fn not_checked(check: &str) -> TokenCheckLine {
    line(check, Verdict::NotChecked, "an earlier check failed".to_owned())
}

fn line(check: &str, verdict: Verdict, reason: String) -> TokenCheckLine {
    TokenCheckLine { check: check.to_owned(), verdict, reason }
}
