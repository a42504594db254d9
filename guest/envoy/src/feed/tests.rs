#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]
use jeton_vectors::generate::{EPOCH, ISSUER, MINTED, OWN_LINEAGE, SEQUENCE, Signer};
use zeroize::Zeroizing;

use super::*;
use crate::{board::in_memory::InMemory, edge::Edge};

fn at(milliseconds: u64) -> Now {
    let span = Duration::from_millis(milliseconds);
    Now { monotonic: Duration::from_secs(100) + span, wall: Duration::from_secs(MINTED) + span }
}

/// A poll that is asked and answered, with half of all jitter.
struct Scene {
    poll: Poll,
    board: InMemory,
    signer: Signer,
}

impl Scene {
    fn new(authorization: Option<&str>, issuer: Option<&str>) -> Self {
        let feed = Feed {
            cluster: "jeton".to_owned(),
            scheme: "https",
            host: "tokens.example".to_owned(),
            base_path: "/below".to_owned(),
            authorization: authorization.map(|value| Zeroizing::new(value.to_owned())),
            issuer: issuer.map(str::to_owned),
        };
        Self { poll: Poll::new(feed), board: InMemory::default(), signer: Signer::of_epoch(EPOCH).unwrap() }
    }

    fn asks(&mut self, milliseconds: u64) -> Option<String> {
        self.poll.question(at(milliseconds))
    }

    fn hears(&mut self, milliseconds: u64, status: u16, body: &[u8]) -> Result<News, Failure> {
        let answer = Answer { status, retry_after: None, body: Some(body) };
        self.poll.answered(Some(answer), at(milliseconds), 0x8000_0000, &self.board)
    }

    fn whole(&self, sequence: u64, cuts: &[&str]) -> Vec<u8> {
        self.signer.whole(sequence, cuts).render()
    }

    fn change(&self, base: u64, sequence: u64) -> Vec<u8> {
        self.signer.delta(base, sequence, &[OWN_LINEAGE], &[]).render()
    }

    fn accepts(&self, milliseconds: u64) -> bool {
        let mut edge = Edge::default();
        edge.follow(&self.board).unwrap();
        edge.verify(&self.signer.good(), &at(milliseconds), None).is_ok()
    }
}

#[test]
fn it_asks_for_the_whole_and_then_waits_for_changes_one_at_a_time() {
    let mut scene = Scene::new(Some("Basic x"), None);
    assert_eq!(scene.asks(0).as_deref(), Some("/below/v1/live"));
    assert_eq!(scene.asks(1), None, "one is out");
    let whole = scene.whole(SEQUENCE, &[]);
    scene.hears(10, 200, &whole).unwrap();
    assert!(scene.accepts(20));
    assert_eq!(scene.asks(10), None, "not in the same breath");
    assert_eq!(scene.asks(20).unwrap(), format!("/below/v1/live?after={SEQUENCE}&epoch={EPOCH}&wait=1"));
    let silence = scene.signer.delta(SEQUENCE, SEQUENCE, &[], &[]).render();
    scene.hears(2_020, 200, &silence).unwrap();
    assert!(scene.asks(2_020).is_some(), "at once");
    let change = scene.change(SEQUENCE, SEQUENCE + 1);
    let news = scene.hears(2_100, 200, &change).unwrap();
    assert_eq!((news.sequence, news.cuts), (SEQUENCE + 1, 1));
    assert!(!scene.accepts(2_100));
    assert!(scene.asks(2_100).unwrap().contains(&format!("after={}", SEQUENCE + 1)));
}

#[test]
fn the_lease_counts_from_when_it_asked() {
    let mut scene = Scene::new(None, None);
    scene.asks(0);
    let whole = scene.whole(SEQUENCE, &[]);
    scene.hears(3_000, 200, &whole).unwrap();
    assert!(scene.accepts(4_000) && !scene.accepts(4_001), "a begun second is a second");
}

#[test]
fn an_authority_that_does_not_wait_is_not_asked_at_once() {
    let mut scene = Scene::new(None, None);
    scene.asks(0);
    let whole = scene.whole(SEQUENCE, &[]);
    scene.hears(1, 200, &whole).unwrap();
    assert!(scene.asks(21).unwrap().ends_with("&wait=1"));
    assert_eq!(scene.hears(22, 401, b"").unwrap_err(), Failure::Unauthorized(401));
    assert!(!scene.asks(22).unwrap().contains("wait"), "whoever may not wait may look");
    scene.hears(23, 200, &whole).unwrap();
    assert_eq!(scene.asks(522), None);
    assert!(scene.asks(523).is_some());
    assert!(scene.accepts(4_000), "the same set again renews the lease");
}

