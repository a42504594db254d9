//! Seeds: the inputs that a search begins with, in `corpus/TARGET/NAME`, each named by what it is.

use std::{fs, io, path::PathBuf};

use crate::Target;

/// Where the seeds of a target lie.
#[must_use]
pub fn folder(target: &Target) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus")).join(target.name)
}

/// The seeds of a target by their names, in the order of the alphabet.
///
/// # Errors
/// When the folder cannot be read.
pub fn of(target: &Target) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut seeds = Vec::new();
    for entry in fs::read_dir(folder(target))? {
        let entry = entry?;
        seeds.push((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?));
    }
    seeds.sort();
    Ok(seeds)
}
