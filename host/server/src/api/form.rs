//! `application/x-www-form-urlencoded`, read strictly: what a lenient reader would repair is refused.

use std::borrow::Cow;

use http::HeaderMap;
use percent_encoding::percent_decode_str;
use thiserror::Error;

use super::media_type;

/// Why a form is refused. Names the field and the rule, never a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FormError {
    /// A byte sequence, as sent or behind percent escapes, is no text.
    #[error("the form is not UTF-8")]
    NotUtf8,
    /// A `%` without two hexadecimal digits behind it.
    #[error("the form has a percent sign that is not followed by two hexadecimal digits")]
    BrokenEscape,
    /// U+0000, as sent or behind an escape.
    #[error("the form has a NUL character")]
    Nul,
    /// RFC 6749 section 3.2: a parameter may be sent once.
    #[error("`{0}` is given more than once")]
    Repeated(&'static str),
}

/// Whether the request says that its body is a form.
pub fn is_declared(headers: &HeaderMap) -> bool {
    media_type::is(headers, "application/x-www-form-urlencoded")
}

/// A form whose every name and value decodes to text without NUL. Copies nothing until a value with escapes is asked for.
#[derive(Clone, Copy)]
pub struct Form<'a> {
    text: &'a str,
}

impl<'a> Form<'a> {
    /// Reads a request body or a query string.
    pub fn parse(bytes: &'a [u8]) -> Result<Form<'a>, FormError> {
        let text = std::str::from_utf8(bytes).map_err(|_| FormError::NotUtf8)?;
        if memchr::memchr(0, bytes).is_some() {
            return Err(FormError::Nul);
        }
        let form = Form { text };
        if memchr::memchr(b'%', bytes).is_some() {
            form.pairs().try_for_each(|(name, value)| check_escapes(name).and_then(|()| check_escapes(value)))?;
        }
        Ok(form)
    }

    /// The value of a parameter that may be sent at most once.
    /// A parameter without a value counts as not sent (RFC 6749 section 3.2).
    pub fn one(&self, name: &'static str) -> Result<Option<Cow<'a, str>>, FormError> {
        let mut named = self.pairs().filter(|(sent, _)| decode(sent) == name).map(|(_, value)| value);
        let first = named.next();
        if named.next().is_some() {
            return Err(FormError::Repeated(name));
        }
        Ok(first.filter(|value| !value.is_empty()).map(decode))
    }

    /// The names sent, in their order, repeats included.
    pub fn names(&self) -> impl Iterator<Item = Cow<'a, str>> {
        self.pairs().map(|(name, _)| decode(name))
    }

    fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.text.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }
}

fn check_escapes(text: &str) -> Result<(), FormError> {
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => tail,
            (b'%', _) => return Err(FormError::BrokenEscape),
            _ => tail,
        };
    }
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| FormError::NotUtf8)?;
    if decoded.contains('\0') { Err(FormError::Nul) } else { Ok(()) }
}

/// Only for text whose escapes were checked, so nothing is lost in replacement characters.
fn decode(text: &str) -> Cow<'_, str> {
    if memchr::memchr2(b'%', b'+', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    // `+` is a space before escapes are undone: `%2B` stays a plus sign.
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn one(form: &str, name: &'static str) -> Result<Option<String>, FormError> {
        Form::parse(form.as_bytes())?.one(name).map(|value| value.map(Cow::into_owned))
    }

    #[test]
    fn values_are_decoded_once() {
        assert_eq!(one("scope=a+b%2Bc%2525&x=1", "scope"), Ok(Some("a b+c%25".to_owned())));
        assert_eq!(one("refresh%5Ftoken=jtn", "refresh_token"), Ok(Some("jtn".to_owned())));
        assert_eq!(one("name=%C3%A9t%C3%A9", "name"), Ok(Some("été".to_owned())));
        assert_eq!(one("token=a=b", "token"), Ok(Some("a=b".to_owned())));
    }

    #[test]
    fn a_value_without_escapes_is_not_copied() {
        let form = Form::parse(b"token=abc&token_type_hint=access_token").unwrap();
        assert!(matches!(form.one("token"), Ok(Some(Cow::Borrowed("abc")))));
    }

    #[test]
    fn a_parameter_without_a_value_counts_as_not_sent() {
        assert_eq!(one("scope=&token=x", "scope"), Ok(None));
        assert_eq!(one("scope&token=x", "scope"), Ok(None));
        assert_eq!(one("", "scope"), Ok(None));
    }

    #[test]
    fn a_repeated_parameter_is_refused_even_where_a_value_is_empty_or_a_name_escaped() {
        for form in ["token=a&token=b", "token=a&token=a", "token=&token=b", "token=a&%74oken=b", "token&token"] {
            assert_eq!(one(form, "token"), Err(FormError::Repeated("token")), "{form}");
        }
        assert_eq!(one("other=a&other=b&token=c", "token"), Ok(Some("c".to_owned())));
    }

    #[test]
    fn broken_escapes_are_refused_wherever_they_stand() {
        for form in ["token=%", "token=%4", "token=%zz", "token=a%2", "%=x", "other=%G0&token=x", "token=%%41"] {
            assert_eq!(one(form, "token"), Err(FormError::BrokenEscape), "{form}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert_eq!(Form::parse(b"token=\xff").err(), Some(FormError::NotUtf8));
        assert_eq!(one("token=%ff", "token"), Err(FormError::NotUtf8));
        assert_eq!(one("token=%C3", "token"), Err(FormError::NotUtf8));
        assert_eq!(one("token=%ED%A0%80", "token"), Err(FormError::NotUtf8));
    }

    #[test]
    fn nul_is_refused_as_a_byte_and_as_an_escape() {
        assert_eq!(one("token=a\0", "token"), Err(FormError::Nul));
        assert_eq!(one("token=a%00", "token"), Err(FormError::Nul));
    }
}
