//! A pool: threads with an authority instance each, and one bounded queue of calls before them.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, TrySendError};
use parking_lot::{Mutex, RwLock};

use crate::authority::{AuthorityCall, CallError};
use crate::courtesy::Courtesy;
use crate::in_force::{Follower, InForce};
use crate::instance::AuthorityInstance;
use crate::lent::Lent;
use crate::places::Places;
use crate::sandbox::Kind;

/// How large a pool is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// Calls that compute at a time.
    pub(crate) places: usize,
    /// Threads: those beyond the places serve while others wait for the disk.
    pub(crate) instances: usize,
    /// Calls that may wait.
    pub(crate) queue: usize,
    /// Whether its threads give way to those that verify between two calls. Those that write rest at the disk, and are there together.
    pub(crate) gives_way: bool,
}

/// A call that waits for an instance. `None`: none could be made.
type Job = Box<dyn FnOnce(Option<&mut AuthorityInstance>, &Follower) -> Condition + Send>;

/// What a call left behind.
enum Condition {
    Sound,
    /// Its memory has grown: there is another for the next call.
    Worn,
    /// A trap spoils the instance and its store.
    Spoiled,
}

pub(crate) struct Pool {
    name: &'static str,
    /// `None` once the pool has stopped.
    queue: RwLock<Option<Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Pool {
    /// Starts the threads; `make` gives each its own way to an instance.
    pub(crate) fn start(name: &'static str, size: Size, make: impl Fn() -> Maker) -> io::Result<Self> {
        let (queue, jobs) = crossbeam_channel::bounded(size.queue.max(1));
        let places = Arc::new(Places::new(size.places.max(1)));
        let mut threads = Vec::with_capacity(size.instances);
        for _ in 0..size.instances.max(1) {
            let (jobs, maker, places) = (jobs.clone(), make(), Arc::clone(&places));
            let thread = thread::Builder::new().name(format!("jeton-{name}"));
            threads.push(thread.spawn(move || work(name, &jobs, &places, maker, size.gives_way))?);
        }
        Ok(Self { name, queue: RwLock::new(Some(queue)), threads: Mutex::new(threads) })
    }

    /// Puts a call into the queue; `reply` is given its outcome, or dropped where the call panicked.
    pub(crate) fn submit<R>(
        &self,
        f: impl FnOnce(&mut AuthorityCall<'_>) -> wasmtime::Result<R> + Send + 'static,
        reply: impl FnOnce(Result<R, CallError>) + Send + 'static,
    ) -> Result<(), CallError> {
        let name = self.name;
        let job: Job = Box::new(move |instance, follower| {
            let Some(instance) = instance else {
                reply(Err(CallError::Failed));
                return Condition::Spoiled;
            };
            match f(&mut AuthorityCall::new(instance)) {
                Ok(answer) => {
                    reply(Ok(answer));
                    if instance.is_worn() { Condition::Worn } else { Condition::Sound }
                }
                Err(trap) => {
                    tracing::error!(
                        pool = name,
                        trap = format!("{trap:#}"),
                        "the policy failed; its instance is replaced"
                    );
                    // Before the answer: whoever asks again on it is answered by the policy that is gone back to.
                    follower.failed(Kind::Authority, &format!("{trap:#}"));
                    reply(Err(CallError::Failed));
                    Condition::Spoiled
                }
            }
        });
        match self.queue.read().as_ref().map(|queue| queue.try_send(job)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) | None => Err(CallError::Overloaded),
        }
    }

    /// Whether a call would most likely be turned away now.
    pub(crate) fn is_full(&self) -> bool {
        self.queue.read().as_ref().is_none_or(Sender::is_full)
    }

    /// Takes no more calls.
    pub(crate) fn close(&self) {
        drop(self.queue.write().take());
    }

    /// Waits until the accepted calls of a closed pool are done.
    pub(crate) fn join(&self) {
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!(pool = self.name, "a thread of the pool panicked");
            }
        }
    }
}

/// Makes instances of the policy in force.
pub(crate) struct Maker {
    follower: Follower,
    lent: Arc<Lent>,
}

impl Maker {
    pub(crate) fn new(in_force: &InForce, lent: Arc<Lent>) -> Self {
        Self { follower: Follower::new(in_force), lent }
    }

    pub(crate) fn make(&self) -> wasmtime::Result<AuthorityInstance> {
        AuthorityInstance::new(self.follower.policy(), Arc::clone(&self.lent))
    }

    /// An instance for a call of this pool. Where a policy was taken back because it gives none, of the one before.
    fn make_for(&mut self, pool: &'static str) -> Option<AuthorityInstance> {
        loop {
            let error = match self.make() {
                Ok(instance) => return Some(instance),
                Err(error) => format!("{error:#}"),
            };
            tracing::error!(pool, error, "the policy cannot be instantiated");
            self.follower.failed(Kind::Authority, &error);
            if !self.follower.refresh() {
                return None;
            }
        }
    }
}

/// How the system ranks the threads of pools: behind those that verify, which need microseconds and would wait for slices of
/// milliseconds. Each weighs a third of those, so that a flood of verdicts, or of calls that are refused, does not starve a pool either.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// Ranks this thread behind those that verify. Where the system refuses, the bounds of the pools still hold.
fn step_back() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICENESS);
}

/// Runs calls until the queue is closed and empty.
fn work(name: &'static str, jobs: &Receiver<Job>, places: &Arc<Places>, mut maker: Maker, gives_way: bool) {
    step_back();
    let mut courtesy = Courtesy::new();
    let mut instance = None;
    loop {
        let job = match jobs.try_recv() {
            Ok(job) => job,
            Err(_) => {
                let Ok(job) = jobs.recv() else { return };
                courtesy.rested();
                job
            }
        };
        let _place = places.take();
        if maker.follower.refresh() {
            instance = None;
        }
        if instance.is_none() {
            instance = maker.make_for(name);
        }
        // Nothing that a panic leaves half done outlives it: the instance is thrown away. The thread goes on, since
        // whoever waits in the queue would wait for ever without one.
        let condition =
            catch_unwind(AssertUnwindSafe(|| job(instance.as_mut(), &maker.follower))).unwrap_or_else(|_| {
                tracing::error!(pool = name, "a call panicked; its instance is replaced");
                Condition::Spoiled
            });
        match condition {
            Condition::Sound => {}
            Condition::Worn => {
                tracing::debug!(pool = name, "an instance has used half of its memory; it is replaced");
                instance = None;
            }
            Condition::Spoiled => instance = None,
        }
        if gives_way {
            courtesy.give_way(jobs.len());
        }
    }
}
