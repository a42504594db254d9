//! The model, the names of everything that it speaks of by number, and whether it explains an answer.

use std::collections::BTreeMap;

use super::{Act, Answer, Call, Name, Record, answer::are_close};
use crate::{
    AccessNumber, Actor, Ask, Bindings, Deletion, Expiry, Granted, Issued, Model, Presented, Refusal, State, TokenAsk,
    TokenNumber, Verdict,
};

/// What there is after some calls of a history.
#[derive(Debug, Clone)]
pub struct Book {
    pub(super) model: Model,
    pub(super) tokens: BTreeMap<Name, TokenNumber>,
    pub(super) secrets: BTreeMap<Name, Presented>,
    pub(super) access: BTreeMap<Name, AccessNumber>,
    /// The number of the epoch.
    pub(super) epoch: u64,
    /// An epoch has begun whose number nobody was told: it is greater than this one.
    pub(super) is_later: bool,
}

/// The calls that the model cannot explain after what came before.
pub(super) type Unexplained = String;

impl Book {
    /// An authority in its epoch number `epoch`, with one refresh token that whoever sits at the machine has made, and its secret.
    ///
    /// # Errors
    /// The model makes no such token.
    pub fn begun(at: u64, epoch: u64, name: &str, (token, secret): (&str, &str)) -> Result<Self, String> {
        let mut model = Model::begun_at(at);
        let ask = Ask {
            name: name.to_owned(),
            expiry: Expiry::BySetting,
            scopes: vec!["jeton:admin".to_owned()],
            parent: None,
            owner: None,
            access_ttl: None,
            bindings: Bindings::default(),
            may_delegate: false,
            rotates_on_use: false,
            key: None,
        };
        model.issue(&Actor::machine(), &ask).map_err(|refusals| format!("{refusals:?}"))?;
        Ok(Self {
            model,
            tokens: BTreeMap::from([(token.to_owned(), 0)]),
            secrets: BTreeMap::from([(secret.to_owned(), Presented { token: 0, secret: 0 })]),
            access: BTreeMap::new(),
            epoch,
            is_later: false,
        })
    }

    /// Whether an access token is alive. One that is not in the book yet is not.
    pub(super) fn is_alive(&self, access: &str, at: u64) -> bool {
        self.access.get(access).is_some_and(|number| self.model.verdict(*number, at) == Verdict::Alive)
    }

    /// Whether a call can be the next one, where it changes nothing then.
    pub(super) fn explains_reading(&self, call: &Call) -> Option<Result<(), Unexplained>> {
        let explained = match (&call.act, &call.answer) {
            (_, Answer::CallerRefused) => self.caller_is_dead(call),
            (Act::Introspect { access }, seen) => self.introspected(call, access, seen),
            (Act::ForwardAuth { access, peer }, seen) => {
                let number = self.access_token(access);
                number.and_then(|number| self.judged(number, call.at, self.model.is_inside(number, *peer), seen))
            }
            (Act::Show { token }, seen) => self.shown(token, seen),
            (Act::ShowSettings, Answer::Settings(seen)) => same("settings", &self.model.settings, seen),
            (Act::ShowEpoch, _) if self.is_later => return None,
            (Act::ShowEpoch, Answer::Epoch(seen)) => same("epoch", &self.epoch, seen),
            (Act::ShowSettings | Act::ShowEpoch, seen) => Err(format!("nothing explains {seen}")),
            _ => return None,
        };
        Some(explained)
    }

    /// What there is after a call, if it can be the next one.
    pub(super) fn after(&self, call: &Call) -> Result<Self, Unexplained> {
        let mut book = self.clone();
        book.model.clock = (call.at, false);
        if book.enter(call)? {
            book.model.mark = book.model.mark.max(self.model.mark);
        }
        Ok(book)
    }

