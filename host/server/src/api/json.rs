//! JSON objects as requests bring them, read strictly: an unknown, repeated or wrong-typed member is refused by name.
//! Serde's own messages repeat the value that was sent, which may be a token; these never do.

use std::borrow::Cow;
use std::fmt;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use super::body::{self, BodyError};
use super::media_type;
use super::problem::{FieldError, Problem, ProblemKind};
use super::time;

/// The members of one object. Each is taken out by name; [`Members::finish`] refuses what is left and tells all errors at once.
pub(super) struct Members {
    left: Vec<(String, Value)>,
    errors: Vec<FieldError>,
}

impl Members {
    /// Reads the body of a request that must have one: 415 where it is not declared as JSON, 413 beyond the bound, 400 where it is no object.
    pub(super) async fn read(request: Request<Body>) -> Result<Members, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = bytes_of(body).await?;
        declared_as_json(&parts.headers)?;
        Members::parse(&bytes)
    }

    /// Reads a body that may have up to `bound` bytes.
    pub(super) async fn read_up_to(bound: usize, request: Request<Body>) -> Result<Members, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = body::read_up_to(bound, body).await.map_err(unreadable)?;
        declared_as_json(&parts.headers)?;
        Members::parse(&bytes)
    }

    /// Reads the body of a request that may have none.
    pub(super) async fn read_if_any(request: Request<Body>) -> Result<Members, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = bytes_of(body).await?;
        if bytes.is_empty() {
            return Ok(Members { left: Vec::new(), errors: Vec::new() });
        }
        declared_as_json(&parts.headers)?;
        Members::parse(&bytes)
    }

    /// Reads one object and nothing behind it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Members, Problem> {
        let malformed = |detail: &'static str| Problem::new(ProblemKind::InvalidInput, "malformed-json", detail);
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("the request body is not UTF-8"))?;
        let Entries(entries) =
            serde_json::from_str(text).map_err(|_| malformed("the request body is not one JSON object"))?;
        let mut members = Members { left: Vec::with_capacity(entries.len()), errors: Vec::new() };
        for (name, value) in entries {
            if members.left.iter().any(|(earlier, _)| *earlier == name) {
                members.refuse::<()>(shown(&name), "it is given more than once");
            } else {
                members.left.push((name, value));
            }
        }
        Ok(members)
    }

    /// A text. `null` is refused like any other wrong type.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => self.refuse(name, "it must be a string"),
        }
    }

    /// A text, where `null` says the same as leaving it out: records are written that way.
    pub(super) fn text_or_null(&mut self, name: &'static str) -> Option<String> {
        if self.is_null(name) { self.take(name).and(None) } else { self.text(name) }
    }

    /// A member that may be taken away: `Some(None)` where it is `null`, else what `read` makes of it.
    pub(super) fn or_null<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.is_null(name) { self.take(name).map(|_| None) } else { read(self, name).map(Some) }
    }

    /// A moment (RFC 3339), in Unix seconds.
    pub(super) fn moment(&mut self, name: &'static str) -> Option<u64> {
        match time::from_rfc3339(&self.text(name)?) {
            Ok(moment) => Some(moment),
            Err(error) => self.refuse(name, error.to_string()),
        }
    }

    /// A yes or a no.
    pub(super) fn truth(&mut self, name: &'static str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(truth) => Some(truth),
            _ => self.refuse(name, "it must be `true` or `false`"),
        }
    }

    /// A whole number that is not negative.
    pub(super) fn whole_number(&mut self, name: &'static str) -> Option<u64> {
        match self.take(name)?.as_u64() {
            Some(number) => Some(number),
            None => self.refuse(name, "it must be a whole number, written without a fraction, exponent or quotes, from 0 to 18446744073709551615"),
        }
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        let Value::Array(items) = self.take(name)? else { return self.refuse(name, "it must be a list of strings") };
        let texts: Option<Vec<String>> = items
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Some(text),
                _ => None,
            })
            .collect();
        if texts.is_none() { self.refuse(name, "it must be a list of strings") } else { texts }
    }

    /// A list of whatever it is.
    pub(super) fn values(&mut self, name: &'static str) -> Option<Vec<Value>> {
        match self.take(name) {
            Some(Value::Array(items)) => Some(items),
            Some(_) => self.refuse(name, "it must be a list"),
            None => self.refuse(name, "it is missing"),
        }
    }

    /// A member that says something only by being `true`.
    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        match self.take(name) {
            None => false,
            Some(Value::Bool(true)) => true,
            Some(_) => self.refuse::<()>(name, "it can only be `true`; leave it out otherwise").is_some(),
        }
    }

    /// Leaves a member unread that the caller has refused already.
    pub(super) fn ignore(&mut self, name: &'static str) {
        self.take(name);
    }

    /// Whether the member was sent and is not taken yet.
    pub(super) fn has(&self, name: &str) -> bool {
        self.left.iter().any(|(sent, _)| sent == name)
    }

    /// Notes that a member breaks a rule. Always `None`, for the caller to go on with.
    pub(super) fn refuse<T>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        rule: impl Into<Cow<'static, str>>,
    ) -> Option<T> {
        self.errors.push(FieldError { field: name.into(), detail: rule.into() });
        None
    }

    /// Refuses members that nobody took, and tells every error that was noted.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.left) {
            self.refuse::<()>(shown(&name), "there is no such member");
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::fields(self.errors)) }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.left.iter().position(|(sent, _)| sent == name)?;
        Some(self.left.swap_remove(at).1)
    }

    fn is_null(&self, name: &str) -> bool {
        self.left.iter().any(|(sent, value)| sent == name && value.is_null())
    }
}

