//! The suite on every engine.

use jeton_store::conformance;

use crate::support::{Faultless, Memory, Sqlite};

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
