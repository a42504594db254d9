//! What the bearer of a token may do with it: exchange it, by RFC 6749 and by RFC 8693.

use crate::{
    Access, AccessNumber, Ask, Bindings, Expiry, Model, Network, Reason, Refusal, SecretNumber, Token, TokenNumber,
    Verdict,
    clock::TOLERATED,
    issue::LEVELS,
    life::Grant,
    network::admit,
    words::{covers, is_reserved},
};

/// How long a secret that its use replaced may be presented once more.
pub(crate) const GRACE: u64 = 30;

/// How long a spent secret is remembered. Presented later, it is a wrong one.
pub(crate) const SPENT_KEPT: u64 = 90 * 86_400;

/// A refresh token in its bearer's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presented {
    /// Which one.
    pub token: TokenNumber,
    /// Which of its secrets.
    pub secret: SecretNumber,
}

/// What is asked for with a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenAsk {
    /// `None`: all there are.
    pub scope: Option<Vec<String>>,
    /// Whom the token shall be for.
    pub resource: Option<String>,
    /// Where the request comes from.
    pub peer: Option<Network>,
    /// The name of a refresh token that is asked for.
    pub name: Option<String>,
    /// How long a refresh token that is asked for shall live.
    pub expires_in: Option<u64>,
}

/// What was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The access token, or the refresh token that was issued.
    pub number: usize,
    /// When the presented refresh token's own time is up.
    pub refresh_expires_at: Option<u64>,
    /// The secret that replaces the presented one.
    pub successor: Option<SecretNumber>,
}

/// What a presented secret is to its token.
enum Secret {
    Taken { until: Option<u64>, repeated: bool },
    Spent,
    Wrong,
}

impl Model {
    fn secret(&self, Presented { token, secret }: Presented) -> Secret {
        let (token, now) = (&self.tokens[token], self.now());
        let secrets = &token.secrets;
        if token.removed || !token.endings.is_empty() {
            return Secret::Wrong;
        }
        if secrets.current == secret {
            return Secret::Taken { until: None, repeated: false };
        }
        match (secrets.superseded, secrets.before) {
            (Some((old, until)), _) if old == secret && now < until => {
                Secret::Taken { until: Some(until), repeated: false }
            }
            (Some((old, _)), _) if old == secret => Secret::Wrong,
            // A use that lies ahead was noted by a clock that was found to be wrong since: nobody repeats what is still to come.
            (_, Some((old, used_at))) if old == secret && now < used_at + GRACE && used_at <= now + TOLERATED => {
                Secret::Taken { until: None, repeated: true }
            }
            (_, Some((old, _))) if old == secret => Secret::Spent,
            _ if secrets.spent.iter().any(|(spent, _)| *spent == secret) => Secret::Spent,
            _ => Secret::Wrong,
        }
    }

    /// Whether a refresh token would mint now, in the right place and with the right secret.
    #[must_use]
    pub fn can_mint(&self, token: TokenNumber) -> bool {
        let is_early = self.now() < self.grant(&self.chain(token)).not_before;
        let Token { bindings, exchanges, .. } = &self.tokens[token];
        self.stands(token) && !is_early && bindings.max_exchanges.is_none_or(|most| *exchanges < most)
    }

    /// Whether a secret is one that its bearer may act with.
    pub(crate) fn is_held(&self, presented: Presented) -> bool {
        matches!(self.secret(presented), Secret::Taken { .. })
    }

