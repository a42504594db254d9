//! Digests: what is kept of things that must not be kept.

use sha2::{Digest as _, Sha256};

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Whether both are the same, in a time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        constant_time_eq::constant_time_eq_32(&self.0, &other.0)
    }
}

impl core::fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("Digest(..)")
    }
}

/// Names a cut: SHA-256 of a lineage id as it stands in a token, cut to 16 bytes.
///
/// It tells a reader of the live set neither whose token it was nor why it was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CutDigest(pub [u8; 16]);

impl CutDigest {
    /// The digest of a lineage id or a `jti`, both as text.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = Digest::of(id.as_bytes()).0;
        Self([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_does_not_show_itself() {
        assert_eq!(format!("{:?}", Digest::of(b"secret")), "Digest(..)");
    }
}
