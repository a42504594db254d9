//! Refusals in the words of the contract.

use jeton_runtime::wit::configuration::{ConfigureRefusal, SettingsRefusal};
use jeton_runtime::wit::epochs::{BeginRefusal, EpochRefusal};
use jeton_runtime::wit::exchange::{ExchangeRefusal, RevokeRefusal, TokenExchangeRefusal};
use jeton_runtime::wit::explanations::ExplainRefusal;
use jeton_runtime::wit::live::LiveRefusal;
use jeton_runtime::wit::refresh_tokens::{DeleteRefusal, EditRefusal, IssueRefusal, RotateRefusal, ShowRefusal};
use jeton_runtime::wit::transfer::{ExportRefusal, ImportRefusal};
use jeton_runtime::wit::upkeep::UpkeepRefusal;
use jeton_runtime::wit::verification::{IntrospectRefusal, LoadRefusal, Refusal};

/// A refusal of the contract.
pub(crate) trait Named {
    /// Its name in the contract.
    fn named(&self) -> &'static str;
}

macro_rules! named {
    ($($refusal:ty),* $(,)?) => {
        $(impl Named for $refusal {
            fn named(&self) -> &'static str {
                self.name()
            }
        })*
    };
}

named![
    BeginRefusal,
    ConfigureRefusal,
    DeleteRefusal,
    EpochRefusal,
    ExchangeRefusal,
    ExplainRefusal,
    ExportRefusal,
    ImportRefusal,
    IntrospectRefusal,
    IssueRefusal,
    LiveRefusal,
    LoadRefusal,
    Refusal,
    RevokeRefusal,
    RotateRefusal,
    SettingsRefusal,
    ShowRefusal,
    TokenExchangeRefusal,
    UpkeepRefusal,
];

impl Named for EditRefusal {
    fn named(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Ended => "ended",
            Self::GenerationDiffers => "generation-differs",
            Self::ScopeBeyondActor => "scope-beyond-actor",
            Self::NoteTooLong => "note-too-long",
            Self::NoteHasControlCharacter => "note-has-control-character",
            Self::Invalid(rule) => rule.named(),
            Self::ClockBehind => "clock-behind",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The name of a refusal.
#[allow(clippy::needless_pass_by_value, reason = "what maps errors hands them over")]
pub(crate) fn name_of(refusal: impl Named) -> String {
    refusal.named().to_owned()
}

/// Whether a refusal of this name is one of a house's own, beyond the rules of the contract.
pub(crate) fn is_house_rule(name: &str) -> bool {
    name.starts_with("house-rule")
}
