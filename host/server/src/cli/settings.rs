//! `jeton settings`.

use http::Method;
use serde_json::{Map, Value};

use super::{
    CliError, expiry, output,
    remote::{self, Options},
};

const SET_HELP: &str = "\
Examples:
  jeton settings set access_token_expiration=10m refresh_token_expiration=30d
  jeton settings set never_allowed=false refresh_token_maximum=90d access_token_maximum=15m --dry-run
  jeton settings set never_allowed=false refresh_token_maximum=90d access_token_maximum=15m --at-once
  jeton settings set scopes=orders:read,orders:write
  jeton settings set refresh_token_maximum=none scopes=any

JETON_TOKEN holds the refresh token of an administrator, which `jeton bootstrap` makes on the authority's machine.";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// All settings; spans in seconds
    #[command(after_help = remote::HELP)]
    Get(Options),
    /// Change settings, such as access_token_expiration=600 or refresh_token_expiration=30d
    #[command(after_help = SET_HELP)]
    Set {
        /// A setting and its new value: seconds, a span such as 15m, 12h, 90d, a number, true, false, none, any, or scopes with commas
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = change)]
        changes: Vec<(String, Value)>,
        /// Change nothing; say how many refresh tokens would live shorter or be granted less, and name the first 100
        #[arg(long)]
        dry_run: bool,
        /// End every access token that is out as well, by advancing the epoch
        #[arg(long)]
        at_once: bool,
        #[command(flatten)]
        options: Options,
    },
}

impl Verb {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self {
            Self::Get(options) => {
                show(&options.remote.administrator()?.call(Method::GET, "/v1/settings", None)?, &options)
            }
            Self::Set { changes, dry_run, at_once, options } => {
                let body = body(changes)?;
                let query = match (dry_run, at_once) {
                    (true, _) => "?dry_run=true",
                    (false, true) => "?apply=at_once",
                    (false, false) => "",
                };
                let path = format!("/v1/settings{query}");
                let answer = options.remote.administrator()?.call(Method::PATCH, &path, Some(&body))?;
                if dry_run { hit(&answer, &options) } else { show(&answer, &options) }
            }
        }
    }
}

fn show(settings: &Value, options: &Options) -> Result<(), CliError> {
    if options.json {
        return Ok(output::json(settings)?);
    }
    let mut rows = output::Rows::new(&["SETTING", "VALUE", "KNOWN IN DPA AS"]);
    rows.page(settings.as_object().into_iter().flatten().map(|(name, value)| row(name, value)).collect())?;
    Ok(rows.finish()?)
}

/// Whom a change would hit.
fn hit(dry_run: &Value, options: &Options) -> Result<(), CliError> {
    if options.json {
        return Ok(output::json(dry_run)?);
    }
    let number = |name: &str| dry_run.get(name).and_then(Value::as_u64).unwrap_or_default();
    let complete = dry_run.get("complete").and_then(Value::as_bool).unwrap_or_default();
    let looked_at = if complete { "all" } else { "the first" };
    output::note(&format!(
        "{} would live shorter or be granted less, of {looked_at} {} that were looked at. Nothing was changed.",
        output::refresh_tokens(number("affected")),
        number("examined"),
    ));
    let mut rows = output::Rows::new(&["ID", "NAME", "OWNER", "EXPIRES", "ACCESS TTL", "SCOPES"]);
    let members = ["id", "name", "owner", "expires_at", "access_ttl", "scopes"];
    let first = dry_run.get("first").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let row =
        |token: &Value| members.map(|name| output::member(name, token.get(name).unwrap_or(&Value::Null))).to_vec();
    rows.page(first.iter().map(row).collect())?;
    Ok(rows.finish()?)
}

fn row(name: &str, value: &Value) -> Vec<String> {
    let in_dpa = match name {
        "access_token_expiration" => "API_ACCESS_TOKEN_EXPIRATION",
        "refresh_token_expiration" => "API_REFRESH_TOKEN_EXPIRATION",
        _ => "-",
    };
    let shown = match (name, value) {
        ("scopes", Value::Null) => "any".to_owned(),
        (_, Value::Null) => "none".to_owned(),
        _ => output::member(name, value),
    };
    vec![name.to_owned(), shown, in_dpa.to_owned()]
}

fn body(changes: Vec<(String, Value)>) -> Result<Value, CliError> {
    let mut body = Map::new();
    for (key, value) in changes {
        if body.insert(key.clone(), value).is_some() {
            return Err(CliError::Usage(format!("`{key}` is given twice")));
        }
    }
    Ok(Value::Object(body))
}

/// Which settings there are and what they may be, the authority says; here it is only read.
fn change(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or("KEY=VALUE is expected")?;
    let value = match (key, value) {
        ("scopes", "any") | ("refresh_token_maximum", "none") => Value::Null,
        ("scopes", "") => return Err("scopes are separated by commas; `any` is any".to_owned()),
        ("scopes", list) => list.split(',').map(str::to_owned).collect(),
        (_, "true") => Value::Bool(true),
        (_, "false") => Value::Bool(false),
        (_, span) => Value::from(expiry::span(span)?),
    };
    Ok((key.to_owned(), value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_is_a_key_and_a_value_as_people_write_it() {
        for (text, key, value) in [
            ("access_token_expiration=15m", "access_token_expiration", json!(900)),
            ("delegation_levels=0", "delegation_levels", json!(0)),
            ("never_allowed=false", "never_allowed", json!(false)),
            ("refresh_token_maximum=none", "refresh_token_maximum", json!(null)),
            ("scopes=any", "scopes", json!(null)),
            ("scopes=a,b=c", "scopes", json!(["a", "b=c"])),
        ] {
            assert_eq!(change(text), Ok((key.to_owned(), value)), "{text}");
        }
        for bad in
            ["", "=", "=5", "access_token_expiration", "access_token_expiration=", "a=b=5", "a=-1", "a=1.5", "scopes="]
        {
            assert!(change(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_setting_is_given_once() {
        let change = |value: u64| ("a".to_owned(), json!(value));
        assert_eq!(body(vec![change(5), ("b".to_owned(), json!(6))]).unwrap(), json!({"a": 5, "b": 6}));
        assert!(matches!(body(vec![change(5), change(5)]), Err(CliError::Usage(_))));
    }
}
