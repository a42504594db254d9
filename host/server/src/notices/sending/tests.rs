#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]

use std::sync::Arc;

use jeton_policy::store::Direction;
use jeton_store::{MemoryStore, audit::AuditLog};
use parking_lot::Mutex;

use super::*;
use crate::notices::{
    marks::Marks,
    notice::{Kind, Notice},
};

const START: u64 = 1_800_000_000;
const DAY: u64 = 24 * 60 * 60;

/// When a carrier was given something, and the ids of what it was.
type Given = (u64, Vec<String>);

/// What a carrier does with a message, and what it was given.
#[derive(Clone)]
struct Receiver {
    channel: Channel,
    answers: Arc<Mutex<Vec<Result<(), SendError>>>>,
    given: Arc<Mutex<Vec<Given>>>,
}

impl Carrier for Receiver {
    fn channel(&self) -> Channel {
        self.channel
    }

    fn carry(&mut self, notices: &[Notice], now: u64) -> Result<(), SendError> {
        self.given.lock().push((now, notices.iter().map(|notice| notice.id.clone()).collect()));
        self.answers.lock().pop().unwrap_or(Ok(()))
    }
}

struct Scene {
    store: Arc<MemoryStore>,
    kept: Kept,
    marks: Marks,
    sender: Sender,
    receiver: Receiver,
}

impl Scene {
    /// A receiver that answers so, and then takes everything.
    fn new(channel: Channel, mut answers: Vec<Result<(), SendError>>) -> Self {
        let store = Arc::new(MemoryStore::new());
        answers.reverse();
        let receiver = Receiver { channel, answers: Arc::new(Mutex::new(answers)), given: Arc::default() };
        Self {
            kept: Kept::new(Arc::clone(&store) as _),
            store,
            marks: Marks::new(0),
            sender: Self::sender(&receiver),
            receiver,
        }
    }

    fn sender(receiver: &Receiver) -> Sender {
        Sender::new(Box::new(receiver.clone()), Box::new(|| 0.5))
    }

    /// Tells notices, and gives their ids.
    fn tell(&mut self, count: usize, at: u64) -> Vec<String> {
        let channel = self.receiver.channel;
        let told: Vec<_> = (0..count)
            .map(|_| (Notice::new(Kind::BackupOld, at, "It is old.".to_owned()), vec![(channel, channel.pending(at))]))
            .collect();
        self.kept.tell(&mut self.marks, &told).unwrap();
        told.into_iter().map(|(notice, _)| notice.id).collect()
    }

    /// Goes on second by second; gives what was sent when, from `from` on.
    fn run(&mut self, from: u64, seconds: u64) -> Vec<(u64, Vec<String>)> {
        for now in from..from + seconds {
            self.sender.round(&self.kept, now).unwrap();
        }
        std::mem::take(&mut *self.receiver.given.lock()).into_iter().map(|(at, ids)| (at - from, ids)).collect()
    }

    fn waits(&self) -> usize {
        self.kept.pending(self.receiver.channel, 1000).unwrap().len()
    }
}

fn down() -> Result<(), SendError> {
    Err(SendError::unreachable("down".to_owned()))
}

fn refused() -> Result<(), SendError> {
    Err(SendError::refused("400".to_owned()))
}

#[test]
fn what_is_not_taken_is_tried_again_under_the_same_id_ever_more_rarely() {
    let mut scene = Scene::new(Channel::Webhook, vec![down(), down(), down(), down()]);
    let ids = scene.tell(1, START);
    let given = scene.run(START, 200);
    assert_eq!(given.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 2, 8, 26, 80]);
    assert!(given.iter().all(|(_, given)| *given == ids));
    assert_eq!(scene.waits(), 0);
}

#[test]
fn while_a_receiver_is_down_it_is_asked_by_one_message_and_not_by_each() {
    let mut scene = Scene::new(Channel::Webhook, vec![down(), down(), down()]);
    let ids = scene.tell(100, START);
    let given = scene.run(START, 60);
    let attempts_while_down = given.iter().filter(|(at, _)| *at < 26).count();
    assert_eq!(attempts_while_down, 3);
    let mut taken: Vec<String> = given.into_iter().skip(3).flat_map(|(_, ids)| ids).collect();
    taken.sort();
    let mut all = ids;
    all.sort();
    assert_eq!(taken, all, "then each is taken, once");
}

