//! Builds the policy: the guest for `wasm32-unknown-unknown`, encoded as the two components, each in two variants.
//!
//! - *portable*: what `jeton policy export` hands to other runtimes.
//! - *wide*: what this host runs. It needs the wide-arithmetic proposal, which other runtimes lack.
//!   It is compiled to machine code here, so that no start of the server waits for a compiler.
//!
//! The guest is built by a cargo of its own into a target folder of its own: the outer cargo holds the lock of the
//! workspace's folder until this script ends.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, anyhow, bail, ensure};
use wasmtime::Engine;
use wit_component::ComponentEncoder;

#[path = "src/engine_config.rs"]
mod engine_config;

const TARGET: &str = "wasm32-unknown-unknown";

/// One way to build the guest.
#[derive(Clone, Copy)]
struct Variant {
    name: &'static str,
    /// The profile in the workspace's manifest, which is also the name of the folder that cargo builds into.
    profile: &'static str,
    /// Flags for the compiler, each behind the separator of `CARGO_ENCODED_RUSTFLAGS`.
    flags: &'static str,
    /// Whether it is compiled to machine code here.
    precompiled: bool,
}

const VARIANTS: [Variant; 2] = [
    Variant {
        name: "portable",
        profile: "guest-portable",
        // SHA-2 without unrolled rounds is 14 KB smaller.
        flags: "\u{1f}--cfg\u{1f}sha2_backend_soft=\"compact\"",
        precompiled: false,
    },
    Variant {
        name: "wide",
        profile: "guest",
        // The curve's 64-bit arithmetic multiplies to 128 bits, which is what the proposal is for.
        flags: "\u{1f}-Ctarget-feature=+wide-arithmetic\u{1f}--cfg\u{1f}curve25519_dalek_bits=\"64\"",
        precompiled: true,
    },
];

/// A world of the contract, and the features of the guest that make it.
const WORLDS: [(&str, &[&str]); 2] = [("authority", &[]), ("verifier", &["--no-default-features"])];

/// Variables with these beginnings are the user's own settings for the network and the registry. Every other `CARGO_*`
/// describes the outer build, or would change what the guest is.
const KEPT: [&str; 5] = ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_TERM_"];

/// What the outer cargo, or a tool around it, sets for its own target and compiler.
const DROPPED: [&str; 13] = [
    "RUSTFLAGS",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_LINKER",
    "RUSTDOC",
    "MAKEFLAGS",
    "MFLAGS",
    "TARGET",
    "HOST",
    "OPT_LEVEL",
    "DEBUG",
    "PROFILE",
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
    for (world, features) in WORLDS {
        let component = encode(&build(workspace, out, variant, features)?)
            .with_context(|| format!("cannot encode the {} {world}", variant.name))?;
        fs::write(out.join(format!("{}-{world}.wasm", variant.name)), &component)?;
        if variant.precompiled {
            let compiled = engine.precompile_component(&component).map_err(anyhow::Error::from)?;
            fs::write(out.join(format!("{world}.cwasm")), compiled)?;
        }
    }
    Ok(())
}

/// Says what is missing before cargo does so at length.
fn require_target() -> Result<()> {
    let output = Command::new(var("RUSTC")?)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .context("cannot run rustc")?;
    let libraries = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    ensure!(
        output.status.success() && libraries.is_dir(),
        "the policy is built for {TARGET}, which is not installed. Install it with: rustup target add {TARGET}"
    );
    Ok(())
}

/// Builds the guest and gives the core module.
fn build(workspace: &Path, out: &Path, variant: Variant, features: &[&str]) -> Result<Vec<u8>> {
    let target_dir = out.join("guest");
    let mut cargo = Command::new(var("CARGO")?);
    cargo
        .current_dir(workspace)
        .args(["build", "--locked", "--package", "jeton-component"])
        .args(["--profile", variant.profile, "--target", TARGET])
        .args(features)
        .arg("--target-dir")
        .arg(&target_dir);
    for (name, _) in env::vars_os() {
        if leaks(&name) {
            cargo.env_remove(name);
        }
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", format!("{}{}", remap_paths(workspace), variant.flags));
    // Macros run for a moment here: optimising them costs more than it gives.
    let profile = variant.profile.to_uppercase().replace('-', "_");
    cargo.env(format!("CARGO_PROFILE_{profile}_BUILD_OVERRIDE_OPT_LEVEL"), "0");

    let output = cargo.output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("the {} policy does not build:\n{}", variant.name, String::from_utf8_lossy(&output.stderr));
    }
    let module = target_dir.join(TARGET).join(variant.profile).join("jeton_component.wasm");
    fs::read(&module).with_context(|| format!("cannot read {}", module.display()))
}

/// Makes a component of a core module whose world `wit-bindgen` wrote into it.
fn encode(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default().module(module)?.validate(true).encode()
}

/// Whether a variable of the outer build would change the inner one.
fn leaks(name: &OsString) -> bool {
    let Some(name) = name.to_str() else { return false };
    DROPPED.contains(&name) || (name.starts_with("CARGO_") && !KEPT.iter().any(|kept| name.starts_with(kept)))
}

/// Messages of panics name source files: the component is to be the same wherever it was built.
fn remap_paths(workspace: &Path) -> String {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    let mut flags = format!("--remap-path-prefix={}=", workspace.display());
    if let Some(home) = home {
        flags += &format!("\u{1f}--remap-path-prefix={}=cargo", home.display());
    }
    flags
}

fn var(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("cargo did not set {name}"))
}
