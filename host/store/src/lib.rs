//! Engines behind Jeton's store.
//!
//! | engine | for |
//! | --- | --- |
//! | [`SqliteStore`] | serving: one durable file, group commit, nothing else to run |
//! | [`SqliteReader`] | looking at a store or a backup as it stands, beside whoever serves it |
//! | [`MemoryStore`] | tests and embedders that need nothing to outlive the process |
//! | [`FaultyStore`] | tests: any engine, failing in a chosen way at a chosen operation |
//!
//! Each implements [`jeton_policy::store::Store`] and passes [`conformance`]; an engine written elsewhere can be held
//! to the same suite. What an engine tells of its commits goes to a [`CommitObserver`]. Each keeps an audit log, too ([`audit`]).
//!
//! ```
//! use jeton_policy::store::{Check, CommitError, Freshness, Store, Write};
//! use jeton_store::MemoryStore;
//!
//! let store = MemoryStore::new();
//! let absent = Check { key: b"k".to_vec(), version: None };
//! let write = Write { key: b"k".to_vec(), value: Some(b"v".to_vec()) };
//! let revision = store.commit(vec![absent.clone()], vec![write.clone()])?;
//! assert_eq!(store.commit(vec![absent], vec![write]), Err(CommitError::Conflict));
//! assert_eq!(store.read(&[b"k".to_vec()], Freshness::Latest)?.revision, revision);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod announced;
pub mod audit;
pub mod bounds;
pub mod conformance;
mod faulty;
mod memory;
mod observe;
mod range;
mod sqlite;

pub use faulty::{Fault, FaultyStore};
pub use memory::MemoryStore;
pub use observe::{CommitObserver, Committed};
pub use sqlite::{IntegrityError, OpenError, SqliteReader, SqliteStore, Statistics, back_up};
