//! The verifier, as its users see it.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::{Notify, oneshot, watch};

use crate::builder::{BuildError, Builder};
use crate::event::Event;
use crate::feed::{Client, Feed};
use crate::judge::Judges;
use crate::shards::Shards;
use crate::{Claims, Refusal};

/// Verifies access tokens of one authority, and follows what is revoked there. Cheap to clone; all clones are the same verifier, which
/// ends with the last of them.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
}

struct Inner {
    shards: Arc<Shards>,
    listener: Listener,
    failed: Arc<Notify>,
    ready: watch::Receiver<bool>,
    /// The feed ends when this goes.
    _running: oneshot::Sender<()>,
}

type Heard = dyn Fn(&Event<'_>) + Send + Sync;

/// Who hears what happens.
#[derive(Clone, Default)]
pub(crate) struct Listener(pub(crate) Option<Arc<Heard>>);

impl Listener {
    pub(crate) fn hear(&self, event: &Event<'_>) {
        if let Some(listener) = &self.0 {
            listener(event);
        }
    }
}

impl Verifier {
    /// A verifier for the authority at this URL.
    pub fn builder(authority: impl Into<String>) -> Builder {
        Builder::new(authority.into())
    }

    pub(crate) fn start(client: Client, judges: Box<dyn Judges>, listener: Listener) -> Result<Self, BuildError> {
        let shards = Arc::new(Shards::new(judges));
        let failed = Arc::new(Notify::new());
        let (ready, is_ready) = watch::channel(false);
        let (running, stopped) = oneshot::channel();
        let feed = Feed {
            client,
            shards: Arc::clone(&shards),
            listener: listener.clone(),
            failed: Arc::clone(&failed),
            ready,
        };
        // A thread and a runtime of its own: what the application does to its own must not make this one late.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("jeton-verifier".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = feed.follow() => {}
                    _ = stopped => {}
                }
            });
            // Whatever a resolver still does, nobody waits for it.
            runtime.shutdown_background();
        })?;
        Ok(Self { inner: Arc::new(Inner { shards, listener, failed, ready: is_ready, _running: running }) })
    }

    /// Judges an access token that `peer` presents now (`None`: nobody knows, so that tokens bound to networks are refused). It takes
    /// about a microsecond where the token was seen before, and some tens where not; it never waits for the network.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify(&self, token: &str, peer: Option<IpAddr>) -> Result<Claims, Refusal> {
        let verdict = self.inner.shards.verify(token, peer);
        if verdict == Err(Refusal::Fault) {
            self.inner.failed.notify_one();
        }
        self.inner.listener.hear(&Event::Judged(verdict.as_ref().map(|_| ()).map_err(|refusal| *refusal)));
        verdict
    }

    /// Waits until the authority was heard from for the first time.
    pub async fn ready(&self) {
        // An error: the feed has ended, which it does not before this goes.
        let _ = self.inner.ready.clone().wait_for(|ready| *ready).await;
    }

    /// Whether the authority was heard from, ever.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self.inner.ready.borrow()
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Verifier").field("is_ready", &self.is_ready()).finish_non_exhaustive()
    }
}
