//! What a request shows in `Authorization` (RFC 6750 section 2.1), read as the authority itself reads it.

use jeton_policy::access_token::MAX_TOKEN_LENGTH;

/// Why what was shown is refused before anybody judges it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// Nothing, or nothing of the scheme `Bearer`.
    #[error("no token was shown")]
    Missing,
    /// More than one header, or not one token behind the scheme.
    #[error("the `Authorization` header is malformed, or there is more than one")]
    Malformed,
    /// Longer than any token is.
    #[error("the token has more than {MAX_TOKEN_LENGTH} bytes")]
    TooLong,
}

/// The one token that the values of `Authorization` show. Envoy folds several of them into one, with commas.
///
/// # Errors
/// [`BearerError`].
pub fn token<'h>(mut values: impl Iterator<Item = &'h [u8]>) -> Result<&'h str, BearerError> {
    let value = values.next().ok_or(BearerError::Missing)?;
    if values.next().is_some() || !value.is_ascii() {
        return Err(BearerError::Malformed);
    }
    let text = str::from_utf8(value).map_err(|_| BearerError::Malformed)?.trim_matches(' ');
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    let token = token.trim_start_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") {
        Err(BearerError::Missing)
    } else if token.len() > MAX_TOKEN_LENGTH {
        Err(BearerError::TooLong)
    } else if token.is_empty() || token.contains([' ', '\t', ',']) {
        Err(BearerError::Malformed)
    } else {
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(values: &[&str]) -> Result<String, BearerError> {
        token(values.iter().map(|value| value.as_bytes())).map(str::to_owned)
    }

    #[test]
    fn the_scheme_is_known_in_any_case() {
        for value in ["Bearer a.b", "bearer a.b", "BEARER   a.b", " Bearer a.b "] {
            assert_eq!(shown(&[value]).as_deref(), Ok("a.b"), "{value}");
        }
    }

    #[test]
    fn what_is_no_bearer_token_is_refused_by_its_kind() {
        for values in [&[][..], &[""], &["Basic dXNlcjpw"], &["Digest a"], &["Bearerx a"]] {
            assert_eq!(shown(values), Err(BearerError::Missing), "{values:?}");
        }
        for values in [
            &["Bearer"][..],
            &["Bearer "],
            &["Bearer a b"],
            &["Bearer a,Bearer a"],
            &["Bearer a", "Bearer a"],
            &["Basic x", "Bearer a"],
            &["Bearer a\u{e9}"],
        ] {
            assert_eq!(shown(values), Err(BearerError::Malformed), "{values:?}");
        }
        let longest = format!("Bearer {}", "a".repeat(MAX_TOKEN_LENGTH));
        assert!(shown(&[&longest]).is_ok());
        assert_eq!(shown(&[&format!("{longest}a")]), Err(BearerError::TooLong));
    }
}
