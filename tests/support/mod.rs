//! What the topics share: a client that can send anything, a place to run a server in, and an administrator.

pub(crate) mod administrator;
pub(crate) mod envoy;
pub(crate) mod gateway;
pub(crate) mod http;
pub(crate) mod place;
pub(crate) mod server;
pub(crate) mod shim;

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a test waits for something that must happen. Nothing here takes so long on any machine.
pub(crate) const CEILING: Duration = Duration::from_secs(30);

/// Waits for an event under the ceiling: asks until there is an answer.
pub(crate) fn wait_for<T>(event: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < CEILING, "waited in vain for {event}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A path below the root of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}
