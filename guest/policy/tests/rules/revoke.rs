//! Bearers give back what they hold.

use jeton_policy::{
    authority::{Actor, MAX_JTI_CUTS, Revocation, State},
    record::Reason,
    refresh_token::RefreshToken,
    verifier::Refusal,
};

use crate::world::{PLAIN, World};

#[test]
fn the_bearer_of_a_refresh_token_ends_it_and_all_below_it() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let below = world.exchange(&world.child_of(&issued));
    assert_eq!(world.authority.revoke(&issued.secret).unwrap(), Revocation::RefreshToken(issued.token.id));
    assert_eq!(world.verdict(&below), Err(Refusal::Cut));
    let token = world.authority.show(&issued.token.id.to_string()).unwrap();
    let ending = token.ending.unwrap();
    assert_eq!((token.state, ending.by.as_str(), ending.reason), (State::Deleted, "holder", Reason::RevokedByHolder));
    assert_eq!(world.authority.revoke(&issued.secret).unwrap(), Revocation::Nothing);
}

#[test]
fn the_bearer_of_an_access_token_ends_that_one_alone() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let (one, other) = (world.exchange(&issued), world.exchange(&issued));
    let revoked = world.authority.revoke(&one.access_token).unwrap();
    assert_eq!(revoked, Revocation::AccessToken(one.jti.to_string()));
    assert_eq!(world.verdict(&one), Err(Refusal::Cut));
    assert_eq!(world.verdict(&other), Ok(()));
    assert_eq!(world.authority.revoke(&one.access_token).unwrap(), Revocation::Nothing);
}

#[test]
fn what_is_not_held_is_not_ended() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let token = world.exchange(&issued);
    let guessed = RefreshToken::new(issued.token.id, [0; 32]).reveal();
    let tampered = format!("{}AAAA", &token.access_token[..token.access_token.len() - 4]);
    for presented in [guessed.as_str(), &tampered, "", "junk", "jtn_rt_", "a.b.c"] {
        assert_eq!(world.authority.revoke(presented).unwrap(), Revocation::Nothing, "{presented}");
    }
    assert_eq!(world.verdict(&token), Ok(()));
    world.authority.advance(&Actor::Machine, None).unwrap();
    assert_eq!(world.authority.revoke(&token.access_token).unwrap(), Revocation::Nothing, "of a past epoch");
    let expiring = world.exchange(&issued);
    world.clock.pass(900);
    assert_eq!(world.authority.revoke(&expiring.access_token).unwrap(), Revocation::Nothing, "expired");
}

#[test]
fn too_many_single_cuts_become_one_of_the_refresh_token() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let bystander = world.exchange(&issued);
    for _ in 0..MAX_JTI_CUTS {
        world.authority.revoke(&world.exchange(&issued).access_token).unwrap();
    }
    assert_eq!(world.verdict(&bystander), Ok(()));
    assert_eq!(world.verifier().live().unwrap().cuts(), MAX_JTI_CUTS);
    world.authority.revoke(&world.exchange(&issued).access_token).unwrap();
    assert_eq!(world.verifier().live().unwrap().cuts(), MAX_JTI_CUTS + 1);
    assert_eq!(world.verdict(&bystander), Err(Refusal::Cut), "its lineage was cut");
    assert_eq!(world.verdict(&world.exchange(&issued)), Ok(()), "and a new one begun");
    world.delete(&issued);
    assert!(world.authority.exchange(&issued.secret, &PLAIN).is_err());
}

#[test]
fn single_cuts_are_forgotten_when_nothing_is_left_to_cut() {
    let world = World::new();
    let issued = world.issue(|_| ());
    for _ in 0..3 {
        for _ in 0..MAX_JTI_CUTS {
            world.authority.revoke(&world.exchange(&issued).access_token).unwrap();
        }
        world.clock.pass(961);
    }
    assert_eq!(world.authority.show(&issued.token.id.to_string()).unwrap().generation, 1, "the lineage is the first");
}
