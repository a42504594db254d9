//! Scopes: what a token is good for (RFC 6749 section 3.3).

/// The most scopes of one token.
pub const MAX_SCOPES: usize = 64;
/// The most bytes of one scope.
pub const MAX_SCOPE_LENGTH: usize = 128;
/// The most bytes of all scopes of a token together, spaces included: keeps an access token below 4 KiB.
pub const MAX_SCOPES_LENGTH: usize = 1024;
/// The prefix of the scopes that mean something to the authority itself.
pub const RESERVED_PREFIX: &str = "jeton:";
/// Everything under `/v1`.
pub const ADMIN: &str = "jeton:admin";
/// Reading under `/v1`.
pub const READ: &str = "jeton:read";
/// Asking about other tokens (RFC 7662).
pub const INTROSPECT: &str = "jeton:introspect";
/// Waiting for changes of the live set.
pub const LIVE: &str = "jeton:live";
/// Everything that is done with tokens under `/v1`, and nothing else there.
pub const TOKENS: &str = "jeton:tokens";
/// The same, with one's own tokens alone: those that have one's owner and descend from one's account.
pub const OWN: &str = "jeton:own";
/// The mark of what people sign in with: an account's token and its sessions. No other scope includes it and no access token
/// carries it, so that only the machine makes, changes and ends them.
pub const CONSOLE: &str = "jeton:console";
/// The `jeton:` scopes that exist.
const RESERVED: [&str; 7] = [ADMIN, READ, INTROSPECT, LIVE, TOKENS, OWN, CONSOLE];

/// Why something is not a list of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Not an RFC 6749 scope token, or longer than [`MAX_SCOPE_LENGTH`].
    #[error("a scope is one to {MAX_SCOPE_LENGTH} visible ASCII characters other than `\"` and `\\`")]
    Malformed,
    /// More than [`MAX_SCOPES`].
    #[error("at most {MAX_SCOPES} scopes")]
    TooMany,
    /// More than [`MAX_SCOPES_LENGTH`] together.
    #[error("at most {MAX_SCOPES_LENGTH} bytes of scopes")]
    TooLong,
    /// In the reserved `jeton:` space, but not one of the scopes that exist.
    #[error("no such `jeton:` scope")]
    Unknown,
}

/// Scopes in the order in which they were given, without duplicates and within the bounds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Takes scopes one by one.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn new<S: AsRef<str>>(scopes: impl IntoIterator<Item = S>) -> Result<Self, ScopeError> {
        let mut kept: Vec<String> = Vec::new();
        let mut length = 0_usize;
        for scope in scopes {
            let scope = scope.as_ref();
            if scope.is_empty() || scope.len() > MAX_SCOPE_LENGTH || !scope.bytes().all(is_scope_character) {
                return Err(ScopeError::Malformed);
            }
            if scope.starts_with(RESERVED_PREFIX) && !RESERVED.contains(&scope) {
                return Err(ScopeError::Unknown);
            }
            if kept.iter().any(|one| one == scope) {
                continue;
            }
            if kept.len() >= MAX_SCOPES {
                return Err(ScopeError::TooMany);
            }
            length = length.saturating_add(scope.len()).saturating_add(1);
            if length > MAX_SCOPES_LENGTH.saturating_add(1) {
                return Err(ScopeError::TooLong);
            }
            kept.push(scope.to_owned());
        }
        Ok(Self(kept))
    }

    /// Takes the `scope` parameter of RFC 6749: scopes separated by single spaces.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn parse(parameter: &str) -> Result<Self, ScopeError> {
        if parameter.is_empty() {
            return Ok(Self::default());
        }
        Self::new(parameter.split(' '))
    }

    /// Whether one of these covers `scope`: it is the same, or it includes it.
    #[must_use]
    pub fn cover(&self, scope: &str) -> bool {
        self.0.iter().any(|held| held == scope || includes(held, scope))
    }

    /// Whether every scope of `others` is covered.
    #[must_use]
    pub fn cover_all(&self, others: &Self) -> bool {
        others.0.iter().all(|scope| self.cover(scope))
    }

    /// Whether every `jeton:` scope of `others` is covered: what an actor must hold to touch a credential that has them.
    #[must_use]
    pub fn cover_reserved(&self, others: &Self) -> bool {
        others.0.iter().filter(|scope| scope.starts_with(RESERVED_PREFIX)).all(|scope| self.cover(scope))
    }

    /// Those that `bound` covers.
    #[must_use]
    pub fn within(&self, bound: &Self) -> Self {
        Self(self.0.iter().filter(|scope| bound.cover(scope)).cloned().collect())
    }

    /// Those that an access token may carry: all but [`CONSOLE`].
    #[must_use]
    pub fn mintable(&self) -> Self {
        Self(self.0.iter().filter(|scope| *scope != CONSOLE).cloned().collect())
    }

    /// Whether people sign in with what has these scopes.
    #[must_use]
    pub fn are_of_console(&self) -> bool {
        self.0.iter().any(|scope| scope == CONSOLE)
    }

    /// Those that exist: the `jeton:` ones, and what is in the catalogue.
    #[must_use]
    pub fn in_catalogue(&self, catalogue: &[String]) -> Self {
        let exists = |scope: &&String| scope.starts_with(RESERVED_PREFIX) || catalogue.contains(scope);
        Self(self.0.iter().filter(exists).cloned().collect())
    }

    /// Whether a token with these scopes may ask about other tokens.
    #[must_use]
    pub fn may_introspect(&self) -> bool {
        self.cover(INTROSPECT)
    }

    /// The scopes one by one.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// The `scope` parameter of RFC 6749.
    #[must_use]
    pub fn joined(&self) -> String {
        self.0.join(" ")
    }
}

