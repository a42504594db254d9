//! Token exchange (RFC 8693): a token for a narrower one that descends from it.
//!
//! From a refresh token an access token is had, or, where it may delegate, a refresh token under it. From an access token only
//! an access token is had: it ends no later than its subject, and dies with it.

use zeroize::Zeroizing;

use super::{
    ATTEMPTS, Authority, decoded,
    exchange::{ExchangeError, ExchangeRequest, narrowed},
    held::Held,
    issue::{IssueError, IssueRequest, Issued, NewToken, parent_of},
    members::{self, Expiry, MAX_ANCESTORS},
    minting::{Minting, is_audience},
    presentation::{PresentError, Presented},
    time::Time,
};
use crate::{
    keys,
    network::Address,
    ports::{Draw, Reading},
    record::Epoch,
    refresh_token::RefreshToken,
    scope::{RESERVED_PREFIX, Scopes},
    seconds::Seconds,
    store::Unavailable,
    token_id::{Jti, TokenId},
};

/// What a token is (RFC 8693 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// `urn:ietf:params:oauth:token-type:access_token`.
    AccessToken,
    /// `urn:ietf:params:oauth:token-type:refresh_token`.
    RefreshToken,
}

/// RFC 8693 section 2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenExchangeRequest<'a> {
    /// What is presented.
    pub subject_token: &'a str,
    /// What it is.
    pub subject_token_type: TokenType,
    /// What is asked for.
    pub requested_token_type: TokenType,
    /// A subset of the subject's scopes. `None`: all of them; of a refresh token that is asked for, all but the `jeton:` ones.
    pub scope: Option<&'a str>,
    /// Whom an access token shall be for, or the one audience of a refresh token.
    pub resource: Option<&'a str>,
    /// The name of a refresh token that is asked for. `None`: its parent's.
    pub name: Option<&'a str>,
    /// How long a refresh token that is asked for shall live. `None`: as the setting says, and no longer than its parent.
    pub expires_in: Option<Seconds>,
    /// Where the request came from. `None`: not known, which is outside every network.
    pub peer: Option<Address>,
}

/// What a token exchange gives.
pub struct TokenExchanged {
    /// The token.
    pub token: Zeroizing<String>,
    /// What it is.
    pub token_type: TokenType,
    /// Seconds that it certainly lives. `None`: a refresh token that never expires.
    pub expires_in: Option<Seconds>,
    /// The granted scopes.
    pub scope: String,
    /// The id of an access token.
    pub jti: Option<Jti>,
    /// The refresh token that was issued, or that the access token comes from.
    pub client: TokenId,
    /// The successor of the presented refresh token, where that is replaced by each use.
    pub refresh_token: Option<Zeroizing<String>>,
}

