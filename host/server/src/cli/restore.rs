//! `jeton restore`: a store out of a backup.
//!
//! A backup is as old as it is: what was deleted after it was made is back in it. So every refresh token is disabled unless it is said
//! otherwise, a new epoch begins, and what an audit log tells of since then can be done again.

mod since;

use std::{
    fs::{File, OpenOptions},
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use jeton_runtime::{
    Authority, Class, Lent, Policy, PoolSizes, RootKey,
    audit::Addresses,
    wit::{
        epochs::Boot,
        refresh_tokens::{Change, DeleteRefusal, Deletion, EditRefusal},
        types::{Actor, Reason},
    },
};
use jeton_store::{
    SqliteReader, SqliteStore,
    audit::{AuditLog, Entry},
};

use serde_json::json;

use super::{CliError, backup::Part, check, output};
use crate::{
    accounts::{Accounts, By, name::AccountName},
    api::time::to_rfc3339,
    app::now,
    config::{DEFAULT_DATA, ServeOptions},
    data_dir::DataDir,
    fence::Fenced,
    root_key_file,
};
use since::Since;

pub(super) const HELP: &str = "\
Examples:
  jeton restore jeton.backup
  jeton restore jeton.backup --data /var/lib/jeton --audit audit.jsonl --enable

It makes a new store, and never touches one that is there. A new epoch begins, so that no access token of before is alive. What was
deleted after the backup was made is back in it: therefore every refresh token is disabled, to be enabled once you know that it should be
(`jeton token enable`), unless you give --enable.

--audit takes a file of `jeton serve --audit-file` or `jeton audit export` that goes on where the backup ends: what was deleted since then is
deleted again, and what was disabled or given another secret since then is disabled, with --enable too. Refresh tokens that were made
since then are not in the backup, and are gone.";

/// What the notes of restored refresh tokens say.
const NOTE: &str = "restored from a backup";
/// Refresh tokens of one call: the most that the policy takes and gives at once.
const AT_ONCE: usize = 1000;
/// The same, as the policy counts.
const PAGE: u32 = 1000;
/// Threads that disable: commits that wait together share one wait for the disk.
const THREADS: usize = 16;

#[derive(Debug, clap::Args)]
pub(super) struct Restore {
    /// A file of `jeton backup`
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Leave refresh tokens enabled that were so when the backup was made
    #[arg(long)]
    enable: bool,
    /// Do again what these entries of the audit log tell of since the backup
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// JSON instead of a sentence
    #[arg(long)]
    json: bool,
    /// Data directory, in which there is no store yet [default: ./jeton-data]
    #[arg(long, env = "JETON_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The root key that `jeton serve --boot resume` is given
    #[arg(long, env = "JETON_ROOT_KEY_FILE", value_name = "FILE")]
    root_key_file: Option<PathBuf>,
    /// The TOML file that `jeton serve` is given: it may say where data and root key lie
    #[arg(long, env = "JETON_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Restore {
    pub(super) fn run(self) -> Result<(), CliError> {
        let file = super::options_of_file(self.config.as_deref())?;
        let given = ServeOptions { data: self.data, root_key_file: self.root_key_file, ..ServeOptions::default() };
        let options = given.or(file);
        let data = options.data.unwrap_or_else(|| DEFAULT_DATA.into());
        let root_key = match &options.root_key_file {
            Some(path) => root_key_file::read(path).map_err(failed)?,
            None => {
                output::note("No root key is given: `jeton serve --boot resume` will not go on with the new epoch.");
                RootKey::draw().map_err(failed)?
            }
        };
        // All that can be refused is refused before anything is written.
        let backup = Arc::new(SqliteReader::open(&self.file).map_err(failed)?);
        let made_at = backup
            .backup_made_at()
            .map_err(failed)?
            .ok_or_else(|| failed(format!("`{}` is no backup: `jeton backup` makes one", self.file.display())))?;
        let age = age(now().saturating_sub(made_at));
        output::note(&format!("The backup was made at {}, {age} ago.", to_rfc3339(made_at)));
        let found = check::of(&backup)?;
        if !found.wrong.is_empty() {
            found.wrong.iter().try_for_each(|finding| output::line(finding))?;
            return Err(failed("the backup is not whole: nothing was restored"));
        }
        let since = self.audit.as_deref().map(|file| Since::read(file, &backup)).transpose()?;
        drop(backup);

        let owned = DataDir::open(&data).map_err(failed)?;
        if !owned.is_new() {
            return Err(failed(format!(
                "there is a store in `{}` already: move it away, or choose another directory with --data",
                data.display()
            )));
        }
        let part = Part::beside(&owned.database())?;
        copy(&self.file, part.path())?;
        let store = Arc::new(SqliteStore::open(part.path()).map_err(failed)?);
        let done = restored(&store, root_key, self.enable, since.as_ref(), found.tokens);
        store.close();
        let Done { disabled, ended } = done?;
        part.become_whole(&owned.database())?;
        if self.json {
            output::json(&json!({ "refresh_tokens": found.tokens, "disabled": disabled, "ended": ended }))?;
        }
        output::note(&format!(
            "Restored, with a new epoch: {} refresh tokens, dead ones too; {disabled} were disabled, {ended} ended again.",
            found.tokens
        ));
        if self.audit.is_none() {
            output::note(&format!(
                "What was deleted within the last {age} is back{}. With --audit it would not be.",
                if self.enable { ", and good" } else { ", disabled" }
            ));
        }
        Ok(())
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), CliError> {
    let copied = File::open(from)
        .and_then(|mut from| io::copy(&mut from, &mut OpenOptions::new().write(true).truncate(true).open(to)?));
    copied.map(drop).map_err(|error| failed(format!("cannot copy `{}` to `{}`: {error}", from.display(), to.display())))
}

/// How old something is, as people say it.
fn age(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// What was done with a copy.
struct Done {
    disabled: usize,
    ended: usize,
}

/// Makes of a copy what may be served: nothing of it is, until all is done.
fn restored(
    store: &Arc<SqliteStore>,
    root_key: RootKey,
    enable: bool,
    since: Option<&Since>,
    tokens: u64,
) -> Result<Done, CliError> {
    // It is one act, and one entry tells of it.
    let lent = Lent::new(Arc::new(Fenced::new(Arc::clone(store))), Some(root_key));
    let sizes = PoolSizes { exchange: 1, administration: THREADS, ..PoolSizes::default() };
    let authority = Authority::start(&Policy::embedded().map_err(failed)?, lent, sizes).map_err(failed)?;
    let accounts = Accounts::new(authority.clone(), Arc::clone(store) as _, Addresses::default());
    let done = act(&authority, &accounts, enable, since, tokens);
    authority.stop();
    let done = done?;
    let entry = Entry::new(now(), "machine", "store.restore", "done")
        .with("enabled", enable)
        .with("disabled", done.disabled)
        .with("ended", done.ended)
        .with_some("again_through", since.map(Since::through));
    store.commit_recorded(Vec::new(), Vec::new(), vec![entry]).map_err(|_| unavailable())?;
    Ok(done)
}

fn act(
    authority: &Authority,
    accounts: &Accounts,
    enable: bool,
    since: Option<&Since>,
    tokens: u64,
) -> Result<Done, CliError> {
    let mut ended = 0;
    if let Some(since) = since {
        for ids in since.ended().chunks(AT_ONCE) {
            let ids = ids.to_vec();
            let deleted = authority.call_blocking(Class::Administration, move |call| {
                call.delete(&Actor::Machine, &ids, Reason::Deleted, Some(NOTE))
            });
            let deleted = deleted.map_err(failed)?.map_err(|_| unavailable())?;
            ended += deleted.results.iter().filter(|result| matches!(result, Deletion::Deleted)).count();
        }
        for owner in since.owners() {
            let owner = owner.clone();
            let deleted = authority.call_blocking(Class::Administration, move |call| {
                call.delete_owned(&Actor::Machine, &owner, Reason::OwnerLeft, Some(NOTE))
            });
            match deleted.map_err(failed)? {
                Ok(_) | Err(DeleteRefusal::OwnerNotFound) => {}
                Err(_) => return Err(unavailable()),
            }
        }
    }
    let disabled = AtomicUsize::new(0);
    if enable {
        disable(authority, since.map(Since::doubtful).unwrap_or_default(), &disabled)?;
    } else {
        disable_all(authority, tokens, &disabled)?;
        disable_people(accounts, &disabled)?;
    }
    let begun = authority.call_blocking(Class::Administration, |call| call.begin(Boot::Advance, None));
    begun.map_err(failed)?.map_err(|_| unavailable())?;
    Ok(Done { disabled: disabled.into_inner(), ended })
}

/// Disables every refresh token that is not dead or disabled, each by itself: to enable one says nothing about those below it.
fn disable_all(authority: &Authority, tokens: u64, disabled: &AtomicUsize) -> Result<(), CliError> {
    let (mut cursor, mut seen) = (None::<String>, 0_usize);
    loop {
        let page = authority
            .call_blocking(Class::Administration, move |call| call.export(PAGE, cursor.as_deref()))
            .map_err(failed)?
            .map_err(|_| unavailable())?;
        seen += page.items.len();
        let now = now();
        let living = page.items.into_iter().filter(|token| {
            token.ending.is_none() && token.disabled.is_none() && token.expires_at.is_none_or(|expiry| now < expiry)
        });
        disable(authority, &living.map(|token| token.id).collect::<Vec<_>>(), disabled)?;
        if io::stderr().is_terminal() {
            output::note(&format!("{seen} of {tokens} refresh tokens so far."));
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

/// Disables every account, which no export holds, and ends the sessions that were going on.
fn disable_people(accounts: &Accounts, disabled: &AtomicUsize) -> Result<(), CliError> {
    for person in accounts.list().map_err(failed)?.into_iter().filter(|person| person.enabled) {
        let name: AccountName = person.name.parse().map_err(failed)?;
        accounts.enable(&By::Machine, &name, false).map_err(failed)?;
        disabled.fetch_add(1, Relaxed);
    }
    Ok(())
}

fn disable(authority: &Authority, ids: &[String], disabled: &AtomicUsize) -> Result<(), CliError> {
    let share = ids.len().div_ceil(THREADS).max(1);
    thread::scope(|scope| {
        let parts: Vec<_> =
            ids.chunks(share).map(|part| scope.spawn(|| disable_each(authority, part, disabled))).collect();
        parts.into_iter().try_for_each(|part| part.join().map_err(|_| failed("disabling panicked"))?)
    })
}

fn disable_each(authority: &Authority, ids: &[String], disabled: &AtomicUsize) -> Result<(), CliError> {
    for id in ids {
        let id = id.clone();
        let change = Change { enabled: Some(false), note: Some(NOTE.to_owned()), ..Change::default() };
        let edited =
            authority.call_blocking(Class::Administration, move |call| call.edit(&Actor::Machine, &id, &change, None));
        match edited.map_err(failed)? {
            Ok(_) => {
                disabled.fetch_add(1, Relaxed);
            }
            // Something above it has ended, or it was made after the backup.
            Err(EditRefusal::Ended | EditRefusal::NotFound) => {}
            Err(_) => return Err(unavailable()),
        }
    }
    Ok(())
}

fn unavailable() -> CliError {
    failed("the copy cannot be written: see whether the disk is full; nothing was restored")
}

fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_as_people_say_it() {
        let told = [5, 65, 3_661, 90_000].map(age);
        assert_eq!(told, ["5 s", "1 min", "1 h 1 min", "1 d 1 h"]);
    }
}
