//! Everything that can be seen, held against the model.

use jeton_model::{Model, State, TokenNumber, Verdict};
use jeton_policy::{
    authority::{Authority, Query, Token},
    network::NetworkVerdict,
    seconds::Seconds,
    verifier::{Moment, Refusal, Verifier},
};

use crate::{
    book::{Book, numbers},
    ground::ISSUER,
    step::PEERS,
    words,
};

/// How many exchanges are left, where they are counted.
pub(crate) fn exchanges_left(model: &Model, number: TokenNumber) -> Option<u64> {
    let token = &model.tokens[number];
    let left = |most: u64| if model.state(number) == State::Deleted { 0 } else { most.saturating_sub(token.exchanges) };
    token.bindings.max_exchanges.map(left)
}

/// Whether a refresh token looks as the model says.
pub(crate) fn same_token(book: &Book, number: TokenNumber, seen: &Token) -> Result<(), String> {
    let (model, token) = (&book.model, &book.model.tokens[number]);
    let state = model.state(number);
    let parent = token.parent.map(|parent| book.id(parent));
    let disabled = model.disabled_by(number).filter(|_| state == State::Disabled).map(words::ending);
    let same = [
        ("id", seen.id.to_string() == book.refresh[number].id),
        ("name", seen.name == token.name),
        ("owner", seen.owner == token.owner),
        ("parent", seen.parent.map(|id| id.to_string()) == parent),
        ("depth", seen.depth + 1 == model.chain(number).len()),
        ("scopes", seen.scopes.as_slice() == token.scopes),
        ("state", seen.state == words::state(state)),
        ("created", (seen.created_at.0, &seen.created_by) == (token.created_at, &token.created_by)),
        ("expires_at", seen.expires_at == words::seconds(model.expiry(token))),
        ("access_ttl", seen.access_ttl == Seconds(model.settings.access_ttl(token.access_ttl))),
        ("not_before", seen.bindings.not_before == words::seconds(token.bindings.not_before)),
        ("networks", seen.bindings.networks.texts() == words::texts(&token.bindings.networks)),
        ("carried", seen.bindings.networks_in_access_tokens == token.bindings.networks_in_access_tokens),
        ("audiences", seen.bindings.audiences == token.bindings.audiences),
        ("max_exchanges", seen.bindings.max_exchanges == token.bindings.max_exchanges),
        (
            "conduct",
            (seen.conduct.may_delegate, seen.conduct.rotates_on_use) == (token.may_delegate, token.rotates_on_use),
        ),
        ("superseded_until", seen.superseded_until == words::seconds(model.superseded_until(number))),
        ("exchanges_left", seen.exchanges_left == exchanges_left(model, number)),
        ("last_use", seen.last_use == token.used.as_ref().map(words::last_use)),
        ("last_use_certain", seen.last_use_certain == model.last_use_is_certain(number)),
        ("generation", seen.generation == token.generation),
        ("disabled", seen.disabled == disabled),
        (
            "ending",
            match &seen.ending {
                None => state != State::Deleted,
                Some(seen) => model.endings(number).iter().any(|ending| words::ending(ending) == *seen),
            },
        ),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        None => Ok(()),
        Some((what, _)) => Err(format!(
            "{what} of refresh token {number}: {seen:?}, and the model: {token:?}, {state:?}, {:?}",
            model.endings(number)
        )),
    }
}

/// All refresh tokens that the policy knows.
pub(crate) fn listed(authority: &Authority) -> Vec<Token> {
    authority.list(&Query { limit: 1000, ..Query::default() }).unwrap().items
}

/// Whether the policy knows exactly the refresh tokens that the model does, and each as it should be.
pub(crate) fn same_tokens(book: &Book, authority: &Authority) -> Result<(), String> {
    let listed = listed(authority);
    if let Some(unknown) = book.unknown(&listed).first() {
        return Err(format!("nobody made {unknown:?}"));
    }
    for (number, token) in book.model.tokens.iter().enumerate() {
        match listed.iter().find(|seen| seen.id.to_string() == book.refresh[number].id) {
            Some(seen) if !token.removed => same_token(book, number, seen)?,
            None if token.removed => {}
            Some(_) if book.latest(number) != number => {}
            seen => return Err(format!("refresh token {number}: {seen:?}, and the model: removed: {}", token.removed)),
        }
    }
    Ok(())
}

