//! Many clients of the real server at the same time, judged by the reference model: there must be an order of all calls, one that
//! respects real time, in which the model gives every single answer ([`jeton_model::history`]).
//!
//! Each episode is a server of its own with few tokens that everybody works on, in rounds: eight clients issue random calls as fast
//! as they are answered, then all is quiet and an observer looks at everything. Whoever finds a seed that fails can run it again, but
//! only the calls are drawn from it: which of them meet is up to the machine.
//!
//! `JETON_EPISODES=100 JETON_SEED=7 cargo test --release ... --test end_to_end -- concurrent --nocapture` runs longer and says what
//! was done.

mod dice;
mod draw;
mod episode;
mod pool;
mod wire;

use std::collections::BTreeMap;
use std::time::Instant;

use dice::Dice;
use episode::{Episode, Outcome};
use jeton_model::history::{Call, shortest};

/// Episodes of a run that nobody ordered: a few seconds.
const EPISODES: u64 = 3;

#[test]
#[allow(clippy::print_stdout, reason = "whoever orders a long run wants the figures")]
fn what_many_clients_are_answered_at_the_same_time_could_have_been_answered_one_after_the_other() {
    let number = |name: &str, otherwise: u64| std::env::var(name).map_or(otherwise, |text| text.parse().unwrap());
    let (episodes, first) = (number("JETON_EPISODES", EPISODES), number("JETON_SEED", 1));
    let begun = Instant::now();
    let mut tally = Tally::default();
    for seed in first..first + episodes {
        match Episode::live(Dice::new(seed)) {
            Outcome::TooSlow => tally.slow += 1,
            Outcome::Right(calls, judged) => tally.count(&calls, judged.states),
            Outcome::Wrong(book, found) => panic!("seed {seed}: {}", shortest(&book, *found)),
        }
    }
    println!("{tally}\n{episodes} episodes from seed {first} in {:.0?}", begun.elapsed());
    assert!(tally.slow < episodes, "this machine is too slow to judge anything");
}

/// What a run has done.
#[derive(Default)]
struct Tally {
    /// By what was asked and how it was answered.
    acts: BTreeMap<String, u64>,
    calls: usize,
    /// Calls that met another one.
    met: usize,
    states: usize,
    slow: u64,
}

impl Tally {
    fn count(&mut self, calls: &[Call], states: usize) {
        let mut latest = 0;
        for (place, call) in calls.iter().enumerate() {
            let meets_next = calls.get(place + 1).is_some_and(|next| next.begun < call.ended);
            self.met += usize::from(call.begun < latest || meets_next);
            latest = latest.max(call.ended);
            let (act, answer) = (format!("{:?}", call.act), format!("{:?}", call.answer));
            let word = |text: &str| text.split([' ', '(', '{']).next().unwrap_or_default().to_owned();
            let answer = if answer.starts_with("Refused") { answer.replace('"', "") } else { word(&answer) };
            *self.acts.entry(format!("{} -> {answer}", word(&act))).or_default() += 1;
        }
        self.calls += calls.len();
        self.states += states;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (what, count) in &self.acts {
            writeln!(f, "{count:>8} {what}")?;
        }
        write!(
            f,
            "{:>8} calls, {} of them while another was under way; {} states searched; {} episodes too slow to be judged",
            self.calls, self.met, self.states, self.slow
        )
    }
}