#[test]
fn one_that_is_refused_is_in_nobodys_way() {
    let mut scene = Scene::new(Channel::Webhook, vec![refused()]);
    let ids = scene.tell(3, START);
    let given = scene.run(START, 3);
    let order: Vec<(u64, &String)> = given.iter().map(|(at, ids)| (*at, ids.first().unwrap())).collect();
    assert_eq!(order, [(0, &ids[0]), (0, &ids[1]), (0, &ids[2]), (2, &ids[0])]);
}

#[test]
fn after_three_days_it_is_given_up_and_the_audit_log_says_so() {
    let mut scene = Scene::new(Channel::Webhook, vec![down(); 100]);
    let ids = scene.tell(1, START);
    let (mut attempts, mut given_up, mut trouble) = (0, 0, Vec::new());
    for minute in 0..5 * DAY / 60 {
        let outcome = scene.sender.round(&scene.kept, START + minute * 60).unwrap();
        attempts += outcome.failed;
        given_up += outcome.given_up;
        trouble.extend(outcome.trouble.map(|_| minute));
    }
    assert_eq!((given_up, scene.waits()), (1, 0));
    assert!((15..25).contains(&attempts), "{attempts}");
    assert!(trouble.first().is_some_and(|minute| (30..120).contains(minute)), "{trouble:?}");
    let lines = scene.store.audit_lines(None, Direction::Ascending, 10).unwrap().lines;
    assert!(lines.len() == 1 && lines[0].text.contains("notice.give-up") && lines[0].text.contains(&ids[0]));
    scene.tell(1, START + 6 * DAY);
    assert_eq!(
        scene.sender.round(&scene.kept, START + 6 * DAY).unwrap().failed,
        1,
        "the next one is tried all the same"
    );
}

#[test]
fn mail_gathers_what_there_is_and_rests_between_messages() {
    let mut scene = Scene::new(Channel::Mail, vec![down()]);
    let first = scene.tell(2, START);
    scene.run(START, 10);
    let second = scene.tell(1, START + 10);
    let given = scene.run(START, 40);
    let all: Vec<String> = first.into_iter().chain(second).collect();
    assert_eq!(given, [(20, all.clone()), (22, all)]);
    scene.tell(250, START + 40);
    let given = scene.run(START + 40, 2000);
    let sizes: Vec<(u64, usize)> = given.iter().map(|(at, ids)| (*at, ids.len())).collect();
    assert_eq!(sizes, [(282, 100), (582, 100), (882, 50)]);
}

#[test]
fn a_stop_loses_nothing_and_what_is_no_more_kept_is_not_sent() {
    let mut scene = Scene::new(Channel::Webhook, vec![down()]);
    let ids = scene.tell(1, START);
    scene.run(START, 1);
    scene.sender = Scene::sender(&scene.receiver);
    assert_eq!(scene.run(START + 1, 10), [(1, ids)]);
    scene.tell(1, START);
    scene.kept.prune(&mut scene.marks, START + 1000 * DAY).unwrap();
    assert_eq!((scene.waits(), scene.run(START + 1000 * DAY, 5)), (0, vec![]));
}

#[test]
fn a_clock_that_went_back_makes_nothing_wait_for_years() {
    let mut scene = Scene::new(Channel::Webhook, vec![down()]);
    scene.tell(1, START + 3650 * DAY);
    scene.run(START + 3650 * DAY, 1);
    assert_eq!(scene.run(START, 1).len(), 1);
}

#[test]
fn waits_spread_by_a_fifth_and_end_at_the_longest() {
    for (dice, expected) in [(0.0, [2, 5, 17_280]), (1.0, [2, 7, 25_920])] {
        let receiver = Scene::new(Channel::Webhook, vec![]).receiver;
        let mut sender = Sender::new(Box::new(receiver), Box::new(move || dice));
        assert_eq!([1, 2, 30].map(|failures| sender.wait(failures)), expected);
    }
}
