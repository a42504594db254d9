//! A notice: something that somebody should know before it hurts, in a sentence that says what to do.

use std::str::FromStr;

use data_encoding::HEXLOWER;
use minicbor::{Decode, Encode};
use serde_json::{Value, json};

use crate::{accounts::random, api::time::to_rfc3339};

/// What a notice is about, in one fixed word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cbor(index_only)]
pub enum Kind {
    /// A refresh token is about to expire.
    #[n(0)]
    TokenExpiring,
    /// One that was made long ago was never exchanged.
    #[n(1)]
    TokenNeverUsed,
    /// A spent secret came again, and the policy ended the token.
    #[n(2)]
    ReuseDetected,
    /// The machine's clock goes wrong.
    #[n(3)]
    ClockOdd,
    /// There is no backup, or it is old.
    #[n(4)]
    BackupOld,
    /// Notices do not get where they should go.
    #[n(5)]
    DeliveryFailed,
}

impl Kind {
    /// All that there are.
    pub const ALL: [Self; 6] = [
        Self::TokenExpiring,
        Self::TokenNeverUsed,
        Self::ReuseDetected,
        Self::ClockOdd,
        Self::BackupOld,
        Self::DeliveryFailed,
    ];

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::TokenExpiring => "token-expiring",
            Self::TokenNeverUsed => "token-never-used",
            Self::ReuseDetected => "reuse-detected",
            Self::ClockOdd => "clock-odd",
            Self::BackupOld => "backup-old",
            Self::DeliveryFailed => "delivery-failed",
        }
    }

    /// Its place in [`Kind::ALL`].
    pub(crate) const fn place(self) -> usize {
        self as usize
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let kind = Self::ALL.into_iter().find(|kind| kind.word() == word);
        kind.ok_or_else(|| format!("the kinds are {}", Self::ALL.map(Self::word).join(", ")))
    }
}

/// A refresh token, as far as everybody may know it who may know of it at all: never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct About {
    /// Its public id.
    #[n(0)]
    pub id: String,
    /// Its name.
    #[n(1)]
    pub name: String,
    /// Whose it is.
    #[n(2)]
    pub owner: Option<String>,
}

/// Something to be told, once.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Notice {
    /// Drawn when it is made, and the same wherever it is told: what receivers know a repetition by.
    #[n(0)]
    pub id: String,
    /// What it is about.
    #[n(1)]
    pub kind: Kind,
    /// When it was made, in Unix seconds.
    #[n(2)]
    pub at: u64,
    /// The refresh token that it is about.
    #[n(3)]
    pub token: Option<About>,
    /// When that expires, in Unix seconds, where it matters.
    #[n(4)]
    pub expires_at: Option<u64>,
    /// What happened or will happen, and what to do.
    #[n(5)]
    pub sentence: String,
}

impl Notice {
    /// One about the house, and no token in particular.
    #[must_use]
    pub fn new(kind: Kind, at: u64, sentence: String) -> Self {
        Self { id: HEXLOWER.encode(&random::<16>()), kind, at, token: None, expires_at: None, sentence }
    }

    /// One about a refresh token.
    #[must_use]
    pub fn about(self, token: About) -> Self {
        Self { token: Some(token), ..self }
    }

    /// As everybody is told who reads JSON.
    #[must_use]
    pub fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "kind": self.kind.word(),
            "at": to_rfc3339(self.at),
            "token": self.token.as_ref().map(|token| json!({ "id": token.id, "name": token.name, "owner": token.owner })),
            "expires_at": self.expires_at.map(to_rfc3339),
            "sentence": self.sentence,
        })
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        minicbor::decode(bytes).ok()
    }

    pub(super) fn to_stored(&self) -> Vec<u8> {
        // Writing into memory cannot fail.
        minicbor::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn a_kind_is_read_as_it_is_written_and_has_its_own_place() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!((kind.word().parse(), kind.place()), (Ok(kind), place));
            let json: Kind = serde_json::from_value(Value::String(kind.word().to_owned())).unwrap();
            assert_eq!(json, kind);
        }
        assert!("Token-Expiring".parse::<Kind>().unwrap_err().starts_with("the kinds are token-expiring, "));
    }

    #[test]
    fn a_notice_is_stored_and_read_as_it_was_and_shown_without_a_member_more() {
        let token = About { id: "i".to_owned(), name: "nightly job".to_owned(), owner: None };
        let notice = Notice::new(Kind::TokenExpiring, 1_790_000_000, "It ends.".to_owned()).about(token);
        assert_eq!(Notice::read(&notice.to_stored()).as_ref(), Some(&notice));
        assert_eq!(
            notice.shown(),
            json!({
                "id": notice.id, "kind": "token-expiring", "at": "2026-09-21T14:13:20Z", "expires_at": null,
                "token": { "id": "i", "name": "nightly job", "owner": null }, "sentence": "It ends.",
            })
        );
        assert_eq!(notice.id.len(), 32);
    }
}
