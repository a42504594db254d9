//! What scans may be relied on for: order, prefixes, cursors, limits.

use jeton_policy::store::{Direction, Store};

use super::{Engine, commit, must, put};

/// Keys that are prefixes of one another and hold the least and the greatest bytes, in their order.
const ORDERED: [&[u8]; 14] = [
    b"\x00",
    b"\x00\x00",
    b"\x00\xff",
    b"\x01",
    b"a",
    b"a\x00",
    b"a\x00\x00",
    b"a\x01",
    b"a\xff",
    b"a\xff\xff",
    b"b",
    b"\xff",
    b"\xff\x00",
    b"\xff\xff",
];

fn filled<E: Engine>(engine: &E) -> E::Store {
    let store = engine.create();
    // In another order than theirs, and in several commits.
    for stride in 0..3 {
        let writes: Vec<_> = ORDERED.iter().rev().skip(stride).step_by(3).map(|key| put(key, key)).collect();
        commit(&store, &[], &writes);
    }
    store
}

/// Both ways, each of which every test takes.
const BOTH: [Direction; 2] = [Direction::Ascending, Direction::Descending];

fn keys(store: &impl Store, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Vec<Vec<u8>> {
    let page = must(store.scan(prefix, after, direction, limit), "a scan");
    for item in &page.items {
        assert_eq!(item.key, item.value, "a scan must give each key its own value");
        assert!(item.version <= page.revision, "no version may be above the page's revision");
    }
    page.items.into_iter().map(|item| item.key).collect()
}

/// What a scan must find, by the words of the contract.
fn expected(prefix: &[u8], after: Option<&[u8]>, direction: Direction) -> Vec<Vec<u8>> {
    let below = ORDERED.iter().filter(|key| key.starts_with(prefix)).map(|key| key.to_vec());
    match direction {
        Direction::Ascending => below.filter(|key| after.is_none_or(|after| key.as_slice() > after)).collect(),
        Direction::Descending => below.rev().filter(|key| after.is_none_or(|after| key.as_slice() < after)).collect(),
    }
}

/// A scan of everything gives every key once, ordered by its bytes as unsigned numbers.
pub fn a_scan_is_ordered_by_bytes<E: Engine>(engine: &E) {
    let store = filled(engine);
    assert_eq!(keys(&store, b"", None, Direction::Ascending, 100), ORDERED, "keys must be ordered by their bytes");
    let mut reversed = ORDERED;
    reversed.reverse();
    assert_eq!(keys(&store, b"", None, Direction::Descending, 100), reversed, "descending must be ascending backwards");
}

/// A scan gives the keys that begin with its prefix, the prefix itself included, and no others.
pub fn a_scan_keeps_to_its_prefix<E: Engine>(engine: &E) {
    let store = filled(engine);
    for prefix in ORDERED.iter().chain([b"".as_slice(), b"c", b"a\xfe", b"\xff\xff\xff"].iter()) {
        for direction in BOTH {
            assert_eq!(
                keys(&store, prefix, None, direction, 100),
                expected(prefix, None, direction),
                "the {direction:?} scan of prefix {prefix:02x?}"
            );
        }
    }
}

/// A cursor is exclusive, need not exist, and may lie outside the prefix.
pub fn a_cursor_goes_on_after_its_key<E: Engine>(engine: &E) {
    let store = filled(engine);
    let strays = [b"".as_slice(), b"a\x00\x01", b"a\xfe", b"c", b"\xff\xff\xff"];
    for prefix in [b"".as_slice(), b"\x00", b"a", b"a\xff", b"\xff", b"\xff\xff", b"c"] {
        for after in ORDERED.iter().chain(strays.iter()) {
            for direction in BOTH {
                assert_eq!(
                    keys(&store, prefix, Some(after), direction, 100),
                    expected(prefix, Some(after), direction),
                    "the {direction:?} scan of prefix {prefix:02x?} after {after:02x?}"
                );
            }
        }
    }
}

/// A page has at most `limit` items, as many as there are, and pages that follow one another's last key join without a
/// gap or a repetition.
pub fn a_limit_cuts_a_page_and_pages_join<E: Engine>(engine: &E) {
    let store = filled(engine);
    for direction in BOTH {
        assert!(keys(&store, b"", None, direction, 0).is_empty(), "a limit of 0 must give an empty page");
        for prefix in [b"".as_slice(), b"a", b"\xff"] {
            for limit in 1..=4 {
                assert_eq!(
                    joined(&store, prefix, direction, limit),
                    expected(prefix, None, direction),
                    "{direction:?} pages of {limit} must join to the whole"
                );
            }
        }
    }
}

/// All that a prefix has, page by page.
fn joined(store: &impl Store, prefix: &[u8], direction: Direction, limit: u32) -> Vec<Vec<u8>> {
    let total = expected(prefix, None, direction).len();
    let mut joined: Vec<Vec<u8>> = Vec::new();
    loop {
        let page = keys(store, prefix, joined.last().map(Vec::as_slice), direction, limit);
        let left = total.saturating_sub(joined.len());
        assert_eq!(page.len(), left.min(limit as usize), "a page must be as full as its limit allows");
        if page.is_empty() {
            return joined;
        }
        joined.extend(page);
    }
}
