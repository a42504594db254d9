//! Token exchange at the token endpoint (RFC 8693): a token for a narrower one that descends from it.

use std::borrow::Cow;

use axum::response::Response;
use http::StatusCode;
use jeton_policy::refresh_token::RefreshToken;
use jeton_runtime::Class;
use jeton_runtime::wit::exchange::{TokenExchangeRequest, TokenExchanged, TokenType};
use serde::Serialize;

use super::form::Form;
use super::oauth_error::{OAuthCode, OAuthError};
use super::{oauth_request, respond};

/// RFC 8693 section 2.1.
pub(super) const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// RFC 8693 section 3: the types that are known here, by their names.
pub(super) const TYPES: [(&str, TokenType); 2] = [
    ("urn:ietf:params:oauth:token-type:access_token", TokenType::AccessToken),
    ("urn:ietf:params:oauth:token-type:refresh_token", TokenType::RefreshToken),
];

/// Reads the request. Where nothing is said, an access token is asked for.
pub(super) fn read(form: &Form<'_>) -> Result<TokenExchangeRequest, OAuthError> {
    if form.one("actor_token")?.is_some() || form.one("actor_token_type")?.is_some() {
        return Err(invalid("whoever presents a subject token acts as its bearer: there is no `actor_token`"));
    }
    let subject_token = oauth_request::token(form, "subject_token")?.into_owned();
    let subject_token_type =
        form.one("subject_token_type")?.ok_or_else(|| oauth_request::missing("subject_token_type"))?;
    let requested = form.one("requested_token_type")?;
    Ok(TokenExchangeRequest {
        subject_token,
        subject_token_type: type_named("subject_token_type", &subject_token_type)?,
        requested_token_type: match requested {
            None => TokenType::AccessToken,
            Some(name) => type_named("requested_token_type", &name)?,
        },
        scope: form.one("scope")?.map(Cow::into_owned),
        resource: target(form, &["resource", "audience"])?,
        name: form.one("name")?.map(Cow::into_owned),
        expires_in: form.one("expires_in")?.map(|digits| seconds(&digits)).transpose()?,
        peer: None,
    })
}

/// The id of the refresh token that is presented, where it is one.
pub(super) fn presented(request: &TokenExchangeRequest) -> Option<String> {
    RefreshToken::parse(&request.subject_token).map(|token| token.id().to_string())
}

/// Issuing waits for the disk; minting computes.
pub(super) fn class(request: &TokenExchangeRequest) -> Class {
    match request.requested_token_type {
        TokenType::AccessToken => Class::Exchange,
        TokenType::RefreshToken => Class::Administration,
    }
}

/// RFC 8693 section 2.2.1.
pub(super) fn granted(given: &TokenExchanged) -> Response {
    #[derive(Serialize)]
    struct Granted<'a> {
        /// Whatever it is, it stands here.
        access_token: &'a str,
        issued_token_type: &'static str,
        /// A refresh token is not shown to resource servers: `N_A`.
        token_type: &'static str,
        /// Absent: it never expires.
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_in: Option<u64>,
        scope: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        jti: Option<&'a str>,
        client_id: &'a str,
        /// The successor of the subject token, where that is replaced by each use.
        #[serde(skip_serializing_if = "Option::is_none")]
        refresh_token: Option<&'a str>,
    }
    let is_access = matches!(given.token_type, TokenType::AccessToken);
    respond::json(
        StatusCode::OK,
        &Granted {
            access_token: &given.token,
            issued_token_type: if is_access { TYPES[0].0 } else { TYPES[1].0 },
            token_type: if is_access { "Bearer" } else { "N_A" },
            expires_in: given.expires_in,
            scope: &given.scope,
            jti: given.jti.as_deref(),
            client_id: &given.client_id,
            refresh_token: given.refresh_token.as_deref(),
        },
    )
}

