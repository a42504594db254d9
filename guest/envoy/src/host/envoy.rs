//! Clocks, entropy, environment, shared data and metrics of the host.
//!
//! The clocks, entropy and environment come by the few functions of WASI (preview 1) that Envoy lends every plugin. They are called
//! directly, so that the module is built for `wasm32-unknown-unknown`, as all of Jeton's guests are.

use core::{ffi::CStr, time::Duration};

use proxy_wasm::{hostcalls, types::MetricType};
use wasip1::{CLOCKID_MONOTONIC, CLOCKID_REALTIME, Clockid};
use zeroize::Zeroizing;

use crate::{
    board::{Board, Changed, Entry},
    time::Now,
};

/// The most bytes of an environment that is looked at: Envoy lends the variables that its configuration names, and no others.
const MAX_ENVIRONMENT: usize = 1024 * 1024;

/// What time it is. A host without a clock is one of a time that is long over: nothing is alive, and nothing was asked just now.
pub(super) fn now() -> Now {
    Now { monotonic: clock(CLOCKID_MONOTONIC), wall: clock(CLOCKID_REALTIME) }
}

#[allow(unsafe_code, reason = "the library declares the call unsafe; it writes one number into its own frame")]
fn clock(id: Clockid) -> Duration {
    unsafe { wasip1::clock_time_get(id, 0) }.map_or(Duration::MAX, Duration::from_nanos)
}

/// A random number, for pauses alone.
#[allow(unsafe_code, reason = "the host writes as many bytes as it is told that there are")]
pub(super) fn random() -> u32 {
    let mut bytes = [0; 4];
    // Without entropy there is no jitter, and nothing else is lost.
    let _filled = unsafe { wasip1::random_get(bytes.as_mut_ptr(), bytes.len()) };
    u32::from_le_bytes(bytes)
}

/// The value of an environment variable, where Envoy's configuration lends it.
#[allow(unsafe_code, reason = "the host writes as many pointers and bytes as it said before that there are")]
pub(super) fn variable(name: &str) -> Option<Zeroizing<String>> {
    let (count, size) = unsafe { wasip1::environ_sizes_get() }.ok()?;
    if count.max(size) > MAX_ENVIRONMENT {
        return None;
    }
    let mut pointers = vec![core::ptr::null_mut(); count];
    let mut text = Zeroizing::new(vec![0; size]);
    unsafe { wasip1::environ_get(pointers.as_mut_ptr(), text.as_mut_ptr()) }.ok()?;
    // The pointers lead into the text, in which each variable ends with a zero byte: the text is read, and they are not.
    text.split_inclusive(|byte| *byte == 0).find_map(|variable| {
        let variable = CStr::from_bytes_with_nul(variable).ok()?.to_str().ok()?;
        let (known, value) = variable.split_once('=')?;
        (known == name).then(|| Zeroizing::new(value.to_owned()))
    })
}

/// The shared data of this `vm_id`.
pub(super) struct SharedData;

impl Board for SharedData {
    fn read(&self, key: &str) -> Option<Entry> {
        let (value, version) = hostcalls::get_shared_data(key).ok()?;
        Some(Entry { value: value?, version: version? })
    }

    fn write(&self, key: &str, value: &[u8]) {
        // Without a version the host writes, whatever stands there.
        let _written = hostcalls::set_shared_data(key, Some(value), None);
    }

    fn replace(&self, key: &str, value: &[u8], version: u32) -> Result<(), Changed> {
        hostcalls::set_shared_data(key, Some(value), Some(version)).map_err(|_| Changed)
    }
}

/// A counter of all of Envoy: whoever defines it by the same name counts on.
pub(super) struct Counter(Option<u32>);

impl Counter {
    pub(super) fn new(name: &str) -> Self {
        Self(hostcalls::define_metric(MetricType::Counter, name).ok())
    }

    pub(super) fn count(&self) {
        if let Some(id) = self.0 {
            let _counted = hostcalls::increment_metric(id, 1);
        }
    }
}

/// A figure that goes up and down.
pub(super) struct Gauge(Option<u32>);

impl Gauge {
    pub(super) fn new(name: &str) -> Self {
        Self(hostcalls::define_metric(MetricType::Gauge, name).ok())
    }

    pub(super) fn set(&self, value: u64) {
        if let Some(id) = self.0 {
            let _recorded = hostcalls::record_metric(id, value);
        }
    }
}
