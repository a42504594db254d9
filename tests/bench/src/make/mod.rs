//! Refresh tokens by the million: `jeton-bench make` fills a data directory for whoever wants to know how large theirs will be, and
//! the figures fill theirs in the same way.

mod in_order;

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use jeton::{app::now, data_dir::DataDir};
use jeton_policy::{
    authority::{Actor, AskedBindings, Authority, ExportedToken, Imported},
    ports::{Clock, Entropy, Reading, RootKey},
    record::{Conduct, Ending, Reason},
    seconds::Seconds,
    token_id::TokenId,
};
use jeton_store::SqliteStore;
use zeroize::Zeroizing;

use in_order::InOrder;

/// Tokens of one import, so of one commit.
const BATCH: u32 = 1_000;
/// Threads that import.
const IMPORTERS: usize = 2;
/// How long the tokens live that were made last.
const LIFE: u64 = 365 * 24 * 60 * 60;

/// Tokens that are all alike but for their number: `job 00000001`, one scope, no owner, made a second apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tokens {
    /// How many; they are numbered from 1.
    pub(crate) count: u32,
    /// The last of them was made then.
    pub(crate) now: u64,
    /// SHA-256 of the secret that all of them have.
    pub(crate) secret: [u8; 32],
    /// They are tombstones, which ended then.
    pub(crate) ended_at: Option<u64>,
}

impl Tokens {
    /// Living ones whose secret nobody knows.
    pub(crate) fn living(count: u32, now: u64) -> Self {
        Self { count, now, secret: [7; 32], ended_at: None }
    }

    /// When the token of this number was made.
    pub(crate) fn made_at(&self, number: u32) -> u64 {
        self.now - u64::from(self.count.saturating_sub(number))
    }

    /// The id of the token of this number.
    pub(crate) fn id(&self, number: u32) -> TokenId {
        let mut random = [0; 10];
        let (head, _) = random.split_at_mut(4);
        head.copy_from_slice(&number.to_be_bytes());
        TokenId::new(Reading::at(self.made_at(number)), random)
    }

    /// The token of this number.
    pub(crate) fn token(&self, number: u32) -> ExportedToken {
        let ended = |at| Ending { at: Seconds(at), by: "machine".to_owned(), reason: Reason::Deleted, note: None };
        ExportedToken {
            id: self.id(number).to_string(),
            name: format!("job {number:08}"),
            owner: None,
            parent: None,
            scopes: vec!["orders:read".to_owned()],
            created_at: Seconds(self.made_at(number)),
            created_by: "machine".to_owned(),
            expires_at: Some(Seconds(self.made_at(number) + LIFE)),
            access_ttl: None,
            bindings: AskedBindings::default(),
            conduct: Conduct::default(),
            secret_sha256: self.ended_at.is_none().then(|| self.secret.to_vec()),
            exchanges_left: None,
            last_use: None,
            disabled: None,
            ending: self.ended_at.map(ended),
        }
    }
}

/// Imports all of them, a thousand at a time, in the order in which they were made.
pub(crate) fn import(authority: &Authority, tokens: &Tokens) -> anyhow::Result<()> {
    (0..tokens.count).step_by(BATCH as usize).try_for_each(|before| import_after(authority, tokens, before).map(drop))
}

/// Imports the thousand after number `before`; gives how many there were.
fn import_after(authority: &Authority, tokens: &Tokens, before: u32) -> anyhow::Result<u64> {
    let numbers = before..tokens.count.min(before.saturating_add(BATCH));
    let batch: Vec<ExportedToken> = numbers.map(|before| tokens.token(before + 1)).collect();
    let results = authority.import(&Actor::Machine, &batch)?;
    anyhow::ensure!(
        results.iter().all(|result| matches!(result, Imported::Imported | Imported::AlreadyThere)),
        "tokens of these ids are there, and are others"
    );
    Ok(u64::try_from(batch.len())?)
}

/// The same by several threads: while the store writes what one brings, the others prepare theirs.
fn import_together(store: &Arc<InOrder>, tokens: &Tokens, more: impl Fn(u64) + Sync) -> anyhow::Result<()> {
    let batches = AtomicU32::new(0);
    let work = || -> anyhow::Result<()> {
        let authority = Authority::new(Arc::clone(store), Machine, Machine, Machine);
        loop {
            let before = batches.fetch_add(1, Relaxed).saturating_mul(BATCH);
            if before >= tokens.count {
                return Ok(());
            }
            more(import_after(&authority, tokens, before)?);
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..IMPORTERS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| anyhow::anyhow!("an importer panicked"))?)
    })
}

/// What it took to fill a data directory.
pub(crate) struct Filled {
    pub(crate) took: Duration,
    /// The database, before and afterwards.
    pub(crate) bytes: [u64; 2],
}

/// Fills a data directory that no server runs on; one that is not there is made.
pub(crate) fn fill(data: &Path, tokens: &Tokens) -> anyhow::Result<Filled> {
    let directory = DataDir::open(data)?;
    let size = || fs::metadata(directory.database()).map_or(0, |file| file.len());
    let (before, begun) = (size(), Instant::now());
    let store = Arc::new(SqliteStore::open(&directory.database())?);
    let bar = ProgressBar::new(tokens.count.into());
    bar.set_style(ProgressStyle::with_template("{wide_bar} {human_pos} of {human_len}, {eta} left")?);
    let in_order = Arc::new(InOrder::new(Arc::clone(&store)));
    let imported = import_together(&in_order, tokens, |done| bar.inc(done)).and_then(|()| Ok(in_order.finish()?));
    bar.finish_and_clear();
    store.close();
    imported.with_context(|| format!("cannot fill {}", data.display()))?;
    Ok(Filled { took: begun.elapsed(), bytes: [before, size()] })
}

/// `jeton-bench make`: fills a data directory, and says how long it took and how large it is.
pub(crate) fn make(data: &Path, count: u32) -> anyhow::Result<()> {
    let Filled { took, bytes: [before, after] } = fill(data, &Tokens::living(count, now()))?;
    let (seconds, count) = (took.as_secs_f64(), f64::from(count.max(1)));
    eprintln!(
        "{} has {count} refresh tokens more: {seconds:.1} s, {:.0}/s; its database has {:.1} MB, {:.0} bytes for each of them",
        data.display(),
        count / seconds,
        after as f64 / 1e6,
        after.saturating_sub(before) as f64 / count,
    );
    Ok(())
}

/// What a machine lends an authority that makes no epoch.
struct Machine;

impl Clock for Machine {
    fn now(&self) -> Reading {
        Reading::at(now())
    }
}

impl Entropy for Machine {
    #[allow(clippy::expect_used, reason = "a kernel that gives no randomness leaves nothing to do")]
    fn fill(&self, bytes: &mut [u8]) {
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            filled += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty()).expect("randomness");
        }
    }
}

impl RootKey for Machine {
    fn root_key(&self) -> Zeroizing<[u8; 32]> {
        // An import signs nothing and begins no epoch.
        Zeroizing::new([0; 32])
    }
}
