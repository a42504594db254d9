//! What the requests of all OAuth endpoints have in common: a form in the body, and a token in it.

use std::borrow::Cow;

use http::{HeaderMap, Uri};

use super::body::BodyError;
use super::form::{self, Form, FormError};
use super::limits::PRESENTED_TOKEN_BYTES;
use super::oauth_error::{OAuthCode, OAuthError};

/// The form in a request body. `parameters` are those that may stand there alone: a token in a query string ends up in logs,
/// and whoever sends it there must learn that.
pub fn in_body<'a>(
    headers: &HeaderMap,
    uri: &Uri,
    body: &'a [u8],
    parameters: &[&str],
) -> Result<Form<'a>, OAuthError> {
    if in_query(uri)?.names().any(|name| parameters.contains(&&*name)) {
        return Err(invalid("parameters belong in the request body, not in the query string"));
    }
    if !form::is_declared(headers) {
        return Err(invalid("send the parameters as a form: Content-Type application/x-www-form-urlencoded"));
    }
    Ok(Form::parse(body)?)
}

/// The form in a query string.
pub fn in_query(uri: &Uri) -> Result<Form<'_>, OAuthError> {
    Ok(Form::parse(uri.query().unwrap_or_default().as_bytes())?)
}

/// A token that must be there, once, of at most `PRESENTED_TOKEN_BYTES`.
pub fn token<'a>(form: &Form<'a>, name: &'static str) -> Result<Cow<'a, str>, OAuthError> {
    let token = form.one(name)?.ok_or_else(|| missing(name))?;
    if token.len() > PRESENTED_TOKEN_BYTES {
        return Err(invalid(format!("`{name}` has more than {PRESENTED_TOKEN_BYTES} bytes")));
    }
    Ok(token)
}

/// A parameter that must be there is not.
pub fn missing(name: &'static str) -> OAuthError {
    invalid(format!("`{name}` is missing"))
}

fn invalid(description: impl Into<Cow<'static, str>>) -> OAuthError {
    OAuthError::new(OAuthCode::InvalidRequest, description)
}

impl From<FormError> for OAuthError {
    fn from(error: FormError) -> OAuthError {
        invalid(error.to_string())
    }
}

impl From<BodyError> for OAuthError {
    fn from(error: BodyError) -> OAuthError {
        invalid(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use http::{HeaderValue, header::CONTENT_TYPE};

    fn read(target: &str, content_type: &'static str, body: &str) -> Result<String, OAuthCode> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        let form = in_body(&headers, &target.parse().unwrap(), body.as_bytes(), &["token"]);
        form.and_then(|form| token(&form, "token").map(Cow::into_owned)).map_err(|error| error.code())
    }

    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn a_declared_form_with_one_token_is_read() {
        assert_eq!(read("/x?trace=1", FORM, "token=jtn&token_type_hint=a&token_type_hint=b"), Ok("jtn".to_owned()));
        assert_eq!(read("/x", "Application/X-WWW-Form-Urlencoded;charset=UTF-8", "token=jtn"), Ok("jtn".to_owned()));
    }

    #[test]
    fn a_token_must_come_once_whole_and_within_the_bound() {
        for body in [
            "",
            "token=",
            "token=a&token=b",
            "token=%0",
            "token=%00",
            "token=%ff",
            "hint=access_token",
            "{\"token\":\"a\"}",
        ] {
            assert_eq!(read("/x", FORM, body), Err(OAuthCode::InvalidRequest), "{body}");
        }
        let with = |length: usize| format!("token={}", "a".repeat(length));
        assert!(read("/x", FORM, &with(PRESENTED_TOKEN_BYTES)).is_ok());
        assert_eq!(read("/x", FORM, &with(PRESENTED_TOKEN_BYTES + 1)), Err(OAuthCode::InvalidRequest));
    }

    #[test]
    fn a_token_in_the_query_string_is_refused_even_beside_a_good_one() {
        for target in ["/x?token=jtn", "/x?tok%65n=jtn", "/x?token", "/x?a=%zz"] {
            assert_eq!(read(target, FORM, "token=jtn"), Err(OAuthCode::InvalidRequest), "{target}");
        }
    }

    #[test]
    fn a_form_under_another_content_type_is_refused() {
        for content_type in ["application/json", "text/plain", "multipart/form-data; boundary=x", ""] {
            assert_eq!(read("/x", content_type, "token=jtn"), Err(OAuthCode::InvalidRequest), "{content_type}");
        }
    }
}
