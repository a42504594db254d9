//! The short pass: every seed of every target, and some thousands of random inputs each.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]

use jeton_fuzz::{Target, driver, reached::Reached, seeds, targets};

/// What chance begins with here: always the same, so that a failure is everybody's.
const SEED: u64 = 1;

/// Replays the seeds of a target, then gives it random inputs.
fn holds(name: &str) {
    let target: &Target = targets::named(name).unwrap();
    let mut reached = Reached::default();
    let mut inputs = Vec::new();
    for (seed, input) in seeds::of(target).unwrap() {
        driver::give(target, &input, &mut reached).unwrap_or_else(|finding| panic!("{name}/{seed}: {}", finding.said));
        inputs.push(input);
    }
    assert!(!inputs.is_empty(), "{name} has no seeds");
    driver::random_pass(target, &inputs, SEED, target.short_pass, &mut reached)
        .unwrap_or_else(|finding| panic!("{name}: {} under {:?}", finding.said, finding.input));
    assert!(reached.outcomes() > 1, "{name} reached nothing: {reached:?}");
}

/// One test for each target, named by its promise.
macro_rules! promises {
    ($($promise:ident: $target:literal;)*) => {
        $(
            #[test]
            fn $promise() {
                holds($target);
            }
        )*

        #[test]
        fn every_target_has_its_test() {
            assert_eq!(targets::ALL.iter().map(|target| target.name).collect::<Vec<_>>(), [$($target),*]);
        }
    };
}

promises! {
    only_the_text_that_a_refresh_token_reveals_is_read_as_one: "refresh-token";
    only_what_the_current_epoch_signed_is_accepted_and_it_is_judged_by_its_own_claims: "access-token";
    a_live_document_is_taken_only_in_its_order_and_a_refused_one_changes_nothing: "live-set";
    scopes_are_those_of_rfc_6749_and_narrowing_never_widens: "scope";
    a_network_contains_exactly_the_addresses_that_begin_with_its_bits: "network";
    a_cursor_is_good_for_the_query_that_gave_it_alone: "cursor";
    a_damaged_store_grants_nothing_and_stops_nobody: "stored-record";
    a_form_is_read_as_everybody_reads_it_or_refused: "form";
    a_credential_is_what_stands_in_the_header_or_refused: "credential";
    a_json_body_means_what_it_says_and_a_refusal_repeats_no_value: "json-body";
    a_query_of_a_list_means_what_it_says: "list-query";
    a_line_of_an_import_is_written_as_it_was_read: "import-line";
    a_moment_is_read_as_every_reader_of_rfc_3339_reads_it: "moment";
    no_export_of_the_component_traps_or_takes_what_was_never_given_out: "component";
}
