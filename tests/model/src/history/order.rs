//! The search for an order (Wing and Gong, with the memory of Lowe): from what came first on, every call is tried that may come
//! next, and nothing is tried twice after the same calls with a book that is alike.
//!
//! Two things make it short without leaving anything out. A call that changes nothing and fits where it may come next is put there
//! for good: whatever order exists with it later exists with it here. And an administrator's right is judged at the first moment
//! at which the call may have begun: what is alive later was alive then.

use std::{
    collections::{BTreeSet, HashSet},
    fmt::{self, Write as _},
};

use super::{Act, Answer, Book, Call};
use crate::end::SINGLE_CUTS;

/// More states than a history of a thousand calls leads to that is right: beyond, the search gives up and says so.
const MAX_STATES: usize = 100_000;
/// After so many states a script is short enough: whoever waits for it wants to read it.
const MAX_SHORTENING: usize = 50_000;

/// A history that is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// How many books were looked at.
    pub states: usize,
    /// How many calls there were.
    pub calls: usize,
}

/// A history that is not right, or not known to be.
#[derive(Debug, Clone)]
pub struct Contradiction {
    /// The calls, as far as they were looked at.
    pub calls: Vec<Call>,
    /// How many calls could be put into an order at most.
    pub explained: usize,
    /// Those of them that may come next in the longest orders that were found, and why none of them does.
    pub stuck: Vec<String>,
    /// How many books were looked at.
    pub states: usize,
    /// The search was too long: there may be an order.
    pub given_up: bool,
}

/// A place in the search.
struct Node {
    book: Book,
    /// All calls before this one are done.
    first: usize,
    /// Those of the later ones that are done.
    done: BTreeSet<usize>,
    /// Administrators' calls that are not done and whose token was alive when they may have begun.
    admitted: BTreeSet<usize>,
}

/// Looks for an order of the calls that begins with the book.
///
/// # Errors
/// There is none, or the search was too long.
pub fn judge(book: &Book, calls: &[Call]) -> Result<Judged, Box<Contradiction>> {
    let mut calls = calls.to_vec();
    calls.sort_by_key(|call| call.begun);
    let counts_cuts = calls.iter().filter(|call| call.ends_one()).count() >= SINGLE_CUTS;
    let mut seen = HashSet::new();
    let mut farthest = (0, Vec::new());
    let mut nodes = vec![Node { book: book.clone(), first: 0, done: BTreeSet::new(), admitted: BTreeSet::new() }];
    while let Some(mut node) = nodes.pop() {
        node.read_on(&calls);
        if node.first == calls.len() {
            return Ok(Judged { states: seen.len() + 1, calls: calls.len() });
        }
        let likeness = node.book.likeness(counts_cuts);
        if !seen.insert((node.first, node.done.clone(), node.admitted.clone(), likeness)) {
            continue;
        }
        if seen.len() > MAX_STATES {
            return Err(Box::new(contradiction(&calls, farthest, seen.len(), true)));
        }
        let mut stuck = Vec::new();
        let mut next = node.may_come_next(&calls);
        // Whatever ended first is tried first: it comes last onto the stack.
        next.sort_by_key(|call| core::cmp::Reverse(calls[*call].ended));
        for call in next {
            match node.then(&calls, call) {
                Ok(then) => nodes.push(then),
                Err(why) => stuck.push(format!("{}\n      but {why}", calls[call])),
            }
        }
        let explained = node.first + node.done.len();
        if explained > farthest.0 {
            farthest = (explained, Vec::new());
        }
        if explained == farthest.0 {
            stuck.retain(|why| !farthest.1.contains(why));
            farthest.1.append(&mut stuck);
        }
    }
    Err(Box::new(contradiction(&calls, farthest, seen.len(), false)))
}

fn contradiction(
    calls: &[Call],
    (explained, stuck): (usize, Vec<String>),
    states: usize,
    given_up: bool,
) -> Contradiction {
    Contradiction { calls: calls.to_vec(), explained, stuck, states, given_up }
}

impl Node {
    /// The calls that may come next: none that is not done ended before they began.
    fn may_come_next(&self, calls: &[Call]) -> Vec<usize> {
        let (mut earliest_end, mut next) = (u64::MAX, Vec::new());
        for (place, call) in calls.iter().enumerate().skip(self.first) {
            if call.begun > earliest_end {
                break;
            }
            if !self.done.contains(&place) {
                earliest_end = earliest_end.min(call.ended);
                next.push(place);
            }
        }
        next.retain(|place| calls[*place].begun < earliest_end);
        next
    }

