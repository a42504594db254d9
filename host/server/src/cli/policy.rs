//! `jeton policy`.

mod check;

use std::{
    fs,
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use jeton_runtime::artifacts;
use serde_json::json;

use super::{CliError, output};

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
            Self::Export { dir, force } => export(&dir, force),
        }
    }
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
    let exists =
        |path: &Path| CliError::Failed(format!("`{}` is there already: say --force to write over it", path.display()));
    if let Some((path, _)) = guests.iter().find(|(path, _)| !force && path.exists()) {
        return Err(exists(path));
    }
    for (path, bytes) in &guests {
        write(path, bytes, force).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => exists(path),
            _ => failed(path, error),
        })?;
        output::line(&path.display().to_string())?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8], force: bool) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).truncate(true).create(force).create_new(!force).open(path)?.write_all(bytes)
}

fn failed(path: &Path, error: impl std::fmt::Display) -> CliError {
    CliError::Failed(format!("`{}`: {error}", path.display()))
}
