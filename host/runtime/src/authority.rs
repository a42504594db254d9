//! The authority: pools of instances, and the calls that they take.

use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use crate::audit::{self, Origin, Telling};
use crate::budget;
use crate::in_force::InForce;
use crate::instance::AuthorityInstance;
use crate::lent::Lent;
use crate::policy::PolicyError;
use crate::pool::{Maker, Pool, Size};
use crate::wit::configuration::{ConfigureRefusal, Previewed, Settings, SettingsChange, SettingsRefusal};
use crate::wit::epochs::{Algorithm, BeginRefusal, Boot, Epoch, EpochRefusal};
use crate::wit::exchange::{
    ExchangeRefusal, ExchangeRequest, Exchanged, Revocation, RevokeRefusal, TokenExchangeRefusal, TokenExchangeRequest,
    TokenExchanged,
};
use crate::wit::explanations::{ExplainRefusal, Explanation, Subject};
use crate::wit::live::{Change as LiveChange, DeltaRefusal, LiveRefusal};
use crate::wit::refresh_tokens::{
    Change, DeleteRefusal, Deleted, Deletion, EditRefusal, IssueRefusal, IssueRequest, Issued, ListRefusal, Page,
    Query, RefreshToken, RotateRefusal, ShowRefusal,
};
use crate::wit::transfer::{ExportRefusal, ExportedPage, ExportedToken, ImportRefusal, Imported};
use crate::wit::types::{Actor, Reason, Seconds};
use crate::wit::upkeep::{Accepted, Clock, Swept, UpkeepRefusal, Use};

/// The processor time that one call may take. The longest honest ones, a batch of 1,000 deletions or a snapshot of
/// 100,000 cuts, take some tens of milliseconds. A call that derives a key may take [`budget::KEY_LIMIT`].
const LIMIT: Duration = Duration::from_secs(2);

/// What a call to an instance gives. The error is a trap: the instance is spoilt, and whoever waits is told [`CallError::Failed`].
pub type Called<T> = wasmtime::Result<T>;

/// Which pool takes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// What scripts call: it mostly computes.
    Exchange,
    /// What administrators and the server itself call: it mostly waits for the disk.
    Administration,
    /// Lists, searches and exports: they compute for longer than anything else, and wait for nothing. A revocation is not to stand
    /// behind them.
    Reading,
}

/// How many instances each pool has, and how many calls may wait for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSizes {
    /// Exchanges that compute at a time.
    pub exchange: usize,
    /// Instances for [`Class::Exchange`] beyond that: while one exchange waits for the disk, another takes its place. Those that
    /// count uses, replace secrets or end something commit; the others must not wait for them.
    pub exchange_committing: usize,
    /// Waiting calls of [`Class::Exchange`].
    pub exchange_queue: usize,
    /// Instances for [`Class::Administration`].
    pub administration: usize,
    /// Waiting calls of [`Class::Administration`].
    pub administration_queue: usize,
    /// Instances for [`Class::Reading`].
    pub reading: usize,
    /// Waiting calls of [`Class::Reading`].
    pub reading_queue: usize,
}

impl Default for PoolSizes {
    fn default() -> Self {
        Self {
            // They compute: more of them than processors would only wait for each other.
            exchange: processors(),
            // Commits that wait together share one wait; a few are enough to share it well.
            exchange_committing: 8,
            // At some 100 us each, the last in the queue waits a tenth of a second. Later than that is too late.
            exchange_queue: 1024,
            // They wait for the disk, and commits that wait together share one wait.
            administration: 16,
            // Sixteen rounds of the disk.
            administration_queue: 256,
            reading: processors(),
            // A search through 5,000 records takes some 10 ms, so that the last in the queue waits for most of a second.
            reading_queue: 64,
        }
    }
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Why a call was not answered. Either way nothing is known, and the caller is told to try again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Too many calls wait already, or the authority has stopped: it was not begun.
    #[error("too many calls are waiting")]
    Overloaded,
    /// The policy trapped or took too long. That instance is gone, and the log says why.
    #[error("the policy failed")]
    Failed,
}

/// Why an authority does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its component cannot be instantiated.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The system gives no thread.
    #[error("the system gives no thread")]
    Thread(#[from] io::Error),
}

/// Instances of the authority component, each on a thread of its own. Cloning is cheap and shares them.
#[derive(Clone)]
pub struct Authority {
    pools: Arc<Pools>,
}

struct Pools {
    in_force: InForce,
    exchange: Pool,
    administration: Pool,
    reading: Pool,
}

