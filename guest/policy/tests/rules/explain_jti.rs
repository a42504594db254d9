//! Why an access token is dead or alive: asked with its `jti` alone.

use jeton_policy::{
    authority::{Actor, Cause, Edit, Exchanged, ExplainError, Explanation, Subject},
    record::Reason,
    seconds::Seconds,
    token_id::{Jti, TokenId},
};

use crate::{
    explain::{disabled, edit, end, of_token, told},
    world::{START, World, scopes},
};

fn of_jti(world: &World, token: &Exchanged) -> Explanation {
    world.authority.explain(Subject::Jti(&token.jti.to_string())).unwrap()
}

#[test]
fn a_jti_tells_as_much_as_the_token_itself() {
    let world = World::new();
    let parent = world.issue(|request| request.owner = Some("alice".to_owned()));
    let child = world.child_of(&parent);
    let ends: [&dyn Fn(&Exchanged); 4] = [
        &|token| {
            world.authority.delete_access_token(&Actor::Machine, &token.jti.to_string(), Reason::Unused, None).unwrap();
        },
        &|_| {
            world.authority.advance(&Actor::Machine, None).unwrap();
        },
        &|_| edit(&world, &parent, disabled()),
        &|_| {
            world.authority.delete_owned(&Actor::Machine, "alice", Reason::OwnerLeft, None).unwrap();
        },
    ];
    let mut tokens = Vec::new();
    for end in ends {
        if world.authority.exchange(&child.secret, &crate::world::PLAIN).is_err() {
            edit(&world, &parent, Edit { enabled: Some(true), ..Edit::default() });
        }
        let token = world.exchange(&child);
        assert!(of_jti(&world, &token).is_alive());
        world.clock.pass(1);
        end(&token);
        let (exact, told_by_jti) = (of_token(&world, &token.access_token), of_jti(&world, &token));
        assert_eq!(told(&exact), told(&told_by_jti));
        assert_eq!(exact.chain, told_by_jti.chain);
        tokens.push(token);
        world.clock.pass(1);
    }
    for token in &tokens {
        assert_eq!(told(&of_token(&world, &token.access_token)), told(&of_jti(&world, token)));
    }
}

#[test]
fn lives_of_the_same_second_are_told_apart() {
    let world = World::new();
    let parent = world.issue(|_| ());
    let child = world.child_of(&parent);
    let mut tokens = Vec::new();
    for round in 0..12 {
        tokens.push(world.exchange(&child));
        let of = if round % 3 == 0 { &child } else { &parent };
        edit(&world, of, disabled());
        edit(&world, of, Edit { enabled: Some(true), ..Edit::default() });
    }
    let living = world.exchange(&child);
    for (round, token) in tokens.iter().enumerate() {
        let explained = of_jti(&world, token);
        assert_eq!(told(&explained), told(&of_token(&world, &token.access_token)), "round {round}");
        assert_eq!(explained.cause, Some(Cause::Cut), "round {round}");
    }
    assert!(of_jti(&world, &living).is_alive(), "the one of the last life, although all are of one second");
}

#[test]
fn a_jti_expires_at_the_latest_moment_that_its_token_can_have_lived_to() {
    let world = World::new();
    let issued = world.issue(|request| request.access_ttl = Some(Seconds(60)));
    let token = world.exchange(&issued);
    let explained = of_jti(&world, &token);
    assert_eq!(explained.expires_at, Some(Seconds(START + 60)), "nothing was ever changed");
    edit(&world, &issued, Edit { access_ttl: Some(Some(Seconds(7_200))), ..Edit::default() });
    assert_eq!(of_jti(&world, &token).expires_at, Some(Seconds(START + 7_200)), "it is not known any more");
    world.clock.pass(7_200);
    let explained = of_jti(&world, &token);
    assert_eq!((explained.cause, explained.since), (Some(Cause::Expired), Some(Seconds(START + 7_200))));
}

#[test]
fn a_jti_of_another_life_of_its_refresh_token_is_judged_by_that_one() {
    let world = World::new();
    let issued = world.issue(|request| request.scopes = scopes(&["orders", "stock"]));
    let before = world.exchange(&issued);
    world.clock.pass(300);
    edit(&world, &issued, Edit { scopes: Some(scopes(&["orders"])), ..Edit::default() });
    world.clock.pass(300);
    let after = world.exchange(&issued);
    let narrowed = (Some(Cause::Cut), Some(START + 300), Some(issued.token.id.to_string()), Some(Reason::Narrowed));
    assert_eq!(told(&of_jti(&world, &before)), narrowed);
    assert!(of_jti(&world, &after).is_alive());
    end(&world, &issued, Reason::Superseded, None);
    assert_eq!(told(&of_jti(&world, &before)), narrowed, "what ended it first");
    assert_eq!(told(&of_jti(&world, &after)).3, Some(Reason::Superseded));
}

#[test]
fn a_jti_that_was_never_minted_is_unknown() {
    let world = World::new();
    let token = world.exchange(&world.issue(|_| ()));
    let ask = |jti: Jti| world.authority.explain(Subject::Jti(&jti.to_string()));
    assert_eq!(ask(Jti { client: TokenId([9; 16]), ..token.jti }), Err(ExplainError::NotFound));
    assert_eq!(ask(Jti { epoch: token.jti.epoch + 1, ..token.jti }).unwrap().cause, Some(Cause::Unknown));
    let future = ask(Jti { issued_at: Seconds(START + 500), ..token.jti }).unwrap();
    assert_eq!(future.cause, Some(Cause::NotYetValid));
    assert_eq!(world.authority.explain(Subject::Jti("junk")), Err(ExplainError::Malformed));
}