/// A verifier of a history, and the latest time that it judged by.
pub(crate) struct Judge {
    verifier: Verifier,
    latest: u64,
    epoch: u64,
}

impl Judge {
    pub(crate) fn new() -> Self {
        Self { verifier: Verifier::new(), latest: 0, epoch: u64::MAX }
    }

    /// Whether every access token is judged as the model judges it; `all`: wherever it is presented.
    pub(crate) fn same_verdicts(&mut self, book: &Book, authority: &Authority, all: bool) -> Result<(), String> {
        let model = &book.model;
        self.verifier.load(&authority.snapshot().unwrap()).map_err(|error| format!("the live set: {error:?}"))?;
        // A verifier's time never goes back within an epoch, and what it loads says how late it is at least.
        self.latest = if self.epoch == model.epoch { self.latest.max(model.now()) } else { model.now() };
        self.epoch = model.epoch;
        for number in numbers(book) {
            let expected = model.verdict(number, self.latest);
            for peer in [None].into_iter().chain(PEERS.into_iter().map(Some)).take(if all { 8 } else { 1 }) {
                let at = Moment {
                    now: Seconds(model.clock.0),
                    held_for: Seconds(0),
                    enforce_lease: false,
                    peer: peer.map(words::address),
                };
                let seen = self.verifier.verify(&book.access[number].text, at).map(|accepted| accepted.network);
                let inside = model.is_inside(number, peer);
                let same = match (expected, &seen) {
                    (Verdict::Alive, Ok(network)) => *network == place(inside, peer.is_some()),
                    (Verdict::WrongEpoch, Err(Refusal::WrongEpoch))
                    | (Verdict::NotYetValid, Err(Refusal::NotYetValid))
                    | (Verdict::Expired, Err(Refusal::Expired))
                    | (Verdict::Cut, Err(Refusal::Cut)) => true,
                    _ => false,
                };
                if !same {
                    return Err(format!(
                        "access token {number} at {} from {peer:?}: {seen:?}, and the model: {expected:?}, {inside:?}, {:?}",
                        self.latest, model.access[number],
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether the access token that was minted last says what the model says.
    pub(crate) fn same_claims(&mut self, book: &Book) -> Result<(), String> {
        let Some(number) = numbers(book).last() else { return Ok(()) };
        let (model, access) = (&book.model, &book.model.access[number]);
        let at = Moment { now: Seconds(model.clock.0), held_for: Seconds(0), enforce_lease: false, peer: None };
        let Ok((claims, _)) = self.verifier.claims(&book.access[number].text, at) else { return Ok(()) };
        let id = &book.refresh[access.token].id;
        let same = [
            ("aud", *claims.aud == *access.audience.as_deref().unwrap_or(ISSUER)),
            ("sub", *claims.sub == *access.subject.as_ref().unwrap_or(id)),
            ("client_id", *claims.client_id == **id),
            ("scope", *claims.scope == access.scopes.join(" ")),
            ("iat and exp", (claims.iat.0, claims.exp.0) == (access.issued_at, access.expires_at)),
            ("jti", *claims.jti == book.access[number].jti),
        ];
        match same.into_iter().find(|(_, same)| !same) {
            None => Ok(()),
            Some((what, _)) => Err(format!("{what} of access token {number}: {claims:?}, and the model: {access:?}")),
        }
    }
}

fn place(inside: Option<bool>, peer_is_known: bool) -> NetworkVerdict {
    match inside {
        None => NetworkVerdict::NotBound,
        Some(true) => NetworkVerdict::Inside,
        Some(false) if peer_is_known => NetworkVerdict::Outside,
        Some(false) => NetworkVerdict::UnknownPeer,
    }
}
