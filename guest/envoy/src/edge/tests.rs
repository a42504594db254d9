#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]
use core::time::Duration;

use jeton_vectors::generate::{EPOCH, EXPIRY, MINTED, OWN_LINEAGE, SEQUENCE, Signer};

use super::*;
use crate::{
    board::in_memory::InMemory,
    publisher::{LedFurther, Publisher},
};

/// A moment: seconds since the good token was minted, and as many on the other clock.
fn at(seconds: u64) -> Now {
    Now { monotonic: Duration::from_secs(100 + seconds), wall: Duration::from_secs(MINTED + seconds) }
}

/// A feed that was told documents, one after another.
struct Told {
    board: InMemory,
    publisher: Publisher,
    held: Option<LiveSet>,
}

impl Told {
    fn new() -> Self {
        Self { board: InMemory::default(), publisher: Publisher::default(), held: None }
    }

    fn whole(&mut self, document: &[u8], asked: Now) -> Result<(), LedFurther> {
        let live = LiveSet::from_document(document).unwrap();
        self.publisher.whole(&self.board, document, self.held.insert(live), asked)
    }

    fn change(&mut self, base: u64, document: &[u8], asked: Now) -> Result<(), LedFurther> {
        let live = self.held.as_mut().unwrap();
        live.load(document).unwrap();
        self.publisher.change(&self.board, base, document, live, asked)
    }
}

fn verdict(edge: &mut Edge, token: &str, now: Now) -> Result<(), Refusal> {
    edge.verify(token, &now, None).map(|_| ())
}

#[test]
fn before_the_first_live_set_and_past_the_lease_nothing_is_accepted() {
    let signer = Signer::of_epoch(EPOCH).unwrap();
    let (mut told, mut edge, token) = (Told::new(), Edge::default(), signer.good());
    edge.follow(&told.board).unwrap();
    assert_eq!(verdict(&mut edge, &token, at(1)), Err(Refusal::Stale));
    told.whole(&signer.whole(SEQUENCE, &[]).render(), at(0)).unwrap();
    assert_eq!(verdict(&mut edge, &token, at(1)), Err(Refusal::Stale), "it has not looked");
    edge.follow(&told.board).unwrap();
    assert_eq!(verdict(&mut edge, &token, at(4)), Ok(()));
    assert_eq!(verdict(&mut edge, &token, at(5)), Err(Refusal::Stale));
    told.change(SEQUENCE, &signer.delta(SEQUENCE, SEQUENCE, &[], &[]).render(), at(4)).unwrap();
    edge.follow(&told.board).unwrap();
    assert_eq!(verdict(&mut edge, &token, at(8)), Ok(()), "silence was good news, and is asked for again");
    let set_back = Now { wall: Duration::ZERO, ..at(9) };
    assert_eq!(verdict(&mut edge, &token, set_back), Err(Refusal::Stale), "the monotonic clock counts");
}

#[test]
fn a_worker_that_slept_through_any_number_of_changes_catches_up() {
    let signer = Signer::of_epoch(EPOCH).unwrap();
    for missed in [0, 1, 2, 63, 64, 65, 127, 128, 129, 200, 500] {
        for knew_before in [false, true] {
            let (mut told, mut edge, token) = (Told::new(), Edge::default(), signer.good());
            told.whole(&signer.whole(SEQUENCE, &[]).render(), at(0)).unwrap();
            if knew_before {
                edge.follow(&told.board).unwrap();
                assert_eq!(verdict(&mut edge, &token, at(1)), Ok(()));
            }
            for change in 0..missed {
                let base = SEQUENCE + change;
                let cut = if change == missed / 2 { OWN_LINEAGE } else { "SomethingElse000000000" };
                told.change(base, &signer.delta(base, base + 1, &[cut], &[]).render(), at(1)).unwrap();
            }
            edge.follow(&told.board).unwrap();
            let expected = if missed == 0 { Ok(()) } else { Err(Refusal::Cut) };
            assert_eq!(verdict(&mut edge, &token, at(2)), expected, "{missed} changes, {knew_before}");
        }
    }
}