/// The one `resource` (RFC 8707), or, where RFC 8693 knows it, `audience`: several may be asked for, and an authority may refuse
/// what it does not give. A token of this one is for one audience.
pub(super) fn target(form: &Form<'_>, parameters: &[&'static str]) -> Result<Option<String>, OAuthError> {
    let sent = form.names().filter(|name| parameters.contains(&&**name)).count();
    if sent > 1 {
        return Err(OAuthError::new(OAuthCode::InvalidTarget, "a token is for one `resource` or `audience`"));
    }
    for parameter in parameters {
        if let Some(target) = form.one(parameter)? {
            return Ok(Some(target.into_owned()));
        }
    }
    Ok(None)
}

fn type_named(parameter: &'static str, name: &str) -> Result<TokenType, OAuthError> {
    let known = TYPES.iter().find(|(known, _)| *known == name);
    known.map(|(_, kind)| *kind).ok_or_else(|| {
        invalid(format!(
            "`{parameter}` is urn:ietf:params:oauth:token-type:access_token or urn:ietf:params:oauth:token-type:refresh_token"
        ))
    })
}

/// Digits alone.
fn seconds(digits: &str) -> Result<u64, OAuthError> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = if plain { digits.parse().ok() } else { None };
    number.ok_or_else(|| invalid("`expires_in` is a whole number of seconds"))
}

fn invalid(description: impl Into<Cow<'static, str>>) -> OAuthError {
    OAuthError::new(OAuthCode::InvalidRequest, description)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    const SUBJECT: &str = "subject_token=jtn&subject_token_type=urn:ietf:params:oauth:token-type:refresh_token";

    fn read_form(body: &str) -> Result<TokenExchangeRequest, OAuthCode> {
        Form::parse(body.as_bytes())
            .map_err(OAuthError::from)
            .and_then(|form| read(&form))
            .map_err(|error| error.code())
    }

    #[test]
    fn an_access_token_is_asked_for_where_nothing_else_is_said() {
        let read = read_form(SUBJECT).unwrap();
        assert_eq!(read.subject_token, "jtn");
        assert!(matches!(read.subject_token_type, TokenType::RefreshToken));
        assert!(matches!(read.requested_token_type, TokenType::AccessToken));
        assert!(read.scope.is_none() && read.resource.is_none() && read.name.is_none() && read.expires_in.is_none());
    }

    #[test]
    fn every_parameter_is_read() {
        let more = "requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Arefresh_token&scope=a+b\
                    &audience=https%3A%2F%2Fapi.example&name=reporter&expires_in=60";
        let read = read_form(&format!("{SUBJECT}&{more}")).unwrap();
        assert!(matches!(read.requested_token_type, TokenType::RefreshToken));
        assert_eq!((read.scope.as_deref(), read.resource.as_deref()), (Some("a b"), Some("https://api.example")));
        assert_eq!((read.name.as_deref(), read.expires_in), (Some("reporter"), Some(60)));
    }

    #[test]
    fn what_is_missing_unknown_or_refused_by_design_is_an_invalid_request() {
        for body in [
            "subject_token=jtn".to_owned(),
            SUBJECT.replace("subject_token=jtn&", ""),
            SUBJECT.replace("refresh_token", "id_token"),
            SUBJECT.replace("refresh_token", "jwt"),
            format!("{SUBJECT}&requested_token_type=urn:ietf:params:oauth:token-type:saml2"),
            format!("{SUBJECT}&actor_token=x&actor_token_type=y"),
            format!("{SUBJECT}&actor_token_type=y"),
            format!("{SUBJECT}&subject_token=x"),
            format!("{SUBJECT}&expires_in=-1"),
            format!("{SUBJECT}&expires_in=1.5"),
            format!("{SUBJECT}&expires_in=99999999999999999999"),
        ] {
            assert_eq!(read_form(&body).map(|_| ()), Err(OAuthCode::InvalidRequest), "{body}");
        }
    }

    #[test]
    fn a_token_is_for_one_target() {
        for more in ["resource=https://a&resource=https://b", "audience=a:b&resource=a:b", "audience=a:b&audience=a:b"]
        {
            assert_eq!(read_form(&format!("{SUBJECT}&{more}")).map(|_| ()), Err(OAuthCode::InvalidTarget), "{more}");
        }
    }
}
