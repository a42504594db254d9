//! What scans may be relied on for: order, prefixes, cursors, limits.

use jeton_policy::store::Store;

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

fn keys(store: &impl Store, prefix: &[u8], after: Option<&[u8]>, limit: u32) -> Vec<Vec<u8>> {
    let page = must(store.scan(prefix, after, limit), "a scan");
    for item in &page.items {
        assert_eq!(item.key, item.value, "a scan must give each key its own value");
        assert!(item.version <= page.revision, "no version may be above the page's revision");
    }
    page.items.into_iter().map(|item| item.key).collect()
}

/// What a scan must find, by the words of the contract.
fn expected(prefix: &[u8], after: Option<&[u8]>) -> Vec<Vec<u8>> {
    ORDERED
        .iter()
        .filter(|key| key.starts_with(prefix) && after.is_none_or(|after| **key > after))
        .map(|key| key.to_vec())
        .collect()
}

/// A scan of everything gives every key once, ordered by its bytes as unsigned numbers.
pub fn a_scan_is_ordered_by_bytes<E: Engine>(engine: &E) {
    let store = filled(engine);
    assert_eq!(keys(&store, b"", None, 100), ORDERED, "keys must be ordered by their bytes");
}

/// A scan gives the keys that begin with its prefix, the prefix itself included, and no others.
pub fn a_scan_keeps_to_its_prefix<E: Engine>(engine: &E) {
    let store = filled(engine);
    for prefix in ORDERED.iter().chain([b"".as_slice(), b"c", b"a\xfe", b"\xff\xff\xff"].iter()) {
        assert_eq!(keys(&store, prefix, None, 100), expected(prefix, None), "the scan of prefix {prefix:02x?}");
    }
}

/// A cursor is exclusive, need not exist, and may lie outside the prefix.
pub fn a_cursor_goes_on_after_its_key<E: Engine>(engine: &E) {
    let store = filled(engine);
    let strays = [b"".as_slice(), b"a\x00\x01", b"a\xfe", b"c", b"\xff\xff\xff"];
    for prefix in [b"".as_slice(), b"\x00", b"a", b"a\xff", b"\xff", b"\xff\xff", b"c"] {
        for after in ORDERED.iter().chain(strays.iter()) {
            assert_eq!(
                keys(&store, prefix, Some(after), 100),
                expected(prefix, Some(after)),
                "the scan of prefix {prefix:02x?} after {after:02x?}"
            );
        }
    }
}

/// A page has at most `limit` items, as many as there are, and pages that follow one another's last key join without a
/// gap or a repetition.
pub fn a_limit_cuts_a_page_and_pages_join<E: Engine>(engine: &E) {
    let store = filled(engine);
    assert!(keys(&store, b"", None, 0).is_empty(), "a limit of 0 must give an empty page");
    for prefix in [b"".as_slice(), b"a", b"\xff"] {
        let all = expected(prefix, None);
        for limit in 1..=4_u32 {
            let mut joined: Vec<Vec<u8>> = Vec::new();
            loop {
                let page = keys(&store, prefix, joined.last().map(Vec::as_slice), limit);
                let left = all.len() - joined.len();
                assert_eq!(page.len(), left.min(limit as usize), "a page must be as full as its limit allows");
                if page.is_empty() {
                    break;
                }
                joined.extend(page);
            }
            assert_eq!(joined, all, "pages of {limit} must join to the whole");
        }
    }
}
