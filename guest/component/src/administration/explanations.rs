//! The interface `explanations`.

use crate::{
    Component,
    bindings::exports::jeton::policy::explanations::{ExplainRefusal, Explanation, Guest, Subject},
};

impl Guest for Component {
    fn explain(_subject: Subject) -> Result<Explanation, ExplainRefusal> {
        Err(ExplainRefusal::Unavailable)
    }
}
