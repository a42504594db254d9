//! A store that no server runs on, opened for one command of the machine itself.

use std::{path::Path, sync::Arc};

use jeton_runtime::{Authority, Lent, Policy, PoolSizes, RootKey, audit::Addresses};
use jeton_store::{SqliteStore, audit::AuditLog};

use super::{CliError, output};
use crate::{
    data_dir::{DataDir, DataDirError},
    fence::Fenced,
};

/// Asks the authority in `data`, and hands over the store with what is the host's own in it. No epoch begins by itself; `root_key` is asked for by what begins one, and by nothing else.
pub(super) fn ask<R>(
    data: &Path,
    root_key: Option<RootKey>,
    ask: impl FnOnce(&Authority, Arc<dyn AuditLog>) -> Result<R, CliError>,
) -> Result<R, CliError> {
    let data_dir = own(data)?;
    if data_dir.is_new() {
        output::note(&format!("`{}` holds no authority yet: a new one is made there.", data.display()));
    }
    let store = Arc::new(SqliteStore::open(&data_dir.database()).map_err(failed)?);
    let policy = Policy::embedded().map_err(failed)?;
    let sizes = PoolSizes { exchange: 1, administration: 1, ..PoolSizes::default() };
    let fenced = Arc::new(Fenced::new(Arc::clone(&store)));
    let lent = Lent::recorded(fenced, Addresses::default(), root_key);
    let authority = Authority::start(&policy, lent, sizes).map_err(failed)?;
    let answer = ask(&authority, Arc::clone(&store) as _);
    authority.stop();
    store.close();
    answer
}

/// Reads a store that no server runs on.
pub(super) fn read<R>(data: &Path, read: impl FnOnce(&SqliteStore) -> Result<R, CliError>) -> Result<R, CliError> {
    let data_dir = own(data)?;
    let store = SqliteStore::open(&data_dir.database()).map_err(failed)?;
    let answer = read(&store);
    store.close();
    answer
}

fn own(data: &Path) -> Result<DataDir, CliError> {
    DataDir::open(data).map_err(|error| match error {
        // Its lock is held but its socket does not answer: it is starting or stopping.
        DataDirError::InUse { .. } => {
            CliError::Failed(format!("{error} (it does not answer on its socket: is it just starting?)"))
        }
        other => failed(other),
    })
}

fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::Failed(error.to_string())
}