impl Authority {
    /// Starts the threads. One instance is made at once, to know that it can be; each thread makes its own at its first call.
    ///
    /// # Errors
    /// When the component cannot be instantiated or the system gives no thread.
    pub fn start(policy: impl Into<InForce>, lent: Lent, sizes: PoolSizes) -> Result<Self, StartError> {
        let (in_force, lent) = (policy.into(), Arc::new(lent));
        let make = || Maker::new(&in_force, Arc::clone(&lent));
        drop(make().make().map_err(PolicyError::authority)?);
        Ok(Self {
            pools: Arc::new(Pools {
                in_force: in_force.clone(),
                exchange: Pool::start(
                    "exchange",
                    Size {
                        places: sizes.exchange,
                        instances: sizes.exchange.saturating_add(sizes.exchange_committing),
                        queue: sizes.exchange_queue,
                        gives_way: true,
                    },
                    make,
                )?,
                administration: Pool::start(
                    "administration",
                    Size {
                        // While one waits for the disk, another computes.
                        places: sizes.administration.min(processors()),
                        instances: sizes.administration,
                        queue: sizes.administration_queue,
                        gives_way: false,
                    },
                    make,
                )?,
                reading: Pool::start(
                    "reading",
                    Size {
                        places: sizes.reading,
                        instances: sizes.reading,
                        queue: sizes.reading_queue,
                        gives_way: true,
                    },
                    make,
                )?,
            }),
        })
    }

    /// Runs `f` with an instance of the class's pool and waits for what it gives. It runs to its end even when the caller
    /// stops waiting.
    ///
    /// # Errors
    /// [`CallError`]; `f` giving an error or panicking is [`CallError::Failed`].
    pub async fn call<R: Send + 'static>(
        &self,
        class: Class,
        f: impl FnOnce(&mut AuthorityCall<'_>) -> wasmtime::Result<R> + Send + 'static,
    ) -> Result<R, CallError> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.pool(class).submit(from_here(f), move |result| drop(reply.send(result)))?;
        answer.await.unwrap_or(Err(CallError::Failed))
    }

    /// [`Authority::call`] for a thread that may block.
    ///
    /// # Errors
    /// As [`Authority::call`].
    pub fn call_blocking<R: Send + 'static>(
        &self,
        class: Class,
        f: impl FnOnce(&mut AuthorityCall<'_>) -> wasmtime::Result<R> + Send + 'static,
    ) -> Result<R, CallError> {
        let (reply, answer) = sync_channel(1);
        self.pool(class).submit(from_here(f), move |result| drop(reply.send(result)))?;
        answer.recv().unwrap_or(Err(CallError::Failed))
    }

    /// Whether a call of this class would most likely be [`CallError::Overloaded`] now: whoever knows can spare what it takes to ask.
    pub fn is_full(&self, class: Class) -> bool {
        self.pool(class).is_full()
    }

    /// The policy that answers.
    pub fn in_force(&self) -> &InForce {
        &self.pools.in_force
    }

    /// Takes no more calls, finishes those that were accepted, and ends the threads.
    pub fn stop(&self) {
        let pools = [&self.pools.exchange, &self.pools.administration, &self.pools.reading];
        pools.iter().for_each(|pool| pool.close());
        pools.iter().for_each(|pool| pool.join());
    }

    fn pool(&self, class: Class) -> &Pool {
        match class {
            Class::Exchange => &self.pools.exchange,
            Class::Administration => &self.pools.administration,
            Class::Reading => &self.pools.reading,
        }
    }
}

