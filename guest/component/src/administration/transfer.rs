//! The interface `transfer`.

use crate::{
    Component,
    bindings::{
        exports::jeton::policy::transfer::{
            ExportRefusal, ExportedPage, ExportedToken, Guest, ImportRefusal, Imported,
        },
        jeton::policy::types::Actor,
    },
};

impl Guest for Component {
    fn export(_limit: u32, _cursor: Option<String>) -> Result<ExportedPage, ExportRefusal> {
        Err(ExportRefusal::Unavailable)
    }

    fn import(_actor: Actor, _tokens: Vec<ExportedToken>) -> Result<Vec<Imported>, ImportRefusal> {
        Err(ImportRefusal::Unavailable)
    }
}
