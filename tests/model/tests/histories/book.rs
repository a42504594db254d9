//! The book of a history: the model, and the texts of everything that it speaks of by number.

use std::collections::BTreeMap;

use jeton_model::{
    AccessNumber, Arrived, Deletion, Given, Granted, Issued, Model, Presented, Refusal, SecretNumber, TokenNumber,
};
use jeton_policy::authority::{self, Revocation, Token};

use crate::{
    act::{Act, Delegated, Minted, Seen, Swept},
    compare::{exchanges_left, same_token},
    ground::START,
    transfer::{self, Incoming},
    words,
};

/// A refresh token's texts.
#[derive(Debug, Clone)]
pub(crate) struct Refresh {
    pub(crate) id: String,
    /// The secrets that were ever handed out. One whose answer was lost is nowhere.
    pub(crate) secrets: BTreeMap<SecretNumber, String>,
}

/// An access token's texts. `lost`: the answer that it was in never came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    pub(crate) text: String,
    pub(crate) jti: String,
    pub(crate) lost: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Book {
    pub(crate) model: Model,
    pub(crate) refresh: Vec<Refresh>,
    pub(crate) access: Vec<Access>,
    /// The latest time that the clock has shown since it was accepted, as a host remembers it.
    pub(crate) reached: u64,
    /// What was exported last.
    pub(crate) exported: Vec<Incoming>,
    /// Another act was performed in the middle of the one that is entered.
    pub(crate) amid: bool,
}

impl Book {
    pub(crate) fn new() -> Self {
        let model = Model::begun_at(START);
        Self { model, refresh: Vec::new(), access: Vec::new(), reached: START, exported: Vec::new(), amid: false }
    }

    pub(crate) fn id(&self, token: TokenNumber) -> String {
        self.refresh[token].id.clone()
    }

    /// The token of this id that is there. One whose tombstone was removed may have come in again since, under another number.
    pub(crate) fn there(&self, id: &str) -> Option<TokenNumber> {
        let is_there = |number: &TokenNumber| self.refresh[*number].id == *id && !self.model.tokens[*number].removed;
        (0..self.refresh.len()).rev().find(is_there)
    }

    /// The last token that had the id of this one.
    pub(crate) fn latest(&self, token: TokenNumber) -> TokenNumber {
        let has_it = |number: &TokenNumber| self.refresh[*number].id == self.refresh[token].id;
        (token..self.refresh.len()).rev().find(has_it).unwrap_or(token)
    }

    pub(crate) fn secret(&self, presented: Presented) -> &str {
        &self.refresh[presented.token].secrets[&presented.secret]
    }

    /// Whether the model may answer what the policy has answered; the act takes effect in the model.
    pub(crate) fn enter(&mut self, act: &Act, seen: &Seen) -> Result<(), String> {
        match (self.ask_model(act, seen)?, seen) {
            (Err(refusals), Seen::Refused(why)) => {
                let is_one = refusals.iter().any(|refusal| format!("{refusal:?}") == *why);
                if is_one { Ok(()) } else { Err(format!("refused because {why}, and the model: {refusals:?}")) }
            }
            (Err(refusals), seen) => Err(format!("{seen:?}, and the model refuses: {refusals:?}")),
            (Ok(model), Seen::Refused(why)) => Err(format!("refused because {why}, and the model: {model:?}")),
            (Ok(model), seen) => self.same_answer(model, seen),
        }
    }

    /// The act took effect, and its answer was lost. `made`: the id of a refresh token that was not there before.
    pub(crate) fn enter_unanswered(&mut self, act: &Act, made: Option<String>) -> Result<(), String> {
        match self.ask_model(act, &Seen::Done)? {
            Ok(Answer::Issued(Issued::New(_)) | Answer::Delegated(_)) => {
                let id = made.ok_or("something was written, and no token was made")?;
                self.refresh.push(Refresh { id, secrets: BTreeMap::new() });
            }
            Ok(Answer::Minted(_)) => self.access.push(Access { lost: true, ..Access::default() }),
            // What was written although it is refused can only be the end of a token whose spent secret came again: what is
            // compared afterwards tells.
            Ok(_) | Err(_) => {}
        }
        Ok(())
    }

