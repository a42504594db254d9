//! The rules that this crate was built with.

use jeton_policy::verifier::{Accepted, Moment, Verifier};

use super::{Judge, Judges, LoadFailure};
use crate::refusal::permitted;
use crate::{Claims, Refusal};

/// Makes native judges.
pub(crate) struct Native;

impl Judges for Native {
    fn one(&self) -> Result<Box<dyn Judge>, String> {
        Ok(Box::new(Verifier::new()))
    }
}

impl Judge for Verifier {
    fn load(&mut self, document: &[u8]) -> Result<(), LoadFailure> {
        Verifier::load(self, document).map(|_| ()).map_err(LoadFailure::Refused)
    }

    fn verify(&mut self, token: &str, moment: Moment) -> Result<Claims, Refusal> {
        let Accepted { answer, network } = Verifier::verify(self, token, moment)?;
        permitted(network)?;
        Claims::new(answer.bytes(), answer.lengths(), answer.expires_at().0).ok_or(Refusal::Fault)
    }
}
