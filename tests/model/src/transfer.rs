//! Import: refresh tokens of another store, or of this one's past.

use crate::{
    Actor, Bindings, Ending, Model, Refusal, SecretNumber, Secrets, State, Token, TokenNumber, Used,
    issue::{LEVELS, bad_bindings},
};

const DAY: u64 = 86_400;

/// A refresh token that comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The one of this id that is there.
    pub there: Option<TokenNumber>,
    /// What it descends from.
    pub parent: Above,
    /// That is what the one that is there descends from.
    pub parent_is_the_same: bool,
    /// Everything else.
    pub members: Members,
    /// Which of the secrets of the one that is there is in force. `None`: none of them.
    pub secret: Option<SecretNumber>,
}

/// What an arrival descends from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Above {
    /// Nothing.
    Nothing,
    /// One that is there.
    There(TokenNumber),
    /// One that comes in with it, by its place.
    Coming(usize),
    /// One that is nowhere.
    Nowhere,
}

/// The members of a refresh token that travel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are the contract's words")]
pub struct Members {
    pub name: String,
    pub owner: Option<String>,
    pub scopes: Vec<String>,
    pub created_at: u64,
    pub created_by: String,
    pub expires_at: Option<u64>,
    pub access_ttl: Option<u64>,
    pub bindings: Bindings,
    pub may_delegate: bool,
    pub rotates_on_use: bool,
    pub exchanges_left: Option<u64>,
    pub used: Option<Used>,
    pub disabled: Option<Ending>,
    pub ending: Option<Ending>,
}

/// What became of an arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrived {
    /// It is there now, under this number. Its only secret is the first one.
    Imported(TokenNumber),
    /// It was there before, and the same.
    AlreadyThere,
    /// It is there, and another.
    Differs,
    /// It breaks these rules.
    Refused(Vec<Refusal>),
}

impl Model {
    /// Which secret is in force: none of a token that has ended.
    #[must_use]
    pub fn secret_in_force(&self, token: TokenNumber) -> Option<SecretNumber> {
        (self.state(token) != State::Deleted).then(|| self.tokens[token].secrets.current)
    }

    /// What `token` would be told to be by an export; of several endings that may be told, the one that `told` is.
    #[must_use]
    pub fn exported(&self, token: TokenNumber, told: &dyn Fn(&Ending) -> bool) -> Members {
        let endings = self.endings(token);
        let ending = endings.iter().find(|ending| told(ending)).or(endings.first()).cloned();
        let token = self.tokens[token].clone();
        let left = |most: u64| if ending.is_some() { 0 } else { most.saturating_sub(token.exchanges) };
        Members {
            name: token.name,
            owner: token.owner,
            scopes: token.scopes,
            created_at: token.created_at,
            created_by: token.created_by,
            expires_at: token.expires_at,
            access_ttl: token.access_ttl,
            exchanges_left: token.bindings.max_exchanges.map(left),
            bindings: token.bindings,
            may_delegate: token.may_delegate,
            rotates_on_use: token.rotates_on_use,
            used: token.used,
            disabled: token.disabled.filter(|_| ending.is_none()),
            ending,
        }
    }

    /// Takes refresh tokens in, generation by generation: each as a whole, or not at all.
    ///
    /// # Errors
    /// Every rule that the whole breaks.
    pub fn import(&mut self, actor: &Actor, arrivals: &[Arrival]) -> Result<Vec<Arrived>, Vec<Refusal>> {
        let plain: Vec<Vec<Refusal>> = arrivals.iter().map(|one| bad_by_itself(actor, &one.members)).collect();
        if self.is_behind() && plain.iter().any(Vec::is_empty) {
            return Err(vec![Refusal::ClockBehind]);
        }
        let mut results: Vec<Option<Arrived>> = plain
            .into_iter()
            .map(|broken| if broken.is_empty() { None } else { Some(Arrived::Refused(broken)) })
            .collect();
        while results.iter().any(Option::is_none) {
            // A generation comes in at once; nobody is looked for who may be of a later one.
            let waits = |one: &Arrival| matches!(one.parent, Above::Coming(place) if results[place].is_none());
            let (mut now, mut claimed) = (Vec::new(), Vec::new());
            for place in (0..arrivals.len()).filter(|place| results[*place].is_none()) {
                if !waits(&arrivals[place]) || arrivals[place].there.is_some() {
                    now.push(place);
                }
            }
            let parents: Vec<Above> = now
                .iter()
                .map(|place| match arrivals[*place].parent {
                    Above::Coming(above) => match &results[above] {
                        Some(Arrived::Imported(number)) => Above::There(*number),
                        _ => Above::Nowhere,
                    },
                    parent => parent,
                })
                .collect();
            for (place, parent) in now.into_iter().zip(parents) {
                results[place] = Some(self.arrive(&arrivals[place], parent, &mut claimed));
            }
        }
        Ok(results.into_iter().flatten().collect())
    }