    fn ask_model(&mut self, act: &Act, seen: &Seen) -> Result<Result<Answer, Vec<Refusal>>, String> {
        let model = &mut self.model;
        Ok(match act {
            Act::Issue { actor, ask } => model.issue(actor, ask).map(Answer::Issued),
            Act::Exchange { presented, ask, by_rfc_8693 } => {
                let minted = model.exchange(*presented, ask).map(Answer::Minted);
                minted.map_err(|refusals| if *by_rfc_8693 { as_subject(refusals) } else { refusals })
            }
            Act::Delegate { presented, ask } => {
                let id = self.refresh[presented.token].id.clone();
                model.delegate(*presented, &id, ask).map(Answer::Delegated)
            }
            Act::ExchangeAccess { for_refresh: true, .. } => Err(vec![Refusal::DelegationRefused]),
            Act::ExchangeAccess { access, ask, .. } => model.exchange_access(*access, ask).map(Answer::Minted),
            Act::Edit { actor, token, edit, generation } => {
                model.edit(actor, *token, edit, *generation).map(|()| Answer::Edited(*token))
            }
            Act::Rotate { actor, token, overlap, generation } => {
                model.rotate(actor, *token, *overlap, *generation).map(|secret| Answer::Rotated(*token, secret))
            }
            Act::Delete { actor, tokens, reason, note } => {
                model.delete(actor, tokens, *reason, note.as_deref()).map(Answer::Deleted)
            }
            Act::DeleteOwned { actor, owner, reason } => {
                model.delete_owned(actor, owner, *reason, None).map(|()| Answer::Done)
            }
            Act::DeleteAccess { actor, access, reason } => {
                let may = model.delete_access(actor, *access, *reason, None);
                let in_vain = may.as_ref().is_ok_and(|may| may.len() > 1);
                if in_vain && matches!(seen, Seen::DeletedOne(authority::Deletion::Deleted) | Seen::Done) {
                    model.delete_in_vain(actor, *access, *reason);
                }
                may.map(Answer::DeletedOne)
            }
            Act::GiveBack { presented } => Ok(Answer::Given(model.give_back(*presented))),
            Act::GiveBackAccess { access } => Ok(Answer::Given(model.give_back_access(*access))),
            Act::Set { change, generation, at_once } => {
                model.set(&|settings| change.enter(settings), *generation, *at_once).map(|()| Answer::Done)
            }
            Act::Advance | Act::Restart { resume: false } => {
                model.advance();
                Ok(Answer::Done)
            }
            Act::Restart { resume: true } => Ok(Answer::Done),
            Act::AcceptClock { keep } => {
                model.accept_clock(*keep, self.reached);
                self.reached = model.clock.0;
                Ok(Answer::Done)
            }
            Act::NoteUses { uses } => {
                model.note_uses(uses);
                Ok(Answer::Done)
            }
            Act::OpenUses => {
                model.open_uses();
                Ok(Answer::Done)
            }
            Act::CloseUses => {
                model.close_uses();
                Ok(Answer::Done)
            }
            Act::Export => Ok(Answer::Exported),
            Act::Import { actor, tokens } => {
                let arrivals = transfer::arrivals(self, tokens);
                self.model.import(actor, &arrivals).map(|arrived| Answer::Arrived(tokens.clone(), arrived))
            }
            Act::Sweep => {
                if let Seen::Swept(Swept { mark, told }) = seen {
                    let refresh = &self.refresh;
                    model.swept(*mark, &|token, ending| {
                        Some(told.get(&refresh[token].id)?.as_ref() == Some(&words::ending(ending)))
                    })?;
                }
                Ok(Answer::Done)
            }
        })
    }

