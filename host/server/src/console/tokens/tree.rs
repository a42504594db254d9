//! What lies below a token, and how much of what it gave out may be alive.

use std::collections::HashSet;

use jeton_runtime::{
    AuthorityCall, Called,
    wit::refresh_tokens::{Query, RefreshToken, State},
};

/// Tokens below others that are looked at before a page says "at least".
const MAX_BELOW: usize = 1000;

/// The living tokens below others.
pub(super) struct Below {
    pub(super) tokens: Vec<RefreshToken>,
    /// Whether these are all.
    pub(super) is_all: bool,
}

impl Below {
    /// How many, in words: `3`, or `1000 or more`.
    pub(super) fn counted(&self) -> String {
        let more = if self.is_all { "" } else { " or more" };
        format!("{}{more}", self.tokens.len())
    }
}

/// The living tokens below `ids`, through all levels; none of `ids` is among them.
///
/// # Errors
/// A trap of the policy.
pub(super) fn below(call: &mut AuthorityCall<'_>, ids: &[String]) -> Called<Below> {
    let mut seen: HashSet<String> = ids.iter().cloned().collect();
    let (mut waiting, mut below) = (ids.to_vec(), Below { tokens: Vec::new(), is_all: true });
    while let Some(parent) = waiting.pop() {
        let mut query = Query { parent: Some(parent), ..Query::first(1000) };
        loop {
            let Ok(page) = call.list(&query)? else {
                below.is_all = false;
                break;
            };
            let living = page.items.into_iter().filter(|token| token.state != State::Deleted);
            for token in living.filter(|token| seen.insert(token.id.clone())).collect::<Vec<_>>() {
                waiting.push(token.id.clone());
                below.tokens.push(token);
            }
            if below.tokens.len() >= MAX_BELOW {
                below.is_all = false;
                return Ok(below);
            }
            let Some(next) = page.next else { break };
            query.cursor = Some(next);
        }
    }
    Ok(below)
}

/// How many access tokens that refresh tokens gave out may be alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Living {
    None,
    AtMost(u64),
    /// A crash may have lost how often they were exchanged.
    Unknown,
}

impl Living {
    /// Of these tokens, in an epoch that began at `epoch`: no more than there were exchanges, and none where the last of them is over
    /// by the token's present lifetime of access tokens.
    pub(super) fn of<'a>(tokens: impl IntoIterator<Item = &'a RefreshToken>, epoch: u64, now: u64) -> Self {
        let one = |token: &RefreshToken| match &token.last_use {
            _ if token.state == State::Deleted => Self::None,
            _ if !token.last_use_certain => Self::Unknown,
            Some(used) if used.at >= epoch && used.at.saturating_add(token.access_ttl) > now => {
                Self::AtMost(used.count)
            }
            _ => Self::None,
        };
        tokens.into_iter().map(one).fold(Self::None, |sum, one| match (sum, one) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::AtMost(sum), Self::AtMost(one)) => Self::AtMost(sum.saturating_add(one)),
            (sum, Self::None) => sum,
            (Self::None, one) => one,
        })
    }

    /// As a page says it.
    pub(super) fn told(self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::AtMost(count) => format!("at most {count}"),
            Self::Unknown => "not known".to_owned(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use jeton_runtime::wit::refresh_tokens::{Bindings, LastUse};

    use super::*;

    /// A token that is exchanged by nobody.
    pub(in super::super) fn token() -> RefreshToken {
        RefreshToken {
            id: "0000000000000000000001".to_owned(),
            name: "nightly job".to_owned(),
            owner: None,
            parent: None,
            scopes: vec!["reports".to_owned()],
            state: State::Active,
            created_at: 1_790_000_000,
            created_by: "machine".to_owned(),
            expires_at: None,
            access_ttl: 900,
            depth: 0,
            bindings: Bindings::default(),
            may_delegate: false,
            rotates_on_use: false,
            superseded_until: None,
            exchanges_left: None,
            last_use: None,
            last_use_certain: true,
            generation: 1,
            disabled: None,
            ending: None,
        }
    }

    #[test]
    fn no_more_is_alive_than_was_exchanged_and_nothing_that_is_over() {
        let (now, epoch) = (1_800_000_000, 1_799_999_000);
        let used = |at, count| RefreshToken { last_use: Some(LastUse { at, address: None, count }), ..token() };
        let of = |tokens: &[RefreshToken]| Living::of(tokens, epoch, now);
        assert_eq!(of(&[token()]), Living::None);
        assert_eq!(of(&[used(now - 899, 3), used(now - 1, 4), token()]), Living::AtMost(7));
        assert_eq!(of(&[used(now - 900, 3)]), Living::None);
        assert_eq!(Living::of(&[used(now - 1, 3)], now, now), Living::None, "of an epoch that is over");
        assert_eq!(of(&[used(now, 3), RefreshToken { last_use_certain: false, ..token() }]), Living::Unknown);
        assert_eq!(of(&[RefreshToken { state: State::Deleted, ..used(now, 3) }]), Living::None);
        assert_eq!(Living::AtMost(7).told(), "at most 7");
    }
}
