//! The one writer: it gathers the commits that wait, makes them durable with one sync, tells the observer and only then
//! answers.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering::Relaxed, mpsc::Receiver},
    thread,
};

use jeton_policy::store::{Check, CommitError, Write};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::{
    OpenError, Shared, audit,
    open::{self, Absent},
    readers::Gate,
    reply::Reply,
    schema,
    seam::Seam,
};
use crate::{
    audit::{Entry, Tip},
    observe::Committed,
};

/// Commits of one group: what one failed sync can take down, and how long the first of them waits for the others.
const MAX_GROUP: usize = 256;
/// Bytes of one group after which no further commit joins it.
const MAX_GROUP_BYTES: usize = 8 * 1024 * 1024;

/// What the writer is sent.
pub(super) enum Message {
    Commit(Member),
    /// A read found the store closed: open it anew if that is possible now.
    Reopen,
    /// Finish what was sent before this and end.
    Close,
}

/// One commit, and who waits for it.
pub(super) struct Member {
    pub(super) checks: Vec<Check>,
    pub(super) writes: Vec<Write>,
    pub(super) record: Record,
    pub(super) answer: Reply,
}

/// What of a commit goes into the audit log.
#[derive(Default)]
pub(super) struct Record {
    pub(super) entries: Vec<Entry>,
    /// Lines to take away, up to a number, and the entry that seals them.
    pub(super) prune: Option<(u64, Entry)>,
}

pub(super) struct Writer {
    path: PathBuf,
    migrations: &'static [&'static str],
    /// `None` while the store could not be opened anew.
    connection: Option<Connection>,
    shared: Arc<Shared>,
    inbox: Receiver<Message>,
}

/// How a group failed.
enum Failure {
    /// Nothing of it took effect.
    RolledBack(rusqlite::Error),
    /// COMMIT itself failed.
    Unknown(rusqlite::Error),
}

impl Writer {
    pub(super) fn new(
        path: PathBuf,
        migrations: &'static [&'static str],
        connection: Connection,
        shared: Arc<Shared>,
        inbox: Receiver<Message>,
    ) -> Self {
        Self { path, migrations, connection: Some(connection), shared, inbox }
    }

    /// Serves until it is told to close or nobody can send any more.
    pub(super) fn run(mut self) {
        // Also when an observer panics nothing more is answered; and whoever waits learns it when the inbox is dropped.
        let _closing = Closing(Arc::clone(&self.shared));
        while let Ok(message) = self.inbox.recv() {
            self.shared.taken(&message);
            match message {
                Message::Commit(first) => {
                    let (group, close) = self.gather(first);
                    self.serve(group);
                    if close {
                        break;
                    }
                }
                Message::Reopen => {
                    self.shared.nudged.store(false, Relaxed);
                    self.recover();
                }
                Message::Close => break,
            }
        }
        self.take_down();
    }

    /// The next message, if one waits already.
    fn next(&self) -> Option<Message> {
        self.inbox.try_recv().ok().inspect(|message| self.shared.taken(message))
    }

    /// Whoever waits already joins the first; nobody is waited for.
    fn gather(&self, first: Member) -> (Vec<Member>, bool) {
        let mut bytes = first.bytes();
        let mut group = vec![first];
        while group.len() < MAX_GROUP && bytes < MAX_GROUP_BYTES {
            match self.next() {
                Some(Message::Commit(member)) => {
                    bytes = bytes.saturating_add(member.bytes());
                    group.push(member);
                }
                // The group itself opens a closed store.
                Some(Message::Reopen) => self.shared.nudged.store(false, Relaxed),
                Some(Message::Close) => return (group, true),
                None => break,
            }
        }
        (group, false)
    }

    fn serve(&mut self, group: Vec<Member>) {
        self.recover();
        let Some(connection) = &self.connection else {
            return refuse(group);
        };
        match apply(connection, &group, &self.shared) {
            Ok(outcomes) => self.acknowledge(group, outcomes),
            Err(failure) => {
                self.shared.statistics.failed();
                self.fail(failure);
                refuse(group);
            }
        }
    }

    /// Every change is durable here. An answer, be it a conflict, may rest on changes of the same group, so that none
    /// is given earlier.
    fn acknowledge(&self, group: Vec<Member>, outcomes: Vec<Option<u64>>) {
        let last = outcomes.iter().copied().flatten().max();
        let mut answers = Vec::with_capacity(group.len());
        let mut changes = Vec::new();
        let mut committed: u64 = 0;
        let mut conflicts: u64 = 0;
        for (member, outcome) in group.into_iter().zip(outcomes) {
            if let Some(revision) = outcome {
                committed = committed.saturating_add(1);
                changes.extend(Committed::new(revision, member.writes));
            } else {
                conflicts = conflicts.saturating_add(1);
            }
            answers.push((member.answer, outcome.ok_or(CommitError::Conflict)));
        }
        self.shared.statistics.grouped(committed, conflicts);
        if !changes.is_empty()
            && let Some(observer) = self.shared.observer.lock().as_mut()
        {
            observer.committed(&changes);
        }
        if let Some(last) = last {
            self.shared.announced.announce(last);
        }
        for (reply, answer) in answers {
            reply.give(answer);
        }
    }

    fn fail(&mut self, failure: Failure) {
        let clean = self.connection.as_ref().is_some_and(Connection::is_autocommit);
        match failure {
            Failure::RolledBack(error) if clean && is_passing(&error) => {
                tracing::error!(%error, "a group of commits failed and was rolled back");
            }
            Failure::RolledBack(error) => {
                tracing::error!(%error, "a group of commits failed; the store is opened anew");
                self.take_down();
                self.recover();
            }
            Failure::Unknown(error) => {
                tracing::error!(%error, "the outcome of a group of commits is unknown; the store is opened anew");
                self.take_down();
                self.recover();
            }
        }
    }

    /// Closes every connection, so that the next one recovers the log from what is in the file.
    fn take_down(&mut self) {
        self.shared.announced.close();
        self.shared.readers.close();
        if let Some(Err((_, error))) = self.connection.take().map(Connection::close) {
            tracing::warn!(%error, "closing the database failed");
        }
    }

    fn reopened(&self) -> Result<(Connection, u64), OpenError> {
        let connection = open::writer(&self.path, Absent::Refuse, self.migrations)?;
        let revision =
            schema::revision(&connection).map_err(|error| OpenError::from_sqlite(self.path.clone(), error))?;
        Ok((connection, revision))
    }

    /// Opens a closed store, if that is possible now: its contents are settled, then the observer reads them, then all
    /// may.
    fn recover(&mut self) {
        if self.connection.is_some() {
            return;
        }
        match self.reopened() {
            Ok((connection, revision)) => {
                self.connection = Some(connection);
                if let Some(observer) = self.shared.observer.lock().as_mut() {
                    self.shared.readers.admit(Gate::Only(thread::current().id()));
                    observer.outcome_unknown();
                }
                self.shared.announced.announce(revision);
                self.shared.readers.admit(Gate::Open);
                tracing::warn!("the store was opened anew");
            }
            Err(error) => {
                self.shared.statistics.failed();
                tracing::error!(%error, "the store cannot be opened anew");
            }
        }
    }
}

