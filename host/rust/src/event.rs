//! What a verifier tells whoever counts or logs.

use crate::Refusal;

/// Something happened. Told on the thread where it did; what listens must return soon.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A token was judged.
    Judged(Result<(), Refusal>),
    /// A live document was loaded.
    Loaded {
        /// The sequence that is held now.
        sequence: u64,
        /// The number of its epoch.
        epoch: u64,
        /// Whether it was the whole set, not a change.
        whole: bool,
    },
    /// The authority gave nothing that could be used. It is asked again; what is held counts until its lease is over.
    FeedFailed(&'a FeedError),
    /// This machine's clock differs from the authority's by so many seconds (positive: it is ahead), beyond what is tolerated. A clock
    /// that is behind revives nothing; one that is ahead ends tokens early. Told once, and again when it has changed by as much.
    ClockOff {
        /// Seconds.
        seconds: i64,
    },
    /// It does not differ any more.
    ClockRight,
}

/// Why a request to the authority gave nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// It was not reached, or the connection broke.
    #[error("the authority cannot be reached: {0}")]
    Unreachable(String),
    /// It did not answer within the lease.
    #[error("the authority did not answer in time")]
    TimedOut,
    /// The credential does not allow to wait (401, 403): the authority is asked once a second instead.
    #[error("the credential does not allow to wait for changes (status {0})")]
    NotAllowed(u16),
    /// It answered with another status than 200.
    #[error("the authority answered with status {0}")]
    Status(u16),
    /// Its answer is larger than any live document.
    #[error("the answer is larger than any live document")]
    TooLarge,
    /// Its answer is no live document.
    #[error("the answer is no live document")]
    Malformed,
    /// Its answer is older than what is held: of a past epoch, or of a lower sequence.
    #[error("the live document is older than what is held")]
    Older,
    /// Its answer comes from another authority than what is held.
    #[error("the live document is of another authority")]
    AnotherAuthority,
    /// Its answer leads on from something that is not held: everything is asked for.
    #[error("the live document leads on from something else than what is held")]
    Gap,
    /// The verifier component failed to load it.
    #[error("the verifier failed: {0}")]
    Fault(String),
}

impl From<jeton_policy::live::LoadError> for FeedError {
    fn from(refusal: jeton_policy::live::LoadError) -> Self {
        use jeton_policy::live::LoadError;
        match refusal {
            LoadError::Malformed => Self::Malformed,
            LoadError::AnotherAuthority => Self::AnotherAuthority,
            LoadError::Older => Self::Older,
            LoadError::Gap => Self::Gap,
        }
    }
}