    /// Performs a call in the model and compares the answer. The answer says whether the model let it happen.
    fn enter(&mut self, call: &Call) -> Result<bool, Unexplained> {
        let given = self.perform(call)?;
        match (given, &call.answer) {
            (Err(refusals), Answer::Refused(code)) => {
                let is_one = refusals.iter().any(|refusal| code_of(&call.act, *refusal) == *code);
                if is_one { Ok(false) } else { Err(format!("the model refuses because {refusals:?}")) }
            }
            (Err(refusals), _) => Err(format!("the model refuses because {refusals:?}")),
            (Ok(_), Answer::Refused(_)) => Err("the model does not refuse it".to_owned()),
            (Ok(given), seen) => self.compare(call, given, seen).map(|()| true),
        }
    }

    fn perform(&mut self, call: &Call) -> Result<Result<Given, Vec<Refusal>>, Unexplained> {
        Ok(match &call.act {
            Act::Create { ask, parent } => {
                let parent = parent.as_ref().map(|parent| self.token(parent)).transpose()?;
                let ask = Ask { parent, ..(**ask).clone() };
                self.model.issue(&self.actor(call)?, &ask).map(Given::Issued)
            }
            Act::Exchange { secret, ask, .. } => self.model.exchange(self.presented(secret)?, ask).map(Given::Minted),
            Act::Delegate { secret, ask } => {
                let presented = self.presented(secret)?;
                let name = self.name_of(presented.token);
                self.model.delegate(presented, &name, ask).map(Given::Delegated)
            }
            Act::ExchangeAccess { access, ask } => {
                self.model.exchange_access(self.access_token(access)?, ask).map(Given::Minted)
            }
            Act::Edit { token, edit, generation } => {
                let (actor, token) = (self.actor(call)?, self.token(token)?);
                self.model.edit(&actor, token, edit, *generation).map(|()| Given::Edited(token))
            }
            Act::Rotate { token, overlap, generation } => {
                let (actor, token) = (self.actor(call)?, self.token(token)?);
                let rotated = self.model.rotate(&actor, token, *overlap, *generation);
                rotated.map(|secret| Given::Rotated(Presented { token, secret }))
            }
            Act::Delete { tokens, reason } => {
                let actor = self.actor(call)?;
                let tokens = tokens.iter().map(|token| self.token(token).map(Some)).collect::<Result<Vec<_>, _>>()?;
                self.model.delete(&actor, &tokens, *reason, None).map(Given::Deletions)
            }
            Act::DeleteOwned { owner, reason } => {
                let actor = self.actor(call)?;
                self.model.delete_owned(&actor, owner, *reason, None).map(|()| Given::Nothing)
            }
            Act::DeleteAccess { access, reason } => {
                let (actor, access) = (self.actor(call)?, self.access_token(access)?);
                self.model.delete_access(&actor, access, *reason, None).map(|_| Given::Nothing)
            }
            Act::GiveBack { secret } => {
                self.model.give_back(self.presented(secret)?);
                Ok(Given::Nothing)
            }
            Act::GiveBackAccess { access } => {
                self.model.give_back_access(self.access_token(access)?);
                Ok(Given::Nothing)
            }
            Act::Advance => {
                self.model.advance();
                Ok(Given::LaterEpoch)
            }
            Act::ShowEpoch => Ok(Given::LaterEpoch),
            Act::Set { change, generation, at_once, dry_run } => {
                let before = dry_run.then(|| self.model.clone());
                let set = self.model.set(&|settings| change.enter(settings), *generation, *at_once && !dry_run);
                let mut settings = self.model.settings.clone();
                if let Some(before) = before {
                    settings.generation = before.settings.generation;
                    self.model = before;
                }
                self.is_later |= set.is_ok() && *at_once && !dry_run;
                set.map(|()| Given::Settings(Box::new(settings)))
            }
            Act::Introspect { .. } | Act::ForwardAuth { .. } | Act::Show { .. } | Act::ShowSettings => {
                return Err(format!("nothing explains {}", call.answer));
            }
        })
    }

