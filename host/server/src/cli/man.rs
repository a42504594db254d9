//! `jeton man`: a manual page for each command.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::CommandFactory as _;

use super::{CliError, Command, output};

pub(super) const HELP: &str = "\
Examples:
  jeton man /usr/local/share/man/man1
  jeton man . && man ./jeton-token-create.1

A page for `jeton`, and one for each of its commands. Standard output has their names.";

/// Writes the pages into a folder, which is made where it is not there.
pub(super) fn run(folder: &Path) -> Result<(), CliError> {
    let failed = |path: &Path, error| CliError::Failed(format!("cannot write `{}`: {error}", path.display()));
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let mut command = Command::command().disable_help_subcommand(true);
    command.build();
    pages(&command, folder)?.iter().try_for_each(|page| Ok(output::line(&page.display().to_string())?))
}

fn pages(command: &clap::Command, folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let man = clap_mangen::Man::new(command.clone());
    let path = folder.join(man.get_filename());
    let mut page = Vec::new();
    let written = man.render(&mut page).and_then(|()| fs::write(&path, &page));
    written.map_err(|error| CliError::Failed(format!("cannot write `{}`: {error}", path.display())))?;
    let mut all = vec![path];
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        all.extend(pages(verb, folder)?);
    }
    Ok(all)
}
