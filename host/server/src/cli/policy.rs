//! `jeton policy`.

use std::{fs, io::Write as _, path::PathBuf};

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
    /// Write jeton-authority.wasm and jeton-verifier.wasm, for hosts of your own
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
            Self::Export { dir, force } => export(&dir, force),
        }
    }
}

fn inspect(file: &std::path::Path, as_json: bool) -> Result<(), CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::Failed(format!("`{}`: {error}", file.display()));
    let bytes = fs::read(file).map_err(|error| failed(&error))?;
    let world = artifacts::inspect(&bytes).map_err(|error| failed(&error))?;
    if as_json {
        let world = json!({ "imports": world.imports, "exports": world.exports, "size": world.size, "sha256": world.sha256 });
        return Ok(output::json(&world)?);
    }
    for import in &world.imports {
        output::line(&format!("import {import}"))?;
    }
    for export in &world.exports {
        output::line(&format!("export {export}"))?;
    }
    output::line(&format!("size   {} bytes", world.size))?;
    Ok(output::line(&format!("sha256 {}", world.sha256))?)
}

fn export(dir: &std::path::Path, force: bool) -> Result<(), CliError> {
    let failed = |path: &std::path::Path, error: std::io::Error| CliError::Failed(format!("`{}`: {error}", path.display()));
    fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
    let components = [("jeton-authority.wasm", artifacts::AUTHORITY), ("jeton-verifier.wasm", artifacts::VERIFIER)];
    for (name, bytes) in components {
        let path = dir.join(name);
        let mut options = fs::OpenOptions::new();
        options.write(true).truncate(true).create(force).create_new(!force);
        let mut file = options.open(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                CliError::Failed(format!("`{}` is there already: say --force to write over it", path.display()))
            }
            _ => failed(&path, error),
        })?;
        file.write_all(bytes).map_err(|error| failed(&path, error))?;
        output::line(&path.display().to_string())?;
    }
    Ok(())
}
