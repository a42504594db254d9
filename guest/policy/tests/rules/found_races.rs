//! Every order of an end by a presented secret and an act that makes of that secret another thing: the token ends as it was found,
//! or not at all.

use jeton_policy::{
    authority::{Actor, Authority, Edit, MAX_JTI_CUTS, Revocation, State, TokenExchangeRequest, TokenType},
    record::{Conduct, Reason},
    refresh_token::RefreshToken,
    seconds::Seconds,
    verifier::Refusal,
};
use zeroize::Zeroizing;

use crate::{
    stage::{orders, race},
    world::{Issued, PLAIN, World},
};

/// Operations of presenting a spent secret: clock, read, read again for what the record speaks of, the spent secret, the cut's
/// bucket, and commit.
const PRESENT: u32 = 6;
/// Operations of an administrator's act upon a token that rotates: clock, two reads, the cut's bucket, what is shown of it, and commit.
const ACT: u32 = 6;
/// Operations of giving a token back: clock, two reads, the cut's bucket, and commit.
const GIVE_BACK: u32 = 5;
/// Operations of giving back an access token: clock, read, the cuts that it may meet, those of its refresh token, the bucket, and commit.
const GIVE_BACK_ACCESS: u32 = 6;
/// Operations of an export: the ids, their records, and how they stand: head, records and owners.
const EXPORT: u32 = 5;
/// Operations of two exchanges up to the last commit: clock, two reads, commit and the issuer, each.
const TWO_EXCHANGES: u32 = 9;

/// A token that rotates on use, and its first secret, which was spent long ago.
fn spent(world: &World) -> Issued {
    let issued = world.issue(|request| request.conduct = Conduct { rotates_on_use: true, may_delegate: true });
    let successor = spend(&world.authority, &issued.secret).unwrap();
    spend(&world.authority, &successor).unwrap();
    issued
}

/// The secret that takes the place of `secret`, where that is taken.
fn spend(authority: &Authority, secret: &str) -> Option<Zeroizing<String>> {
    authority.exchange(secret, &PLAIN).ok().map(|exchanged| exchanged.refresh_token.unwrap())
}

fn delegate(authority: &Authority, secret: &str) -> bool {
    let request = TokenExchangeRequest {
        subject_token: secret,
        subject_token_type: TokenType::RefreshToken,
        requested_token_type: TokenType::RefreshToken,
        scope: None,
        resource: None,
        name: None,
        expires_in: None,
        peer: None,
    };
    authority.exchange_token(&request).is_ok()
}

/// That the token ended by reuse where `act` was refused, and lives where `act` was done: never both, never neither.
fn assert_one_of_both(
    act: impl Fn(&Authority, &str) -> bool + Sync,
    present: impl Fn(&Authority, &str) -> bool + Sync,
) {
    let (mut done, mut refused) = (0_u32, 0_u32);
    for schedule in orders([PRESENT, ACT]) {
        let world = World::new();
        let issued = spent(&world);
        let id = issued.token.id.to_string();
        let first = |authority: &Authority| present(authority, &issued.secret);
        let (taken, is_done) = race(&world, first, |authority| act(authority, &id), &schedule);
        assert!(!taken, "a spent secret: {schedule:?}");
        let shown = world.show(&issued);
        let reason = shown.ending.map(|ending| ending.reason);
        if is_done {
            done += 1;
            assert_eq!((shown.state, reason), (State::Active, None), "{schedule:?}");
        } else {
            refused += 1;
            assert_eq!((shown.state, reason), (State::Deleted, Some(Reason::ReuseDetected)), "{schedule:?}");
        }
    }
    assert!(done > 5 && refused > 5, "the race was really run: {done} {refused}");
}

fn rotate(overlap: u64) -> impl Fn(&Authority, &str) -> bool + Sync {
    move |authority, id| authority.rotate(&Actor::Machine, id, Seconds(overlap), None).is_ok()
}

#[test]
fn whatever_the_order_a_secret_of_a_chain_that_was_rotated_away_tells_of_no_reuse() {
    for overlap in [0, 60] {
        assert_one_of_both(rotate(overlap), |authority, secret| authority.exchange(secret, &PLAIN).is_ok());
    }
}

#[test]
fn whatever_the_order_delegation_finds_reuse_in_the_chain_that_is_in_force_alone() {
    assert_one_of_both(rotate(0), delegate);
}

