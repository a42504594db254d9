#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]

use std::os::unix::{fs::PermissionsExt as _, net::UnixDatagram};

use jeton_store::{
    MemoryStore,
    audit::{Checker, Entry},
};

use super::*;

fn log() -> Arc<dyn AuditLog> {
    Arc::new(MemoryStore::new())
}

fn write(log: &Arc<dyn AuditLog>, entries: u64) {
    for number in 0..entries {
        let entry = Entry::new(number, "machine", "test.act", "done").with("name", "a\nb");
        log.commit_recorded(vec![], vec![], vec![entry]).unwrap();
    }
}

/// Hands on what there is.
fn follow(log: &Arc<dyn AuditLog>, data: &Path, file: &Path) -> Result<(), FollowError> {
    Follower::start(log, data, Some(file), None)?.unwrap().stop();
    Ok(())
}

fn whole_lines(file: &Path) -> u64 {
    let mut checker = Checker::new();
    fs::read(file).unwrap().trim_ascii_end().split(|byte| *byte == b'\n').for_each(|line| checker.line(line));
    let report = checker.finish(None);
    assert_eq!(report.findings, []);
    report.lines
}

#[test]
fn a_file_goes_on_behind_its_last_line_whatever_ended_the_process() {
    let place = tempfile::tempdir().unwrap();
    let (log, file) = (log(), place.path().join("audit.jsonl"));
    write(&log, 1500);
    follow(&log, place.path(), &file).unwrap();
    assert_eq!(whole_lines(&file), 1500);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    write(&log, 3);
    follow(&log, place.path(), &file).unwrap();
    assert_eq!(whole_lines(&file), 1503);
    // A crash in the middle of a line, and before the mark was moved.
    let mut bytes = fs::read(&file).unwrap();
    bytes.truncate(bytes.len() - 10);
    fs::write(&file, bytes).unwrap();
    fs::write(place.path().join("audit-file.seq"), "1400").unwrap();
    write(&log, 1);
    follow(&log, place.path(), &file).unwrap();
    assert_eq!(whole_lines(&file), 1504);
}

#[test]
fn a_file_that_is_moved_away_is_begun_anew_and_no_line_is_lost_or_there_twice() {
    let place = tempfile::tempdir().unwrap();
    let (log, file) = (log(), place.path().join("audit.jsonl"));
    write(&log, 5);
    follow(&log, place.path(), &file).unwrap();
    fs::rename(&file, place.path().join("audit.jsonl.1")).unwrap();
    write(&log, 2);
    follow(&log, place.path(), &file).unwrap();
    let numbers: Vec<u64> = fs::read_to_string(&file)
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).unwrap().get("seq")?.as_u64())
        .collect();
    assert_eq!(numbers, [6, 7]);
    // While it runs, too.
    let (mut sink, _) = FileSink::open(&file).unwrap();
    fs::rename(&file, place.path().join("audit.jsonl.2")).unwrap();
    sink.take(&log.audit_lines(Some(6), Direction::Ascending, 1).unwrap().lines).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 1);
}

#[test]
fn the_file_of_another_store_is_not_written_to() {
    let place = tempfile::tempdir().unwrap();
    let (one, file) = (log(), place.path().join("audit.jsonl"));
    write(&one, 5);
    follow(&one, place.path(), &file).unwrap();
    let before = fs::read(&file).unwrap();
    let (shorter, other) = (log(), log());
    write(&shorter, 4);
    other.commit_recorded(vec![], vec![], vec![Entry::new(7, "other", "test.act", "done"); 9]).unwrap();
    for log in [&shorter, &other] {
        assert!(matches!(follow(log, place.path(), &file), Err(FollowError::AnotherLog(_))));
    }
    fs::write(&file, "hello\n").unwrap();
    assert!(matches!(follow(&one, place.path(), &file), Err(FollowError::AnotherLog(_))));
    fs::write(&file, &before).unwrap();
    follow(&one, place.path(), &file).unwrap();
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn each_entry_is_a_message_of_rfc_5424_and_waits_for_whoever_listens() {
    let place = tempfile::tempdir().unwrap();
    let (log, path) = (log(), place.path().join("log"));
    write(&log, 2);
    let refused = Entry::new(1_801_396_800, "nobody", "exchange.refuse", "refused");
    log.commit_recorded(vec![], vec![], vec![refused]).unwrap();
    let target: SyslogTarget = path.display().to_string().parse().unwrap();
    // Nobody listens yet.
    Follower::start(&log, place.path(), None, Some(&target)).unwrap().unwrap().stop();
    let socket = UnixDatagram::bind(&path).unwrap();
    let received = || {
        let mut buffer = vec![0; 70_000];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer.get(..length).unwrap().to_vec()).unwrap()
    };
    Follower::start(&log, place.path(), None, Some(&target)).unwrap().unwrap().stop();
    let messages = [received(), received(), received()];
    assert!(messages.iter().take(2).all(|message| message.starts_with("<85>1 1970-01-01T00:00:0")), "{messages:?}");
    assert!(messages.iter().take(2).all(|message| !message.contains('\n') && message.contains(r"a\nb")));
    let head = format!("<84>1 2027-01-31T12:00:00Z {} jeton {} audit - {{", host(), std::process::id());
    assert!(messages.last().unwrap().starts_with(&head), "{messages:?}");
    // Again: nothing new, and nothing twice.
    Follower::start(&log, place.path(), None, Some(&target)).unwrap().unwrap().stop();
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut [0; 10]).is_err());
    for bad in ["", "dev/log", "localhost", "127.0.0.1"] {
        assert!(bad.parse::<SyslogTarget>().is_err(), "{bad}");
    }
    assert_eq!("127.0.0.1:514".parse(), Ok(SyslogTarget::Udp(([127, 0, 0, 1], 514).into())));
}

fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned()
}
