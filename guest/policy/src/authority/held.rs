//! Access tokens that a bearer hands to the authority: judged by the one rule, against the cuts in the store.

use super::{Authority, time::Time};
use crate::{
    access_token::{SignedToken, UnverifiedToken},
    keys, life,
    live::LiveSet,
    network::Networks,
    record::Epoch,
    seconds::Seconds,
    store::{Check, Freshness, Unavailable},
    token_id::Jti,
};

/// An access token that is alive.
pub(super) struct Held {
    pub(super) jti: Jti,
    pub(super) subject: String,
    pub(super) audience: String,
    pub(super) scope: String,
    pub(super) expires_at: Seconds,
    /// The lineage ids beside the `jti`, nearest first.
    pub(super) lineage: Vec<String>,
    pub(super) networks: Networks,
    /// What it is alive by, for the commit of an act that follows from that: none of its lineage is cut.
    pub(super) uncut: Vec<Check>,
}

impl Authority {
    /// Reads an access token that is alive by the one rule; `None` for anything else.
    pub(super) fn held(&self, token: &str, time: Time, epoch: &Epoch) -> Result<Option<Held>, Unavailable> {
        let key = epoch.key().map_err(|_| Unavailable)?;
        let mut payload = Vec::new();
        let Ok(unverified) = UnverifiedToken::parse(token, &key) else { return Ok(None) };
        let Ok((signed, claims)) = SignedToken::verify(unverified, &key, &mut payload) else { return Ok(None) };
        let wanted: Vec<_> = signed.lineage().iter().map(|digest| keys::cut(epoch.number, *digest)).collect();
        let held = self.store.read(&wanted, Freshness::Latest)?.entries;
        let cuts = signed.lineage().iter().zip(held).filter_map(|(digest, entry)| entry.map(|_| *digest));
        let live = LiveSet::of_store(epoch.number, key, time.now, cuts);
        if life::judge(&signed, &live, time.now).is_err() {
            return Ok(None);
        }
        let Some(jti) = Jti::parse(&claims.jti) else { return Ok(None) };
        Ok(Some(Held {
            jti,
            subject: claims.sub.into_owned(),
            audience: claims.aud.into_owned(),
            scope: claims.scope.into_owned(),
            expires_at: claims.exp,
            lineage: claims.lin.into_iter().map(std::borrow::Cow::into_owned).collect(),
            networks: signed.networks().clone(),
            uncut: wanted.into_iter().map(|key| Check { key, version: None }).collect(),
        }))
    }
}
