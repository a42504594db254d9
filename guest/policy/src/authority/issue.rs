//! Issue: a new refresh token.

use zeroize::Zeroizing;

use super::{
    ATTEMPTS, Actor, Authority,
    show::Token,
    standing::{MaximumAccessTtl, earlier},
    time::Time,
};
use crate::{
    keys,
    ports::Draw,
    record::{Owner, Record, Settings, Stored as _},
    refresh_token::RefreshToken,
    scope::{ScopeError, Scopes},
    seconds::Seconds,
    store::{Check, CommitError, Unavailable, Write},
    token_id::{LineageId, TokenId},
};

/// The most characters of a name.
pub const MAX_NAME_LENGTH: usize = 200;
/// The most characters of an owner.
pub const MAX_OWNER_LENGTH: usize = 200;
/// The longest that an access token may live: a day, so that no cut must be kept for longer.
pub const MAX_ACCESS_TTL: Seconds = Seconds(24 * 60 * 60);
/// The most levels above a refresh token: each adds to every access token below it.
pub const MAX_ANCESTORS: usize = 8;
/// 9999-12-31T23:59:59Z: the last moment that RFC 3339 can write.
pub const LAST_EXPIRY: Seconds = Seconds(253_402_300_799);

/// When a refresh token shall expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// After the setting's time, or with its parent if that is earlier.
    BySetting,
    /// After so many seconds.
    After(Seconds),
    /// At this moment.
    At(Seconds),
    /// Not by itself.
    Never,
}

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
}

