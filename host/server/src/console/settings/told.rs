//! What the page tells beside the settings: who changed them, and by which policy the authority judges.

use std::time::{SystemTime, UNIX_EPOCH};

use jeton_runtime::{InForce, Member};
use serde::Serialize;
use serde_json::Value;

use super::{
    super::{
        page::{distance, written},
        span,
    },
    words::{ALL, Kind},
};
use crate::{api::time::from_rfc3339, app::now};

/// A change of settings, out of the audit log.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(super) struct Change {
    when: String,
    who: String,
    what: Vec<String>,
    at_once: bool,
    from: String,
}

impl Change {
    /// The change that a line tells of.
    pub(super) fn of(line: &str) -> Option<Self> {
        let entry: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let changed = entry.get("changed").and_then(Value::as_object)?;
        Some(Self {
            when: from_rfc3339(&text("at")).map(written).unwrap_or_default(),
            who: text("actor"),
            what: changed.iter().map(|(name, value)| format!("{name}: {}", in_words(name, value))).collect(),
            at_once: entry.get("at_once").and_then(Value::as_bool).unwrap_or_default(),
            from: text("from"),
        })
    }
}

fn in_words(name: &str, value: &Value) -> String {
    let kind = ALL.iter().find(|setting| setting.name == name).map(|setting| setting.kind);
    match (kind, value) {
        (Some(Kind::Span(_) | Kind::MaybeSpan(_)), Value::Number(seconds)) => {
            seconds.as_u64().map_or_else(|| value.to_string(), span::told)
        }
        (Some(Kind::Scopes(_)), Value::Null) => "any".to_owned(),
        (_, Value::Null) => "no maximum".to_owned(),
        (_, Value::Bool(is_on)) => if *is_on { "yes" } else { "no" }.to_owned(),
        (_, Value::Array(items)) if items.is_empty() => "none".to_owned(),
        (_, Value::Array(items)) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        (_, other) => other.to_string(),
    }
}

/// The policy in force.
#[derive(Serialize)]
pub(super) struct Policy {
    members: Vec<Component>,
    loaded: String,
    ago: String,
    loads: u64,
    rollbacks: u64,
    /// The one that was taken back last: when, and how it failed.
    last_rollback: Option<(String, String)>,
    failures: u64,
    /// Cases that a policy of the house's own has to pass.
    cases: usize,
}

/// One of its two components.
#[derive(Serialize)]
struct Component {
    world: &'static str,
    sha256: String,
    is_shipped: bool,
}

impl Policy {
    pub(super) fn of(in_force: &InForce) -> Self {
        let standing = in_force.standing();
        let component = |member: &Member| Component {
            world: member.kind.name(),
            sha256: member.sha256.clone(),
            is_shipped: member.is_shipped,
        };
        let loaded = unix(standing.loaded_at);
        Self {
            members: standing.members.iter().map(component).collect(),
            loaded: written(loaded),
            ago: distance(loaded, now()),
            loads: standing.swaps,
            rollbacks: standing.rollbacks,
            last_rollback: standing.last_rollback.map(|last| (written(unix(last.at)), last.reason)),
            failures: standing.failures.iter().sum(),
            cases: jeton_kit::cases().len(),
        }
    }
}

fn unix(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_in_words() {
        let line = r#"{"act":"settings.change","actor":"root","at":"2027-01-31T12:00:00Z","at_once":true,"changed":{"access_token_expiration":900,"never_allowed":false,"refresh_token_maximum":null,"scopes":["a","b"]},"from":"192.0.2.7"}"#;
        let told = Change {
            when: "2027-01-31 12:00".to_owned(),
            who: "root".to_owned(),
            what: [
                "access_token_expiration: 15 minutes",
                "never_allowed: no",
                "refresh_token_maximum: no maximum",
                "scopes: a b",
            ]
            .map(str::to_owned)
            .to_vec(),
            at_once: true,
            from: "192.0.2.7".to_owned(),
        };
        assert_eq!(Change::of(line), Some(told));
        assert_eq!(Change::of("{}"), None);
        assert_eq!(Change::of("nonsense"), None);
    }
}
