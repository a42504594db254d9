//! Figures as a page.

use std::fmt::Write as _;

/// The page as it grows.
#[derive(Default)]
pub(crate) struct Report {
    page: String,
    in_table: bool,
}

impl Report {
    /// Begins a section.
    pub(crate) fn section(&mut self, title: &str) {
        self.in_table = false;
        let _ = write!(self.page, "\n## {title}\n\n");
    }

    /// A paragraph.
    pub(crate) fn text(&mut self, text: &str) {
        self.in_table = false;
        let _ = write!(self.page, "{text}\n\n");
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

    /// The page.
    pub(crate) fn page(&self) -> &str {
        &self.page
    }
}
