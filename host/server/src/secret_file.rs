//! Secrets in files: a line or two that nobody can read but their owner.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::root_key_file;

/// More than any secret has.
const MAX_LENGTH: u64 = 4096;

/// Why a file with a secret is refused.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It cannot be read, or is no text.
    #[error("cannot read the secret in `{path}`: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Others can read it.
    #[error("others can read the secret in `{0}`: run `chmod 600` on it, and choose a new one if it was so for long")]
    TooOpen(PathBuf),
    /// It is no secret.
    #[error("`{0}` must hold a secret, of at most 4096 bytes")]
    WrongLength(PathBuf),
}

/// Reads a text that is its owner's alone, by the same rule as a root key.
///
/// # Errors
/// [`SecretFileError`].
pub fn read(path: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    let failed = |error| SecretFileError::Io { path: path.to_owned(), error };
    let file = File::open(path).map_err(failed)?;
    if root_key_file::is_too_open(path, &file).map_err(failed)? {
        return Err(SecretFileError::TooOpen(path.to_owned()));
    }
    let mut text = Zeroizing::new(String::new());
    let length = file.take(MAX_LENGTH.saturating_add(1)).read_to_string(&mut text).map_err(failed)?;
    if text.trim().is_empty() || u64::try_from(length).is_ok_and(|length| length > MAX_LENGTH) {
        return Err(SecretFileError::WrongLength(path.to_owned()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt as _};

    #[test]
    fn a_secret_is_a_text_that_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let written = |bytes: &[u8], mode| {
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            read(&path)
        };
        assert_eq!(written(b"hunter2\n", 0o600).unwrap().as_str(), "hunter2\n");
        assert!(matches!(written(b"hunter2\n", 0o640), Err(SecretFileError::TooOpen(_))));
        assert!(matches!(written(b"\n", 0o600), Err(SecretFileError::WrongLength(_))));
        assert!(matches!(written(&[b'a'; 4097], 0o600), Err(SecretFileError::WrongLength(_))));
        assert!(matches!(written(b"\xff", 0o600), Err(SecretFileError::Io { .. })));
    }
}
