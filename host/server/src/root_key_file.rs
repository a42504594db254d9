//! The root key in a file: 32 raw bytes that nobody but their owner can read.

use std::{
    fs::File,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use jeton_runtime::RootKey;
use zeroize::Zeroizing;

/// Why a root key file is refused.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyFileError {
    /// It cannot be read.
    #[error("cannot read the root key file `{path}`: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Others can read it.
    #[error("others can read the root key file `{0}`: run `chmod 600` on it, and make a new key if it was so for long")]
    TooOpen(PathBuf),
    /// Not 32 bytes.
    #[error("the root key file `{0}` must hold exactly 32 raw bytes: make one with `jeton root-key > FILE`")]
    WrongLength(PathBuf),
}

/// Reads a root key. Its mode is 0600 or 0400; in the service manager's own folder of credentials 0440 will do.
///
/// # Errors
/// [`RootKeyFileError`].
pub fn read(path: &Path) -> Result<RootKey, RootKeyFileError> {
    let failed = |error| RootKeyFileError::Io { path: path.to_owned(), error };
    let mut file = File::open(path).map_err(failed)?;
    if is_too_open(path, &file).map_err(failed)? {
        return Err(RootKeyFileError::TooOpen(path.to_owned()));
    }
    let mut key = Zeroizing::new([0; 32]);
    let wrong_length = || RootKeyFileError::WrongLength(path.to_owned());
    file.read_exact(key.as_mut_slice()).map_err(|_| wrong_length())?;
    if file.read(&mut [0]).map_err(failed)? != 0 {
        return Err(wrong_length());
    }
    Ok(RootKey::from_bytes(key))
}

/// Whether others can read a file with a secret.
pub(crate) fn is_too_open(path: &Path, file: &File) -> std::io::Result<bool> {
    // systemd shows credentials of a service user as 0440: the group is an access list with that user alone in it.
    let is_credential = std::env::var_os("CREDENTIALS_DIRECTORY").is_some_and(|directory| path.starts_with(directory));
    let forbidden = if is_credential { 0o037 } else { 0o077 };
    Ok(file.metadata()?.permissions().mode() & forbidden != 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use std::fs;

    fn written(bytes: usize, mode: u32) -> Result<RootKey, RootKeyFileError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        fs::write(&path, vec![7; bytes]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        read(&path)
    }

    #[test]
    fn exactly_32_bytes_that_are_their_owners_alone_are_a_root_key() {
        assert!(written(32, 0o600).is_ok());
        assert!(written(32, 0o400).is_ok());
        for bytes in [0, 31, 33, 64] {
            assert!(matches!(written(bytes, 0o600), Err(RootKeyFileError::WrongLength(_))), "{bytes}");
        }
        for mode in [0o640, 0o604, 0o660] {
            assert!(matches!(written(32, mode), Err(RootKeyFileError::TooOpen(_))), "{mode:o}");
        }
        assert!(matches!(read(Path::new("/no/such/key")), Err(RootKeyFileError::Io { .. })));
    }
}