    /// `claimed`: names of those of the same generation.
    fn arrive(&mut self, one: &Arrival, parent: Above, claimed: &mut Vec<String>) -> Arrived {
        let members = &one.members;
        if let Some(there) = one.there {
            return if self.is_the_same(there, one) { Arrived::AlreadyThere } else { Arrived::Differs };
        }
        let parent = match parent {
            Above::There(parent) => Some(parent),
            Above::Nothing | Above::Coming(_) | Above::Nowhere => None,
        };
        let depth = parent.map_or(0, |parent| self.chain(parent).len() as u64);
        let broken = [
            (parent.is_none() && one.parent != Above::Nothing, Refusal::ParentNotFound),
            (members.created_at > self.rounded_up(), Refusal::CreatedInTheFuture),
            (depth > LEVELS.min(self.settings.delegation_levels), Refusal::TooDeep),
        ];
        let mut refusals: Vec<Refusal> = broken.into_iter().filter(|(is, _)| *is).map(|(_, refusal)| refusal).collect();
        if self.settings.unique_names && members.ending.is_none() {
            if self.name_taken(&members.name).is_some() || claimed.contains(&members.name) {
                refusals.push(Refusal::NameTaken);
            } else if refusals.is_empty() {
                claimed.push(members.name.clone());
            }
        }
        if !refusals.is_empty() {
            return Arrived::Refused(refusals);
        }
        if let Some(ttl) = members.access_ttl {
            self.raise_longest(ttl);
        }
        let counted = |left: u64| members.bindings.max_exchanges.unwrap_or(0).saturating_sub(left);
        self.tokens.push(Token {
            name: members.name.clone(),
            owner: members.owner.clone(),
            parent,
            scopes: members.scopes.clone(),
            created_at: members.created_at,
            created_by: members.created_by.clone(),
            expires_at: members.expires_at,
            access_ttl: members.access_ttl,
            bindings: members.bindings.clone(),
            may_delegate: members.may_delegate,
            rotates_on_use: members.rotates_on_use,
            generation: 1,
            disabled: members.disabled.clone(),
            endings: members.ending.iter().cloned().collect(),
            exchanges: members.exchanges_left.map_or(0, counted),
            used: members.used.clone(),
            tombstone: members.ending.clone(),
            removed: false,
            owner_left: false,
            secrets: Secrets { count: 1, ..Secrets::default() },
            single_cuts: Vec::new(),
        });
        Arrived::Imported(self.tokens.len() - 1)
    }

    /// Whether the one that is there is the one that comes. What its use changes is not compared.
    fn is_the_same(&self, there: TokenNumber, one: &Arrival) -> bool {
        let said = |ending: &Ending| one.members.ending.as_ref().is_some_and(|given| is_told(given, ending));
        let known = self.exported(there, &said);
        let same_secret = known.rotates_on_use || one.secret == self.secret_in_force(there);
        let endings = match (&known.ending, &one.members.ending) {
            (Some(known), Some(given)) => is_told(known, given),
            (known, given) => known.is_none() && given.is_none(),
        };
        let disabled = match (&known.disabled, &one.members.disabled) {
            (Some(known), Some(given)) => is_told(known, given),
            (known, given) => known.is_none() && given.is_none(),
        };
        let rest = Members {
            exchanges_left: one.members.exchanges_left,
            used: one.members.used.clone(),
            disabled: one.members.disabled.clone(),
            ending: one.members.ending.clone(),
            ..known
        };
        same_secret && endings && disabled && one.parent_is_the_same && rest == one.members
    }
}

/// Whether two endings are told in the same words.
fn is_told(one: &Ending, other: &Ending) -> bool {
    (one.at, &one.by, one.reason, &one.note) == (other.at, &other.by, other.reason, &other.note)
}

/// The rules that a token breaks wherever it comes in. Settings and parents that were others elsewhere bind it when it is exchanged.
fn bad_by_itself(actor: &Actor, members: &Members) -> Vec<Refusal> {
    let mut refusals = bad_bindings(&members.bindings, members.expires_at, None);
    if !actor.holds_reserved(&members.scopes) {
        refusals.push(Refusal::ScopeBeyondActor);
    }
    if members.access_ttl.is_some_and(|ttl| !(1..=DAY).contains(&ttl)) {
        refusals.push(Refusal::AccessTtlOutOfRange);
    }
    refusals
}
