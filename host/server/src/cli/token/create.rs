//! `jeton token create`.

use http::Method;
use serde_json::{Map, Value, json};

use crate::cli::{
    CliError,
    expiry::{self, Expiry},
    output,
    remote::Remote,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Create {
    /// What it is for
    #[arg(long)]
    name: String,
    /// 90d, 12h, 2027-01-31 (its beginning, UTC), 2027-01-31T12:00:00Z or never [default: the setting's]
    #[arg(long, value_parser = expiry::parse)]
    expires: Option<Expiry>,
    /// What it may do; repeat for more
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Id of a refresh token that it descends from
    #[arg(long, value_name = "ID")]
    parent: Option<String>,
    /// Whose it is
    #[arg(long)]
    owner: Option<String>,
    /// Seconds that its access tokens live [default: the setting's]
    #[arg(long, value_name = "SECONDS")]
    access_ttl: Option<u64>,
    /// The whole answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Create {
    pub(super) fn run(self) -> Result<(), CliError> {
        let mut body = Map::from_iter([("name".to_owned(), json!(self.name))]);
        if let Some(expiry) = &self.expires {
            let (member, value) = expiry.member();
            body.insert(member.to_owned(), value);
        }
        if !self.scopes.is_empty() {
            body.insert("scopes".to_owned(), json!(self.scopes));
        }
        let optional = [("parent", self.parent.map(Value::from)), ("owner", self.owner.map(Value::from)), ("access_ttl", self.access_ttl.map(Value::from))];
        body.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        let body = Value::Object(body);
        let made = self.remote.administrator()?.call(Method::POST, "/v1/refresh-tokens", Some(&body))?;
        if self.json {
            return Ok(output::json(&made)?);
        }
        let member = |name: &str| made.get(name).map(output::text).unwrap_or_default();
        match made.get("token").and_then(Value::as_str) {
            Some(token) => {
                let expires = made.get("expires_at").and_then(Value::as_str).unwrap_or("never");
                eprintln!("`{}` has the id {} and expires {expires}. This is shown once:", member("name"), member("id"));
                Ok(output::line(token)?)
            }
            None => Err(CliError::Failed("there is no token in the answer".to_owned())),
        }
    }
}
