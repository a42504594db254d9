//! Uses: when a refresh token was exchanged last, from where and how often. The host gathers them and tells them in batches.
//!
//! A record's version does not move by them: they lie at keys of their own.

use std::collections::BTreeMap;

use super::{ATTEMPTS, Authority, decoded, time::Time};
use crate::{
    keys,
    record::{Stored as _, Used, UsesGap},
    seconds::Seconds,
    store::{Check, CommitError, Entry, Freshness, Unavailable, Write},
    token_id::TokenId,
};

/// The most uses that one commit notes.
pub const MAX_USES: usize = 1000;
/// How much a crash may lose: what the host gathers for up to 30 s, and as long again for writing it.
pub const USES_AT_STAKE: Seconds = Seconds(60);
/// The longest text of an address (RFC 4291 section 2.2, with an IPv4 tail).
const MAX_ADDRESS_LENGTH: usize = 45;

/// That a refresh token was exchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Its public id.
    pub id: String,
    /// When last.
    pub at: Seconds,
    /// From where, as text.
    pub address: Option<String>,
    /// How often since the last note.
    pub count: u64,
}

impl Authority {
    /// Remembers uses: the latest time that was ever told and where it came from, and the sum of the counts.
    /// What is no token's is passed over. [`MAX_USES`] of them are one commit.
    ///
    /// # Errors
    /// [`Unavailable`]; it is not known then which were remembered.
    pub fn note_uses(&self, uses: &[Use]) -> Result<(), Unavailable> {
        let mut noted: BTreeMap<TokenId, Used> = BTreeMap::new();
        for told in uses {
            let Some(id) = TokenId::parse(&told.id) else { continue };
            let address = told.address.clone().filter(|address| is_address(address));
            noted.entry(id).or_default().add(&Used { at: told.at, address, count: told.count });
        }
        let noted: Vec<(TokenId, Used)> = noted.into_iter().collect();
        for part in noted.chunks(MAX_USES) {
            self.note(part)?;
        }
        Ok(())
    }

    fn note(&self, noted: &[(TokenId, Used)]) -> Result<(), Unavailable> {
        let wanted: Vec<_> =
            noted.iter().flat_map(|(id, _)| [keys::token(*id), keys::used(*id), keys::unused(*id)]).collect();
        for _ in 0..ATTEMPTS {
            let entries = self.store.read(&wanted, Freshness::Latest)?.entries;
            let (mut checks, mut writes) = (Vec::new(), Vec::new());
            for ((id, used), entries) in noted.iter().zip(entries.chunks(3)) {
                if let [Some(_), known, unused] = entries {
                    remember(*id, used, (known.as_ref(), unused.as_ref()), (&mut checks, &mut writes))?;
                }
            }
            if writes.is_empty() {
                return Ok(());
            }
            match self.store.commit(checks, writes) {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => return Err(Unavailable),
            }
        }
        Err(Unavailable)
    }

    /// Remembers that uses are being gathered. If that was remembered already, the process before ended without
    /// [`Authority::close_uses`], and what it had gathered may be lost.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn open_uses(&self) -> Result<(), Unavailable> {
        for _ in 0..ATTEMPTS {
            let reading = self.clock.now();
            let [clock, open] = self.read([keys::CLOCK.to_vec(), keys::USES_OPEN.to_vec()])?;
            let mark: Option<Seconds> = decoded(clock.as_ref())?.map(|(mark, _)| mark);
            let now = Time::new(reading, mark).now;
            let check = Check { key: keys::USES_OPEN.to_vec(), version: open.as_ref().map(|open| open.version) };
            let mut writes = vec![Write { key: keys::USES_OPEN.to_vec(), value: Some(now.to_stored()) }];
            if open.is_some() {
                // The mark is the last time that the process before is known to have lived at. A gap before this one
                // adds nothing: who was not used since that one's end was not used since this one's.
                let gap = UsesGap { from: mark.unwrap_or(now).since(USES_AT_STAKE), until: now };
                writes.push(Write { key: keys::USES_GAP.to_vec(), value: Some(gap.to_stored()) });
            }
            match self.store.commit(vec![check], writes) {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => return Err(Unavailable),
            }
        }
        Err(Unavailable)
    }

    /// Remembers that all uses were noted.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn close_uses(&self) -> Result<(), Unavailable> {
        let write = Write { key: keys::USES_OPEN.to_vec(), value: None };
        self.store.commit(Vec::new(), vec![write]).map(|_| ()).map_err(|_| Unavailable)
    }
}

impl Used {
    /// Adds another use: forward only.
    fn add(&mut self, other: &Self) {
        if other.at >= self.at {
            self.at = other.at;
            self.address.clone_from(&other.address);
        }
        self.count = self.count.saturating_add(other.count);
    }
}

/// What it takes to remember a use of a token that is there, of which `known` is remembered.
///
/// The check of either key notices whoever removes the token meanwhile: it has one of the two.
fn remember(
    id: TokenId,
    used: &Used,
    (known, unused): (Option<&Entry>, Option<&Entry>),
    (checks, writes): (&mut Vec<Check>, &mut Vec<Write>),
) -> Result<(), Unavailable> {
    let before = decoded::<Used>(known)?.map(|(used, _)| used);
    let mut after = before.clone().unwrap_or_default();
    after.add(used);
    checks.push(Check { key: keys::used(id), version: known.map(|entry| entry.version) });
    if let Some(unused) = unused {
        checks.push(Check { key: keys::unused(id), version: Some(unused.version) });
        writes.push(Write { key: keys::unused(id), value: None });
    }
    let place = |used: &Used| keys::last_used(used.at, id);
    if before.as_ref().map(place) != Some(place(&after)) {
        writes.extend(before.as_ref().map(|before| Write { key: place(before), value: None }));
        writes.push(Write { key: place(&after), value: Some(Vec::new()) });
    }
    writes.push(Write { key: keys::used(id), value: Some(after.to_stored()) });
    Ok(())
}

/// An address as text; a zone (RFC 4007) is of no use elsewhere.
fn is_address(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_ADDRESS_LENGTH
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'))
}
