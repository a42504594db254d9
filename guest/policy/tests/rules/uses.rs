//! When refresh tokens were exchanged last, as far as it is known.

use jeton_policy::{
    authority::{LastUse, MAX_USES, Query, Sort, USES_AT_STAKE, Use},
    seconds::Seconds,
};
use jeton_store::{Fault, FaultyStore, MemoryStore};
use proptest::prelude::*;

use crate::world::{Issued, START, World};

fn used(issued: &Issued, at: u64, address: &str, count: u64) -> Use {
    Use { id: issued.token.id.to_string(), at: Seconds(at), address: Some(address.to_owned()), count }
}

fn last_use<S: jeton_policy::store::Store>(world: &World<S>, issued: &Issued) -> (Option<LastUse>, bool) {
    let token = world.authority.show(&issued.token.id.to_string()).unwrap();
    (token.last_use, token.last_use_certain)
}

fn last(at: u64, address: Option<&str>, count: u64) -> Option<LastUse> {
    Some(LastUse { at: Seconds(at), address: address.map(str::to_owned), count })
}

#[test]
fn a_use_is_remembered_forward_only_and_counts_add() {
    let world = World::new();
    let issued = world.issue(|_| ());
    assert_eq!(last_use(&world, &issued), (None, true));
    let note = |at, address, count| world.authority.note_uses(&[used(&issued, at, address, count)]).unwrap();
    note(START + 10, "192.0.2.1", 3);
    assert_eq!(last_use(&world, &issued), (last(START + 10, Some("192.0.2.1"), 3), true));
    note(START + 5, "192.0.2.2", 2);
    assert_eq!(last_use(&world, &issued), (last(START + 10, Some("192.0.2.1"), 5), true), "an older one only counts");
    note(START + 20, "2001:db8::1", 1);
    assert_eq!(last_use(&world, &issued), (last(START + 20, Some("2001:db8::1"), 6), true));
}

#[test]
fn uses_of_one_token_in_one_batch_are_one() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let uses = [used(&issued, START + 2, "192.0.2.2", 1), used(&issued, START + 1, "192.0.2.1", 1)];
    world.authority.note_uses(&uses).unwrap();
    assert_eq!(last_use(&world, &issued).0, last(START + 2, Some("192.0.2.2"), 2));
}

#[test]
fn what_is_no_token_or_no_address_is_passed_over() {
    let world = World::new();
    let (issued, gone) = (world.issue(|_| ()), World::new().issue(|_| ()));
    world.clock.pass(1);
    let unknown = world.issue(|_| ());
    let strange = World::over(MemoryStore::new());
    strange.authority.note_uses(&[used(&unknown, START, "192.0.2.1", 1), used(&gone, START, "192.0.2.1", 1)]).unwrap();
    let all = Query { limit: 10, sort: Some(Sort::LastUsed), ..Query::default() };
    assert!(strange.authority.list(&all).unwrap().items.is_empty());
    let malformed = Use { id: "x".to_owned(), ..used(&issued, START, "", 1) };
    world.authority.note_uses(&[malformed, used(&issued, START, "not an address", 1)]).unwrap();
    assert_eq!(last_use(&world, &issued).0, last(START, None, 1));
    let longest = "0000:0000:0000:0000:0000:ffff:255.255.255.255";
    let told = [("192.0.2.1%eth0", None), (longest, Some(longest)), (&format!("0{longest}"), None), ("", None)];
    for (place, (address, kept)) in told.into_iter().enumerate() {
        let count = place as u64 + 1;
        world.authority.note_uses(&[used(&issued, START + count, address, 1)]).unwrap();
        assert_eq!(last_use(&world, &issued).0, last(START + count, kept, 1 + count), "{address:?}");
    }
}

#[test]
fn noting_uses_touches_no_record() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let before = world.authority.show(&issued.token.id.to_string()).unwrap();
    world.authority.note_uses(&[used(&issued, START, "192.0.2.1", 1)]).unwrap();
    let after = world.authority.show(&issued.token.id.to_string()).unwrap();
    assert_eq!(after.generation, before.generation);
    assert_eq!(jeton_policy::authority::Token { last_use: None, ..after }, before);
}

#[test]
fn a_batch_is_one_commit_whatever_its_size() {
    let operations = |count: usize| {
        let world = World::over(FaultyStore::new(MemoryStore::new()));
        let issued: Vec<_> = (0..count).map(|_| world.issue(|_| ())).collect();
        let uses: Vec<_> = issued.iter().map(|issued| used(issued, START, "192.0.2.1", 1)).collect();
        let before = world.store.operations();
        world.authority.note_uses(&uses).unwrap();
        world.store.operations() - before
    };
    assert_eq!((operations(1), operations(MAX_USES)), (2, 2), "a read and a commit");
    assert_eq!(operations(MAX_USES + 1), 4);
}

