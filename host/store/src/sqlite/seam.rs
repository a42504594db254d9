//! Where this crate's tests let a group of commits fail. In a build that is not a test it does nothing.

#[cfg(not(test))]
#[derive(Default)]
pub(super) struct Seam {}

#[cfg(not(test))]
#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "only the test build has something to do here")]
impl Seam {
    /// Before each statement of a group.
    pub(super) fn step(&self) -> rusqlite::Result<()> {
        Ok(())
    }

    pub(super) fn before_commit(&self) -> rusqlite::Result<()> {
        Ok(())
    }

    pub(super) fn after_commit(&self) -> rusqlite::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[derive(Default)]
pub(super) struct Seam {
    pub(super) before: parking_lot::Mutex<Option<rusqlite::Error>>,
    pub(super) after: parking_lot::Mutex<Option<rusqlite::Error>>,
    /// What fails after that many further steps. Before and after COMMIT are steps too.
    pub(super) planned: parking_lot::Mutex<Option<(u64, rusqlite::Error)>>,
}

#[cfg(test)]
impl Seam {
    pub(super) fn step(&self) -> rusqlite::Result<()> {
        let mut planned = self.planned.lock();
        match planned.take() {
            Some((1, error)) => Err(error),
            Some((left, error)) => {
                *planned = Some((left.saturating_sub(1), error));
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(super) fn before_commit(&self) -> rusqlite::Result<()> {
        self.step()?;
        self.before.lock().take().map_or(Ok(()), Err)
    }

    pub(super) fn after_commit(&self) -> rusqlite::Result<()> {
        self.step()?;
        self.after.lock().take().map_or(Ok(()), Err)
    }
}
