//! `jeton token revoke-access`: the end of one access token.

use http::Method;
use serde_json::json;

use crate::cli::{CliError, output, remote::Remote};

/// Characters of a `jti`.
const JTI_LENGTH: usize = 55;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RevokeAccess {
    /// Its `jti`: 55 letters and digits
    jti: String,
    /// Why [default: deleted]
    #[arg(long, value_name = "CODE", value_parser = ["deleted", "compromised", "superseded", "unused", "owner-left"])]
    reason: Option<String>,
    /// Why, in your own words
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// JSON instead of a sentence
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl RevokeAccess {
    pub(super) fn run(self) -> Result<(), CliError> {
        let is_jti = self.jti.len() == JTI_LENGTH && self.jti.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_jti {
            // It may be the token itself: it is not repeated.
            return Err(CliError::Usage("that is not a `jti`: one has 55 letters and digits".to_owned()));
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("reason", &self.reason), ("note", &self.note)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        let path = format!("/v1/access-tokens/{}?{}", self.jti, query.finish());
        self.remote.administrator()?.call(Method::DELETE, &path, None)?;
        if self.json {
            return Ok(output::json(&json!({ "jti": self.jti, "result": "deleted" }))?);
        }
        output::note("It has ended.");
        Ok(())
    }
}
