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
    #[arg(long, value_name = "BEGINNING")]
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

const HEADINGS: [&str; 7] = ["ID", "NAME", "STATE", "OWNER", "CREATED", "EXPIRES", "SCOPES"];
const MEMBERS: [&str; 7] = ["id", "name", "state", "owner", "created_at", "expires_at", "scopes"];

impl List {
    pub(super) fn run(self) -> Result<(), CliError> {
        let administrator = self.remote.administrator()?;
        let (mut left, mut cursor, mut rows) =
            (self.limit.unwrap_or(u64::MAX), None::<String>, output::Rows::new(&HEADINGS));
        while left > 0 {
            let page = administrator.call(Method::GET, &self.path(left.min(PAGE), cursor.as_deref()), None)?;
            let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            if self.json {
                items.iter().try_for_each(output::json)?;
            } else {
                rows.page(items.iter().map(row).collect())?;
            }
            left = left.saturating_sub(u64::try_from(items.len()).unwrap_or(u64::MAX));
            cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        if !self.json {
            rows.finish()?;
        }
        Ok(())
    }

    fn path(&self, limit: u64, cursor: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &limit.to_string());
        let filters = [
            ("state", self.state.as_deref()),
            ("name", self.name.as_deref()),
            ("owner", self.owner.as_deref()),
            ("cursor", cursor),
        ];
        for (name, value) in filters {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        format!("/v1/refresh-tokens?{}", query.finish())
    }
}

fn row(token: &Value) -> Vec<String> {
    MEMBERS.map(|name| output::member(name, token.get(name).unwrap_or(&Value::Null))).to_vec()
}
