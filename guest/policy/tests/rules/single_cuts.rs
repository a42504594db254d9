//! An administrator ends one access token by its `jti`.

use jeton_policy::{
    authority::{Actor, COMMIT_GUARD, DeleteError, Deletion, MAX_JTI_CUTS, Subject},
    life::SKEW,
    record::Reason,
    scope::{ADMIN, READ},
    seconds::Seconds,
    token_id::Jti,
    verifier::Refusal,
};

use crate::world::{World, scopes};

fn end(world: &World, jti: &str) -> Result<Deletion, DeleteError> {
    world.authority.delete_access_token(&Actor::Machine, jti, Reason::Compromised, Some("in a log"))
}

#[test]
fn one_access_token_ends_by_its_jti_and_no_other() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let (one, other) = (world.exchange(&issued), world.exchange(&issued));
    assert_eq!(end(&world, &one.jti.to_string()), Ok(Deletion::Deleted));
    assert_eq!((world.verdict(&one), world.verdict(&other)), (Err(Refusal::Cut), Ok(())));
    assert_eq!(end(&world, &one.jti.to_string()), Ok(Deletion::AlreadyDeleted));
}

#[test]
fn what_cannot_be_alive_any_more_takes_no_cut() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let expired = world.exchange(&issued);
    world.clock.pass(900);
    assert_eq!(end(&world, &expired.jti.to_string()), Ok(Deletion::AlreadyDeleted), "expired");
    let of_the_past = world.exchange(&issued);
    world.authority.advance(&Actor::Machine, None).unwrap();
    assert_eq!(end(&world, &of_the_past.jti.to_string()), Ok(Deletion::AlreadyDeleted), "of an epoch that is over");
    let orphan = world.exchange(&issued);
    world.delete(&issued);
    assert_eq!(end(&world, &orphan.jti.to_string()), Ok(Deletion::AlreadyDeleted), "its refresh token ended");
    assert_eq!(world.verifier().live().unwrap().cuts(), 1, "that of the refresh token");
    let unknown = jeton_policy::token_id::Jti { client: jeton_policy::token_id::TokenId([7; 16]), ..orphan.jti };
    assert_eq!(end(&world, &unknown.to_string()), Ok(Deletion::NotFound));
    let never = jeton_policy::token_id::Jti { epoch: u64::MAX, ..orphan.jti };
    assert_eq!(end(&world, &never.to_string()), Ok(Deletion::NotFound));
    assert_eq!(end(&world, "junk"), Err(DeleteError::JtiMalformed));
}

#[test]
fn administrators_and_holders_share_the_room_of_a_refresh_token() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let bystander = world.exchange(&issued);
    for count in 0..MAX_JTI_CUTS {
        let token = world.exchange(&issued);
        if count % 2 == 0 {
            end(&world, &token.jti.to_string()).unwrap();
        } else {
            world.authority.revoke(&token.access_token).unwrap();
        }
    }
    assert_eq!(world.verdict(&bystander), Ok(()));
    assert_eq!(end(&world, &world.exchange(&issued).jti.to_string()), Ok(Deletion::Deleted));
    assert_eq!(world.verdict(&bystander), Err(Refusal::Cut), "its lineage was cut instead");
    assert_eq!(world.verdict(&world.exchange(&issued)), Ok(()), "and a new one begun");
}

#[test]
fn nobody_ends_the_access_token_of_a_scope_that_they_lack() {
    let world = World::new();
    let admin = world.exchange(&world.issue(|request| request.scopes = scopes(&[ADMIN])));
    let reader = Actor::token("0000000000000000000009", &scopes(&[READ])).unwrap();
    let jti = admin.jti.to_string();
    let by = |actor: &Actor, reason| world.authority.delete_access_token(actor, &jti, reason, None);
    assert_eq!(by(&reader, Reason::Deleted), Err(DeleteError::ScopeBeyondActor));
    assert_eq!(by(&Actor::Machine, Reason::ReuseDetected), Err(DeleteError::ReasonReserved));
    assert_eq!(world.verdict(&admin), Ok(()));
}

#[test]
fn one_of_a_later_time_than_any_can_have_was_never_minted_unless_its_epoch_is_over() {
    let world = World::new();
    let token = world.exchange(&world.issue(|_| ())).jti;
    let at = |seconds: u64| Jti { issued_at: Seconds(seconds), ..token }.to_string();
    let (now, skew) = (world.clock.seconds(), SKEW.0);
    assert_eq!(end(&world, &at(now + skew + 1)), Ok(Deletion::NotFound));
    assert_eq!(end(&world, &at(now + skew + 1_000)), Ok(Deletion::NotFound));
    assert_eq!(end(&world, &at(now + skew)), Ok(Deletion::Deleted), "as far as two honest clocks may differ");
    world.authority.advance(&Actor::Machine, None).unwrap();
    let over = at(now + 1_000);
    assert_eq!(end(&world, &over), Ok(Deletion::AlreadyDeleted), "minted by a clock that was wrong");
}

#[test]
fn a_lineage_cut_for_want_of_room_says_so_in_a_new_generation() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let before = world.show(&issued).generation;
    for _ in 0..MAX_JTI_CUTS {
        end(&world, &world.exchange(&issued).jti.to_string()).unwrap();
    }
    assert_eq!(world.show(&issued).generation, before, "single cuts change nothing of the refresh token");
    let (last, bystander) = (world.exchange(&issued), world.exchange(&issued));
    end(&world, &last.jti.to_string()).unwrap();
    assert_eq!(world.show(&issued).generation, before + 1);
    let explained = world.authority.explain(Subject::Jti(&bystander.jti.to_string())).unwrap();
    assert_eq!(explained.ending.map(|ending| ending.reason), Some(Reason::TooManyRevocations));
}

#[test]
fn the_room_of_a_refresh_token_is_had_again_once_its_cuts_are_no_longer_kept() {
    let world = World::new();
    let issued = world.issue(|_| ());
    for _ in 0..MAX_JTI_CUTS {
        end(&world, &world.exchange(&issued).jti.to_string()).unwrap();
    }
    world.clock.pass(900 + COMMIT_GUARD.0);
    let bystander = world.exchange(&issued);
    end(&world, &world.exchange(&issued).jti.to_string()).unwrap();
    assert_eq!(world.verdict(&bystander), Ok(()), "the lineage was not cut");
}
