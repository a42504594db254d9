//! A house's own rules, on top of those that every policy must hold. They bind refresh tokens with the scope `office`, and no others:
//! they are exchanged in business hours, have at most three living children, and are named by pattern.
//!
//! It is a module of `guest/component`, and three lines of that call it: see `docs/policies.md`.

use jeton_policy::authority::{ExchangeError, IssueError, Query, State, TokenExchangeError, TokenExchangeRequest};
use jeton_policy::{ports::Clock as _, refresh_token::RefreshToken};

use crate::{authority, host::Host};

/// What puts a refresh token under these rules. Whoever takes it away from one frees it: that is for administrators.
const OFFICE: &str = "office";

/// Business hours: Monday to Friday, from the first of these hours until the second (UTC).
const HOURS: [u64; 2] = [8, 18];

/// Living children that a refresh token may have. Two that are asked for in the same moment may both find room for one.
const MAX_CHILDREN: usize = 3;

/// Whether a refresh token of this name, with these scopes and this parent, may be issued.
pub(crate) fn may_issue(name: &str, scopes: &[String], parent: Option<&str>) -> Result<(), IssueError> {
    // A refusal is one of the contract's: the scope is not in the house's catalogue for such a name.
    if scopes.iter().any(|scope| scope == OFFICE) && !is_name(name) {
        return Err(IssueError::ScopeNotInCatalogue);
    }
    match parent {
        Some(parent) if is_bound(parent) && !has_room(parent) => Err(IssueError::DelegationNotAllowed),
        _ => Ok(()),
    }
}

/// Whether what is presented may be exchanged now. Whatever is no good is left to the rules, so that nobody learns from here what is.
pub(crate) fn may_exchange(presented: &str) -> Result<(), ExchangeError> {
    match RefreshToken::parse(presented) {
        Some(token) if is_bound(&token.id().to_string()) && !is_open(Host.now().seconds.0) => {
            Err(ExchangeError::InvalidGrant)
        }
        _ => Ok(()),
    }
}

/// The same for token exchange (RFC 8693), which also issues children.
pub(crate) fn may_exchange_token(asked: &TokenExchangeRequest<'_>) -> Result<(), TokenExchangeError> {
    may_exchange(asked.subject_token)?;
    let Some(name) = asked.name else { return Ok(()) };
    let parent = RefreshToken::parse(asked.subject_token).map(|token| token.id().to_string());
    match parent {
        Some(parent) if is_bound(&parent) && !(is_name(name) && has_room(&parent)) => {
            Err(TokenExchangeError::DelegationRefused)
        }
        _ => Ok(()),
    }
}

/// `team/purpose`, in lower case: `payroll/nightly-export`.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    name.split_once('/').is_some_and(|(team, purpose)| is_part(team) && is_part(purpose))
}

fn is_open(now: u64) -> bool {
    // 1970 began on a Thursday.
    let weekday = (now / 86_400 + 3) % 7;
    let hour = now / 3_600 % 24;
    let [opens, closes] = HOURS;
    weekday < 5 && (opens..closes).contains(&hour)
}

fn is_bound(id: &str) -> bool {
    let shown = authority::with(|authority| authority.show(id));
    shown.is_ok_and(|token| token.scopes.as_slice().iter().any(|scope| scope == OFFICE))
}

fn has_room(parent: &str) -> bool {
    let children = Query {
        parent: Some(parent.to_owned()),
        state: Some(State::Active),
        limit: 1 + MAX_CHILDREN as u32,
        ..Query::default()
    };
    // What cannot be counted is refused.
    authority::with(|authority| authority.list(&children))
        .is_ok_and(|page| page.items.len() < MAX_CHILDREN && page.next.is_none())
}
