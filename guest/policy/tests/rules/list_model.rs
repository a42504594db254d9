//! Lists against a plain one, and what a page costs.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
};

use jeton_policy::{
    authority::{Actor, Edit, Expiry, MAX_EXAMINED, Query, Sort, Span, State, Token, Use},
    seconds::Seconds,
    store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write},
};
use jeton_store::MemoryStore;
use proptest::prelude::*;

use crate::world::{Issued, START, World};

const NAMES: [&str; 6] = ["backup", "Backup", "back", "billing", "äther", "x"];

/// What happens to a token, in small numbers so that times and names are often the same.
#[derive(Debug, Clone)]
enum Step {
    Issue { name: usize, owner: Option<u8>, parent: Option<prop::sample::Index>, expiry: Option<u8> },
    Use(prop::sample::Index),
    Delete(prop::sample::Index),
    Disable(prop::sample::Index),
    Rename(prop::sample::Index, usize),
    Pass(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        5 => (0..NAMES.len(), prop::option::of(0..2_u8), prop::option::of(index()), prop::option::of(1..9_u8))
            .prop_map(|(name, owner, parent, expiry)| Step::Issue { name, owner, parent, expiry }),
        3 => index().prop_map(Step::Use),
        1 => index().prop_map(Step::Delete),
        1 => index().prop_map(Step::Disable),
        1 => (index(), 0..NAMES.len()).prop_map(|(token, name)| Step::Rename(token, name)),
        2 => (0..3_u8).prop_map(Step::Pass),
    ]
}

fn span() -> impl Strategy<Value = (Option<u64>, Option<u64>)> {
    prop_oneof![3 => Just((None, None)), 2 => (prop::option::of(0..12_u64), prop::option::of(0..12_u64))]
}

#[derive(Debug, Clone)]
struct Asked {
    state: Option<State>,
    name: Option<&'static str>,
    contains: Option<&'static str>,
    owner: Option<u8>,
    parent: Option<prop::sample::Index>,
    spans: [(Option<u64>, Option<u64>); 3],
    never_used: bool,
    sort: Option<Sort>,
    descending: bool,
    limit: u32,
}

fn asked() -> impl Strategy<Value = Asked> {
    let state = prop::sample::select(vec![State::Active, State::Disabled, State::Expired, State::Deleted]);
    let sort = prop::sample::select(vec![Sort::Created, Sort::Name, Sort::Expires, Sort::LastUsed]);
    let rarely = |strategy| prop::option::weighted(0.2, strategy);
    (
        (
            prop::option::weighted(0.2, state),
            rarely(prop::sample::select(vec!["", "b", "back", "Ba", "nobody"])),
            prop::option::weighted(0.2, prop::sample::select(vec!["ACK", "l", "ÄT"])),
        ),
        (prop::option::weighted(0.2, 0..2_u8), prop::option::weighted(0.15, any::<prop::sample::Index>())),
        [span(), span(), span()],
        prop::bool::weighted(0.2),
        (prop::option::weighted(0.8, sort), any::<bool>(), 1..6_u32),
    )
        .prop_map(|((state, name, contains), (owner, parent), spans, never_used, (sort, descending, limit))| {
            Asked { state, name, contains, owner, parent, spans, never_used, sort, descending, limit }
        })
}

impl Asked {
    fn query(&self, made: &[Issued]) -> Query {
        let span = |(from, until): (Option<u64>, Option<u64>)| Span {
            from: from.map(|from| Seconds(START + from)),
            until: until.map(|until| Seconds(START + until)),
        };
        let [created, expires, last_used] = self.spans.map(span);
        let parent = self.parent.filter(|_| !made.is_empty());
        Query {
            state: self.state,
            name: self.name.map(str::to_owned),
            name_contains: self.contains.map(str::to_owned),
            owner: self.owner.map(|owner| format!("owner-{owner}")),
            parent: parent.map(|parent| made[parent.index(made.len())].token.id.to_string()),
            created,
            expires,
            last_used,
            never_used: self.never_used,
            sort: self.sort,
            descending: self.descending,
            limit: self.limit,
            cursor: None,
        }
    }
}

