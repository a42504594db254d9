//! What an account is called.

use std::{fmt, str::FromStr};

use jeton_policy::token_id::TokenId;

/// The most characters of a name: an e-mail address of usual length fits.
pub const MAX_NAME: usize = 64;
/// Names that stand in records for somebody who is no account.
const TAKEN: [&str; 4] = ["machine", "holder", "policy", super::SINGLE_SIGN_ON];

/// The name of an account: lower case, so that no two look alike. It is the owner of what the account makes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(String);

/// Why something is no name for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name has 1 to {MAX_NAME} letters, digits and `.`, `_`, `-`, `+` or `@`, begins with a letter or digit, and is not one of the authority's own words"
)]
pub struct NameError;

impl AccountName {
    /// As it stands in records.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let name = text.trim().to_ascii_lowercase();
        let sound = (1..=MAX_NAME).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+@".contains(&byte))
            && name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
            && !TAKEN.contains(&name.as_str())
            && TokenId::parse(&name).is_none();
        if sound { Ok(Self(name)) } else { Err(NameError) }
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_and_its_case_says_nothing() {
        let name = |text: &str| text.parse::<AccountName>().map(|name| name.0);
        assert_eq!(name(" Alice "), Ok("alice".to_owned()));
        assert_eq!(name("a.b_c-d+e@house.example"), Ok("a.b_c-d+e@house.example".to_owned()));
        for bad in
            ["", " ", "machine", "Policy", "holder", "-a", ".a", "a b", "a/b", "ä", "a\nb", "<b>", &"a".repeat(65)]
        {
            assert_eq!(name(bad), Err(NameError), "{bad:?}");
        }
        assert!(name(&"a".repeat(64)).is_ok());
        assert_eq!(name("0000000000000000000000"), Err(NameError), "it would be taken for the id of a token");
    }
}