/// Why nothing was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenExchangeError {
    /// RFC 8693 section 2.2.2. It never says why.
    #[error("the subject token is not valid")]
    InvalidSubject,
    /// The subject token may not give a refresh token, or the levels are used up.
    #[error("nothing may be issued under this token by its bearer")]
    DelegationRefused,
    /// RFC 6749 `invalid_scope`.
    #[error("the scope is malformed, or wider than the subject token's")]
    InvalidScope,
    /// RFC 8707 `invalid_target`.
    #[error("the resource is malformed, or not one that the subject token is good for")]
    InvalidTarget,
    /// The name or the expiry of a refresh token that is asked for breaks a rule.
    #[error("the name or the expiry breaks a rule for refresh tokens")]
    InvalidMember,
    /// The clock is too far behind a time that was already reached.
    #[error("the clock is behind a time that was already reached")]
    ClockBehind,
    /// The store, or the epoch's key, cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for TokenExchangeError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl From<ExchangeError> for TokenExchangeError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::InvalidGrant => Self::InvalidSubject,
            ExchangeError::InvalidScope => Self::InvalidScope,
            ExchangeError::InvalidTarget => Self::InvalidTarget,
            ExchangeError::ClockBehind => Self::ClockBehind,
            ExchangeError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<PresentError> for TokenExchangeError {
    fn from(error: PresentError) -> Self {
        match error {
            PresentError::Invalid => Self::InvalidSubject,
            PresentError::ClockBehind => Self::ClockBehind,
            PresentError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<IssueError> for TokenExchangeError {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Unavailable => Self::Unavailable,
            IssueError::ClockBehind => Self::ClockBehind,
            IssueError::ParentNotFound | IssueError::ParentEnded => Self::InvalidSubject,
            IssueError::TooDeep | IssueError::DelegationNotAllowed => Self::DelegationRefused,
            IssueError::TooManyScopes
            | IssueError::ScopeMalformed
            | IssueError::ScopesTooLong
            | IssueError::ScopeUnknown
            | IssueError::ScopeNotInCatalogue
            | IssueError::ScopeBeyondParent
            | IssueError::ScopeBeyondActor => Self::InvalidScope,
            IssueError::AudienceMalformed | IssueError::TooManyAudiences | IssueError::AudienceBeyondParent => {
                Self::InvalidTarget
            }
            _ => Self::InvalidMember,
        }
    }
}

impl Authority {
    /// Gives a token that descends from the subject token and is never wider.
    ///
    /// # Errors
    /// [`TokenExchangeError`].
    pub fn exchange_token(&self, request: &TokenExchangeRequest<'_>) -> Result<TokenExchanged, TokenExchangeError> {
        match (request.subject_token_type, request.requested_token_type) {
            (TokenType::RefreshToken, TokenType::AccessToken) => self.minted_from_refresh_token(request),
            (TokenType::RefreshToken, TokenType::RefreshToken) => self.delegated(request),
            (TokenType::AccessToken, TokenType::AccessToken) => self.minted_from_access_token(request),
            (TokenType::AccessToken, TokenType::RefreshToken) => Err(TokenExchangeError::DelegationRefused),
        }
    }

    /// The same as an exchange by RFC 6749.
    fn minted_from_refresh_token(
        &self,
        request: &TokenExchangeRequest<'_>,
    ) -> Result<TokenExchanged, TokenExchangeError> {
        let TokenExchangeRequest { scope, resource, peer, .. } = *request;
        let exchanged = self.exchange(request.subject_token, &ExchangeRequest { scope, resource, peer })?;
        Ok(TokenExchanged {
            token: Zeroizing::new(exchanged.access_token),
            token_type: TokenType::AccessToken,
            expires_in: Some(exchanged.expires_in),
            scope: exchanged.scope,
            jti: Some(exchanged.jti),
            client: exchanged.jti.client,
            refresh_token: exchanged.refresh_token,
        })
    }

    fn minted_from_access_token(
        &self,
        request: &TokenExchangeRequest<'_>,
    ) -> Result<TokenExchanged, TokenExchangeError> {
        let reading = self.clock.now();
        let [clock, epoch] = self.read([keys::CLOCK.to_vec(), keys::EPOCH.to_vec()])?;
        let time = Time::new(reading, decoded(clock.as_ref()).map_err(Unavailable::from)?.map(|(mark, _)| mark));
        let (epoch, _) =
            decoded::<Epoch>(epoch.as_ref()).map_err(Unavailable::from)?.ok_or(TokenExchangeError::InvalidSubject)?;
        let held = self.held(request.subject_token, time, &epoch)?.ok_or(TokenExchangeError::InvalidSubject)?;
        if !held.networks.judge(request.peer).permits() {
            return Err(TokenExchangeError::InvalidSubject);
        }
        if time.is_behind() {
            return Err(TokenExchangeError::ClockBehind);
        }
        let granted = Scopes::parse(&held.scope).map_err(|_| TokenExchangeError::InvalidSubject)?;
        let scopes = narrowed(&granted, request.scope).ok_or(TokenExchangeError::InvalidScope)?;
        let audience = self.audience_of(&held, request.resource)?;
        let lineage = self.lineage_of(&held)?;
        let minted = self.mint(
            &epoch,
            &Minting {
                client: held.jti.client,
                subject: &held.subject,
                audience: Some(&audience),
                scopes: &scopes,
                issued_at: time.now,
                expires_at: held.expires_at,
                lineage,
                networks: held.networks.texts(),
            },
        )?;
        Ok(TokenExchanged {
            token: Zeroizing::new(minted.access_token),
            token_type: TokenType::AccessToken,
            expires_in: Some(held.expires_at.since(time.rounded_up)),
            scope: scopes.joined(),
            jti: Some(minted.jti),
            client: held.jti.client,
            refresh_token: None,
        })
    }

    /// An access token for the issuer is bound to nobody yet, and may be bound to anyone; one that is bound stays so.
    fn audience_of(&self, held: &Held, asked: Option<&str>) -> Result<String, TokenExchangeError> {
        let Some(asked) = asked else { return Ok(held.audience.clone()) };
        let is_unbound = held.audience == self.issuer()?;
        if is_audience(asked) && (is_unbound || asked == held.audience) {
            Ok(asked.to_owned())
        } else {
            Err(TokenExchangeError::InvalidTarget)
        }
    }

    /// The subject's own lineage, and the subject itself: what cuts any of them cuts what comes from it. Each step is a level.
    fn lineage_of(&self, held: &Held) -> Result<Vec<String>, TokenExchangeError> {
        let mut lineage = vec![held.jti.to_string()];
        lineage.extend(held.lineage.iter().cloned());
        let steps = lineage.iter().filter(|id| Jti::parse(id).is_some()).count();
        let depth = self.depth(held.jti.client)?;
        if steps.saturating_add(depth) > MAX_ANCESTORS {
            return Err(TokenExchangeError::DelegationRefused);
        }
        Ok(lineage)
    }

    /// How many refresh tokens `id` descends from. One that is gone had none that matter: what it gave out is dead.
    fn depth(&self, id: TokenId) -> Result<usize, Unavailable> {
        let [record] = self.read([keys::token(id)])?;
        Ok(decoded::<crate::record::Record>(record.as_ref())?.map_or(0, |(record, _)| record.ancestors.len()))
    }

    /// A refresh token under the presented one.
    fn delegated(&self, request: &TokenExchangeRequest<'_>) -> Result<TokenExchanged, TokenExchangeError> {
        let refresh_token = RefreshToken::parse(request.subject_token).ok_or(TokenExchangeError::InvalidSubject)?;
        for _ in 0..ATTEMPTS {
            let reading = self.clock.now();
            let Some(presented) = self.present(reading, &refresh_token, request.peer)? else { continue };
            let now = presented.standing.time;
            let successor = presented.successor.as_ref().map(RefreshToken::reveal);
            let Some(issued) = self.try_delegate(reading, presented, request)? else { continue };
            let secret = issued.secret.ok_or(TokenExchangeError::Unavailable)?;
            return Ok(TokenExchanged {
                token: secret,
                token_type: TokenType::RefreshToken,
                expires_in: issued.token.expires_at.map(|expiry| expiry.since(now.rounded_up)),
                scope: issued.token.scopes.joined(),
                jti: None,
                client: issued.token.id,
                refresh_token: successor,
            });
        }
        Err(TokenExchangeError::Unavailable)
    }

    /// One attempt; `None` when something changed in between. What the presentation changes and the new token are one commit.
    fn try_delegate(
        &self,
        reading: Reading,
        mut presented: Presented,
        request: &TokenExchangeRequest<'_>,
    ) -> Result<Option<Issued>, TokenExchangeError> {
        let (settings, conduct) = (&presented.standing.settings, presented.standing.conduct());
        if !conduct.may_delegate || !settings.holder_delegation() {
            return Err(TokenExchangeError::DelegationRefused);
        }
        let record = presented.record().ok_or(TokenExchangeError::InvalidSubject)?;
        let scopes = match request.scope {
            Some(_) => narrowed(&presented.grant.scopes, request.scope).ok_or(TokenExchangeError::InvalidScope)?,
            None => without_reserved(&presented.grant.scopes),
        };
        let mut child = IssueRequest::named(request.name.unwrap_or(&record.name));
        members::check_name(&child.name)?;
        child.owner.clone_from(&record.owner);
        child.expiry = request.expires_in.map_or(Expiry::BySetting, Expiry::After);
        child.bindings.audiences.extend(request.resource.map(str::to_owned));

        let mut draw = Draw::seeded(self.entropy.as_ref());
        let id = TokenId::new(reading, draw.bytes());
        let mut parent = parent_of(&presented.standing, presented.id)?;
        // A secret that is taken for a while only gives nothing that outlives that while.
        parent.grant.expires_at = presented.grant.expires_at;
        let (checks, writes) = presented.take_commit();
        let by = presented.id.to_string();
        let mut new = NewToken::at(id, presented.standing, Some(parent), &by, &scopes)?;
        new.fill(&child, &scopes)?;
        // The presentation may check the parent's record as well.
        for check in checks {
            if !new.checks.iter().any(|known| known.key == check.key) {
                new.checks.push(check);
            }
        }
        new.writes.extend(writes);
        Ok(self.enter(new, &mut draw)?)
    }
}

/// Without being asked for, no administrative scope is handed on.
fn without_reserved(scopes: &Scopes) -> Scopes {
    let plain = scopes.as_slice().iter().filter(|scope| !scope.starts_with(RESERVED_PREFIX));
    Scopes::new(plain).unwrap_or_default()
}
