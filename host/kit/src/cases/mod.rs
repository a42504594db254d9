//! All cases, a file for each topic.

mod bounds;
mod cascade;
mod clock_accepted;
mod conditions;
mod cuts;
mod delegation;
mod edits;
mod epochs;
mod explanations;
mod forgeries;
mod life;
mod live_set;
mod narrowing;
mod races;
mod refusals;
mod rotation;
mod secrets;
mod store;
mod time;
mod transfer;
mod world;

use crate::case::Case;
use crate::vectors;

pub(crate) use world::within;

/// All cases, in the order in which they are tried: what keeps others from being tried comes first.
pub(crate) fn all() -> Vec<Case> {
    let topics = [
        world::cases,
        life::cases,
        epochs::cases,
        cascade::cases,
        cuts::cases,
        edits::cases,
        rotation::cases,
        narrowing::cases,
        conditions::cases,
        delegation::cases,
        explanations::cases,
        secrets::cases,
        refusals::cases,
        forgeries::cases,
        live_set::cases,
        time::cases,
        clock_accepted::cases,
        transfer::cases,
        store::cases,
        races::cases,
        bounds::cases,
        vectors::cases,
    ];
    topics.into_iter().flat_map(|cases| cases()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_case_has_a_name_of_its_own_in_words_with_hyphens() {
        let cases: Vec<_> = all().iter().map(Case::describe).collect();
        let names: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
        assert_eq!(names.len(), cases.len());
        let is_word =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'));
        for name in names {
            assert!(name.split('-').all(is_word), "{name}");
        }
    }

    #[test]
    fn the_published_verdicts_are_among_them() {
        assert!(vectors::cases().len() > 80, "{}", vectors::cases().len());
    }
}
