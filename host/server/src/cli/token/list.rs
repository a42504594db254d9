//! `jeton token list`.

mod tree;

use http::Method;
use serde_json::Value;

use super::check_id;
use crate::{
    cli::{CliError, expiry, output, remote::Remote},
    client::Administrator,
};

pub(super) const HELP: &str = "\
Examples:
  jeton token list --name nightly
  jeton token list --expires-until +30d --state active
  jeton token list --last-used-until -90d --sort last_used
  jeton token list --never-used --created-until -30d
  jeton token list --tree --children-of 7lpW51ZSEDuhUKTqgdJrVL

A moment is 2027-01-31 (its beginning, UTC), 2027-01-31T12:00:00Z, or from now: +30d is later, -90d is earlier.
JETON_TOKEN holds the refresh token of an administrator, which `jeton bootstrap` makes on the authority's machine.";

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
    /// Only those whose name has this part, whatever the case of its letters
    #[arg(long, value_name = "PART")]
    name_contains: Option<String>,
    /// Only those of this owner
    #[arg(long)]
    owner: Option<String>,
    /// Only those issued directly under the refresh token of this id
    #[arg(long, value_name = "ID")]
    children_of: Option<String>,
    /// Only those made at this moment or later
    #[arg(long, value_name = "MOMENT", value_parser = expiry::moment, allow_hyphen_values = true)]
    created_from: Option<String>,
    /// Only those made before this moment
    #[arg(long, value_name = "MOMENT", value_parser = expiry::moment, allow_hyphen_values = true)]
    created_until: Option<String>,
    /// Only those that expire at this moment or later; not those that never do
    #[arg(long, value_name = "MOMENT", value_parser = expiry::moment, allow_hyphen_values = true)]
    expires_from: Option<String>,
    /// Only those that expire before this moment
    #[arg(long, value_name = "MOMENT", value_parser = expiry::moment, allow_hyphen_values = true)]
    expires_until: Option<String>,
    /// Only those exchanged last at this moment or later
    #[arg(long, value_name = "MOMENT", value_parser = expiry::moment, allow_hyphen_values = true)]
    last_used_from: Option<String>,
    /// Only those exchanged last before this moment; not those that never were
    #[arg(long, value_name = "MOMENT", value_parser = expiry::moment, allow_hyphen_values = true)]
    last_used_until: Option<String>,
    /// Only those of which no exchange is known
    #[arg(long)]
    never_used: bool,
    /// name, created, expires or last_used, with a - in front the other way round
    #[arg(
        long,
        allow_hyphen_values = true,
        value_parser = ["name", "-name", "created", "-created", "expires", "-expires", "last_used", "-last_used"]
    )]
    sort: Option<String>,
    /// Children below their parents; with --children-of everything below that one
    #[arg(long)]
    tree: bool,
    /// No more than so many [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "all")]
    limit: Option<u64>,
    /// All, however many there are; that is the default
    #[arg(long)]
    all: bool,
    /// JSON, a token a line, instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

/// The columns, and the members in them.
const COLUMNS: [(&str, &str); 8] = [
    ("ID", "id"),
    ("NAME", "name"),
    ("STATE", "state"),
    ("OWNER", "owner"),
    ("CREATED", "created_at"),
    ("EXPIRES", "expires_at"),
    (LAST_USED, "last_used_at"),
    ("SCOPES", "scopes"),
];
/// A column for those who ask about it.
const LAST_USED: &str = "LAST USED";

impl List {
    pub(super) fn run(self) -> Result<(), CliError> {
        self.children_of.as_deref().map_or(Ok(()), check_id)?;
        let administrator = self.remote.administrator()?;
        let columns = self.columns();
        let headings: Vec<&str> = columns.iter().map(|(heading, _)| *heading).collect();
        let mut rows = output::Rows::new(&headings);
        let mut write = |tokens: &[(usize, Value)]| -> Result<(), CliError> {
            if self.json {
                return Ok(tokens.iter().try_for_each(|(_, token)| output::json(token))?);
            }
            Ok(rows.page(tokens.iter().map(|(depth, token)| row(*depth, token, &columns)).collect())?)
        };
        if self.tree {
            write(&self.tree(&administrator)?)?;
        } else {
            self.pages(&administrator, self.children_of.as_deref(), self.limit, |page| {
                write(&page.into_iter().map(|token| (0, token)).collect::<Vec<_>>())
            })?;
        }
        if !self.json {
            rows.finish()?;
        }
        Ok(())
    }

