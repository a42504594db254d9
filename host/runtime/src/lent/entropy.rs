//! `wasi:random/random`: the operating system's generator, nothing in between.

use std::sync::Arc;

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::bindings::wasi::random::random::Host;
use crate::lent::LentState;

/// A source of entropy: fills what it is given.
pub type Entropy = Arc<dyn Fn(&mut [u8]) -> Result<(), std::io::Error> + Send + Sync>;

/// The most bytes of one request: a policy seeds a generator (32 bytes) and asks for no more.
const MAX_BYTES: u64 = 4096;

/// The operating system's generator.
pub(super) fn system() -> Entropy {
    Arc::new(|bytes| Ok(fill(bytes)?))
}

/// Fills `bytes` from the operating system.
///
/// # Errors
/// When the operating system gives none.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Errno> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match getrandom(&mut *rest, GetRandomFlags::empty()) {
            Ok(filled) => rest = rest.get_mut(filled..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Host for LentState {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        let len = usize::try_from(len.min(MAX_BYTES + 1))?;
        wasmtime::ensure!(len as u64 <= MAX_BYTES, "the policy asked for more than {MAX_BYTES} random bytes");
        let mut bytes = vec![0; len];
        (self.lent.entropy)(&mut bytes)?;
        Ok(bytes)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        let mut bytes = [0; 8];
        (self.lent.entropy)(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}
