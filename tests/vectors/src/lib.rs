//! Verdicts that every embedder of the verifier must give.
//!
//! `verdicts.json` beside this crate holds live documents and cases. A runtime loads a case's documents into a fresh
//! verifier, in their order, then judges the token and compares. The file is made by `cargo run -p jeton-vectors` from a
//! fixed seed; a change of it is a change of the contract.

pub mod generate;
pub mod given;
pub mod native;
pub mod random;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The committed vectors.
pub const COMMITTED: &str = include_str!("../verdicts.json");

/// All vectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vectors {
    /// What this is, for whoever opens the file.
    pub about: String,
    /// The cases.
    pub cases: Vec<Case>,
}

/// A verdict to be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What holds, as a sentence.
    pub name: String,
    /// Live documents (the bodies of `GET /v1/live`), loaded one after another, each with what loading it must give.
    pub loads: Vec<Load>,
    /// The token presented.
    pub token: String,
    /// Unix time of the caller's clock.
    pub now: u64,
    /// Seconds since the live set was asked for.
    pub held_for: u64,
    /// Whether the lease binds.
    pub enforce_lease: bool,
    /// The address of who presents it. `None`: nobody knows.
    pub peer: Option<IpAddr>,
    /// What must be said.
    pub verdict: Verdict,
}

/// A live document to be loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// The document.
    pub document: String,
    /// `loaded`, or why it must be refused, in the words of the contract.
    pub gives: String,
}

/// What must be said about a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Accepted, with this RFC 7662 answer to the byte, and these header fields.
    Accepted {
        /// The RFC 7662 answer.
        introspection: String,
        /// The subject.
        subject: String,
        /// The client id.
        client: String,
        /// The scope.
        scope: String,
        /// The audience.
        audience: String,
        /// The `exp`.
        expires_at: u64,
        /// What its networks say about the peer, in the words of the contract.
        network: String,
    },
    /// Refused, in the words of the contract.
    Refused(String),
}

impl Vectors {
    /// Reads vectors.
    ///
    /// # Errors
    /// When the text is not of this form.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }
}
