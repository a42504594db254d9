//! `jeton token rotate`.

use http::Method;
use serde_json::{Value, json};

use super::{IF_MATCH, check_id, etag};
use crate::cli::{CliError, expiry, output, remote::Remote};

pub(super) const HELP: &str = "\
Examples:
  (umask 077 && jeton token rotate 7lpW51ZSEDuhUKTqgdJrVL --overlap 1h > nightly.token)
  jeton token rotate 7lpW51ZSEDuhUKTqgdJrVL

With an overlap the old string works for that long beside the new one, and what it gives out ends with it. Without one, the old string
and everything that it gave out are dead at once.
JETON_TOKEN holds the refresh token of an administrator, which `jeton bootstrap` makes on the authority's machine.";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Rotate {
    /// Its id, which stays
    id: String,
    /// How long the old string works still: seconds, or such as 1h, at most 7d [default: not at all]
    #[arg(long, value_name = "SPAN", value_parser = expiry::span)]
    overlap: Option<u64>,
    /// Only if it has this generation still, which `jeton token show` says
    #[arg(long, value_name = "N")]
    generation: Option<u64>,
    /// The whole answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Rotate {
    pub(super) fn run(self) -> Result<(), CliError> {
        check_id(&self.id)?;
        let body = json!({ "overlap_seconds": self.overlap.unwrap_or(0) });
        let etag = self.generation.map(etag);
        let condition = etag.as_ref().map(|etag| (&IF_MATCH, etag.as_str()));
        let path = format!("/v1/refresh-tokens/{}/rotate", self.id);
        let rotated = self.remote.administrator()?.call_under(Method::POST, &path, Some(&body), condition)?;
        let Some(token) = rotated.get("token").and_then(Value::as_str) else {
            return Err(CliError::Failed("there is no token in the answer".to_owned()));
        };
        let member = |name: &str| rotated.get(name).map(|value| output::member(name, value)).unwrap_or_default();
        let (name, until) = (member("name"), rotated.get("superseded_until").and_then(Value::as_str));
        let written = if self.json {
            output::json(&rotated)
        } else {
            let old = match until {
                Some(until) => format!("works until {until}"),
                None => "and everything that it gave out are dead".to_owned(),
            };
            output::note(&format!("`{name}` has a new string, and the old one {old}. This is shown once:"));
            output::line(token)
        };
        // Its string cannot be had again.
        written.map_err(|error| {
            CliError::Failed(format!(
                "`{name}` was rotated, but its new string could not be written ({error}): jeton token rotate {} makes another",
                self.id
            ))
        })
    }
}
