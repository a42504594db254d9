//! Builds the policy: the guest for `wasm32-unknown-unknown`, encoded as the two components, each in two variants.
//!
//! - *portable*: what `jeton policy export` hands to other runtimes. The filter for Envoy is built like that, too.
//! - *wide*: what this host runs. It needs the wide-arithmetic proposal, which other runtimes lack.
//!   It is compiled to machine code here, so that no start of the server waits for a compiler.
//!
//! The guest is built by a cargo of its own into a target folder of its own: the outer cargo holds the lock of the
//! workspace's folder until this script ends.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, anyhow};
use jeton_guest_build::{GuestBuild, WORLDS, require_target};
use wasmtime::Engine;

#[path = "src/engine_config.rs"]
mod engine_config;

/// One way to build the guest.
#[derive(Clone, Copy)]
struct Variant {
    name: &'static str,
    /// The profile in the workspace's manifest.
    profile: &'static str,
    /// Flags for the compiler.
    flags: &'static [&'static str],
    /// Whether it is compiled to machine code here.
    precompiled: bool,
    /// Whether Envoy's filter is built so.
    filter: bool,
}

const VARIANTS: [Variant; 2] = [
    Variant {
        name: "portable",
        profile: "guest-portable",
        // SHA-2 without unrolled rounds is 14 KB smaller.
        flags: &["--cfg", "sha2_backend_soft=\"compact\""],
        precompiled: false,
        filter: true,
    },
    Variant {
        name: "wide",
        profile: "guest",
        // The curve's 64-bit arithmetic multiplies to 128 bits, which is what the proposal is for.
        flags: &["-Ctarget-feature=+wide-arithmetic", "--cfg", "curve25519_dalek_bits=\"64\""],
        precompiled: true,
        filter: false,
    },
];

fn main() -> Result<()> {
    let crate_dir = PathBuf::from(var("CARGO_MANIFEST_DIR")?);
    let workspace =
        crate_dir.ancestors().nth(2).context("the crate does not lie two folders below its workspace")?.to_path_buf();
    let out = PathBuf::from(var("OUT_DIR")?);

    // Relative to this crate: a target folder that was copied with its workspace watches the copy.
    for watched in
        ["../../guest", "../../wit", "../../Cargo.toml", "../../Cargo.lock", "build.rs", "src/engine_config.rs"]
    {
        println!("cargo::rerun-if-changed={watched}");
    }
    require_target()?;

    // The folders of two profiles have locks of their own. Linking takes one processor for most of the time.
    thread::scope(|scope| {
        let makers = VARIANTS.map(|variant| {
            scope.spawn({
                let (workspace, out) = (&workspace, &out);
                move || make(workspace, out, variant)
            })
        });
        makers.into_iter().try_for_each(|maker| maker.join().map_err(|_| anyhow!("a build panicked"))?)
    })
}

/// Makes the components of a variant.
fn make(workspace: &Path, out: &Path, variant: Variant) -> Result<()> {
    let engine = Engine::new(&engine_config::engine_config(1)).map_err(anyhow::Error::from)?;
    // Beside the folders of the build scripts, not in one of them: a run of clippy has another one than a run of the compiler,
    // and would build the guests once more.
    let target_dir = out.ancestors().nth(3).context("OUT_DIR lies in no folder of a profile")?.join("guest");
    let guest =
        GuestBuild { workspace, target_dir: &target_dir, profile: variant.profile, flags: variant.flags, locked: true };
    for world in WORLDS {
        let component = guest.component(world).with_context(|| format!("the {} policy", variant.name))?;
        let (world, _) = world;
        fs::write(out.join(format!("{}-{world}.wasm", variant.name)), &component)?;
        if variant.precompiled {
            let compiled = engine.precompile_component(&component).map_err(anyhow::Error::from)?;
            fs::write(out.join(format!("{world}.cwasm")), compiled)?;
        }
    }
    if variant.filter {
        fs::write(out.join("envoy.wasm"), guest.envoy_filter().context("the filter for Envoy")?)?;
    }
    Ok(())
}

fn var(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("cargo did not set {name}"))
}
