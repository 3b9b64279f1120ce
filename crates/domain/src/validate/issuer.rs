//! What the "link an identity provider" form takes: project ids, issuer addresses, audiences, secrets.

use url::Url;

use crate::issuer::{Audiences, ClaimName, MAX_AUDIENCES, ParseClaimNameError};

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IssuerFieldError {
    #[error(
        "a Firebase project id has 6 to 30 lower-case letters, digits and hyphens, such as my-app-1a2b3; it is in the project's settings"
    )]
    FirebaseProjectId,
    #[error(
        "enter the project's reference (20 lower-case letters) or its URL, such as https://abcdefghijklmnopqrst.supabase.co"
    )]
    SupabaseProject,
    #[error("an issuer is an https address without query, such as https://example.eu.auth0.com/")]
    IssuerUrl,
    #[error(
        "enter the audience that your app's tokens carry, at most {MAX_AUDIENCES} with commas between; each has at most 255 characters, no blanks"
    )]
    Audience,
    #[error(transparent)]
    ClaimName(#[from] ParseClaimNameError),
    #[error("the legacy JWT secret has 32 to 512 characters without blanks; it is in the project's API settings")]
    SharedSecret,
}

/// <https://firebase.google.com/docs/projects/learn-more#project-id>
pub fn firebase_project_id(text: &str) -> Result<String, IssuerFieldError> {
    let id = text.trim();
    let well_formed = (6..=30).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && !id.ends_with('-');
    well_formed.then(|| id.to_owned()).ok_or(IssuerFieldError::FirebaseProjectId)
}

/// `https://{ref}.supabase.co/auth/v1`, from the reference or the project's URL. A self-hosted Supabase or one
/// with a custom domain is given by its URL.
pub fn supabase_issuer(text: &str) -> Result<Url, IssuerFieldError> {
    let text = text.trim().trim_end_matches('/');
    let is_ref = text.len() == 20 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let typed = if is_ref { format!("https://{text}.supabase.co") } else { text.to_owned() };
    let mut url = plain_url(&typed).ok_or(IssuerFieldError::SupabaseProject)?;
    if !matches!(url.path(), "/" | "/auth/v1") {
        return Err(IssuerFieldError::SupabaseProject);
    }
    url.set_path("/auth/v1");
    Ok(url)
}

/// Kept as typed, trailing slash and all: `iss` is compared exactly and some issuers (Auth0) end in a slash.
pub fn issuer_url(text: &str) -> Result<String, IssuerFieldError> {
    let text = text.trim();
    plain_url(text).map(|_| text.to_owned()).ok_or(IssuerFieldError::IssuerUrl)
}

/// One or more, with commas between. None at all would leave it open for which of the issuer's apps a token is.
pub fn token_audiences(text: &str) -> Result<Audiences, IssuerFieldError> {
    let is_audience =
        |name: &&str| (1..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic() && b != b',');
    let names: Vec<&str> = text.trim().trim_end_matches(',').split(',').map(str::trim).collect();
    if names.len() > MAX_AUDIENCES || !names.iter().all(is_audience) {
        return Err(IssuerFieldError::Audience);
    }
    Ok(Audiences::new(names.into_iter().map(str::to_owned)))
}

/// None for an empty field: the usual claim is meant.
pub fn claim_name(text: &str) -> Result<Option<ClaimName>, IssuerFieldError> {
    let text = text.trim();
    if text.is_empty() { Ok(None) } else { Ok(Some(ClaimName::parse(text)?)) }
}

pub fn shared_secret(text: &str) -> Result<&str, IssuerFieldError> {
    let text = text.trim();
    let well_formed = (32..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    well_formed.then_some(text).ok_or(IssuerFieldError::SharedSecret)
}

/// Scheme, host, perhaps a path. Whether http is tolerated is the guard's decision, at save time.
fn plain_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= 500)?;
    let plain = matches!(url.scheme(), "https" | "http")
        && url.host_str().is_some_and(|host| !host.is_empty())
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    plain.then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_firebase_project_ids() {
        assert_eq!(firebase_project_id(" my-app-1a2b3 ").as_deref(), Ok("my-app-1a2b3"));
        for text in
            ["", "short", "My-App-1", "1st-project", "ends-in-hyphen-", "with space", "a/../../b-c", &"a".repeat(31)]
        {
            assert_eq!(firebase_project_id(text), Err(IssuerFieldError::FirebaseProjectId), "{text:?}");
        }
    }

    #[test]
    fn reads_supabase_references_and_addresses() {
        let issuer = "https://abcdefghijklmnopqrst.supabase.co/auth/v1";
        for text in [
            "abcdefghijklmnopqrst",
            "https://abcdefghijklmnopqrst.supabase.co",
            "https://abcdefghijklmnopqrst.supabase.co/auth/v1/",
        ] {
            assert_eq!(supabase_issuer(text).expect(text).as_str(), issuer);
        }
        assert_eq!(
            supabase_issuer("https://id.example.com").expect("custom").as_str(),
            "https://id.example.com/auth/v1"
        );
        for text in [
            "",
            "abc",
            "https://x.supabase.co/other",
            "https://u:p@x.supabase.co",
            "javascript:alert(1)",
            "https://x.supabase.co?a=b",
        ] {
            assert_eq!(supabase_issuer(text), Err(IssuerFieldError::SupabaseProject), "{text:?}");
        }
    }

    #[test]
    fn keeps_an_issuer_exactly_as_typed() {
        assert_eq!(issuer_url("https://example.eu.auth0.com/").as_deref(), Ok("https://example.eu.auth0.com/"));
        for text in ["example.com", "https://", "https://x.example?tenant=1", "file:///etc/passwd"] {
            assert_eq!(issuer_url(text), Err(IssuerFieldError::IssuerUrl), "{text:?}");
        }
    }
}
