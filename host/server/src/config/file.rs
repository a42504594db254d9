//! `jeton.toml`: the same options as the flags, under the same words.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ServeOptions;

/// Why a file of options is refused.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read `{path}`: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is not TOML, has an unknown key, or a value of the wrong kind; the message names the line.
    #[error("`{path}`: {error}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        error: String,
    },
}

/// The options of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct FileOptions(pub(super) ServeOptions);

impl FileOptions {
    /// Reads a file. Paths in it are relative to where `jeton` runs, as on the command line.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let text =
            std::fs::read_to_string(path).map_err(|error| FileError::Unreadable { path: path.to_owned(), error })?;
        Self::parse(&text).map_err(|error| FileError::Malformed { path: path.to_owned(), error })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong, and in which line.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
    }
}
