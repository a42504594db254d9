//! Where a live document stands: the few members that an edge reads by itself. What is in the document is the judge's business.

use serde::Deserialize;

use crate::FeedError;

/// Whose document it is, and where it stands among all of that authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    issuer: Option<String>,
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
    /// The authority's time.
    pub(crate) as_of: u64,
    /// How long a whole set counts.
    pub(crate) lease_seconds: Option<u64>,
    /// Whether it is a whole set.
    pub(crate) whole: bool,
    /// Whether it says that nothing has changed.
    pub(crate) nothing_new: bool,
}

#[derive(Deserialize)]
struct Members {
    issuer: Option<String>,
    sequence: u64,
    base: Option<u64>,
    as_of: u64,
    lease_seconds: Option<u64>,
    epoch: Epoch,
}

#[derive(Deserialize)]
struct Epoch {
    number: u64,
}

impl Position {
    pub(crate) fn of(document: &[u8]) -> Result<Self, FeedError> {
        let members: Members = serde_json::from_slice(document).map_err(|_| FeedError::Malformed)?;
        let Members { issuer, sequence, base, as_of, lease_seconds, epoch } = members;
        let (whole, nothing_new) = (base.is_none(), base == Some(sequence));
        Ok(Self { issuer, epoch: epoch.number, sequence, as_of, lease_seconds, whole, nothing_new })
    }

    /// Whether it may come after `floor`, as a judge that held that would find.
    pub(crate) fn follows(&self, floor: &Self) -> Result<(), FeedError> {
        if self.issuer.is_some() && self.issuer != floor.issuer {
            return Err(FeedError::AnotherAuthority);
        }
        if (self.epoch, self.sequence) < (floor.epoch, floor.sequence) {
            return Err(FeedError::Older);
        }
        Ok(())
    }

    /// The same, with what a change does not say as it was before.
    pub(crate) fn after(&self, before: Option<Self>) -> Self {
        let issuer = self.issuer.clone().or_else(|| before.and_then(|before| before.issuer));
        Self { issuer, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn whole(issuer: &str, epoch: u64, sequence: u64) -> Position {
        let document = format!(
            r#"{{"issuer":"{issuer}","sequence":{sequence},"base":null,"as_of":1,"lease_seconds":5,"epoch":{{"number":{epoch},"x":""}},"cuts":["a"],"dropped":[]}}"#
        );
        Position::of(document.as_bytes()).unwrap()
    }

    #[test]
    fn a_whole_set_and_a_change_are_told_apart() {
        let position = whole("https://a", 7, 9);
        assert!(position.whole && !position.nothing_new);
        assert_eq!((position.epoch, position.sequence, position.lease_seconds), (7, 9, Some(5)));
        let change = br#"{"sequence":9,"base":9,"as_of":3,"epoch":{"number":7},"cuts":[],"dropped":[]}"#;
        let change = Position::of(change).unwrap();
        assert!(!change.whole && change.nothing_new);
        assert_eq!(change.after(Some(position)).issuer.as_deref(), Some("https://a"));
        assert!(Position::of(b"{}").is_err() && Position::of(b"").is_err() && Position::of(b"[1]").is_err());
    }

    #[test]
    fn nothing_older_and_nobody_else_follows() {
        let floor = whole("https://a", 7, 9);
        for (position, follows) in [
            (whole("https://a", 7, 9), true),
            (whole("https://a", 7, 10), true),
            (whole("https://a", 8, 1), true),
            (whole("https://a", 7, 8), false),
            (whole("https://a", 6, 99), false),
            (whole("https://b", 8, 99), false),
        ] {
            assert_eq!(position.follows(&floor).is_ok(), follows, "{position:?}");
        }
    }
}