    fn same_answer(&mut self, model: Answer, seen: &Seen) -> Result<(), String> {
        match (model, seen) {
            (Answer::Issued(Issued::New(number)), Seen::Issued { secret: Some(secret), token }) => {
                let secrets = BTreeMap::from([(0, secret.clone())]);
                self.refresh.push(Refresh { id: token.id.to_string(), secrets });
                self.same_shown(number, token)
            }
            (Answer::Issued(Issued::Repeated(number)), Seen::Issued { secret: None, token }) => {
                self.same_shown(number, token)
            }
            (Answer::Minted(granted), Seen::Minted(minted)) => self.minted(&granted, minted),
            (Answer::Delegated(granted), Seen::Delegated(delegated)) => self.delegated(&granted, delegated),
            (Answer::Edited(number), Seen::Edited(token)) => self.same_shown(number, token),
            (Answer::Rotated(number, secret), Seen::Issued { secret: Some(text), token }) => {
                self.refresh[number].secrets.insert(secret, text.clone());
                self.same_shown(number, token)
            }
            (Answer::Deleted(model), Seen::Deleted(seen)) if same_deletions(&model, seen, self.amid) => Ok(()),
            (Answer::DeletedOne(may), Seen::DeletedOne(seen)) if may.iter().any(|one| deletion(*one) == *seen) => {
                Ok(())
            }
            (Answer::Given(given), Seen::Revoked(seen)) if self.revocation(given) == *seen => Ok(()),
            (Answer::Exported, Seen::Exported(exported)) => transfer::enter_export(self, exported),
            (Answer::Arrived(incoming, model), Seen::Arrived { results, again }) => {
                transfer::enter_import(self, &incoming, (model, results), *again)
            }
            (Answer::Done, Seen::Done | Seen::Swept(_)) => Ok(()),
            (model, seen) => Err(format!("{seen:?}, and the model: {model:?}")),
        }
    }

    /// Whether a refresh token is shown as the model says. Administrators' acts check no counter, which exchanges would spoil for
    /// them: how many exchanges are left, and when the last was, is of the moment before, and one may have been counted since.
    fn same_shown(&self, number: TokenNumber, token: &Token) -> Result<(), String> {
        let mut shown = token.clone();
        if self.amid {
            shown.last_use = self.model.tokens[number].used.as_ref().map(words::last_use);
        }
        if self.amid || self.model.tokens[number].used.is_none() {
            // Of one that was just made it is certain, whatever was lost in that second.
            shown.last_use_certain = self.model.last_use_is_certain(number);
        }
        if self.amid && shown.exchanges_left == exchanges_left(&self.model, number).map(|left| left + 1) {
            shown.exchanges_left = exchanges_left(&self.model, number);
        }
        same_token(self, number, &shown)
    }

    fn minted(&mut self, granted: &Granted, minted: &Minted) -> Result<(), String> {
        let (access, now) = (&self.model.access[granted.number], self.model.rounded_up());
        let left = granted.refresh_expires_at.map(|at| at.saturating_sub(now));
        let expected = (access.scopes.join(" "), access.expires_at.saturating_sub(now), left);
        let seen = (minted.scope.clone(), minted.expires_in, minted.refresh_expires_in.unwrap_or(left));
        if expected != seen {
            return Err(format!("granted {seen:?}, and the model: {expected:?}"));
        }
        self.succeed(access.token, granted.successor, minted.successor.as_ref())?;
        self.access.push(Access { text: minted.text.clone(), jti: minted.jti.clone(), lost: false });
        Ok(())
    }

