//! The native host of Jeton's policy.
//!
//! It runs the policy's two components in wasmtime and lends the authority a store, a clock, entropy and a root key. It
//! decides nothing: every verdict is the component's, and where there is none the answer is that nothing can be known.

pub mod artifacts;
pub mod audit;
mod authority;
mod bindings;
mod budget;
mod courtesy;
mod engine;
mod engine_config;
mod in_force;
mod instance;
mod lent;
mod live;
mod memory;
mod places;
mod policy;
mod pool;
pub mod sandbox;
mod verifier;
pub mod wit;

pub use authority::{Authority, AuthorityCall, CallError, Called, Class, PoolSizes, StartError};
pub use in_force::{InForce, PROBATION, Rollback, Standing};
pub use lent::{Clock, Entropy, EntropyError, Lent, RootKey};
pub use live::{Holding, Live, LiveDocument, LiveError, Publisher, Told};
pub use policy::{Member, Policy, PolicyError};
pub use verifier::{IntrospectError, Verifier, VerifyError};
