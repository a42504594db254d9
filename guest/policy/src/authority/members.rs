//! The members of a refresh token, and the rules that each must keep: the same at issue, edit and import.

use super::{
    issue::IssueError,
    minting::is_audience,
    standing::{Grant, earlier},
};
use crate::{
    network::{Networks, NetworksError},
    record::{Bindings, Settings},
    scope::{RESERVED_PREFIX, ScopeError, Scopes},
    seconds::Seconds,
    token_id::TokenId,
};

/// The most characters of a name.
pub const MAX_NAME_LENGTH: usize = 200;
/// The most characters of an owner.
pub const MAX_OWNER_LENGTH: usize = 200;
/// The most characters of a note: a sentence or two in the actor's own words.
pub const MAX_NOTE_LENGTH: usize = 500;
/// The longest that an access token may live: a day, so that no cut must be kept for longer.
pub const MAX_ACCESS_TTL: Seconds = Seconds(24 * 60 * 60);
/// The most levels above a refresh token: each adds to every access token below it.
pub const MAX_ANCESTORS: usize = 8;
/// 9999-12-31T23:59:59Z: the last moment that RFC 3339 can write.
pub const LAST_EXPIRY: Seconds = Seconds(253_402_300_799);
/// The most audiences of a refresh token: a resource server each.
pub const MAX_AUDIENCES: usize = 8;
/// The most exchanges that can be counted down: for more there is "any number".
pub const MAX_EXCHANGES: u64 = 1_000_000_000;

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

/// What ties a refresh token down, as it is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedBindings {
    /// It is exchanged from this moment on.
    pub not_before: Option<Seconds>,
    /// Networks in CIDR notation.
    pub networks: Vec<String>,
    /// Its access tokens carry the networks, and hold in them alone.
    pub networks_in_access_tokens: bool,
    /// RFC 8707 resources.
    pub audiences: Vec<String>,
    /// It is exchanged so many times.
    pub max_exchanges: Option<u64>,
}

