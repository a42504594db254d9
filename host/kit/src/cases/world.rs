//! What a component asks for and gives, before it is run.

use jeton_runtime::artifacts::{self, World};
use jeton_runtime::sandbox::Kind;

use crate::case::Case;
use crate::failure::{Failure, Verdict, must};
use crate::lent::Ground;
use crate::subject::Subject;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::look("world-imports", "it imports nothing beyond its world", imports),
        Case::look("world-exports", "it exports every interface of its world", exports),
        Case::look("world-starts", "it can be linked and started, with the functions of the contract", starts),
    ]
}

/// What a component of this world has: our own says it.
fn contract(kind: Kind) -> Result<World, Failure> {
    let ours = match kind {
        Kind::Authority => artifacts::AUTHORITY,
        Kind::Verifier => artifacts::VERIFIER,
    };
    artifacts::inspect(ours).map_err(|error| Failure::new(format!("the kit cannot read its own component: {error}")))
}

/// An interface without the last part of its version: any 0.2 of WASI is lent.
fn lent(interface: &str) -> &str {
    match interface.rsplit_once('.') {
        Some((rest, _)) if interface.starts_with("wasi:") => rest,
        _ => interface,
    }
}

fn imports(subject: &Subject) -> Verdict {
    within(&subject.world, subject.kind)
}

/// That a component imports nothing beyond its world.
pub(crate) fn within(world: &World, kind: Kind) -> Verdict {
    let contract = contract(kind)?;
    let known = |import: &&String| contract.imports.iter().any(|known| lent(known) == lent(import));
    let beyond: Vec<&str> = world.imports.iter().filter(|import| !known(import)).map(String::as_str).collect();
    let lack = match kind {
        Kind::Authority => "an authority is not lent",
        Kind::Verifier => "a verifier is lent nothing at all",
    };
    must(beyond.is_empty(), format!("it imports {}: {lack}", beyond.join(", ")))
}

fn exports(subject: &Subject) -> Verdict {
    let contract = contract(subject.kind)?;
    let missing: Vec<&str> =
        contract.exports.iter().filter(|export| !subject.world.exports.contains(export)).map(String::as_str).collect();
    must(missing.is_empty(), format!("it does not export {}", missing.join(", ")))
}

fn starts(subject: &Subject) -> Verdict {
    let sandbox = subject.sandbox().map_err(Failure::new)?;
    let lent = std::sync::Arc::new(Ground::new().lend());
    sandbox.instantiate(&lent).map(drop).map_err(|trap| Failure::trap("the start", &trap))
}