    /// What a presented refresh token leaves to mint with. A spent secret ends its token.
    fn present(&mut self, presented: Presented, peer: Option<Network>) -> Result<(Grant, bool, bool), Vec<Refusal>> {
        let token = presented.token;
        let (until, repeated) = match self.secret(presented) {
            Secret::Taken { until, repeated } => (until, repeated),
            Secret::Wrong => return Err(vec![Refusal::InvalidGrant]),
            Secret::Spent => {
                if !self.has_ended(token) {
                    self.end(token, "policy", Reason::ReuseDetected, None);
                }
                return Err(vec![Refusal::InvalidGrant]);
            }
        };
        let mut refusals = Vec::new();
        let mut grant = self.grant(&self.chain(token));
        let bindings = &self.tokens[token].bindings;
        let is_used_up = bindings.max_exchanges.is_some_and(|most| self.tokens[token].exchanges >= most);
        let is_early = self.now() < grant.not_before;
        if !self.stands(token) || is_early || is_used_up || !admit(&grant.networks, peer) {
            refusals.push(Refusal::InvalidGrant);
        }
        if self.is_behind() {
            refusals.push(Refusal::ClockBehind);
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        grant.expires_at = [grant.expires_at, until].into_iter().flatten().min();
        Ok((grant, repeated, until.is_some()))
    }

    /// Counts the use, and replaces the secret where that is wanted.
    fn spend(&mut self, presented: Presented, repeated: bool, superseded: bool) -> Option<SecretNumber> {
        let now = self.now();
        let token = &mut self.tokens[presented.token];
        if token.bindings.max_exchanges.is_some() {
            token.exchanges += 1;
        }
        if !token.rotates_on_use || superseded {
            return None;
        }
        let secrets = &mut token.secrets;
        if repeated {
            secrets.spent.push((secrets.current, now));
        } else {
            secrets.spent.extend(secrets.before.map(|(old, _)| (old, now)));
            secrets.before = Some((presented.secret, now));
        }
        secrets.current = secrets.count;
        secrets.count += 1;
        Some(secrets.current)
    }

    /// Mints an access token with a refresh token.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn exchange(&mut self, presented: Presented, ask: &TokenAsk) -> Result<Granted, Vec<Refusal>> {
        let (grant, repeated, superseded) = self.present(presented, ask.peer)?;
        let scopes = narrowed(&grant.scopes, ask.scope.as_ref());
        let audience = audience(&grant, ask.resource.as_ref());
        let (Some(scopes), Some(audience)) = (&scopes, &audience) else {
            let refusals = [
                scopes.is_none().then_some(Refusal::InvalidScope),
                audience.is_none().then_some(Refusal::InvalidTarget),
            ];
            return Err(refusals.into_iter().flatten().collect());
        };
        let successor = self.spend(presented, repeated, superseded);
        let token = &self.tokens[presented.token];
        let by_ttl = self.now() + self.settings.access_ttl(token.access_ttl);
        self.access.push(Access {
            token: presented.token,
            parent: None,
            epoch: self.epoch,
            issued_at: self.now(),
            expires_at: grant.expires_at.map_or(by_ttl, |expiry| expiry.min(by_ttl)),
            scopes: scopes.clone(),
            audience: audience.clone(),
            subject: token.owner.clone(),
            networks: if grant.carries_networks { grant.networks } else { Vec::new() },
            deaths: Vec::new(),
        });
        Ok(Granted { number: self.access.len() - 1, refresh_expires_at: grant.expires_at, successor })
    }

