//! The authority: everything that writes, and everything that mints.
//!
//! Every operation reads the clock first, then all that it needs in one consistent read, then decides. What it writes, it
//! writes in one commit that checks what it decided upon; a conflict begins it anew.

mod accept_clock;
mod actor;
mod check;
mod configuration;
mod cursor;
mod cuts;
mod delete;
mod edit;
mod ending;
mod epochs;
mod exchange;
mod explain;
mod feed;
mod found;
mod held;
mod idempotency;
mod index;
mod issue;
mod list;
mod members;
mod minting;
mod names;
mod own;
mod owner;
mod presentation;
mod preview;
mod revoke;
mod rotate;
mod settings;
mod show;
mod single_cut;
mod standing;
mod surroundings;
mod time;
mod token_exchange;
mod transfer;
mod upkeep;
mod uses;

use std::{cell::RefCell, rc::Rc};

pub use accept_clock::Accepted;
pub use actor::{ActingToken, Actor, ActorError};
pub use check::{Checked, check};
pub use configuration::{ConfigureError, MAX_ISSUER_LENGTH};
pub use cuts::{COMMIT_GUARD, MAX_CUTS_IN_BUCKET, MAX_JTI_CUTS};
pub use delete::{DeleteError, Deleted, Deletion, MAX_BATCH};
pub use edit::{Edit, EditError};
pub use epochs::{BeginError, Boot, EpochError};
pub use exchange::{ExchangeError, ExchangeRequest, Exchanged};
pub use explain::{Cause, ExplainError, Explanation, Subject};
pub use feed::{Change, FeedError, TakeSnapshot};
pub use idempotency::{MAX_KEY_LENGTH, REMEMBERED_FOR};
pub use issue::{IssueError, IssueRequest, Issued};
pub use list::{ListError, MAX_EXAMINED, MAX_PAGE, Query, Sort, Span, TokenPage};
pub use members::{
    AskedBindings, Expiry, LAST_EXPIRY, MAX_ACCESS_TTL, MAX_ANCESTORS, MAX_AUDIENCES, MAX_EXCHANGES, MAX_NAME_LENGTH,
    MAX_NOTE_LENGTH, MAX_OWNER_LENGTH,
};
pub use minting::MAX_AUDIENCE_LENGTH;
pub use presentation::{ROTATION_GRACE, SPENT_KEPT};
pub use preview::{MAX_FIRST, MAX_PREVIEWED, Preview};
pub use revoke::{Revocation, RevokeError};
pub use rotate::{MAX_OVERLAP, RotateError};
pub use settings::{
    ACCESS_TOKEN_EXPIRATION, MAX_CATALOGUE, MAX_CATALOGUE_LENGTH, REFRESH_TOKEN_EXPIRATION, SettingsChange,
    SettingsError, TOMBSTONE_RETENTION,
};
pub use show::{LastUse, ShowError, State, Token};
pub use time::{TOLERATED_STEP_BACK, Time};
pub use token_exchange::{TokenExchangeError, TokenExchangeRequest, TokenExchanged, TokenType};
pub use transfer::{ExportError, ExportedPage, ExportedToken, ImportError, Imported, MAX_IMPORTED};
pub use upkeep::{MAX_ENTOMBED, MAX_REMOVED, MAX_SWEPT, Swept};
pub use uses::{MAX_USES, USES_AT_STAKE, Use};

use crate::{
    access_token::EpochSigner,
    ports::{Clock, Entropy, RootKey},
    record::{RecordError, Stored},
    store::{Entry, Freshness, Store, Unavailable},
};

/// How often an operation begins anew when others keep changing what it decided upon.
const ATTEMPTS: u32 = 32;

/// The rules with what the host lends them.
pub struct Authority {
    store: Box<dyn Store>,
    clock: Box<dyn Clock>,
    entropy: Box<dyn Entropy>,
    root_key: Box<dyn RootKey>,
    /// The signer that was derived last: deriving costs about as much as signing.
    signer: RefCell<Option<Rc<EpochSigner>>>,
    /// The issuer, once it was read.
    issuer: RefCell<Option<String>>,
}

impl Authority {
    /// An authority over what the host lends.
    #[must_use]
    pub fn new(
        store: impl Store + 'static,
        clock: impl Clock + 'static,
        entropy: impl Entropy + 'static,
        root_key: impl RootKey + 'static,
    ) -> Self {
        Self {
            store: Box::new(store),
            clock: Box::new(clock),
            entropy: Box::new(entropy),
            root_key: Box::new(root_key),
            signer: RefCell::new(None),
            issuer: RefCell::new(None),
        }
    }

    /// Reads `N` keys of one moment.
    fn read<const N: usize>(&self, keys: [Vec<u8>; N]) -> Result<[Option<Entry>; N], Unavailable> {
        self.store.read(&keys, Freshness::Latest)?.entries.try_into().map_err(|_| Unavailable)
    }
}

impl core::fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("Authority")
    }
}

/// A damaged value is a store that cannot be asked: nothing is known, so nothing is granted.
impl From<RecordError> for Unavailable {
    fn from(RecordError: RecordError) -> Self {
        Self
    }
}

/// Reads a stored value with its version.
fn decoded<T: Stored>(entry: Option<&Entry>) -> Result<Option<(T, u64)>, RecordError> {
    entry.map(|entry| T::from_stored(&entry.value).map(|value| (value, entry.version))).transpose()
}
