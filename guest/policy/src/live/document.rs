//! The live set as a document: the body of `GET /v1/live`.
//!
//! ```json
//! {"issuer":"http://127.0.0.1:8123","sequence":7,"base":null,"as_of":1790000000,"lease_seconds":5,
//!  "epoch":{"number":1790000000,"alg":"EdDSA","kid":"...","x":"..."},"cuts":["..."],"dropped":[]}
//! ```
//!
//! With ES256 the key has `x` and `y`, with RS256 `e` and `n` (RFC 7518 section 6). A change has the sequence that it starts from as `base`, of `epoch` the `number` alone, and neither issuer nor lease.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    access_token::{Algorithm, PublicKey},
    digest::CutDigest,
    object::{object, object_from_slice},
    seconds::Seconds,
};

/// How long an edge that is cut off may go by the live set that it holds.
pub const LEASE: Seconds = Seconds(5);
/// The most cuts of a live set. A revoke that would exceed it advances the epoch instead.
pub const MAX_CUTS: usize = 100_000;
/// The most bytes of a document: [`MAX_CUTS`] at 25 bytes each, and room for the rest.
pub const MAX_DOCUMENT: usize = 4 * 1024 * 1024;

/// Bytes are not a live document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a live document")]
pub struct DocumentError;

/// The epoch, as a whole document says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochMember<'a> {
    /// Its number.
    pub number: u64,
    /// RFC 7638 thumbprint of the public key.
    pub kid: Cow<'a, str>,
    /// The public key, which names the algorithm.
    pub public_key: PublicKey,
}

/// A whole live set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole<'a> {
    /// The authority.
    pub issuer: Cow<'a, str>,
    /// Its place in the order of live sets.
    pub sequence: u64,
    /// The authority's time.
    pub as_of: Seconds,
    /// How long an edge may go by it.
    pub lease: Seconds,
    /// The current epoch.
    pub epoch: EpochMember<'a>,
    /// All cuts.
    pub cuts: Vec<CutDigest>,
}

/// What changed between two live sets of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// The sequence that it starts from.
    pub base: u64,
    /// The sequence that it leads to.
    pub sequence: u64,
    /// The authority's time.
    pub as_of: Seconds,
    /// The epoch that both belong to.
    pub epoch_number: u64,
    /// Cuts that came.
    pub cuts: Vec<CutDigest>,
    /// Cuts that went, since nothing is left that they could hit.
    pub dropped: Vec<CutDigest>,
}

/// A document that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written<'a> {
    /// A whole one.
    Whole(Whole<'a>),
    /// A change.
    Delta(Delta),
}

impl<'a> Written<'a> {
    /// Reads a document strictly and within its bounds.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn parse(document: &'a [u8]) -> Result<Self, DocumentError> {
        if document.len() > MAX_DOCUMENT {
            return Err(DocumentError);
        }
        let json: Json<'a> = object_from_slice(document).map_err(|_| DocumentError)?;
        if json.cuts.len().max(json.dropped.len()) > MAX_CUTS {
            return Err(DocumentError);
        }
        match json {
            Json {
                issuer: Some(issuer),
                sequence,
                base: None,
                as_of,
                lease_seconds: Some(lease),
                epoch: EpochJson { number, alg: Some(alg), kid: Some(kid), e, n, x, y },
                cuts,
                dropped,
            } if dropped.is_empty() => {
                let algorithm = Algorithm::of_name(&alg).ok_or(DocumentError)?;
                let [e, n, x, y] = [&e, &n, &x, &y].map(Option::as_deref);
                let public_key = PublicKey::from_members(algorithm, e, n, x, y).map_err(|_| DocumentError)?;
                let epoch = EpochMember { number, kid, public_key };
                Ok(Self::Whole(Whole { issuer, sequence, as_of, lease, epoch, cuts: plain(cuts) }))
            }
            Json {
                issuer: None,
                sequence,
                base: Some(base),
                as_of,
                lease_seconds: None,
                epoch: EpochJson { number, alg: None, kid: None, e: None, n: None, x: None, y: None },
                cuts,
                dropped,
            } => Ok(Self::Delta(Delta {
                base,
                sequence,
                as_of,
                epoch_number: number,
                cuts: plain(cuts),
                dropped: plain(dropped),
            })),
            _ => Err(DocumentError),
        }
    }
}

