//! A store that fails, or changes under a call: whatever is acknowledged has happened, and nothing is half done.

use jeton_runtime::sandbox::Sandbox;
use jeton_runtime::wit::epochs::Boot;
use jeton_runtime::wit::exchange::{ExchangeRefusal, Revocation};
use jeton_store::Fault;

use crate::case::Case;
use crate::edge::Edge;
use crate::failure::{Failure, Verdict, must};
use crate::house::{House, Office};
use crate::refusal::{Named, name_of};
use crate::wish::{Refresh, Wish};

/// More conflicts than anybody goes on for.
const FOREVER: u64 = 1_000_000;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities("store-fails-in-exchange", "no access token out of a store that fails", |sandbox| {
            fails_in(sandbox, &EXCHANGE)
        }),
        Case::of_authorities("store-fails-in-issue", "no refresh token is told that is not in the store", |sandbox| {
            fails_in(sandbox, &ISSUE)
        }),
        Case::of_authorities("store-fails-in-delete", "no deletion is told that is not in the store", |sandbox| {
            fails_in(sandbox, &DELETE)
        }),
        Case::of_authorities("store-fails-in-revoke", "no revocation is told that is not in the store", |sandbox| {
            fails_in(sandbox, &GIVE_BACK)?;
            fails_in(sandbox, &REVOKE)
        }),
        Case::of_authorities("store-fails-in-advance", "no new epoch is told that is not in the store", |sandbox| {
            fails_in(sandbox, &ADVANCE)?;
            fails_in(sandbox, &BOOT)
        }),
        Case::of_authorities("store-fails-in-set", "no setting is told that is not in the store", |sandbox| {
            fails_in(sandbox, &SET)
        }),
        Case::of_authorities("store-fails-in-snapshot", "no live set is told that lacks a cut", |sandbox| {
            fails_in(sandbox, &SNAPSHOT)
        }),
        Case::of_authorities("store-conflict-in-issue", "an issue that meets a conflict tells the truth", |sandbox| {
            conflicts_in(sandbox, &ISSUE)
        }),
        Case::of_authorities(
            "store-conflict-in-delete",
            "a deletion that meets a conflict tells the truth",
            |sandbox| conflicts_in(sandbox, &DELETE),
        ),
        Case::of_authorities(
            "store-conflict-in-revoke",
            "a revocation that meets a conflict tells the truth",
            |sandbox| {
                conflicts_in(sandbox, &GIVE_BACK)?;
                conflicts_in(sandbox, &REVOKE)
            },
        ),
        Case::of_authorities(
            "store-conflict-in-advance",
            "an advance that meets a conflict tells the truth",
            |sandbox| {
                conflicts_in(sandbox, &ADVANCE)?;
                conflicts_in(sandbox, &BOOT)
            },
        ),
        Case::of_authorities(
            "store-conflict-in-set",
            "a change of settings that meets a conflict tells the truth",
            |sandbox| conflicts_in(sandbox, &SET),
        ),
    ]
}

/// What is there before an act.
struct Scene {
    issued: Refresh,
    token: String,
    /// A token that is dead already.
    cut: String,
}

impl Scene {
    fn set(house: &mut House<'_>) -> Result<Self, Failure> {
        let (issued, token) = house.pair(&Wish::new())?;
        let (_, cut) = house.pair(&Wish::new())?;
        house.revoke(&cut)?;
        Ok(Self { issued, token, cut })
    }
}

/// What the policy says of an act.
enum Told {
    /// It is done, and this came of it.
    Done(Vec<u8>),
    /// Nothing is known.
    Unavailable,
    /// Something else.
    Refused(String),
}

impl Told {
    fn of<T, R: Named>(answer: Result<T, R>, outcome: impl FnOnce(T) -> Vec<u8>) -> Self {
        match answer {
            Ok(done) => Self::Done(outcome(done)),
            Err(refusal) => match name_of(refusal) {
                name if name == "unavailable" => Self::Unavailable,
                name => Self::Refused(name),
            },
        }
    }
}