#[test]
fn a_note_whose_commit_fails_is_whole_or_has_not_begun() {
    for fault in [Fault::Refused, Fault::AnswerLost] {
        for operation in 1..=2 {
            let world = World::over(FaultyStore::new(MemoryStore::new()));
            let issued = [world.issue(|_| ()), world.issue(|_| ())];
            world.store.plan(operation, fault);
            let uses = issued.each_ref().map(|issued| used(issued, START, "192.0.2.1", 1));
            assert!(world.authority.note_uses(&uses).is_err());
            let known = issued.each_ref().map(|issued| last_use(&world, issued).0.is_some());
            assert!(known == [true; 2] || known == [false; 2]);
            let unused = Query { never_used: true, limit: 10, ..Query::default() };
            assert_eq!(world.authority.list(&unused).unwrap().items.len(), if known[0] { 0 } else { 2 });
        }
    }
}

#[test]
fn a_clean_end_loses_nothing() {
    let world = World::new();
    let issued = world.issue(|_| ());
    for _ in 0..2 {
        world.authority.open_uses().unwrap();
        world.clock.pass(100);
        world.authority.close_uses().unwrap();
        assert_eq!(last_use(&world, &issued), (None, true), "never is never");
    }
}

#[test]
fn after_a_crash_never_is_not_known_until_the_next_use() {
    let world = World::new();
    let (idle, busy) = (world.issue(|_| ()), world.issue(|_| ()));
    world.authority.open_uses().unwrap();
    world.authority.note_uses(&[used(&busy, START + 1, "192.0.2.1", 1)]).unwrap();
    world.clock.pass(100);
    let later = world.another([1; 32]);
    later.open_uses().unwrap();
    assert_eq!(last_use(&world, &idle), (None, false), "unknown, not never");
    assert_eq!(last_use(&world, &busy), (last(START + 1, Some("192.0.2.1"), 1), false), "at least then");
    let in_the_same_second = world.issue(|_| ());
    assert_eq!(last_use(&world, &in_the_same_second), (None, false), "it may have been made before");
    world.clock.pass(1);
    let new = world.issue(|_| ());
    assert_eq!(last_use(&world, &new), (None, true), "it was made afterwards");
    later.note_uses(&[used(&busy, START + 101, "192.0.2.1", 1)]).unwrap();
    assert_eq!(last_use(&world, &busy), (last(START + 101, Some("192.0.2.1"), 2), true));
    later.close_uses().unwrap();
    world.another([1; 32]).open_uses().unwrap();
    assert_eq!(last_use(&world, &idle), (None, false), "a clean restart brings nothing back");
    assert!(USES_AT_STAKE >= Seconds(60));
}

#[derive(Debug, Clone)]
enum Step {
    Note(Vec<(prop::sample::Index, u8, u8)>),
    Crash,
    Restart,
    Pass(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 1..4_u8), 1..6).prop_map(Step::Note),
        1 => Just(Step::Crash),
        1 => Just(Step::Restart),
        2 => (1..90_u8).prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_sums_times_only_grow_and_both_indexes_agree(steps in prop::collection::vec(step(), 1..40)) {
        let world = World::new();
        let issued: Vec<_> = (0..4).map(|_| world.issue(|_| ())).collect();
        let mut model = vec![(0_u64, 0_u64); issued.len()];
        let mut gap = None;
        world.authority.open_uses().unwrap();
        for step in steps {
            match step {
                Step::Note(uses) => {
                    let uses: Vec<_> = uses.into_iter().map(|(index, ago, count)| {
                        let (place, at) = (index.index(issued.len()), world.clock.seconds() - u64::from(ago));
                        model[place] = (model[place].0.max(at), model[place].1 + u64::from(count));
                        used(&issued[place], at, "192.0.2.1", count.into())
                    }).collect();
                    world.authority.note_uses(&uses).unwrap();
                }
                Step::Crash => {
                    world.authority.open_uses().unwrap();
                    gap = Some(world.clock.seconds());
                }
                Step::Restart => {
                    world.authority.close_uses().unwrap();
                    world.authority.open_uses().unwrap();
                }
                Step::Pass(seconds) => world.clock.pass(seconds.into()),
            }
            for (issued, (at, count)) in issued.iter().zip(&model) {
                let (last, certain) = last_use(&world, issued);
                let known = (*count > 0).then_some((Seconds(*at), *count));
                prop_assert_eq!(last.map(|last| (last.at, last.count)), known);
                let until = if *count > 0 { *at } else { START };
                prop_assert_eq!(certain, gap.is_none_or(|gap| until > gap));
            }
            let found = |query: Query| world.authority.list(&Query { limit: 10, ..query }).unwrap().items.len();
            let never = model.iter().filter(|(_, count)| *count == 0).count();
            prop_assert_eq!(found(Query { never_used: true, ..Query::default() }), never);
            prop_assert_eq!(found(Query { sort: Some(Sort::LastUsed), ..Query::default() }), model.len());
        }
    }
}
