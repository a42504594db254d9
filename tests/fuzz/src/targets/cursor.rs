//! Cursors: good only for the query that gave them, and never good for more than that query shows.

use std::cell::RefCell;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jeton_policy::{
    authority::{ListError, Query, Sort, Span, State, Token},
    seconds::Seconds,
    token_id::TokenId,
};
use sha2::{Digest as _, Sha256};

use crate::{
    Target,
    choices::Choices,
    mutation::{mutate, mutated_text},
    reached::Reached,
    world::{START, World},
};

pub(super) const TARGET: Target = Target {
    name: "cursor",
    about: "cursors: text, real ones of the same and of another query, after damage, and forged ones under a right seal",
    words: &["=", "AAAA", "dG9rZW4v", "bmFtZS8", "b3duZWQv", "token/", "name/", "owned/", "night", "alice"],
    run,
    short_pass: 20_000,
};

/// Bytes of the digest that ties a cursor to its query.
const SEAL: usize = 12;

/// What the keys of indexes begin with.
const PREFIXES: [&[u8]; 6] = [b"token/", b"name/", b"owned/alice\0", b"expires/", b"used/", b"child/"];

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::new());
}

fn run(data: &[u8], reached: &mut Reached) {
    WORLD.with_borrow(|world| {
        let mut choices = Choices::new(data);
        let (one, other) = (query(world, &mut choices), query(world, &mut choices));
        // Nothing that was not given out is a cursor.
        if let Ok(text) = str::from_utf8(data) {
            refused(world, &one, text, reached);
        }
        let Ok(page) = world.authority.list(&one) else { return reached.note("no such query") };
        assert!(page.items.iter().all(|token| is_wanted(&one, token)), "{one:?}");
        let Some(cursor) = page.next else {
            forged(world, &one, &[], &mut choices, reached);
            return reached.note("one page is all");
        };
        let rest =
            world.authority.list(&Query { cursor: Some(cursor.clone()), ..one.clone() }).expect("its own cursor");
        assert!(rest.items.iter().all(|token| page.items.iter().all(|before| before.id != token.id)), "{one:?}");
        reached.note("its own cursor");
        if identity(&one) != identity(&other) {
            refused(world, &other, &cursor, reached);
            reached.note("the cursor of another query");
        }
        let damaged = mutated_text(&mut choices, &cursor, TARGET.words);
        if damaged != cursor {
            refused(world, &one, &damaged, reached);
            reached.note("a damaged cursor");
        }
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).expect("a cursor is base64url");
        assert_eq!(sealed(&one, &bytes[SEAL..]), cursor, "the seal is told wrong here");
        forged(world, &one, &bytes[SEAL..], &mut choices, reached);
    });
}

/// The seal is no secret: any place under a right one is refused, or shows what the query itself shows.
fn forged(world: &World, query: &Query, place: &[u8], choices: &mut Choices<'_>, reached: &mut Reached) {
    let mut keys = keys(place);
    for _ in 0..choices.below(4) {
        match choices.below(4) {
            0 => keys.push([choices.one_of(&PREFIXES), choices.bytes(40)].concat()),
            _ if keys.is_empty() => keys.push(choices.bytes(40).to_vec()),
            1 => drop(keys.remove(choices.below(keys.len()))),
            _ => {
                let key = choices.below(keys.len());
                mutate(choices, &mut keys[key], TARGET.words);
            }
        }
    }
    let mut place = keys.iter().flat_map(|key| [&(key.len() as u16).to_be_bytes()[..], key].concat()).collect();
    if choices.below(4) == 0 {
        mutate(choices, &mut place, TARGET.words);
    }
    let query = Query { cursor: Some(sealed(query, &place)), ..query.clone() };
    match world.authority.list(&query) {
        Ok(page) => {
            assert!(page.items.iter().all(|token| is_wanted(&query, token)), "{query:?}");
            reached.note("a forged cursor that is taken");
        }
        Err(error) => {
            assert_ne!(error, ListError::Unavailable, "{query:?}");
            reached.note("a forged cursor that is refused");
        }
    }
}

/// The keys that a place is made of, each behind its length.
fn keys(mut place: &[u8]) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    while let Some((length, rest)) = place.split_first_chunk::<2>() {
        let Some((key, rest)) = rest.split_at_checked(u16::from_be_bytes(*length).into()) else { break };
        keys.push(key.to_vec());
        place = rest;
    }
    keys
}

