//! The driver without an engine: seeds, damage and chance from a number, so that any run can be run again.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

use crate::{Target, choices::Choices, mutation, reached::Reached};

/// The most bytes that one input's choices take.
const CHANCE: usize = 512;
/// The most inputs that are kept because they reached something new.
const MAX_KEPT: usize = 4_096;

/// An input under which a promise does not hold.
#[derive(Debug)]
pub struct Finding {
    /// The input.
    pub input: Vec<u8>,
    /// What the target said.
    pub said: String,
}

/// Gives one input to a target.
///
/// # Errors
/// [`Finding`] where the target panicked.
pub fn give(target: &Target, input: &[u8], reached: &mut Reached) -> Result<(), Finding> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input, reached))).map_err(|payload| {
        let said = payload
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| payload.downcast_ref::<&str>().map(|said| (*said).to_owned()))
            .unwrap_or_default();
        Finding { input: input.to_vec(), said }
    })
}

/// Gives a target so many inputs: a third of them chance alone, the others seeds after some damage. An input that reaches an
/// outcome for the first time becomes a seed.
///
/// # Errors
/// The first [`Finding`].
pub fn random_pass(
    target: &Target,
    seeds: &[Vec<u8>],
    seed: u64,
    inputs: u64,
    reached: &mut Reached,
) -> Result<(), Finding> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut seeds = seeds.to_vec();
    let mut chance = [0; CHANCE];
    for _ in 0..inputs {
        let length = chance_length(random.next_u32());
        let chance = &mut chance[..length];
        random.fill_bytes(chance);
        let is_plain = seeds.is_empty() || random.next_u32() % 3 == 0;
        let input = if is_plain { chance.to_vec() } else { damaged(target, &seeds, chance) };
        give(target, &input, reached)?;
        if reached.take_new() && seeds.len() < MAX_KEPT {
            seeds.push(input);
        }
    }
    Ok(())
}

/// Mostly short, sometimes long.
fn chance_length(random: u32) -> usize {
    let most = [24, 64, 160, CHANCE][random as usize % 4];
    random as usize / 4 % most + 1
}

fn damaged(target: &Target, seeds: &[Vec<u8>], chance: &[u8]) -> Vec<u8> {
    let mut choices = Choices::new(chance);
    let mut input = seeds[choices.below(seeds.len())].clone();
    if choices.below(8) == 0 {
        let other = &seeds[choices.below(seeds.len())];
        input.truncate(choices.below(input.len().saturating_add(1)));
        input.extend_from_slice(&other[choices.below(other.len().saturating_add(1))..]);
    }
    for _ in 0..=choices.below(6) {
        mutation::mutate(&mut choices, &mut input, target.words);
    }
    input
}
