//! Where this crate's tests let a commit fail. In a build that is not a test it does nothing.

#[cfg(not(test))]
#[derive(Default)]
pub(super) struct Seam {}

#[cfg(not(test))]
#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "only the test build has something to do here")]
impl Seam {
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
}

#[cfg(test)]
impl Seam {
    pub(super) fn before_commit(&self) -> rusqlite::Result<()> {
        self.before.lock().take().map_or(Ok(()), Err)
    }

    pub(super) fn after_commit(&self) -> rusqlite::Result<()> {
        self.after.lock().take().map_or(Ok(()), Err)
    }
}
