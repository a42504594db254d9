//! How the vectors are made. Verdicts are written down by hand here; nothing asks the rules what they think.

mod algorithms;
mod claims;
mod documents;
mod forgeries;
mod headers;
mod lineages;
mod lives;
mod networks;
mod news;
mod odd_claims;
mod times;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jeton_policy::{
    access_token::{Algorithm, Claims, EpochKeyError, EpochSigner},
    digest::CutDigest,
    live::{Delta, EpochMember, Whole},
    seconds::Seconds,
};

use crate::{Case, Load, Vectors, Verdict};

/// When the good token was minted.
pub const MINTED: u64 = 1_800_000_000;
/// How long it lives.
const LIFE: u64 = 900;
/// When it is dead of age.
pub const EXPIRY: u64 = MINTED + LIFE;
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
    let mut cases = Vec::new();
    for topic in TOPICS {
        cases.extend(topic.cases(Stage::FIXED)?);
    }
    Ok(Vectors {
        about: "Verdicts that every embedder of Jeton's verifier must give. Made by `cargo run -p jeton-vectors`; do not edit."
            .to_owned(),
        cases,
    })
}

/// What the cases are about, in the order in which they stand in the file.
pub const TOPICS: [Topic; 11] = [
    Topic { name: "lives, clocks and leases", add: times::add },
    Topic { name: "the form of a token, its signature", add: forgeries::add },
    Topic { name: "headers", add: headers::add },
    Topic { name: "claims that are none", add: claims::add },
    Topic { name: "claims that are odd, and bounds", add: odd_claims::add },
    Topic { name: "cuts", add: lives::add },
    Topic { name: "lineages", add: lineages::add },
    Topic { name: "what is news, and what is not", add: news::add },
    Topic { name: "live documents", add: documents::add },
    Topic { name: "algorithms", add: algorithms::add },
    Topic { name: "networks", add: networks::add },
];

/// Cases that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Topic {
    /// What they are about.
    pub name: &'static str,
    add: fn(Stage, &mut Vec<Case>) -> anyhow::Result<()>,
}

impl Topic {
    /// Its cases, set at a time and in an epoch: they are the same cases on every stage.
    ///
    /// # Errors
    /// When a fixed key is unusable, which the first run would have shown.
    pub fn cases(&self, stage: Stage) -> anyhow::Result<Vec<Case>> {
        let mut cases = Vec::new();
        (self.add)(stage, &mut cases).with_context(|| self.name)?;
        Ok(cases)
    }
}

/// Where the cases are set. The committed ones are set where they always were; whoever has a clock that cannot be set moves the
/// cases to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// When the good token is minted.
    pub minted: u64,
    /// The number of its epoch. The keys are the same on every stage.
    pub epoch: u64,
}

impl Stage {
    /// Where the committed cases are set.
    pub const FIXED: Self = Self { minted: MINTED, epoch: EPOCH };

    /// When the good token is dead of age.
    fn expiry(self) -> u64 {
        self.minted.saturating_add(LIFE)
    }

    /// The signer of the epoch that is so many after the good token's.
    ///
    /// # Errors
    /// When a fixed key is unusable, which the first run would have shown.
    pub fn signer(self, after: i64, algorithm: Algorithm) -> anyhow::Result<Signer> {
        let key = EPOCH.checked_add_signed(after).context("an epoch before all time")?;
        let number = self.epoch.checked_add_signed(after).context("an epoch before all time")?;
        Ok(Signer { stage: self, number, signer: key_of(key, algorithm)? })
    }

    /// The signer of the good token's epoch, with EdDSA.
    fn own(self) -> anyhow::Result<Signer> {
        self.signer(0, Algorithm::EdDsa)
    }

    fn claims(self) -> Claims<'static> {
        Claims {
            iss: Cow::Borrowed(ISSUER),
            aud: Cow::Borrowed(ISSUER),
            sub: Cow::Borrowed("alice"),
            client_id: Cow::Borrowed(CLIENT),
            iat: Seconds(self.minted),
            exp: Seconds(self.expiry()),
            jti: Cow::Borrowed(JTI),
            scope: Cow::Borrowed("orders:read orders:write"),
            lin: [OWN_LINEAGE, OWNER_LINEAGE, PARENT_LINEAGE, GRANDPARENT_LINEAGE].map(Cow::Borrowed).to_vec(),
            net: Vec::new(),
        }
    }

    /// The good token's own verdict, spelled out.
    fn accepted(self) -> Verdict {
        accepted_as(&self.claims(), "not-bound")
    }
}

