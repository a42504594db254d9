//! Edit: what an administrator may change of a refresh token, and what each change does to what it gave out.
//!
//! Disabling it, shortening its expiry, and narrowing its scopes, networks or audiences begin a new life and cut the old one:
//! what it gave out is dead, and nothing brings it back. Everything else goes by the next exchange alone: what is out keeps what
//! it was minted with. An expired token lives again when its expiry is put off; a tombstone cannot be edited.

use super::{
    ATTEMPTS, Actor, Authority,
    cuts::Cutting,
    ending::{Act, ActError, check_note},
    index,
    issue::{IssueError, raise_maximum},
    members::{self, Expiry, MAX_NOTE_LENGTH},
    show::Token,
    standing::{Grant, Standing},
};
use crate::{
    digest::CutDigest,
    keys,
    ports::Draw,
    record::{Bindings, Conduct, Ending, Reason, Record, Stored as _},
    scope::Scopes,
    seconds::Seconds,
    store::{Check, CommitError, Unavailable, Write},
    token_id::{LineageId, TokenId},
};

/// A change of a refresh token. `None` leaves a member as it is; `Some(None)` takes it away. Owner and parent are for good.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// Its name.
    pub name: Option<String>,
    /// When it expires. Counted from now where it is a span.
    pub expiry: Option<Expiry>,
    /// Whether it may be exchanged at all.
    pub enabled: Option<bool>,
    /// What it is good for.
    pub scopes: Option<Vec<String>>,
    /// How long its access tokens live.
    pub access_ttl: Option<Option<Seconds>>,
    /// It is exchanged from this moment on.
    pub not_before: Option<Option<Seconds>>,
    /// Networks in CIDR notation. Empty: everywhere.
    pub networks: Option<Vec<String>>,
    /// Its access tokens carry the networks, and hold in them alone.
    pub networks_in_access_tokens: Option<bool>,
    /// RFC 8707 resources. Empty: any.
    pub audiences: Option<Vec<String>>,
    /// It is exchanged so many times, those counted before included.
    pub max_exchanges: Option<Option<u64>>,
    /// Its holder may issue refresh tokens under it.
    pub may_delegate: Option<bool>,
    /// Each exchange replaces its secret.
    pub rotates_on_use: Option<bool>,
    /// Why, for whoever asks later what ended.
    pub note: Option<String>,
}

/// Why nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is none of this id.
    #[error("there is no such refresh token")]
    NotFound,
    /// It, its owner, or something that it descends from has ended.
    #[error("the refresh token has ended")]
    Ended,
    /// Somebody else changed it in between.
    #[error("the refresh token has another generation")]
    GenerationDiffers,
    /// Nobody changes what has, or would have, a `jeton:` scope that they lack.
    #[error("the actor lacks a `jeton:` scope that the token has or would have")]
    ScopeBeyondActor,
    /// See [`MAX_NOTE_LENGTH`].
    #[error("the note has more than {MAX_NOTE_LENGTH} characters")]
    NoteTooLong,
    /// Control characters would break logs and tables.
    #[error("the note has a control character")]
    NoteHasControlCharacter,
    /// A member breaks a rule for refresh tokens.
    #[error(transparent)]
    Invalid(IssueError),
    /// The clock is too far behind a time that was already reached: nothing is granted. Disabling is always possible.
    #[error("the clock is behind a time that was already reached")]
    ClockBehind,
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for EditError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl From<IssueError> for EditError {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Unavailable => Self::Unavailable,
            IssueError::ClockBehind => Self::ClockBehind,
            IssueError::ScopeBeyondActor => Self::ScopeBeyondActor,
            broken => Self::Invalid(broken),
        }
    }
}

impl From<ActError> for EditError {
    fn from(error: ActError) -> Self {
        match error {
            ActError::NoteTooLong => Self::NoteTooLong,
            ActError::NoteHasControlCharacter => Self::NoteHasControlCharacter,
            // An edit gives no reason: it follows from what is changed.
            ActError::ReasonReserved => Self::Unavailable,
        }
    }
}