/// 1 to [`MAX_NAME_LENGTH`] characters that can be seen.
pub(super) fn check_name(name: &str) -> Result<(), IssueError> {
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

/// Who stands in a record as the author of an act: the `client_id` of a token, or `machine`.
pub(super) fn is_author(by: &str) -> bool {
    !by.is_empty() && by.len() <= MAX_NAME_LENGTH && by.bytes().all(|byte| byte.is_ascii_graphic())
}

/// 1 s to [`MAX_ACCESS_TTL`], and within the settings.
pub(super) fn check_access_ttl(ttl: Option<Seconds>, settings: &Settings) -> Result<(), IssueError> {
    let Some(ttl) = ttl else { return Ok(()) };
    if ttl == Seconds(0) || ttl > MAX_ACCESS_TTL {
        return Err(IssueError::AccessTtlOutOfRange);
    }
    if ttl < settings.access_token_minimum() || ttl > settings.access_token_maximum() {
        return Err(IssueError::AccessTtlBeyondSettings);
    }
    Ok(())
}

/// Scopes that exist, and that the parent has.
pub(super) fn check_scopes(scopes: &Scopes, settings: &Settings, parent: Option<&Grant>) -> Result<(), IssueError> {
    if let Some(catalogue) = &settings.scopes
        && scopes.as_slice().iter().any(|scope| !scope.starts_with(RESERVED_PREFIX) && !catalogue.contains(scope))
    {
        return Err(IssueError::ScopeNotInCatalogue);
    }
    if parent.is_some_and(|parent| !parent.scopes.cover_all(scopes)) {
        return Err(IssueError::ScopeBeyondParent);
    }
    Ok(())
}

/// The moment that `asked` means; `None` is never. `made_at`: when the token was, or is, made.
pub(super) fn expiry(
    asked: Expiry,
    now: Seconds,
    made_at: Seconds,
    settings: &Settings,
    parent: Option<&Grant>,
) -> Result<Option<Seconds>, IssueError> {
    let parent = parent.and_then(|parent| parent.expires_at);
    let latest = settings.refresh_token_maximum.map(|maximum| made_at.plus(maximum));
    let at = match asked {
        Expiry::BySetting => {
            let by_setting = now.plus(settings.refresh_token_expiration).min(LAST_EXPIRY);
            return Ok(earlier(earlier(Some(by_setting), parent), latest));
        }
        Expiry::Never if !settings.never_allowed() => return Err(IssueError::NeverNotAllowed),
        Expiry::Never if latest.is_some() => return Err(IssueError::ExpiryBeyondMaximum),
        Expiry::Never if parent.is_some() => return Err(IssueError::ExpiryBeyondParent),
        Expiry::Never => return Ok(None),
        Expiry::After(span) => now.plus(span),
        Expiry::At(at) => at,
    };
    if at <= now {
        return Err(IssueError::ExpiryInThePast);
    }
    if at > LAST_EXPIRY {
        return Err(IssueError::ExpiryOutOfRange);
    }
    if latest.is_some_and(|latest| at > latest) {
        return Err(IssueError::ExpiryBeyondMaximum);
    }
    if parent.is_some_and(|parent| at > parent) {
        return Err(IssueError::ExpiryBeyondParent);
    }
    Ok(Some(at))
}

/// Bindings that make sense by themselves, under `parent`, and with `expires_at`. `None` where there are none.
pub(super) fn bindings(
    asked: &AskedBindings,
    expires_at: Option<Seconds>,
    parent: Option<&Grant>,
) -> Result<Option<Bindings>, IssueError> {
    let bindings = Bindings {
        not_before: asked.not_before,
        networks: networks(&asked.networks, parent)?,
        networks_in_access_tokens: asked.networks_in_access_tokens,
        audiences: audiences(&asked.audiences, parent)?,
        max_exchanges: asked.max_exchanges,
    };
    check_not_before(bindings.not_before, expires_at)?;
    check_max_exchanges(bindings.max_exchanges)?;
    Ok(bindings.some())
}

/// Networks in CIDR notation that lie within the parent's. Where its links share none, what is above is to be widened first.
pub(super) fn networks(asked: &[String], parent: Option<&Grant>) -> Result<Networks, IssueError> {
    let networks = Networks::new(asked).map_err(|error| match error {
        NetworksError::Malformed(_) => IssueError::NetworkMalformed,
        NetworksError::TooMany => IssueError::TooManyNetworks,
    })?;
    let is_beyond = |parent: &Grant| parent.is_nowhere || !parent.networks.covers(&networks);
    if !networks.is_empty() && parent.is_some_and(is_beyond) {
        return Err(IssueError::NetworkBeyondParent);
    }
    Ok(networks)
}

/// At most [`MAX_AUDIENCES`] audiences, each once, and each one of the parent's.
pub(super) fn audiences(asked: &[String], parent: Option<&Grant>) -> Result<Vec<String>, IssueError> {
    let allowed = parent.and_then(|parent| parent.audiences.as_ref());
    let mut audiences: Vec<String> = Vec::new();
    for audience in asked {
        if !is_audience(audience) {
            return Err(IssueError::AudienceMalformed);
        }
        if audiences.contains(audience) {
            continue;
        }
        if audiences.len() >= MAX_AUDIENCES {
            return Err(IssueError::TooManyAudiences);
        }
        if allowed.is_some_and(|allowed| !allowed.contains(audience)) {
            return Err(IssueError::AudienceBeyondParent);
        }
        audiences.push(audience.clone());
    }
    Ok(audiences)
}

/// Before the expiry: a token that it would never come to would never be taken.
pub(super) fn check_not_before(not_before: Option<Seconds>, expires_at: Option<Seconds>) -> Result<(), IssueError> {
    let is_late = |from: Seconds| from > LAST_EXPIRY || expires_at.is_some_and(|expiry| from >= expiry);
    if not_before.is_some_and(is_late) { Err(IssueError::NotBeforeOutOfRange) } else { Ok(()) }
}

/// 1 to [`MAX_EXCHANGES`].
pub(super) fn check_max_exchanges(count: Option<u64>) -> Result<(), IssueError> {
    let is_beyond = |count: u64| count == 0 || count > MAX_EXCHANGES;
    if count.is_some_and(is_beyond) { Err(IssueError::MaxExchangesOutOfRange) } else { Ok(()) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_lies_before_the_expiry_and_within_what_can_be_written() {
        let late = Err(IssueError::NotBeforeOutOfRange);
        let (last, beyond) = (LAST_EXPIRY, LAST_EXPIRY.plus(Seconds(1)));
        assert_eq!(check_not_before(Some(last), None), Ok(()));
        assert_eq!(check_not_before(Some(beyond), None), late);
        assert_eq!(check_not_before(Some(beyond.plus(Seconds(1))), None), late);
        assert_eq!(check_not_before(Some(Seconds(9)), Some(Seconds(10))), Ok(()));
        assert_eq!(check_not_before(Some(Seconds(10)), Some(Seconds(10))), late);
    }

    #[test]
    fn the_number_of_exchanges_is_bounded_at_both_ends() {
        for (count, verdict) in [(0, false), (1, true), (MAX_EXCHANGES, true), (MAX_EXCHANGES + 1, false)] {
            assert_eq!(check_max_exchanges(Some(count)).is_ok(), verdict, "{count}");
        }
    }
}
