//! `jeton token disable` and `jeton token enable`.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::delete::all_ids;
use crate::{
    cli::{CliError, output, remote::Remote},
    client::ClientError,
};

pub(super) const DISABLE_HELP: &str = "\
Examples:
  jeton token disable 7lpW51ZSEDuhUKTqgdJrVL --note \"may have leaked\"
  jeton token list --owner alice --json | jq -r .id | jeton token disable -

JETON_TOKEN holds the refresh token of an administrator, which `jeton bootstrap` makes on the authority's machine.";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Disable {
    /// Why, in your own words
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Enable {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// Ids; `-` reads them from standard input, one a line
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// JSON, a token a line, instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Disable {
    pub(super) fn run(self) -> Result<(), CliError> {
        let mut body = Map::from_iter([("enabled".to_owned(), json!(false))]);
        body.extend(self.note.map(|note| ("note".to_owned(), json!(note))));
        self.which.switch(&Value::Object(body))
    }
}

impl Enable {
    pub(super) fn run(self) -> Result<(), CliError> {
        self.which.switch(&json!({ "enabled": true }))
    }
}

impl Which {
    /// One after the other. One that is refused keeps none of the others from it.
    fn switch(self, body: &Value) -> Result<(), CliError> {
        let ids = all_ids(&self.ids, std::io::stdin().lock())?;
        let administrator = self.remote.administrator()?;
        let (mut rows, mut refused) = (output::Rows::new(&["ID", "STATE"]), 0_usize);
        for id in &ids {
            let state = match administrator.call(Method::PATCH, &format!("/v1/refresh-tokens/{id}"), Some(body)) {
                Ok(token) if self.json => {
                    output::json(&token)?;
                    continue;
                }
                Ok(token) => token.get("state").map(|state| output::member("state", state)).unwrap_or_default(),
                Err(ClientError::Refused { status, sentence }) if concerns_this_one(status) => {
                    refused = refused.saturating_add(1);
                    output::note(&format!("{id}: {sentence}"));
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            rows.page(vec![vec![id.clone(), state]])?;
        }
        match refused {
            0 => Ok(()),
            _ => Err(CliError::Failed(format!("{refused} of {} were refused", ids.len()))),
        }
    }
}

/// Whether a refusal says something of this token alone, so that the others are worth trying.
fn concerns_this_one(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::CONFLICT)
}
