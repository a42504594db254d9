//! What an audit log tells of since a backup was made.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
};

use jeton_policy::store::Direction;
use jeton_store::{
    SqliteReader,
    audit::{AuditLog as _, Checker},
};
use serde_json::Value;

use super::{super::CliError, failed};

/// What was done since, as far as a restored store must know of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Since {
    ended: Vec<String>,
    owners: Vec<String>,
    doubtful: Vec<String>,
    through: u64,
}

impl Since {
    /// Reads a file of entries. It must be whole, and go on where the backup ends.
    pub(super) fn read(file: &Path, backup: &SqliteReader) -> Result<Self, CliError> {
        let unreadable = |error| CliError::Usage(format!("cannot read `{}`: {error}", file.display()));
        let lines = BufReader::new(File::open(file).map_err(unreadable)?).split(b'\n');
        let last = backup.audit_lines(None, Direction::Descending, 1).map_err(failed)?;
        let (head, last) = (last.head, last.lines.into_iter().next());
        let (mut checker, mut collected) = (Checker::new(), Collected::default());
        let (mut first, mut is_same) = (None, last.is_none());
        for line in lines {
            let line = line.map_err(unreadable)?;
            checker.line(&line);
            let members: Value = serde_json::from_slice(&line).unwrap_or_default();
            let seq = members.get("seq").and_then(Value::as_u64).unwrap_or_default();
            first.get_or_insert(seq);
            if seq == head {
                is_same = last.as_ref().is_some_and(|last| last.text.as_bytes() == line);
            }
            if seq == head.saturating_add(1) && first == Some(seq) {
                let prev = members.get("prev").and_then(Value::as_str).unwrap_or_default();
                is_same = last.as_ref().is_none_or(|last| last.text.contains(&format!("\"hash\":\"{prev}\"")));
            }
            if seq > head {
                collected.take(&members, seq);
            }
        }
        let report = checker.finish(None);
        if let Some(finding) = report.findings.first() {
            return Err(failed(format!("`{}` is not whole: {finding}; nothing was restored", file.display())));
        }
        if first.is_some_and(|first| first > head.saturating_add(1)) {
            return Err(failed(format!(
                "`{}` begins with entry {}, and the backup ends with entry {head}: what is between them is missing",
                file.display(),
                first.unwrap_or_default()
            )));
        }
        if !is_same {
            return Err(failed(format!(
                "`{}` does not go on where the backup ends: it is of another store",
                file.display()
            )));
        }
        Ok(collected.since())
    }

    /// Refresh tokens that ended.
    pub(super) fn ended(&self) -> &[String] {
        &self.ended
    }

    /// Owners all of whose refresh tokens ended.
    pub(super) fn owners(&self) -> &[String] {
        &self.owners
    }

    /// Refresh tokens that were disabled or given another secret.
    pub(super) fn doubtful(&self) -> &[String] {
        &self.doubtful
    }

    /// The last entry.
    pub(super) fn through(&self) -> u64 {
        self.through
    }
}

#[derive(Default)]
struct Collected {
    ended: BTreeSet<String>,
    owners: BTreeSet<String>,
    doubtful: BTreeSet<String>,
    through: u64,
}

impl Collected {
    fn take(&mut self, members: &Value, seq: u64) {
        self.through = self.through.max(seq);
        let texts = |name: &str| -> Vec<String> {
            let items = members.get(name).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
        };
        match members.get("ended") {
            Some(Value::Bool(true)) => self.ended.extend(texts("targets")),
            Some(Value::Array(_)) => self.ended.extend(texts("ended")),
            _ => {}
        }
        match members.get("act").and_then(Value::as_str) {
            Some("owner.delete") => {
                self.owners.extend(members.get("owner").and_then(Value::as_str).map(str::to_owned));
            }
            Some("refresh-token.disable" | "refresh-token.rotate") => self.doubtful.extend(texts("targets")),
            Some("refresh-token.enable") => {
                for id in texts("targets") {
                    self.doubtful.remove(&id);
                }
            }
            _ => {}
        }
    }

    fn since(self) -> Since {
        let Self { ended, owners, doubtful, through } = self;
        let doubtful = doubtful.into_iter().filter(|id| !ended.contains(id)).collect();
        Since { ended: ended.into_iter().collect(), owners: owners.into_iter().collect(), doubtful, through }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_ended_ends_again_and_what_is_in_doubt_is_disabled() {
        let mut collected = Collected::default();
        for (seq, entry) in [
            json!({ "act": "refresh-token.delete", "targets": ["a", "b"], "ended": true }),
            json!({ "act": "access-token.delete", "targets": ["c"], "clients": ["c"] }),
            json!({ "act": "refresh-token.import", "targets": ["d", "e"], "ended": ["e"] }),
            json!({ "act": "owner.delete", "owner": "alice" }),
            json!({ "act": "refresh-token.disable", "targets": ["f"] }),
            json!({ "act": "refresh-token.enable", "targets": ["f"] }),
            json!({ "act": "refresh-token.rotate", "targets": ["g"] }),
            json!({ "act": "refresh-token.rotate", "targets": ["a"] }),
        ]
        .iter()
        .enumerate()
        {
            collected.take(entry, u64::try_from(seq).unwrap_or_default());
        }
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            collected.since(),
            Since { ended: texts(&["a", "b", "e"]), owners: texts(&["alice"]), doubtful: texts(&["g"]), through: 7 }
        );
    }
}