/// The key of an epoch. That of RSA takes a search of some hundred milliseconds, so each is made once.
fn key_of(number: u64, algorithm: Algorithm) -> anyhow::Result<Arc<EpochSigner>> {
    static MADE: Mutex<BTreeMap<(u64, &str), Arc<EpochSigner>>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(signer) = made.get(&(number, algorithm.name())) {
        return Ok(Arc::clone(signer));
    }
    let (signer, _) = EpochSigner::begin(&ROOT_KEY, algorithm, number, [7; 16])
        .map_err(|EpochKeyError| EpochKeyError)
        .context("the fixed key")?;
    let signer = Arc::new(signer);
    made.insert((number, algorithm.name()), Arc::clone(&signer));
    Ok(signer)
}

/// An epoch's signer, and the live documents of its epoch.
#[derive(Debug)]
pub struct Signer {
    stage: Stage,
    number: u64,
    signer: Arc<EpochSigner>,
}

impl Signer {
    /// The signer of the epoch of this number, with EdDSA, where the committed cases are set.
    ///
    /// # Errors
    /// When a fixed key is unusable, which the first run would have shown.
    pub fn of_epoch(number: u64) -> anyhow::Result<Self> {
        Ok(Self { stage: Stage::FIXED, number, signer: key_of(number, Algorithm::EdDsa)? })
    }

    /// A whole live set with these cuts, made when the good token was minted.
    #[must_use]
    pub fn whole(&self, sequence: u64, cuts: &[&str]) -> Whole<'_> {
        Whole {
            issuer: Cow::Borrowed(ISSUER),
            sequence,
            as_of: Seconds(self.stage.minted),
            lease: Seconds(5),
            epoch: EpochMember {
                number: self.number,
                kid: Cow::Borrowed(self.kid()),
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
            as_of: Seconds(self.stage.minted),
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
        let mut claims = self.stage.claims();
        change(&mut claims);
        self.signer.sign(&claims)
    }

    /// A token of any payload, validly signed.
    pub(crate) fn signed_payload(&self, payload: impl AsRef<[u8]>) -> String {
        self.signer.sign_payload(payload.as_ref())
    }

    /// A token of any two parts, as they stand in it, validly signed.
    fn signed_parts(&self, header: &str, payload: &str) -> String {
        let input = format!("{header}.{payload}");
        let signature = encoded(self.signer.sign_message(input.as_bytes()));
        format!("{input}.{signature}")
    }

    fn kid(&self) -> &str {
        self.signer.key().kid()
    }

    /// A case with one live set without cuts, judged a second after minting.
    fn case(&self, name: &str, token: String, verdict: Verdict) -> Case {
        Case {
            name: name.to_owned(),
            loads: vec![load(self.whole(SEQUENCE, &[]).render(), "loaded")],
            token,
            now: self.stage.minted.saturating_add(1),
            held_for: 0,
            enforce_lease: false,
            peer: None,
            verdict,
        }
    }
}

fn digests(ids: &[&str]) -> Vec<CutDigest> {
    ids.iter().map(|id| CutDigest::of(id)).collect()
}

/// What must be said of a token with these claims, none of which needs an escape in JSON.
fn accepted_as(claims: &Claims<'_>, network: &str) -> Verdict {
    let Claims { iss, aud, sub, client_id, iat, exp, jti, scope, lin: _, net } = claims;
    let quoted: Vec<String> = net.iter().map(|network| format!("\"{network}\"")).collect();
    let net = if net.is_empty() { String::new() } else { format!(r#""net":[{}],"#, quoted.join(",")) };
    Verdict::Accepted {
        introspection: format!(
            r#"{{"active":true,"scope":"{scope}","client_id":"{client_id}","sub":"{sub}","aud":"{aud}","iss":"{iss}","exp":{exp},"iat":{iat},"jti":"{jti}",{net}"token_type":"Bearer"}}"#
        ),
        subject: sub.to_string(),
        client: client_id.to_string(),
        scope: scope.to_string(),
        audience: aud.to_string(),
        expires_at: exp.0,
        network: network.to_owned(),
    }
}

fn refused(why: &str) -> Verdict {
    Verdict::Refused(why.to_owned())
}

fn load(document: impl Into<Vec<u8>>, gives: &str) -> Load {
    Load { document: String::from_utf8_lossy(&document.into()).into_owned(), gives: gives.to_owned() }
}

fn parts(token: &str) -> anyhow::Result<[&str; 3]> {
    token.split('.').collect::<Vec<_>>().try_into().map_err(|_| anyhow::anyhow!("a token has three parts"))
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decoded(text: &str) -> anyhow::Result<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).map_err(|error| anyhow::anyhow!("{error}"))
}

/// The text with another part; that part must stand in it.
fn replaced(text: &str, part: &str, other: &str) -> anyhow::Result<String> {
    anyhow::ensure!(text.contains(part), "`{part}` stands in `{text}`");
    Ok(text.replace(part, other))
}
