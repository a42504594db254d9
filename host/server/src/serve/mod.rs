//! `jeton serve`: start, run, stop.

mod io_service;
mod metrics_listener;
mod policies;
mod start;
mod upkeep;
mod uses;

use std::{sync::Arc, thread::JoinHandle, time::Duration};

use jeton_runtime::{Class, wit::epochs::Boot as PolicyBoot};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

pub use io_service::IoService;
pub(crate) use policies::load as load_policy;
pub use start::{ServeError, Started};

use crate::{
    algorithm::Algorithm,
    app::App,
    config::{Boot, ServeConfig},
    listen::{self, Shared, TlsKeys},
    local_socket, observe,
    policy_files::Trial,
};

/// Serves until SIGTERM or SIGINT, then finishes what was accepted.
///
/// # Errors
/// [`ServeError`], in one sentence that says what to do.
pub fn run(config: &ServeConfig) -> Result<(), ServeError> {
    run_trying(config, Trial::Kit)
}

/// [`run`], with policies tried so.
///
/// # Errors
/// As [`run`].
pub fn run_trying(config: &ServeConfig, trial: Trial) -> Result<(), ServeError> {
    observe::logs::start(config.log_format, &config.log_filter).map_err(ServeError::Usage)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve(config, trial));
    // An impatient operator does not wait for the threads that are still being joined.
    runtime.shutdown_background();
    outcome
}

async fn serve(config: &ServeConfig, trial: Trial) -> Result<(), ServeError> {
    // Registered first, so that a signal during the start is not lost, and a hang-up does not end it.
    let mut orders = Orders::new()?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut started = start::start(config, trial)?;
    let (stop, stopping) = watch::channel(false);
    let app = Arc::clone(&started.app);
    // Before the first request is answered: whoever sees that the authority is ready may bootstrap at once.
    let local = local_socket::listen(&started.data_dir, Arc::clone(&app), stopping.clone())?;
    let threads = io_threads(config, &mut started, &stopping)?;
    let metrics = match started.metrics.take() {
        None => None,
        Some(listener) => {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            Some(tokio::spawn(metrics_listener::run(listener, Arc::clone(&app.metrics))))
        }
    };
    let gathering = tokio::spawn(uses::run(Arc::clone(&app), stopping.clone()));
    let upkeep = tokio::spawn(upkeep::run(Arc::clone(&app), config.audit_retention, stopping));
    started.look_for_notices()?;
    started.announce();

    let mut watching = tokio::time::interval(WATCH_EVERY);
    loop {
        tokio::select! {
            () = orders.stop() => break,
            _ = hang_up.recv() => {
                reload(started.tls.as_ref().map(|(_, keys)| keys), &app);
                policies::reload(&app);
            }
            _ = watching.tick() => {
                if threads.iter().any(JoinHandle::is_finished) {
                    tracing::error!("an I/O thread has ended by itself");
                    break;
                }
            }
        }
    }
    tracing::info!("stopping: no more connections are accepted, and what was begun is finished");
    let _ = stop.send(true);
    // Who waits for news is answered at once: a stop waits for nobody's patience.
    app.live.close_feed();
    let outcome = tokio::select! {
        outcome = finished(threads, gathering, &app) => outcome,
        () = orders.stop() => {
            tracing::warn!("told to stop once more: what was begun is cut off");
            Ok(())
        }
    };
    local.abort();
    upkeep.abort();
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    started.close();
    tracing::info!("stopped");
    outcome
}

/// Waits for the I/O threads, and notes what refresh tokens were used for: only when no more is to come is nothing lost.
async fn finished(threads: Vec<IoThread>, gathering: tokio::task::JoinHandle<()>, app: &App) -> Result<(), ServeError> {
    let outcome = joined(threads).await;
    gathering.await.map_err(|error| ServeError::Failed(error.to_string()))?;
    if outcome.is_ok() {
        uses::close(app).await;
    }
    outcome
}

/// How often it is looked whether the I/O threads live.
const WATCH_EVERY: Duration = Duration::from_secs(1);

type IoThread = JoinHandle<anyhow::Result<()>>;

fn io_threads(
    config: &ServeConfig,
    started: &mut Started,
    stopping: &watch::Receiver<bool>,
) -> Result<Vec<IoThread>, ServeError> {
    let shared = Shared {
        connections: Arc::clone(started.app.metrics.connections()),
        max_connections: u64::try_from(config.max_connections).unwrap_or(u64::MAX),
        stop: stopping.clone(),
    };
    let threads = (0..started.threads).map(|number| {
        let listening = started.listening();
        let app = Arc::clone(&started.app);
        let service = move || IoService::new(app);
        Ok(listen::spawn(format!("io-{number}"), listening, shared.clone(), service)?)
    });
    threads.collect()
}

/// Waits for the I/O threads to end well.
async fn joined(threads: Vec<IoThread>) -> Result<(), ServeError> {
    let all = tokio::task::spawn_blocking(move || threads.into_iter().map(JoinHandle::join).collect::<Vec<_>>());
    for outcome in all.await.map_err(|error| ServeError::Failed(error.to_string()))? {
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(ServeError::Failed(format!("{error:#}"))),
            Err(_) => return Err(ServeError::Failed("an I/O thread panicked".to_owned())),
        }
    }
    Ok(())
}

/// The signals by which an operator or a service manager orders a stop.
struct Orders {
    terminate: Signal,
    interrupt: Signal,
}

impl Orders {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next order to stop.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn reload(keys: Option<&Arc<TlsKeys>>, app: &App) {
    match keys.map(|keys| keys.reload()) {
        None if app.policy_files.is_empty() => {
            tracing::info!("SIGHUP: nothing to load anew without TLS and without a policy of your own");
        }
        None => {}
        Some(Ok(())) => tracing::info!("SIGHUP: certificate and key were loaded anew"),
        Some(Err(error)) => tracing::error!(%error, "SIGHUP: the old certificate and key stay in use"),
    }
}

/// Begins the epoch as the operator chose.
fn begin(app: &App, boot: Boot, algorithm: Option<Algorithm>) -> Result<jeton_runtime::wit::epochs::Epoch, ServeError> {
    use jeton_runtime::wit::epochs::BeginRefusal;
    let boot = match boot {
        Boot::Advance => PolicyBoot::Advance,
        Boot::Resume => PolicyBoot::Resume,
    };
    match app
        .authority
        .call_blocking(Class::Administration, move |authority| authority.begin(boot, algorithm.map(Into::into)))
    {
        Ok(Ok(epoch)) => Ok(epoch),
        Ok(Err(BeginRefusal::RootKeyDoesNotFit)) => Err(ServeError::RootKeyDoesNotFit),
        Ok(Err(BeginRefusal::Unavailable)) => Err(ServeError::StoreUnavailable),
        Err(error) => Err(ServeError::Failed(error.to_string())),
    }
}
