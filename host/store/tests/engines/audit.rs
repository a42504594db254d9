//! The audit log of every engine: with its act or not at all, one chain, out of the policy's reach.

use jeton_policy::store::{Check, CommitError, Direction, Freshness, Store};
use jeton_store::{
    Fault, FaultyStore, MemoryStore, SqliteStore,
    audit::{AuditLog, Checker, Entry, Line, PRUNED, Report, Start},
};
use proptest::prelude::*;

use crate::support::{place, put};

fn entry(name: &str) -> Entry {
    Entry::new(1_801_396_800, "machine", "test.act", "done").with("name", name)
}

fn all(log: &dyn AuditLog) -> (Vec<Line>, u64) {
    let (mut lines, mut head): (Vec<Line>, u64) = (Vec::new(), 0);
    loop {
        let page = log.audit_lines(lines.last().map(|line| line.seq), Direction::Ascending, 3).unwrap();
        head = page.head.max(head);
        if page.lines.is_empty() {
            return (lines, head);
        }
        lines.extend(page.lines);
    }
}

fn checked(log: &dyn AuditLog) -> Report {
    let (lines, head) = all(log);
    let mut checker = Checker::new();
    lines.iter().for_each(|line| checker.line(line.text.as_bytes()));
    checker.finish(Some(head))
}

#[derive(Debug, Clone)]
enum Step {
    Act { entries: usize, name: String },
    Conflict,
    Unrecorded,
    Prune(prop::sample::Index),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_usize..4, ".{0,12}").prop_map(|(entries, name)| Step::Act { entries, name }),
        1 => Just(Step::Conflict),
        1 => Just(Step::Unrecorded),
        1 => any::<prop::sample::Index>().prop_map(Step::Prune),
        1 => Just(Step::Reopen),
    ]
}

/// Runs the steps; gives how many lines were written, and the first that must be there.
fn run(log: &dyn AuditLog, step: &Step, written: &mut u64, first: &mut u64) {
    match step {
        Step::Act { entries, name } => {
            let entries: Vec<Entry> = (0..*entries).map(|_| entry(name)).collect();
            *written += u64::try_from(entries.len()).unwrap();
            log.commit_recorded(vec![], vec![put(b"k", name.as_bytes())], entries).unwrap();
        }
        Step::Conflict => {
            let never = Check { key: b"k".to_vec(), version: Some(u64::MAX >> 1) };
            let refused = log.commit_recorded(vec![never], vec![put(b"k", b"never")], vec![entry("never")]);
            assert_eq!(refused, Err(CommitError::Conflict));
        }
        Step::Unrecorded => drop(log.commit(vec![], vec![put(b"k", b"quiet")]).unwrap()),
        Step::Prune(index) => {
            let through = *first + u64::try_from(index.index(10)).unwrap();
            log.prune_audit(through, Entry::new(2, "policy", PRUNED, "done")).unwrap();
            if through < *written {
                *first = through + 1;
                *written += 1;
            }
        }
        Step::Reopen => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_done_the_chain_is_whole(steps in prop::collection::vec(step(), 1..30)) {
        let place = place();
        let mut sqlite = SqliteStore::open(&place.path).unwrap();
        let memory = MemoryStore::new();
        let (mut written, mut first) = (0, 1);
        for step in &steps {
            if matches!(step, Step::Reopen) {
                drop(sqlite);
                sqlite = SqliteStore::open(&place.path).unwrap();
            }
            let (mut other, mut other_first) = (written, first);
            run(&memory, step, &mut other, &mut other_first);
            run(&sqlite, step, &mut written, &mut first);
            prop_assert_eq!((written, first), (other, other_first));
        }
        for log in [&sqlite as &dyn AuditLog, &memory] {
            let report = checked(log);
            prop_assert_eq!(&report.findings, &vec![]);
            prop_assert_eq!(report.head.map_or(0, |head| head.seq), written);
            prop_assert_eq!(report.lines, written + 1 - first);
            if first > 1 {
                prop_assert_eq!(report.start, Some((first, Start::Sealed)));
            }
        }
        prop_assert_eq!(all(&sqlite).0.into_iter().map(|line| line.text).collect::<Vec<_>>(), all(&memory).0.into_iter().map(|line| line.text).collect::<Vec<_>>());
    }
}

#[test]
fn an_act_that_cannot_be_recorded_does_not_happen_and_what_did_not_happen_is_not_recorded() {
    for fault in Fault::ALL {
        let log = FaultyStore::failing(MemoryStore::new(), 2, fault);
        log.commit_recorded(vec![], vec![put(b"k", b"1")], vec![entry("1")]).unwrap();
        assert_eq!(
            log.commit_recorded(vec![], vec![put(b"k", b"2")], vec![entry("2")]),
            Err(CommitError::Unavailable),
            "{fault:?}"
        );
        let store = log.into_inner();
        let value = store.read(&[b"k".to_vec()], Freshness::Latest).unwrap().entries[0].clone().unwrap().value;
        let (lines, head) = all(&store);
        assert_eq!(head, if value == b"2" { 2 } else { 1 }, "{fault:?}");
        assert!(lines.last().unwrap().text.contains(&format!("\"name\":\"{}\"", char::from(value[0]))), "{fault:?}");
    }
}

#[test]
fn writers_at_once_make_one_chain() {
    let place = place();
    let store = SqliteStore::open(&place.path).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..50 {
                    let name = format!("{writer} {number}");
                    store.commit_recorded(vec![], vec![put(name.as_bytes(), b"")], vec![entry(&name)]).unwrap();
                }
            });
        }
    });
    let report = checked(&store);
    assert_eq!((report.findings, report.lines), (vec![], 400));
    assert!(store.statistics().groups() < 400, "entries share a sync as their acts do");
}

