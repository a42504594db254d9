//! What the built components import and export.

use jeton_runtime::artifacts::{self, World, inspect};

/// What a page, a gateway or a script loads, once, to verify tokens. One verifier knows every algorithm that an epoch may
/// begin with, or an edge would fall silent at the advance that changes it: the curve of ES256 has 45 KB of this, RS256 has 17.
const MAX_VERIFIER: usize = 230_000;

#[allow(clippy::print_stdout, reason = "the worlds are to be read in the log of the tests")]
fn print(name: &str, world: &World) {
    println!("{name}: {} bytes, SHA-256 {}", world.size, world.sha256);
    world.imports.iter().for_each(|import| println!("  import {import}"));
    world.exports.iter().for_each(|export| println!("  export {export}"));
}

#[test]
fn the_authority_imports_a_store_a_root_key_a_clock_and_entropy_and_nothing_else() {
    let world = inspect(artifacts::AUTHORITY).unwrap();
    print("jeton-authority.wasm", &world);
    let mut imports = world.imports;
    imports.sort();
    assert_eq!(
        imports,
        [
            "jeton:policy/root-key@0.1.0",
            "jeton:policy/store@0.1.0",
            "wasi:clocks/wall-clock@0.2.0",
            "wasi:random/random@0.2.0",
        ]
    );
    let mut exports = world.exports;
    exports.sort();
    assert_eq!(
        exports,
        [
            "jeton:policy/configuration@0.1.0",
            "jeton:policy/epochs@0.1.0",
            "jeton:policy/exchange@0.1.0",
            "jeton:policy/explanations@0.1.0",
            "jeton:policy/live@0.1.0",
            "jeton:policy/refresh-tokens@0.1.0",
            "jeton:policy/transfer@0.1.0",
            "jeton:policy/upkeep@0.1.0",
            "jeton:policy/verification@0.1.0",
        ]
    );
}

#[test]
fn the_verifier_imports_nothing_and_is_small() {
    let world = inspect(artifacts::VERIFIER).unwrap();
    print("jeton-verifier.wasm", &world);
    assert!(world.imports.is_empty(), "it imports {:?}", world.imports);
    assert_eq!(world.exports, ["jeton:policy/verification@0.1.0"]);
    assert!(world.size <= MAX_VERIFIER, "it has {} bytes", world.size);
}

#[test]
fn a_component_says_nothing_of_the_machine_that_built_it() {
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let workspace = std::fs::canonicalize(workspace).unwrap();
    for component in [artifacts::AUTHORITY, artifacts::VERIFIER] {
        for folder in [workspace.to_str().unwrap(), ".cargo/registry"] {
            let found = component.windows(folder.len()).any(|window| window == folder.as_bytes());
            assert!(!found, "it names {folder}");
        }
    }
}