fn take(world: &World, made: &mut Vec<Issued>, step: &Step) {
    match step {
        Step::Issue { name, owner, parent, expiry } => {
            let mut request = crate::world::request();
            request.name = NAMES[*name].to_owned();
            request.owner = owner.map(|owner| format!("owner-{owner}"));
            request.parent =
                parent.filter(|_| !made.is_empty()).map(|parent| made[parent.index(made.len())].token.id.to_string());
            request.expiry = match expiry {
                Some(expiry) => Expiry::After(Seconds(u64::from(*expiry))),
                None if request.parent.is_some() => Expiry::BySetting,
                None => Expiry::Never,
            };
            // Under a parent that has ended, or beyond its expiry, nothing is made.
            made.extend(world.authority.issue(&Actor::Machine, &request).map(Issued::of));
        }
        Step::Use(index) if !made.is_empty() => {
            let id = made[index.index(made.len())].token.id.to_string();
            let told = Use { id, at: Seconds(world.clock.seconds()), address: None, count: 1 };
            world.authority.note_uses(&[told]).unwrap();
        }
        Step::Delete(index) if !made.is_empty() => world.delete(&made[index.index(made.len())]),
        Step::Disable(index) if !made.is_empty() => {
            change(world, &made[index.index(made.len())], Edit { enabled: Some(false), ..Edit::default() });
        }
        Step::Rename(index, name) if !made.is_empty() => {
            change(
                world,
                &made[index.index(made.len())],
                Edit { name: Some(NAMES[*name].to_owned()), ..Edit::default() },
            );
        }
        Step::Pass(seconds) => world.clock.pass(u64::from(*seconds)),
        Step::Use(_) | Step::Delete(_) | Step::Disable(_) | Step::Rename(..) => {}
    }
}

/// A tombstone stays as it is.
fn change(world: &World, issued: &Issued, edit: Edit) {
    let _refused = world.authority.edit(&Actor::Machine, &issued.token.id.to_string(), &edit, None);
}

/// What a token stands at in the order; those that are alike may stand either way.
fn place(sort: Sort, token: &Token) -> (u64, Vec<u8>) {
    match sort {
        Sort::Created => (token.created_at.0, Vec::new()),
        Sort::Name => (0, token.name.as_bytes()[..token.name.len().min(128)].to_vec()),
        Sort::Expires => (token.expires_at.map_or(u64::MAX, |at| at.0), Vec::new()),
        Sort::LastUsed => (token.last_use.as_ref().map_or(0, |used| used.at.0), Vec::new()),
    }
}

fn wanted(query: &Query, token: &Token) -> bool {
    let within = |span: Span, at: Option<u64>| match (span.from, span.until, at) {
        (None, None, _) => true,
        (_, _, None) => false,
        (from, until, Some(at)) => from.is_none_or(|from| from.0 <= at) && until.is_none_or(|until| at < until.0),
    };
    let parent = token.parent.map(|parent| parent.to_string());
    query.state.is_none_or(|state| state == token.state)
        && query.name.as_ref().is_none_or(|name| token.name.starts_with(name))
        && query.name_contains.as_ref().is_none_or(|part| token.name.to_lowercase().contains(&part.to_lowercase()))
        && (query.owner.is_none() || query.owner == token.owner)
        && (query.parent.is_none() || query.parent == parent)
        && within(query.created, Some(token.created_at.0))
        && within(query.expires, token.expires_at.map(|at| at.0))
        && within(query.last_used, token.last_use.as_ref().map(|used| used.at.0))
        && (!query.never_used || token.last_use.is_none())
}

fn shown(world: &World, made: &[Issued]) -> Vec<Token> {
    made.iter().map(|issued| world.authority.show(&issued.token.id.to_string()).unwrap()).collect()
}

/// All pages; `between` happens between one and the next.
fn pages<S: Store>(world: &World<S>, query: &Query, mut between: impl FnMut()) -> Vec<Token> {
    let (mut tokens, mut cursor) = (Vec::new(), None);
    loop {
        let page = world.authority.list(&Query { cursor, ..query.clone() }).unwrap();
        tokens.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return tokens;
        }
        between();
    }
}

