//! Export and import in histories: what left the store comes back later, and what other stores gave out comes in.

use jeton_model::{Above, Actor, Arrival, Arrived, Bindings, Ending, Expiry, Members, Network, Reason, Refusal, Used};
use jeton_policy::{
    authority::{AskedBindings, ExportedToken, Imported, LastUse},
    ports::Reading,
    record::{self, Conduct},
    refresh_token::RefreshToken,
    seconds::Seconds,
    token_id::TokenId,
};
use proptest::prelude::*;

use crate::{
    act::Act,
    book::{Book, Refresh},
    step::{self, IssueDraft, NETWORKS, REASONS},
    words,
};

/// A refresh token that comes in, and what its bearer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Incoming {
    token: ExportedToken,
    secret: Option<String>,
}

/// One before it is known what there is.
#[derive(Debug, Clone)]
pub(crate) struct IncomingDraft {
    /// One that was exported before, under this name if that is another.
    known: Option<(u16, Option<u8>)>,
    /// Else one of another store.
    issue: Box<IssueDraft>,
    /// Made so long ago, or to be made.
    made: i32,
    disabled: bool,
    ended: Option<u8>,
    /// Under the one that comes in before it.
    beside: bool,
    left: u8,
}

pub(crate) fn incoming() -> impl Strategy<Value = IncomingDraft> {
    let known = prop::option::of((any::<u16>(), prop::option::weighted(0.2, 0..4_u8)));
    let made = prop_oneof![1 => -20..1_i32, 6 => 0..3_000_i32, 2 => 80_000..200_000_i32];
    let how = (prop::bool::weighted(0.2), prop::option::weighted(0.2, 0..3_u8), prop::bool::weighted(0.4), 0..5_u8);
    (known, step::issue(), made, how).prop_map(|(known, issue, made, (disabled, ended, beside, left))| IncomingDraft {
        known,
        issue: Box::new(issue),
        made,
        disabled,
        ended,
        beside,
        left,
    })
}

/// The import that some drafts are, by `actor`.
pub(crate) fn decided(actor: Actor, drafts: &[IncomingDraft], book: &Book) -> Act {
    let mut tokens: Vec<Incoming> = Vec::new();
    for (place, draft) in drafts.iter().enumerate() {
        let one = draft.decided(place, tokens.last(), book);
        if tokens.iter().all(|other| other.token.id != one.token.id) {
            tokens.push(one);
        }
    }
    Act::Import { actor, tokens }
}

impl IncomingDraft {
    fn decided(&self, place: usize, before: Option<&Incoming>, book: &Book) -> Incoming {
        if let Some((drawn, name)) = self.known.filter(|_| !book.exported.is_empty()) {
            let mut known = book.exported[usize::from(drawn) % book.exported.len()].clone();
            if let Some(name) = name {
                known.token.name = step::NAMES[usize::from(name)].to_owned();
            }
            return known;
        }
        let now = book.model.now();
        let ask = self.issue.ask(book);
        let made = now.saturating_add_signed(-i64::from(self.made));
        let ending = |reason| record::Ending { at: Seconds(made), by: "elsewhere".to_owned(), reason, note: None };
        let ending_of = |drawn: u8| ending(words::reason(REASONS[usize::from(drawn)]));
        let mut random = [0xEE; 10];
        random[..8].copy_from_slice(&((book.refresh.len() * 8 + place) as u64).to_be_bytes());
        let id = TokenId::new(Reading { seconds: Seconds(made), nanoseconds: 0 }, random);
        let secret = RefreshToken::new(id, [0x5E; 32]);
        let living = self.ended.is_none();
        let parent = before.filter(|_| self.beside).map(|before| before.token.id.clone());
        let token = ExportedToken {
            id: id.to_string(),
            parent: parent.or(ask.parent.map(|parent| book.id(parent))),
            expires_at: expiry(ask.expiry, now),
            exchanges_left: ask.bindings.max_exchanges.map(|most| most.saturating_sub(self.left.into())),
            created_at: Seconds(made),
            created_by: "elsewhere".to_owned(),
            conduct: Conduct { may_delegate: ask.may_delegate, rotates_on_use: ask.rotates_on_use },
            secret_sha256: living.then(|| secret.digest().0.to_vec()),
            last_use: None,
            disabled: (self.disabled && living).then(|| ending(record::Reason::Disabled)),
            ending: self.ended.map(ending_of),
            access_ttl: words::seconds(ask.access_ttl),
            bindings: words::bindings(&ask.bindings),
            name: ask.name,
            owner: ask.owner,
            scopes: ask.scopes,
        };
        Incoming { token, secret: living.then(|| secret.reveal().to_string()) }
    }
}

