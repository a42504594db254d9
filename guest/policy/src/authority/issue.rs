//! Issue: a new refresh token.

use zeroize::Zeroizing;

use super::{
    ATTEMPTS, Actor, Authority, decoded, idempotency, index,
    members::{self, AskedBindings, Expiry, MAX_ANCESTORS, MAX_NAME_LENGTH},
    show::Token,
    standing::{Grant, MaximumAccessTtl, Standing},
};
use crate::{
    keys,
    ports::Draw,
    record::{Conduct, Owner, Record, Settings, Stored as _},
    refresh_token::RefreshToken,
    scope::Scopes,
    seconds::Seconds,
    store::{Check, CommitError, Unavailable, Write},
    token_id::{LineageId, TokenId},
};

/// A refresh token to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueRequest {
    /// Its name.
    pub name: String,
    /// Its expiry.
    pub expiry: Expiry,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// The id of what it descends from.
    pub parent: Option<String>,
    /// Whose it is.
    pub owner: Option<String>,
    /// How long its access tokens live. `None`: the setting.
    pub access_ttl: Option<Seconds>,
    /// What ties it down.
    pub bindings: AskedBindings,
    /// How it behaves in its holder's hands.
    pub conduct: Conduct,
    /// A repetition under the same key within a day makes nothing new.
    pub idempotency_key: Option<String>,
}

impl IssueRequest {
    /// A refresh token of this name, good for nothing yet, that expires by the setting.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            expiry: Expiry::BySetting,
            scopes: Vec::new(),
            parent: None,
            owner: None,
            access_ttl: None,
            bindings: AskedBindings::default(),
            conduct: Conduct::default(),
            idempotency_key: None,
        }
    }
}

/// A refresh token that was made.
pub struct Issued {
    /// To be shown once. `None`: a repetition of a call that showed it.
    pub secret: Option<Zeroizing<String>>,
    /// Everything else about it.
    pub token: Token,
}

/// Why no refresh token was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// A name is needed.
    #[error("the name is empty")]
    NameEmpty,
    /// See [`MAX_NAME_LENGTH`].
    #[error("the name has more than {MAX_NAME_LENGTH} characters")]
    NameTooLong,
    /// Control characters would break logs and tables.
    #[error("the name has a control character")]
    NameHasControlCharacter,
    /// A space at an end cannot be seen.
    #[error("the name begins or ends with a space")]
    NameHasOuterSpace,
    /// Another token that has not ended has it, and the settings want names to be unique.
    #[error("another token has this name")]
    NameTaken,
    /// It would be dead at once.
    #[error("the expiry is in the past")]
    ExpiryInThePast,
    /// See [`members::LAST_EXPIRY`].
    #[error("the expiry is after the year 9999")]
    ExpiryOutOfRange,
    /// A child's expiry can only be earlier.
    #[error("the expiry is later than the parent's")]
    ExpiryBeyondParent,
    /// The settings allow less.
    #[error("the expiry is later than the settings allow")]
    ExpiryBeyondMaximum,
    /// The settings forbid it.
    #[error("the settings allow no refresh token that never expires")]
    NeverNotAllowed,
    /// See [`crate::scope::MAX_SCOPES`].
    #[error("too many scopes")]
    TooManyScopes,
    /// Not an RFC 6749 scope token.
    #[error("a scope is malformed")]
    ScopeMalformed,
    /// See [`crate::scope::MAX_SCOPES_LENGTH`].
    #[error("the scopes are too long")]
    ScopesTooLong,
    /// In the reserved space, but not one that exists.
    #[error("no such `jeton:` scope")]
    ScopeUnknown,
    /// Not one of those that the settings list.
    #[error("a scope is not in the settings' catalogue")]
    ScopeNotInCatalogue,
    /// A child's scopes can only be fewer.
    #[error("a scope is not covered by the parent's")]
    ScopeBeyondParent,
    /// Nobody grants a `jeton:` scope that they lack.
    #[error("the actor lacks a `jeton:` scope that the token would have")]
    ScopeBeyondActor,
    /// Not an id.
    #[error("the parent is not a token id")]
    ParentMalformed,
    /// No such token.
    #[error("there is no such parent")]
    ParentNotFound,
    /// It, or something that it descends from, has ended, has expired or is disabled.
    #[error("the parent has ended")]
    ParentEnded,
    /// See [`MAX_ANCESTORS`]; the settings may allow fewer.
    #[error("more than {MAX_ANCESTORS} levels, or than the settings allow")]
    TooDeep,
    /// Its holder may not issue under it.
    #[error("nothing may be issued under this token by its holder")]
    DelegationNotAllowed,
    /// See [`members::MAX_OWNER_LENGTH`].
    #[error("the owner is malformed")]
    OwnerMalformed,
    /// See [`members::MAX_ACCESS_TTL`].
    #[error("the access TTL is out of range")]
    AccessTtlOutOfRange,
    /// The settings allow less.
    #[error("the access TTL is outside the settings' bounds")]
    AccessTtlBeyondSettings,
    /// It would never be taken.
    #[error("not_before is not before the expiry")]
    NotBeforeOutOfRange,
    /// See [`crate::network::NetworkError`].
    #[error("a network is malformed")]
    NetworkMalformed,
    /// See [`crate::network::MAX_NETWORKS`].
    #[error("too many networks")]
    TooManyNetworks,
    /// A child's networks can only be narrower.
    #[error("a network is not within the parent's")]
    NetworkBeyondParent,
    /// RFC 8707 section 2.
    #[error("an audience is not an absolute URI without fragment")]
    AudienceMalformed,
    /// See [`members::MAX_AUDIENCES`].
    #[error("too many audiences")]
    TooManyAudiences,
    /// A child's audiences can only be fewer.
    #[error("an audience is not one of the parent's")]
    AudienceBeyondParent,
    /// See [`members::MAX_EXCHANGES`].
    #[error("the number of exchanges is out of range")]
    MaxExchangesOutOfRange,
    /// See [`idempotency::MAX_KEY_LENGTH`].
    #[error("the idempotency key is malformed")]
    IdempotencyKeyMalformed,
    /// A key names one request.
    #[error("the idempotency key was used for another request")]
    IdempotencyKeyReused,
    /// The clock is too far behind a time that was already reached.
    #[error("the clock is behind a time that was already reached")]
    ClockBehind,
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for IssueError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

