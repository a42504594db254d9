//! Issue, and the rules that the members of a refresh token keep.

use crate::{Actor, Ask, Bindings, Expiry, Model, Refusal, Token, TokenNumber, life::Grant, words::covers};

const DAY: u64 = 86_400;
/// How long a request may be repeated under its key.
pub(crate) const REMEMBERED_FOR: u64 = DAY;
/// The most levels above a refresh token.
pub(crate) const LEVELS: u64 = 8;

/// What an issue gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issued {
    /// A new refresh token.
    New(TokenNumber),
    /// The one that the same request made before; its secret is not shown again.
    Repeated(TokenNumber),
}

impl Model {
    /// Makes a refresh token.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn issue(&mut self, actor: &Actor, ask: &Ask) -> Result<Issued, Vec<Refusal>> {
        if !actor.holds_reserved(&ask.scopes) {
            return Err(vec![Refusal::ScopeBeyondActor]);
        }
        let key = ask.key.as_ref().map(|key| (actor.name.clone(), key.clone()));
        if let Some((known, made, at)) = key.as_ref().and_then(|key| self.remembered.get(key))
            && self.now() < at + REMEMBERED_FOR
        {
            return if known == ask { Ok(Issued::Repeated(*made)) } else { Err(vec![Refusal::IdempotencyKeyReused]) };
        }
        let above = match ask.parent {
            Some(parent) if self.tokens[parent].removed => return Err(vec![Refusal::ParentNotFound]),
            Some(parent) if !self.stands(parent) => return Err(vec![Refusal::ParentEnded, Refusal::ClockBehind]),
            parent => parent.map(|parent| self.grant(&self.chain(parent))),
        };
        let made = self.make(&actor.name, ask, above.as_ref())?;
        if let Some(key) = key {
            self.remembered.insert(key, (ask.clone(), made, self.now()));
        }
        Ok(Issued::New(made))
    }

    /// Makes a refresh token under what `above` leaves.
    pub(crate) fn make(&mut self, by: &str, ask: &Ask, above: Option<&Grant>) -> Result<TokenNumber, Vec<Refusal>> {
        let now = self.now();
        let mut refusals = Vec::new();
        let depth = ask.parent.map_or(0, |parent| self.chain(parent).len() as u64);
        if self.is_behind() {
            refusals.push(Refusal::ClockBehind);
        }
        if depth > LEVELS.min(self.settings.delegation_levels) {
            refusals.push(Refusal::TooDeep);
        }
        refusals.extend(self.name_taken(&ask.name));
        refusals.extend(self.bad_ttl(ask.access_ttl));
        refusals.extend(self.bad_scopes(&ask.scopes, above));
        let expires_at = self.moment(ask.expiry, now, above).unwrap_or_else(|broken| {
            refusals.extend(broken);
            None
        });
        refusals.extend(bad_bindings(&ask.bindings, expires_at, above));
        if !refusals.is_empty() {
            return Err(refusals);
        }
        if let Some(ttl) = ask.access_ttl {
            self.raise_longest(ttl);
        }
        self.tokens.push(Token {
            name: ask.name.clone(),
            owner: ask.owner.clone(),
            parent: ask.parent,
            scopes: ask.scopes.clone(),
            created_at: now,
            created_by: by.to_owned(),
            expires_at,
            access_ttl: ask.access_ttl,
            bindings: ask.bindings.clone(),
            may_delegate: ask.may_delegate,
            rotates_on_use: ask.rotates_on_use,
            generation: 1,
            disabled: None,
            endings: Vec::new(),
            used: None,
            tombstone: None,
            exchanges: 0,
            removed: false,
            owner_left: false,
            secrets: crate::Secrets { count: 1, ..crate::Secrets::default() },
            single_cuts: Vec::new(),
        });
        Ok(self.tokens.len() - 1)
    }

    /// Where names are unique, no two that have not ended share one.
    pub(crate) fn name_taken(&self, name: &str) -> Option<Refusal> {
        let has_it = |token: TokenNumber| self.tokens[token].name == name && !self.has_ended(token);
        let is_taken = self.settings.unique_names && (0..self.tokens.len()).any(has_it);
        is_taken.then_some(Refusal::NameTaken)
    }

    pub(crate) fn bad_ttl(&self, ttl: Option<u64>) -> Vec<Refusal> {
        let Some(ttl) = ttl else { return Vec::new() };
        let mut refusals = Vec::new();
        if !(1..=DAY).contains(&ttl) {
            refusals.push(Refusal::AccessTtlOutOfRange);
        }
        if !(self.settings.access_token_minimum..=self.settings.access_token_maximum).contains(&ttl) {
            refusals.push(Refusal::AccessTtlBeyondSettings);
        }
        refusals
    }

    pub(crate) fn bad_scopes(&self, scopes: &[String], above: Option<&Grant>) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        if !scopes.iter().all(|scope| self.settings.has(scope)) {
            refusals.push(Refusal::ScopeNotInCatalogue);
        }
        if above.is_some_and(|above| !scopes.iter().all(|scope| covers(&above.scopes, scope))) {
            refusals.push(Refusal::ScopeBeyondParent);
        }
        refusals
    }

    /// The moment that is asked for, of a token that was made at `made_at`.
    pub(crate) fn moment(
        &self,
        asked: Expiry,
        made_at: u64,
        above: Option<&Grant>,
    ) -> Result<Option<u64>, Vec<Refusal>> {
        let now = self.now();
        let parent = above.and_then(|above| above.expires_at);
        let latest = self.settings.refresh_token_maximum.map(|maximum| made_at + maximum);
        let mut refusals = Vec::new();
        let moment = match asked {
            Expiry::BySetting => {
                let by_setting = now + self.settings.refresh_token_expiration;
                return Ok([Some(by_setting), parent, latest].into_iter().flatten().min());
            }
            Expiry::Never => None,
            Expiry::After(span) => Some(now + span),
            Expiry::At(at) => Some(at),
        };
        if moment.is_none() && !self.settings.never_allowed {
            refusals.push(Refusal::NeverNotAllowed);
        }
        if moment.is_some_and(|moment| moment <= now) {
            refusals.push(Refusal::ExpiryInThePast);
        }
        let is_later = |than: u64| moment.is_none_or(|moment| moment > than);
        if latest.is_some_and(is_later) {
            refusals.push(Refusal::ExpiryBeyondMaximum);
        }
        if parent.is_some_and(is_later) {
            refusals.push(Refusal::ExpiryBeyondParent);
        }
        if refusals.is_empty() { Ok(moment) } else { Err(refusals) }
    }
}

pub(crate) fn bad_bindings(bindings: &Bindings, expires_at: Option<u64>, above: Option<&Grant>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if bindings.not_before.is_some_and(|from| expires_at.is_some_and(|expiry| from >= expiry)) {
        refusals.push(Refusal::NotBeforeOutOfRange);
    }
    if bindings.max_exchanges == Some(0) {
        refusals.push(Refusal::MaxExchangesOutOfRange);
    }
    let is_within = |link: &Vec<crate::Network>| {
        link.is_empty() || bindings.networks.iter().all(|own| link.iter().any(|one| one.covers(own)))
    };
    if above.is_some_and(|above| !above.networks.iter().all(is_within)) {
        refusals.push(Refusal::NetworkBeyondParent);
    }
    let allowed = above.and_then(|above| above.audiences.as_ref());
    if allowed.is_some_and(|allowed| !bindings.audiences.iter().all(|one| allowed.contains(one))) {
        refusals.push(Refusal::AudienceBeyondParent);
    }
    refusals
}
