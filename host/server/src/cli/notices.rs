//! `jeton notices`: what somebody should know before it hurts.

use http::Method;
use jeton_store::audit::shown;
use serde_json::Value;

use super::{
    CliError,
    output::{self, Rows},
    remote::{self, Remote},
};
use crate::notices::notice::Kind;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// The last notices, newest first
    #[command(after_help = remote::HELP)]
    List(List),
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Only those of this kind, such as token-expiring
    #[arg(long)]
    kind: Option<Kind>,
    /// How many
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// JSON lines instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Notices of a page at most.
const AT_ONCE: u64 = 1000;

impl Verb {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(),
        }
    }
}

impl List {
    fn run(self) -> Result<(), CliError> {
        let administrator = self.remote.administrator()?;
        let mut left = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut rows = Rows::new(&["AT", "KIND", "TOKEN", "WHAT"]);
        let mut cursor = None::<String>;
        loop {
            let limit = self.limit.min(AT_ONCE);
            let mut query = form_urlencoded::Serializer::new(format!("limit={limit}"));
            if let Some(kind) = self.kind {
                query.append_pair("kind", kind.word());
            }
            if let Some(cursor) = &cursor {
                query.append_pair("cursor", cursor);
            }
            let page = administrator.call(Method::GET, &format!("/v1/notices?{}", query.finish()), None)?;
            let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let items = items.get(..left).unwrap_or(items);
            left = left.saturating_sub(items.len());
            if self.json {
                items.iter().try_for_each(output::json)?;
            } else {
                rows.page(items.iter().map(row).collect())?;
            }
            cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() || left == 0 {
                break;
            }
        }
        if self.json { Ok(()) } else { Ok(rows.finish()?) }
    }
}

/// A notice as people read it. Nothing in it is obeyed by a terminal.
fn row(item: &Value) -> Vec<String> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map_or_else(|| "-".to_owned(), shown);
    let token = item.get("token").and_then(|token| token.get("id"));
    vec![text(item.get("at")), text(item.get("kind")), text(token), text(item.get("sentence"))]
}
