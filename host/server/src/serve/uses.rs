//! Noting when refresh tokens were exchanged, from the start to a clean end.

use std::{sync::Arc, time::Duration};

use jeton_runtime::Class;
use tokio::sync::watch;

use super::ServeError;
use crate::app::App;

/// How often what was gathered is noted: with the time that this takes, within the 30 s that the policy is promised.
const EVERY: Duration = Duration::from_secs(25);

/// Says that uses are being gathered, before there can be any.
pub(super) fn open(app: &App) -> Result<(), ServeError> {
    match app.authority.call_blocking(Class::Administration, |authority| authority.open_uses()) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(ServeError::StoreUnavailable),
        Err(error) => Err(ServeError::Failed(error.to_string())),
    }
}

/// Notes uses from time to time until `stop` turns true, early where there are many.
pub(super) async fn run(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut failed = false;
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(EVERY) => {}
            // A store that takes nothing is not asked at once again.
            () = app.uses.enough(), if !failed => {}
        }
        failed = note(&app).await;
    }
}

/// Notes the last ones, and that there are no others. Where that fails, the next start marks that some may be lost.
pub(super) async fn close(app: &App) {
    let failed = note(app).await;
    if !failed
        && !matches!(app.authority.call(Class::Administration, |authority| authority.close_uses()).await, Ok(Ok(())))
    {
        tracing::warn!(
            "the store did not take that all uses are noted: after the next start, last uses are shown as uncertain"
        );
    }
}

/// Whether it failed.
async fn note(app: &App) -> bool {
    let noted = app.uses.note(&app.authority).await;
    if let Err(error) = noted {
        tracing::warn!("{error}; they are kept, and it is tried again");
    }
    noted.is_err()
}
