//! Random histories against a model that keeps every access token and asks by walking whether it is alive.

use jeton_policy::{
    authority::{Actor, Boot, Edit, Exchanged, Expiry},
    seconds::Seconds,
};
use proptest::prelude::*;
use zeroize::Zeroizing;

use crate::world::{Issued, PLAIN, World};

#[derive(Debug, Clone)]
enum Step {
    Issue { parent: Option<prop::sample::Index>, owner: Option<u8>, expiry: Option<u16>, ttl: Option<u16> },
    Exchange(prop::sample::Index),
    Delete(prop::sample::Index),
    GiveBackRefresh(prop::sample::Index),
    GiveBackAccess(prop::sample::Index),
    Switch { token: prop::sample::Index, on: bool },
    PutOff { token: prop::sample::Index, by: u16 },
    Rotate { token: prop::sample::Index, overlap: u16 },
    Advance,
    Restart { resume: bool },
    Setting(u16),
    Pass(u16),
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let any_index = any::<prop::sample::Index>;
    prop_oneof![
        3 => (prop::option::of(any_index()), prop::option::of(0..3_u8), prop::option::of(1..2_000_u16), prop::option::of(1..2_000_u16))
            .prop_map(|(parent, owner, expiry, ttl)| Step::Issue { parent, owner, expiry, ttl }),
        6 => any_index().prop_map(Step::Exchange),
        2 => any_index().prop_map(Step::Delete),
        1 => any_index().prop_map(Step::GiveBackRefresh),
        2 => any_index().prop_map(Step::GiveBackAccess),
        2 => (any_index(), any::<bool>()).prop_map(|(token, on)| Step::Switch { token, on }),
        1 => (any_index(), 1..2_000_u16).prop_map(|(token, by)| Step::PutOff { token, by }),
        1 => (any_index(), prop_oneof![Just(0_u16), 1..900_u16]).prop_map(|(token, overlap)| Step::Rotate { token, overlap }),
        1 => Just(Step::Advance),
        1 => any::<bool>().prop_map(|resume| Step::Restart { resume }),
        1 => (1..2_000_u16).prop_map(Step::Setting),
        3 => (0..700_u16).prop_map(Step::Pass),
        2 => Just(Step::Sweep),
    ]
}

/// The model: as slow and as plain as can be.
#[derive(Default)]
struct Model {
    refresh: Vec<Refresh>,
    access: Vec<Access>,
    epoch: u32,
    now: u64,
    ttl: u64,
}

struct Refresh {
    parent: Option<usize>,
    expires_at: u64,
    ttl: Option<u64>,
    ended: bool,
    disabled: bool,
    /// How often everything that it gave out was ended.
    lives: u32,
    /// The secret before its last rotation, and until when that is taken.
    superseded: Option<(Zeroizing<String>, u64)>,
}

struct Access {
    /// What it descends from, and the life of each that it was minted in.
    lineage: Vec<(usize, u32)>,
    epoch: u32,
    expires_at: u64,
    revoked: bool,
}

impl Model {
    /// A refresh token and all above it.
    fn chain(&self, token: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(token), |one| self.refresh[*one].parent)
    }

    fn has_ended(&self, token: usize) -> bool {
        self.chain(token).any(|one| self.refresh[one].ended)
    }

    fn has_expired(&self, token: usize) -> bool {
        self.chain(token).any(|one| self.now >= self.refresh[one].expires_at)
    }

    fn refresh_is_alive(&self, token: usize) -> bool {
        !self.has_ended(token) && !self.has_expired(token) && !self.chain(token).any(|one| self.refresh[one].disabled)
    }

    fn access_is_alive(&self, token: usize) -> bool {
        let access = &self.access[token];
        let goes_on = |(one, life): &(usize, u32)| !self.refresh[*one].ended && self.refresh[*one].lives == *life;
        !access.revoked
            && access.epoch == self.epoch
            && self.now < access.expires_at
            && access.lineage.iter().all(goes_on)
    }

    fn earliest_expiry(&self, token: usize) -> u64 {
        let refresh = &self.refresh[token];
        refresh.parent.map_or(refresh.expires_at, |parent| refresh.expires_at.min(self.earliest_expiry(parent)))
    }
}