    fn compare(&mut self, call: &Call, given: Given, seen: &Answer) -> Result<(), Unexplained> {
        match (given, seen) {
            (Given::Issued(Issued::New(number)), Answer::Created { token, secret: Some(secret), record }) => {
                self.tokens.insert(token.clone(), number);
                self.secrets.insert(secret.clone(), Presented { token: number, secret: 0 });
                self.same_written(number, record)
            }
            (Given::Issued(Issued::Repeated(number)), Answer::Created { token, secret: None, record }) => {
                same("token", &self.token(token)?, &number)?;
                self.same_record(number, record)
            }
            (Given::Minted(granted), seen @ Answer::Minted { .. }) => self.minted(call, &granted, seen),
            (Given::Delegated(granted), seen @ Answer::Delegated { .. }) => self.delegated(&granted, seen),
            (Given::Edited(number), Answer::Shown(record)) => self.same_written(number, record),
            (Given::Rotated(presented), Answer::Rotated { secret, record }) => {
                self.secrets.insert(secret.clone(), presented);
                self.same_written(presented.token, record)
            }
            (Given::Deletions(given), Answer::Deletions(seen)) => same("deletions", &given, seen),
            // One at a time it is not told whether it had ended before.
            (Given::Deletions(given), Answer::Done) => {
                let is_known = given.iter().all(|deletion| *deletion != Deletion::NotFound);
                if is_known { Ok(()) } else { Err("the model knows no such token".to_owned()) }
            }
            (Given::Nothing, Answer::Done) => Ok(()),
            (Given::Settings(given), Answer::Settings(seen)) => same("settings", &*given, seen),
            (Given::LaterEpoch, Answer::Epoch(number)) if *number > self.epoch => {
                self.epoch = *number;
                self.is_later = false;
                Ok(())
            }
            (given, _) => Err(format!("the model says {given:?}")),
        }
    }

    fn minted(&mut self, call: &Call, granted: &Granted, seen: &Answer) -> Result<(), Unexplained> {
        let Answer::Minted { access, scopes, expires_in, refresh_expires_in, successor } = seen else {
            return Err("another answer is due".to_owned());
        };
        let minted = &self.model.access[granted.number];
        let (now, token) = (self.model.now(), minted.token);
        same("scopes", &minted.scopes, scopes)?;
        let left = minted.expires_at.saturating_sub(now);
        if !are_close(Some(left), Some(*expires_in)) {
            return Err(format!("the model mints for {left} s"));
        }
        // It is said by RFC 6749 alone.
        let left = granted.refresh_expires_at.map(|at| at.saturating_sub(now));
        let is_told = matches!(call.act, Act::Exchange { by_rfc_8693: false, .. });
        if is_told && !are_close(left, *refresh_expires_in) {
            return Err(format!("in the model the refresh token has {left:?} s"));
        }
        self.access.insert(access.clone(), granted.number);
        self.succeed(token, granted, successor.as_ref())
    }

    fn delegated(&mut self, granted: &Granted, seen: &Answer) -> Result<(), Unexplained> {
        let Answer::Delegated { token, secret, scopes, expires_in, successor } = seen else {
            return Err("another answer is due".to_owned());
        };
        let made = &self.model.tokens[granted.number];
        same("scopes", &made.scopes, scopes)?;
        let left = self.model.expiry(made).map(|at| at.saturating_sub(self.model.now()));
        if !are_close(left, *expires_in) {
            return Err(format!("the model delegates for {left:?} s"));
        }
        let parent = made.parent.ok_or("it has no parent")?;
        self.tokens.insert(token.clone(), granted.number);
        self.secrets.insert(secret.clone(), Presented { token: granted.number, secret: 0 });
        self.succeed(parent, granted, successor.as_ref())
    }