fn expiry(asked: Expiry, now: u64) -> Option<Seconds> {
    match asked {
        Expiry::BySetting => Some(Seconds(now + 3_600)),
        Expiry::After(span) => Some(Seconds(now + span)),
        Expiry::At(at) => Some(Seconds(at)),
        Expiry::Never => None,
    }
}

/// Whether some of these come in under others of them.
pub(crate) fn has_generations(tokens: &[Incoming]) -> bool {
    let is_among = |parent: &String| tokens.iter().any(|one| one.token.id == *parent);
    tokens.iter().any(|one| one.token.parent.as_ref().is_some_and(is_among))
}

pub(crate) fn tokens(incoming: &[Incoming]) -> Vec<ExportedToken> {
    incoming.iter().map(|one| one.token.clone()).collect()
}

/// The same in the model's words.
pub(crate) fn arrivals(book: &Book, incoming: &[Incoming]) -> Vec<Arrival> {
    incoming.iter().map(|one| arrival(book, one, incoming)).collect()
}

fn arrival(book: &Book, Incoming { token, secret }: &Incoming, all: &[Incoming]) -> Arrival {
    let there = book.there(&token.id);
    let parent = match &token.parent {
        None => Above::Nothing,
        Some(id) => match (book.there(id), all.iter().position(|one| one.token.id == *id)) {
            (Some(number), _) => Above::There(number),
            (None, Some(place)) => Above::Coming(place),
            (None, None) => Above::Nowhere,
        },
    };
    let parent_of = |number: usize| book.model.tokens[number].parent.map(|parent| book.id(parent));
    let known = there.map(|there| &book.refresh[there].secrets);
    let mut same = known.into_iter().flatten().filter(|(_, known)| Some(*known) == secret.as_ref());
    Arrival {
        there,
        parent,
        parent_is_the_same: there.is_some_and(|there| parent_of(there) == token.parent),
        members: members(token),
        secret: same.next().map(|(number, _)| *number),
    }
}

fn members(token: &ExportedToken) -> Members {
    Members {
        name: token.name.clone(),
        owner: token.owner.clone(),
        scopes: token.scopes.clone(),
        created_at: token.created_at.0,
        created_by: token.created_by.clone(),
        expires_at: token.expires_at.map(|at| at.0),
        access_ttl: token.access_ttl.map(|ttl| ttl.0),
        bindings: bindings(&token.bindings),
        may_delegate: token.conduct.may_delegate,
        rotates_on_use: token.conduct.rotates_on_use,
        exchanges_left: token.exchanges_left,
        used: token.last_use.clone().map(|LastUse { at, address, count }| Used { at: at.0, address, count }),
        disabled: token.disabled.as_ref().map(ending),
        ending: token.ending.as_ref().map(ending),
    }
}

fn bindings(bindings: &AskedBindings) -> Bindings {
    let network = |text: &String| NETWORKS.into_iter().find(|one: &Network| words::text(one) == *text).unwrap();
    Bindings {
        not_before: bindings.not_before.map(|from| from.0),
        networks: bindings.networks.iter().map(network).collect(),
        networks_in_access_tokens: bindings.networks_in_access_tokens,
        audiences: bindings.audiences.clone(),
        max_exchanges: bindings.max_exchanges,
    }
}