/// What must still hold of a parent when its child is committed, and what it hands down.
pub(super) struct Parent {
    pub(super) ancestors: Vec<TokenId>,
    pub(super) grant: Grant,
    pub(super) checks: Vec<Check>,
}

impl Authority {
    /// Makes a refresh token.
    ///
    /// # Errors
    /// [`IssueError`]; nothing was made then.
    pub fn issue(&self, actor: &Actor, request: &IssueRequest) -> Result<Issued, IssueError> {
        members::check_name(&request.name)?;
        let scopes = Scopes::new(&request.scopes)?;
        if let Some(owner) = &request.owner {
            members::check_owner(owner)?;
        }
        let parent = match &request.parent {
            None => None,
            Some(text) => Some(TokenId::parse(text).ok_or(IssueError::ParentMalformed)?),
        };
        if !actor.may_touch(&scopes) {
            return Err(IssueError::ScopeBeyondActor);
        }
        self.check_own(actor, request, parent)?;
        let repetition = idempotency::of(actor, request)?;
        for _ in 0..ATTEMPTS {
            if let Some(repetition) = &repetition
                && let Some(issued) = self.repeated(repetition)?
            {
                return Ok(issued);
            }
            if let Some(issued) = self.try_issue(actor, request, &scopes, parent, repetition.as_ref())? {
                return Ok(issued);
            }
        }
        Err(IssueError::Unavailable)
    }

    /// One attempt; `None` when something changed in between.
    fn try_issue(
        &self,
        actor: &Actor,
        request: &IssueRequest,
        scopes: &Scopes,
        parent: Option<TokenId>,
        repetition: Option<&idempotency::Repetition>,
    ) -> Result<Option<Issued>, IssueError> {
        let reading = self.clock.now();
        let mut draw = Draw::seeded(self.entropy.as_ref());
        let id = TokenId::new(reading, draw.bytes());
        // Without a parent this reads how the new, still absent token stands: clock, settings and the maximum TTL.
        let standing = self.standing(reading, parent.unwrap_or(id))?;
        let parent = parent.map(|parent| parent_of(&standing, parent)).transpose()?;
        let mut new = NewToken::at(id, standing, parent, actor.name(), scopes)?;
        new.fill(request, scopes)?;
        if let Some(repetition) = repetition {
            new.writes.extend(repetition.remembered(id, new.standing.time.now));
            new.checks.push(repetition.check());
        }
        self.enter(new, &mut draw)
    }

    /// Commits a new token; `None` when something changed in between.
    pub(super) fn enter(&self, new: NewToken, draw: &mut Draw) -> Result<Option<Issued>, IssueError> {
        let NewToken { id, standing, mut record, mut checks, mut writes, .. } = new;
        let secret = RefreshToken::new(id, draw.bytes());
        record.secret = Some(secret.digest().0);
        record.lineage = LineageId(draw.bytes());
        checks.push(Check { key: keys::token(id), version: None });
        if !record.is_of_console() {
            self.claim(&standing, &record.name, id, &mut checks, &mut writes)?;
        }
        if let Some(owner) = record.owner.clone() {
            record.owner_lineage = Some(self.join_owner(&owner, draw, &mut checks, &mut writes)?);
        }
        if let Some(ttl) = record.access_ttl {
            raise_maximum(standing.maximum_access_ttl, ttl, &mut checks, &mut writes);
        }
        writes.push(Write { key: keys::token(id), value: Some(record.to_stored()) });
        writes.extend(index::entered(id, &record));
        match self.store.commit(checks, writes) {
            Ok(_) => {
                let token = Token::new(id, record, standing.time.now, &standing.settings);
                Ok(Some(Issued { secret: Some(secret.reveal()), token }))
            }
            Err(CommitError::Conflict) => Ok(None),
            Err(CommitError::Unavailable) => Err(IssueError::Unavailable),
        }
    }