    /// Does what changes nothing, for as long as there is any.
    fn read_on(&mut self, calls: &[Call]) {
        loop {
            let next = self.may_come_next(calls);
            for place in &next {
                let call = &calls[*place];
                let is_alive = call.by.as_ref().is_some_and(|by| self.book.is_alive(by, call.at));
                if call.act.is_admitted_first() && is_alive {
                    self.admitted.insert(*place);
                }
            }
            let fits = |place: &usize| {
                self.may_act(&calls[*place], *place)
                    && self.book.explains_reading(&calls[*place]).is_some_and(|explained| explained.is_ok())
            };
            let Some(place) = next.into_iter().find(fits) else { return };
            self.finish(place);
        }
    }

    /// Whether a call's caller had the right to make it, or needs none.
    fn may_act(&self, call: &Call, place: usize) -> bool {
        !call.act.is_admitted_first() || call.answer == Answer::CallerRefused || self.admitted.contains(&place)
    }

    fn finish(&mut self, place: usize) {
        self.admitted.remove(&place);
        self.done.insert(place);
        while self.done.remove(&self.first) {
            self.first += 1;
        }
    }

    /// What there is after a call, if it can be the next one.
    fn then(&self, calls: &[Call], place: usize) -> Result<Self, String> {
        let call = &calls[place];
        if !self.may_act(call, place) {
            return Err("the caller was dead when it began".to_owned());
        }
        let book = match self.book.explains_reading(call) {
            Some(explained) => explained.map(|()| self.book.clone())?,
            None => self.book.after(call)?,
        };
        let mut then = Self { book, first: self.first, done: self.done.clone(), admitted: self.admitted.clone() };
        then.finish(place);
        Ok(then)
    }
}

/// A history that is wrong without the calls that it takes not: those of the rounds that came after, and those that changed
/// nothing. What is left out so explains nothing and rests on nothing, so what remains is as wrong.
#[must_use]
pub fn shortest(book: &Book, found: Contradiction) -> Contradiction {
    let mut found = found;
    let cut = found.calls[..end_of_round(&found.calls, found.explained)].to_vec();
    if let Err(also) = judge(book, &cut) {
        found = *also;
    }
    let (mut size, mut looked_at) = (found.calls.len() / 2, 0);
    while size > 0 && !found.given_up {
        let mut from = 0;
        while from < found.calls.len() && looked_at < MAX_SHORTENING {
            let to = (from + size).min(found.calls.len());
            let mut shorter: Vec<Call> = found.calls.clone();
            let mut place = 0;
            shorter.retain(|call| {
                place += 1;
                !(from < place && place <= to && call.changes_nothing())
            });
            match (shorter.len() < found.calls.len()).then(|| judge(book, &shorter)) {
                Some(Err(also)) if !also.given_up => {
                    looked_at += also.states;
                    found = *also;
                }
                Some(Ok(judged)) => {
                    looked_at += judged.states;
                    from += size;
                }
                _ => from += size,
            }
        }
        size /= 2;
    }
    found
}

/// The first place from `from` on where every call that began before it had ended.
fn end_of_round(calls: &[Call], from: usize) -> usize {
    let mut latest = 0;
    for (place, call) in calls.iter().enumerate() {
        if place > from && call.begun > latest {
            return place;
        }
        latest = latest.max(call.ended);
    }
    calls.len()
}

impl Call {
    /// Whether it may end a single access token.
    fn ends_one(&self) -> bool {
        matches!(self.act, Act::DeleteAccess { .. } | Act::GiveBackAccess { .. })
    }

    /// Whether it can have changed nothing, in whatever order.
    fn changes_nothing(&self) -> bool {
        let reads = matches!(
            self.act,
            Act::Introspect { .. } | Act::ForwardAuth { .. } | Act::Show { .. } | Act::ShowSettings | Act::ShowEpoch
        );
        // A refused exchange may have ended a token whose spent secret came again.
        let presents = matches!(self.act, Act::Exchange { .. } | Act::Delegate { .. });
        let refused = matches!(self.answer, Answer::Refused(_) | Answer::CallerRefused);
        reads || (refused && !presents)
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict =
            if self.given_up { "it was not found out whether there is an order" } else { "there is no order" };
        let mut script = String::new();
        for call in &self.calls {
            writeln!(script, "{call}")?;
        }
        writeln!(f, "{verdict} in which the model answers so:\n{script}")?;
        writeln!(f, "at most {} of these {} can be put into an order; then:", self.explained, self.calls.len())?;
        self.stuck.iter().try_for_each(|stuck| writeln!(f, "  {stuck}"))
    }
}
