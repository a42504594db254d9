//! Public keys, as bytes, as members of a JSON Web Key, and as a thumbprint.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use super::algorithm::Algorithm;
use crate::digest::Digest;

/// Bytes of an RSA modulus: 2048 bits, the least that RFC 7518 section 3.3 allows and what every library accepts.
pub const RSA_MODULUS_LENGTH: usize = 256;
/// The public exponent of every RSA key, 65537, as a member of a JSON Web Key.
pub(super) const RSA_EXPONENT: &str = "AQAB";

/// Why bytes are no key to verify with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a public key")]
pub struct EpochKeyError;

/// Names a public key, and so the epoch that it belongs to: the SHA-256 of its RFC 7638 form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; 32]);

impl KeyId {
    /// The name of no key: the key of an epoch that is over is not known any more, and equals none that is.
    #[cfg(feature = "authority")]
    pub(crate) const OF_NO_EPOCH: Self = Self([0; 32]);

    /// The `kid`: RFC 7638 thumbprint.
    pub(super) fn kid(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// The public half of an epoch's key. It may still be unusable: [`super::EpochKey`] is what was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// Ed25519 (RFC 8032 section 5.1.5).
    Ed25519([u8; 32]),
    /// P-256: the coordinates x and y, 32 bytes each, big-endian.
    P256([u8; 64]),
    /// RSA: the modulus, big-endian. The exponent is 65537.
    Rsa(Box<[u8; RSA_MODULUS_LENGTH]>),
}

impl PublicKey {
    /// Takes the bytes of a key of this algorithm.
    ///
    /// # Errors
    /// [`EpochKeyError`] when they are not as many as such a key has.
    pub fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, EpochKeyError> {
        match algorithm {
            Algorithm::EdDsa => bytes.try_into().map(Self::Ed25519),
            Algorithm::Es256 => bytes.try_into().map(Self::P256),
            Algorithm::Rs256 => bytes.try_into().map(|modulus| Self::Rsa(Box::new(modulus))),
        }
        .map_err(|_| EpochKeyError)
    }

    /// Its bytes: what [`PublicKey::from_bytes`] takes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(bytes) => bytes,
            Self::P256(bytes) => bytes,
            Self::Rsa(bytes) => bytes.as_slice(),
        }
    }

    /// The algorithm that it is for.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::EdDsa,
            Self::P256(_) => Algorithm::Es256,
            Self::Rsa(_) => Algorithm::Rs256,
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        // Writing these members cannot fail: they are texts.
        KeyId(Digest::of(&serde_json::to_vec(&self.members()).unwrap_or_default()).0)
    }

    /// Its members as a JSON Web Key.
    #[must_use]
    pub fn members(&self) -> KeyMembers<'static> {
        let text = |bytes: &[u8]| Some(Cow::Owned(URL_SAFE_NO_PAD.encode(bytes)));
        match self {
            Self::Ed25519(x) => KeyMembers { crv: Some("Ed25519"), kty: "OKP", x: text(x), ..KeyMembers::default() },
            Self::P256(point) => {
                let (x, y) = point.split_at(32);
                KeyMembers { crv: Some("P-256"), kty: "EC", x: text(x), y: text(y), ..KeyMembers::default() }
            }
            Self::Rsa(modulus) => KeyMembers {
                e: Some(Cow::Borrowed(RSA_EXPONENT)),
                kty: "RSA",
                n: text(modulus.as_slice()),
                ..KeyMembers::default()
            },
        }
    }

    /// Reads the members `e`, `n`, `x` and `y` of a key of this algorithm, strictly: no more of them and no fewer.
    ///
    /// # Errors
    /// [`EpochKeyError`].
    pub(crate) fn from_members(
        algorithm: Algorithm,
        e: Option<&str>,
        n: Option<&str>,
        x: Option<&str>,
        y: Option<&str>,
    ) -> Result<Self, EpochKeyError> {
        match (algorithm, e, n, x, y) {
            (Algorithm::EdDsa, None, None, Some(x), None) => decoded(x).map(Self::Ed25519),
            (Algorithm::Es256, None, None, Some(x), Some(y)) => {
                let (x, y): ([u8; 32], [u8; 32]) = (decoded(x)?, decoded(y)?);
                Self::from_bytes(algorithm, &[x, y].concat())
            }
            (Algorithm::Rs256, Some(RSA_EXPONENT), Some(n), None, None) => {
                decoded(n).map(|modulus| Self::Rsa(Box::new(modulus)))
            }
            _ => Err(EpochKeyError),
        }
    }
}

