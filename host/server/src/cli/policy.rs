//! `jeton policy`.

mod check;
mod compose;

use std::{
    fs,
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use http::Method;
use jeton_runtime::artifacts;
use serde_json::{Value, json};

use super::{CliError, output, remote};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// What a component imports and exports, its size and its digest
    Inspect {
        /// A WebAssembly component
        file: PathBuf,
        /// JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// Try a component of your own: whether it holds what a policy must hold. Exit 1 where it does not
    #[command(after_help = check::HELP)]
    Check(check::Check),
    /// What policy a running authority has in force, since when, and what became of those that were loaded
    #[command(after_help = remote::HELP)]
    Status(remote::Options),
    /// Make a running authority read the files of its `--policy` again, try them and go by them; no request is dropped
    #[command(after_help = LOAD_HELP)]
    Load {
        /// What one of those files must hold: a copy of it on this machine
        file: Option<PathBuf>,
        #[command(flatten)]
        options: remote::Options,
    },
    /// Lay rules of your own, a component in whatever language, over the authority that this binary carries
    #[command(after_help = compose::HELP)]
    Compose(compose::Compose),
    /// Write jeton-authority.wasm and jeton-verifier.wasm, for hosts of your own, and jeton-envoy.wasm, a filter for Envoy
    Export {
        /// Where to; made where there is none
        dir: PathBuf,
        /// Write over what is there
        #[arg(long)]
        force: bool,
    },
}

impl Verb {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self {
            Self::Inspect { file, json } => inspect(&file, json),
            Self::Check(command) => command.run(),
            Self::Compose(command) => command.run(),
            Self::Status(options) => status(&options),
            Self::Load { file, options } => load(file.as_deref(), &options),
            Self::Export { dir, force } => export(&dir, force),
        }
    }
}

const LOAD_HELP: &str = "\
Only files on the authority's machine are loaded, since a policy is lent the root key: put the file in its place first.
A policy that traps or takes too long within ten minutes of this is taken back by itself; `jeton policy status` says so.
JETON_TOKEN holds the refresh token of an administrator, which `jeton bootstrap` makes on the authority's machine.";

/// How often it is asked whether an order has ended that took longer than a request may.
const ASKED_EVERY: Duration = Duration::from_secs(1);

fn status(options: &remote::Options) -> Result<(), CliError> {
    let policy = options.remote.administrator()?.call(Method::GET, "/v1/policy", None)?;
    tell(&policy, options.json)
}

/// What `/v1/policy` says; for people, a component a line.
fn tell(policy: &Value, as_json: bool) -> Result<(), CliError> {
    if as_json {
        return Ok(output::json(policy)?);
    }
    let component = |of: &Value, kind: &str| {
        let component = of.get(kind)?;
        let sha256 = component.get("sha256")?.as_str()?;
        let origin = if component.get("shipped")?.as_bool()? { "shipped" } else { "of your own" };
        Some(format!("{sha256}, {origin}"))
    };
    let taken_back = policy.get("last_rollback").filter(|last| !last.is_null()).map(|last| {
        let (at, reason) = (last.get("at").and_then(Value::as_str), last.get("reason").and_then(Value::as_str));
        format!("at {}: {}", at.unwrap_or("-"), reason.and_then(|reason| reason.lines().next()).unwrap_or("-"))
    });
    let failures = |kind: &str| policy.pointer(&format!("/failures/{kind}")).and_then(Value::as_u64);
    Ok(output::object(
        &json!({
            "authority": component(policy, "authority"),
            "verifier": component(policy, "verifier"),
            "loaded_at": policy.get("loaded_at"),
            "loads": policy.get("loads"),
            "rollbacks": policy.get("rollbacks"),
            "taken_back": taken_back,
            "authority_failures": failures("authority"),
            "verifier_failures": failures("verifier"),
        }),
        false,
    )?)
}

fn load(file: Option<&Path>, options: &remote::Options) -> Result<(), CliError> {
    let bytes = file.map(|file| fs::read(file).map_err(|error| failed(file, error))).transpose()?;
    let expected = bytes.map(|bytes| json!({ "sha256": artifacts::digest(&bytes) }));
    let administrator = options.remote.administrator()?;
    let mut policy = administrator.call(Method::POST, "/v1/policy", expected.as_ref())?;
    let is_under_way = |policy: &Value| {
        policy
            .get("last_order")
            .is_some_and(|order| !order.is_null() && order.get("ended_at").is_some_and(Value::is_null))
    };
    if is_under_way(&policy) {
        output::note("The policy is large: it is still being compiled and tried.");
    }
    while is_under_way(&policy) {
        thread::sleep(ASKED_EVERY);
        policy = administrator.call(Method::GET, "/v1/policy", None)?;
    }
    if let Some(detail) = policy.pointer("/last_order/refusal/detail").and_then(Value::as_str) {
        return Err(CliError::Failed(detail.to_owned()));
    }
    tell(&policy, options.json)
}

fn inspect(file: &Path, as_json: bool) -> Result<(), CliError> {
    let bytes = fs::read(file).map_err(|error| failed(file, error))?;
    let world = artifacts::inspect(&bytes).map_err(|error| failed(file, error))?;
    if as_json {
        return Ok(output::json(&json!({
            "imports": world.imports, "exports": world.exports, "size": world.size, "sha256": world.sha256,
        }))?);
    }
    let imports = world.imports.iter().map(|import| format!("import {import}"));
    let exports = world.exports.iter().map(|export| format!("export {export}"));
    let itself = [format!("size   {} bytes", world.size), format!("sha256 {}", world.sha256)];
    Ok(output::line(&imports.chain(exports).chain(itself).collect::<Vec<_>>().join("\n"))?)
}

/// All that this binary carries for other runtimes or, where one of the files is there already, nothing.
fn export(dir: &Path, force: bool) -> Result<(), CliError> {
    fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
    let guests = [
        ("jeton-authority.wasm", artifacts::AUTHORITY),
        ("jeton-verifier.wasm", artifacts::VERIFIER),
        ("jeton-envoy.wasm", artifacts::ENVOY_FILTER),
    ];
    let guests = guests.map(|(name, bytes)| (dir.join(name), bytes));
    if let Some((path, _)) = guests.iter().find(|(path, _)| !force && path.exists()) {
        return Err(unwritten(path, ErrorKind::AlreadyExists.into()));
    }
    for (path, bytes) in &guests {
        write(path, bytes, force).map_err(|error| unwritten(path, error))?;
        output::line(&path.display().to_string())?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8], force: bool) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).truncate(true).create(force).create_new(!force).open(path)?.write_all(bytes)
}

fn unwritten(path: &Path, error: io::Error) -> CliError {
    match error.kind() {
        ErrorKind::AlreadyExists => {
            CliError::Failed(format!("`{}` is there already: say --force to write over it", path.display()))
        }
        _ => failed(path, error),
    }
}

fn failed(path: &Path, error: impl std::fmt::Display) -> CliError {
    CliError::Failed(format!("`{}`: {error}", path.display()))
}
