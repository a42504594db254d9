//! A verifier: an instance of the component that is only handed live documents and asked for verdicts.

use std::sync::Arc;

use jeton_runtime::sandbox::{Sandbox, Solo};
use jeton_runtime::wit::verification::{Claims, Held, IntrospectRefusal, LoadRefusal, Moment, Refusal, Verified};

use crate::failure::{Failure, Verdict, must};
use crate::lent::Ground;
use crate::refusal::name_of;

/// A verifier.
pub(crate) struct Edge(Solo);

impl Edge {
    pub(crate) fn new(sandbox: &Sandbox) -> Result<Self, Failure> {
        // Verification asks nothing of its host, also in the authority.
        let lent = Arc::new(Ground::new().lend());
        Ok(Self(sandbox.instantiate(&lent).map_err(|trap| Failure::trap("the start", &trap))?))
    }

    pub(crate) fn load(&mut self, document: &[u8]) -> Result<Result<Held, LoadRefusal>, Failure> {
        self.0.load(document).map_err(|trap| Failure::trap("load", &trap))
    }

    /// Loads a document that there is no reason to refuse.
    pub(crate) fn take(&mut self, document: &[u8]) -> Result<Held, Failure> {
        self.load(document)?.map_err(|refusal| {
            Failure::new(format!("a live document that is in order was refused as `{}`", name_of(refusal)))
        })
    }

    /// A verdict at this time of the caller's clock, of a live set that was asked for just now.
    pub(crate) fn verify(&mut self, token: &str, now: u64) -> Result<Result<Verified, Refusal>, Failure> {
        self.verify_at(token, now, 0, false)
    }

    pub(crate) fn verify_at(
        &mut self,
        token: &str,
        now: u64,
        held_for: u64,
        enforce_lease: bool,
    ) -> Result<Result<Verified, Refusal>, Failure> {
        self.verify_from(token, Moment { now, held_for, peer: None }, enforce_lease)
    }

    /// A verdict on a token that somebody presents from somewhere.
    pub(crate) fn verify_from(
        &mut self,
        token: &str,
        at: Moment,
        enforce_lease: bool,
    ) -> Result<Result<Verified, Refusal>, Failure> {
        self.0.verify(token, at, enforce_lease).map_err(|trap| Failure::trap("verify", &trap))
    }

    pub(crate) fn introspect(
        &mut self,
        caller: &str,
        token: &str,
        now: u64,
    ) -> Result<Result<Vec<u8>, IntrospectRefusal>, Failure> {
        let at = Moment { now, held_for: 0, peer: None };
        self.0.introspect(caller, token, at, false).map_err(|trap| Failure::trap("introspect", &trap))
    }

    pub(crate) fn claims(&mut self, token: &str, now: u64) -> Result<Result<Claims, Refusal>, Failure> {
        let at = Moment { now, held_for: 0, peer: None };
        let claims = self.0.read_claims(token, at, false).map_err(|trap| Failure::trap("read-claims", &trap))?;
        Ok(claims.map(|(claims, _)| claims))
    }

    /// Holds if the token is accepted by every export that judges.
    pub(crate) fn accepts(&mut self, token: &str, now: u64, whose: &str) -> Verdict {
        if let Err(refusal) = self.verify(token, now)? {
            return Err(Failure::new(format!("{whose} was refused as `{}`", name_of(refusal))));
        }
        let claimed = self.claims(token, now)?;
        must(claimed.is_ok(), format!("`verify` accepted {whose}, and `read-claims` refused it"))?;
        let asked = self.introspect(token, token, now)?;
        must(asked.is_ok_and(|answer| is_active(&answer)), format!("{whose} was told of itself that it is not active"))
    }

    /// Holds if the token is refused by every export that judges, also when it is asked again.
    pub(crate) fn refuses(&mut self, token: &str, now: u64, whose: &str) -> Verdict {
        for _ in 0..2 {
            must(self.verify(token, now)?.is_err(), format!("{whose} was accepted"))?;
        }
        must(self.claims(token, now)?.is_err(), format!("{whose} was accepted by `read-claims`"))?;
        let asked = self.introspect(token, token, now)?;
        must(asked.is_err(), format!("{whose} was taken for the caller of an introspection"))
    }

    /// The most bytes of memory that it has had.
    pub(crate) fn memory(&mut self) -> usize {
        self.0.memory()
    }
}

fn is_active(answer: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(answer).is_ok_and(|answer| answer.get("active") == Some(&true.into()))
}
