//! How the vectors are made. Verdicts are written down by hand here; nothing asks the rules what they think.

mod algorithms;
mod forgeries;
mod lives;
mod networks;
mod times;

use std::borrow::Cow;

use anyhow::Context as _;
use jeton_policy::{
    access_token::{Algorithm, Claims, EpochKeyError, EpochSigner},
    digest::CutDigest,
    live::{Delta, EpochMember, Whole},
    seconds::Seconds,
};

use crate::{Case, Load, Vectors, Verdict};

/// When the good token was minted.
pub const MINTED: u64 = 1_800_000_000;
/// When it is dead of age.
pub const EXPIRY: u64 = MINTED + 900;
/// The issuer of all vectors.
pub const ISSUER: &str = "https://tokens.example";
/// The root key of all vectors.
const ROOT_KEY: [u8; 32] = *b"the root key of vectors, public.";
/// The epoch of the good token.
pub const EPOCH: u64 = MINTED - 1_000;
/// The sequence of the first live set.
pub const SEQUENCE: u64 = 40;

/// The `jti` of the good token.
pub const JTI: &str = "0000000000000000000001000000000000000000000200000000003";
/// The good token's refresh token.
pub const CLIENT: &str = "0000000000000000000001";
/// The life of the good token's refresh token.
pub const OWN_LINEAGE: &str = "OwnLineage000000000000";
/// The life of the good token's owner.
pub const OWNER_LINEAGE: &str = "OwnerLineage0000000000";
/// The life of the good token's parent.
pub const PARENT_LINEAGE: &str = "ParentLineage000000000";
/// The life of the good token's grandparent.
pub const GRANDPARENT_LINEAGE: &str = "GrandparentLineage0000";

/// All vectors.
///
/// # Errors
/// When a fixed key is unusable, which the first run would have shown.
pub fn vectors() -> anyhow::Result<Vectors> {
    let signer = Signer::of_epoch(EPOCH)?;
    let mut cases = Vec::new();
    times::add(&signer, &mut cases);
    forgeries::add(&signer, &mut cases)?;
    lives::add(&signer, &mut cases)?;
    algorithms::add(&mut cases)?;
    networks::add(&signer, &mut cases)?;
    Ok(Vectors {
        about: "Verdicts that every embedder of Jeton's verifier must give. Made by `cargo run -p jeton-vectors`; do not edit."
            .to_owned(),
        cases,
    })
}

/// An epoch's signer, and the live documents of its epoch.
pub struct Signer {
    number: u64,
    signer: EpochSigner,
}

impl Signer {
    /// The signer of the epoch of this number, with EdDSA.
    ///
    /// # Errors
    /// When a fixed key is unusable, which the first run would have shown.
    pub fn of_epoch(number: u64) -> anyhow::Result<Self> {
        Self::of(number, Algorithm::EdDsa)
    }

    fn of(number: u64, algorithm: Algorithm) -> anyhow::Result<Self> {
        let nonce = [7; 16];
        let (signer, _) = EpochSigner::begin(&ROOT_KEY, algorithm, number, nonce)
            .map_err(|EpochKeyError| EpochKeyError)
            .context("the fixed key")?;
        Ok(Self { number, signer })
    }

    /// A whole live set with these cuts, made when the good token was minted.
    #[must_use]
    pub fn whole(&self, sequence: u64, cuts: &[&str]) -> Whole<'_> {
        Whole {
            issuer: Cow::Borrowed(ISSUER),
            sequence,
            as_of: Seconds(MINTED),
            lease: Seconds(5),
            epoch: EpochMember {
                number: self.number,
                kid: Cow::Borrowed(self.signer.key().kid()),
                public_key: self.signer.public_key().clone(),
            },
            cuts: digests(cuts),
        }
    }

    /// The change from one sequence to another.
    #[must_use]
    pub fn delta(&self, base: u64, sequence: u64, cuts: &[&str], dropped: &[&str]) -> Delta {
        Delta {
            base,
            sequence,
            as_of: Seconds(MINTED),
            epoch_number: self.number,
            cuts: digests(cuts),
            dropped: digests(dropped),
        }
    }

    /// The good token.
    #[must_use]
    pub fn good(&self) -> String {
        self.signed(|_| ())
    }

    /// The good token with other claims.
    #[must_use]
    pub fn signed(&self, change: impl FnOnce(&mut Claims<'static>)) -> String {
        let mut claims = claims();
        change(&mut claims);
        self.signer.sign(&claims)
    }
}

fn claims() -> Claims<'static> {
    Claims {
        iss: Cow::Borrowed(ISSUER),
        aud: Cow::Borrowed(ISSUER),
        sub: Cow::Borrowed("alice"),
        client_id: Cow::Borrowed(CLIENT),
        iat: Seconds(MINTED),
        exp: Seconds(EXPIRY),
        jti: Cow::Borrowed(JTI),
        scope: Cow::Borrowed("orders:read orders:write"),
        lin: [OWN_LINEAGE, OWNER_LINEAGE, PARENT_LINEAGE, GRANDPARENT_LINEAGE].map(Cow::Borrowed).to_vec(),
        net: Vec::new(),
    }
}

fn digests(ids: &[&str]) -> Vec<CutDigest> {
    ids.iter().map(|id| CutDigest::of(id)).collect()
}

/// The good token's own verdict, spelled out.
fn accepted() -> Verdict {
    accepted_with("", "not-bound")
}

/// The same with more in the RFC 7662 answer, and what its networks say about the peer.
fn accepted_with(more: &str, network: &str) -> Verdict {
    Verdict::Accepted {
        introspection: format!(
            r#"{{"active":true,"scope":"orders:read orders:write","client_id":"{CLIENT}","sub":"alice","aud":"{ISSUER}","iss":"{ISSUER}","exp":{EXPIRY},"iat":{MINTED},"jti":"{JTI}",{more}"token_type":"Bearer"}}"#
        ),
        subject: "alice".to_owned(),
        client: CLIENT.to_owned(),
        scope: "orders:read orders:write".to_owned(),
        audience: ISSUER.to_owned(),
        expires_at: EXPIRY,
        network: network.to_owned(),
    }
}

fn refused(why: &str) -> Verdict {
    Verdict::Refused(why.to_owned())
}

fn load(document: impl Into<Vec<u8>>, gives: &str) -> Load {
    Load { document: String::from_utf8_lossy(&document.into()).into_owned(), gives: gives.to_owned() }
}

/// A case with one live set without cuts, judged a second after minting.
fn case(name: &str, signer: &Signer, token: String, verdict: Verdict) -> Case {
    Case {
        name: name.to_owned(),
        loads: vec![load(signer.whole(SEQUENCE, &[]).render(), "loaded")],
        token,
        now: MINTED + 1,
        held_for: 0,
        enforce_lease: false,
        peer: None,
        verdict,
    }
}