impl Whole<'_> {
    /// The document.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let key = self.epoch.public_key.members();
        render(&Json {
            issuer: Some(Cow::Borrowed(&self.issuer)),
            sequence: self.sequence,
            base: None,
            as_of: self.as_of,
            lease_seconds: Some(self.lease),
            epoch: EpochJson {
                number: self.epoch.number,
                alg: Some(Cow::Borrowed(self.epoch.public_key.algorithm().name())),
                kid: Some(Cow::Borrowed(&self.epoch.kid)),
                e: key.e,
                n: key.n,
                x: key.x,
                y: key.y,
            },
            cuts: texts(&self.cuts),
            dropped: Vec::new(),
        })
    }
}

impl Delta {
    /// The document.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        render(&Json {
            issuer: None,
            sequence: self.sequence,
            base: Some(self.base),
            as_of: self.as_of,
            lease_seconds: None,
            epoch: EpochJson { number: self.epoch_number, ..EpochJson::default() },
            cuts: texts(&self.cuts),
            dropped: texts(&self.dropped),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Json<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    issuer: Option<Cow<'a, str>>,
    sequence: u64,
    base: Option<u64>,
    as_of: Seconds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease_seconds: Option<Seconds>,
    #[serde(borrow, deserialize_with = "object")]
    epoch: EpochJson<'a>,
    cuts: Vec<Bytes<16>>,
    dropped: Vec<Bytes<16>>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EpochJson<'a> {
    number: u64,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    alg: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    kid: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    e: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    n: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    x: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    y: Option<Cow<'a, str>>,
}

/// Bytes of a known length, base64url in JSON.
struct Bytes<const N: usize>([u8; N]);

impl<const N: usize> Serialize for Bytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        let mut bytes = [0; N];
        match URL_SAFE_NO_PAD.decode_slice(text.as_bytes(), &mut bytes) {
            Ok(length) if length == N => Ok(Self(bytes)),
            _ => Err(serde::de::Error::custom("not base64url of the right length")),
        }
    }
}

fn texts(cuts: &[CutDigest]) -> Vec<Bytes<16>> {
    cuts.iter().map(|cut| Bytes(cut.0)).collect()
}

fn plain(cuts: Vec<Bytes<16>>) -> Vec<CutDigest> {
    cuts.into_iter().map(|cut| CutDigest(cut.0)).collect()
}

/// Writing these members cannot fail: there are no maps with odd keys. An empty document would be refused by every reader.
fn render(json: &Json<'_>) -> Vec<u8> {
    serde_json::to_vec(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(cuts: usize, dropped: usize) -> Vec<u8> {
        let some = |count| vec![CutDigest([7; 16]); count];
        Delta { base: 1, sequence: 2, as_of: Seconds(3), epoch_number: 4, cuts: some(cuts), dropped: some(dropped) }
            .render()
    }

    fn is_read(document: &[u8]) -> bool {
        Written::parse(document).is_ok()
    }

    #[test]
    fn a_document_has_as_many_cuts_as_it_may_have_and_not_one_more() {
        assert!(is_read(&delta(MAX_CUTS, 0)));
        assert!(is_read(&delta(0, MAX_CUTS)));
        assert!(!is_read(&delta(MAX_CUTS + 1, 0)));
        assert!(!is_read(&delta(0, MAX_CUTS + 1)));
    }

    #[test]
    fn a_document_has_as_many_bytes_as_it_may_have_and_not_one_more() {
        let mut document = delta(1, 1);
        document.resize(MAX_DOCUMENT, b' ');
        assert!(is_read(&document));
        document.push(b' ');
        assert!(!is_read(&document));
    }

    #[test]
    fn a_whole_document_has_dropped_nothing() {
        let key = PublicKey::Ed25519([9; 32]);
        let epoch = EpochMember { number: 4, kid: Cow::Borrowed("kid"), public_key: key };
        let issuer = Cow::Borrowed("https://tokens.example");
        let whole = Whole { issuer, sequence: 2, as_of: Seconds(3), lease: LEASE, epoch, cuts: Vec::new() };
        let document = String::from_utf8_lossy(&whole.render()).into_owned();
        assert!(is_read(document.as_bytes()));
        let dropping = document.replace(r#""dropped":[]"#, r#""dropped":["BwcHBwcHBwcHBwcHBwcHBw"]"#);
        assert_ne!(document, dropping);
        assert!(!is_read(dropping.as_bytes()));
    }

    #[test]
    fn a_cut_of_another_length_is_no_cut() {
        let document = String::from_utf8_lossy(&delta(1, 0)).into_owned();
        for bytes in [15, 17] {
            let other = URL_SAFE_NO_PAD.encode(vec![7; bytes]);
            assert!(!is_read(document.replace("BwcHBwcHBwcHBwcHBwcHBw", &other).as_bytes()), "{bytes} bytes");
        }
    }
}
