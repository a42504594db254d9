//! The refusals of `refresh-tokens`, word for word those of the rules.

use jeton_policy::authority::{self as rules, DeleteError, IssueError, ListError, ShowError};

use crate::bindings::exports::jeton::policy::refresh_tokens::{
    DeleteRefusal, Deletion, IssueRefusal, ListRefusal, ShowRefusal, State,
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
same!(ListError => ListRefusal { LimitOutOfRange NameTooLong OwnerMalformed CursorInvalid Unavailable });
same!(DeleteError => DeleteRefusal { TooMany ScopeBeyondActor NoteTooLong NoteHasControlCharacter Unavailable });
same!(rules::Deletion => Deletion { Deleted AlreadyDeleted NotFound });
same!(rules::State => State { Active Disabled Expired Deleted });
same!(State => rules::State { Active Disabled Expired Deleted });
