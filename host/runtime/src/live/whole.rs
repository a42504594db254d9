//! A whole document out of those that the board holds: for who holds nothing yet while the store cannot be read.

use std::collections::BTreeSet;
use std::sync::Arc;

use jeton_policy::digest::CutDigest;
use jeton_policy::live::Written;
use jeton_policy::seconds::Seconds;

/// What a whole document and the changes after it lead to, as one document of this sequence, made at `as_of`. `None`: they are not
/// written as those of Jeton's own policy are, and what another policy's say is its own business.
pub(super) fn merge(documents: &[Arc<[u8]>], sequence: u64, as_of: u64) -> Option<Vec<u8>> {
    let (first, changes) = documents.split_first()?;
    let Ok(Written::Whole(mut whole)) = Written::parse(first) else { return None };
    let mut cuts: BTreeSet<CutDigest> = whole.cuts.iter().copied().collect();
    for change in changes {
        let Ok(Written::Delta(delta)) = Written::parse(change) else { return None };
        if (delta.base, delta.epoch_number) != (whole.sequence, whole.epoch.number) {
            return None;
        }
        for cut in &delta.dropped {
            cuts.remove(cut);
        }
        cuts.extend(delta.cuts);
        whole.sequence = delta.sequence;
    }
    whole.cuts = cuts.into_iter().collect();
    whole.sequence = whole.sequence.max(sequence);
    whole.as_of = whole.as_of.max(Seconds(as_of));
    Some(whole.render())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

    use jeton_policy::live::{Delta, LiveSet};

    use super::*;

    /// At sequence 7, of epoch 3, made at 100, with the cuts 1 and 2.
    fn whole() -> Vec<u8> {
        let key = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
        let [one, two] = ["AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAg"];
        format!(
            r#"{{"issuer":"http://a","sequence":7,"base":null,"as_of":100,"lease_seconds":5,"epoch":{{"number":3,"alg":"EdDSA","kid":"{kid}","x":"{key}"}},"cuts":["{one}","{two}"],"dropped":[]}}"#
        )
        .into_bytes()
    }

    fn cut(number: u128) -> CutDigest {
        CutDigest(number.to_be_bytes())
    }

    fn change(base: u64, sequence: u64, epoch_number: u64, cuts: &[u128], dropped: &[u128]) -> Vec<u8> {
        let digests = |numbers: &[u128]| numbers.iter().copied().map(cut).collect();
        Delta { base, sequence, as_of: Seconds(101), epoch_number, cuts: digests(cuts), dropped: digests(dropped) }
            .render()
    }

    fn merged(documents: Vec<Vec<u8>>, sequence: u64) -> Option<LiveSet> {
        let documents: Vec<Arc<[u8]>> = documents.into_iter().map(Into::into).collect();
        merge(&documents, sequence, 200).map(|document| LiveSet::from_document(&document).unwrap())
    }

    #[test]
    fn one_document_says_what_a_whole_one_and_its_changes_say() {
        let live = merged(vec![whole(), change(7, 9, 3, &[4, 5], &[1]), change(9, 12, 3, &[], &[4])], 12).unwrap();
        let stand: Vec<bool> = [1, 2, 4, 5].map(|number| live.is_cut(&cut(number))).into();
        assert_eq!((stand, live.cuts()), (vec![false, true, false, true], 2));
        assert_eq!((live.sequence(), live.epoch().number(), live.as_of().0), (12, 3, 200));
    }

    #[test]
    fn it_is_no_older_than_a_document_that_was_handed_out_after_the_last_change() {
        assert_eq!(merged(vec![whole()], 20).unwrap().sequence(), 20);
        assert_eq!(merged(vec![whole(), change(7, 9, 3, &[], &[1])], 8).unwrap().sequence(), 9);
    }

    #[test]
    fn what_does_not_lead_on_or_is_written_in_another_way_gives_none() {
        for documents in [
            vec![],
            vec![b"another policy's".to_vec()],
            vec![change(7, 9, 3, &[], &[])],
            vec![whole(), b"another policy's".to_vec()],
            vec![whole(), whole()],
            vec![whole(), change(8, 9, 3, &[], &[])],
            vec![whole(), change(7, 9, 4, &[], &[])],
        ] {
            assert!(merged(documents, 9).is_none());
        }
    }
}
