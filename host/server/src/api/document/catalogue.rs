//! Every refusal that the policy can give to an administrative call, so that the document tells all of them. A test compares the lists
//! with the contract in `wit/`.

use jeton_runtime::CallError;
use jeton_runtime::wit::configuration::SettingsRefusal;
use jeton_runtime::wit::epochs::EpochRefusal;
use jeton_runtime::wit::explanations::ExplainRefusal;
use jeton_runtime::wit::refresh_tokens::{
    DeleteRefusal, EditRefusal, IssueRefusal, ListRefusal, RotateRefusal, ShowRefusal,
};
use jeton_runtime::wit::transfer::{ExportRefusal, ImportRefusal};

use crate::api::refusals::Refusal;

/// A set of refusals of which all are known.
pub(super) trait Every: Refusal + 'static {
    /// As the contract calls it; empty where it is no part of that.
    #[cfg(test)]
    const NAME: &'static str;
    /// All of them.
    const ALL: &'static [Self];
}

macro_rules! every {
    ($refusal:ident, $name:literal: $($case:ident),+ $(,)?) => {
        impl Every for $refusal {
            #[cfg(test)]
            const NAME: &'static str = $name;
            const ALL: &'static [Self] = &[$(Self::$case),+];
        }
    };
}

every!(IssueRefusal, "issue-refusal":
    NameEmpty, NameTooLong, NameHasControlCharacter, NameHasOuterSpace, NameTaken, ExpiryInThePast, ExpiryOutOfRange,
    ExpiryBeyondParent, ExpiryBeyondMaximum, NeverNotAllowed, TooManyScopes, ScopeMalformed, ScopesTooLong, ScopeUnknown,
    ScopeNotInCatalogue, ScopeBeyondParent, ScopeBeyondActor, ParentMalformed, ParentNotFound, ParentEnded, TooDeep,
    DelegationNotAllowed, OwnerMalformed, AccessTtlOutOfRange, AccessTtlBeyondSettings, NotBeforeOutOfRange,
    NetworkMalformed, TooManyNetworks, NetworkBeyondParent, AudienceMalformed, TooManyAudiences, AudienceBeyondParent,
    MaxExchangesOutOfRange, IdempotencyKeyMalformed, IdempotencyKeyReused, HouseRuleOnName, HouseRuleOnExpiry, HouseRuleOnScopes, HouseRule, ClockBehind, Unavailable,
);
every!(ShowRefusal, "show-refusal": NotFound, Unavailable);
every!(ListRefusal, "list-refusal":
    LimitOutOfRange, NameTooLong, OwnerMalformed, ParentMalformed, CursorInvalid, Unavailable,
);
// What breaks a rule of issuing stands in that list.
every!(EditRefusal, "edit-refusal":
    NotFound, Ended, GenerationDiffers, ScopeBeyondActor, NoteTooLong, NoteHasControlCharacter, ClockBehind, Unavailable,
);
every!(RotateRefusal, "rotate-refusal":
    NotFound, NotActive, GenerationDiffers, ScopeBeyondActor, OverlapOutOfRange, OverlapNotOver, ClockBehind, Unavailable,
);
every!(DeleteRefusal, "delete-refusal":
    TooMany, ScopeBeyondActor, OwnerMalformed, OwnerNotFound, JtiMalformed, NoteTooLong, NoteHasControlCharacter,
    ReasonReserved, Unavailable,
);
every!(ExplainRefusal, "explain-refusal": Malformed, NotFound, Unavailable);
every!(SettingsRefusal, "settings-refusal":
    AccessTokenExpirationOutOfRange, AccessTokenMinimumOutOfRange, AccessTokenMaximumOutOfRange,
    AccessTokenBoundsContradict, RefreshTokenExpirationOutOfRange, RefreshTokenMaximumOutOfRange,
    RefreshTokenExpirationBeyondMaximum, ScopesMalformed, DelegationLevelsOutOfRange, TombstoneRetentionOutOfRange,
    GenerationDiffers, CursorInvalid, Unavailable,
);
every!(ExportRefusal, "export-refusal": LimitOutOfRange, CursorInvalid, Unavailable);
every!(ImportRefusal, "import-refusal": TooMany, ClockBehind, Unavailable);
every!(EpochRefusal, "epoch-refusal": NotBegun, Unavailable);
every!(CallError, "": Overloaded, Failed);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]
    use std::collections::BTreeSet;

    use wit_parser::{Resolve, TypeDefKind};

    use super::*;

    /// The cases of an enum or variant of the contract, without hyphens.
    fn contract(name: &str) -> BTreeSet<String> {
        let mut resolve = Resolve::default();
        resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit")).unwrap();
        let plain = |case: &str| case.replace('-', "");
        let kind = resolve.types.iter().map(|(_, of)| of).find(|of| of.name.as_deref() == Some(name)).unwrap();
        match &kind.kind {
            TypeDefKind::Enum(of) => of.cases.iter().map(|case| plain(&case.name)).collect(),
            TypeDefKind::Variant(of) => {
                of.cases.iter().filter(|case| case.ty.is_none()).map(|case| plain(&case.name)).collect()
            }
            other => panic!("{name} is {other:?}"),
        }
    }

    fn is_whole<R: Every + std::fmt::Debug>() {
        // An enum shows its case as `name: "..."`, a variant as its own name.
        let plain = |shown: String| {
            let name = shown.split_once("name: \"").map(|(_, rest)| rest.split('"').next().unwrap().replace('-', ""));
            name.unwrap_or_else(|| shown.rsplit("::").next().unwrap().to_lowercase())
        };
        let listed: BTreeSet<String> = R::ALL.iter().map(|case| plain(format!("{case:?}"))).collect();
        assert_eq!(listed, contract(R::NAME), "{}", R::NAME);
    }

    #[test]
    fn the_lists_are_those_of_the_contract() {
        is_whole::<IssueRefusal>();
        is_whole::<ShowRefusal>();
        is_whole::<ListRefusal>();
        is_whole::<EditRefusal>();
        is_whole::<RotateRefusal>();
        is_whole::<DeleteRefusal>();
        is_whole::<ExplainRefusal>();
        is_whole::<SettingsRefusal>();
        is_whole::<ExportRefusal>();
        is_whole::<ImportRefusal>();
        is_whole::<EpochRefusal>();
    }
}
