//! Every order of an edit, or a rotation, and what else happens at the same time.

use jeton_policy::{
    authority::{Actor, Authority, Edit, EditError, State},
    record::Conduct,
    seconds::Seconds,
};

use crate::{
    stage::{orders, race},
    world::{Issued, PLAIN, World},
};

/// Operations of an exchange that rotates: clock, read, read again for what the record speaks of, the issuer, and commit.
const EXCHANGE: u32 = 5;
/// Operations of an edit or a rotation: clock, read, read again, what is beside the record, and commit.
const CHANGE: u32 = 5;

/// What is done to the token of an id.
type Act<'a> = dyn Fn(&Authority, &str) + Sync + 'a;

fn rename<'a>(id: &'a str, name: &'a str) -> impl FnOnce(&Authority) -> Result<u64, EditError> + Send + 'a {
    let edit = Edit { name: Some(name.to_owned()), ..Edit::default() };
    move |authority| authority.edit(&Actor::Machine, id, &edit, Some(1)).map(|token| token.generation)
}

#[test]
fn of_two_edits_for_the_same_generation_exactly_one_is_made_whatever_the_order() {
    let (mut first, mut second) = (0_u32, 0_u32);
    for schedule in orders([CHANGE, CHANGE]) {
        let world = World::new();
        let issued = world.issue(|_| ());
        let id = issued.token.id.to_string();
        let made = race(&world, rename(&id, "first"), rename(&id, "second"), &schedule);
        let shown = world.show(&issued);
        match made {
            (Ok(2), Err(EditError::GenerationDiffers)) => {
                first += 1;
                assert_eq!(shown.name, "first");
            }
            (Err(EditError::GenerationDiffers), Ok(2)) => {
                second += 1;
                assert_eq!(shown.name, "second");
            }
            other => panic!("{other:?} {schedule:?}"),
        }
        assert_eq!(shown.generation, 2);
    }
    assert!(first > 10 && second > 10, "the race was really run: {first} {second}");
}

#[test]
fn whatever_the_order_no_access_token_outlives_the_change_that_should_end_it() {
    let disable = Edit { enabled: Some(false), ..Edit::default() };
    let disable = |authority: &Authority, id: &str| {
        authority.edit(&Actor::Machine, id, &disable, None).unwrap();
    };
    let rotate = |authority: &Authority, id: &str| {
        authority.rotate(&Actor::Machine, id, Seconds(0), None).map(|_| ()).unwrap();
    };
    for act in [&disable as &Act<'_>, &rotate] {
        let mut minted = 0_u32;
        for schedule in orders([EXCHANGE, CHANGE]) {
            let world = World::new();
            let issued = world.issue(|request| request.conduct = Conduct { rotates_on_use: true, may_delegate: false });
            let id = issued.token.id.to_string();
            let exchange = |authority: &Authority| authority.exchange(&issued.secret, &PLAIN).ok();
            let (exchanged, ()) = race(&world, exchange, |authority| act(authority, &id), &schedule);
            if let Some(exchanged) = exchanged {
                minted += 1;
                assert!(world.verdict(&exchanged).is_err(), "{schedule:?}");
                assert!(world.authority.exchange(&exchanged.refresh_token.unwrap(), &PLAIN).is_err(), "{schedule:?}");
            }
            let ended = world.show(&issued).ending;
            assert_eq!(ended, None, "nobody is taken for a thief: {schedule:?}");
        }
        assert!(minted > 10, "the race was really run: {minted}");
    }
}

#[test]
fn whatever_the_order_switching_rotation_off_leaves_the_holder_with_a_secret_that_is_taken() {
    let (mut replaced, mut kept) = (0_u32, 0_u32);
    for schedule in orders([EXCHANGE, CHANGE]) {
        let world = World::new();
        let issued = world.issue(|request| request.conduct = Conduct { rotates_on_use: true, may_delegate: false });
        let id = issued.token.id.to_string();
        let exchange = |authority: &Authority| authority.exchange(&issued.secret, &PLAIN).unwrap().refresh_token;
        let edit = Edit { rotates_on_use: Some(false), ..Edit::default() };
        let switch = |authority: &Authority| authority.edit(&Actor::Machine, &id, &edit, None).map(|_| ()).unwrap();
        let (successor, ()) = race(&world, exchange, switch, &schedule);
        if successor.is_some() {
            replaced += 1
        } else {
            kept += 1
        }
        let secret = successor.unwrap_or_else(|| issued.secret.clone());
        for _ in 0..2 {
            world.exchange(&Issued { secret: secret.clone(), token: issued.token.clone() });
        }
        assert_eq!(world.show(&issued).state, State::Active, "{schedule:?}");
    }
    assert!(replaced > 10 && kept > 10, "the race was really run: {replaced} {kept}");
}

#[test]
fn whatever_the_order_a_rotation_with_an_overlap_leaves_the_holder_with_a_secret_that_is_taken() {
    let (mut replaced, mut kept) = (0_u32, 0_u32);
    for schedule in orders([EXCHANGE, CHANGE]) {
        let world = World::new();
        let issued = world.issue(|request| request.conduct = Conduct { rotates_on_use: true, may_delegate: false });
        let id = issued.token.id.to_string();
        let exchange = |authority: &Authority| authority.exchange(&issued.secret, &PLAIN).unwrap().refresh_token;
        let rotate = |authority: &Authority| {
            authority.rotate(&Actor::Machine, &id, Seconds(3_600), None).map(|issued| issued.secret.unwrap()).unwrap()
        };
        let (successor, ordered) = race(&world, exchange, rotate, &schedule);
        if successor.is_some() {
            replaced += 1
        } else {
            kept += 1
        }
        let held = successor.unwrap_or_else(|| issued.secret.clone());
        assert!(world.authority.exchange(&held, &PLAIN).is_ok(), "the holder knows no other: {schedule:?}");
        assert!(world.authority.exchange(&ordered, &PLAIN).is_ok(), "{schedule:?}");
        assert_eq!(world.show(&issued).state, State::Active, "{schedule:?}");
    }
    assert!(replaced > 10, "the race was really run: {replaced} {kept}");
}