fn world(maximum: Option<u64>) -> World {
    let world = World::new();
    world.set(|change| {
        change.refresh_token_expiration = Some(Seconds(1));
        change.refresh_token_maximum = Some(maximum.map(Seconds));
        change.never_allowed = Some(true);
    });
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn every_query_finds_what_a_plain_list_finds_in_its_order(
        steps in prop::collection::vec(step(), 0..40),
        asked in prop::collection::vec(asked(), 8),
        maximum in prop::option::of(2..9_u64),
    ) {
        // The tokens come first, so that some outlive what the settings then allow.
        let world = world(None);
        let mut made = Vec::new();
        for step in &steps {
            take(&world, &mut made, step);
        }
        world.set(|change| change.refresh_token_maximum = Some(maximum.map(Seconds)));
        let tokens = shown(&world, &made);
        for asked in asked {
            let query = asked.query(&made);
            let found = pages(&world, &query, || ());
            let mut ids: Vec<_> = found.iter().map(|token| token.id).collect();
            let mut expected: Vec<_> = tokens.iter().filter(|token| wanted(&query, token)).map(|token| token.id).collect();
            let (sort, descending) = query.order();
            let mut places: Vec<_> = found.iter().map(|token| place(sort, token)).collect();
            if descending {
                places.reverse();
            }
            prop_assert!(places.is_sorted(), "{query:?}");
            let turned = Query { sort: Some(sort), descending: !descending, ..query.clone() };
            let turned: Vec<_> = pages(&world, &turned, || ()).into_iter().map(|token| token.id).collect();
            prop_assert!(turned.iter().rev().eq(&ids), "the other way round, {query:?}");
            ids.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(ids, expected, "{:?}", query);
        }
    }

    #[test]
    fn a_token_that_did_not_move_is_met_once_whatever_happens_between_the_pages(
        before in prop::collection::vec(step(), 4..30),
        between in prop::collection::vec(step(), 1..30),
        asked in asked(),
        maximum in prop::option::of(2..9_u64),
    ) {
        let world = world(None);
        let mut made = Vec::new();
        for step in &before {
            take(&world, &mut made, step);
        }
        world.set(|change| change.refresh_token_maximum = Some(maximum.map(Seconds)));
        let query = asked.query(&made);
        let (sort, _) = query.order();
        let then: BTreeMap<_, _> = shown(&world, &made).into_iter().map(|token| (token.id, token)).collect();
        let mut steps = between.iter();
        let mut met = BTreeMap::new();
        for token in pages(&world, &query, || steps.by_ref().take(2).for_each(|step| take(&world, &mut made, step))) {
            *met.entry(token.id).or_insert(0) += 1;
        }
        for token in shown(&world, &made) {
            let Some(before) = then.get(&token.id) else { continue };
            if place(sort, before) != place(sort, &token) {
                continue;
            }
            let times = met.get(&token.id).copied().unwrap_or_default();
            match (wanted(&query, before), wanted(&query, &token)) {
                (true, true) => prop_assert_eq!(times, 1, "{:?}", query),
                (false, false) => prop_assert_eq!(times, 0, "{:?}", query),
                _ => prop_assert!(times <= 1, "{:?}", query),
            }
        }
    }
}

/// A store that counts operations, and the tokens that were looked at: each takes a read of its last use.
#[derive(Default)]
struct Counting {
    inner: MemoryStore,
    operations: AtomicU64,
    looked_at: AtomicU64,
}

impl Store for Counting {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        self.operations.fetch_add(1, SeqCst);
        let looked_at = keys.iter().filter(|key| key.starts_with(b"used/")).count();
        self.looked_at.fetch_add(looked_at.try_into().unwrap(), SeqCst);
        self.inner.read(keys, freshness)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        self.operations.fetch_add(1, SeqCst);
        self.inner.scan(prefix, after, direction, limit)
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        self.inner.commit(checks, writes)
    }
}

impl Counting {
    /// What was counted since the last time.
    fn counted(&self) -> (u64, u64) {
        (self.operations.swap(0, SeqCst), self.looked_at.swap(0, SeqCst))
    }
}

