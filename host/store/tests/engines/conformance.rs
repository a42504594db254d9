//! The suite on every engine.

use jeton_store::conformance;

use crate::support::{Faultless, FaultySqlite, Memory, Sqlite};

#[test]
fn sqlite_conforms() {
    conformance::run(&Sqlite::new());
}

#[test]
fn memory_conforms() {
    conformance::run(&Memory);
}

#[test]
fn the_faulty_store_without_a_fault_conforms() {
    conformance::run(&Faultless);
}

#[test]
fn commits_in_memory_are_all_or_nothing_whichever_call_fails() {
    conformance::a_commit_is_all_or_nothing_wherever_it_fails(&Faultless);
}

#[test]
fn commits_in_sqlite_are_all_or_nothing_whichever_call_fails() {
    conformance::a_commit_is_all_or_nothing_wherever_it_fails(&FaultySqlite(Sqlite::new()));
}