/// Something that an authority does, and what must be so once it says that it did.
struct Act {
    name: &'static str,
    act: fn(&mut Office, &Scene) -> Result<Told, Failure>,
    is_done: fn(&mut House<'_>, &Scene, &str) -> Verdict,
}

const EXCHANGE: Act = Act {
    name: "exchange",
    act: |office, scene| {
        Ok(Told::of(office.exchange(&scene.issued.secret, None)?, |minted| minted.access_token.into_bytes()))
    },
    is_done: |house, _, token| house.accepts(token, "a token that was minted while the store failed"),
};

const ISSUE: Act = Act {
    name: "issue",
    act: |office, scene| {
        let wish = Wish::new().under(&scene.issued).of("alice").ttl(1_000);
        Ok(Told::of(office.issue(&wish)?, |issued| issued.secret.clone().into_bytes()))
    },
    is_done: |house, _, secret| match house.office.exchange(secret, None)? {
        Ok(minted) => house.accepts(&minted.access_token, "a token of a refresh token that was issued"),
        Err(ExchangeRefusal::InvalidGrant) => Err(Failure::new("a refresh token was told that is not in the store")),
        Err(other) => Err(crate::house::refused("an exchange", other)),
    },
};

const DELETE: Act = Act {
    name: "delete",
    act: |office, scene| Ok(Told::of(office.delete(std::slice::from_ref(&scene.issued.token.id))?, |_| Vec::new())),
    is_done: |house, scene, _| {
        house.refuses(&scene.token, "a token whose deletion was acknowledged")?;
        house.mints_nothing(&scene.issued, "a refresh token whose deletion was acknowledged")
    },
};

const GIVE_BACK: Act = Act {
    name: "revoke",
    act: |office, scene| Ok(Told::of(office.revoke(&scene.issued.secret)?, |_| Vec::new())),
    is_done: DELETE.is_done,
};

const REVOKE: Act = Act {
    name: "revoke",
    act: |office, scene| {
        Ok(match office.revoke(&scene.token)? {
            // Where the first attempt was written although its answer was lost, there is nothing left to end.
            Ok(Revocation::AccessToken(_) | Revocation::Nothing) => Told::Done(Vec::new()),
            Ok(Revocation::RefreshToken(_)) => Told::Refused("the end of a refresh token".to_owned()),
            Err(refusal) => Told::of(Err::<(), _>(refusal), |()| Vec::new()),
        })
    },
    is_done: |house, scene, _| house.refuses(&scene.token, "a token whose revocation was acknowledged"),
};

const ADVANCE: Act = Act {
    name: "advance",
    act: |office, _| Ok(Told::of(office.advance()?, |_| Vec::new())),
    is_done: |house, scene, _| house.refuses(&scene.token, "a token of the epoch before one that was told"),
};

const BOOT: Act = Act {
    name: "begin",
    act: |office, _| {
        Ok(Told::of(office.ask("begin", |authority| authority.begin(Boot::Advance, None))?, |_| Vec::new()))
    },
    is_done: ADVANCE.is_done,
};

const SET: Act = Act {
    name: "set",
    act: |office, _| Ok(Told::of(office.set_ttl(1_234)?, |_| Vec::new())),
    is_done: |house, _, _| {
        let settings = house.office.ask("get", |authority| authority.settings())?;
        let seconds = settings.map(|settings| settings.access_token_expiration);
        must(matches!(seconds, Ok(1_234)), "a change of settings was told that is not in the store")
    },
};

const SNAPSHOT: Act = Act {
    name: "snapshot",
    act: |office, _| Ok(Told::of(office.ask("snapshot", |authority| authority.snapshot())?, |document| document)),
    is_done: |house, scene, document| {
        let mut edge = Edge::new(house.sandbox)?;
        edge.take(document.as_bytes())?;
        let now = house.now();
        edge.refuses(&scene.cut, now, "a revoked token, by a live set from a store that failed,")
    },
};

/// Lets the store fail in every way at every operation of an act.
fn fails_in(sandbox: &Sandbox, act: &Act) -> Verdict {
    let mut house = House::open(sandbox)?;
    let scene = Scene::set(&mut house)?;
    let before = house.ground.store.operations();
    (act.act)(&mut house.office, &scene)?;
    let operations = house.ground.store.operations() - before;
    for operation in 1..=operations {
        for fault in Fault::ALL {
            let mut house = House::open(sandbox)?;
            let scene = Scene::set(&mut house)?;
            house.ground.store.plan(operation, fault);
            tells_the_truth(&mut house, &scene, act)?;
        }
    }
    Ok(())
}

/// Lets the commits of an act meet conflicts, once or for ever.
fn conflicts_in(sandbox: &Sandbox, act: &Act) -> Verdict {
    for conflicts in [1, 2, FOREVER] {
        let mut house = House::open(sandbox)?;
        let scene = Scene::set(&mut house)?;
        house.ground.shelf().conflict(conflicts);
        tells_the_truth(&mut house, &scene, act)?;
    }
    Ok(())
}

/// Acts while something is wrong, and again when nothing is. What is acknowledged must be so, for another process too.
fn tells_the_truth(house: &mut House<'_>, scene: &Scene, act: &Act) -> Verdict {
    for again in [false, true] {
        let told = (act.act)(&mut house.office, scene)?;
        if !again {
            house.ground = house.ground.repaired();
            house.office = house.another()?;
        }
        match told {
            Told::Unavailable if !again => {}
            Told::Unavailable => {
                return Err(Failure::new(format!("`{}` was refused although the store worked again", act.name)));
            }
            Told::Done(outcome) => {
                return (act.is_done)(house, scene, &String::from_utf8_lossy(&outcome));
            }
            Told::Refused(why) => {
                let store = if again { "that had failed before" } else { "that failed" };
                return Err(Failure::new(format!("a store {store} in `{}` was told as `{why}`", act.name)));
            }
        }
    }
    Ok(())
}