impl Authority {
    /// Changes a refresh token and gives it as it stands then. `generation`: the one that it must have.
    ///
    /// An edit that changes nothing writes nothing, so it may be repeated.
    ///
    /// # Errors
    /// [`EditError`]; nothing was changed then, or, where the store failed, it is not known.
    pub fn edit(&self, actor: &Actor, id: &str, edit: &Edit, generation: Option<u64>) -> Result<Token, EditError> {
        check_note(edit.note.as_deref())?;
        if let Some(name) = &edit.name {
            members::check_name(name)?;
        }
        let scopes = edit.scopes.as_ref().map(Scopes::new).transpose().map_err(IssueError::from)?;
        let id = TokenId::parse(id).ok_or(EditError::NotFound)?;
        for _ in 0..ATTEMPTS {
            if let Some(token) = self.try_edit(actor, id, edit, scopes.as_ref(), generation)? {
                return Ok(token);
            }
        }
        Err(EditError::Unavailable)
    }

    /// One attempt; `None` when something changed in between.
    fn try_edit(
        &self,
        actor: &Actor,
        id: TokenId,
        edit: &Edit,
        scopes: Option<&Scopes>,
        generation: Option<u64>,
    ) -> Result<Option<Token>, EditError> {
        let standing = self.standing(self.clock.now(), id)?;
        let (before, _) = standing.token.as_ref().ok_or(EditError::NotFound)?;
        let bounds = standing.bounds().map_err(|_| EditError::Ended)?;
        if standing.obstacles(id).any(|obstacle| !obstacle.may_pass()) {
            return Err(EditError::Ended);
        }
        if generation.is_some_and(|generation| generation != before.generation) {
            return Err(EditError::GenerationDiffers);
        }
        let held = Scopes::parse(&before.scope).map_err(|_| EditError::Unavailable)?;
        if !self.may_act_on(actor, before)? {
            return Err(EditError::NotFound);
        }
        if !actor.may_touch(&held) || scopes.is_some_and(|scopes| !actor.may_touch(scopes)) {
            return Err(EditError::ScopeBeyondActor);
        }
        let now = standing.time.now;
        let mut after = before.clone();
        change(&mut after, edit, scopes, &held, &standing, bounds.as_ref())?;
        if let Some(enabled) = edit.enabled {
            let disabled = || Act::by(actor, Reason::Disabled, edit.note.as_deref()).ending(now);
            after.disabled = if enabled { None } else { before.disabled.clone().or_else(|| Some(disabled())) };
        }
        if after == *before {
            return Ok(Some(self.token_after(id, before, &standing)?));
        }
        let only_disables =
            Record { disabled: before.disabled.clone(), ..after.clone() } == *before && after.disabled.is_some();
        if standing.time.is_behind() && !only_disables {
            return Err(EditError::ClockBehind);
        }
        let mut checks = standing.unchanged(id);
        let mut writes = index::moved(id, before, &after);
        if after.name != before.name && !after.is_of_console() {
            self.claim(&standing, &after.name, id, &mut checks, &mut writes)?;
        }
        if let Some(ttl) = after.access_ttl {
            raise_maximum(standing.maximum_access_ttl, ttl, &mut checks, &mut writes);
        }
        if before.conduct().rotates_on_use && !after.conduct().rotates_on_use {
            settle_secret(id, &standing, &mut after, &mut checks, &mut writes);
        }
        let ended = why_a_life_ends(before, &after);
        let act = ended.map(|reason| Act::by(actor, reason, edit.note.as_deref()).ending(now));
        let mut cutting = self.renewing(&standing, &mut after, act)?;
        checks.append(&mut cutting.checks);
        writes.append(&mut cutting.writes);
        after.generation = before.generation.saturating_add(1);
        let token = self.token_after(id, &after, &standing)?;
        writes.push(Write { key: keys::token(id), value: Some(after.to_stored()) });
        match self.store.commit(checks, writes) {
            Ok(_) => {}
            Err(CommitError::Conflict) => return Ok(None),
            Err(CommitError::Unavailable) => return Err(EditError::Unavailable),
        }
        self.settle(&cutting, now)?;
        Ok(Some(token))
    }

    /// Begins a new life of `record` where `ending` ends the present one, and gives what it takes to cut that.
    pub(super) fn renewing(
        &self,
        standing: &Standing,
        record: &mut Record,
        ending: Option<Ending>,
    ) -> Result<Cutting, Unavailable> {
        let Some(ending) = ending else { return Ok(Cutting::nothing()) };
        let (digest, by) = (CutDigest::of(&record.lineage.to_string()), ending.by.clone());
        record.begin_life(LineageId(Draw::seeded(self.entropy.as_ref()).bytes()), ending);
        self.cutting(standing.time, standing.epoch.as_ref(), vec![digest], &by)
    }
}