/// The call, as coming from where the task that asks for it comes from.
fn from_here<R>(
    f: impl FnOnce(&mut AuthorityCall<'_>) -> wasmtime::Result<R> + Send + 'static,
) -> impl FnOnce(&mut AuthorityCall<'_>) -> wasmtime::Result<R> + Send + 'static {
    let origin = Origin::current();
    move |call| {
        call.instance.store.data_mut().comes_from(origin);
        f(call)
    }
}

/// An instance for the time of one call: the exports of the contract, each documented in `wit/`.
///
/// An outer error is a trap: give it back, so that the instance is replaced. An inner one is the policy's own refusal.
pub struct AuthorityCall<'a> {
    instance: &'a mut AuthorityInstance,
}

/// The methods of [`AuthorityCall`]: each begins a budget of its own and calls one export. Each says what the audit log is told of its
/// commits: [`SILENT`] of one that is no act of anybody.
macro_rules! exports {
    ($(
        $(#[$doc:meta])*
        $interface:ident . $export:ident as $name:ident ( $($argument:ident : $type:ty),* ) -> $answer:ty, $told:expr;
    )*) => {
        impl<'a> AuthorityCall<'a> {
            pub(crate) fn new(instance: &'a mut AuthorityInstance) -> Self {
                Self { instance }
            }

            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// The outer one is a trap.
                pub fn $name(&mut self, $($argument: $type),*) -> wasmtime::Result<$answer> {
                    let AuthorityInstance { store, guest } = &mut *self.instance;
                    store.data_mut().does(|| $told);
                    budget::begin(store, LIMIT);
                    guest.$interface().$export(store, $($argument),*)
                }
            )*
        }
    };
}

/// No act of anybody: it reads, or it does what time alone asks for.
const SILENT: Option<audit::Act> = None;

exports! {
    /// Fixes the issuer at the first start, compares it at every later one; gives the one in force.
    jeton_policy_configuration.call_configure as configure(requested: Option<&str>, fallback: &str)
        -> Result<String, ConfigureRefusal>,
        Some(audit::configure(requested, fallback));
    /// The settings in force.
    jeton_policy_configuration.call_get as settings() -> Result<Settings, SettingsRefusal>, SILENT;
    /// Changes settings and gives those in force after it.
    jeton_policy_configuration.call_set as set_settings(
        actor: &Actor, change: &SettingsChange, generation: Option<u64>, at_once: bool
    ) -> Result<Settings, SettingsRefusal>,
        Some(audit::change_settings(actor, change, at_once));
    /// What a change of settings would do, a bounded step at a time.
    jeton_policy_configuration.call_preview as preview_settings(change: &SettingsChange, cursor: Option<&str>)
        -> Result<Previewed, SettingsRefusal>, SILENT;

    /// Begins the authority's life after a start.
    jeton_policy_epochs.call_begin as begin(boot: Boot, alg: Option<Algorithm>)
        -> Result<Epoch, BeginRefusal>,
        Some(audit::begin(boot, alg));
    /// Begins a new epoch.
    jeton_policy_epochs.call_advance as advance(actor: &Actor, alg: Option<Algorithm>)
        -> Result<Epoch, EpochRefusal>,
        Some(audit::advance(actor, alg));
    /// The current epoch.
    jeton_policy_epochs.call_current as current_epoch() -> Result<Epoch, EpochRefusal>, SILENT;

    /// Makes a refresh token.
    jeton_policy_refresh_tokens.call_issue as issue(actor: &Actor, request: &IssueRequest)
        -> Result<Issued, IssueRefusal>,
        Some(audit::issue(actor, request));
    /// One refresh token, dead or alive.
    jeton_policy_refresh_tokens.call_show as show(id: &str) -> Result<RefreshToken, ShowRefusal>, SILENT;
    /// A page of refresh tokens.
    jeton_policy_refresh_tokens.call_list as list(query: &Query) -> Result<Page, ListRefusal>, SILENT;
    /// Changes a refresh token.
    jeton_policy_refresh_tokens.call_edit as edit(actor: &Actor, id: &str, change: &Change, generation: Option<u64>)
        -> Result<RefreshToken, EditRefusal>,
        Some(audit::edit(actor, id, change));
    /// Replaces the secret of a refresh token.
    jeton_policy_refresh_tokens.call_rotate as rotate(
        actor: &Actor, id: &str, overlap: Seconds, generation: Option<u64>
    ) -> Result<Issued, RotateRefusal>,
        Some(audit::rotate(actor, id, overlap));
    /// Ends refresh tokens and everything that descends from them.
    jeton_policy_refresh_tokens.call_delete as delete(
        actor: &Actor, ids: &[String], reason: Reason, note: Option<&str>
    ) -> Result<Deleted, DeleteRefusal>,
        Some(audit::delete(actor, reason, note));

    /// Ends every refresh token of an owner, and everything that descends from them.
    jeton_policy_refresh_tokens.call_delete_owned as delete_owned(
        actor: &Actor, owner: &str, reason: Reason, note: Option<&str>
    ) -> Result<Option<u64>, DeleteRefusal>,
        Some(audit::delete_owned(actor, owner, reason, note));
    /// Ends one access token.
    jeton_policy_refresh_tokens.call_delete_access_token as delete_access_token(
        actor: &Actor, jti: &str, reason: Reason, note: Option<&str>
    ) -> Result<Deletion, DeleteRefusal>,
        Some(audit::delete_access_token(actor, jti, reason, note));

    /// Why a token is dead or alive.
    jeton_policy_explanations.call_explain as explain(subject: &Subject) -> Result<Explanation, ExplainRefusal>, SILENT;

    /// A page of everything that is kept of refresh tokens, oldest first.
    jeton_policy_transfer.call_export as export(limit: u32, cursor: Option<&str>)
        -> Result<ExportedPage, ExportRefusal>, SILENT;
    /// Takes refresh tokens of another store.
    jeton_policy_transfer.call_import as import(actor: &Actor, tokens: &[ExportedToken])
        -> Result<Vec<Imported>, ImportRefusal>,
        Some(audit::import(actor));

    /// Mints an access token (RFC 6749 section 6).
    jeton_policy_exchange.call_exchange as exchange(request: &ExchangeRequest)
        -> Result<Exchanged, ExchangeRefusal>,
        Some(audit::exchange());
    /// Mints or issues what descends from the presented token (RFC 8693).
    jeton_policy_exchange.call_exchange_token as exchange_token(request: &TokenExchangeRequest)
        -> Result<TokenExchanged, TokenExchangeRefusal>,
        Some(audit::exchange_token(request));
    /// Ends the token that the bearer holds (RFC 7009).
    jeton_policy_exchange.call_revoke as revoke(token: &str) -> Result<Revocation, RevokeRefusal>,
        Some(audit::revoke(token));

    /// The whole live document of one moment.
    jeton_policy_live.call_snapshot as snapshot() -> Result<Vec<u8>, LiveRefusal>, SILENT;
    /// The document that leads from one live set to another.
    jeton_policy_live.call_delta as delta(base: u64, sequence: u64, changes: &[LiveChange])
        -> Result<Vec<u8>, DeltaRefusal>, SILENT;
    /// The JSON Web Key Set of the current epoch (RFC 7517).
    jeton_policy_live.call_key_set as key_set() -> Result<Vec<u8>, LiveRefusal>, SILENT;

    /// The time, read without writing.
    jeton_policy_upkeep.call_read_clock as read_clock() -> Result<Clock, UpkeepRefusal>, SILENT;
    /// Drops cuts that are due and moves the clock's high-water mark.
    jeton_policy_upkeep.call_sweep as sweep() -> Result<Swept, UpkeepRefusal>, SILENT;
    /// Remembers uses of refresh tokens.
    jeton_policy_upkeep.call_note_uses as note_uses(uses: &[Use]) -> Result<(), UpkeepRefusal>, SILENT;
    /// Remembers that uses are being gathered.
    jeton_policy_upkeep.call_open_uses as open_uses() -> Result<(), UpkeepRefusal>, SILENT;
    /// Remembers that no use is left to be noted.
    jeton_policy_upkeep.call_close_uses as close_uses() -> Result<(), UpkeepRefusal>, SILENT;
    /// Goes back to the clock that is lent, although `reached` was. [`AuthorityCall::accept_clock`] lends the right one.
    jeton_policy_upkeep.call_accept_clock as accept_clock_although(keep: bool, reached: Seconds)
        -> Result<Accepted, UpkeepRefusal>,
        Some(audit::accept_clock(keep));
}

impl AuthorityCall<'_> {
    /// The export that is called next is told in the audit log as `act`, with these members beside its own: it is how the host does
    /// what it calls so.
    pub fn told_as(&mut self, act: &'static str, members: &[(&'static str, &str)]) -> &mut Self {
        let members = members.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.instance.store.data_mut().tells(Telling { act, members });
        self
    }

    /// Does a bounded step of going back to the system's clock, although this process or the store has seen a later time. For this
    /// call alone the clock is lent as it is; once the last step is committed, and with it the epoch that everything judged by
    /// the later time dies with, the later time is forgotten here too.
    ///
    /// # Errors
    /// The outer one is a trap.
    pub fn accept_clock(&mut self, keep: bool) -> wasmtime::Result<Result<Accepted, UpkeepRefusal>> {
        let reached = self.instance.store.data().latest().seen();
        self.instance.store.data_mut().lend_as_it_is(true);
        let accepted = self.accept_clock_although(keep, reached);
        self.instance.store.data_mut().lend_as_it_is(false);
        if let Ok(Ok(Accepted { time, more: false, .. })) = &accepted {
            self.instance.store.data().latest().accept(*time);
        }
        accepted
    }
}
