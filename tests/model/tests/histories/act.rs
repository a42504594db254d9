//! Acts, with everything in them decided, and what the policy answers.

use std::collections::BTreeMap;

use jeton_model::{AccessNumber, Actor, Ask, Edit, Network, Presented, Reason, Setting, TokenAsk, TokenNumber, Used};
use jeton_policy::{
    authority::{
        Authority, Boot, Deletion, ExchangeRequest, Exchanged, ExportedToken, Imported, Issued, MAX_PAGE, Revocation,
        SettingsChange, Token, TokenExchangeError, TokenExchangeRequest, TokenExchanged, TokenType, Use,
    },
    network::Address,
    record::{self, Ending},
    seconds::Seconds,
};

use crate::{
    book::Book,
    compare::listed,
    ground::Ground,
    transfer::{self, Incoming},
    words,
};

/// One act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    Issue {
        actor: Actor,
        ask: Ask,
    },
    Exchange {
        presented: Presented,
        ask: TokenAsk,
        by_rfc_8693: bool,
    },
    Delegate {
        presented: Presented,
        ask: TokenAsk,
    },
    ExchangeAccess {
        access: AccessNumber,
        ask: TokenAsk,
        for_refresh: bool,
    },
    Edit {
        actor: Actor,
        token: TokenNumber,
        edit: Edit,
        generation: Option<u64>,
    },
    Rotate {
        actor: Actor,
        token: TokenNumber,
        overlap: u64,
        generation: Option<u64>,
    },
    Delete {
        actor: Actor,
        tokens: Vec<Option<TokenNumber>>,
        reason: Reason,
        note: Option<String>,
    },
    DeleteOwned {
        actor: Actor,
        owner: String,
        reason: Reason,
    },
    DeleteAccess {
        actor: Actor,
        access: AccessNumber,
        reason: Reason,
    },
    GiveBack {
        presented: Presented,
    },
    GiveBackAccess {
        access: AccessNumber,
    },
    Set {
        change: Setting,
        generation: Option<u64>,
        at_once: bool,
    },
    Advance,
    Restart {
        resume: bool,
    },
    NoteUses {
        uses: Vec<(TokenNumber, Used)>,
    },
    OpenUses,
    CloseUses,
    Sweep,
    Export,
    Import {
        actor: Actor,
        tokens: Vec<Incoming>,
    },
    /// To go back to what the clock shows.
    AcceptClock {
        keep: bool,
    },
}

fn settings_change(setting: &Setting) -> SettingsChange {
    let mut change = SettingsChange::default();
    match setting.clone() {
        Setting::AccessTokenExpiration(to) => change.access_token_expiration = Some(Seconds(to)),
        Setting::AccessTokenMinimum(to) => change.access_token_minimum = Some(Seconds(to)),
        Setting::AccessTokenMaximum(to) => change.access_token_maximum = Some(Seconds(to)),
        Setting::RefreshTokenExpiration(to) => change.refresh_token_expiration = Some(Seconds(to)),
        Setting::RefreshTokenMaximum(to) => change.refresh_token_maximum = Some(words::seconds(to)),
        Setting::NeverAllowed(to) => change.never_allowed = Some(to),
        Setting::UniqueNames(to) => change.unique_names = Some(to),
        Setting::Scopes(to) => change.scopes = Some(to),
        Setting::DelegationLevels(to) => change.delegation_levels = Some(to.try_into().unwrap()),
        Setting::HolderDelegation(to) => change.holder_delegation = Some(to),
        Setting::TombstoneRetention(to) => change.tombstone_retention = Some(Seconds(to)),
    }
    change
}

/// What the policy answered.
#[derive(Debug, Clone)]
pub(crate) enum Seen {
    /// The rule that it named.
    Refused(String),
    Issued {
        secret: Option<String>,
        token: Box<Token>,
    },
    Minted(Minted),
    Delegated(Delegated),
    Edited(Box<Token>),
    Deleted(Vec<Deletion>),
    DeletedOne(Deletion),
    Revoked(Revocation),
    Swept(Swept),
    Exported(Vec<ExportedToken>),
    Arrived {
        results: Vec<Imported>,
        /// It was done once more, because the store had failed in the middle.
        again: bool,
    },
    Done,
}

/// How it looked after a sweep.
#[derive(Debug, Clone)]
pub(crate) struct Swept {
    /// Where the mark of the clock was.
    pub(crate) mark: u64,
    /// The refresh tokens that were there, and what was told as their ends.
    pub(crate) told: BTreeMap<String, Option<Ending>>,
}

