//! `jeton:policy/root-key`: the secret that signing keys are derived from.

use std::fmt;
use std::sync::Arc;

use wasmtime::component::Linker;
use zeroize::{Zeroize, Zeroizing};

use crate::budget::{Budgeted as _, KEY_LIMIT};
use crate::lent::{LentState, entropy};

/// The bytes of a root key.
const LENGTH: usize = 32;

/// A root key: 32 bytes, wiped when it is dropped, never shown.
pub struct RootKey {
    // Shared, so that it is handed to the guest from where it lies: no copy is left on this side.
    bytes: Arc<[u8]>,
}

/// The operating system gave no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no randomness")]
pub struct EntropyError(#[source] std::io::Error);

impl RootKey {
    /// A key that nobody has had before, and that ends with this process.
    ///
    /// # Errors
    /// [`EntropyError`] when the operating system gives no randomness.
    pub fn draw() -> Result<Self, EntropyError> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        entropy::fill(&mut *bytes).map_err(|error| EntropyError(error.into()))?;
        Ok(Self::from_bytes(bytes))
    }

    /// The key of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: Zeroizing<[u8; LENGTH]>) -> Self {
        Self { bytes: Arc::from(&bytes[..]) }
    }

    /// The 32 bytes, for the command that writes a new key into a file.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for RootKey {
    fn drop(&mut self) {
        if let Some(bytes) = Arc::get_mut(&mut self.bytes) {
            bytes.zeroize();
        }
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RootKey(..)")
    }
}

/// Lends the root key. By hand: the generated way takes a `Vec` and leaves the secret in freed memory.
pub(super) fn add_to_linker(linker: &mut Linker<LentState>) -> wasmtime::Result<()> {
    linker.instance("jeton:policy/root-key@0.1.0")?.func_wrap("root-key", |mut store, (): ()| {
        let Some(key) = &store.data().lent.root_key else {
            return Err(wasmtime::format_err!("the policy asked for a root key where none is lent"));
        };
        let bytes = Arc::clone(&key.bytes);
        store.data_mut().budget().raise(KEY_LIMIT);
        Ok((bytes,))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

    use super::*;

    #[test]
    fn two_drawn_keys_differ() {
        assert_ne!(RootKey::draw().unwrap().bytes, RootKey::draw().unwrap().bytes);
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = RootKey::from_bytes(Zeroizing::new([7; LENGTH]));
        assert_eq!(format!("{key:?}"), "RootKey(..)");
    }
}
