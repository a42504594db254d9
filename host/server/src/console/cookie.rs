//! Cookies: which of them are ours, and how they are given and taken back (RFC 6265).

use std::fmt::Write as _;

use http::{HeaderMap, HeaderValue, header::COOKIE};

/// The session of somebody who signed in.
pub(super) const SESSION: Jar = Jar { plain: "jeton", encrypted: "__Host-jeton", same_site: "Strict" };
/// Whom a form was shown to that has not signed in yet.
pub(super) const VISITOR: Jar = Jar { plain: "jeton-visitor", encrypted: "__Host-jeton-visitor", same_site: "Strict" };
/// Who was sent to the provider of single sign-on. It must come back with whom the provider sends back, which no strict cookie does.
pub(super) const JOURNEY: Jar = Jar { plain: "jeton-journey", encrypted: "__Host-jeton-journey", same_site: "Lax" };

/// The longest value that is one of ours.
const MAX_VALUE: usize = 128;

/// A cookie by its two names. Where the connection is encrypted its name says that no neighbour under another host name, and nobody on an
/// unencrypted connection, can have set it.
pub(super) struct Jar {
    plain: &'static str,
    encrypted: &'static str,
    /// Which requests it comes along with.
    same_site: &'static str,
}

impl Jar {
    fn name(&self, is_encrypted: bool) -> &'static str {
        if is_encrypted { self.encrypted } else { self.plain }
    }

    /// The value that came with a request. One that came twice is none: somebody else set one of them.
    pub(super) fn value<'h>(&self, headers: &'h HeaderMap, is_encrypted: bool) -> Option<&'h str> {
        let name = self.name(is_encrypted);
        let pairs =
            headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(';'));
        let mut ours = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(known, _)| *known == name);
        let (_, value) = ours.next()?;
        let is_plain = (1..=MAX_VALUE).contains(&value.len())
            && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        (is_plain && ours.next().is_none()).then_some(value)
    }

    /// The header that gives it; it goes with the browser's session, and earlier where the server ends it.
    pub(super) fn given(&self, value: &str, is_encrypted: bool) -> Option<HeaderValue> {
        self.header(value, is_encrypted, None)
    }

    /// The header that takes it back.
    pub(super) fn taken(&self, is_encrypted: bool) -> Option<HeaderValue> {
        self.header("", is_encrypted, Some(0))
    }

    fn header(&self, value: &str, is_encrypted: bool, max_age: Option<u32>) -> Option<HeaderValue> {
        let mut text = format!("{}={value}; Path=/; HttpOnly; SameSite={}", self.name(is_encrypted), self.same_site);
        if is_encrypted {
            text.push_str("; Secure");
        }
        if let Some(seconds) = max_age {
            let _ = write!(text, "; Max-Age={seconds}");
        }
        let mut header = HeaderValue::try_from(text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn value(headers: &[&str], is_encrypted: bool) -> Option<String> {
        let headers: HeaderMap = headers.iter().map(|value| (COOKIE, HeaderValue::from_str(value).unwrap())).collect();
        SESSION.value(&headers, is_encrypted).map(str::to_owned)
    }

    #[test]
    fn a_cookie_is_known_by_the_name_for_its_connection() {
        assert_eq!(value(&["other=x; jeton=abc_1"], false).as_deref(), Some("abc_1"));
        assert_eq!(value(&["a=b", "__Host-jeton=abc"], true).as_deref(), Some("abc"));
        assert_eq!(value(&["jeton=abc"], true), None, "set on an unencrypted connection, by whomever");
        assert_eq!(value(&["jeton-visitor=abc"], false), None);
    }

    #[test]
    fn two_of_a_name_and_odd_values_are_none() {
        for headers in
            [&["jeton=a; jeton=b"][..], &["jeton=a", "jeton=a"], &["jeton="], &["jeton=a b"], &["jeton=\"a\""], &[]]
        {
            assert_eq!(value(headers, false), None, "{headers:?}");
        }
        assert_eq!(value(&[&format!("jeton={}", "a".repeat(MAX_VALUE + 1))], false), None);
    }

    #[test]
    fn no_script_and_no_other_site_gets_hold_of_it() {
        let plain = SESSION.given("abc", false).unwrap();
        assert_eq!(plain, "jeton=abc; Path=/; HttpOnly; SameSite=Strict");
        assert!(plain.is_sensitive());
        assert_eq!(SESSION.given("abc", true).unwrap(), "__Host-jeton=abc; Path=/; HttpOnly; SameSite=Strict; Secure");
        assert_eq!(JOURNEY.given("abc", false).unwrap(), "jeton-journey=abc; Path=/; HttpOnly; SameSite=Lax");
        assert_eq!(VISITOR.taken(false).unwrap(), "jeton-visitor=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    }
}
