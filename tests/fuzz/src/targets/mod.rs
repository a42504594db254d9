//! The targets, one file each.

mod access_token;
mod component;
mod credential;
mod cursor;
mod form;
mod import_line;
mod json_body;
mod list_query;
mod live_set;
mod moment;
mod network;
mod refresh_token;
mod scope;
mod stored_record;

use crate::Target;

/// All of them.
pub const ALL: &[Target] = &[
    refresh_token::TARGET,
    access_token::TARGET,
    live_set::TARGET,
    scope::TARGET,
    network::TARGET,
    cursor::TARGET,
    stored_record::TARGET,
    form::TARGET,
    credential::TARGET,
    json_body::TARGET,
    list_query::TARGET,
    import_line::TARGET,
    moment::TARGET,
    component::TARGET,
];

/// The target of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Target> {
    ALL.iter().find(|target| target.name == name)
}