/// An access token as it was handed out.
#[derive(Debug, Clone)]
pub(crate) struct Minted {
    pub(crate) text: String,
    pub(crate) jti: String,
    pub(crate) scope: String,
    pub(crate) expires_in: u64,
    /// `None`: it was not said.
    pub(crate) refresh_expires_in: Option<Option<u64>>,
    pub(crate) successor: Option<String>,
}

impl From<Exchanged> for Minted {
    fn from(exchanged: Exchanged) -> Self {
        Self {
            text: exchanged.access_token,
            jti: exchanged.jti.to_string(),
            scope: exchanged.scope,
            expires_in: exchanged.expires_in.0,
            refresh_expires_in: Some(exchanged.refresh_expires_in.map(|span| span.0)),
            successor: exchanged.refresh_token.map(|secret| secret.to_string()),
        }
    }
}

impl From<TokenExchanged> for Minted {
    fn from(exchanged: TokenExchanged) -> Self {
        Self {
            text: exchanged.token.to_string(),
            jti: exchanged.jti.unwrap().to_string(),
            scope: exchanged.scope,
            expires_in: exchanged.expires_in.unwrap().0,
            refresh_expires_in: None,
            successor: exchanged.refresh_token.map(|secret| secret.to_string()),
        }
    }
}

/// A refresh token as its parent's holder got it.
#[derive(Debug, Clone)]
pub(crate) struct Delegated {
    pub(crate) secret: String,
    pub(crate) id: String,
    pub(crate) scope: String,
    pub(crate) expires_in: Option<u64>,
    pub(crate) successor: Option<String>,
}

impl From<TokenExchanged> for Delegated {
    fn from(exchanged: TokenExchanged) -> Self {
        Self {
            secret: exchanged.token.to_string(),
            id: exchanged.client.to_string(),
            scope: exchanged.scope,
            expires_in: exchanged.expires_in.map(|span| span.0),
            successor: exchanged.refresh_token.map(|secret| secret.to_string()),
        }
    }
}

impl Seen {
    pub(crate) fn is_unavailable(&self) -> bool {
        matches!(self, Self::Refused(why) if why == "Unavailable")
    }

    fn of<T, E: core::fmt::Debug>(answer: Result<T, E>, seen: impl FnOnce(T) -> Self) -> Self {
        match answer {
            Ok(given) => seen(given),
            Err(refusal) => {
                let refusal = format!("{refusal:?}");
                let inner = refusal.strip_prefix("Invalid(").and_then(|inner| inner.strip_suffix(')'));
                Self::Refused(inner.unwrap_or(&refusal).to_owned())
            }
        }
    }

    fn issued(Issued { secret, token }: Issued) -> Self {
        Self::Issued { secret: secret.map(|secret| secret.to_string()), token: Box::new(token) }
    }
}

/// What is told as the ends of all refresh tokens.
fn told(authority: &Authority) -> BTreeMap<String, Option<Ending>> {
    listed(authority).into_iter().map(|token| (token.id.to_string(), token.ending)).collect()
}

/// A request as the policy takes it.
pub(crate) fn peer(ask: &TokenAsk) -> Option<Address> {
    ask.peer.map(|peer: Network| words::address(peer))
}

fn exchange_token(
    authority: &Authority,
    subject_token: &str,
    (subject_token_type, requested_token_type): (TokenType, TokenType),
    ask: &TokenAsk,
) -> Result<TokenExchanged, TokenExchangeError> {
    let scope = ask.scope.as_ref().map(|scope| scope.join(" "));
    authority.exchange_token(&TokenExchangeRequest {
        subject_token,
        subject_token_type,
        requested_token_type,
        scope: scope.as_deref(),
        resource: ask.resource.as_deref(),
        name: ask.name.as_deref(),
        expires_in: words::seconds(ask.expires_in),
        peer: peer(ask),
    })
}

