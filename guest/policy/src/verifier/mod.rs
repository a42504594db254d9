//! The verifier: a live set, a memo of verified tokens, and the one rule applied to both.

mod answer;
mod memo;

use crate::{
    access_token::{Claims, NotOfThisEpoch, SignatureError, SignedToken, UnverifiedToken},
    life::{self, Dead},
    live::{LiveSet, LoadError},
    network::{Address, NetworkVerdict},
    scope::Scopes,
    seconds::Seconds,
};
pub use answer::Answer;
use memo::{Memo, Remembered};

/// The RFC 7662 answer about anything that is not a living access token.
pub const INACTIVE: &[u8] = br#"{"active":false}"#;

/// Why a token is not accepted. Its bearer is told `invalid_token` and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not an access token of the form that this authority writes.
    #[error("not an access token")]
    Malformed,
    /// Its header is not the one of the current epoch.
    #[error("of another epoch, key or algorithm")]
    WrongEpoch,
    /// Its signature is not by the key of the current epoch.
    #[error("wrong signature")]
    BadSignature,
    /// Its `iat` lies too far in the future.
    #[error("not yet valid")]
    NotYetValid,
    /// Its time is up.
    #[error("expired")]
    Expired,
    /// An id of its lineage is cut.
    #[error("revoked, or under something that was")]
    Cut,
    /// No live set is held, or its lease is over.
    #[error("nothing can be known: the live set is missing or too old")]
    Stale,
}

impl From<Dead> for Refusal {
    fn from(dead: Dead) -> Self {
        match dead {
            Dead::OtherEpoch => Self::WrongEpoch,
            Dead::NotYetValid => Self::NotYetValid,
            Dead::Expired => Self::Expired,
            Dead::Cut => Self::Cut,
        }
    }
}

impl From<NotOfThisEpoch> for Refusal {
    fn from(error: NotOfThisEpoch) -> Self {
        match error {
            NotOfThisEpoch::Malformed => Self::Malformed,
            NotOfThisEpoch::OtherHeader => Self::WrongEpoch,
        }
    }
}

impl From<SignatureError> for Refusal {
    fn from(error: SignatureError) -> Self {
        match error {
            SignatureError::NotSigned => Self::BadSignature,
            SignatureError::Malformed => Self::Malformed,
        }
    }
}

/// Why an introspection was refused (RFC 7662 section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntrospectRefusal {
    /// The caller's own token is not accepted, or not from where the caller is.
    #[error("the caller's token is not accepted")]
    InvalidToken,
    /// The caller may not ask about other tokens.
    #[error("the caller's token lacks the scope `jeton:introspect`")]
    InsufficientScope,
    /// Nothing can be known.
    #[error("nothing can be known: the live set is missing or too old")]
    Stale,
}

/// When and from where a token is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Unix time.
    pub now: Seconds,
    /// How long ago, at most, the live set that is held was asked for.
    pub held_for: Seconds,
    /// Whether to deny once the lease of the live set is over: an edge does, the authority's own verifier need not.
    pub enforce_lease: bool,
    /// Who presents it. `None`: nobody knows.
    pub peer: Option<Address>,
}

/// An accepted token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Accepted<'v> {
    /// The answers that can be sent on.
    pub answer: &'v Answer,
    /// Whether it may be used from where it was presented: a condition of use, which whoever asks on behalf of a resource must heed.
    pub network: NetworkVerdict,
}

/// Verifies access tokens against the live set that was loaded last.
///
/// The time judged by is never earlier than the live set's `as_of` plus `held_for`, nor than any time judged by before.
#[derive(Debug, Default)]
pub struct Verifier {
    live: Option<LiveSet>,
    memo: Memo,
    latest: Seconds,
    payload: Vec<u8>,
}

impl Verifier {
    /// One that knows nothing, and so accepts nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a live document over what is held.
    ///
    /// # Errors
    /// [`LoadError`]; what was held is unchanged then.
    pub fn load(&mut self, document: &[u8]) -> Result<&LiveSet, LoadError> {
        match self.live {
            None => {
                let live = LiveSet::from_document(document)?;
                Ok(self.live.insert(live))
            }
            Some(ref mut live) => {
                let before = live.epoch().key().id();
                live.load(document)?;
                if live.epoch().key().id() != before {
                    // What another key signed is of no use, and the new epoch has a time of its own.
                    self.memo.clear();
                    self.latest = live.as_of();
                }
                Ok(live)
            }
        }
    }

