//! `jeton token list`.

use http::Method;
use serde_json::Value;

use crate::cli::{CliError, output, remote::Remote};

/// Tokens of a page: the most that the authority gives at once.
const PAGE: u64 = 1000;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    /// Only those in this state
    #[arg(long, value_parser = ["active", "disabled", "expired", "deleted"])]
    state: Option<String>,
    /// Only those whose name begins so
    #[arg(long)]
    name: Option<String>,
    /// Only those of this owner
    #[arg(long)]
    owner: Option<String>,
    /// No more than so many [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// JSON, a token a line, instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl List {
    pub(super) fn run(self) -> Result<(), CliError> {
        let administrator = self.remote.administrator()?;
        let (mut left, mut cursor, mut rows) = (self.limit.unwrap_or(u64::MAX), None::<String>, Vec::new());
        while left > 0 {
            let page = administrator.call(Method::GET, &self.path(left.min(PAGE), cursor.as_deref()), None)?;
            for token in page.get("items").and_then(Value::as_array).into_iter().flatten() {
                left = left.saturating_sub(1);
                if self.json {
                    output::json(token)?;
                } else {
                    rows.push(row(token));
                }
            }
            cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        if !self.json {
            output::table(&["ID", "NAME", "STATE", "OWNER", "CREATED", "EXPIRES", "SCOPES"], rows)?;
        }
        Ok(())
    }

    fn path(&self, limit: u64, cursor: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &limit.to_string());
        let filters = [("state", self.state.as_deref()), ("name", self.name.as_deref()), ("owner", self.owner.as_deref()), ("cursor", cursor)];
        for (name, value) in filters {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        format!("/v1/refresh-tokens?{}", query.finish())
    }
}

fn row(token: &Value) -> Vec<String> {
    let member = |name: &str| token.get(name).map_or_else(|| "-".to_owned(), output::text);
    let expires = token.get("expires_at").and_then(Value::as_str).unwrap_or("never").to_owned();
    vec![member("id"), member("name"), member("state"), member("owner"), member("created_at"), expires, member("scopes")]
}
