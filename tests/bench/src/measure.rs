//! Medians of interleaved rounds: what drifts with the machine drifts for all that is compared.

use std::time::Instant;

/// The median of some figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Something to be timed: does its work so many times.
pub(crate) type Work<'a> = Box<dyn FnMut(u32) + 'a>;

/// Times each piece of work in turn, `rounds` times over; gives the median nanoseconds of one call of each.
pub(crate) fn interleaved(rounds: usize, calls: u32, works: &mut [Work<'_>]) -> Vec<f64> {
    let mut figures = vec![Vec::new(); works.len()];
    for work in works.iter_mut() {
        work(calls / 4 + 1);
    }
    for _ in 0..rounds {
        for (work, figures) in works.iter_mut().zip(&mut figures) {
            let begun = Instant::now();
            work(calls);
            figures.push(begun.elapsed().as_secs_f64() * 1e9 / f64::from(calls));
        }
    }
    figures.into_iter().map(median).collect()
}