#[test]
fn no_key_leads_to_the_log() {
    for log in [&MemoryStore::new() as &dyn AuditLog, &SqliteStore::open(&place().path).unwrap()] {
        log.commit_recorded(vec![], vec![], vec![entry("of nothing")]).unwrap();
        assert_eq!(log.scan(b"", None, Direction::Ascending, 10).unwrap().items, []);
        assert_eq!(all(log).1, 1);
    }
}

#[test]
fn a_file_that_somebody_edited_is_found_out() {
    let place = place();
    let store = SqliteStore::open(&place.path).unwrap();
    for number in 0..5 {
        store.commit_recorded(vec![], vec![], vec![entry(&number.to_string())]).unwrap();
    }
    drop(store);
    let original = std::fs::read(&place.path).unwrap();
    let edits = [
        ("UPDATE audit SET line = replace(line, '\"name\":\"2\"', '\"name\":\"x\"')", "entry 3 (line 3) was changed"),
        ("DELETE FROM audit WHERE seq = 2", "entry 2 is missing"),
        ("DELETE FROM audit WHERE seq = 5", "entry 5 is missing"),
        ("DELETE FROM audit", "entries 1 to 5 are missing"),
        ("DELETE FROM audit WHERE seq < 3", "the log begins with entry 3, and nothing seals what came before"),
        (
            "UPDATE audit SET seq = -seq WHERE seq IN (2, 3); UPDATE audit SET seq = 5 + seq WHERE seq < 0;",
            "entry 2 (line 3) is out of order or there twice",
        ),
    ];
    for (edit, found) in edits {
        std::fs::write(&place.path, &original).unwrap();
        rusqlite_connection(&place.path).execute_batch(edit).unwrap();
        let store = SqliteStore::open(&place.path).unwrap();
        let findings: Vec<String> = checked(&store).findings.iter().map(ToString::to_string).collect();
        assert_eq!(findings, [found], "{edit}");
    }
}

fn rusqlite_connection(path: &std::path::Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).unwrap()
}

#[test]
fn pages_go_both_ways_while_lines_come_in() {
    let log = MemoryStore::new();
    for number in 1..=5 {
        log.commit_recorded(vec![], vec![], vec![entry(&number.to_string())]).unwrap();
    }
    let numbers = |after, direction, limit| -> Vec<u64> {
        log.audit_lines(after, direction, limit).unwrap().lines.iter().map(|line| line.seq).collect()
    };
    assert_eq!(numbers(None, Direction::Ascending, 2), [1, 2]);
    assert_eq!(numbers(Some(2), Direction::Ascending, 9), [3, 4, 5]);
    assert_eq!(numbers(None, Direction::Descending, 2), [5, 4]);
    log.commit_recorded(vec![], vec![], vec![entry("6")]).unwrap();
    assert_eq!(numbers(Some(4), Direction::Descending, 9), [3, 2, 1]);
    assert_eq!(numbers(Some(6), Direction::Ascending, 9), [0; 0]);
}

#[test]
fn a_store_without_an_audit_log_gets_one() {
    let place = place();
    drop(SqliteStore::open(&place.path).unwrap());
    let older = "DROP TABLE audit; DELETE FROM meta WHERE name = 'audit'; PRAGMA user_version = 1;";
    rusqlite_connection(&place.path).execute_batch(older).unwrap();
    let store = SqliteStore::open(&place.path).unwrap();
    store.commit_recorded(vec![], vec![], vec![entry("first")]).unwrap();
    assert_eq!(checked(&store).findings, []);
}