    fn columns(&self) -> Vec<(&'static str, &'static str)> {
        let sorted = self.sort.as_ref().is_some_and(|sort| sort.ends_with("last_used"));
        let asked = sorted || self.never_used || self.last_used_from.is_some() || self.last_used_until.is_some();
        COLUMNS.into_iter().filter(|(heading, _)| asked || *heading != LAST_USED).collect()
    }

    /// Everything that is asked for, in the order of a tree.
    fn tree(&self, administrator: &Administrator) -> Result<Vec<(usize, Value)>, CliError> {
        let mut found = Vec::new();
        self.pages(administrator, self.children_of.as_deref(), self.limit, |page| {
            found.extend(page);
            Ok(())
        })?;
        // The children of one are listed by themselves; what is below those is asked for one by one.
        let mut next = if self.children_of.is_some() { 0 } else { found.len() };
        while let Some(parent) =
            found.get(next).and_then(|token| token.get("id")).and_then(Value::as_str).map(str::to_owned)
        {
            let left = self.limit.map(|limit| limit.saturating_sub(u64::try_from(found.len()).unwrap_or(u64::MAX)));
            self.pages(administrator, Some(&parent), left, |page| {
                found.extend(page);
                Ok(())
            })?;
            next = next.saturating_add(1);
        }
        Ok(tree::ordered(found))
    }

    /// Goes through the pages of a list until there are no more, or as many as `limit` says.
    fn pages(
        &self,
        administrator: &Administrator,
        parent: Option<&str>,
        limit: Option<u64>,
        mut each: impl FnMut(Vec<Value>) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let (mut left, mut cursor) = (limit.unwrap_or(u64::MAX), None::<String>);
        while left > 0 {
            let path = self.path(parent, left.min(PAGE), cursor.as_deref());
            let mut page = administrator.call(Method::GET, &path, None)?;
            cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
            let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) else {
                return Err(CliError::Failed("there are no items in the answer".to_owned()));
            };
            left = left.saturating_sub(u64::try_from(items.len()).unwrap_or(u64::MAX));
            each(items)?;
            if cursor.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn path(&self, parent: Option<&str>, limit: u64, cursor: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &limit.to_string());
        let filters = [
            ("state", self.state.as_deref()),
            ("name", self.name.as_deref()),
            ("name_contains", self.name_contains.as_deref()),
            ("owner", self.owner.as_deref()),
            ("parent", parent),
            ("created_from", self.created_from.as_deref()),
            ("created_until", self.created_until.as_deref()),
            ("expires_from", self.expires_from.as_deref()),
            ("expires_until", self.expires_until.as_deref()),
            ("last_used_from", self.last_used_from.as_deref()),
            ("last_used_until", self.last_used_until.as_deref()),
            ("never_used", self.never_used.then_some("true")),
            ("sort", self.sort.as_deref()),
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

fn row(depth: usize, token: &Value, columns: &[(&str, &str)]) -> Vec<String> {
    let shown = |name: &str| {
        let value = token.get(name).unwrap_or(&Value::Null);
        match (name, value, token.get("last_used_certain")) {
            ("last_used_at", Value::Null, Some(Value::Bool(true))) => "never".to_owned(),
            // A crash may have lost it.
            ("last_used_at", Value::Null, _) => "unknown".to_owned(),
            ("name", ..) => tree::indented(depth, &output::member(name, value)),
            _ => output::member(name, value),
        }
    };
    columns.iter().map(|(_, member)| shown(member)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use serde_json::json;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        list: List,
    }

    #[test]
    fn every_filter_goes_into_the_query() {
        let arguments = [
            "list",
            "--state",
            "active",
            "--name-contains",
            "a b",
            "--created-from",
            "2027-01-31",
            "--never-used",
            "--sort",
            "-last_used",
            "--expires-until=2027-01-31T12:00:00Z",
        ];
        let command = <Command as clap::Parser>::try_parse_from(arguments).unwrap();
        assert_eq!(
            command.list.path(Some("p"), 5, Some("c")),
            "/v1/refresh-tokens?limit=5&state=active&name_contains=a+b&parent=p&created_from=2027-01-31T00%3A00%3A00Z\
             &expires_until=2027-01-31T12%3A00%3A00Z&never_used=true&sort=-last_used&cursor=c"
        );
    }

    #[test]
    fn never_and_unknown_are_two_things() {
        let last_used = |certain: bool| {
            row(0, &json!({"last_used_at": null, "last_used_certain": certain}), &COLUMNS).swap_remove(6)
        };
        assert_eq!((last_used(true), last_used(false)), ("never".to_owned(), "unknown".to_owned()));
    }
}
