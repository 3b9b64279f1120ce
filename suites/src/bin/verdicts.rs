//! Reads issuers and then tokens, one a line, from standard input; prints for each what the edge's verifier says.
//! The first line: `{"now": 1800000000, "jwks_overrides": {…}, "issuers": [{"config": {…}, "secret": "…"}]}`.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::sync::Arc;

use anyhow::Context;
use keyward_domain::ids::IssuerId;
use keyward_domain::issuer::IssuerConfig;
use keyward_identity::{KeySets, LinkedIssuer, SharedSecret};
use keyward_outbound::{Guard, Reach};
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(Deserialize)]
struct Question {
    now: i64,
    jwks_overrides: HashMap<String, String>,
    issuers: Vec<Issuer>,
}

#[derive(Deserialize)]
struct Issuer {
    config: IssuerConfig,
    secret: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut lines = std::io::stdin().lock().lines();
    let question = lines.next().context("the first line names the issuers")??;
    let question: Question = serde_json::from_str(&question).context("the first line")?;
    let now = OffsetDateTime::from_unix_timestamp(question.now)?;
    let issuers = question.issuers.into_iter().zip(1..).map(linked).collect::<anyhow::Result<Vec<_>>>()?;
    let key_sets = KeySets::with_overrides(Guard::new(Reach::PublicHttpsAndLoopback), question.jwks_overrides);
    let mut out = std::io::BufWriter::new(std::io::stdout());
    for line in lines {
        let token: String = serde_json::from_str(&line?).context("a token is a JSON string")?;
        let verdict = match key_sets.verify(&issuers, &token, now).await {
            Ok(verified) => {
                json!({ "accepted": true, "issuer": verified.subject.issuer.0.as_u128() as u64, "sub": verified.subject.sub })
            }
            Err(rejection) => json!({ "accepted": false, "code": rejection.code() }),
        };
        writeln!(out, "{verdict}")?;
    }
    out.flush()?;
    Ok(())
}

/// Their ids are their numbers, from 1.
fn linked((issuer, number): (Issuer, u128)) -> anyhow::Result<Arc<LinkedIssuer>> {
    let secret = issuer.secret.as_deref().map(SharedSecret::parse).transpose()?;
    Ok(Arc::new(LinkedIssuer { id: IssuerId(Uuid::from_u128(number)), config: issuer.config, secret }))
}
