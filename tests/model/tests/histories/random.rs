//! The histories themselves: a few for every change, many on order.

use std::time::Instant;

use proptest::{
    collection::vec,
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use crate::{
    run::{Counts, Parted, Run, THOROUGH},
    step::{Step, step},
};

/// Steps of a history: enough for trees of tokens to grow, age and end, few enough for the model to walk over all of it.
const STEPS: usize = 300;

/// Runs at least so many operations in histories of their own; gives what was done.
fn operations(wanted: u64, seed: u64) -> Counts {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
    let histories = vec(step(), STEPS / 2..STEPS * 3 / 2);
    let mut done = Counts::new();
    while done.values().sum::<u64>() < wanted {
        let steps = histories.new_tree(&mut runner).unwrap().current();
        let mut run = Run::new(THOROUGH);
        if let Err(parted) = run.all(&steps) {
            panic!("{}", shortest(steps, parted));
        }
        for (what, count) in run.counts {
            *done.entry(what).or_default() += count;
        }
    }
    done
}

/// The script of a history where policy and model part, without the steps that it takes not. A step means something in every
/// history, so any of them can be left out: half of them, a quarter, and so on down to single ones.
fn shortest(mut steps: Vec<Step>, mut parted: Parted) -> String {
    steps.truncate(parted.after);
    let mut size = steps.len() / 2;
    while size > 0 {
        let (mut from, before) = (0, steps.len());
        while from < steps.len() {
            let mut shorter = steps.clone();
            shorter.drain(from..(from + size).min(steps.len()));
            match Run::new(1).all(&shorter) {
                Ok(()) => from += size,
                Err(also) => {
                    shorter.truncate(also.after);
                    (steps, parted) = (shorter, also);
                }
            }
        }
        if size > 1 || steps.len() == before {
            size /= 2;
        }
    }
    format!("policy and model part:\n{}", parted.script)
}

#[test]
fn whatever_happens_the_policy_says_what_the_model_says() {
    operations(20_000, 1);
}

/// `JETON_OPERATIONS=100000 JETON_SEED=7 cargo test --release -p jeton-model -- --ignored --nocapture`
#[test]
#[ignore = "a long one, on order"]
#[allow(clippy::print_stdout, reason = "whoever orders it wants the figures")]
fn whatever_happens_for_long_the_policy_says_what_the_model_says() {
    let number = |name: &str, otherwise: u64| std::env::var(name).map_or(otherwise, |text| text.parse().unwrap());
    let (wanted, seed) = (number("JETON_OPERATIONS", 100_000), number("JETON_SEED", 7));
    let begun = Instant::now();
    let done = operations(wanted, seed);
    let (count, took) = (done.values().sum::<u64>(), begun.elapsed().as_secs_f64());
    for (what, count) in &done {
        println!("{count:>9} {what}");
    }
    println!("{count:>9} in all, from seed {seed}, {:.0} in a second", count as f64 / took);
}
