//! What a failed call says to people: what happened, and what to do.

use std::io::ErrorKind;

use http::StatusCode;
use rustls::{CertificateError, Error as TlsError};
use serde_json::Value;

use super::{CALL_TIME, ClientError};

/// Nothing came back, or nothing that Jeton would send.
pub(super) fn no_answer(url: &str, error: &ureq::Error) -> ClientError {
    let unreachable = |error: String| ClientError::Unreachable { url: url.to_owned(), error };
    let not_jeton = |what: String| ClientError::NotJeton { url: url.to_owned(), what };
    if let Some(error) = tls_error(error) {
        return match error {
            TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => unreachable(
                "its certificate is not trusted: give the one that signed it, or itself if it is self-signed, with --ca-file (JETON_CA_FILE)"
                    .to_owned(),
            ),
            TlsError::InvalidCertificate(error) => unreachable(format!("its certificate is not good: {error}")),
            error => not_jeton(format!("{error}; {SCHEME}")),
        };
    }
    match error {
        ureq::Error::Timeout(_) => unreachable(format!("there is no answer within {} s; {WHERE}", CALL_TIME.as_secs())),
        ureq::Error::Io(error) => match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                not_jeton(format!("{error}; {SCHEME}"))
            }
            _ => unreachable(format!("{error}; {WHERE}")),
        },
        ureq::Error::Protocol(error) => not_jeton(format!("{error}; {SCHEME}")),
        error => unreachable(format!("{error}; {WHERE}")),
    }
}

const WHERE: &str = "is `jeton serve` running there? JETON_URL says where";
const SCHEME: &str = "is JETON_URL right, http or https included?";

/// The library hands TLS errors on inside of I/O errors.
fn tls_error(error: &ureq::Error) -> Option<&TlsError> {
    match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => {
            let inner = error.get_ref()?;
            inner.downcast_ref().or_else(|| inner.source()?.downcast_ref())
        }
        _ => None,
    }
}

/// What the authority said, and what to do about it.
pub(super) fn refusal(status: StatusCode, body: &Value) -> String {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let said = text("detail").or_else(|| text("error_description")).or_else(|| text("error"));
    let said = said.unwrap_or("no reason was given");
    let mut sentence = said.to_owned();
    for error in body.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let [field, detail] =
            ["field", "detail"].map(|name| error.get(name).and_then(Value::as_str).unwrap_or_default());
        if detail != said {
            sentence.push_str("; ");
            sentence.push_str(detail);
        }
        sentence.push_str(&format!(" (`{field}`)"));
    }
    sentence.push_str(match (status.as_u16(), text("error"), text("code")) {
        (400, Some("invalid_grant"), _) => {
            ". The token in JETON_TOKEN was deleted, disabled or used up, has expired, is good elsewhere only, or was never issued here"
        }
        (401, ..) => ": it has expired, or what it descends from ended, or the epoch advanced",
        (403, _, Some("insufficient-scope")) => ". Use a token with the scope `jeton:admin`, or `jeton:read` to look",
        (403, ..) => ". Use a token with the scope `jeton:admin`",
        (429, ..) => ". Many bad tokens came from this address: wait a little",
        (503, ..) => ". Try again in a moment; `GET /readyz` says what is wrong",
        _ => "",
    });
    sentence
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use std::io;

    use super::*;
    use serde_json::json;

    fn said(status: u16, body: &Value) -> String {
        refusal(StatusCode::from_u16(status).unwrap(), body)
    }

    #[test]
    fn a_refusal_is_one_sentence_that_names_the_field_and_what_to_do() {
        let problem = json!({"detail": "two rules are broken", "errors": [
            {"field": "name", "detail": "a name has at least 1 character"}, {"field": "scopes", "detail": "two rules are broken"},
        ]});
        assert_eq!(said(400, &problem), "two rules are broken; a name has at least 1 character (`name`) (`scopes`)");
        for (status, body, hint) in [
            (400, json!({"error": "invalid_grant"}), "JETON_TOKEN"),
            (401, json!({"detail": "the access token is not alive"}), "alive: it has expired"),
            (403, json!({"detail": "x", "code": "insufficient-scope"}), "jeton:read"),
            (403, json!({"detail": "x", "code": "scope-beyond-actor"}), "`jeton:admin`"),
            (429, json!({"error": "too_many_requests"}), "wait"),
            (503, json!({"detail": "x"}), "/readyz"),
            (404, json!({}), "no reason was given"),
        ] {
            let sentence = said(status, &body);
            assert!(sentence.contains(hint), "{status}: {sentence}");
        }
    }

    #[test]
    fn what_is_no_answer_says_where_to_look() {
        let shown = |error: ureq::Error| no_answer("https://tokens.example", &error).to_string();
        let untrusted = TlsError::InvalidCertificate(CertificateError::UnknownIssuer);
        let expired = TlsError::InvalidCertificate(CertificateError::Expired);
        for (error, hint) in [
            (ureq::Error::Io(io::Error::from(ErrorKind::ConnectionRefused)), "is `jeton serve` running there"),
            (ureq::Error::Io(io::Error::other(untrusted.clone())), "--ca-file"),
            (ureq::Error::Rustls(untrusted), "--ca-file"),
            (ureq::Error::Io(io::Error::other(expired)), "not good"),
            (ureq::Error::Io(io::Error::from(ErrorKind::UnexpectedEof)), "http or https"),
            (ureq::Error::HostNotFound, "JETON_URL"),
            (ureq::Error::ConnectionFailed, "JETON_URL"),
        ] {
            let sentence = shown(error);
            assert!(sentence.contains("https://tokens.example") && sentence.contains(hint), "{sentence}");
        }
    }
}
