//! The interface `verification`.

use std::{borrow::Cow, cell::RefCell};

use jeton_policy::{
    live::LoadError,
    network::{self, Address},
    seconds::Seconds,
    verifier::{self, Accepted, Verifier},
};

use crate::{
    Component,
    bindings::exports::jeton::policy::verification::{
        Claims, Guest, Held, IntrospectRefusal, IpAddress, LoadRefusal, Moment, NetworkVerdict, Refusal, Verified,
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

    fn read_claims(token: String, at: Moment, enforce_lease: bool) -> Result<(Claims, NetworkVerdict), Refusal> {
        VERIFIER.with_borrow_mut(|verifier| {
            let (claims, network) = verifier.claims(&token, moment(at, enforce_lease))?;
            let claims = Claims {
                issuer: claims.iss.into_owned(),
                audience: claims.aud.into_owned(),
                subject: claims.sub.into_owned(),
                client_id: claims.client_id.into_owned(),
                issued_at: claims.iat.0,
                expires_at: claims.exp.0,
                jti: claims.jti.into_owned(),
                scopes: claims.scope.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
                lineage: owned(claims.lin),
                networks: owned(claims.net),
            };
            Ok((claims, network.into()))
        })
    }
}

fn moment(at: Moment, enforce_lease: bool) -> verifier::Moment {
    verifier::Moment { now: Seconds(at.now), held_for: Seconds(at.held_for), enforce_lease, peer: at.peer.map(address) }
}

/// The address that a request came from.
pub(crate) fn address(address: IpAddress) -> Address {
    match address {
        IpAddress::V4(bits) => Address::V4(bits.to_be_bytes()),
        IpAddress::V6((upper, lower)) => Address::v6(((u128::from(upper) << 64) | u128::from(lower)).to_be_bytes()),
    }
}

fn owned(list: Vec<Cow<'_, str>>) -> Vec<String> {
    list.into_iter().map(Cow::into_owned).collect()
}

fn verified(Accepted { answer, network }: Accepted<'_>) -> Verified {
    let [introspection, subject, client, scope, audience] = answer.lengths();
    Verified {
        answer: answer.bytes().to_vec(),
        introspection_length: number(introspection),
        subject_length: number(subject),
        client_length: number(client),
        scope_length: number(scope),
        audience_length: number(audience),
        expires_at: answer.expires_at().0,
        network: network.into(),
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

impl From<network::NetworkVerdict> for NetworkVerdict {
    fn from(verdict: network::NetworkVerdict) -> Self {
        match verdict {
            network::NetworkVerdict::NotBound => Self::NotBound,
            network::NetworkVerdict::Inside => Self::Inside,
            network::NetworkVerdict::Outside => Self::Outside,
            network::NetworkVerdict::UnknownPeer => Self::UnknownPeer,
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