async fn bytes_of(body: Body) -> Result<Bytes, Problem> {
    body::read(body).await.map_err(unreadable)
}

fn unreadable(error: BodyError) -> Problem {
    match error {
        BodyError::TooLarge => Problem::body_too_large(),
        BodyError::Broken => {
            Problem::new(ProblemKind::InvalidInput, "body-ended-early", "the request body ended early")
        }
    }
}

fn declared_as_json(headers: &HeaderMap) -> Result<(), Problem> {
    if media_type::is(headers, "application/json") { Ok(()) } else { Err(Problem::not_declared_as_json()) }
}

/// A name that was sent may be a misplaced secret, or of any length: only what looks like a member's name is repeated.
fn shown(name: &str) -> Cow<'static, str> {
    const LONGEST: usize = 40;
    let plain = name.len() <= LONGEST && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if plain { Cow::Owned(name.to_owned()) } else { Cow::Borrowed("(a name that is not shown)") }
}

/// An object's members in their order, repeats included: serde's maps would keep the last one silently.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        const MOST: usize = 64;
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            // No request has so many members; looking for repeats among thousands would take quadratic time.
            if entries.len() >= MOST {
                return Err(A::Error::custom("too many members"));
            }
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    /// What `finish` says after the members `name`, `expires_in`, `scopes`, `never`, `owner` were taken: field and rule of each error.
    fn errors(json: &str) -> Vec<(String, String)> {
        let mut members = Members::parse(json.as_bytes()).unwrap();
        members.text("name");
        members.whole_number("expires_in");
        members.texts("scopes");
        members.flag("never");
        members.text_or_null("owner");
        let Err(problem) = members.finish() else { return Vec::new() };
        let body: Value = serde_json::from_slice(problem.response().body()).unwrap();
        let text = |error: &Value, member: &str| error.get(member).and_then(Value::as_str).unwrap().to_owned();
        body.get("errors")
            .and_then(Value::as_array)
            .unwrap()
            .iter()
            .map(|error| (text(error, "field"), text(error, "detail")))
            .collect()
    }

    fn fields(json: &str) -> Vec<String> {
        errors(json).into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn right_members_are_taken() {
        assert_eq!(
            fields(r#" {"name":"a","expires_in":5,"scopes":["x"],"never":true,"owner":null} "#),
            Vec::<String>::new()
        );
        let mut members =
            Members::parse(br#"{"name":"\u0000","expires_in":18446744073709551615,"scopes":[]}"#).unwrap();
        assert_eq!(members.text("name"), Some("\0".to_owned()));
        assert_eq!(members.whole_number("expires_in"), Some(u64::MAX));
        assert_eq!(members.texts("scopes"), Some(Vec::new()));
        assert!(!members.flag("never"));
    }

    #[test]
    fn a_wrong_type_is_refused_by_the_name_of_its_member() {
        for json in [r#"{"name":5}"#, r#"{"name":null}"#, r#"{"name":["a"]}"#] {
            assert_eq!(fields(json), ["name"], "{json}");
        }
        for json in [
            r#"{"expires_in":"5"}"#,
            r#"{"expires_in":-1}"#,
            r#"{"expires_in":1.0}"#,
            r#"{"expires_in":1e3}"#,
            r#"{"expires_in":18446744073709551616}"#,
            r#"{"expires_in":null}"#,
        ] {
            assert_eq!(fields(json), ["expires_in"], "{json}");
        }
        for json in [r#"{"scopes":"a b"}"#, r#"{"scopes":["a",1]}"#, r#"{"scopes":{}}"#, r#"{"scopes":null}"#] {
            assert_eq!(fields(json), ["scopes"], "{json}");
        }
        for json in [r#"{"never":false}"#, r#"{"never":1}"#, r#"{"never":null}"#] {
            assert_eq!(fields(json), ["never"], "{json}");
        }
    }

    #[test]
    fn every_error_is_told_at_once() {
        assert_eq!(fields(r#"{"name":5,"expires_in":"5","nmae":"x"}"#), ["name", "expires_in", "nmae"]);
    }

    #[test]
    fn a_repeated_member_is_refused_however_it_is_spelled() {
        assert_eq!(fields(r#"{"name":"a","name":"a"}"#), ["name"]);
        assert_eq!(fields(r#"{"name":"a","n\u0061me":"b"}"#), ["name"]);
    }

    #[test]
    fn a_name_that_may_be_a_secret_is_not_repeated() {
        assert_eq!(fields(r#"{"jtn_rt_ABC":"a"}"#), ["(a name that is not shown)"]);
    }

    #[test]
    fn a_value_is_never_repeated() {
        let told = format!(
            "{:?}",
            errors(r#"{"expires_in":"jtn_rt_secret","scopes":"jtn_rt_secret","never":"jtn_rt_secret"}"#)
        );
        assert!(!told.contains("secret"), "{told}");
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for bytes in [
            &b""[..],
            b"[]",
            b"null",
            b"\"a\"",
            b"{",
            b"{}{}",
            b"{\"name\":\"a\",}",
            b"{\"name\":\"\xff\"}",
            b"\xef\xbb\xbf{}",
            b"{\"name\":\"\\ud800\"}",
            b"{name:1}",
            b"{} x",
        ] {
            assert_eq!(Members::parse(bytes).err().map(|problem| problem.code()), Some("malformed-json"), "{bytes:?}");
        }
        let deep = format!("{{\"name\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(Members::parse(deep.as_bytes()).is_err());
        let many: Vec<String> = (0..65).map(|number| format!("\"m{number}\":1")).collect();
        assert!(Members::parse(format!("{{{}}}", many.join(",")).as_bytes()).is_err());
    }
}
