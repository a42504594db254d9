//! The verifier: a live set, a memo of verified tokens, and the one rule applied to both.

mod answer;
mod memo;

use crate::{
    access_token::{Claims, NotOfThisEpoch, SignatureError, SignedToken, UnverifiedToken},
    life::{self, Dead},
    live::{LiveSet, LoadError},
    scope::Scopes,
    seconds::Seconds,
};
pub use answer::Answer;
use memo::Memo;

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
    /// The caller's own token is not accepted.
    #[error("the caller's token is not accepted")]
    InvalidToken,
    /// The caller may not ask about other tokens.
    #[error("the caller's token lacks the scope `jeton:introspect`")]
    InsufficientScope,
    /// Nothing can be known.
    #[error("nothing can be known: the live set is missing or too old")]
    Stale,
}

/// The caller's clock at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Unix time.
    pub now: Seconds,
    /// How long ago, at most, the live set that is held was asked for.
    pub held_for: Seconds,
    /// Whether to deny once the lease of the live set is over: an edge does, the authority's own verifier need not.
    pub enforce_lease: bool,
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
    pub fn verify(&mut self, token: &str, at: Moment) -> Result<&Answer, Refusal> {
        let live = self.live.as_ref().ok_or(Refusal::Stale)?;
        let now = judged_by(live, &mut self.latest, at)?;
        if let Some(place) = self.memo.find(token) {
            let entry = self.memo.at(place);
            life::judge(&entry.signed, live, now)?;
            return Ok(&entry.answer);
        }
        let unverified = UnverifiedToken::parse(token, live.epoch().key())?;
        let (signed, claims) = SignedToken::verify(unverified, live.epoch().key(), &mut self.payload)?;
        life::judge(&signed, live, now)?;
        let answer = Answer::new(&claims);
        Ok(&self.memo.keep(token, signed, answer).answer)
    }

    /// RFC 7662: judges `caller`, then `token`, and gives the answer to send. A token may always ask about itself.
    ///
    /// # Errors
    /// [`IntrospectRefusal`].
    pub fn introspect(&mut self, caller: &str, token: &str, at: Moment) -> Result<&[u8], IntrospectRefusal> {
        let asks_about_itself = caller == token;
        match self.verify(caller, at) {
            Err(Refusal::Stale) => return Err(IntrospectRefusal::Stale),
            Err(_) => return Err(IntrospectRefusal::InvalidToken),
            Ok(answer) if !asks_about_itself && !answer.may_introspect() => {
                return Err(IntrospectRefusal::InsufficientScope);
            }
            Ok(_) => {}
        }
        match self.verify(token, at) {
            Ok(answer) => Ok(answer.introspection()),
            Err(Refusal::Stale) => Err(IntrospectRefusal::Stale),
            Err(_) => Ok(INACTIVE),
        }
    }

    /// Judges a token and gives its claims.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn claims(&mut self, token: &str, at: Moment) -> Result<Claims<'_>, Refusal> {
        self.verify(token, at)?;
        // Accepted just now: reading it once more decides nothing, and spares the memo from keeping claims twice.
        let live = self.live.as_ref().ok_or(Refusal::Stale)?;
        let unverified = UnverifiedToken::parse(token, live.epoch().key())?;
        Ok(unverified.read_payload(&mut self.payload)?)
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
