//! The book: figures as they are taken, as a page and as one line of JSON.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{book::curves::Picture, book::targets::TARGETS};

/// What was taken so far.
#[derive(Default, Clone)]
pub(crate) struct Report {
    page: String,
    in_table: bool,
    figures: BTreeMap<&'static str, f64>,
    pictures: Vec<(&'static str, String)>,
}

impl Report {
    /// Begins a section.
    pub(crate) fn section(&mut self, title: &str) {
        let _ = write!(self.page, "{}## {title}\n\n", if self.in_table { "\n" } else { "" });
        self.in_table = false;
    }

    /// A paragraph.
    pub(crate) fn text(&mut self, text: &str) {
        let _ = write!(self.page, "{}{text}\n\n", if self.in_table { "\n" } else { "" });
        self.in_table = false;
    }

    /// A picture, which is kept under this name beside the page.
    pub(crate) fn picture(&mut self, file: &'static str, picture: &Picture<'_>) {
        self.text(&format!("![{}](pictures/{file})", picture.title));
        self.pictures.push((file, picture.svg()));
    }

    /// A row of the section's table.
    pub(crate) fn row(&mut self, what: &str, figure: &str, ratio: &str) {
        if !self.in_table {
            self.page.push_str("| what | median | ratio |\n| --- | --- | --- |\n");
            self.in_table = true;
        }
        let _ = writeln!(self.page, "| {what} | {figure} | {ratio} |");
        eprintln!("{what}: {figure} {ratio}");
    }

    /// Keeps a figure under a name of [`TARGETS`]; a name that is not there is a mistake of the caller's.
    ///
    /// # Errors
    /// When there is no such target.
    pub(crate) fn keep(&mut self, name: &'static str, value: f64) -> anyhow::Result<()> {
        anyhow::ensure!(TARGETS.iter().any(|target| target.name == name), "there is no target `{name}`");
        self.figures.insert(name, value);
        Ok(())
    }

    /// What was kept.
    pub(crate) fn figures(&self) -> &BTreeMap<&'static str, f64> {
        &self.figures
    }

    /// The pictures, by their names.
    pub(crate) fn pictures(&self) -> &[(&'static str, String)] {
        &self.pictures
    }

    /// The sections, in the order in which they were begun.
    pub(crate) fn page(&self) -> &str {
        &self.page
    }
}
