//! The engine: its configuration, and the clock by which deadlines are measured.

use std::num::NonZero;
use std::thread;
use std::time::Duration;

use wasmtime::{Config, Engine};

use crate::engine_config::engine_config;

/// How often the engine's epoch is raised. It bounds how finely a deadline can be measured: the shortest is a verifier's,
/// 2 ms. A thousand increments of one number a second cost nothing that can be measured.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Instances that exist whatever the machine: the administration pool (16 by default), the exchanges that wait for the disk (8 by
/// default), what feeds the live set, and room for a second policy while it replaces the first.
const INSTANCES: usize = 64;

/// Instances per processor: a verifier on its I/O thread and an authority in the exchange pool, and as many of a
/// second policy while it replaces the first.
const INSTANCES_PER_PROCESSOR: usize = 4;

/// An engine with its clock running. The clock ends with the engine.
pub(crate) fn start() -> wasmtime::Result<Engine> {
    start_with(|_| ())
}

/// The same, for guests whose computing is counted. That costs: nothing is served by it.
pub(crate) fn start_metered() -> wasmtime::Result<Engine> {
    start_with(|config| {
        config.consume_fuel(true);
    })
}

fn start_with(more: impl FnOnce(&mut Config)) -> wasmtime::Result<Engine> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let instances = INSTANCES + INSTANCES_PER_PROCESSOR * processors;
    let mut config = engine_config(u32::try_from(instances).unwrap_or(u32::MAX));
    more(&mut config);
    let engine = Engine::new(&config)?;
    let weak = engine.weak();
    thread::Builder::new().name("jeton-epoch".to_owned()).spawn(move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    })?;
    Ok(engine)
}