    fn succeed(&mut self, token: TokenNumber, granted: &Granted, seen: Option<&Name>) -> Result<(), Unexplained> {
        match (granted.successor, seen) {
            (None, None) => Ok(()),
            (Some(secret), Some(name)) => {
                self.secrets.insert(name.clone(), Presented { token, secret });
                Ok(())
            }
            (given, _) => Err(format!("the model's successor is {given:?}")),
        }
    }

    fn caller_is_dead(&self, call: &Call) -> Result<(), Unexplained> {
        let by = call.by.as_deref().ok_or("nobody called")?;
        if self.is_alive(by, call.at) { Err(format!("{by} is alive")) } else { Ok(()) }
    }

    fn introspected(&self, call: &Call, access: &Name, seen: &Answer) -> Result<(), Unexplained> {
        if let Some(by) = call.by.as_ref().filter(|by| *by != access && !self.is_alive(by, call.at)) {
            return Err(format!("the caller {by} is dead"));
        }
        self.judged(self.access_token(access)?, call.at, None, seen)
    }

    fn judged(&self, number: AccessNumber, at: u64, is_inside: Option<bool>, seen: &Answer) -> Result<(), Unexplained> {
        let verdict = self.model.verdict(number, at);
        let is_alive = verdict == Verdict::Alive && is_inside != Some(false);
        let token = &self.model.access[number];
        match seen {
            Answer::Dead if !is_alive => Ok(()),
            Answer::Alive { client, subject, scopes } if is_alive => {
                let id = self.name_of(token.token);
                same("client", &id, client)?;
                same("subject", token.subject.as_ref().unwrap_or(&id), subject)?;
                same("scopes", &token.scopes, scopes)
            }
            _ => Err(format!("in the model it is {verdict:?}")),
        }
    }

    fn shown(&self, token: &Name, seen: &Answer) -> Result<(), Unexplained> {
        let number = self.token(token)?;
        match seen {
            Answer::Shown(record) if !self.model.tokens[number].removed => self.same_record(number, record),
            Answer::Refused(code) if self.model.tokens[number].removed => same("refusal", &"no-such-token", &&**code),
            _ => Err(format!("nothing explains {seen}")),
        }
    }

    /// The record as a call answers that has written it. No exchange and no change of the settings stands in its way: how many exchanges
    /// are left, and how long access tokens live where that is the setting's to say, are told as they were at some moment of the call.
    fn same_written(&self, number: TokenNumber, seen: &Record) -> Result<(), Unexplained> {
        let (left, token) = (self.left(number), &self.model.tokens[number]);
        let is_older = seen.exchanges_left.zip(left).is_some_and(|(seen, left)| seen >= left);
        let exchanges_left = if is_older { left } else { seen.exchanges_left };
        let access_ttl = match token.access_ttl {
            None => self.model.settings.access_ttl(None),
            Some(_) => seen.access_ttl,
        };
        // What happens above it meanwhile is no part of the record that is written either.
        let is_below =
            token.parent.is_some() && seen.state <= State::Disabled && self.model.state(number) <= State::Disabled;
        let (state, disabled_by) = match is_below {
            true => (self.model.state(number), self.disabled_by(number)),
            false => (seen.state, seen.disabled_by.clone()),
        };
        self.same_record(number, &Record { exchanges_left, access_ttl, state, disabled_by, ..seen.clone() })
    }

    fn disabled_by(&self, number: TokenNumber) -> Option<String> {
        let is_disabled = self.model.state(number) == State::Disabled;
        self.model.disabled_by(number).filter(|_| is_disabled).map(|by| by.by.clone())
    }

    fn left(&self, number: TokenNumber) -> Option<u64> {
        let token = &self.model.tokens[number];
        let has_ended = self.model.state(number) == State::Deleted;
        token.bindings.max_exchanges.map(|most| if has_ended { 0 } else { most.saturating_sub(token.exchanges) })
    }