impl Member {
    fn bytes(&self) -> usize {
        let written =
            self.writes.iter().map(|write| write.key.len().saturating_add(write.value.as_ref().map_or(0, Vec::len)));
        let checked = self.checks.iter().map(|check| check.key.len());
        written.chain(checked).fold(0, usize::saturating_add)
    }
}

/// Closes the store to readers when the writer ends, however it ends.
struct Closing(Arc<Shared>);

impl Drop for Closing {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!("an observer panicked: the store stays closed until the process starts again");
        }
        self.0.announced.close();
        self.0.readers.close();
    }
}

/// Runs a group in one transaction and makes it durable. The answer has each member's revision, `None` for a conflict.
fn apply(connection: &Connection, group: &[Member], shared: &Shared) -> Result<Vec<Option<u64>>, Failure> {
    let (transaction, outcomes) = run(connection, group, &shared.seam).map_err(Failure::RolledBack)?;
    if outcomes.iter().all(Option::is_none) {
        transaction.rollback().map_err(Failure::RolledBack)?;
        return Ok(outcomes);
    }
    // Nothing shows before this: the log is synced, and only then does the commit become visible.
    shared.seam.before_commit().map_err(Failure::RolledBack)?;
    transaction.commit().map_err(Failure::Unknown)?;
    shared.seam.after_commit().map_err(Failure::Unknown)?;
    Ok(outcomes)
}

fn run<'a>(
    connection: &'a Connection,
    group: &[Member],
    seam: &Seam,
) -> rusqlite::Result<(Transaction<'a>, Vec<Option<u64>>)> {
    seam.step()?;
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let before = schema::revision(&transaction)?;
    let mut revision = before;
    let mut outcomes = Vec::with_capacity(group.len());
    let mut tip = None;
    for member in group {
        // Checks come before the first write, so that a conflict leaves nothing to undo.
        if holds(&transaction, &member.checks, seam)? {
            revision = revision.saturating_add(1);
            write(&transaction, &member.writes, revision, seam)?;
            record(&transaction, &member.record, &mut tip, seam)?;
            outcomes.push(Some(revision));
        } else {
            outcomes.push(None);
        }
    }
    if revision != before {
        seam.step()?;
        schema::set_revision(&transaction, revision)?;
    }
    Ok((transaction, outcomes))
}

/// Numbers and chains what a member tells of its act, in the transaction of the act: whoever commits next goes on from there, and
/// nobody reads a head that another could have moved.
fn record(connection: &Connection, record: &Record, tip: &mut Option<Tip>, seam: &Seam) -> rusqlite::Result<()> {
    if record.entries.is_empty() && record.prune.is_none() {
        return Ok(());
    }
    seam.step()?;
    let mut at = match tip.take() {
        Some(tip) => tip,
        None => audit::tip(connection)?,
    };
    audit::append(connection, &mut at, &record.entries)?;
    if let Some((through, seal)) = &record.prune
        && let Some(gone) = audit::prune(connection, *through)?
    {
        audit::append(connection, &mut at, &[gone.sealing(seal.clone())])?;
    }
    *tip = Some(at);
    Ok(())
}

fn holds(connection: &Connection, checks: &[Check], seam: &Seam) -> rusqlite::Result<bool> {
    for check in checks {
        seam.step()?;
        if schema::version(connection, &check.key)? != check.version {
            return Ok(false);
        }
    }
    Ok(true)
}

fn write(connection: &Connection, writes: &[Write], revision: u64, seam: &Seam) -> rusqlite::Result<()> {
    // In the order of the keys each page is visited once: a record and its indexes lie far apart, and a thousand of them
    // in the order of the records would drive one another's pages out of the cache.
    let mut in_order: Vec<&Write> = writes.iter().collect();
    in_order.sort_unstable_by_key(|write| write.key.as_slice());
    for write in in_order {
        seam.step()?;
        match &write.value {
            Some(value) => schema::put(connection, &write.key, value, revision)?,
            None => schema::remove(connection, &write.key)?,
        }
    }
    Ok(())
}

fn refuse(group: Vec<Member>) {
    for member in group {
        member.answer.give(Err(CommitError::Unavailable));
    }
}

/// Whether the connection is as good as before: the disk was full, or another program held the lock.
fn is_passing(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
