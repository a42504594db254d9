//! The audit log, as the server keeps it: what the policy's own commits tell of themselves (`jeton_runtime::audit`) and, here, what no
//! commit of the policy tells: refusals, policies that come and go, what grew too old.
//!
//! | to change | go to |
//! | --- | --- |
//! | how refusals are counted together | [`refusals`] |
//! | how long entries are kept | [`retention`] |
//! | how entries leave the machine | [`sinks`], driven by [`follow`] |
//! | what is asked of the log | [`query`] |

pub mod follow;
pub mod query;
pub mod refusals;
pub mod retention;
pub mod sinks;

use std::sync::Arc;

use jeton_policy::store::CommitError;
use jeton_runtime::audit::{Addresses, Origin};
use jeton_store::audit::{AuditLog, Entry};

use crate::{app::now, listen::Peer};
use refusals::{Refusal, Refusals};
use retention::Retention;

/// The audit log of a running authority.
pub struct Audit {
    log: Arc<dyn AuditLog>,
    addresses: Addresses,
    retention: Retention,
    refusals: Refusals,
}

/// Why something was not written into the log. Whatever it was about must not be done then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot be written")]
pub struct NotRecorded;

impl Audit {
    /// That of a store.
    #[must_use]
    pub fn new(log: Arc<dyn AuditLog>, addresses: Addresses) -> Self {
        Self { log, addresses, retention: Retention::default(), refusals: Refusals::default() }
    }

    /// The same, whose entries are kept for so long.
    #[must_use]
    pub fn keeping(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// How long entries are kept.
    #[must_use]
    pub const fn retention(&self) -> Retention {
        self.retention
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &Arc<dyn AuditLog> {
        &self.log
    }

    /// An entry about now, with where the task that asks comes from.
    #[must_use]
    pub fn entry(&self, actor: &str, act: &str, outcome: &str) -> Entry {
        let entry = Entry::new(now(), actor, act, outcome);
        match Origin::current() {
            Some(origin) => origin.tell(entry, self.addresses),
            None => entry,
        }
    }

    /// Writes entries about what no commit of the policy tells. When this returns they are durable. Blocks for the disk.
    ///
    /// # Errors
    /// [`NotRecorded`].
    pub fn record(&self, entries: Vec<Entry>) -> Result<(), NotRecorded> {
        if entries.is_empty() {
            return Ok(());
        }
        match self.log.commit_recorded(Vec::new(), Vec::new(), entries) {
            Ok(_) => Ok(()),
            Err(CommitError::Conflict | CommitError::Unavailable) => Err(NotRecorded),
        }
    }

    /// Counts a refused exchange. It costs a look into memory: whoever is refused waits for no disk.
    pub fn exchange_refused(&self, presented: Option<String>, code: &'static str, peer: Option<Peer>) {
        self.refusals.count(self.refusal("exchange", presented, code, peer, None));
    }

    /// Counts a refused sign-in. `account` is one that there is: what else was typed as a name may be somebody's password.
    pub fn sign_in_refused(&self, account: Option<String>, code: &'static str, peer: Peer) {
        self.refusals.count(self.refusal("session", account, code, Some(peer), None));
    }

    /// Counts a request without a living token.
    pub fn unauthenticated(&self, code: &'static str, peer: Option<Peer>, route: &str) {
        self.refusals.count(self.refusal("access", None, code, peer, Some(route)));
    }

    /// Tells that somebody lacked a right: the first time in a minute at once, then counted together.
    pub async fn forbidden(self: &Arc<Self>, actor: String, code: &'static str, peer: Option<Peer>, route: &str) {
        let refusal = self.refusal("access", Some(actor), code, peer, Some(route));
        if !self.refusals.is_first(&refusal) {
            return self.refusals.count(refusal);
        }
        let entry = self.entry(refusal.actor(), &refusal.act(), "refused").with("code", code).with("route", route);
        let audit = Arc::clone(self);
        let recorded = tokio::task::spawn_blocking(move || audit.record(vec![entry])).await;
        if !matches!(recorded, Ok(Ok(()))) {
            // It was refused all the same, and is told with the next ones.
            self.refusals.count(refusal);
        }
    }

    /// Writes what was counted. What the store does not take is kept. Blocks for the disk.
    pub fn flush(&self) {
        let counted = self.refusals.take();
        let entries = counted.iter().map(|(refusal, count)| refusal.entry(now(), *count)).collect();
        if self.record(entries).is_err() {
            tracing::warn!("refusals could not be written into the audit log; they are kept, and it is tried again");
            self.refusals.put_back(counted);
        }
    }

    fn refusal(
        &self,
        what: &'static str,
        actor: Option<String>,
        code: &'static str,
        peer: Option<Peer>,
        route: Option<&str>,
    ) -> Refusal {
        let network = match self.addresses {
            Addresses::Hidden => None,
            Addresses::Full | Addresses::Network => {
                peer.map(|peer| Addresses::network_of(peer.client().unwrap_or(peer.accountable())))
            }
        };
        Refusal { what, actor, code, network, route: route.map(str::to_owned) }
    }
}
