//! `jeton token edit`.

use clap::ArgGroup;
use http::Method;
use serde_json::{Map, Value, json};

use super::{IF_MATCH, check_id, etag};
use crate::cli::{
    CliError,
    expiry::{self, Expiry},
    output,
    remote::Options,
};

pub(super) const HELP: &str = "\
Examples:
  jeton token edit 7lpW51ZSEDuhUKTqgdJrVL --expires 30d --note \"the job ends in a month\"
  jeton token edit 7lpW51ZSEDuhUKTqgdJrVL --scope reports:read --network 192.0.2.0/24
  jeton token edit 7lpW51ZSEDuhUKTqgdJrVL --access-ttl default --network any --max-exchanges any

A shorter expiry, fewer scopes, narrower networks and fewer audiences end everything that the token gave out; nothing brings it back.
JETON_TOKEN holds the refresh token of an administrator, which `jeton bootstrap` makes on the authority's machine.";

/// What is not named stays as it is.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("granted").args(["scopes", "no_scopes"]))]
pub(in crate::cli) struct Edit {
    /// Its id
    id: String,
    /// What it is for
    #[arg(long)]
    name: Option<String>,
    /// 90d, 12h, 2027-01-31 (its beginning, UTC), 2027-01-31T12:00:00Z or never; one that has expired lives again
    #[arg(long, value_name = "WHEN", value_parser = expiry::parse)]
    expires: Option<Expiry>,
    /// What it may do, instead of what it may now; repeat for more, or separate by spaces
    #[arg(long = "scope", id = "scopes", value_name = "SCOPE", value_delimiter = ' ')]
    scopes: Vec<String>,
    /// It may do nothing but be verified
    #[arg(long)]
    no_scopes: bool,
    /// How long its access tokens live: seconds, or such as 15m; `default` is the setting's
    #[arg(long, value_name = "SPAN", value_parser = or_none("default", expiry::span))]
    access_ttl: Option<Choice<u64>>,
    /// From when on it works: 2027-01-31, 2027-01-31T12:00:00Z or 12h from now; `any` is at once
    #[arg(long, value_name = "WHEN", value_parser = or_none("any", expiry::moment))]
    not_before: Option<Choice<String>>,
    /// Where it works, instead of where it does now, such as 192.0.2.0/24; repeat for more; `any` is everywhere
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<String>,
    /// Whether its access tokens work in these networks alone, too
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    bind_access_tokens: Option<bool>,
    /// Whom its access tokens are for, instead of whom now; repeat for more; `any` is anyone
    #[arg(long = "audience", value_name = "URI")]
    audiences: Vec<String>,
    /// How often it works, those times included that it did; `any` is any number
    #[arg(long, value_name = "N", value_parser = or_none("any", count))]
    max_exchanges: Option<Choice<u64>>,
    /// Whether its holder may issue refresh tokens under it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    may_delegate: Option<bool>,
    /// Whether each exchange replaces it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    rotate_on_use: Option<bool>,
    /// Why, for whoever asks later
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Only if it has this generation still, which `jeton token show` says
    #[arg(long, value_name = "N")]
    generation: Option<u64>,
    #[command(flatten)]
    options: Options,
}

/// A value, or the word that takes it away.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Choice<T>(Option<T>);

fn or_none<T: Clone + Send + Sync + 'static>(
    word: &'static str,
    read: fn(&str) -> Result<T, String>,
) -> impl Fn(&str) -> Result<Choice<T>, String> + Clone + Send + Sync {
    move |text| if text == word { Ok(Choice(None)) } else { read(text).map(|value| Choice(Some(value))) }
}

fn count(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "neither a number nor `any`".to_owned())
}

impl Edit {
    pub(super) fn run(self) -> Result<(), CliError> {
        check_id(&self.id)?;
        let body = self.body()?;
        let etag = self.generation.map(etag);
        let condition = etag.as_ref().map(|etag| (&IF_MATCH, etag.as_str()));
        let path = format!("/v1/refresh-tokens/{}", self.id);
        let token = self.options.remote.administrator()?.call_under(Method::PATCH, &path, Some(&body), condition)?;
        Ok(output::object(&token, self.options.json)?)
    }