    fn delegated(&mut self, granted: &Granted, delegated: &Delegated) -> Result<(), String> {
        let (token, now) = (&self.model.tokens[granted.number], self.model.rounded_up());
        let left = self.model.expiry(token).map(|at| at.saturating_sub(now));
        let (expected, parent) = ((token.scopes.join(" "), left), token.parent);
        let seen = (delegated.scope.clone(), delegated.expires_in);
        if expected != seen {
            return Err(format!("delegated {seen:?}, and the model: {expected:?}"));
        }
        let secrets = BTreeMap::from([(0, delegated.secret.clone())]);
        self.refresh.push(Refresh { id: delegated.id.clone(), secrets });
        self.succeed(parent.ok_or("it has no parent")?, granted.successor, delegated.successor.as_ref())
    }

    fn succeed(
        &mut self,
        token: TokenNumber,
        number: Option<SecretNumber>,
        secret: Option<&String>,
    ) -> Result<(), String> {
        match (number, secret) {
            (None, None) => {}
            (Some(number), Some(secret)) => {
                self.refresh[token].secrets.insert(number, secret.clone());
            }
            other => return Err(format!("the successor: {other:?}")),
        }
        Ok(())
    }

    fn revocation(&self, given: Given) -> Revocation {
        match given {
            Given::RefreshToken(token) => Revocation::RefreshToken(self.id(token).parse_id()),
            Given::AccessToken(access) => Revocation::AccessToken(self.access[access].jti.clone()),
            Given::Nothing => Revocation::Nothing,
        }
    }

    /// The refresh tokens that the policy knows and the book does not.
    pub(crate) fn unknown<'a>(&self, tokens: &'a [Token]) -> Vec<&'a Token> {
        let is_known = |token: &Token| self.refresh.iter().any(|known| known.id == token.id.to_string());
        tokens.iter().filter(|token| !is_known(token)).collect()
    }
}

/// What the model says.
#[derive(Debug, Clone)]
enum Answer {
    Issued(Issued),
    Minted(Granted),
    Delegated(Granted),
    Edited(TokenNumber),
    Rotated(TokenNumber, SecretNumber),
    Deleted(Vec<Deletion>),
    DeletedOne(Vec<Deletion>),
    Given(Given),
    Exported,
    Arrived(Vec<Incoming>, Vec<Arrived>),
    Done,
}

/// A token exchange has a word of its own for a grant that is not valid.
fn as_subject(refusals: Vec<Refusal>) -> Vec<Refusal> {
    let word = |refusal| if refusal == Refusal::InvalidGrant { Refusal::InvalidSubject } else { refusal };
    refusals.into_iter().map(word).collect()
}

fn deletion(deletion: Deletion) -> authority::Deletion {
    match deletion {
        Deletion::Deleted => authority::Deletion::Deleted,
        Deletion::AlreadyDeleted => authority::Deletion::AlreadyDeleted,
        Deletion::NotFound => authority::Deletion::NotFound,
    }
}

/// `amid`: what ended before was found before the other act, which may have been the sweeper's that removed it. A delete does not
/// check that it has not: it ends what lives, and nothing that is swept may keep it from that.
fn same_deletions(model: &[Deletion], seen: &[authority::Deletion], amid: bool) -> bool {
    let is_same = |(model, seen): (&Deletion, &authority::Deletion)| {
        let was_there = amid && (*model, *seen) == (Deletion::NotFound, authority::Deletion::AlreadyDeleted);
        was_there || deletion(*model) == *seen
    };
    model.len() == seen.len() && model.iter().zip(seen).all(is_same)
}

trait ParseId {
    fn parse_id(&self) -> jeton_policy::token_id::TokenId;
}

impl ParseId for String {
    fn parse_id(&self) -> jeton_policy::token_id::TokenId {
        jeton_policy::token_id::TokenId::parse(self).unwrap()
    }
}

/// The number of an access token in the book is the model's.
pub(crate) fn numbers(book: &Book) -> impl Iterator<Item = AccessNumber> + '_ {
    (0..book.access.len()).filter(|number| !book.access[*number].lost)
}
