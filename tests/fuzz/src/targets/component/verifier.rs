//! The verifier's world, and the same exports of the authority's, whose imports all trap here.

use std::cell::LazyCell;

use jeton_policy::verifier::INACTIVE;
use jeton_runtime::{
    artifacts::{WIDE_AUTHORITY, WIDE_VERIFIER},
    wit::verification::{Guest, GuestIndices, IntrospectRefusal, Moment},
};
use wasmtime::{
    Config, Engine, Store,
    component::{Component, InstancePre, Linker},
};

use super::{
    TARGET,
    story::{self, Story},
};
use crate::{choices::Choices, mutation, reached::Reached, world::START};

/// What one input may compute: some hundred signatures. A guest that computes on is a finding.
const FUEL: u64 = 2_000_000_000;

thread_local! {
    static WORLDS: LazyCell<[InstancePre<()>; 2]> = LazyCell::new(|| {
        let mut config = Config::new();
        config.wasm_component_model(true).wasm_wide_arithmetic(true).consume_fuel(true);
        let engine = Engine::new(&config).expect("an engine");
        [WIDE_VERIFIER, WIDE_AUTHORITY].map(|component| {
            let component = Component::new(&engine, component).expect("a component");
            let mut linker = Linker::new(&engine);
            // Verification asks nothing of its host, also in the authority: whatever it imports traps.
            linker.define_unknown_imports_as_traps(&component).expect("imports");
            linker.instantiate_pre(&component).expect("a whole component")
        })
    });
}

/// Loads documents, real and damaged, then judges tokens, real and damaged.
pub(super) fn judge(choices: &mut Choices<'_>, told: &Story, reached: &mut Reached) {
    let world = choices.below(2);
    let (mut store, guest) = WORLDS.with(|worlds| instance(&worlds[world]));
    let mut has_loaded = false;
    for _ in 0..=choices.below(3) {
        let mut document = told.documents[choices.below(told.documents.len())].clone();
        if choices.below(3) == 0 {
            mutation::mutate(choices, &mut document, TARGET.words);
        }
        let loaded = guest.call_load(&mut store, &document).expect("no trap in load");
        has_loaded |= loaded.is_ok();
        reached.note(if loaded.is_ok() { "load: taken" } else { "load: refused" });
    }
    for _ in 0..=choices.below(4) {
        let token = told.access_token(choices);
        let at = Moment {
            now: if choices.flag() { START } else { story::moment(choices) },
            held_for: choices.one_of(&[0, 0, 1, u64::MAX]),
            peer: story::peer(choices),
        };
        let lease = choices.below(4) == 0;
        let is_known = told.access.contains(&token);
        match choices.below(3) {
            0 => {
                let verdict = guest.call_verify(&mut store, &token, at, lease).expect("no trap in verify");
                assert!(verdict.is_err() || (is_known && has_loaded), "{token}");
                reached.note(if verdict.is_ok() { "verify: accepted" } else { "verify: refused" });
            }
            1 => {
                let claims = guest.call_read_claims(&mut store, &token, at, lease).expect("no trap in read-claims");
                assert!(claims.is_err() || (is_known && has_loaded), "{token}");
                reached.note(if claims.is_ok() { "read-claims: accepted" } else { "read-claims: refused" });
            }
            _ => {
                let caller = told.access_token(choices);
                let answer =
                    guest.call_introspect(&mut store, &caller, &token, at, lease).expect("no trap in introspect");
                match answer {
                    Ok(answer) => {
                        assert!(told.access.contains(&caller) && has_loaded);
                        assert!(is_known || answer == INACTIVE, "{token}");
                        reached.note(if answer == INACTIVE { "introspect: inactive" } else { "introspect: active" });
                    }
                    Err(IntrospectRefusal::InvalidToken) => reached.note("introspect: the caller is refused"),
                    Err(IntrospectRefusal::InsufficientScope) => reached.note("introspect: the caller may not ask"),
                    Err(IntrospectRefusal::Stale) => reached.note("introspect: stale"),
                }
            }
        }
    }
}

fn instance(world: &InstancePre<()>) -> (Store<()>, Guest) {
    let mut store = Store::new(world.engine(), ());
    store.set_fuel(FUEL).expect("an engine that burns fuel");
    let instance = world.instantiate(&mut store).expect("an instance");
    let guest = GuestIndices::new(world).expect("the exports").load(&mut store, &instance).expect("the exports");
    (store, guest)
}