    /// Issues a refresh token under one, for its holder.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn delegate(&mut self, presented: Presented, id: &str, ask: &TokenAsk) -> Result<Granted, Vec<Refusal>> {
        let (grant, repeated, superseded) = self.present(presented, ask.peer).map_err(as_subject)?;
        let parent = &self.tokens[presented.token];
        let mut refusals = Vec::new();
        if !parent.may_delegate || !self.settings.holder_delegation {
            refusals.push(Refusal::DelegationRefused);
        }
        let scopes = match &ask.scope {
            None => Some(grant.scopes.iter().filter(|scope| !is_reserved(scope)).cloned().collect()),
            asked => narrowed(&grant.scopes, asked.as_ref()),
        };
        if scopes.is_none() {
            refusals.push(Refusal::InvalidScope);
        }
        let child = Ask {
            name: ask.name.clone().unwrap_or_else(|| parent.name.clone()),
            expiry: ask.expires_in.map_or(Expiry::BySetting, Expiry::After),
            scopes: scopes.unwrap_or_default(),
            parent: Some(presented.token),
            owner: parent.owner.clone(),
            access_ttl: None,
            bindings: Bindings { audiences: ask.resource.iter().cloned().collect(), ..Bindings::default() },
            may_delegate: false,
            rotates_on_use: false,
            key: None,
        };
        let before = self.clone();
        match self.make(id, &child, Some(&grant)) {
            Ok(number) if refusals.is_empty() => {
                let successor = self.spend(presented, repeated, superseded);
                Ok(Granted { number, refresh_expires_at: grant.expires_at, successor })
            }
            made => {
                refusals.extend(as_subject(made.err().unwrap_or_default()));
                *self = before;
                Err(refusals)
            }
        }
    }

    /// Exchanges an access token for a narrower one.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn exchange_access(&mut self, subject: AccessNumber, ask: &TokenAsk) -> Result<Granted, Vec<Refusal>> {
        let held = self.access[subject].clone();
        let mut refusals = Vec::new();
        if self.verdict(subject, self.now()) != Verdict::Alive || self.is_inside(subject, ask.peer) == Some(false) {
            return Err(vec![Refusal::InvalidSubject, Refusal::ClockBehind]);
        }
        if self.is_behind() {
            refusals.push(Refusal::ClockBehind);
        }
        let scopes = narrowed(&held.scopes, ask.scope.as_ref());
        if scopes.is_none() {
            refusals.push(Refusal::InvalidScope);
        }
        if ask.resource.is_some() && held.audience.is_some() && ask.resource != held.audience {
            refusals.push(Refusal::InvalidTarget);
        }
        // Each step counts as a level, be it from a refresh token or from an access token.
        let steps = std::iter::successors(Some(subject), |access| self.access[*access].parent).count();
        if (steps + self.chain(held.token).len() - 1) as u64 > LEVELS {
            refusals.push(Refusal::DelegationRefused);
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        self.access.push(Access {
            parent: Some(subject),
            issued_at: self.now(),
            scopes: scopes.unwrap_or_default(),
            audience: held.audience.clone().or_else(|| ask.resource.clone()),
            ..held
        });
        Ok(Granted { number: self.access.len() - 1, refresh_expires_at: None, successor: None })
    }
}

/// The scopes asked for, where each is granted.
fn narrowed(granted: &[String], asked: Option<&Vec<String>>) -> Option<Vec<String>> {
    match asked {
        None => Some(granted.to_vec()),
        Some(asked) => asked.iter().all(|scope| covers(granted, scope)).then(|| asked.clone()),
    }
}

/// Whom the token is for; `Some(None)`: the issuer.
fn audience(grant: &Grant, asked: Option<&String>) -> Option<Option<String>> {
    match (&grant.audiences, asked) {
        (None, asked) => Some(asked.cloned()),
        (Some(allowed), None) => allowed.first().cloned().map(Some),
        (Some(allowed), Some(asked)) => allowed.contains(asked).then(|| Some(asked.clone())),
    }
}

/// The words of a token exchange for what is wrong with a refresh token, old or new.
fn as_subject(refusals: Vec<Refusal>) -> Vec<Refusal> {
    let word = |refusal: Refusal| match refusal {
        Refusal::ClockBehind => Refusal::ClockBehind,
        Refusal::InvalidGrant => Refusal::InvalidSubject,
        Refusal::TooDeep => Refusal::DelegationRefused,
        Refusal::ScopeNotInCatalogue | Refusal::ScopeBeyondParent => Refusal::InvalidScope,
        Refusal::AudienceBeyondParent => Refusal::InvalidTarget,
        _ => Refusal::InvalidMember,
    };
    refusals.into_iter().map(word).collect()
}