    fn same_record(&self, number: TokenNumber, seen: &Record) -> Result<(), Unexplained> {
        let (model, token) = (&self.model, &self.model.tokens[number]);
        let state = model.state(number);
        let endings: Vec<(String, String)> = model
            .endings(number)
            .into_iter()
            .map(|ending| (ending.by, kebab(&format!("{:?}", ending.reason))))
            .collect();
        let record = Record {
            name: token.name.clone(),
            owner: token.owner.clone(),
            parent: token.parent.map(|parent| self.name_of(parent)),
            depth: model.chain(number).len() as u64 - 1,
            scopes: token.scopes.clone(),
            state,
            created_by: token.created_by.clone(),
            expires_at: model.expiry(token),
            access_ttl: model.settings.access_ttl(token.access_ttl),
            audiences: token.bindings.audiences.clone(),
            max_exchanges: token.bindings.max_exchanges,
            exchanges_left: self.left(number),
            may_delegate: token.may_delegate,
            rotates_on_use: token.rotates_on_use,
            superseded_until: model.superseded_until(number),
            generation: token.generation,
            disabled_by: self.disabled_by(number),
            ended: endings.first().cloned(),
        };
        record.difference(seen, &endings).map_or(Ok(()), Err)
    }

    /// Who calls: nobody acts without an access token here.
    fn actor(&self, call: &Call) -> Result<Actor, Unexplained> {
        let by = call.by.as_ref().ok_or("nobody called")?;
        let access = &self.model.access[self.access_token(by)?];
        Ok(Actor { name: self.name_of(access.token), scopes: Some(access.scopes.clone()) })
    }

    fn token(&self, name: &Name) -> Result<TokenNumber, Unexplained> {
        self.tokens.get(name).copied().ok_or_else(|| format!("there is no {name} yet"))
    }

    fn presented(&self, name: &Name) -> Result<Presented, Unexplained> {
        self.secrets.get(name).copied().ok_or_else(|| format!("there is no {name} yet"))
    }

    fn access_token(&self, name: &Name) -> Result<AccessNumber, Unexplained> {
        self.access.get(name).copied().ok_or_else(|| format!("there is no {name} yet"))
    }

    pub(super) fn name_of(&self, token: TokenNumber) -> Name {
        let named = self.tokens.iter().find(|(_, number)| **number == token);
        named.map(|(name, _)| name.clone()).unwrap_or_default()
    }
}

/// What the model gives.
#[derive(Debug)]
enum Given {
    Issued(Issued),
    Minted(Granted),
    Delegated(Granted),
    Edited(TokenNumber),
    Rotated(Presented),
    Deletions(Vec<Deletion>),
    Nothing,
    Settings(Box<crate::Settings>),
    LaterEpoch,
}

fn same<T: PartialEq + core::fmt::Debug>(what: &str, model: &T, seen: &T) -> Result<(), Unexplained> {
    if model == seen { Ok(()) } else { Err(format!("the model's {what}: {model:?}")) }
}

/// The word of the API for a refusal.
fn code_of(act: &Act, refusal: Refusal) -> String {
    let by_token_exchange =
        matches!(act, Act::Exchange { by_rfc_8693: true, .. } | Act::Delegate { .. } | Act::ExchangeAccess { .. });
    match refusal {
        Refusal::InvalidGrant | Refusal::InvalidSubject | Refusal::DelegationRefused | Refusal::InvalidMember
            if by_token_exchange =>
        {
            "invalid-request".to_owned()
        }
        Refusal::NotFound => "no-such-token".to_owned(),
        Refusal::OwnerNotFound => "no-such-owner".to_owned(),
        other => kebab(&format!("{other:?}")),
    }
}

fn kebab(camel: &str) -> String {
    let mut kebab = String::new();
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

/// Asks for nothing in particular.
impl TokenAsk {
    /// Everything that there is, from here.
    #[must_use]
    pub fn from(peer: Option<crate::Network>) -> Self {
        Self { peer, ..Self::default() }
    }
}
