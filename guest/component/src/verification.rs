//! The interface `verification`.

use std::cell::RefCell;

use jeton_policy::{
    live::LoadError,
    seconds::Seconds,
    verifier::{self, Answer, Verifier},
};

use crate::{
    Component,
    bindings::exports::jeton::policy::verification::{
        Claims, Guest, Held, IntrospectRefusal, LoadRefusal, Moment, Refusal, Verified,
    },
};

thread_local! {
    /// An instance is one verifier. A component instance has one thread.
    static VERIFIER: RefCell<Verifier> = RefCell::new(Verifier::new());
}

impl Guest for Component {
    fn load(document: Vec<u8>) -> Result<Held, LoadRefusal> {
        VERIFIER.with_borrow_mut(|verifier| {
            let live = verifier.load(&document)?;
            Ok(Held { sequence: live.sequence(), epoch: live.epoch().number(), cuts: number(live.cuts()) })
        })
    }

    fn verify(token: String, at: Moment, enforce_lease: bool) -> Result<Verified, Refusal> {
        VERIFIER.with_borrow_mut(|verifier| Ok(verified(verifier.verify(&token, moment(at, enforce_lease))?)))
    }

    fn introspect(
        caller: String,
        token: String,
        at: Moment,
        enforce_lease: bool,
    ) -> Result<Vec<u8>, IntrospectRefusal> {
        VERIFIER
            .with_borrow_mut(|verifier| Ok(verifier.introspect(&caller, &token, moment(at, enforce_lease))?.to_vec()))
    }

    fn read_claims(token: String, at: Moment, enforce_lease: bool) -> Result<Claims, Refusal> {
        VERIFIER.with_borrow_mut(|verifier| {
            let claims = verifier.claims(&token, moment(at, enforce_lease))?;
            Ok(Claims {
                issuer: claims.iss.into_owned(),
                audience: claims.aud.into_owned(),
                subject: claims.sub.into_owned(),
                client_id: claims.client_id.into_owned(),
                issued_at: claims.iat.0,
                expires_at: claims.exp.0,
                jti: claims.jti.into_owned(),
                scopes: claims.scope.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
                lineage: claims.lin.into_iter().map(std::borrow::Cow::into_owned).collect(),
            })
        })
    }
}

fn moment(at: Moment, enforce_lease: bool) -> verifier::Moment {
    verifier::Moment { now: Seconds(at.now), held_for: Seconds(at.held_for), enforce_lease }
}

fn verified(answer: &Answer) -> Verified {
    let [introspection, subject, client, scope] = answer.lengths();
    Verified {
        answer: answer.bytes().to_vec(),
        introspection_length: number(introspection),
        subject_length: number(subject),
        client_length: number(client),
        scope_length: number(scope),
        expires_at: answer.expires_at().0,
    }
}

/// A component's memory has 32-bit sizes.
fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

impl From<LoadError> for LoadRefusal {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Malformed => Self::Malformed,
            LoadError::AnotherAuthority => Self::AnotherAuthority,
            LoadError::Older => Self::Older,
            LoadError::Gap => Self::Gap,
        }
    }
}

impl From<verifier::Refusal> for Refusal {
    fn from(refusal: verifier::Refusal) -> Self {
        match refusal {
            verifier::Refusal::Malformed => Self::Malformed,
            verifier::Refusal::WrongEpoch => Self::WrongEpoch,
            verifier::Refusal::BadSignature => Self::BadSignature,
            verifier::Refusal::NotYetValid => Self::NotYetValid,
            verifier::Refusal::Expired => Self::Expired,
            verifier::Refusal::Cut => Self::Cut,
            verifier::Refusal::Stale => Self::Stale,
        }
    }
}

impl From<verifier::IntrospectRefusal> for IntrospectRefusal {
    fn from(refusal: verifier::IntrospectRefusal) -> Self {
        match refusal {
            verifier::IntrospectRefusal::InvalidToken => Self::InvalidToken,
            verifier::IntrospectRefusal::InsufficientScope => Self::InsufficientScope,
            verifier::IntrospectRefusal::Stale => Self::Stale,
        }
    }
}
