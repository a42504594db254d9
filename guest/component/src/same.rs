//! Words that the rules and the contract have in common.

/// One enum is another's under a second name: the rules' and the contract's, kept apart so that neither knows the other.
macro_rules! same {
    ($from:ty => $to:ty { $($word:ident)* }) => {
        impl From<$from> for $to {
            fn from(word: $from) -> Self {
                match word {
                    $(<$from>::$word => Self::$word,)*
                }
            }
        }
    };
}