/// A store of so many tokens: a tenth has one owner, a tenth has one parent, and half were used. Each has some owner and some
/// parent: whether those are to be read shall not depend on the page.
fn filled(count: u64) -> (World<Counting>, String) {
    let world = World::over(Counting::default());
    let under = |name: &str| {
        let parent = world.issue(|request| {
            request.name = name.to_owned();
            request.owner = Some("carol".to_owned());
            request.expiry = Expiry::At(Seconds(START + 10_000_000));
        });
        let id = parent.token.id.to_string();
        world.authority.note_uses(&[Use { id: id.clone(), at: Seconds(START), address: None, count: 1 }]).unwrap();
        id
    };
    let (parent, other) = (under("a parent"), under("another parent"));
    world.clock.pass(1);
    let mut uses = Vec::new();
    for n in 0..count {
        if n % 10 == 0 {
            world.clock.pass(1);
        }
        let issued = world.issue(|request| {
            request.name = format!("job {}", n % 97);
            request.owner = Some(if n % 10 == 3 { "alice" } else { "bob" }.to_owned());
            request.parent = Some(if n % 10 == 7 { &parent } else { &other }.clone());
            request.expiry = Expiry::After(Seconds(1_000_000 + n % 1_000));
        });
        if n % 2 == 0 {
            uses.push(Use { id: issued.token.id.to_string(), at: Seconds(START + 1 + n), address: None, count: 1 });
        }
    }
    world.authority.note_uses(&uses).unwrap();
    (world, parent)
}

/// One query for each index, none of which filters.
fn by_index(parent: &str) -> Vec<Query> {
    let base = Query { limit: 5, ..Query::default() };
    let sorted = |sort, descending| Query { sort: Some(sort), descending, ..base.clone() };
    let span = Span { from: Some(Seconds(START + 2)), until: None };
    vec![
        base.clone(),
        sorted(Sort::Created, false),
        Query { created: span, ..base.clone() },
        Query { created: Span { from: None, until: Some(Seconds(START + 5)) }, ..sorted(Sort::Created, false) },
        Query { parent: Some(parent.to_owned()), ..base.clone() },
        Query { owner: Some("alice".to_owned()), ..base.clone() },
        Query { name: Some("job 1".to_owned()), ..base.clone() },
        sorted(Sort::Name, true),
        sorted(Sort::Expires, false),
        sorted(Sort::Expires, true),
        Query { expires: span, ..base.clone() },
        sorted(Sort::LastUsed, true),
        sorted(Sort::LastUsed, false),
        Query { last_used: span, ..base.clone() },
        Query { never_used: true, ..base },
    ]
}

#[test]
fn a_page_costs_the_same_number_of_store_operations_among_a_hundred_and_a_hundred_thousand() {
    let cost = |count: u64| {
        let (world, parent) = filled(count);
        let costs = by_index(&parent).into_iter().map(|query| {
            let cost = |cursor: Option<String>| {
                world.store.counted();
                let page = world.authority.list(&Query { cursor, ..query.clone() }).unwrap();
                assert_eq!(page.items.len(), 5, "{query:?}");
                (world.store.counted().0, page.next)
            };
            let (first, next) = cost(None);
            (first, cost(next).0)
        });
        costs.collect::<Vec<_>>()
    };
    let few = cost(100);
    assert_eq!(few, cost(100_000));
    assert!(few.iter().all(|(first, second)| *first <= 8 && *second <= 8), "{few:?}");
}

#[test]
fn a_page_without_second_filters_looks_at_one_more_than_it_shows() {
    let (world, parent) = filled(100);
    for query in by_index(&parent) {
        for limit in [1, 3, 10, 60, 100, 1000] {
            world.store.counted();
            let page = world.authority.list(&Query { limit, ..query.clone() }).unwrap();
            let (_, looked_at) = world.store.counted();
            let shown = u64::try_from(page.items.len()).unwrap();
            assert_eq!(looked_at, shown + u64::from(page.next.is_some()), "{limit}, {query:?}");
        }
    }
}

#[test]
fn a_page_that_filters_looks_at_a_bounded_number_and_goes_on() {
    let (world, _) = filled(u64::from(MAX_EXAMINED) * 2);
    let query = Query { name_contains: Some("nothing has this".to_owned()), limit: 1, ..Query::default() };
    world.store.counted();
    let first = world.authority.list(&query).unwrap();
    assert!(first.items.is_empty());
    let (operations, looked_at) = world.store.counted();
    assert_eq!(looked_at, u64::from(MAX_EXAMINED));
    assert!(operations < 80, "{operations}: the more there was in vain, the more is looked at together");
    assert!(pages(&world, &query, || ()).is_empty());
}
