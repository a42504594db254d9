//! Whether a token is alive, and if not why: by walking.

use crate::{
    Access, AccessNumber, Bindings, Ending, Model, Network, Reason, Token, TokenNumber,
    network::{admit, share_nothing},
    words::covers,
};

/// How a refresh token stands. The later ones hide the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "they are the contract's words")]
pub enum State {
    Active,
    Disabled,
    Expired,
    Deleted,
}

/// Why an access token is dead, or that it is not. The first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are the contract's words")]
pub enum Verdict {
    Alive,
    WrongEpoch,
    NotYetValid,
    Expired,
    Cut,
}

/// What the links of a chain leave of each other.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Option<u64>,
    pub(crate) not_before: u64,
    pub(crate) networks: Vec<Vec<Network>>,
    pub(crate) carries_networks: bool,
    pub(crate) audiences: Option<Vec<String>>,
}

impl Model {
    /// A refresh token and everything that it descends from, nearest first.
    #[must_use]
    pub fn chain(&self, token: TokenNumber) -> Vec<TokenNumber> {
        std::iter::successors(Some(token), |token| self.tokens[*token].parent).collect()
    }

    /// When one refresh token expires by its own date and by the settings.
    #[must_use]
    pub fn expiry(&self, token: &Token) -> Option<u64> {
        let capped = self.settings.refresh_token_maximum.map(|maximum| token.created_at + maximum);
        [token.expires_at, capped].into_iter().flatten().min()
    }

    /// How a refresh token stands: as the worst of everything that it descends from.
    #[must_use]
    pub fn state(&self, token: TokenNumber) -> State {
        let now = self.now();
        let of_one = |token: &Token| match token {
            Token { endings, .. } if !endings.is_empty() => State::Deleted,
            token if self.expiry(token).is_some_and(|expiry| now >= expiry) => State::Expired,
            Token { disabled: Some(_), .. } => State::Disabled,
            _ => State::Active,
        };
        self.chain(token).into_iter().map(|link| of_one(&self.tokens[link])).max().unwrap_or(State::Active)
    }

    /// Whether a refresh token can mint, whoever presents it.
    #[must_use]
    pub fn stands(&self, token: TokenNumber) -> bool {
        self.state(token) == State::Active && !self.is_nowhere(token)
    }

    pub(crate) fn is_nowhere(&self, token: TokenNumber) -> bool {
        share_nothing(&self.networks(&self.chain(token)))
    }

    pub(crate) fn has_ended(&self, token: TokenNumber) -> bool {
        self.state(token) == State::Deleted
    }

    /// What may be told as the end of a refresh token: what is written down of it, and until something is, the first of all that
    /// ended it or what it descends from, up to the nearest that is written down.
    ///
    /// Until then there is more than one where a clock that went back was accepted in between: whoever asks before the later act
    /// is told the earlier one, whoever asks afterwards the one that bears the earlier time.
    #[must_use]
    pub fn endings(&self, token: TokenNumber) -> Vec<Ending> {
        let inherited = |link: TokenNumber, ending: Ending| match link == token {
            true => ending,
            false => Ending { reason: Reason::ParentEnded, note: None, ..ending },
        };
        let mut all = Vec::new();
        for link in self.chain(token) {
            if let Some(written) = &self.tokens[link].tombstone {
                all.push(inherited(link, written.clone()));
                break;
            }
            all.extend(self.tokens[link].endings.iter().map(|ending| inherited(link, ending.clone())));
        }
        firsts(all)
    }

    /// What may be told as the reason why a refresh token is disabled: the nearest.
    #[must_use]
    pub fn disabled_by(&self, token: TokenNumber) -> Option<&Ending> {
        self.chain(token).into_iter().find_map(|link| self.tokens[link].disabled.as_ref())
    }

    fn networks(&self, chain: &[TokenNumber]) -> Vec<Vec<Network>> {
        chain.iter().map(|link| self.tokens[*link].bindings.networks.clone()).collect()
    }

    /// What these links leave of each other, nearest first; every link only narrows.
    pub(crate) fn grant(&self, chain: &[TokenNumber]) -> Grant {
        let links: Vec<&Token> = chain.iter().map(|link| &self.tokens[*link]).collect();
        let bindings = || links.iter().map(|link| &link.bindings);
        let own = links.first().map(|link| link.scopes.clone()).unwrap_or_default();
        let scopes = own.into_iter().filter(|scope| links.iter().all(|link| covers(&link.scopes, scope)));
        let named = || bindings().map(|one| &one.audiences).filter(|audiences| !audiences.is_empty());
        Grant {
            scopes: scopes.filter(|scope| self.settings.has(scope)).collect(),
            expires_at: links.iter().filter_map(|link| self.expiry(link)).min(),
            not_before: bindings().filter_map(|one| one.not_before).max().unwrap_or(0),
            networks: self.networks(chain),
            carries_networks: bindings().any(|one: &Bindings| one.networks_in_access_tokens),
            audiences: named().next().map(|nearest| {
                nearest.iter().filter(|one| named().all(|audiences| audiences.contains(one))).cloned().collect()
            }),
        }
    }

    /// Whether `access` is, or was exchanged from, `other`.
    fn is_from(&self, access: AccessNumber, other: AccessNumber) -> bool {
        std::iter::successors(Some(access), |access| self.access[*access].parent).any(|link| link == other)
    }

    /// Ends every access token that descends from a refresh token.
    pub(crate) fn end_all_of(&mut self, token: TokenNumber, ending: &Ending) {
        for access in 0..self.access.len() {
            if self.chain(self.access[access].token).contains(&token) {
                self.access[access].deaths.push(ending.clone());
            }
        }
    }

    /// Ends one access token, and what was exchanged from it.
    pub(crate) fn end_access(&mut self, other: AccessNumber, ending: &Ending) {
        for access in 0..self.access.len() {
            if self.is_from(access, other) {
                self.access[access].deaths.push(ending.clone());
            }
        }
    }

    /// The one rule, at the time `at`.
    #[must_use]
    pub fn verdict(&self, access: AccessNumber, at: u64) -> Verdict {
        let Access { epoch, issued_at, expires_at, deaths, .. } = &self.access[access];
        match () {
            () if *epoch != self.epoch => Verdict::WrongEpoch,
            () if *issued_at > at + 10 => Verdict::NotYetValid,
            () if at >= *expires_at => Verdict::Expired,
            () if !deaths.is_empty() => Verdict::Cut,
            () => Verdict::Alive,
        }
    }

    /// What may be told as the act that ended an access token.
    #[must_use]
    pub fn deaths(&self, access: AccessNumber) -> Vec<Ending> {
        firsts(self.access[access].deaths.clone())
    }

    /// Whether an access token may be used from `peer`; `None` where it is bound to no network.
    #[must_use]
    pub fn is_inside(&self, access: AccessNumber, peer: Option<Network>) -> Option<bool> {
        let networks = &self.access[access].networks;
        networks.iter().any(|link| !link.is_empty()).then(|| admit(networks, peer))
    }
}

/// Those that were the first at some time: no act that came before bears an earlier time. Acts of one second are in no order that
/// could be told.
fn firsts(all: Vec<Ending>) -> Vec<Ending> {
    let was_first = |one: &&Ending| !all.iter().any(|other| other.act < one.act && other.at < one.at);
    all.iter().filter(was_first).cloned().collect()
}
