//! `jeton token create`.

use http::{HeaderName, Method};
use serde_json::{Map, Value, json};

use super::check_id;
use crate::cli::{
    CliError,
    expiry::{self, Expiry},
    output,
    remote::Remote,
};

pub(super) const HELP: &str = "\
Examples:
  (umask 077 && jeton token create --name \"nightly job\" --expires 90d > nightly.token)
  jeton token create --name reports --expires 2027-01-31 --scope reports:read --scope reports:write
  jeton token create --name vendor --not-before 2027-02-01 --network 192.0.2.0/24 --max-exchanges 100
  jeton token create --name \"one step\" --parent 7lpW51ZSEDuhUKTqgdJrVL --expires 12h --access-ttl 5m

JETON_TOKEN holds the refresh token of an administrator, which `jeton bootstrap` makes on the authority's machine.";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Create {
    /// What it is for
    #[arg(long)]
    name: String,
    /// 90d, 12h, 2027-01-31 (its beginning, UTC), 2027-01-31T12:00:00Z or never [default: the setting's]
    #[arg(long, value_name = "WHEN", value_parser = expiry::parse)]
    expires: Option<Expiry>,
    /// What it may do; repeat for more, or separate by spaces [default: nothing but be verified]
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ' ')]
    scopes: Vec<String>,
    /// Id of a refresh token that it descends from: it never outlives that one, nor may it do more
    #[arg(long, value_name = "ID")]
    parent: Option<String>,
    /// Whose it is: the subject of its access tokens
    #[arg(long)]
    owner: Option<String>,
    /// How long its access tokens live: seconds, or such as 15m [default: the setting's]
    #[arg(long, value_name = "SPAN", value_parser = expiry::span)]
    access_ttl: Option<u64>,
    #[command(flatten)]
    bindings: Bindings,
    /// Its holder may issue refresh tokens under it (RFC 8693)
    #[arg(long)]
    may_delegate: bool,
    /// Each exchange replaces it: for one holder who keeps what an exchange gives
    #[arg(long)]
    rotate_on_use: bool,
    /// Makes it safe to try again within a day: under the same key nothing is made twice
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// The whole answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

/// What ties it down.
#[derive(Debug, clap::Args)]
struct Bindings {
    /// From when on it works: 2027-01-31 (its beginning, UTC), 2027-01-31T12:00:00Z, or 12h from now
    #[arg(long, value_name = "WHEN", value_parser = expiry::moment)]
    not_before: Option<String>,
    /// Where it works, such as 192.0.2.0/24 or 2001:db8::/32; repeat for more [default: everywhere]
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<String>,
    /// Its access tokens work in these networks alone, too
    #[arg(long)]
    bind_access_tokens: bool,
    /// Whom its access tokens are for (RFC 8707), the first unless an exchange asks for another; repeat for more [default: anyone]
    #[arg(long = "audience", value_name = "URI")]
    audiences: Vec<String>,
    /// How often it works [default: any number of times]
    #[arg(long, value_name = "N")]
    max_exchanges: Option<u64>,
}

static HEADER: HeaderName = HeaderName::from_static("idempotency-key");

impl Create {
    pub(super) fn run(self) -> Result<(), CliError> {
        self.parent.as_deref().map_or(Ok(()), check_id)?;
        let key = self.idempotency_key.as_deref().map(|key| (&HEADER, key));
        let body = self.body();
        let made = self.remote.administrator()?.call_under(Method::POST, "/v1/refresh-tokens", Some(&body), key)?;
        let member = |name: &str| made.get(name).map(|value| output::member(name, value)).unwrap_or_default();
        let (name, id, expires) = (member("name"), member("id"), member("expires_at"));
        let Some(token) = made.get("token").and_then(Value::as_str) else {
            return Err(CliError::Failed(format!(
                "`{name}` was made before under this key, with the id {id}, and its string was shown then: if it is lost, jeton token rotate {id}"
            )));
        };
        let written = if self.json {
            output::json(&made)
        } else {
            output::note(&format!("`{name}` has the id {id} and expires {expires}. This is shown once:"));
            output::line(token)
        };
        // Its string cannot be had again.
        written.map_err(|error| {
            CliError::Failed(format!(
                "`{name}` was made, but its string could not be written ({error}): jeton token delete {id}"
            ))
        })
    }

    fn body(&self) -> Value {
        let mut body = Map::from_iter([("name".to_owned(), json!(self.name))]);
        let scopes = (!self.scopes.is_empty()).then(|| json!(self.scopes));
        let bindings = &self.bindings;
        let optional = [
            self.expires.as_ref().map(Expiry::member),
            scopes.map(|scopes| ("scopes", scopes)),
            self.parent.as_ref().map(|parent| ("parent", json!(parent))),
            self.owner.as_ref().map(|owner| ("owner", json!(owner))),
            self.access_ttl.map(|seconds| ("access_ttl", json!(seconds))),
            bindings.not_before.as_ref().map(|moment| ("not_before", json!(moment))),
            (!bindings.networks.is_empty()).then(|| ("networks", json!(bindings.networks))),
            bindings.bind_access_tokens.then_some(("networks_in_access_tokens", json!(true))),
            (!bindings.audiences.is_empty()).then(|| ("audiences", json!(bindings.audiences))),
            bindings.max_exchanges.map(|count| ("max_exchanges", json!(count))),
            self.may_delegate.then_some(("may_delegate", json!(true))),
            self.rotate_on_use.then_some(("rotates_on_use", json!(true))),
        ];
        body.extend(optional.into_iter().flatten().map(|(name, value)| (name.to_owned(), value)));
        Value::Object(body)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        create: Create,
    }

    fn body(arguments: &[&str]) -> Value {
        <Command as clap::Parser>::try_parse_from(["create"].iter().chain(arguments)).unwrap().create.body()
    }

    #[test]
    fn the_request_holds_what_was_said_and_nothing_else() {
        assert_eq!(body(&["--name", "n"]), json!({"name": "n"}));
        assert_eq!(
            body(&["--name", "n", "--expires", "never", "--scope", "a b", "--scope", "c", "--owner", "o"]),
            json!({"name": "n", "never": true, "scopes": ["a", "b", "c"], "owner": "o"})
        );
        assert_eq!(
            body(&["--name", "n", "--expires", "2027-01-31", "--parent", "p", "--access-ttl", "5m"]),
            json!({"name": "n", "expires_at": "2027-01-31T00:00:00Z", "parent": "p", "access_ttl": 300})
        );
        let bound =
            ["--not-before", "2027-01-31", "--network", "10.0.0.0/8", "--bind-access-tokens", "--audience", "urn:a"];
        let held = ["--max-exchanges", "100", "--may-delegate", "--rotate-on-use"];
        assert_eq!(
            body(&[&["--name", "n"][..], &bound, &held].concat()),
            json!({
                "name": "n", "not_before": "2027-01-31T00:00:00Z", "networks": ["10.0.0.0/8"], "networks_in_access_tokens": true,
                "audiences": ["urn:a"], "max_exchanges": 100, "may_delegate": true, "rotates_on_use": true,
            })
        );
    }
}
