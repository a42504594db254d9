//! The numbers that are promised. What they bound is tested where it is bound, by their names; here it is that they are these.

use jeton_policy::{
    authority::{
        COMMIT_GUARD, LAST_EXPIRY, MAX_ACCESS_TTL, MAX_CATALOGUE_LENGTH, MAX_CUTS_IN_BUCKET, MAX_ENTOMBED,
        MAX_JTI_CUTS, MAX_OVERLAP, MAX_REMOVED, MAX_SWEPT, REMEMBERED_FOR, ROTATION_GRACE, SPENT_KEPT,
        TOLERATED_STEP_BACK, TOMBSTONE_RETENTION,
    },
    live::{LEASE, MAX_CUTS, MAX_DOCUMENT},
    record::DEFAULT_TOMBSTONE_RETENTION,
    seconds::Seconds,
};

const DAY: u64 = 86_400;

#[test]
fn the_spans_of_time_are_those_that_are_promised() {
    let days = [
        (MAX_OVERLAP, 7),
        (SPENT_KEPT, 90),
        (REMEMBERED_FOR, 1),
        (MAX_ACCESS_TTL, 1),
        (DEFAULT_TOMBSTONE_RETENTION, 400),
        (*TOMBSTONE_RETENTION.start(), 1),
        (*TOMBSTONE_RETENTION.end(), 3_650),
    ];
    for (span, days) in days {
        assert_eq!(span, Seconds(days * DAY));
    }
    let seconds = [(ROTATION_GRACE, 30), (COMMIT_GUARD, 60), (TOLERATED_STEP_BACK, 10), (LEASE, 5)];
    for (span, seconds) in seconds {
        assert_eq!(span, Seconds(seconds));
    }
    assert_eq!(LAST_EXPIRY, Seconds(253_402_300_799), "the last second of the year 9999");
}

#[test]
fn the_cuts_of_all_buckets_are_no_more_than_a_live_set_holds_and_a_document_has_room_for_them() {
    assert_eq!((MAX_CUTS, MAX_CUTS_IN_BUCKET, MAX_JTI_CUTS), (100_000, 390, 64));
    const { assert!(MAX_CUTS_IN_BUCKET * 256 <= MAX_CUTS) };
    assert_eq!((MAX_DOCUMENT, MAX_CATALOGUE_LENGTH), (4_194_304, 16_384));
}

#[test]
fn a_sweep_ends_and_removes_fewer_than_it_looks_at() {
    assert_eq!((MAX_SWEPT, MAX_ENTOMBED, MAX_REMOVED), (500, 100, 31));
}
