//! The refusals of `refresh-tokens`, word for word those of the rules.

use jeton_policy::authority::{self as rules, DeleteError, EditError, IssueError, ListError, RotateError, ShowError};

use crate::bindings::exports::jeton::policy::refresh_tokens::{
    DeleteRefusal, Deletion, EditRefusal, IssueRefusal, ListRefusal, RotateRefusal, ShowRefusal, Sort, State,
};

same!(IssueError => IssueRefusal {
    NameEmpty NameTooLong NameHasControlCharacter NameHasOuterSpace
    NameTaken ExpiryInThePast ExpiryOutOfRange ExpiryBeyondParent
    ExpiryBeyondMaximum NeverNotAllowed TooManyScopes ScopeMalformed
    ScopesTooLong ScopeUnknown ScopeNotInCatalogue ScopeBeyondParent
    ScopeBeyondActor ParentMalformed ParentNotFound ParentEnded
    TooDeep DelegationNotAllowed OwnerMalformed AccessTtlOutOfRange
    AccessTtlBeyondSettings NotBeforeOutOfRange NetworkMalformed TooManyNetworks
    NetworkBeyondParent AudienceMalformed TooManyAudiences AudienceBeyondParent
    MaxExchangesOutOfRange IdempotencyKeyMalformed IdempotencyKeyReused ClockBehind
    Unavailable
});
same!(ShowError => ShowRefusal { NotFound Unavailable });
same!(ListError => ListRefusal {
    LimitOutOfRange NameTooLong OwnerMalformed ParentMalformed CursorInvalid Unavailable
});
same!(Sort => rules::Sort { Created Name Expires LastUsed });
same!(DeleteError => DeleteRefusal {
    TooMany ScopeBeyondActor OwnerMalformed OwnerNotFound JtiMalformed NoteTooLong NoteHasControlCharacter ReasonReserved Unavailable
});
same!(RotateError => RotateRefusal {
    NotFound NotActive GenerationDiffers ScopeBeyondActor
    OverlapOutOfRange OverlapNotOver ClockBehind Unavailable
});
same!(rules::Deletion => Deletion { Deleted AlreadyDeleted NotFound });
same!(rules::State => State { Active Disabled Expired Deleted });
same!(State => rules::State { Active Disabled Expired Deleted });

impl From<EditError> for EditRefusal {
    fn from(error: EditError) -> Self {
        match error {
            EditError::NotFound => Self::NotFound,
            EditError::Ended => Self::Ended,
            EditError::GenerationDiffers => Self::GenerationDiffers,
            EditError::ScopeBeyondActor => Self::ScopeBeyondActor,
            EditError::NoteTooLong => Self::NoteTooLong,
            EditError::NoteHasControlCharacter => Self::NoteHasControlCharacter,
            EditError::Invalid(rule) => Self::Invalid(rule.into()),
            EditError::ClockBehind => Self::ClockBehind,
            EditError::Unavailable => Self::Unavailable,
        }
    }
}
