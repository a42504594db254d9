//! A verifier component, in a sandbox that lends it nothing: a bound of memory, and a bound of computation for each call.

use jeton_policy::live::LoadError;
use jeton_policy::network::{Address, NetworkVerdict};
use jeton_policy::verifier::{Moment, Refusal as Rule};
use wasmtime::component::{Component as Compiled, Linker};
use wasmtime::{Config, Engine, Store, StoreLimits, StoreLimitsBuilder};

use self::bindings::exports::jeton::policy::verification as wit;
use self::bindings::jeton::policy::types;
use super::{Judge, Judges, LoadFailure};
use crate::refusal::permitted;
use crate::{Claims, Refusal};

/// What `bindgen!` makes of the contract.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated; the contract documents its own items")]
mod bindings {
    wasmtime::component::bindgen!({ world: "verifier", path: "wit" });
}

/// Bytes of memory: a full live set and what is loaded over it fit several times over.
const MAX_MEMORY: usize = 64 << 20;
/// Steps of one verdict, some tens of milliseconds: a signature takes the hundredth part.
const VERDICT_FUEL: u64 = 50_000_000;
/// Steps of one load: a full live set takes a tenth.
const LOAD_FUEL: u64 = 1_000_000_000;

/// Makes judges of one component.
pub(crate) struct Component {
    engine: Engine,
    verifier: bindings::VerifierPre<StoreLimits>,
}

struct Instance {
    store: Store<StoreLimits>,
    verifier: bindings::Verifier,
}

impl Component {
    /// Compiles it, and sees that it can be made: that it asks for nothing, and exports what a verifier does.
    pub(crate) fn new(wasm: &[u8]) -> Result<Self, String> {
        let compile = || {
            let mut config = Config::new();
            config.wasm_component_model(true).wasm_wide_arithmetic(true).wasm_relaxed_simd(false).consume_fuel(true);
            let engine = Engine::new(&config)?;
            let compiled = Compiled::from_binary(&engine, wasm)?;
            let verifier = bindings::VerifierPre::new(Linker::new(&engine).instantiate_pre(&compiled)?)?;
            Ok::<_, wasmtime::Error>(Self { engine, verifier })
        };
        let component = compile().map_err(|error| format!("{error:#}"))?;
        component.one()?;
        Ok(component)
    }
}

impl Judges for Component {
    fn one(&self) -> Result<Box<dyn Judge>, String> {
        let make = || {
            let limits = StoreLimitsBuilder::new().memory_size(MAX_MEMORY).build();
            let mut store = Store::new(&self.engine, limits);
            store.limiter(|limits| limits);
            store.set_fuel(LOAD_FUEL)?;
            let verifier = self.verifier.instantiate(&mut store)?;
            Ok::<_, wasmtime::Error>(Instance { store, verifier })
        };
        make().map(|instance| Box::new(instance) as Box<dyn Judge>).map_err(|error| format!("{error:#}"))
    }
}

impl Judge for Instance {
    fn load(&mut self, document: &[u8]) -> Result<(), LoadFailure> {
        let loaded = self
            .store
            .set_fuel(LOAD_FUEL)
            .and_then(|()| self.verifier.jeton_policy_verification().call_load(&mut self.store, document));
        match loaded {
            Ok(Ok(_held)) => Ok(()),
            Ok(Err(refusal)) => Err(LoadFailure::Refused(match refusal {
                wit::LoadRefusal::Malformed => LoadError::Malformed,
                wit::LoadRefusal::AnotherAuthority => LoadError::AnotherAuthority,
                wit::LoadRefusal::Older => LoadError::Older,
                wit::LoadRefusal::Gap => LoadError::Gap,
            })),
            Err(trap) => Err(LoadFailure::Broken(format!("{trap:#}"))),
        }
    }

    fn verify(&mut self, token: &str, moment: Moment) -> Result<Claims, Refusal> {
        let at = wit::Moment {
            now: moment.now.0,
            held_for: moment.held_for.0,
            peer: moment.peer.map(|peer| match peer {
                Address::V4(bytes) => types::IpAddress::V4(u32::from_be_bytes(bytes)),
                Address::V6(bytes) => {
                    let bits = u128::from_be_bytes(bytes);
                    types::IpAddress::V6(((bits >> 64) as u64, bits as u64))
                }
            }),
        };
        let judged = self.store.set_fuel(VERDICT_FUEL).and_then(|()| {
            let guest = self.verifier.jeton_policy_verification();
            guest.call_verify(&mut self.store, token, at, moment.enforce_lease)
        });
        let verified = match judged {
            Ok(verdict) => verdict.map_err(|refusal| {
                Refusal::from(match refusal {
                    wit::Refusal::Malformed => Rule::Malformed,
                    wit::Refusal::WrongEpoch => Rule::WrongEpoch,
                    wit::Refusal::BadSignature => Rule::BadSignature,
                    wit::Refusal::NotYetValid => Rule::NotYetValid,
                    wit::Refusal::Expired => Rule::Expired,
                    wit::Refusal::Cut => Rule::Cut,
                    wit::Refusal::Stale => Rule::Stale,
                })
            })?,
            Err(trap) => {
                tracing::error!(
                    reason = format!("{trap:#}"),
                    "the verifier component failed; its instance is replaced"
                );
                return Err(Refusal::Fault);
            }
        };
        permitted(match verified.network {
            wit::NetworkVerdict::NotBound => NetworkVerdict::NotBound,
            wit::NetworkVerdict::Inside => NetworkVerdict::Inside,
            wit::NetworkVerdict::Outside => NetworkVerdict::Outside,
            wit::NetworkVerdict::UnknownPeer => NetworkVerdict::UnknownPeer,
        })?;
        let lengths = [
            verified.introspection_length,
            verified.subject_length,
            verified.client_length,
            verified.scope_length,
            verified.audience_length,
        ];
        let lengths = lengths.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        Claims::new(&verified.answer, lengths, verified.expires_at).ok_or(Refusal::Fault)
    }
}
