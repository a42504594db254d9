//! The binary `jeton`.

use std::process::ExitCode;

fn main() -> ExitCode {
    jeton::cli::main()
}
