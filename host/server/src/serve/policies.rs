//! Policies of the house's own: what is said of them, and the order to load them anew.

use std::sync::Arc;

use jeton_runtime::InForce;

use crate::{
    app::App,
    policy_files::{Loaded, PolicyFileError},
};

/// Who ordered it, where no administrator did.
const SIGNAL: &str = "SIGHUP";

/// Says which policies serve that this binary does not carry, and what edges know of it.
pub(super) fn announce(in_force: &InForce) {
    for member in in_force.standing().members.iter().filter(|member| !member.is_shipped) {
        tracing::info!(world = member.kind.name(), sha256 = member.sha256, "a policy of your own is in force");
        if member.kind == jeton_kit::Kind::Verifier {
            tracing::warn!(
                "edges do not follow it by themselves: those that run the shipped verifier go on judging by that, until they are handed this one"
            );
        }
    }
}

/// Loads the files anew on a thread of its own: it takes seconds, and a signal may not be kept waiting.
pub(super) fn reload(app: &Arc<App>) {
    if app.policy_files.is_empty() {
        return;
    }
    let app = Arc::clone(app);
    drop(tokio::task::spawn_blocking(move || drop(load(&app, None, SIGNAL))));
}

/// Loads the files anew, and writes down who ordered it and what came of it. Blocks.
pub(crate) fn load(app: &App, expected: Option<&str>, by: &str) -> Result<Loaded, PolicyFileError> {
    let in_force = app.authority.in_force();
    let outcome = app.policy_files.load(&app.live, in_force, expected, |[authority, verifier]| {
        let entry = app.audit.entry(by, "policy.load", "done");
        app.audit
            .record(vec![entry.with("authority", authority.sha256.as_str()).with("verifier", verifier.sha256.as_str())])
    });
    match &outcome {
        Ok(Loaded::Replaced) => {
            let [authority, verifier] = in_force.standing().members;
            tracing::info!(by, authority = authority.sha256, verifier = verifier.sha256, "another policy is in force");
            announce(in_force);
        }
        Ok(Loaded::Unchanged) => tracing::info!(by, "the files hold the policy that is in force: nothing was loaded"),
        Err(error) => tracing::error!(by, %error, "no policy was loaded: the one in force stays so"),
    }
    outcome
}
