//! Forms: read strictly, and only those that one of our own pages sent.

use axum::body::Body;
use http::Request;
use zeroize::Zeroizing;

use crate::api::{body, form};

/// The field in which every form shows for whom it was made.
pub(crate) const TOKEN: &str = "form_token";

/// What a form says. Has no `Debug`, and is wiped when it goes: there may be a password in it.
pub(super) struct Fields(Zeroizing<Vec<u8>>);

/// Why a form is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FormError {
    /// It is none, or too large.
    #[error("what was sent is no form of this console")]
    Malformed,
    /// It was made for somebody else, or for a session that is over.
    #[error("this form is out of date: go back, load the page again, and repeat it")]
    OutOfDate,
}

impl Fields {
    /// Reads the body of a request that shows `expected`.
    pub(super) async fn read(request: Request<Body>, expected: Option<&str>) -> Result<Self, FormError> {
        if !form::is_declared(request.headers()) {
            return Err(FormError::Malformed);
        }
        let bytes = body::read(request.into_body()).await.map_err(|_| FormError::Malformed)?;
        let fields = Self(Zeroizing::new(bytes.to_vec()));
        form::Form::parse(&fields.0).map_err(|_| FormError::Malformed)?;
        let shown = fields.text(TOKEN);
        let is_expected =
            expected.is_some_and(|expected| constant_time_eq::constant_time_eq(shown.as_bytes(), expected.as_bytes()));
        if is_expected { Ok(fields) } else { Err(FormError::OutOfDate) }
    }

    /// A field; empty where it was not sent, or sent twice.
    pub(super) fn text(&self, name: &str) -> String {
        let mut values = self.all(name);
        if values.len() == 1 { values.pop().unwrap_or_default() } else { String::new() }
    }

    /// A field that nobody may see afterwards.
    pub(super) fn secret(&self, name: &str) -> Zeroizing<String> {
        Zeroizing::new(self.text(name))
    }

    /// Every value of a field.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let named = form_urlencoded::parse(&self.0).filter(|(sent, _)| sent == name);
        named.map(|(_, value)| value.into_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    async fn read(kind: &str, text: &str, expected: Option<&str>) -> Result<Fields, FormError> {
        let request = Request::post("/").header("content-type", kind).body(Body::from(text.to_owned())).unwrap();
        Fields::read(request, expected).await
    }

    #[tokio::test]
    async fn a_form_is_read_only_for_whom_it_was_made() {
        let kind = "application/x-www-form-urlencoded";
        let fields = read(kind, "form_token=abc&name=a+b&id=1&id=2&x=1&x=2", Some("abc")).await.ok().unwrap();
        assert_eq!(
            (fields.text("name"), fields.text("x"), fields.text("none")),
            ("a b".into(), String::new(), String::new())
        );
        assert_eq!(fields.all("id"), ["1", "2"]);
        for (text, expected) in [
            ("form_token=abd&name=a", Some("abc")),
            ("name=a", Some("abc")),
            ("form_token=abc&form_token=abc", Some("abc")),
            ("form_token=", None),
            ("form_token=abc", None),
        ] {
            assert_eq!(read(kind, text, expected).await.err(), Some(FormError::OutOfDate), "{text}");
        }
        assert_eq!(read(kind, "form_token=abc&a=%zz", Some("abc")).await.err(), Some(FormError::Malformed));
        assert_eq!(read("text/plain", "form_token=abc", Some("abc")).await.err(), Some(FormError::Malformed));
    }
}