fn run(steps: Vec<Step>) {
    let mut world = World::new();
    let mut model = Model { now: world.clock.seconds(), ttl: 900, ..Model::default() };
    let (mut refresh, mut access): (Vec<Issued>, Vec<Exchanged>) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Issue { parent, owner, expiry, ttl } => {
                let parent = parent.filter(|_| !refresh.is_empty()).map(|index| index.index(refresh.len()));
                let mut request = crate::world::request();
                request.parent = parent.map(|parent| refresh[parent].token.id.to_string());
                request.owner = owner.map(|owner| format!("owner-{owner}"));
                request.access_ttl = ttl.map(|ttl| Seconds(ttl.into()));
                let room = parent.map_or(u64::MAX, |parent| model.earliest_expiry(parent));
                let asked = expiry.map(|expiry| model.now + u64::from(expiry)).filter(|asked| *asked <= room);
                request.expiry = asked.map_or(Expiry::BySetting, |at| Expiry::At(Seconds(at)));
                let issued = world.authority.issue(&Actor::Machine, &request);
                let depth = std::iter::successors(parent, |one| model.refresh[*one].parent).count();
                let allowed = parent.is_none_or(|parent| model.refresh_is_alive(parent)) && depth <= 8;
                assert_eq!(issued.is_ok(), allowed);
                if let Ok(issued) = issued {
                    let expires_at = asked.unwrap_or((model.now + 90 * 86_400).min(room));
                    assert_eq!(issued.token.expires_at, Some(Seconds(expires_at)));
                    model.refresh.push(Refresh {
                        parent,
                        expires_at,
                        ttl: ttl.map(u64::from),
                        ended: false,
                        disabled: false,
                        lives: 0,
                        superseded: None,
                    });
                    refresh.push(Issued::of(issued));
                }
            }
            Step::Exchange(index) if !refresh.is_empty() => {
                let token = index.index(refresh.len());
                let exchanged = world.authority.exchange(&refresh[token].secret, &PLAIN);
                assert_eq!(exchanged.is_ok(), model.refresh_is_alive(token));
                if let Ok(exchanged) = exchanged {
                    let ttl = model.refresh[token].ttl.unwrap_or(model.ttl);
                    let expires_at = (model.now + ttl).min(model.earliest_expiry(token));
                    assert_eq!(exchanged.expires_in, Seconds(expires_at - model.now));
                    let lineage = model.chain(token).map(|one| (one, model.refresh[one].lives)).collect();
                    model.access.push(Access { lineage, epoch: model.epoch, expires_at, revoked: false });
                    access.push(exchanged);
                }
                if let Some((old, until)) = &model.refresh[token].superseded {
                    let by_old = world.authority.exchange(old, &PLAIN);
                    let taken = model.now < *until && model.refresh_is_alive(token);
                    assert_eq!(by_old.is_ok(), taken);
                    assert!(by_old.is_ok_and(|one| one.expires_in.0 <= until - model.now) == taken);
                }
            }
            Step::Delete(index) if !refresh.is_empty() => {
                let token = index.index(refresh.len());
                world.delete(&refresh[token]);
                model.refresh[token].ended = true;
            }
            Step::GiveBackRefresh(index) if !refresh.is_empty() => {
                let token = index.index(refresh.len());
                world.authority.revoke(&refresh[token].secret).unwrap();
                model.refresh[token].ended = true;
            }
            Step::GiveBackAccess(index) if !access.is_empty() => {
                let token = index.index(access.len());
                world.authority.revoke(&access[token].access_token).unwrap();
                model.access[token].revoked = true;
            }
            Step::Switch { token, on } if !refresh.is_empty() => {
                let token = token.index(refresh.len());
                let edit = Edit { enabled: Some(on), ..Edit::default() };
                let edited = world.authority.edit(&Actor::Machine, &refresh[token].token.id.to_string(), &edit, None);
                assert_eq!(edited.is_ok(), !model.has_ended(token));
                if edited.is_ok() {
                    let refresh = &mut model.refresh[token];
                    refresh.lives += u32::from(!on && !refresh.disabled);
                    refresh.disabled = !on;
                }
            }
            Step::PutOff { token, by } if !refresh.is_empty() => {
                let token = token.index(refresh.len());
                let at = model.now + u64::from(by);
                let edit = Edit { expiry: Some(Expiry::At(Seconds(at))), ..Edit::default() };
                let edited = world.authority.edit(&Actor::Machine, &refresh[token].token.id.to_string(), &edit, None);
                let room = model.refresh[token].parent.map_or(u64::MAX, |parent| model.earliest_expiry(parent));
                let stays = at == model.refresh[token].expires_at;
                assert_eq!(edited.is_ok(), !model.has_ended(token) && (at <= room || stays));
                if edited.is_ok() {
                    let refresh = &mut model.refresh[token];
                    refresh.lives += u32::from(at < refresh.expires_at);
                    refresh.expires_at = at;
                }
            }
            Step::Rotate { token, overlap } if !refresh.is_empty() => {
                let token = token.index(refresh.len());
                let id = refresh[token].token.id.to_string();
                let rotated = world.authority.rotate(&Actor::Machine, &id, Seconds(overlap.into()), None);
                let overlaps = model.refresh[token].superseded.as_ref().is_some_and(|(_, until)| model.now < *until);
                let stands = !model.has_ended(token) && !model.has_expired(token);
                assert_eq!(rotated.is_ok(), stands && (overlap == 0 || !overlaps));
                if let Ok(rotated) = rotated {
                    let new = Issued::of(rotated);
                    let old = std::mem::replace(&mut refresh[token], new).secret;
                    model.refresh[token].lives += u32::from(overlap == 0);
                    model.refresh[token].superseded = Some((old, model.now + u64::from(overlap)));
                }
            }
            Step::Advance => {
                world.authority.advance(&Actor::Machine, None).unwrap();
                model.epoch += 1;
            }
            Step::Restart { resume } => {
                world.authority = world.another([1; 32]);
                world.authority.begin(if resume { Boot::Resume } else { Boot::Advance }, None).unwrap();
                model.epoch += u32::from(!resume);
            }
            Step::Setting(seconds) => {
                world.set(|change| change.access_token_expiration = Some(Seconds(seconds.into())));
                model.ttl = seconds.into();
            }
            Step::Pass(seconds) => {
                world.clock.pass(seconds.into());
                model.now += u64::from(seconds);
            }
            Step::Sweep => while world.authority.sweep().unwrap().more {},
            Step::Exchange(_)
            | Step::Delete(_)
            | Step::GiveBackRefresh(_)
            | Step::GiveBackAccess(_)
            | Step::Switch { .. }
            | Step::PutOff { .. }
            | Step::Rotate { .. } => {}
        }
        let mut verifier = world.verifier();
        for (token, exchanged) in access.iter().enumerate() {
            let is_alive = verifier.verify(&exchanged.access_token, world.now()).is_ok();
            assert_eq!(is_alive, model.access_is_alive(token), "access token {token}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_verdict_is_the_models(steps in prop::collection::vec(step(), 1..80)) {
        run(steps);
    }
}
