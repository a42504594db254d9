//! What must be done from time to time: the policy's sweep in its small steps, and watching the clock.

use std::{sync::Arc, time::Duration};

use jeton_runtime::Class;
use tokio::sync::watch;

use crate::{
    app::{App, now},
    audit::retention::{self, Retention},
};

/// How often the policy sweeps: the step of its clock's mark.
const EVERY: Duration = Duration::from_secs(10);
/// Every how many turns refusals are written into the audit log: once a minute.
const FLUSH_EVERY: u64 = 6;
/// Beyond this the policy mints nothing.
const TOLERATED_STEP_BACK: u64 = 10;

/// Keeps the authority up until `stop` turns true.
pub(super) async fn run(app: Arc<App>, retention: Retention, mut stop: watch::Receiver<bool>) {
    let (mut was_behind, mut rollbacks) = (false, 0);
    for turn in 0_u64.. {
        sweep(&app).await;
        let (of, told) = (Arc::clone(&app), rollbacks);
        let audited =
            tokio::task::spawn_blocking(move || audit(&of, retention, told, turn.is_multiple_of(FLUSH_EVERY)));
        rollbacks = audited.await.unwrap_or(rollbacks);
        app.authority.in_force().settle();
        was_behind = watch_clock(&app, was_behind).await;
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn sweep(app: &App) {
    let at = now();
    loop {
        match app.authority.call(Class::Administration, |authority| authority.sweep()).await {
            // Between two steps whoever waits for the authority comes first.
            Ok(Ok(swept)) if swept.more => tokio::task::yield_now().await,
            Ok(Ok(_)) => {
                // The store knows from now on that it was so late.
                tracing::debug!(at, "swept");
                return;
            }
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("the sweep could not reach the store; it is tried again in {} s", EVERY.as_secs());
                return;
            }
        }
    }
}

/// Does what the audit log needs; gives how many policies that were taken back it has been told of. Blocks for the disk.
fn audit(app: &App, retention: Retention, told: u64, flush: bool) -> u64 {
    if flush {
        app.audit.flush();
    }
    while let Ok(true) = retention::prune(app.audit.log().as_ref(), retention, now()) {}
    let standing = app.authority.in_force().standing();
    let Some(last) = standing.last_rollback.filter(|_| standing.rollbacks > told) else { return told };
    let [authority, verifier] = &last.members;
    // It has happened already: nobody would be safer with the one that failed.
    let entry = app
        .audit
        .entry("policy", "policy.take-back", "done")
        .with("reason", last.reason)
        .with("authority", authority.sha256.as_str())
        .with("verifier", verifier.sha256.as_str());
    if app.audit.record(vec![entry]).is_ok() { standing.rollbacks } else { told }
}

async fn watch_clock(app: &App, was_behind: bool) -> bool {
    let Ok(Ok(clock)) = app.authority.call(Class::Administration, |authority| authority.read_clock()).await else {
        return was_behind;
    };
    // A clock that was seen to go back is lent as standing in 1970: how far it went, only this process can tell.
    let seen = app.live.clock_behind_by(now());
    let behind_by = if seen > TOLERATED_STEP_BACK { seen } else { clock.behind_by };
    app.metrics.clock_is_behind_by(behind_by);
    let is_behind = behind_by > TOLERATED_STEP_BACK;
    match (was_behind, is_behind) {
        (false, true) => tracing::error!(
            behind_by,
            "the clock is behind a time that was already reached: nothing is minted until it has caught up. Set the clock right; if it is right now and was wrong before, run `jeton clock accept`"
        ),
        (true, false) => tracing::info!("the clock has caught up; minting goes on"),
        _ => {}
    }
    is_behind
}
