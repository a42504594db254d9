//! The algorithms that an epoch may sign with.

/// A signature algorithm. An epoch has one, chosen when it begins; no token has a say in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "authority", derive(minicbor::Encode, minicbor::Decode), cbor(index_only))]
pub enum Algorithm {
    /// Ed25519 (RFC 8037 section 3.1): the smallest and fastest.
    #[default]
    #[cfg_attr(feature = "authority", n(0))]
    EdDsa,
    /// ECDSA over P-256 with SHA-256 (RFC 7518 section 3.4).
    #[cfg_attr(feature = "authority", n(1))]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3) and a modulus of 2048 bits: what every library knows.
    #[cfg_attr(feature = "authority", n(2))]
    Rs256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// Its name as an `alg` (RFC 7518 section 3.1, RFC 8037 section 3.1).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The one of this `alg`, which is case-sensitive.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}
