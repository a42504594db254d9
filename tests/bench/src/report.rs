//! Figures as a page.

use std::fmt::Write as _;

/// The page as it grows.
#[derive(Default)]
pub(crate) struct Report {
    page: String,
    in_table: bool,
}

impl Report {
    /// The head of the page.
    pub(crate) fn title(&mut self, title: &str) {
        let _ = write!(self.page, "# {title}\n\n");
    }

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
