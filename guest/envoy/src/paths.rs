//! Paths, as far as they can be compared at all.
//!
//! What stands behind Envoy may read a path in other ways than Envoy does: it may decode what is encoded, take two slashes for one,
//! climb with `..`, cut off what follows a `;`. A path that could be read in two ways is undecided, and the stricter reading counts:
//! it is on no allow-list, and it needs the scopes of every route.

use serde::Deserialize;

/// The path of a request's target, decoded, if everybody reads it alike; `None` where it is undecided.
#[must_use]
pub fn decided(target: &[u8]) -> Option<String> {
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let byte = hexadecimal(rest.next()?)? << 4 | hexadecimal(rest.next()?)?;
                if !is_only_written_encoded(byte) {
                    return None;
                }
                decoded.push(byte);
            }
            byte if is_plain(byte) => decoded.push(byte),
            _ => return None,
        }
    }
    let decoded = String::from_utf8(decoded).ok()?;
    let mut segments = decoded.split('/');
    // A path begins with a slash, and so with an empty segment. Another one is allowed at its end alone.
    let begins_with_slash = segments.next() == Some("");
    let mut segments = segments.peekable();
    let mut is_sound = begins_with_slash && segments.peek().is_some();
    while let Some(segment) = segments.next() {
        is_sound &= match segment {
            "." | ".." => false,
            "" => segments.peek().is_none(),
            _ => true,
        };
    }
    is_sound.then_some(decoded)
}

/// What may stand in a path as it is (RFC 3986 section 3.3), but for `;`, which parts off parameters in some servers.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,=:@".contains(&byte)
}

/// What has no other way to be in a path. Nobody encodes what needs no encoding but to hide it; an encoded slash, percent sign or
/// `;` is read in two ways; a control character is in no path.
fn is_only_written_encoded(byte: u8) -> bool {
    !is_plain(byte) && !b"%\\;?#".contains(&byte) && !byte.is_ascii_control()
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Which paths an entry of the configuration means.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub enum Pattern {
    /// This path alone.
    Path(String),
    /// This path, and all below it. Where it ends in a slash: those below alone.
    Prefix(String),
}

/// As it stands in the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    path: Option<String>,
    prefix: Option<String>,
}

/// Why an entry means no paths.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Neither, or both.
    #[error("say either `path` or `prefix`")]
    NotOne,
    /// No request could match it, or nobody knows which.
    #[error(
        "`{0}` is no plain path: it begins with `/`, has no `//`, `.` or `..` segment, no `%`, `?`, `#`, `;` or `\\`"
    )]
    NotPlain(String),
}

impl Pattern {
    /// Takes one of the two.
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn new(path: Option<String>, prefix: Option<String>) -> Result<Self, PatternError> {
        let (text, make): (_, fn(String) -> Self) = match (path, prefix) {
            (Some(path), None) => (path, Self::Path),
            (None, Some(prefix)) => (prefix, Self::Prefix),
            _ => return Err(PatternError::NotOne),
        };
        if decided(text.as_bytes()).is_some_and(|decided| decided == text) {
            Ok(make(text))
        } else {
            Err(PatternError::NotPlain(text))
        }
    }

    /// Whether it means a path that is decided.
    #[must_use]
    pub fn means(&self, path: &str) -> bool {
        match self {
            Self::Path(exact) => path == exact,
            Self::Prefix(prefix) => path
                .strip_prefix(prefix.as_str())
                .is_some_and(|below| below.is_empty() || below.starts_with('/') || prefix.ends_with('/')),
        }
    }

    /// Whether it means a path, or may for a server to which a slash at the end makes no difference.
    #[must_use]
    pub fn may_mean(&self, path: &str) -> bool {
        let trimmed = path.strip_suffix('/').unwrap_or(path);
        self.means(path) || self.means(trimmed) || (path == trimmed && self.means(&format!("{path}/")))
    }

    /// Whether it means every path.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        matches!(self, Self::Prefix(prefix) if prefix == "/")
    }
}

impl TryFrom<Written> for Pattern {
    type Error = PatternError;

    fn try_from(written: Written) -> Result<Self, PatternError> {
        Self::new(written.path, written.prefix)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn a_path_that_everybody_reads_alike_is_decided() {
        for (target, path) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/b/", "/a/b/"),
            ("/a/b?c=/../d;e%2F", "/a/b"),
            ("/a.b/..c/d..", "/a.b/..c/d.."),
            ("/a%20b", "/a b"),
            ("/caf%C3%A9", "/café"),
            ("/a:b@c,d=e+f!g", "/a:b@c,d=e+f!g"),
        ] {
            assert_eq!(decided(target.as_bytes()).as_deref(), Some(path), "{target}");
        }
    }

    #[test]
    fn a_path_that_could_be_read_in_two_ways_is_undecided() {
        for target in [
            "",
            "*",
            "a",
            "http://x/a",
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/a/.",
            "/a/..",
            "/a/../b",
            "/a/./b",
            "/a%2Fb",
            "/a%2fb",
            "/a%5Cb",
            "/a\\b",
            "/%2e%2e/a",
            "/%2E",
            "/a%252Fb",
            "/a%25",
            "/a;b",
            "/a%3Bb",
            "/..;/a",
            "/a#b",
            "/a%23b",
            "/a%3Fb",
            "/a%00",
            "/a%0A",
            "/a%7F",
            "/%61",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a%+1",
            "/a b",
            "/a\tb",
            "/a%FFb",
            "/a\"b",
            "/a|b",
            "/a{b",
            "/a%2Db",
        ] {
            assert_eq!(decided(target.as_bytes()), None, "{target}");
        }
        assert_eq!(decided(b"/caf\xC3\xA9"), None, "bytes that ought to be encoded");
    }

    fn pattern(path: Option<&str>, prefix: Option<&str>) -> Result<Pattern, PatternError> {
        Pattern::new(path.map(str::to_owned), prefix.map(str::to_owned))
    }

    #[test]
    fn a_prefix_means_whole_segments() {
        let Ok(prefix) = pattern(None, Some("/a")) else { panic!("a prefix") };
        assert!(prefix.means("/a") && prefix.means("/a/") && prefix.means("/a/b"));
        assert!(!prefix.means("/ab") && !prefix.means("/") && !prefix.means("/A/b"));
        let Ok(below) = pattern(None, Some("/a/")) else { panic!("a prefix") };
        assert!(below.means("/a/") && below.means("/a/b") && !below.means("/a") && below.may_mean("/a"));
        let Ok(path) = pattern(Some("/a"), None) else { panic!("a path") };
        assert!(path.means("/a") && !path.means("/a/") && path.may_mean("/a/") && !path.may_mean("/a/b"));
        let Ok(root) = pattern(None, Some("/")) else { panic!("a prefix") };
        assert!(root.is_everything() && root.means("/") && root.means("/anything/at/all"));
    }

    #[test]
    fn what_no_request_could_match_is_no_pattern() {
        assert_eq!(pattern(None, None), Err(PatternError::NotOne));
        assert_eq!(pattern(Some("/a"), Some("/a")), Err(PatternError::NotOne));
        for text in ["", "a", "/a?b", "/a//b", "/../a", "/a%20b", "/a*b c", "/a;b"] {
            assert_eq!(pattern(Some(text), None), Err(PatternError::NotPlain(text.to_owned())));
        }
    }
}
