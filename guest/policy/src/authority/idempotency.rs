//! Idempotency: a request under a key, repeated, makes nothing new.

use minicbor::Encode;

use super::{
    Actor, Authority, decoded,
    issue::{IssueError, IssueRequest, Issued},
    members::Expiry,
};
use crate::{
    digest::Digest,
    keys,
    record::{Idempotent, Stored as _},
    seconds::Seconds,
    store::{Check, Unavailable, Write},
    token_id::TokenId,
};

/// The most characters of a key: a UUID or a digest in any spelling fits.
pub const MAX_KEY_LENGTH: usize = 255;
/// How long a request is remembered.
pub const REMEMBERED_FOR: Seconds = Seconds(24 * 60 * 60);

/// A request that may be a repetition.
pub(super) struct Repetition {
    /// Digest of who asks, and under which key: nobody meets another's keys.
    of: Digest,
    request: Digest,
    /// The version of a remembered request whose time is over.
    stale: core::cell::Cell<Option<u64>>,
}

/// The request that `actor` makes under its key; `None` without a key.
pub(super) fn of(actor: &Actor, request: &IssueRequest) -> Result<Option<Repetition>, IssueError> {
    let Some(key) = &request.idempotency_key else { return Ok(None) };
    if key.is_empty() || key.len() > MAX_KEY_LENGTH || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(IssueError::IdempotencyKeyMalformed);
    }
    let of = Digest::of((actor.name(), key.as_str()).to_stored_bytes().as_slice());
    Ok(Some(Repetition { of, request: digest(request), stale: core::cell::Cell::new(None) }))
}

impl Authority {
    /// What the request made when it was made before; `None` when it is new.
    pub(super) fn repeated(&self, repetition: &Repetition) -> Result<Option<Issued>, IssueError> {
        let reading = self.clock.now();
        let [clock, known] = self.read([keys::CLOCK.to_vec(), keys::idempotent(&repetition.of)])?;
        let mark: Option<Seconds> = decoded(clock.as_ref()).map_err(Unavailable::from)?.map(|(mark, _)| mark);
        let now = super::Time::new(reading, mark).now;
        let Some((known, version)) = decoded::<Idempotent>(known.as_ref()).map_err(Unavailable::from)? else {
            repetition.stale.set(None);
            return Ok(None);
        };
        if now >= known.at.plus(REMEMBERED_FOR) {
            repetition.stale.set(Some(version));
            return Ok(None);
        }
        if known.request != repetition.request.0 {
            return Err(IssueError::IdempotencyKeyReused);
        }
        let token = self.tokens(&[known.made])?.pop().flatten().ok_or(IssueError::Unavailable)?;
        Ok(Some(Issued { secret: None, token }))
    }
}

impl Repetition {
    /// That nobody made the request meanwhile.
    pub(super) fn check(&self) -> Check {
        Check { key: keys::idempotent(&self.of), version: self.stale.get() }
    }

    /// What is remembered of it, in the commit that makes the token.
    pub(super) fn remembered(&self, made: TokenId, at: Seconds) -> [Write; 2] {
        let remembered = Idempotent { request: self.request.0, made, at };
        [
            Write { key: keys::idempotent(&self.of), value: Some(remembered.to_stored()) },
            Write { key: keys::idempotent_due(at, &self.of), value: Some(Vec::new()) },
        ]
    }
}

/// The digest of everything that a request asks for.
fn digest(request: &IssueRequest) -> Digest {
    let (kind, seconds) = match request.expiry {
        Expiry::BySetting => (0_u8, 0),
        Expiry::After(span) => (1, span.0),
        Expiry::At(at) => (2, at.0),
        Expiry::Never => (3, 0),
    };
    let bindings = &request.bindings;
    let members = (
        (&request.name, kind, seconds, &request.scopes, &request.parent, &request.owner, request.access_ttl),
        (
            bindings.not_before,
            &bindings.networks,
            bindings.networks_in_access_tokens,
            &bindings.audiences,
            bindings.max_exchanges,
        ),
        request.conduct,
    );
    Digest::of(&members.to_stored_bytes())
}

/// The CBOR of something that is digested and never read back.
trait Digested {
    fn to_stored_bytes(&self) -> Vec<u8>;
}

impl<T: Encode<()>> Digested for T {
    fn to_stored_bytes(&self) -> Vec<u8> {
        // Writing into memory cannot fail.
        minicbor::to_vec(self).unwrap_or_default()
    }
}
