//! Why an access token is dead or alive: by itself, or by its `jti` alone.

use super::{
    Cause, Death, ExplainError, Explanation,
    lives::{lineage_of, most_that_it_lives},
};
use crate::{
    access_token::{KeyId, NotOfThisEpoch, SignedToken, UnverifiedToken, claimed_jti},
    authority::{
        Authority, decoded,
        standing::{Standing, earlier},
    },
    digest::CutDigest,
    keys,
    life::{self, Dead},
    live::LiveSet,
    record::{Ending, Epoch, Stored as _},
    seconds::Seconds,
    store::{Freshness, Unavailable},
    token_id::{Jti, TokenId},
};

/// What is known of an access token.
struct Facts {
    client: TokenId,
    epoch: u64,
    jti: String,
    lineage: Vec<String>,
    signed: SignedToken,
}

/// A cut that an access token meets.
struct MetCut {
    id: String,
    at: Seconds,
    /// Whose act it was, where that is remembered beside the cut.
    ending: Option<Ending>,
}

impl Authority {
    /// By the token itself.
    pub(super) fn explain_access_token(&self, text: &str) -> Result<Explanation, ExplainError> {
        let [epoch] = self.read([keys::EPOCH.to_vec()])?;
        let Some((epoch, _)) = decoded::<Epoch>(epoch.as_ref()).map_err(Unavailable::from)? else {
            return Ok(Explanation::unknown());
        };
        let key = epoch.key().map_err(|_| Unavailable)?;
        let mut payload = Vec::new();
        let unverified = match UnverifiedToken::parse(text, &key) {
            Ok(unverified) => unverified,
            Err(NotOfThisEpoch::Malformed) => return Err(ExplainError::Malformed),
            // Its key is gone, so only what its `jti` tells can be looked up; one that claims this epoch is a forgery.
            Err(NotOfThisEpoch::OtherHeader) => {
                let jti = claimed_jti(text).filter(|jti| Jti::parse(jti).is_some_and(|jti| jti.epoch < epoch.number));
                let explained = jti.map(|jti| self.explain_jti(&jti)).transpose()?.flatten();
                return Ok(explained.unwrap_or_else(Explanation::unknown));
            }
        };
        let Ok((signed, claims)) = SignedToken::verify(unverified, &key, &mut payload) else {
            return Ok(Explanation::unknown());
        };
        let Some(client) = TokenId::parse(&claims.client_id) else { return Ok(Explanation::unknown()) };
        let standing = self.standing(self.clock.now(), client)?;
        let facts = Facts {
            client,
            epoch: epoch.number,
            jti: claims.jti.into_owned(),
            lineage: claims.lin.into_iter().map(std::borrow::Cow::into_owned).collect(),
            signed,
        };
        self.explain_facts(&standing, facts)
    }

    /// By the `jti` alone; `None`: nothing is known of its refresh token.
    pub(super) fn explain_jti(&self, text: &str) -> Result<Option<Explanation>, ExplainError> {
        let jti = Jti::parse(text).ok_or(ExplainError::Malformed)?;
        let standing = self.standing(self.clock.now(), jti.client)?;
        let (Some((record, _)), Some((epoch, _))) = (&standing.token, &standing.epoch) else { return Ok(None) };
        if jti.epoch > epoch.number {
            return Ok(Some(Explanation { jti: Some(text.to_owned()), ..Explanation::unknown() }));
        }
        let lineage = lineage_of(&standing, &jti);
        let chain = standing.chain(jti.client).filter_map(|(_, record)| record);
        let ends_with = chain.fold(None, |first, (record, _)| earlier(first, record.expires_at));
        let latest = jti.issued_at.plus(most_that_it_lives(&standing, record));
        let expires_at = earlier(Some(latest), ends_with).unwrap_or(latest);
        let is_of_this_epoch = jti.epoch == epoch.number;
        let key = epoch.key().map_err(|_| Unavailable)?;
        let signed_by = if is_of_this_epoch { key.id() } else { KeyId::OF_NO_EPOCH };
        let signed = SignedToken::reconstructed(signed_by, jti.issued_at, expires_at, text, &lineage);
        let facts = Facts { client: jti.client, epoch: jti.epoch, jti: text.to_owned(), lineage, signed };
        self.explain_facts(&standing, facts).map(Some)
    }

