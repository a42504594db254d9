//! Writes the vectors anew: `cargo run --release -p jeton-vectors`. With the argument `page`, the page of the documents that says
//! which runtime gave which verdicts, after the tests that ask them.

use std::path::Path;

use anyhow::Context as _;
use jeton_vectors::{generate, given};

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        None => {
            let mut json = serde_json::to_string_pretty(&generate::vectors()?)?;
            json.push('\n');
            write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("verdicts.json"), &json)
        }
        Some("page") => write(&given::page(), &given::written_down()?),
        Some(other) => anyhow::bail!("`{other}` is neither nothing nor `page`"),
    }
}

/// Written anew, a file would have all be built anew that includes it.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|written| written == text) {
        return Ok(());
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
