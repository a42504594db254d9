//! The thread that hashes passwords: one at a time, for a bounded number that wait, and behind everything else on the machine.
//!
//! So a flood of log-ins takes the memory of one hash, and no core that a verifier wants.

use std::{
    io,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

#[cfg(target_os = "linux")]
use thread_priority::{
    ThreadPriority,
    unix::{NormalThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id},
};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::password::PasswordHash;

/// Passwords that may wait. At a tenth of a second each, the last one waits three seconds; later than that nobody waits any more.
const QUEUE: usize = 32;

/// Too many passwords wait already: come again in a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked")]
pub struct Busy;

/// Hashes passwords. Cloning shares the thread.
#[derive(Clone)]
pub struct Hashing {
    jobs: SyncSender<Job>,
}

enum Job {
    Hash(Zeroizing<String>, oneshot::Sender<Option<PasswordHash>>),
    Compare(Zeroizing<String>, Option<PasswordHash>, oneshot::Sender<bool>),
}

impl Hashing {
    /// Starts the thread. It ends with the last clone.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> io::Result<Self> {
        let (jobs, waiting) = sync_channel(QUEUE);
        thread::Builder::new().name("passwords".to_owned()).spawn(move || work(&waiting))?;
        Ok(Self { jobs })
    }

    /// The hash of a password.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn hash(&self, password: Zeroizing<String>) -> Result<PasswordHash, Busy> {
        let (reply, hash) = oneshot::channel();
        self.jobs.try_send(Job::Hash(password, reply)).map_err(|_| Busy)?;
        hash.await.ok().flatten().ok_or(Busy)
    }

    /// Whether a password is the one that was hashed. Without a hash it is not, and that takes as long to say.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn is_of(&self, password: Zeroizing<String>, hash: Option<PasswordHash>) -> Result<bool, Busy> {
        let (reply, is_of) = oneshot::channel();
        self.jobs.try_send(Job::Compare(password, hash, reply)).map_err(|_| Busy)?;
        is_of.await.map_err(|_| Busy)
    }
}

fn work(waiting: &Receiver<Job>) {
    step_back();
    for job in waiting {
        // Who does not wait for the answer any more costs nothing.
        match job {
            Job::Hash(_, reply) if reply.is_closed() => {}
            Job::Compare(.., reply) if reply.is_closed() => {}
            Job::Hash(password, reply) => {
                let _ = reply.send(PasswordHash::of(&password));
            }
            Job::Compare(password, hash, reply) => {
                let (is_there, hash) = (hash.is_some(), hash.unwrap_or_else(PasswordHash::of_nobody));
                let is_of = hash.is_of(&password);
                let _ = reply.send(is_there && is_of);
            }
        }
    }
}

/// Leaves the processor to whoever else wants it, at once: a thread that is merely nice first ends its slice, and verdicts that share
/// its processor wait for milliseconds. Where it is not allowed, the queue's bound still holds.
fn step_back() {
    #[cfg(target_os = "linux")]
    {
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn password(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[tokio::test]
    async fn what_was_hashed_is_known_again_and_nobody_has_no_password() {
        let hashing = Hashing::start().unwrap();
        let hash = hashing.hash(password("correct horse battery")).await.unwrap();
        assert_eq!(hashing.is_of(password("correct horse battery"), Some(hash.clone())).await, Ok(true));
        assert_eq!(hashing.is_of(password("wrong horse battery"), Some(hash)).await, Ok(false));
        assert_eq!(hashing.is_of(password("correct horse battery"), None).await, Ok(false));
    }

    #[tokio::test]
    async fn more_than_may_wait_are_sent_away_at_once() {
        let (jobs, waiting) = sync_channel(QUEUE);
        let hashing = Hashing { jobs };
        let futures: Vec<_> = (0..=QUEUE).map(|_| Box::pin(hashing.is_of(password("x"), None))).collect();
        let mut answers = Vec::new();
        for future in futures {
            answers.push(tokio::time::timeout(std::time::Duration::ZERO, future).await);
        }
        assert_eq!(answers.pop().unwrap(), Ok(Err(Busy)));
        assert!(answers.iter().all(Result::is_err), "the others wait");
        assert_eq!(waiting.try_iter().count(), QUEUE);
    }
}
