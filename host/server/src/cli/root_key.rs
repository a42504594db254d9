//! `jeton root-key`.

use std::io::IsTerminal as _;

use jeton_runtime::RootKey;

use super::{CliError, output};

pub(super) const HELP: &str = "\
Example:
  (umask 077 && jeton root-key > /etc/jeton/root-key)

It is for `jeton serve --root-key-file FILE`; keep it apart from the data.";

/// Draws a root key and writes its 32 raw bytes.
pub(super) fn run() -> Result<(), CliError> {
    if std::io::stdout().is_terminal() {
        return Err(CliError::Usage(
            "a root key is 32 raw bytes, not for a terminal: (umask 077 && jeton root-key > root.key)".to_owned(),
        ));
    }
    let key = RootKey::draw().map_err(|error| CliError::Failed(error.to_string()))?;
    Ok(output::bytes(key.reveal())?)
}
