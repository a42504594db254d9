//! The page of the documents that says which runtime gave which verdicts.

use jeton_vectors::given::{from_page, page};

#[test]
fn the_page_of_verdicts_tells_of_the_cases_as_they_are() {
    let written = std::fs::read_to_string(page()).unwrap();
    assert_eq!(written, from_page(&written).unwrap(), "run the tests, then `target/release/jeton-vectors page`");
}
