//! What `jeton login` keeps for the commands that come after it: a file that nobody but its owner can read.
//!
//! A keyring would need a desktop (the secret service), or forget at every boot (the kernel's): administrators work on servers, so it is
//! a file, as for SSH.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// More than any session has: a URL, a path and a token.
const MAX_FILE: u64 = 64 * 1024;

/// Why a session cannot be used or kept. A sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    /// Neither variable says where such files lie.
    #[error("neither XDG_CONFIG_HOME nor HOME says where a session could be kept: give the token in JETON_TOKEN")]
    NoPlace,
    /// The system refused.
    #[error("cannot use the session `{path}`: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Others can read it.
    #[error(
        "others can read the session `{0}`: run `chmod 600` on it, and, if anybody else may have read it, delete its refresh token and log in with another"
    )]
    TooOpen(PathBuf),
    /// Somebody else made it.
    #[error("the session `{0}` is another user's: remove it, and log in again")]
    NotOurs(PathBuf),
    /// It is no session.
    #[error("`{0}` is no session: run `jeton login` again")]
    Malformed(PathBuf),
}

/// Where an authority is, and with which refresh token. Has no `Debug`; the token is wiped when it goes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Session {
    /// The authority's URL.
    pub(super) url: String,
    /// Certificates to trust instead of the public authorities.
    pub(super) ca_file: Option<PathBuf>,
    /// Whether tokens go over plain HTTP to another machine.
    pub(super) allow_plain_http: bool,
    /// The refresh token. Serde cannot read into what wipes itself.
    refresh_token: String,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.refresh_token.zeroize();
    }
}

impl Session {
    /// A session to keep.
    pub(super) fn new(url: &str, ca_file: Option<&Path>, allow_plain_http: bool, refresh_token: &str) -> Self {
        Self {
            url: url.to_owned(),
            // The next command may be run elsewhere.
            ca_file: ca_file.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned())),
            allow_plain_http,
            refresh_token: refresh_token.to_owned(),
        }
    }

    /// Its refresh token.
    pub(super) fn refresh_token(&self) -> &str {
        &self.refresh_token
    }

    /// The session that is kept; `None`: there is none, nor a place for one.
    ///
    /// # Errors
    /// [`SessionError`].
    pub(super) fn kept() -> Result<Option<Self>, SessionError> {
        match place() {
            Ok(path) => Self::read(&path),
            Err(_) => Ok(None),
        }
    }

    /// Keeps it; an earlier one goes. It is there as a whole or not at all.
    ///
    /// # Errors
    /// [`SessionError`].
    pub(super) fn keep(&self, path: &Path) -> Result<(), SessionError> {
        let failed = |error| SessionError::Io { path: path.to_owned(), error };
        let folder = path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let part = path.with_extension("part");
        // What an earlier attempt left may be anybody's: a new file is ours, and has our mode.
        match fs::remove_file(&part) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let text = Zeroizing::new(serde_json::to_vec(self).map_err(|error| failed(error.into()))?);
        let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        });
        written.and_then(|()| fs::rename(&part, path)).map_err(failed)
    }

    fn read(path: &Path) -> Result<Option<Self>, SessionError> {
        let failed = |error| SessionError::Io { path: path.to_owned(), error };
        let file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let found = file.metadata().map_err(failed)?;
        if found.permissions().mode() & 0o077 != 0 {
            return Err(SessionError::TooOpen(path.to_owned()));
        }
        if found.uid() != rustix::process::geteuid().as_raw() {
            return Err(SessionError::NotOurs(path.to_owned()));
        }
        let mut text = Zeroizing::new(Vec::new());
        file.take(MAX_FILE).read_to_end(&mut text).map_err(failed)?;
        serde_json::from_slice(&text).map(Some).map_err(|_| SessionError::Malformed(path.to_owned()))
    }
}

/// Where the session is kept: `jeton/session.json` in the user's folder of configuration (the XDG base directory specification).
///
/// # Errors
/// [`SessionError::NoPlace`].
pub(super) fn place() -> Result<PathBuf, SessionError> {
    // The specification wants relative ones passed over.
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")));
    Ok(folder.ok_or(SessionError::NoPlace)?.join("jeton").join("session.json"))
}

/// Forgets a session; whether there was one.
///
/// # Errors
/// [`SessionError`].
pub(super) fn forget(path: &Path) -> Result<bool, SessionError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(SessionError::Io { path: path.to_owned(), error }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    const TOKEN: &str = "jtn_rt_x";

    fn kept_at(path: &Path) {
        Session::new("https://tokens.example", Some(Path::new("ca.pem")), false, TOKEN).keep(path).unwrap();
    }

    #[test]
    fn what_was_kept_is_there_again_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config/jeton/session.json");
        assert!(Session::read(&path).unwrap().is_none());
        kept_at(&path);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let session = Session::read(&path).unwrap().unwrap();
        assert_eq!((session.url.as_str(), session.refresh_token()), ("https://tokens.example", TOKEN));
        assert!(session.ca_file.as_ref().unwrap().is_absolute());
        assert!(forget(&path).unwrap() && !forget(&path).unwrap());
    }

    #[test]
    fn a_session_that_others_can_read_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.json");
        for mode in [0o640, 0o604, 0o644, 0o660] {
            kept_at(&path);
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refusal = Session::read(&path).err().unwrap().to_string();
            assert!(refusal.contains("chmod 600") && !refusal.contains(TOKEN), "{mode:o} {refusal}");
        }
        // Keeping another mends it.
        kept_at(&path);
        assert!(Session::read(&path).is_ok());
    }

    #[test]
    fn what_is_no_session_is_refused_without_being_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.json");
        kept_at(&path);
        for text in ["", "{}", r#"{"url":"u","ca_file":null,"allow_plain_http":false,"refresh_token":"hunter2","x":1}"#]
        {
            fs::write(&path, text).unwrap();
            let refusal = Session::read(&path).err().unwrap().to_string();
            assert!(refusal.contains("jeton login") && !refusal.contains("hunter2"), "{refusal}");
        }
    }
}