#[test]
fn whatever_the_order_no_reuse_is_found_where_rotation_was_switched_off() {
    let switch_off = |authority: &Authority, id: &str| {
        let edit = Edit { rotates_on_use: Some(false), ..Edit::default() };
        authority.edit(&Actor::Machine, id, &edit, None).is_ok()
    };
    assert_one_of_both(switch_off, |authority, secret| authority.exchange(secret, &PLAIN).is_ok());
}

#[test]
fn whatever_the_order_nobody_gives_back_with_a_secret_that_was_rotated_away_at_once() {
    for rotates_on_use in [false, true] {
        let (mut given_back, mut rotated) = (0_u32, 0_u32);
        for schedule in orders([GIVE_BACK, ACT]) {
            let world = World::new();
            let issued = world.issue(|request| request.conduct = Conduct { rotates_on_use, ..Conduct::default() });
            let id = issued.token.id.to_string();
            let give_back = |authority: &Authority| authority.revoke(&issued.secret).unwrap();
            let (revocation, is_rotated) = race(&world, give_back, |authority| rotate(0)(authority, &id), &schedule);
            let state = world.show(&issued).state;
            if is_rotated {
                rotated += 1;
                assert_eq!((revocation, state), (Revocation::Nothing, State::Active), "{schedule:?}");
            } else {
                given_back += 1;
                let ended = Revocation::RefreshToken(issued.token.id);
                assert_eq!((revocation, state), (ended, State::Deleted), "{schedule:?}");
            }
        }
        assert!(given_back > 5 && rotated > 5, "the race was really run: {given_back} {rotated}");
    }
}

#[test]
fn whatever_the_order_nobody_gives_back_with_a_secret_that_two_uses_have_spent() {
    let (mut given_back, mut spent) = (0_u32, 0_u32);
    for schedule in orders([GIVE_BACK, TWO_EXCHANGES]) {
        let world = World::new();
        let issued = world.issue(|request| request.conduct = Conduct { rotates_on_use: true, ..Conduct::default() });
        let give_back = |authority: &Authority| authority.revoke(&issued.secret).unwrap();
        let use_twice =
            |authority: &Authority| spend(authority, &issued.secret).and_then(|next| spend(authority, &next));
        let (revocation, in_force) = race(&world, give_back, use_twice, &schedule);
        let state = world.show(&issued).state;
        if in_force.is_some() {
            spent += 1;
            assert_eq!((revocation, state), (Revocation::Nothing, State::Active), "{schedule:?}");
        } else {
            given_back += 1;
            let ended = Revocation::RefreshToken(issued.token.id);
            assert_eq!((revocation, state), (ended, State::Deleted), "{schedule:?}");
        }
    }
    assert!(given_back > 5 && spent > 5, "the race was really run: {given_back} {spent}");
}

#[test]
fn whatever_the_order_an_access_token_is_given_back_once() {
    for before in [0, MAX_JTI_CUTS - 1, MAX_JTI_CUTS] {
        for schedule in
            orders([GIVE_BACK_ACCESS, GIVE_BACK_ACCESS]).into_iter().step_by(if before == 0 { 1 } else { 37 })
        {
            let world = World::new();
            let issued = world.issue(|_| ());
            for _ in 0..before {
                world.authority.revoke(&world.exchange(&issued).access_token).unwrap();
            }
            let token = world.exchange(&issued);
            let give_back = |authority: &Authority| authority.revoke(&token.access_token).unwrap();
            let (one, other) = race(&world, give_back, give_back, &schedule);
            let ended = Revocation::AccessToken(token.jti.to_string());
            assert!(one != other && [&one, &other].contains(&&ended), "{one:?} {other:?} {schedule:?}");
            assert_eq!(world.verdict(&token), Err(Refusal::Cut));
        }
    }
}

#[test]
fn whatever_the_order_an_export_tells_of_a_secret_that_was_in_force() {
    for schedule in orders([EXPORT, ACT]) {
        let world = World::new();
        let issued = spent(&world);
        let id = issued.token.id.to_string();
        let export = |authority: &Authority| authority.export(10, None).unwrap().items.remove(0).secret_sha256;
        let (exported, _) = race(&world, export, |authority| rotate(0)(authority, &id), &schedule);
        let first = RefreshToken::parse(&issued.secret).unwrap().digest();
        assert_ne!(exported, Some(first.0.to_vec()), "it was spent long ago: {schedule:?}");
    }
}
