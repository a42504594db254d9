//! Whose turn it is on an I/O thread: connections that ask for verdicts go before all others.
//!
//! A thread goes on with what is ready in the order in which it became so. Thousands of requests that are refused, or handshakes,
//! would stand between a question for a verdict and its answer then. So of all other connections only a few go on before the
//! thread looks at its sockets again. Half of those are connections that have asked for nothing yet: a gateway that comes while others
//! wait by the thousand is soon known to be one.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use tokio::sync::Notify;

/// Connections of lower rank that go on between two looks at the sockets. A handshake takes some 200 us, a request that is refused
/// some 20; to look takes one or two.
const AT_A_TIME: usize = 4;

/// The turns of one I/O thread.
#[derive(Clone, Default)]
pub(super) struct Turns(Rc<State>);

#[derive(Default)]
struct State {
    /// Turns that were taken since they were last given.
    taken: Cell<usize>,
    waiting: RefCell<Waiting>,
    asked: Notify,
}

#[derive(Default)]
struct Waiting {
    unknown: VecDeque<(Rank, Waker)>,
    known: VecDeque<(Rank, Waker)>,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.unknown.is_empty() && self.known.is_empty()
    }

    /// Who is next, by turns of either kind as long as there are both.
    fn next(&mut self, place: usize) -> Option<(Rank, Waker)> {
        let Self { unknown, known } = self;
        let (one, other) = if place.is_multiple_of(2) { (unknown, known) } else { (known, unknown) };
        one.pop_front().or_else(|| other.pop_front())
    }
}

/// The rank of one connection. Cloning shares it.
#[derive(Clone, Default)]
pub(super) struct Rank(Rc<Standing>);

#[derive(Default)]
struct Standing {
    /// `None`: it has asked for nothing yet.
    goes_first: Cell<Option<bool>>,
    turn: Cell<Turn>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Turn {
    #[default]
    NotAskedFor,
    AskedFor,
    Given,
}

impl Rank {
    /// Whether it goes before others from now on.
    pub(super) fn set(&self, goes_first: bool) {
        self.0.goes_first.set(Some(goes_first));
    }
}

impl Turns {
    /// Does the work of a connection, whenever it is its turn.
    pub(super) async fn keep(&self, rank: Rank, mut work: Pin<Box<impl Future<Output = ()>>>) {
        poll_fn(|context| if self.is_turn_of(&rank, context) { work.as_mut().poll(context) } else { Poll::Pending })
            .await;
    }

    fn is_turn_of(&self, rank: &Rank, context: &mut Context<'_>) -> bool {
        let Rank(standing) = rank;
        if standing.goes_first.get() == Some(true) {
            return true;
        }
        match standing.turn.get() {
            Turn::Given => {
                standing.turn.set(Turn::NotAskedFor);
                true
            }
            Turn::AskedFor => false,
            Turn::NotAskedFor if self.0.taken.get() < AT_A_TIME => {
                self.0.taken.set(self.0.taken.get().saturating_add(1));
                true
            }
            Turn::NotAskedFor => {
                standing.turn.set(Turn::AskedFor);
                let mut waiting = self.0.waiting.borrow_mut();
                let kind = if standing.goes_first.get().is_none() { &mut waiting.unknown } else { &mut waiting.known };
                kind.push_back((rank.clone(), context.waker().clone()));
                self.0.asked.notify_one();
                false
            }
        }
    }

    /// Gives turns to those that wait, as long as the thread runs.
    pub(super) async fn give(self) {
        loop {
            self.0.asked.notified().await;
            while !self.0.waiting.borrow().is_empty() {
                // What yields goes on after the next look at the sockets: whoever goes first has been woken by then.
                tokio::task::yield_now().await;
                self.give_some();
            }
        }
    }

    fn give_some(&self) {
        let mut waiting = self.0.waiting.borrow_mut();
        let mut given = 0;
        while given < AT_A_TIME
            && let Some((Rank(standing), waker)) = waiting.next(given)
        {
            standing.turn.set(Turn::Given);
            waker.wake();
            given = given.saturating_add(1);
        }
        self.0.taken.set(given);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn asks(turns: &Turns, rank: &Rank) -> bool {
        turns.is_turn_of(rank, &mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_few_connections_go_on_at_a_time_and_those_for_verdicts_always() {
        let (turns, first) = (Turns::default(), Rank::default());
        first.set(true);
        let others: Vec<Rank> = (0..3 * AT_A_TIME).map(|_| Rank::default()).collect();
        for round in 0..3 {
            let went_on: Vec<bool> = others.iter().map(|rank| asks(&turns, rank)).collect();
            let those = (round * AT_A_TIME)..((round + 1) * AT_A_TIME);
            assert_eq!(went_on, (0..others.len()).map(|place| those.contains(&place)).collect::<Vec<_>>());
            assert!(asks(&turns, &first));
            turns.give_some();
        }
    }

    #[test]
    fn who_has_waited_goes_before_who_comes() {
        let turns = Turns::default();
        let held: Vec<Rank> = (0..AT_A_TIME).map(|_| Rank::default()).collect();
        assert!(held.iter().all(|rank| asks(&turns, rank)));
        let (waits, comes) = (Rank::default(), Rank::default());
        assert!(!asks(&turns, &waits));
        turns.give_some();
        let newcomers: Vec<Rank> = (1..AT_A_TIME).map(|_| Rank::default()).collect();
        assert!(newcomers.iter().all(|rank| asks(&turns, rank)));
        assert!(!asks(&turns, &comes), "one turn is kept for who has waited");
        assert!(asks(&turns, &waits));
    }

    #[test]
    fn who_has_asked_for_nothing_yet_is_not_behind_all_others() {
        let turns = Turns::default();
        turns.0.taken.set(AT_A_TIME);
        let known: Vec<Rank> = (0..10 * AT_A_TIME).map(|_| Rank::default()).collect();
        for rank in &known {
            rank.set(false);
            assert!(!asks(&turns, rank));
        }
        let (unknown, last) = (Rank::default(), Rank::default());
        assert!(!asks(&turns, &unknown) && !asks(&turns, &last));
        turns.give_some();
        assert!(asks(&turns, &unknown) && asks(&turns, &last));
        let went_on = known.iter().filter(|rank| rank.0.turn.get() == Turn::Given).count();
        assert_eq!(went_on, AT_A_TIME - 2);
    }

    #[test]
    fn a_connection_that_begins_to_ask_for_verdicts_waits_no_more() {
        let (turns, rank) = (Turns::default(), Rank::default());
        turns.0.taken.set(AT_A_TIME);
        assert!(!asks(&turns, &rank));
        rank.set(true);
        assert!(asks(&turns, &rank));
        turns.give_some();
        rank.set(false);
        assert!(asks(&turns, &rank), "and keeps the turn that it was given meanwhile");
    }
}
