//! `jeton backup`: a copy of the store of one moment, beside a running server or without one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use jeton_store::{
    SqliteStore,
    audit::{AuditLog as _, Entry},
};

use serde_json::json;

use super::{CliError, output};
use crate::{
    app::now,
    config::{DEFAULT_DATA, ServeOptions},
    data_dir::{DataDir, DataDirError, database_in},
    local_socket,
};

pub(super) const HELP: &str = "\
Examples:
  jeton backup jeton-2026-11-29.backup
  jeton backup --force /var/backups/jeton.backup

The copy is of one moment. A running server goes on serving and writing meanwhile. The file is yours alone (0600), and is there as a
whole, on the disk, or not at all; the audit log tells of it. It holds names, scopes and hashes of secrets, as the data do, and not
the root key: keep that apart from it. `jeton check FILE` looks it through, `jeton restore FILE` makes a store of it.";

/// How often it is told how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
pub(super) struct Backup {
    /// The file to write
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Take the place of a file that is there
    #[arg(long)]
    force: bool,
    /// JSON instead of a sentence
    #[arg(long)]
    json: bool,
    /// Data directory of the authority [default: ./jeton-data]
    #[arg(long, env = "JETON_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The TOML file that `jeton serve` is given: it may say where the data lie
    #[arg(long, env = "JETON_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Backup {
    pub(super) fn run(self) -> Result<(), CliError> {
        let file = super::options_of_file(self.config.as_deref())?;
        let options = ServeOptions { data: self.data, ..ServeOptions::default() }.or(file);
        let data = options.data.unwrap_or_else(|| DEFAULT_DATA.into());
        let database = database_in(&data);
        if !database.exists() {
            return Err(CliError::Usage(format!("there is no store in `{}`", data.display())));
        }
        if self.file.exists() && !self.force {
            return Err(CliError::Usage(format!(
                "`{}` is there already: choose another, or give --force",
                self.file.display()
            )));
        }
        // Its owner keeps the store from being served or moved away meanwhile; where a server runs, that is the owner.
        let stopped = match DataDir::open(&data) {
            Ok(owned) => Some((SqliteStore::open(&database).map_err(failed)?, owned)),
            Err(DataDirError::InUse { .. }) => None,
            Err(error) => return Err(failed(error)),
        };
        let part = Part::beside(&self.file)?;
        copy(&database, part.path())?;
        let name = self.file.display().to_string();
        match &stopped {
            Some((store, _owned)) => {
                let entry = Entry::new(now(), "machine", "store.backup", "done").with("file", name);
                let told = store.commit_recorded(Vec::new(), Vec::new(), vec![entry]);
                told.map_err(|_| failed("the backup cannot be told of in the audit log"))?;
                store.close();
            }
            None => local_socket::backed_up_via(&data, &name).map_err(failed)?.ok_or_else(|| {
                failed("the server that runs on the data does not answer on its socket: is it just starting?")
            })?,
        }
        let bytes = fs::metadata(part.path()).map_or(0, |file| file.len());
        part.become_whole(&self.file)?;
        if self.json {
            return Ok(output::json(&json!({ "file": self.file.display().to_string(), "bytes": bytes }))?);
        }
        output::note(&format!(
            "{bytes} bytes, on the disk. Keep the root key, if there is one in a file, apart from it."
        ));
        Ok(())
    }
}

/// Copies, and tells whoever watches how far it is.
fn copy(database: &Path, part: &Path) -> Result<(), CliError> {
    let whole = fs::metadata(database).map_or(0, |file| file.len());
    thread::scope(|scope| {
        let (done, told) = channel();
        let copying = scope.spawn(move || {
            let outcome = jeton_store::back_up(database, part, now());
            drop(done);
            outcome
        });
        while io::stderr().is_terminal() {
            match told.recv_timeout(TELL_EVERY) {
                Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let so_far = fs::metadata(part).map_or(0, |file| file.len());
                    output::note(&format!("{so_far} bytes so far, of {whole} at most."));
                }
            }
        }
        copying.join().map_err(|_| failed("copying panicked"))?.map_err(failed)
    })
}

/// A file that is not whole yet, beside the one that it is to be. Dropped before that, it goes.
pub(super) struct Part {
    path: PathBuf,
}

impl Part {
    /// An empty one, its owner's alone. What an earlier attempt left is taken away.
    pub(super) fn beside(file: &Path) -> Result<Self, CliError> {
        let mut name = file.as_os_str().to_owned();
        name.push(".part");
        let part = Self { path: name.into() };
        part.remove();
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part.path);
        match made {
            Ok(_) => Ok(part),
            Err(error) => {
                let sentence = format!("cannot make `{}`: {error}", part.path.display());
                // Nothing was made that would have to go.
                std::mem::forget(part);
                Err(CliError::Failed(sentence))
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes its place, for good.
    pub(super) fn become_whole(self, file: &Path) -> Result<(), CliError> {
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(&self.path)
            .and_then(|part| part.sync_all())
            .and_then(|()| fs::rename(&self.path, file))
            .and_then(|()| File::open(directory)?.sync_all())
            .map_err(|error| CliError::Failed(format!("cannot write `{}`: {error}", file.display())))
    }

    fn remove(&self) {
        for beside in ["", "-wal", "-shm", "-journal"] {
            let mut name = self.path.as_os_str().to_owned();
            name.push(beside);
            // What is not there need not go, and what cannot go is in the way of the next attempt, which says so.
            let _gone = fs::remove_file(PathBuf::from(name));
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.remove();
    }
}

fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::Failed(error.to_string())
}
