//! Random histories against a model that keeps every access token and asks by walking whether it is alive.

use jeton_policy::{
    authority::{Actor, Boot, Exchanged, Expiry},
    seconds::Seconds,
};
use proptest::prelude::*;

use crate::world::{Issued, PLAIN, World};

#[derive(Debug, Clone)]
enum Step {
    Issue { parent: Option<prop::sample::Index>, owner: Option<u8>, expiry: Option<u16>, ttl: Option<u16> },
    Exchange(prop::sample::Index),
    Delete(prop::sample::Index),
    GiveBackRefresh(prop::sample::Index),
    GiveBackAccess(prop::sample::Index),
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
}

struct Access {
    refresh: usize,
    epoch: u32,
    expires_at: u64,
    revoked: bool,
}

impl Model {
    fn refresh_is_alive(&self, token: usize) -> bool {
        let refresh = &self.refresh[token];
        !refresh.ended
            && self.now < refresh.expires_at
            && refresh.parent.is_none_or(|parent| self.refresh_is_alive(parent))
    }

    fn access_is_alive(&self, token: usize) -> bool {
        let access = &self.access[token];
        !access.revoked
            && access.epoch == self.epoch
            && self.now < access.expires_at
            && self.refresh_is_alive(access.refresh)
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
                    model.refresh.push(Refresh { parent, expires_at, ttl: ttl.map(u64::from), ended: false });
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
                    model.access.push(Access { refresh: token, epoch: model.epoch, expires_at, revoked: false });
                    access.push(exchanged);
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
            Step::Exchange(_) | Step::Delete(_) | Step::GiveBackRefresh(_) | Step::GiveBackAccess(_) => {}
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
