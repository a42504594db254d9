//! `wasi:clocks/wall-clock`: what time it is.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::bindings::wasi::clocks::wall_clock::{Datetime, Host};
use crate::lent::LentState;

/// A clock: seconds since 1970-01-01T00:00:00Z, and nanoseconds.
pub type Clock = Arc<dyn Fn() -> (u64, u32) + Send + Sync>;

/// The system's clock. A system that stands before 1970 stands at 1970: the policy's high-water mark refuses it then.
pub(super) fn system() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (since.as_secs(), since.subsec_nanos())
    })
}

impl Host for LentState {
    fn now(&mut self) -> wasmtime::Result<Datetime> {
        let (seconds, nanoseconds) = (self.lent.clock)();
        Ok(Datetime { seconds, nanoseconds })
    }

    fn resolution(&mut self) -> wasmtime::Result<Datetime> {
        Ok(Datetime { seconds: 0, nanoseconds: 1 })
    }
}