impl Act {
    /// Asks the policy.
    pub(crate) fn perform(&self, ground: &Ground, authority: &Authority, book: &Book) -> Seen {
        match self {
            Self::Issue { actor, ask } => {
                let request = words::request(ask, ask.parent.map(|parent| book.id(parent)));
                Seen::of(authority.issue(&words::actor(actor), &request), Seen::issued)
            }
            Self::Exchange { presented, ask, by_rfc_8693: true } => {
                let types = (TokenType::RefreshToken, TokenType::AccessToken);
                let exchanged = exchange_token(authority, book.secret(*presented), types, ask);
                Seen::of(exchanged, |exchanged| Seen::Minted(exchanged.into()))
            }
            Self::Delegate { presented, ask } => {
                let types = (TokenType::RefreshToken, TokenType::RefreshToken);
                let exchanged = exchange_token(authority, book.secret(*presented), types, ask);
                Seen::of(exchanged, |exchanged| Seen::Delegated(exchanged.into()))
            }
            Self::ExchangeAccess { access, ask, for_refresh } => {
                let wanted = if *for_refresh { TokenType::RefreshToken } else { TokenType::AccessToken };
                let types = (TokenType::AccessToken, wanted);
                let exchanged = exchange_token(authority, &book.access[*access].text, types, ask);
                Seen::of(exchanged, |exchanged| Seen::Minted(exchanged.into()))
            }
            Self::Exchange { presented, ask, by_rfc_8693: false } => {
                let scope = ask.scope.as_ref().map(|scope| scope.join(" "));
                let request =
                    ExchangeRequest { scope: scope.as_deref(), resource: ask.resource.as_deref(), peer: peer(ask) };
                let exchanged = authority.exchange(book.secret(*presented), &request);
                Seen::of(exchanged, |exchanged| Seen::Minted(exchanged.into()))
            }
            Self::Edit { actor, token, edit, generation } => {
                let (actor, edit) = (words::actor(actor), words::edit(edit));
                let edited = authority.edit(&actor, &book.id(*token), &edit, *generation);
                Seen::of(edited, |token| Seen::Edited(Box::new(token)))
            }
            Self::Rotate { actor, token, overlap, generation } => {
                let actor = words::actor(actor);
                Seen::of(authority.rotate(&actor, &book.id(*token), Seconds(*overlap), *generation), Seen::issued)
            }
            Self::Delete { actor, tokens, reason, note } => {
                let unknown = "0".repeat(22);
                let ids: Vec<String> =
                    tokens.iter().map(|token| token.map_or(unknown.clone(), |token| book.id(token))).collect();
                let deleted = authority.delete(&words::actor(actor), &ids, words::reason(*reason), note.as_deref());
                Seen::of(deleted, |deleted| Seen::Deleted(deleted.results))
            }
            Self::DeleteOwned { actor, owner, reason } => {
                let deleted = authority.delete_owned(&words::actor(actor), owner, words::reason(*reason), None);
                Seen::of(deleted, |_| Seen::Done)
            }
            Self::DeleteAccess { actor, access, reason } => {
                let (actor, reason): (_, record::Reason) = (words::actor(actor), words::reason(*reason));
                let deleted = authority.delete_access_token(&actor, &book.access[*access].jti, reason, None);
                Seen::of(deleted, Seen::DeletedOne)
            }
            Self::GiveBack { presented } => Seen::of(authority.revoke(book.secret(*presented)), Seen::Revoked),
            Self::GiveBackAccess { access } => Seen::of(authority.revoke(&book.access[*access].text), Seen::Revoked),
            Self::Set { change, generation, at_once } => {
                let actor = jeton_policy::authority::Actor::Machine;
                let set = authority.set_settings(&actor, &settings_change(change), *generation, *at_once);
                Seen::of(set, |_| Seen::Done)
            }
            Self::Advance => {
                let actor = jeton_policy::authority::Actor::Machine;
                Seen::of(authority.advance(&actor, None), |_| Seen::Done)
            }
            Self::Restart { resume } => {
                let boot = if *resume { Boot::Resume } else { Boot::Advance };
                Seen::of(authority.begin(boot, None), |_| Seen::Done)
            }
            Self::AcceptClock { keep } => loop {
                match authority.accept_clock(*keep, Seconds(book.reached)) {
                    Ok(accepted) if accepted.more => {}
                    accepted => break Seen::of(accepted, |_| Seen::Done),
                }
            },
            Self::NoteUses { uses } => {
                let told = |(token, used): &(TokenNumber, Used)| {
                    let Used { at, address, count } = used.clone();
                    Use { id: book.id(*token), at: Seconds(at), address, count }
                };
                let uses: Vec<Use> = uses.iter().map(told).collect();
                Seen::of(authority.note_uses(&uses), |()| Seen::Done)
            }
            Self::OpenUses => Seen::of(authority.open_uses(), |()| Seen::Done),
            Self::CloseUses => Seen::of(authority.close_uses(), |()| Seen::Done),
            Self::Export => Seen::of(authority.export(MAX_PAGE, None), |page| Seen::Exported(page.items)),
            Self::Import { actor, tokens } => {
                let imported = authority.import(&words::actor(actor), &transfer::tokens(tokens));
                Seen::of(imported, |results| Seen::Arrived { results, again: false })
            }
            Self::Sweep => loop {
                match authority.sweep() {
                    Ok(swept) if swept.more => {}
                    swept => {
                        break Seen::of(swept, |_| {
                            Seen::Swept(Swept { mark: ground.mark(), told: told(&ground.onlooker()) })
                        });
                    }
                }
            },
        }
    }
}
