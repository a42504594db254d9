//! A refresh token as `/v1` shows it.

use jeton_runtime::wit::refresh_tokens::{RefreshToken, State};
use jeton_runtime::wit::types::Reason;
use serde::Serialize;

use super::super::time::to_rfc3339;

/// A record. Moments are RFC 3339; what a dead one adds says when, by whom and why it ended.
#[derive(Serialize)]
pub(in super::super) struct Record<'a> {
    id: &'a str,
    name: &'a str,
    owner: Option<&'a str>,
    parent: Option<&'a str>,
    /// How many it descends from.
    depth: u32,
    scopes: &'a [String],
    state: &'static str,
    created_at: String,
    created_by: &'a str,
    expires_at: Option<String>,
    access_ttl: u64,
    not_before: Option<String>,
    networks: &'a [String],
    networks_in_access_tokens: bool,
    audiences: &'a [String],
    max_exchanges: Option<u64>,
    exchanges_left: Option<u64>,
    may_delegate: bool,
    rotates_on_use: bool,
    superseded_until: Option<String>,
    last_used_at: Option<String>,
    last_used_from: Option<&'a str>,
    exchange_count: u64,
    /// Whether no crash can have lost a use: without it `last_used_at` is "at least", and `null` is unknown.
    last_used_certain: bool,
    generation: u64,
    #[serde(flatten)]
    disabled: Option<Disabled<'a>>,
    #[serde(flatten)]
    ended: Option<Ended<'a>>,
}

/// Why one that has not ended is not exchanged.
#[derive(Serialize)]
struct Disabled<'a> {
    disabled_at: String,
    disabled_by: &'a str,
    note: Option<&'a str>,
}

#[derive(Serialize)]
struct Ended<'a> {
    ended_at: Option<String>,
    /// Nobody, where time did.
    ended_by: Option<&'a str>,
    reason: &'static str,
    note: Option<&'a str>,
}

/// A record and, where it was made just now, its secret: here, once, and nowhere again.
#[derive(Serialize)]
pub(super) struct WithSecret<'a> {
    #[serde(flatten)]
    pub(super) record: Record<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// The record of a token. The secret is no part of it.
    pub(in super::super) fn of(token: &'a RefreshToken) -> Record<'a> {
        let (bindings, last_use) = (&token.bindings, token.last_use.as_ref());
        Record {
            id: &token.id,
            name: &token.name,
            owner: token.owner.as_deref(),
            parent: token.parent.as_deref(),
            depth: token.depth,
            scopes: &token.scopes,
            state: state_name(token.state),
            created_at: to_rfc3339(token.created_at),
            created_by: &token.created_by,
            expires_at: token.expires_at.map(to_rfc3339),
            access_ttl: token.access_ttl,
            not_before: bindings.not_before.map(to_rfc3339),
            networks: &bindings.networks,
            networks_in_access_tokens: bindings.networks_in_access_tokens,
            audiences: &bindings.audiences,
            max_exchanges: bindings.max_exchanges,
            exchanges_left: token.exchanges_left,
            may_delegate: token.may_delegate,
            rotates_on_use: token.rotates_on_use,
            superseded_until: token.superseded_until.map(to_rfc3339),
            last_used_at: last_use.map(|used| to_rfc3339(used.at)),
            last_used_from: last_use.and_then(|used| used.address.as_deref()),
            exchange_count: last_use.map_or(0, |used| used.count),
            last_used_certain: token.last_use_certain,
            generation: token.generation,
            disabled: token.disabled.as_ref().map(|disabled| Disabled {
                disabled_at: to_rfc3339(disabled.at),
                disabled_by: &disabled.by,
                note: disabled.note.as_deref(),
            }),
            ended: ended(token),
        }
    }
}

fn ended(token: &RefreshToken) -> Option<Ended<'_>> {
    if let Some(ending) = &token.ending {
        return Some(Ended {
            ended_at: Some(to_rfc3339(ending.at)),
            ended_by: Some(&ending.by),
            reason: reason_name(ending.reason),
            note: ending.note.as_deref(),
        });
    }
    let expired = Ended { ended_at: token.expires_at.map(to_rfc3339), ended_by: None, reason: "expired", note: None };
    (token.state == State::Expired).then_some(expired)
}

/// The states by name, as records show them and `?state=` takes them.
pub(in super::super) const STATES: [(&str, State); 4] = [
    ("active", State::Active),
    ("disabled", State::Disabled),
    ("expired", State::Expired),
    ("deleted", State::Deleted),
];

/// The state of this name.
pub(super) fn state_named(name: &str) -> Option<State> {
    STATES.iter().find(|(known, _)| *known == name).map(|(_, state)| *state)
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Active => "active",
        State::Disabled => "disabled",
        State::Expired => "expired",
        State::Deleted => "deleted",
    }
}

/// How a reason is written.
pub(crate) fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Deleted => "deleted",
        Reason::Compromised => "compromised",
        Reason::Superseded => "superseded",
        Reason::Unused => "unused",
        Reason::OwnerLeft => "owner-left",
        Reason::RevokedByHolder => "revoked-by-holder",
        Reason::ParentEnded => "parent-ended",
        Reason::ReuseDetected => "reuse-detected",
        Reason::Disabled => "disabled",
        Reason::Narrowed => "narrowed",
        Reason::Rotated => "rotated",
        Reason::TooManyRevocations => "too-many-revocations",
        Reason::ClockAccepted => "clock-accepted",
    }
}