    fn explain_facts(&self, standing: &Standing, facts: Facts) -> Result<Explanation, ExplainError> {
        let Some((epoch, _)) = &standing.epoch else { return Ok(Explanation::unknown()) };
        let now = standing.time.now;
        let cuts = self.cuts_met(&facts)?;
        let key = epoch.key().map_err(|_| Unavailable)?;
        let live = LiveSet::of_store(epoch.number, key, now, cuts.iter().map(|cut| CutDigest::of(&cut.id)));
        let verdict = life::judge(&facts.signed, &live, now);
        let explanation = Explanation {
            jti: Some(facts.jti.clone()),
            issued_at: Some(facts.signed.issued_at()),
            expires_at: Some(facts.signed.expires_at()),
            ..Explanation::of(facts.client, self.explained_chain(standing, facts.client)?)
        };
        let dead = match verdict {
            Ok(()) => return Ok(explanation),
            Err(Dead::NotYetValid) => return Ok(explanation.dead_by(Death::by(Cause::NotYetValid))),
            Err(dead) => dead,
        };
        let death = Death::first(deaths(standing, epoch, &facts, &cuts)).unwrap_or_else(|| {
            Death::by(match dead {
                Dead::OtherEpoch => Cause::Epoch,
                Dead::NotYetValid => Cause::NotYetValid,
                Dead::Expired => Cause::Expired,
                Dead::Cut => Cause::Cut,
            })
        });
        let by_epoch = (death.cause == Cause::Epoch).then(|| epoch.clone());
        Ok(Explanation { epoch: by_epoch, ..explanation.dead_by(death) })
    }

    /// The cuts that are there of what a token descends from, in the epoch that it is of.
    fn cuts_met(&self, facts: &Facts) -> Result<Vec<MetCut>, Unavailable> {
        let ids = || core::iter::once(&facts.jti).chain(&facts.lineage);
        let wanted: Vec<_> = ids().map(|id| keys::cut(facts.epoch, CutDigest::of(id))).collect();
        let found = self.store.read(&wanted, Freshness::Latest)?.entries;
        let mut cuts = Vec::new();
        for (id, entry) in ids().zip(found) {
            let Some((at, _)) = decoded::<Seconds>(entry.as_ref())? else { continue };
            let [due] = self.read([keys::due(at, facts.epoch, CutDigest::of(id))])?;
            let remembered = due.filter(|due| !due.value.is_empty());
            let ending = remembered.map(|due| Ending::from_stored(&due.value)).transpose()?;
            cuts.push(MetCut { id: id.clone(), at, ending });
        }
        Ok(cuts)
    }
}

/// Everything that ended the token, each at its moment.
fn deaths(standing: &Standing, epoch: &Epoch, facts: &Facts, cuts: &[MetCut]) -> Vec<Death> {
    let mut deaths = Vec::new();
    let is_of = |lineage: crate::token_id::LineageId| facts.lineage.contains(&lineage.to_string());
    for (id, record) in standing.chain(facts.client) {
        let Some((record, _)) = record else { continue };
        let owner = record.owner.as_ref().and_then(|name| standing.owner(name).map(|(owner, _)| (name, owner)));
        if let Some((name, owner)) = owner {
            let ended = owner.past.iter().flatten().filter(|life| is_of(life.lineage));
            deaths.extend(ended.map(|life| Death::by_act(Cause::Cut, &life.ending, name.clone())));
        }
        let ended = record.past.iter().flatten().filter(|life| is_of(life.lineage)).map(|life| &life.ending);
        let ended = ended.chain(record.ending.iter().filter(|_| is_of(record.lineage)));
        deaths.extend(ended.map(|ending| Death::by_act(Cause::Cut, ending, id.to_string())));
    }
    // What no record remembers: single access tokens, and lives so long ago that they were forgotten.
    for cut in cuts {
        let told = deaths.iter().any(|death| death.at.is_some_and(|at| at <= cut.at));
        match &cut.ending {
            Some(ending) => deaths.push(Death::by_act(Cause::Cut, ending, cut.id.clone())),
            None if told => {}
            None => deaths.push(Death { at: Some(cut.at), ..Death::by(Cause::Cut) }),
        }
    }
    let expires_at = facts.signed.expires_at();
    if standing.time.now >= expires_at {
        let expired_with = standing.chain(facts.client).find(|(_, record)| {
            record.is_some_and(|(record, _)| record.expiry(&standing.settings) == Some(expires_at))
        });
        let link = expired_with.map_or_else(|| facts.jti.clone(), |(id, _)| id.to_string());
        deaths.push(Death::at(Cause::Expired, expires_at, link));
    }
    if facts.epoch != epoch.number {
        deaths.push(Death::at(Cause::Epoch, epoch.began_at, facts.epoch.to_string()));
    }
    deaths
}