/// A cursor of this query for any place.
fn sealed(query: &Query, place: &[u8]) -> String {
    let digest = Sha256::digest([&Sha256::digest(identity(query))[..], place].concat());
    URL_SAFE_NO_PAD.encode([&digest[..SEAL], place].concat())
}

/// What two queries have in common if and only if a cursor of one is good for the other: all but the length of a page.
fn identity(query: &Query) -> Vec<u8> {
    let (sort, descending) = query.order();
    let words = (&query.name, &query.name_contains, &query.owner, &query.parent);
    let spans = [query.created, query.expires, query.last_used].map(|span| (span.from, span.until));
    minicbor::to_vec((words, spans, query.state.map(|state| state as u8), query.never_used, sort as u8, descending))
        .unwrap()
}

fn refused(world: &World, query: &Query, cursor: &str, reached: &mut Reached) {
    match world.authority.list(&Query { cursor: Some(cursor.to_owned()), ..query.clone() }) {
        Err(ListError::CursorInvalid) => reached.note("refused: the cursor"),
        Err(ListError::Unavailable) => panic!("unavailable: {query:?} with {cursor}"),
        Err(_) => reached.note("refused: the query"),
        Ok(page) => panic!("{page:?} of {query:?} with {cursor}"),
    }
}

/// Whether the query asks for this token.
fn is_wanted(query: &Query, token: &Token) -> bool {
    let within = |span: Span, moment: Option<Seconds>| match moment {
        None => span == Span::default(),
        Some(at) => span.from.is_none_or(|from| from <= at) && span.until.is_none_or(|until| at < until),
    };
    query.state.is_none_or(|state| state == token.state)
        && query.owner.is_none_or_same(token.owner.as_deref())
        && query.parent.is_none_or_same(token.parent.map(|id| id.to_string()).as_deref())
        && query.name.as_ref().is_none_or(|name| token.name.as_bytes().starts_with(name.as_bytes()))
        && query.name_contains.as_ref().is_none_or(|part| token.name.to_lowercase().contains(&part.to_lowercase()))
        && within(query.created, Some(token.created_at))
        && within(query.expires, token.expires_at)
        && within(query.last_used, token.last_use.as_ref().map(|used| used.at))
        && !(query.never_used && token.last_use.is_some())
}

/// A filter by a whole word.
trait Filter {
    fn is_none_or_same(&self, found: Option<&str>) -> bool;
}

impl Filter for Option<String> {
    fn is_none_or_same(&self, found: Option<&str>) -> bool {
        self.as_ref().is_none_or(|word| found == Some(word))
    }
}

fn query(world: &World, choices: &mut Choices<'_>) -> Query {
    let states =
        [None, None, None, Some(State::Active), Some(State::Disabled), Some(State::Expired), Some(State::Deleted)];
    let names = [None, None, None, Some("n"), Some("night"), Some("nightly job, child"), Some("")];
    let owners = [None, None, None, Some("alice"), Some("bob"), Some("carol"), Some("")];
    let sorts = [None, None, Some(Sort::Created), Some(Sort::Name), Some(Sort::Expires), Some(Sort::LastUsed)];
    let parents = [None, None, None, Some(world.tokens[0].token.id), Some(TokenId([0; 16]))];
    let any = choices.below(24);
    let word = |choices: &mut Choices<'_>, is_any: bool, known: &[Option<&str>]| {
        if is_any { Some(choices.text(210)) } else { choices.one_of(known).map(str::to_owned) }
    };
    Query {
        state: choices.one_of(&states),
        name: word(choices, any == 1, &names),
        name_contains: word(choices, any == 2, &[None, None, None, Some("JOB"), Some("")]),
        owner: word(choices, any == 3, &owners),
        parent: if any == 4 { Some(choices.text(30)) } else { choices.one_of(&parents).map(|id| id.to_string()) },
        created: span(choices),
        expires: span(choices),
        last_used: span(choices),
        never_used: choices.below(6) == 5,
        sort: choices.one_of(&sorts),
        descending: choices.flag(),
        limit: choices.one_of(&[1, 1, 1, 2, 3, 1_000, 0, 1_001, u32::MAX]),
        cursor: None,
    }
}

/// Mostly open on both sides.
fn span(choices: &mut Choices<'_>) -> Span {
    if choices.below(6) != 5 {
        return Span::default();
    }
    let moment = |choices: &mut Choices<'_>| choices.flag().then(|| Seconds(choices.number_near(START)));
    Span { from: moment(choices), until: moment(choices) }
}