/// Every reason.
pub(in super::super) const EVERY_REASON: [Reason; 13] = [
    Reason::Deleted,
    Reason::Compromised,
    Reason::Superseded,
    Reason::Unused,
    Reason::OwnerLeft,
    Reason::RevokedByHolder,
    Reason::ParentEnded,
    Reason::ReuseDetected,
    Reason::Disabled,
    Reason::Narrowed,
    Reason::Rotated,
    Reason::TooManyRevocations,
    Reason::ClockAccepted,
];

/// Those that an administrator may give.
pub(in super::super) const GIVEN_REASONS: [Reason; 5] =
    [Reason::Deleted, Reason::Compromised, Reason::Superseded, Reason::Unused, Reason::OwnerLeft];

/// The reason of this name, of all that there are.
pub(in super::super) fn every_reason_named(name: &str) -> Option<Reason> {
    EVERY_REASON.into_iter().find(|reason| reason_name(*reason) == name)
}

/// The reason of this name, of those that an administrator may give.
pub(crate) fn reason_named(name: &str) -> Option<Reason> {
    GIVEN_REASONS.into_iter().find(|reason| reason_name(*reason) == name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use jeton_runtime::wit::refresh_tokens::Bindings;
    use jeton_runtime::wit::types::Ending;
    use serde_json::{Value, json};

    fn token() -> RefreshToken {
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

    fn shown(token: &RefreshToken) -> Value {
        serde_json::to_value(Record::of(token)).unwrap()
    }

    #[test]
    fn a_living_record_has_these_members_and_no_others() {
        assert_eq!(
            shown(&token()),
            json!({
                "id": "0000000000000000000001", "name": "nightly job", "owner": null, "parent": null, "scopes": ["reports"], "state": "active",
                "created_at": "2026-09-21T14:13:20Z", "created_by": "machine", "expires_at": null, "access_ttl": 900, "depth": 0,
                "not_before": null, "networks": [], "networks_in_access_tokens": false, "audiences": [], "max_exchanges": null,
                "exchanges_left": null, "may_delegate": false, "rotates_on_use": false, "superseded_until": null,
                "last_used_at": null, "last_used_from": null, "exchange_count": 0, "last_used_certain": true, "generation": 1,
            })
        );
    }

    #[test]
    fn a_deleted_one_says_when_by_whom_and_why() {
        let ending = Ending {
            at: 1_790_000_001,
            by: "machine".to_owned(),
            reason: Reason::OwnerLeft,
            note: Some("gone".to_owned()),
        };
        let shown = shown(&RefreshToken { state: State::Deleted, ending: Some(ending), ..token() });
        assert_eq!(shown.get("state"), Some(&json!("deleted")));
        assert_eq!(shown.get("ended_at"), Some(&json!("2026-09-21T14:13:21Z")));
        assert_eq!(shown.get("ended_by"), Some(&json!("machine")));
        assert_eq!(shown.get("reason"), Some(&json!("owner-left")));
        assert_eq!(shown.get("note"), Some(&json!("gone")));
    }

    #[test]
    fn a_disabled_one_says_since_when_by_whom_and_why() {
        let disabled = Ending {
            at: 1_790_000_001,
            by: "machine".to_owned(),
            reason: Reason::Disabled,
            note: Some("may have leaked".to_owned()),
        };
        let shown = shown(&RefreshToken { state: State::Disabled, disabled: Some(disabled), ..token() });
        assert_eq!(shown.get("state"), Some(&json!("disabled")));
        assert_eq!(shown.get("disabled_at"), Some(&json!("2026-09-21T14:13:21Z")));
        assert_eq!(shown.get("disabled_by"), Some(&json!("machine")));
        assert_eq!(shown.get("note"), Some(&json!("may have leaked")));
        assert_eq!(shown.get("ended_at"), None);
    }

    #[test]
    fn an_expired_one_says_that_time_did_it() {
        let shown = shown(&RefreshToken { state: State::Expired, expires_at: Some(1_790_000_001), ..token() });
        assert_eq!(shown.get("ended_at"), Some(&json!("2026-09-21T14:13:21Z")));
        assert_eq!(shown.get("ended_by"), Some(&Value::Null));
        assert_eq!(shown.get("reason"), Some(&json!("expired")));
    }

    #[test]
    fn names_of_states_are_read_as_they_are_written() {
        for (name, state) in STATES {
            assert_eq!(state_name(state), name);
            assert_eq!(state_named(name), Some(state));
        }
        assert_eq!(state_named("Active"), None);
    }

    #[test]
    fn an_administrator_cannot_give_a_reason_that_only_happens() {
        for name in ["revoked-by-holder", "parent-ended", "expired", "", "Deleted"] {
            assert_eq!(reason_named(name), None, "{name}");
        }
        assert_eq!(reason_named("owner-left"), Some(Reason::OwnerLeft));
    }
}
