//! Jeton's rules in a program of your own: says whether an access token is alive.
//!
//! embed jeton-verifier.wasm live < access-token, after `jeton policy export .` and `curl -o live http://127.0.0.1:8123/v1/live`

use std::time::SystemTime;

use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use bindings::{
    Verifier,
    exports::jeton::policy::verification::{Moment, NetworkVerdict},
};

mod bindings {
    #![allow(missing_docs, reason = "the documents of what is generated stand in the folder `wit`")]
    // Where the folder `wit` of this repository lies, seen from the crate.
    wasmtime::component::bindgen!({ path: "../../wit", world: "verifier" });
}

fn main() -> anyhow::Result<()> {
    let [component, live] = [1, 2].map(|at| std::env::args().nth(at).unwrap_or_default());
    let engine = Engine::default();
    let component = Component::from_file(&engine, component)?;
    let mut store = Store::new(&engine, ());
    // The linker is empty: the verifier imports nothing, so it can leak nothing.
    let verifier = Verifier::instantiate(&mut store, &component, &Linker::new(&engine))?;
    let rules = verifier.jeton_policy_verification();
    rules.call_load(&mut store, &std::fs::read(live)?)??;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    // Seconds since the live set was asked for; beyond its lease, everything is denied.
    let at = Moment { now, held_for: 0, peer: None };
    let token = std::io::read_to_string(std::io::stdin())?;
    let (claims, network) = rules.call_read_claims(&mut store, token.trim(), at, true)??;
    // This program is handed a token, and cannot know from where.
    anyhow::ensure!(network == NetworkVerdict::NotBound, "the token is bound to networks");
    anyhow::ensure!(!claims.scopes.iter().any(|scope| scope == "jeton:admin"), "not a token to read reports with");
    std::io::Write::write_fmt(
        &mut std::io::stdout(),
        format_args!("{} until {}\n", claims.client_id, claims.expires_at),
    )?;
    Ok(())
}
