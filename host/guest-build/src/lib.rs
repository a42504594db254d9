//! Builds the guests with a cargo of its own, and makes components of what that gives.
//!
//! The inner cargo has a target folder of its own: an outer one holds the lock of the workspace's folder for as long as it
//! waits for its build script or its test.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use wasm_encoder::{ExportSection, Module, RawSection};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

/// What the guests are built for: it has no operating system, and so nothing to import beside what their hosts lend.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// The name of a world of the contract, and the features of the guest that make it.
pub type World = (&'static str, &'static [&'static str]);

/// The worlds of the contract.
pub const WORLDS: [World; 2] = [("authority", &[]), ("verifier", &["--no-default-features"])];

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

/// What Envoy calls of the filter. The library exports all that a filter could listen to, and Envoy calls whatever is exported, several
/// times for each request: what nobody listens to costs as much as what somebody does.
const CALLED_BY_ENVOY: [&str; 12] = [
    "memory",
    "_initialize",
    "proxy_abi_version_0_2_1",
    "malloc",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_tick",
    "proxy_on_http_call_response",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_delete",
];

/// One way to build the guest.
#[derive(Debug, Clone, Copy)]
pub struct GuestBuild<'a> {
    /// The workspace that holds the guest.
    pub workspace: &'a Path,
    /// Where cargo builds into: a folder that no other cargo holds.
    pub target_dir: &'a Path,
    /// A profile of the workspace's manifest, by another name than `release` or `dev`: it is also the name of a folder.
    pub profile: &'a str,
    /// Flags for the compiler.
    pub flags: &'a [&'a str],
    /// Whether the workspace's `Cargo.lock` must be right as it is.
    pub locked: bool,
}

impl GuestBuild<'_> {
    /// Builds a world of the guest and encodes it as a component.
    ///
    /// # Errors
    /// When cargo cannot be run, the guest does not build (the error is the compiler's), or it is of no world.
    pub fn component(&self, (world, features): World) -> Result<Vec<u8>> {
        encode(&self.module("jeton-component", features)?).with_context(|| format!("cannot encode the {world}"))
    }

    /// Builds the filter for Envoy, which knows no components: it is a core module.
    ///
    /// # Errors
    /// When cargo cannot be run, the guest does not build (the error is the compiler's), or it lacks what Envoy calls.
    pub fn envoy_filter(&self) -> Result<Vec<u8>> {
        exporting(&self.module("jeton-envoy", &[])?, &CALLED_BY_ENVOY).context("the filter for Envoy")
    }

    /// Builds a package of the workspace and gives the core module.
    fn module(&self, package: &str, features: &[&str]) -> Result<Vec<u8>> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .current_dir(self.workspace)
            .args(["build", "--package", package])
            .args(["--profile", self.profile, "--target", TARGET])
            .args(features)
            .arg("--target-dir")
            .arg(self.target_dir);
        if self.locked {
            cargo.arg("--locked");
        }
        for (name, _) in env::vars_os() {
            if leaks(&name) {
                cargo.env_remove(name);
            }
        }
        let mut flags = remap_paths(self.workspace);
        flags.extend(self.flags.iter().map(|flag| (*flag).to_owned()));
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));

        let output = cargo.output().context("cannot run cargo")?;
        if !output.status.success() {
            bail!("{package} does not build:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        let module = self.target_dir.join(TARGET).join(self.profile).join(package.replace('-', "_"));
        let module = module.with_extension("wasm");
        fs::read(&module).with_context(|| format!("cannot read {}", module.display()))
    }
}

/// Says what is missing before cargo does so at length.
///
/// # Errors
/// When the compiler cannot be run, or lacks [`TARGET`].
pub fn require_target() -> Result<()> {
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
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

/// Makes a component of a core module whose world `wit-bindgen` wrote into it.
fn encode(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default().module(module)?.validate(true).encode()
}

/// The module, with these exports and no others.
fn exporting(module: &[u8], names: &[&str]) -> Result<Vec<u8>> {
    let (mut left, mut missing) = (Module::new(), names.to_vec());
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Payload::ExportSection(exports) = payload {
            let mut section = ExportSection::new();
            for export in exports {
                let export = export?;
                if let Some(place) = missing.iter().position(|name| *name == export.name) {
                    missing.swap_remove(place);
                    section.export(export.name, export.kind.into(), export.index);
                }
            }
            left.section(&section);
        } else if let Some((id, range)) = payload.as_section() {
            let range = usize::try_from(range.start)?..usize::try_from(range.end)?;
            let data = module.get(range).context("a section lies outside of the module")?;
            left.section(&RawSection { id, data });
        }
    }
    ensure!(missing.is_empty(), "it exports no {}", missing.join(", "));
    Ok(left.finish())
}

/// Whether a variable of the outer build would change the inner one.
fn leaks(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    DROPPED.contains(&name) || (name.starts_with("CARGO_") && !KEPT.iter().any(|kept| name.starts_with(kept)))
}

/// Messages of panics name source files: the component is to be the same wherever it was built.
fn remap_paths(workspace: &Path) -> Vec<String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    let mut flags = vec![format!("--remap-path-prefix={}=", workspace.display())];
    flags.extend(home.map(|home| format!("--remap-path-prefix={}=cargo", home.display())));
    flags
}