/// An ending that came in. It was before every act here.
fn ending(told: &record::Ending) -> Ending {
    let reason = Reason::ALL.into_iter().find(|reason| words::reason(*reason) == told.reason).unwrap();
    Ending { at: told.at.0, by: told.by.clone(), reason, note: told.note.clone(), act: 0 }
}

/// Whether the policy gave out what the model would; the book keeps it for later.
pub(crate) fn enter_export(book: &mut Book, exported: &[ExportedToken]) -> Result<(), String> {
    let there = (0..book.refresh.len()).filter(|number| !book.model.tokens[*number].removed).count();
    if there != exported.len() {
        return Err(format!("{} were exported, and the model: {there}", exported.len()));
    }
    book.exported.clear();
    for token in exported {
        let number = book.there(&token.id).ok_or_else(|| format!("nobody made {token:?}"))?;
        let expected = book.model.exported(number, &|one| token.ending == Some(words::ending(one)));
        let (said, parent) =
            (words_of(&members(token)), book.model.tokens[number].parent.map(|parent| book.id(parent)));
        if said != words_of(&expected) || parent != token.parent {
            return Err(format!("exported {token:?}, and the model: {expected:?}"));
        }
        let known = book.model.secret_in_force(number).map(|secret| book.refresh[number].secrets.get(&secret));
        let hash = |text: &String| RefreshToken::parse(text).unwrap().digest().0.to_vec();
        match (known, &token.secret_sha256) {
            (None, None) => book.exported.push(Incoming { token: token.clone(), secret: None }),
            // The answer that it was in was lost: nobody can hold it.
            (Some(None), Some(_)) => {}
            (Some(Some(text)), Some(given)) if hash(text) == *given => {
                book.exported.push(Incoming { token: token.clone(), secret: Some(text.clone()) });
            }
            _ => return Err(format!("the secret of the exported {token:?}")),
        }
    }
    Ok(())
}

/// Members without the numbers of acts, which nobody tells.
fn words_of(members: &Members) -> Members {
    let told = |ending: &Option<Ending>| ending.clone().map(|ending| Ending { act: 0, ..ending });
    Members { disabled: told(&members.disabled), ending: told(&members.ending), ..members.clone() }
}

/// Whether the policy answered as the model does. `again`: the store had failed in the middle, and it was done once more.
pub(crate) fn enter_import(
    book: &mut Book,
    incoming: &[Incoming],
    (model, seen): (Vec<Arrived>, &[Imported]),
    again: bool,
) -> Result<(), String> {
    let mut made = Vec::new();
    for ((one, model), seen) in incoming.iter().zip(&model).zip(seen) {
        let same = match (model, seen) {
            (Arrived::Imported(_), Imported::Imported)
            | (Arrived::AlreadyThere, Imported::AlreadyThere)
            | (Arrived::Differs, Imported::Differs) => true,
            (Arrived::Refused(refusals), Imported::CreatedInTheFuture) => {
                refusals.contains(&Refusal::CreatedInTheFuture)
            }
            (Arrived::Imported(_), Imported::AlreadyThere | Imported::Differs) => again,
            (Arrived::Refused(refusals), Imported::Refused(why)) => {
                refusals.iter().any(|refusal| format!("{refusal:?}") == format!("{why:?}"))
            }
            _ => false,
        };
        if !same {
            return Err(format!("{seen:?} came of {one:?}, and the model: {model:?}"));
        }
        if let Arrived::Imported(number) = model {
            made.push((*number, one));
        }
    }
    made.sort_by_key(|(number, _)| *number);
    for (_, one) in made {
        let secrets = one.secret.iter().map(|secret| (0, secret.clone())).collect();
        book.refresh.push(Refresh { id: one.token.id.clone(), secrets });
    }
    Ok(())
}
