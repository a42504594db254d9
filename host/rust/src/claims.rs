//! What an accepted token says.

use std::fmt;
use std::sync::Arc;

/// What an accepted token says, cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims {
    /// The RFC 7662 answer, subject, client, scope, audience, one behind the other.
    answer: Arc<str>,
    /// Where each but the last ends.
    ends: [usize; 4],
    expires_at: u64,
}

impl Claims {
    /// From the answer that the policy rendered. `None`: its lengths do not fit it.
    pub(crate) fn new(answer: &[u8], lengths: [usize; 5], expires_at: u64) -> Option<Self> {
        let answer: Arc<str> = std::str::from_utf8(answer).ok()?.into();
        let (mut ends, mut end) = ([0; 4], 0_usize);
        let [introspection, subject, client, scope, audience] = lengths;
        for (place, length) in ends.iter_mut().zip([introspection, subject, client, scope]) {
            end = end.checked_add(length).filter(|end| answer.is_char_boundary(*end))?;
            *place = end;
        }
        (end.checked_add(audience)? == answer.len()).then_some(Self { answer, ends, expires_at })
    }

    /// The owner of the refresh token that it comes from; where it has none, the id of that.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.part(1)
    }

    /// The id of the refresh token that it comes from.
    #[must_use]
    pub fn client_id(&self) -> &str {
        self.part(2)
    }

    /// Its scopes, separated by spaces.
    #[must_use]
    pub fn scope(&self) -> &str {
        self.part(3)
    }

    /// Its scopes one by one.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope().split(' ').filter(|scope| !scope.is_empty())
    }

    /// Whether it has a scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|held| held == scope)
    }

    /// Whom it is for: the authority itself, unless said otherwise.
    #[must_use]
    pub fn audience(&self) -> &str {
        self.part(4)
    }

    /// When it is dead of age, in Unix time.
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// Everything as RFC 7662 has it: a JSON object with `active`, `iss`, `iat`, `jti` and the others.
    #[must_use]
    pub fn introspection(&self) -> &str {
        self.part(0)
    }

    fn part(&self, number: usize) -> &str {
        let from = number.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let to = self.ends.get(number).copied().unwrap_or(self.answer.len());
        self.answer.get(from..to).unwrap_or_default()
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.introspection())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn each_part_is_cut_out_by_its_length() {
        let claims = Claims::new(b"{}alicebobone twoapi", [2, 5, 3, 7, 3], 9).unwrap();
        assert_eq!((claims.introspection(), claims.subject(), claims.client_id()), ("{}", "alice", "bob"));
        assert_eq!((claims.scope(), claims.audience(), claims.expires_at()), ("one two", "api", 9));
        assert_eq!(claims.scopes().collect::<Vec<_>>(), ["one", "two"]);
        assert!(claims.has_scope("two") && !claims.has_scope("one two") && !claims.has_scope(""));
    }

    #[test]
    fn lengths_that_do_not_fit_give_nothing() {
        for lengths in [[2, 5, 3, 7, 4], [2, 5, 3, 7, 2], [usize::MAX, 1, 0, 0, 0], [0; 5], [21, 0, 0, 0, 0]] {
            assert_eq!(Claims::new(b"{}alicebobone twoapi", lengths, 9), None, "{lengths:?}");
        }
        assert_eq!(Claims::new(b"\xff", [1, 0, 0, 0, 0], 9), None);
        assert_eq!(Claims::new("\u{e9}".as_bytes(), [1, 1, 0, 0, 0], 9), None);
    }
}
