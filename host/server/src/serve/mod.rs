//! `jeton serve`: start, run, stop.

mod io_service;
mod metrics_listener;
mod start;
mod upkeep;

use std::sync::Arc;

use jeton_runtime::{Class, wit::epochs::Boot as PolicyBoot};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

pub use io_service::IoService;
pub use start::{ServeError, Started};

use crate::{
    app::App,
    config::{Boot, ServeConfig},
    listen::{self, Listening, Shared, TlsKeys},
    local_socket, observe,
};

/// Serves until SIGTERM or SIGINT, then finishes what was accepted.
///
/// # Errors
/// [`ServeError`], in one sentence that says what to do.
pub fn run(config: &ServeConfig) -> Result<(), ServeError> {
    observe::logs::start(config.log_format, &config.log_filter).map_err(ServeError::Usage)?;
    let started = start::start(config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(config, started))
}

async fn serve(config: &ServeConfig, mut started: Started) -> Result<(), ServeError> {
    // Registered first, so that a signal during the start is not lost.
    let (mut terminate, mut interrupt, mut hang_up) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
    let (stop, stopping) = watch::channel(false);
    let app = Arc::clone(&started.app);
    let shared = Shared {
        connections: Arc::clone(app.metrics.connections()),
        max_connections: u64::try_from(config.max_connections).unwrap_or(u64::MAX),
        stop: stopping.clone(),
    };
    let mut threads = Vec::new();
    for number in 0..started.threads {
        let plain = started.plain.as_mut().and_then(listen::Sockets::take);
        let tls = started.tls.as_mut().and_then(|(sockets, keys)| Some((sockets.take()?, Arc::clone(keys))));
        let (policy, app) = (started.policy.clone(), Arc::clone(&app));
        let service = move || IoService::new(&policy, app);
        threads.push(listen::spawn(format!("io-{number}"), Listening { plain, tls }, shared.clone(), service)?);
    }
    let local = local_socket::listen(&started.data_dir, Arc::clone(&app), stopping.clone())?;
    let metrics = match started.metrics.take() {
        None => None,
        Some(listener) => {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            Some(tokio::spawn(metrics_listener::run(listener, Arc::clone(&app.metrics))))
        }
    };
    let upkeep = tokio::spawn(upkeep::run(Arc::clone(&app), stopping));
    started.announce();

    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => reload(started.tls.as_ref().map(|(_, keys)| keys)),
        }
    }
    tracing::info!("stopping: no more connections are accepted, and what was begun is finished");
    let _ = stop.send(true);
    let joined = tokio::task::spawn_blocking(move || threads.into_iter().map(std::thread::JoinHandle::join).collect::<Vec<_>>());
    for outcome in joined.await.map_err(|error| ServeError::Failed(error.to_string()))? {
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(ServeError::Failed(format!("{error:#}"))),
            Err(_) => return Err(ServeError::Failed("an I/O thread panicked".to_owned())),
        }
    }
    local.abort();
    upkeep.abort();
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    started.close();
    tracing::info!("stopped");
    Ok(())
}

fn reload(keys: Option<&Arc<TlsKeys>>) {
    match keys.map(|keys| keys.reload()) {
        None => tracing::info!("SIGHUP: nothing to load anew without TLS"),
        Some(Ok(())) => tracing::info!("SIGHUP: certificate and key were loaded anew"),
        Some(Err(error)) => tracing::error!(%error, "SIGHUP: the old certificate and key stay in use"),
    }
}

/// Begins the epoch as the operator chose.
fn begin(app: &App, boot: Boot) -> Result<jeton_runtime::wit::epochs::Epoch, ServeError> {
    use jeton_runtime::wit::epochs::BeginRefusal;
    let boot = match boot {
        Boot::Advance => PolicyBoot::Advance,
        Boot::Resume => PolicyBoot::Resume,
    };
    match app.authority.call_blocking(Class::Administration, move |authority| authority.begin(boot)) {
        Ok(Ok(epoch)) => Ok(epoch),
        Ok(Err(BeginRefusal::RootKeyDoesNotFit)) => Err(ServeError::RootKeyDoesNotFit),
        Ok(Err(BeginRefusal::Unavailable)) => Err(ServeError::StoreUnavailable),
        Err(error) => Err(ServeError::Failed(error.to_string())),
    }
}