/// The members of a JSON Web Key that a thumbprint is made of, in the order of RFC 7638 section 3
/// (RFC 7518 sections 6.2 and 6.3, RFC 8037 section 2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KeyMembers<'a> {
    /// The curve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<&'static str>,
    /// The exponent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<Cow<'a, str>>,
    /// The kind of key.
    pub kty: &'static str,
    /// The modulus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<Cow<'a, str>>,
    /// The point, or its first coordinate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<Cow<'a, str>>,
    /// Its second coordinate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<Cow<'a, str>>,
}

/// Reads base64url of exactly so many bytes, without padding or trailing bits.
fn decoded<const N: usize>(text: &str) -> Result<[u8; N], EpochKeyError> {
    let mut bytes = [0; N];
    match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
        Ok(length) if length == N => Ok(bytes),
        _ => Err(EpochKeyError),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn kid(key: &PublicKey) -> String {
        key.id().kid()
    }

    #[test]
    fn the_thumbprint_of_an_okp_key_is_the_one_of_rfc_8037_appendix_a_3() {
        let x = decoded("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        assert_eq!(kid(&PublicKey::Ed25519(x)), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn the_thumbprint_of_an_rsa_key_is_the_one_of_rfc_7638_section_3_1() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = PublicKey::from_members(Algorithm::Rs256, Some("AQAB"), Some(n), None, None).unwrap();
        assert_eq!(kid(&key), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn the_members_of_an_ec_key_are_those_of_rfc_7518_section_6_2_1() {
        let coordinates =
            ["f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"];
        let [x, y] = coordinates.map(Some);
        let key = PublicKey::from_members(Algorithm::Es256, None, None, x, y).unwrap();
        let members = serde_json::to_value(key.members()).unwrap();
        let [x, y] = coordinates;
        assert_eq!(members, serde_json::json!({ "crv": "P-256", "kty": "EC", "x": x, "y": y }));
    }

    #[test]
    fn a_key_has_its_members_and_no_others() {
        let read = |algorithm, e, n, x, y| PublicKey::from_members(algorithm, e, n, x, y).is_ok();
        let coordinate = Some("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4");
        let modulus = "A".repeat(342);
        let modulus = Some(modulus.as_str());
        assert!(read(Algorithm::EdDsa, None, None, coordinate, None));
        assert!(read(Algorithm::Es256, None, None, coordinate, coordinate));
        assert!(read(Algorithm::Rs256, Some("AQAB"), modulus, None, None));
        assert!(!read(Algorithm::EdDsa, None, None, coordinate, coordinate));
        assert!(!read(Algorithm::EdDsa, None, modulus, coordinate, None));
        assert!(!read(Algorithm::Es256, None, None, coordinate, None));
        assert!(!read(Algorithm::Es256, Some("AQAB"), None, coordinate, coordinate));
        assert!(!read(Algorithm::Rs256, None, modulus, None, None));
        assert!(!read(Algorithm::Rs256, Some("Aw"), modulus, None, None));
        assert!(!read(Algorithm::Rs256, Some("AQAB"), coordinate, None, None));
        assert!(!read(Algorithm::Rs256, Some("AQAB"), modulus, coordinate, None));
    }
}