#[test]
fn failures_come_further_and_further_apart_and_never_end() {
    let mut scene = Scene::new(Some("Basic x"), None);
    let mut now = 0;
    for pause in [50, 100, 200, 400, 500, 500, 500] {
        assert!(scene.asks(now).is_some());
        assert_eq!(scene.poll.answered(None, at(now), 0x8000_0000, &scene.board).unwrap_err(), Failure::Unreachable);
        assert_eq!(scene.asks(now + pause - 1), None, "{pause}");
        now += pause;
    }
    assert!(scene.asks(now).is_some());
    let busy = Answer { status: 503, retry_after: Some(3_600), body: Some(b"") };
    assert_eq!(scene.poll.answered(Some(busy), at(now), 0, &scene.board).unwrap_err(), Failure::Status(503));
    assert!(scene.asks(now + 4_999).is_none() && scene.asks(now + 5_000).is_some(), "as it asked, up to a bound");
    assert!(scene.asks(now + 11_000).is_none() && scene.asks(now + 11_001).is_some(), "an answer was lost");
    let whole = scene.whole(SEQUENCE, &[]);
    scene.hears(now + 11_010, 200, &whole).unwrap();
    assert!(scene.accepts(now + 11_010));
}

#[test]
fn what_is_refused_changes_nothing_and_the_whole_is_asked_for_next() {
    let mut scene = Scene::new(Some("Basic x"), Some(ISSUER));
    let whole = |sequence, cuts: &[&str]| Signer::of_epoch(EPOCH).unwrap().whole(sequence, cuts).render();
    scene.asks(0);
    scene.hears(1, 200, &whole(SEQUENCE, &[OWN_LINEAGE])).unwrap();
    let past = Signer::of_epoch(EPOCH - 1).unwrap().whole(SEQUENCE + 9, &[]).render();
    let mut foreign = scene.signer.whole(SEQUENCE + 1, &[]);
    foreign.issuer = "https://other.example".into();
    let text = whole(SEQUENCE + 1, &[]);
    let mut now = 100;
    for (body, failure) in [
        (whole(SEQUENCE - 1, &[]), LoadError::Older.into()),
        (past, LoadError::Older.into()),
        (foreign.render(), Failure::OtherIssuer),
        (scene.change(SEQUENCE + 1, SEQUENCE + 2), LoadError::Gap.into()),
        (text[..text.len() - 1].to_vec(), LoadError::Malformed.into()),
        ([text.clone(), text.clone()].concat(), LoadError::Malformed.into()),
        (b"<html>".to_vec(), LoadError::Malformed.into()),
        (Vec::new(), LoadError::Malformed.into()),
    ] {
        assert!(scene.asks(now).is_some());
        assert_eq!(scene.hears(now + 1, 200, &body).unwrap_err(), failure);
        assert!(!scene.accepts(now + 1));
        now += 2_000;
        assert_eq!(scene.asks(now).as_deref(), Some("/below/v1/live"));
        let too_large = Answer { status: 200, retry_after: None, body: None };
        assert_eq!(scene.poll.answered(Some(too_large), at(now), 0, &scene.board).unwrap_err(), Failure::TooLarge);
        now += 2_000;
    }
    scene.asks(now);
    scene.hears(now, 200, &whole(SEQUENCE + 1, &[])).unwrap();
    assert!(scene.accepts(now + 1), "the next good answer works");
}

#[test]
fn clocks_that_are_apart_are_noticed_and_a_slow_answer_is_no_reason() {
    for (sent, came, as_of, is_off) in [
        (0, 1, MINTED, false),
        (0, 4_000, MINTED + 14, false),
        (0, 1, MINTED + 11, true),
        (0, 1, MINTED - 10, false),
        (0, 1, MINTED - 11, true),
        (0, 1, MINTED - 3_600, true),
    ] {
        let mut scene = Scene::new(None, None);
        let mut whole = scene.signer.whole(SEQUENCE, &[]);
        whole.as_of = Seconds(as_of);
        let whole = whole.render();
        scene.asks(sent);
        assert_eq!(scene.hears(came, 200, &whole).unwrap().clock_is_off, is_off, "{as_of}");
    }
}

#[test]
fn pauses_have_full_jitter_below_their_bound() {
    assert_eq!(pause_after(0, 0), Duration::ZERO);
    assert!(pause_after(0, u32::MAX) < FIRST_PAUSE && pause_after(u32::MAX, u32::MAX) < LAST_PAUSE);
    assert!(pause_after(9, u32::MAX) > LAST_PAUSE * 99 / 100);
}