/// A refresh token that was made.
pub struct Issued {
    /// To be shown once.
    pub secret: Zeroizing<String>,
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
    /// It would be dead at once.
    #[error("the expiry is in the past")]
    ExpiryInThePast,
    /// See [`LAST_EXPIRY`].
    #[error("the expiry is after the year 9999")]
    ExpiryOutOfRange,
    /// A child's expiry can only be earlier.
    #[error("the expiry is later than the parent's")]
    ExpiryBeyondParent,
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
    /// It, or something that it descends from, has ended or expired.
    #[error("the parent has ended")]
    ParentEnded,
    /// See [`MAX_ANCESTORS`].
    #[error("more than {MAX_ANCESTORS} levels")]
    TooDeep,
    /// See [`MAX_OWNER_LENGTH`].
    #[error("the owner is malformed")]
    OwnerMalformed,
    /// See [`MAX_ACCESS_TTL`].
    #[error("the access TTL is out of range")]
    AccessTtlOutOfRange,
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

impl From<ScopeError> for IssueError {
    fn from(error: ScopeError) -> Self {
        match error {
            ScopeError::Malformed => Self::ScopeMalformed,
            ScopeError::TooMany => Self::TooManyScopes,
            ScopeError::TooLong => Self::ScopesTooLong,
            ScopeError::Unknown => Self::ScopeUnknown,
        }
    }
}

/// What a parent hands down, and what must still hold when its child is committed.
struct Inheritance {
    ancestors: Vec<TokenId>,
    expires_at: Option<Seconds>,
    scopes: Option<Scopes>,
    checks: Vec<Check>,
}

impl Authority {
    /// Makes a refresh token.
    ///
    /// # Errors
    /// [`IssueError`]; nothing was made then.
    pub fn issue(&self, actor: &Actor, request: &IssueRequest) -> Result<Issued, IssueError> {
        check_name(&request.name)?;
        let scopes = Scopes::new(&request.scopes)?;
        if let Some(owner) = &request.owner {
            check_owner(owner)?;
        }
        if request.access_ttl.is_some_and(|ttl| ttl == Seconds(0) || ttl > MAX_ACCESS_TTL) {
            return Err(IssueError::AccessTtlOutOfRange);
        }
        let parent = match &request.parent {
            None => None,
            Some(text) => Some(TokenId::parse(text).ok_or(IssueError::ParentMalformed)?),
        };
        if !actor.may_touch(&scopes) {
            return Err(IssueError::ScopeBeyondActor);
        }
        for _ in 0..ATTEMPTS {
            match self.try_issue(actor, request, &scopes, parent)? {
                Some(issued) => return Ok(issued),
                None => continue,
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
    ) -> Result<Option<Issued>, IssueError> {
        let reading = self.clock.now();
        let mut draw = Draw::seeded(self.entropy.as_ref());
        let id = TokenId::new(reading, draw.bytes());
        // Without a parent this reads how the new, still absent token stands: clock, settings and the maximum TTL.
        let standing = self.standing(reading, parent.unwrap_or(id))?;
        let time = standing.time;
        if time.is_behind() {
            return Err(IssueError::ClockBehind);
        }
        let (settings, maximum) = (standing.settings, standing.maximum_access_ttl);
        let inherited = match parent {
            None => Inheritance { ancestors: Vec::new(), expires_at: None, scopes: None, checks: Vec::new() },
            Some(parent) => {
                if standing.token.is_none() {
                    return Err(IssueError::ParentNotFound);
                }
                let grant = standing.grant().ok_or(IssueError::ParentEnded)?;
                let mut ancestors = vec![parent];
                ancestors.extend(standing.ancestors.iter().map(|(id, _)| *id));
                if ancestors.len() > MAX_ANCESTORS {
                    return Err(IssueError::TooDeep);
                }
                let versions =
                    standing.token.iter().chain(standing.ancestors.iter().filter_map(|(_, one)| one.as_ref()));
                let checks = ancestors
                    .iter()
                    .zip(versions)
                    .map(|(id, (_, version))| Check { key: keys::token(*id), version: Some(*version) })
                    .collect();
                Inheritance { ancestors, expires_at: grant.expires_at, scopes: Some(grant.scopes), checks }
            }
        };
        if inherited.scopes.as_ref().is_some_and(|bound| !bound.cover_all(scopes)) {
            return Err(IssueError::ScopeBeyondParent);
        }
        let secret = RefreshToken::new(id, draw.bytes());
        let record = Record {
            name: request.name.clone(),
            secret: Some(secret.digest().0),
            lineage: LineageId(draw.bytes()),
            owner: request.owner.clone(),
            expires_at: expiry(request.expiry, time, settings, inherited.expires_at)?,
            ancestors: inherited.ancestors,
            scope: scopes.joined(),
            created_at: time.now,
            created_by: actor.name().to_owned(),
            access_ttl: request.access_ttl,
            generation: 1,
            ending: None,
        };
        let mut checks = inherited.checks;
        checks.push(Check { key: keys::token(id), version: None });
        let mut writes = vec![
            Write { key: keys::token(id), value: Some(record.to_stored()) },
            Write { key: keys::name(&record.name, id), value: Some(Vec::new()) },
        ];
        if let Some(owner) = &record.owner {
            writes.push(Write { key: keys::owned(owner, id), value: Some(Vec::new()) });
            self.found_owner(owner, &mut draw, &mut checks, &mut writes)?;
        }
        if let Some(ttl) = record.access_ttl {
            raise_maximum(maximum, ttl, &mut checks, &mut writes);
        }
        match self.store.commit(checks, writes) {
            Ok(_) => {
                let token = Token::derive(id, record, &[], time.now, settings);
                Ok(Some(Issued { secret: secret.reveal(), token }))
            }
            Err(CommitError::Conflict) => Ok(None),
            Err(CommitError::Unavailable) => Err(IssueError::Unavailable),
        }
    }

    /// Gives an owner who has none a lineage.
    fn found_owner(
        &self,
        owner: &str,
        draw: &mut Draw,
        checks: &mut Vec<Check>,
        writes: &mut Vec<Write>,
    ) -> Result<(), Unavailable> {
        let key = keys::owner(owner);
        let [known] = self.read([key.clone()])?;
        if known.is_none() {
            checks.push(Check { key: key.clone(), version: None });
            writes.push(Write { key, value: Some(Owner { lineage: LineageId(draw.bytes()) }.to_stored()) });
        }
        Ok(())
    }
}

/// Raises the maximum access TTL in the very commit that makes it necessary.
pub(super) fn raise_maximum(maximum: MaximumAccessTtl, to: Seconds, checks: &mut Vec<Check>, writes: &mut Vec<Write>) {
    if to > maximum.seconds {
        let key = keys::MAXIMUM_ACCESS_TTL.to_vec();
        checks.push(Check { key: key.clone(), version: maximum.version });
        writes.push(Write { key, value: Some(to.to_stored()) });
    }
}

fn expiry(
    asked: Expiry,
    time: Time,
    settings: Settings,
    parent: Option<Seconds>,
) -> Result<Option<Seconds>, IssueError> {
    let at = match asked {
        Expiry::BySetting => {
            let by_setting = time.now.plus(settings.refresh_token_expiration).min(LAST_EXPIRY);
            return Ok(earlier(Some(by_setting), parent));
        }
        Expiry::Never if parent.is_some() => return Err(IssueError::ExpiryBeyondParent),
        Expiry::Never => return Ok(None),
        Expiry::After(span) => time.now.plus(span),
        Expiry::At(at) => at,
    };
    if at <= time.now {
        return Err(IssueError::ExpiryInThePast);
    }
    if at > LAST_EXPIRY {
        return Err(IssueError::ExpiryOutOfRange);
    }
    if parent.is_some_and(|parent| at > parent) {
        return Err(IssueError::ExpiryBeyondParent);
    }
    Ok(Some(at))
}

fn check_name(name: &str) -> Result<(), IssueError> {
    if name.is_empty() {
        return Err(IssueError::NameEmpty);
    }
    if name.chars().count() > MAX_NAME_LENGTH {
        return Err(IssueError::NameTooLong);
    }
    if name.chars().any(char::is_control) {
        return Err(IssueError::NameHasControlCharacter);
    }
    if name.trim() != name {
        return Err(IssueError::NameHasOuterSpace);
    }
    Ok(())
}

/// Visible ASCII, so that it can stand in a header; not of the shape of a token id, which is what `sub` is without an owner.
pub(super) fn check_owner(owner: &str) -> Result<(), IssueError> {
    let sound = !owner.is_empty()
        && owner.len() <= MAX_OWNER_LENGTH
        && owner.bytes().all(|byte| byte.is_ascii_graphic())
        && TokenId::parse(owner).is_none();
    if sound { Ok(()) } else { Err(IssueError::OwnerMalformed) }
}
