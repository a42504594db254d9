//! The algorithm of an epoch, under the one name that options, requests and answers have for it.

use jeton_runtime::wit::epochs;

/// What an epoch's access tokens are signed with: the `alg` of their header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
pub enum Algorithm {
    /// Ed25519: the smallest and fastest; the first epoch's, unless another is chosen
    #[value(name = "EdDSA")]
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA over P-256: for gateways without EdDSA
    #[value(name = "ES256")]
    #[serde(rename = "ES256")]
    Es256,
    /// RSA of 2048 bits: what everything knows; larger tokens, and slow to mint
    #[value(name = "RS256")]
    #[serde(rename = "RS256")]
    Rs256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// All of them, as a sentence lists them.
    pub const NAMES: &'static str = "`EdDSA`, `ES256` or `RS256`";

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

impl From<Algorithm> for epochs::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::EdDsa => Self::Eddsa,
            Algorithm::Es256 => Self::Es256,
            Algorithm::Rs256 => Self::Rs256,
        }
    }
}

impl From<epochs::Algorithm> for Algorithm {
    fn from(algorithm: epochs::Algorithm) -> Self {
        match algorithm {
            epochs::Algorithm::Eddsa => Self::EdDsa,
            epochs::Algorithm::Es256 => Self::Es256,
            epochs::Algorithm::Rs256 => Self::Rs256,
        }
    }
}
