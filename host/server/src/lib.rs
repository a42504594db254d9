//! Jeton's server and command line.
//!
//! | to change | go to |
//! | --- | --- |
//! | what happens at start and stop | [`serve`] |
//! | connections, TLS, limits | [`listen`] |
//! | introspection, forward-auth | [`hot`] |
//! | Envoy's ext_authz over gRPC | [`ext_authz`] |
//! | every other path | [`api`] |
//! | pages for people | [`console`] |
//! | commands | [`cli`], over [`client`] |
//! | people who sign in | [`accounts`], kept behind the [`fence`] |
//! | what the audit log is told, keeps and hands on | [`audit`] |
//! | options | [`config`] |
//! | logs, metrics | [`observe`] |
//! | what is told before it hurts, and where to | [`notices`] |
//! | when a refresh token was used last | [`uses`] |
//! | policies of a house's own | [`policy_files`], [`policy_orders`] |
//! | how many wait for changes of the live set | [`polls`] |

/// Gives back to the system what a flood of connections took. What is allocated in the C library stays taken for good.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod accounts;
pub mod algorithm;
pub mod api;
pub mod app;
pub mod audit;
pub mod cli;
pub mod client;
pub mod config;
pub mod console;
pub mod data_dir;
pub mod ext_authz;
pub mod fence;
pub mod hot;
pub mod listen;
pub mod local_socket;
pub mod notices;
pub mod observe;
pub mod policy_files;
pub mod policy_orders;
pub mod polls;
pub mod root_key_file;
pub mod secret_file;
pub mod serve;
pub mod sso;
pub mod uses;