#[test]
fn a_new_epoch_reaches_a_worker_by_the_whole_document() {
    let (old, new) = (Signer::of_epoch(EPOCH).unwrap(), Signer::of_epoch(EPOCH + 1).unwrap());
    let (mut told, mut edge) = (Told::new(), Edge::default());
    told.whole(&old.whole(SEQUENCE, &[]).render(), at(0)).unwrap();
    edge.follow(&told.board).unwrap();
    told.whole(&new.whole(3, &[]).render(), at(1)).unwrap();
    edge.follow(&told.board).unwrap();
    assert_eq!(verdict(&mut edge, &old.good(), at(2)), Err(Refusal::WrongEpoch));
    assert_eq!(verdict(&mut edge, &new.good(), at(2)), Ok(()));
}

#[test]
fn a_second_writer_leads_nobody_back() {
    let signer = Signer::of_epoch(EPOCH).unwrap();
    let (mut told, mut edge, token) = (Told::new(), Edge::default(), signer.good());
    told.whole(&signer.whole(SEQUENCE + 5, &[OWN_LINEAGE]).render(), at(0)).unwrap();
    edge.follow(&told.board).unwrap();
    let replayed = signer.whole(SEQUENCE, &[]).render();
    let live = LiveSet::from_document(&replayed).unwrap();
    assert_eq!(Publisher::default().whole(&told.board, &replayed, &live, at(1)), Err(LedFurther));
    edge.follow(&told.board).unwrap();
    assert_eq!(verdict(&mut edge, &token, at(2)), Err(Refusal::Cut));
    // Were it to write the head itself, workers would refuse what it leads to, or hold more than that.
    let mut forged = Head::of(&live, at(3));
    told.board.write(HEAD, &forged.to_bytes());
    edge.follow(&told.board).unwrap();
    assert_eq!(verdict(&mut edge, &token, at(4)), Err(Refusal::Cut));
    forged.sequence = SEQUENCE + 9;
    told.board.write(HEAD, &forged.to_bytes());
    assert_eq!(edge.follow(&told.board), Err(LoadError::Older));
    assert_eq!(verdict(&mut edge, &token, at(4)), Err(Refusal::Stale), "something newer is said to be there");
    edge.follow(&told.board).unwrap();
    assert_eq!(verdict(&mut edge, &token, at(4)), Err(Refusal::Stale), "and that does not go away by asking again");
}

#[test]
fn the_time_judged_by_comes_from_the_feed_where_the_clock_is_behind() {
    let signer = Signer::of_epoch(EPOCH).unwrap();
    let (mut told, mut edge, token) = (Told::new(), Edge::default(), signer.good());
    told.whole(&signer.whole(SEQUENCE, &[]).render(), at(0)).unwrap();
    edge.follow(&told.board).unwrap();
    assert_eq!(verdict(&mut edge, &token, at(1)), Ok(()));
    let mut late = signer.delta(SEQUENCE, SEQUENCE, &[], &[]);
    late.as_of = jeton_policy::seconds::Seconds(EXPIRY);
    told.change(SEQUENCE, &late.render(), at(1)).unwrap();
    edge.follow(&told.board).unwrap();
    assert_eq!(verdict(&mut edge, &token, at(2)), Err(Refusal::Expired));
}

#[test]
fn the_board_holds_no_more_than_its_places() {
    let signer = Signer::of_epoch(EPOCH).unwrap();
    let mut told = Told::new();
    told.whole(&signer.whole(SEQUENCE, &[]).render(), at(0)).unwrap();
    for base in SEQUENCE..SEQUENCE + 1_000 {
        told.change(base, &signer.delta(base, base + 1, &[], &[]).render(), at(0)).unwrap();
    }
    let changes = (0..SLOTS).filter_map(|slot| told.board.read(&board::change(slot)));
    assert!(changes.filter(|entry| !entry.value.is_empty()).count() <= 64);
}