    /// What is held.
    #[must_use]
    pub fn live(&self) -> Option<&LiveSet> {
        self.live.as_ref()
    }

    /// Judges a token and gives the answers that can be sent on.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify(&mut self, token: &str, at: Moment) -> Result<Accepted<'_>, Refusal> {
        let (_, entry) = self.judge(token, at)?;
        Ok(Accepted { answer: &entry.answer, network: entry.signed.networks().judge(at.peer) })
    }

    /// Judges a token by the one rule; gives what it was judged by, and what is known of it.
    fn judge(&mut self, token: &str, at: Moment) -> Result<(&LiveSet, &Remembered), Refusal> {
        let live = self.live.as_ref().ok_or(Refusal::Stale)?;
        let now = judged_by(live, &mut self.latest, at)?;
        if let Some(place) = self.memo.find(token) {
            let entry = self.memo.at(place);
            life::judge(&entry.signed, live, now)?;
            return Ok((live, entry));
        }
        let unverified = UnverifiedToken::parse(token, live.epoch().key())?;
        let (signed, claims) = SignedToken::verify(unverified, live.epoch().key(), &mut self.payload)?;
        life::judge(&signed, live, now)?;
        let answer = Answer::new(&claims);
        Ok((live, self.memo.keep(token, signed, answer)))
    }

    /// RFC 7662: judges `caller`, then `token`, and gives the answer to send. A token may always ask about itself.
    ///
    /// The caller must be where its own token may be used; `token` is presented elsewhere, so its networks are told and not judged.
    /// A caller whose token is for one audience, not for the authority, is told about tokens for that audience alone.
    ///
    /// # Errors
    /// [`IntrospectRefusal`].
    pub fn introspect(&mut self, caller: &str, token: &str, at: Moment) -> Result<&[u8], IntrospectRefusal> {
        let asks_about_itself = memo::is_same(caller.as_bytes(), token.as_bytes());
        let only_audience = match self.judge(caller, at) {
            Err(Refusal::Stale) => return Err(IntrospectRefusal::Stale),
            Err(_) => return Err(IntrospectRefusal::InvalidToken),
            Ok((_, entry)) if !entry.signed.networks().judge(at.peer).permits() => {
                return Err(IntrospectRefusal::InvalidToken);
            }
            Ok((_, entry)) if !asks_about_itself && !entry.answer.may_introspect() => {
                return Err(IntrospectRefusal::InsufficientScope);
            }
            Ok((live, entry)) => {
                let audience = entry.answer.audience();
                (audience != live.issuer().as_bytes()).then(|| audience.to_vec())
            }
        };
        match self.judge(token, at) {
            Ok((_, entry)) if only_audience.is_some_and(|audience| audience != entry.answer.audience()) => Ok(INACTIVE),
            Ok((_, entry)) => Ok(entry.answer.introspection()),
            Err(Refusal::Stale) => Err(IntrospectRefusal::Stale),
            Err(_) => Ok(INACTIVE),
        }
    }

    /// Judges a token and gives its claims, and whether it may be used from where it was presented.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn claims(&mut self, token: &str, at: Moment) -> Result<(Claims<'_>, NetworkVerdict), Refusal> {
        let network = self.verify(token, at)?.network;
        // Accepted just now: reading it once more decides nothing, and spares the memo from keeping claims twice.
        let live = self.live.as_ref().ok_or(Refusal::Stale)?;
        let unverified = UnverifiedToken::parse(token, live.epoch().key())?;
        Ok((unverified.read_payload(&mut self.payload)?, network))
    }
}

/// The time to judge by. It never goes back, whatever the caller's clock does.
fn judged_by(live: &LiveSet, latest: &mut Seconds, at: Moment) -> Result<Seconds, Refusal> {
    if at.enforce_lease && at.held_for >= live.lease() {
        return Err(Refusal::Stale);
    }
    *latest = at.now.max(live.as_of().plus(at.held_for)).max(*latest);
    Ok(*latest)
}

/// Whether the scopes of a rendered `scope` parameter let its bearer ask about other tokens.
fn may_introspect(scope: &str) -> bool {
    Scopes::parse(scope).is_ok_and(|scopes| scopes.may_introspect())
}
