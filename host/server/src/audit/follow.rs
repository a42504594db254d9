//! Hands entries on as they come in, from where it left off before the last stop.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use jeton_policy::store::Direction;
use jeton_store::audit::{AuditLog, MAX_LINES};
use serde_json::Value;

use super::sinks::{FileSink, Sink, SyslogSink, SyslogTarget};

/// How often it is looked whether there are entries: what an entry waits at most.
const EVERY: Duration = Duration::from_millis(500);

/// Why entries cannot be handed on.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The system refused.
    #[error("cannot write audit entries to `{path}`: {error}")]
    Io {
        /// Where to.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// The file holds another log.
    #[error(
        "`{0}` ends with an entry that is not one of this store's: it belongs to another authority, or to this one before it was restored. Move it away, or choose another file"
    )]
    AnotherLog(PathBuf),
    /// The store does not answer.
    #[error("the store does not answer")]
    Unavailable,
}

/// A sink, and how far it is.
struct Followed {
    sink: Box<dyn Sink>,
    after: u64,
    /// Where it is noted how far it is.
    mark: PathBuf,
    is_failing: bool,
}

/// Hands entries on until it is stopped.
pub struct Follower {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Follower {
    /// Begins, where there is anywhere to hand them on to. Marks lie in the data directory.
    ///
    /// # Errors
    /// [`FollowError`].
    pub fn start(
        log: &Arc<dyn AuditLog>,
        data: &Path,
        file: Option<&Path>,
        syslog: Option<&SyslogTarget>,
    ) -> Result<Option<Self>, FollowError> {
        let mut followed = Vec::new();
        if let Some(path) = file {
            followed.push(of_file(log.as_ref(), data, path)?);
        }
        if let Some(target) = syslog {
            let mark = data.join("audit-syslog.seq");
            let after = read_mark(&mark).unwrap_or(0);
            followed.push(Followed { sink: Box::new(SyslogSink::new(target.clone())), after, mark, is_failing: false });
        }
        if followed.is_empty() {
            return Ok(None);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let (log, stopping) = (Arc::clone(log), Arc::clone(&stop));
        let thread = thread::Builder::new()
            .name("jeton-audit".to_owned())
            .spawn(move || run(log.as_ref(), followed, &stopping))
            .map_err(|error| FollowError::Io { path: data.to_owned(), error })?;
        Ok(Some(Self { stop, thread }))
    }

    /// Hands on what there is, and ends. The store must still be open.
    pub fn stop(self) {
        self.stop.store(true, Relaxed);
        self.thread.thread().unpark();
        if self.thread.join().is_err() {
            tracing::error!("the thread that hands audit entries on panicked");
        }
    }
}

fn run(log: &dyn AuditLog, mut followed: Vec<Followed>, stop: &AtomicBool) {
    loop {
        // Read first: what was written before the stop is handed on.
        let is_last = stop.load(Relaxed);
        for one in &mut followed {
            one.hand_on(log);
        }
        if is_last {
            return;
        }
        thread::park_timeout(EVERY);
    }
}

impl Followed {
    fn hand_on(&mut self, log: &dyn AuditLog) {
        loop {
            let Ok(page) = log.audit_lines(Some(self.after), Direction::Ascending, MAX_LINES) else { return };
            let Some(last) = page.lines.last().map(|line| line.seq) else { return };
            if let Err(error) = self.sink.take(&page.lines) {
                if !self.is_failing {
                    tracing::error!(to = self.sink.name(), %error, "audit entries cannot be handed on; they are kept, and it is tried again");
                }
                self.is_failing = true;
                return;
            }
            if self.is_failing {
                tracing::info!(to = self.sink.name(), "audit entries are handed on again");
            }
            self.is_failing = false;
            self.after = last;
            if let Err(error) = fs::write(&self.mark, last.to_string()) {
                tracing::warn!(%error, "how far audit entries were handed on cannot be noted");
            }
        }
    }
}

/// A file goes on behind its last line; an empty one, which a rotation of logs left, where the mark says.
fn of_file(log: &dyn AuditLog, data: &Path, path: &Path) -> Result<Followed, FollowError> {
    let (sink, last) = FileSink::open(path).map_err(|error| FollowError::Io { path: path.to_owned(), error })?;
    let mark = data.join("audit-file.seq");
    let after = match last {
        None => read_mark(&mark).unwrap_or(0),
        Some(last) => {
            let members: Value = serde_json::from_str(&last).unwrap_or_default();
            let seq = members.get("seq").and_then(Value::as_u64);
            let seq = seq.ok_or_else(|| FollowError::AnotherLog(path.to_owned()))?;
            let page = log
                .audit_lines(Some(seq.saturating_sub(1)), Direction::Ascending, 1)
                .map_err(|_| FollowError::Unavailable)?;
            // What was pruned meanwhile cannot be compared; whether the file is whole, `jeton audit verify` says.
            let is_ours =
                page.head >= seq && page.lines.first().is_none_or(|line| line.seq != seq || line.text == last);
            if !is_ours {
                return Err(FollowError::AnotherLog(path.to_owned()));
            }
            seq
        }
    };
    Ok(Followed { sink: Box::new(sink), after, mark, is_failing: false })
}

fn read_mark(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests;