/// Gives `record` the members of `edit`, each by its rule. A member that stays what it is breaks none: rules that came later,
/// and parents that were narrowed, do not keep anybody from changing another member.
fn change(
    record: &mut Record,
    edit: &Edit,
    scopes: Option<&Scopes>,
    held: &Scopes,
    standing: &Standing,
    bounds: Option<&Grant>,
) -> Result<(), EditError> {
    let (settings, now) = (&standing.settings, standing.time.now);
    if let Some(name) = &edit.name {
        record.name.clone_from(name);
    }
    if let Some(scopes) = scopes.filter(|scopes| *scopes != held) {
        members::check_scopes(scopes, settings, bounds)?;
        record.scope = scopes.joined();
    }
    if let Some(ttl) = edit.access_ttl.filter(|ttl| *ttl != record.access_ttl) {
        members::check_access_ttl(ttl, settings)?;
        record.access_ttl = ttl;
    }
    if let Some(expiry) = edit.expiry.filter(|expiry| !is_already(record.expires_at, *expiry)) {
        record.expires_at = members::expiry(expiry, now, record.created_at, settings, bounds)?;
    }
    let mut bindings = record.bindings();
    if let Some(networks) = edit.networks.as_ref().filter(|networks| **networks != bindings.networks.texts()) {
        bindings.networks = members::networks(networks, bounds)?;
    }
    if let Some(audiences) = edit.audiences.as_ref().filter(|audiences| **audiences != bindings.audiences) {
        bindings.audiences = members::audiences(audiences, bounds)?;
    }
    if let Some(carried) = edit.networks_in_access_tokens {
        bindings.networks_in_access_tokens = carried;
    }
    if let Some(count) = edit.max_exchanges {
        members::check_max_exchanges(count)?;
        bindings.max_exchanges = count;
    }
    if let Some(not_before) = edit.not_before {
        bindings.not_before = not_before;
    }
    if edit.not_before.is_some() || edit.expiry.is_some() {
        members::check_not_before(bindings.not_before, record.expires_at)?;
    }
    record.bindings = bindings.some();
    let Conduct { may_delegate, rotates_on_use } = record.conduct();
    record.conduct = Conduct {
        may_delegate: edit.may_delegate.unwrap_or(may_delegate),
        rotates_on_use: edit.rotates_on_use.unwrap_or(rotates_on_use),
    }
    .some();
    Ok(())
}

/// Whether `asked` is the expiry that there is: it needs no rule to stay.
fn is_already(expires_at: Option<Seconds>, asked: Expiry) -> bool {
    match asked {
        Expiry::At(at) => expires_at == Some(at),
        Expiry::Never => expires_at.is_none(),
        Expiry::BySetting | Expiry::After(_) => false,
    }
}

/// Why everything that `before` gave out must end when it becomes `after`; `None` where it may go on.
fn why_a_life_ends(before: &Record, after: &Record) -> Option<Reason> {
    if before.disabled.is_none() && after.disabled.is_some() {
        return Some(Reason::Disabled);
    }
    let scopes = |record: &Record| Scopes::parse(&record.scope).unwrap_or_default();
    let shorter = match (before.expires_at, after.expires_at) {
        (None, Some(_)) => true,
        (Some(before), Some(after)) => after < before,
        (_, None) => false,
    };
    let is_narrower =
        shorter || !scopes(after).cover_all(&scopes(before)) || binds_more(&before.bindings(), &after.bindings());
    is_narrower.then_some(Reason::Narrowed)
}

/// Whether access tokens could be out that `after` would not give out. Beginning later, and fewer exchanges, are none of their business.
fn binds_more(before: &Bindings, after: &Bindings) -> bool {
    let audience_is_gone = |audience: &String| !after.audiences.contains(audience);
    let audiences_narrowed =
        !after.audiences.is_empty() && (before.audiences.is_empty() || before.audiences.iter().any(audience_is_gone));
    audiences_narrowed
        || !after.networks.covers(&before.networks)
        || (after.networks_in_access_tokens && !before.networks_in_access_tokens)
}

/// The secret that is in force, where each use replaced it until now, becomes the one and only. An exchange at the same time moves
/// it, so the commit checks that it has not.
fn settle_secret(
    id: TokenId,
    standing: &Standing,
    record: &mut Record,
    checks: &mut Vec<Check>,
    writes: &mut Vec<Write>,
) {
    let key = keys::rotation(id);
    checks.push(Check { key: key.clone(), version: standing.kept.rotation.map(|(_, version)| version) });
    if let Some((rotation, _)) = standing.kept.rotation {
        record.secret = Some(rotation.current);
        writes.push(Write { key, value: None });
    }
}
