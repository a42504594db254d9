//! How far a long command is, for whoever watches it at a terminal. A pipe or a file is told nothing.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::output;

/// How often it is drawn while nothing moves.
const TICK: Duration = Duration::from_millis(200);

/// A bar, or, where nobody knows how much there is, a count. It goes from the screen when this value goes.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Of so many things.
    pub(super) fn of(total: usize) -> Self {
        Self::with(ProgressBar::new(wide(total)), "{wide_bar} {human_pos} of {human_len}, {eta} left")
    }

    /// Of so many bytes.
    pub(super) fn of_bytes(total: u64) -> Self {
        Self::with(ProgressBar::new(total), "{wide_bar} {bytes} of {total_bytes}, {eta} left")
    }

    /// Of as many things as there are.
    pub(super) fn counting() -> Self {
        Self::with(ProgressBar::new_spinner(), "{spinner} {human_pos} so far, {elapsed}")
    }

    /// So many more are done.
    pub(super) fn more(&self, done: usize) {
        self.0.inc(wide(done));
    }

    /// Does something that writes to the terminal as well.
    pub(super) fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }

    /// Says a line to people.
    pub(super) fn note(&self, text: &str) {
        self.beside(|| output::note(text));
    }

    fn with(bar: ProgressBar, template: &str) -> Self {
        // A template that cannot be read would be a fault of ours, and the bar's own look is the honest rest.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Self(bar)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // What is said then stands on a line of its own.
        self.0.finish_and_clear();
    }
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_be_read() {
        for bar in [Progress::of(5), Progress::of_bytes(5), Progress::counting()] {
            bar.more(2);
            assert_eq!(bar.0.position(), 2);
        }
        for template in ["{wide_bar} {human_pos} of {human_len}, {eta} left", "{spinner} {human_pos} so far, {elapsed}"]
        {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