    fn body(&self) -> Result<Value, CliError> {
        let scopes = (self.no_scopes || !self.scopes.is_empty()).then(|| json!(self.scopes));
        let members = [
            self.name.as_ref().map(|name| ("name", json!(name))),
            self.expires.as_ref().map(Expiry::member),
            scopes.map(|scopes| ("scopes", scopes)),
            self.access_ttl.as_ref().map(|Choice(seconds)| ("access_ttl", json!(seconds))),
            self.not_before.as_ref().map(|Choice(moment)| ("not_before", json!(moment))),
            list("--network", &self.networks)?.map(|networks| ("networks", networks)),
            self.bind_access_tokens.map(|bind| ("networks_in_access_tokens", json!(bind))),
            list("--audience", &self.audiences)?.map(|audiences| ("audiences", audiences)),
            self.max_exchanges.as_ref().map(|Choice(count)| ("max_exchanges", json!(count))),
            self.may_delegate.map(|may| ("may_delegate", json!(may))),
            self.rotate_on_use.map(|rotates| ("rotates_on_use", json!(rotates))),
        ];
        let mut body: Map<String, Value> =
            members.into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect();
        if body.is_empty() {
            return Err(CliError::Usage("nothing is to change: say what, such as --expires 30d".to_owned()));
        }
        body.extend(self.note.as_ref().map(|note| ("note".to_owned(), json!(note))));
        Ok(Value::Object(body))
    }
}

/// The values of a list, or `any`, which is none of them.
fn list(option: &str, values: &[String]) -> Result<Option<Value>, CliError> {
    match values {
        [] => Ok(None),
        [only] if only == "any" => Ok(Some(json!([]))),
        several if several.iter().any(|value| value == "any") => {
            Err(CliError::Usage(format!("{option} any says that there is no other {option}")))
        }
        several => Ok(Some(json!(several))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        edit: Edit,
    }

    fn body(arguments: &[&str]) -> Result<Value, String> {
        let arguments = ["edit", "7lpW51ZSEDuhUKTqgdJrVL"].iter().chain(arguments);
        let command = <Command as clap::Parser>::try_parse_from(arguments).map_err(|error| error.to_string())?;
        command.edit.body().map_err(|error| error.to_string())
    }

    #[test]
    fn the_request_holds_what_was_said_and_nothing_else() {
        assert_eq!(body(&["--name", "n", "--note", "why"]), Ok(json!({"name": "n", "note": "why"})));
        assert_eq!(
            body(&["--expires", "never", "--scope", "a b", "--access-ttl", "5m", "--not-before", "2027-01-31"]),
            Ok(json!({"never": true, "scopes": ["a", "b"], "access_ttl": 300, "not_before": "2027-01-31T00:00:00Z"}))
        );
        assert_eq!(
            body(&["--network", "10.0.0.0/8", "--audience", "urn:a", "--audience", "urn:b", "--max-exchanges", "5"]),
            Ok(json!({"networks": ["10.0.0.0/8"], "audiences": ["urn:a", "urn:b"], "max_exchanges": 5}))
        );
        assert_eq!(
            body(&["--bind-access-tokens", "--may-delegate=false", "--rotate-on-use=true"]),
            Ok(json!({"networks_in_access_tokens": true, "may_delegate": false, "rotates_on_use": true}))
        );
    }

    #[test]
    fn a_word_takes_away_what_can_be_taken_away() {
        assert_eq!(
            body(&["--access-ttl", "default", "--not-before", "any", "--max-exchanges", "any"]),
            Ok(json!({"access_ttl": null, "not_before": null, "max_exchanges": null}))
        );
        assert_eq!(
            body(&["--network", "any", "--audience", "any", "--no-scopes"]),
            Ok(json!({"networks": [], "audiences": [], "scopes": []}))
        );
    }

    #[test]
    fn what_says_nothing_or_two_things_is_bad_usage() {
        for arguments in [
            &[][..],
            &["--note", "why"],
            &["--network", "any", "--network", "10.0.0.0/8"],
            &["--no-scopes", "--scope", "a"],
            &["--max-exchanges", "many"],
            &["--not-before", "never"],
            &["--owner", "o"],
        ] {
            assert!(body(arguments).is_err(), "{arguments:?}");
        }
    }
}