    /// The life of `owner` that a new token is issued in. The commit checks that it is still the same: an owner who ends
    /// meanwhile takes the new token along.
    pub(super) fn join_owner(
        &self,
        owner: &str,
        draw: &mut Draw,
        checks: &mut Vec<Check>,
        writes: &mut Vec<Write>,
    ) -> Result<LineageId, Unavailable> {
        let key = keys::owner(owner);
        let [known] = self.read([key.clone()])?;
        if let Some((owner, version)) = decoded::<Owner>(known.as_ref())? {
            // The parent's may be the same.
            if !checks.iter().any(|check| check.key == key) {
                checks.push(Check { key, version: Some(version) });
            }
            return Ok(owner.lineage);
        }
        let founded = Owner { lineage: LineageId(draw.bytes()), past: None };
        checks.push(Check { key: key.clone(), version: None });
        writes.push(Write { key, value: Some(founded.to_stored()) });
        Ok(founded.lineage)
    }
}

/// A refresh token that is being made.
pub(super) struct NewToken {
    pub(super) id: TokenId,
    pub(super) standing: Standing,
    parent: Option<Grant>,
    pub(super) record: Record,
    pub(super) checks: Vec<Check>,
    pub(super) writes: Vec<Write>,
}

impl NewToken {
    /// A token without members that will have these scopes, made now by `by`.
    pub(super) fn at(
        id: TokenId,
        standing: Standing,
        parent: Option<Parent>,
        by: &str,
        scopes: &Scopes,
    ) -> Result<Self, IssueError> {
        if standing.time.is_behind() {
            return Err(IssueError::ClockBehind);
        }
        let (ancestors, grant, checks) = match parent {
            None => (Vec::new(), None, Vec::new()),
            Some(parent) => (parent.ancestors, Some(parent.grant), parent.checks),
        };
        let levels = usize::try_from(standing.settings.delegation_levels()).unwrap_or(usize::MAX);
        // Nobody delegates to whom an account is: the settings count what is issued below what people sign in with.
        let of_people = if scopes.are_of_console() { ancestors.len() } else { standing.links_of_console() };
        if ancestors.len() > MAX_ANCESTORS || ancestors.len().saturating_sub(of_people) > levels {
            return Err(IssueError::TooDeep);
        }
        let record = Record {
            name: String::new(),
            secret: None,
            lineage: LineageId([0; 16]),
            owner: None,
            ancestors,
            scope: String::new(),
            created_at: standing.time.now,
            created_by: by.to_owned(),
            expires_at: None,
            access_ttl: None,
            generation: 1,
            ending: None,
            owner_lineage: None,
            disabled: None,
            bindings: None,
            conduct: None,
            superseded: None,
            past: None,
        };
        Ok(Self { id, standing, parent: grant, record, checks, writes: Vec::new() })
    }

    /// Gives it the members asked for, each by its rule.
    pub(super) fn fill(&mut self, request: &IssueRequest, scopes: &Scopes) -> Result<(), IssueError> {
        let (settings, parent, now) = (&self.standing.settings, self.parent.as_ref(), self.standing.time.now);
        members::check_access_ttl(request.access_ttl, settings)?;
        members::check_scopes(scopes, settings, parent)?;
        let expires_at = match request.expiry {
            // An account lives as long as it is there.
            Expiry::Never if scopes.are_of_console() && parent.is_none() => None,
            asked if scopes.are_of_console() => members::expiry(asked, now, now, &Settings::default(), parent)?,
            asked => members::expiry(asked, now, now, settings, parent)?,
        };
        self.record.bindings = members::bindings(&request.bindings, expires_at, parent)?;
        self.record.name.clone_from(&request.name);
        self.record.owner.clone_from(&request.owner);
        self.record.scope = scopes.joined();
        self.record.expires_at = expires_at;
        self.record.access_ttl = request.access_ttl;
        self.record.conduct = request.conduct.some();
        Ok(())
    }
}

/// What a token hands down to a child.
pub(super) fn parent_of(standing: &Standing, id: TokenId) -> Result<Parent, IssueError> {
    if standing.token.is_none() {
        return Err(IssueError::ParentNotFound);
    }
    let grant = standing.grant(id).map_err(|_| IssueError::ParentEnded)?;
    let ancestors = standing.chain(id).map(|(id, _)| id).collect();
    Ok(Parent { ancestors, grant, checks: standing.unchanged(id) })
}

/// Raises the maximum access TTL in the very commit that makes it necessary.
pub(super) fn raise_maximum(maximum: MaximumAccessTtl, to: Seconds, checks: &mut Vec<Check>, writes: &mut Vec<Write>) {
    if to > maximum.seconds {
        let key = keys::MAXIMUM_ACCESS_TTL.to_vec();
        checks.push(Check { key: key.clone(), version: maximum.version });
        writes.push(Write { key, value: Some(to.to_stored()) });
    }
}
