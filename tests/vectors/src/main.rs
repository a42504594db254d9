//! Writes the vectors anew: `cargo run --release -p jeton-vectors`.

use std::path::Path;

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("verdicts.json");
    let mut json = serde_json::to_string_pretty(&jeton_vectors::generate::vectors()?)?;
    json.push('\n');
    // Written anew, the file would have all be built anew that includes it.
    if std::fs::read_to_string(&path).is_ok_and(|written| written == json) {
        return Ok(());
    }
    std::fs::write(&path, json).with_context(|| format!("cannot write {}", path.display()))
}