/// Whether who holds one scope holds another with it.
fn includes(held: &str, scope: &str) -> bool {
    match held {
        ADMIN => scope.starts_with(RESERVED_PREFIX) && scope != CONSOLE,
        TOKENS => scope == READ || scope == OWN,
        _ => false,
    }
}

/// RFC 6749 section 3.3: `%x21 / %x23-5B / %x5D-7E`.
const fn is_scope_character(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn the_bounds_are_the_published_ones() {
        let many: Vec<String> = (0..65).map(|n| format!("s{n}")).collect();
        assert_eq!(Scopes::new(&many), Err(ScopeError::TooMany));
        assert!(Scopes::new(many.iter().take(64)).is_ok());
        assert_eq!(Scopes::new(["x".repeat(129)]), Err(ScopeError::Malformed));
        assert!(Scopes::new(["x".repeat(128)]).is_ok());
        let long: Vec<String> = (0..8).map(|n| format!("{n}{}", "x".repeat(127))).collect();
        assert_eq!(Scopes::new(&long), Err(ScopeError::TooLong));
        assert!(Scopes::new(long.iter().take(7)).is_ok());
        let exact: Vec<String> = (0..8).map(|n| format!("{n}{}", "x".repeat(if n == 7 { 120 } else { 127 }))).collect();
        assert_eq!(Scopes::new(&exact).unwrap().joined().len(), MAX_SCOPES_LENGTH);
    }

    #[test]
    fn only_rfc_6749_scope_tokens_are_scopes() {
        for bad in ["", "a b", "a\"b", "a\\b", "a\u{7f}", "ä", "a\n", "jeton:root"] {
            assert!(Scopes::new([bad]).is_err(), "{bad:?}");
        }
        assert_eq!(Scopes::parse("a  b"), Err(ScopeError::Malformed));
        assert_eq!(Scopes::parse(" a"), Err(ScopeError::Malformed));
        assert_eq!(Scopes::parse("a b a").unwrap().as_slice(), ["a", "b"]);
        assert_eq!(Scopes::parse("").unwrap(), Scopes::default());
    }

    #[test]
    fn admin_includes_the_other_reserved_scopes_and_nothing_else() {
        let admin = Scopes::new([ADMIN]).unwrap();
        for scope in RESERVED {
            assert_eq!(admin.cover(scope), scope != CONSOLE, "{scope}");
        }
        assert!(!admin.cover("orders"));
        assert!(admin.may_introspect());
        let reader = Scopes::new([READ, "orders"]).unwrap();
        assert!(!reader.cover(ADMIN) && !reader.may_introspect());
        let operator = Scopes::new([TOKENS]).unwrap();
        let held: Vec<&str> = RESERVED.into_iter().filter(|scope| operator.cover(scope)).collect();
        assert_eq!(held, [READ, TOKENS, OWN]);
        assert!(!Scopes::new([OWN]).unwrap().cover(READ), "who sees her own does not see everything");
        assert!(!reader.cover("Orders"), "case matters");
        assert!(reader.cover_reserved(&Scopes::new(["anything", READ]).unwrap()));
        assert!(!reader.cover_reserved(&admin));
        assert_eq!(Scopes::new([READ, "x"]).unwrap().within(&admin).as_slice(), [READ]);
    }
}
