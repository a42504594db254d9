//! `jeton settings`.

use http::Method;
use serde_json::{Map, Value};

use super::{
    CliError, expiry, output,
    remote::{self, Options},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// All settings, in seconds
    #[command(after_help = remote::HELP)]
    Get(Options),
    /// Change settings, such as access_token_expiration=600 or refresh_token_expiration=30d
    #[command(after_help = remote::HELP)]
    Set {
        /// A setting and its new value: seconds, or such as 15m, 12h, 90d
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = change)]
        changes: Vec<(String, u64)>,
        #[command(flatten)]
        options: Options,
    },
}

impl Verb {
    pub(super) fn run(self) -> Result<(), CliError> {
        let (options, method, body) = match self {
            Self::Get(options) => (options, Method::GET, None),
            Self::Set { changes, options } => (options, Method::PATCH, Some(body(changes)?)),
        };
        let settings = options.remote.administrator()?.call(method, "/v1/settings", body.as_ref())?;
        if options.json {
            return Ok(output::json(&settings)?);
        }
        let mut rows = output::Rows::new(&["SETTING", "SECONDS", "KNOWN IN DPA AS"]);
        rows.page(settings.as_object().into_iter().flatten().map(|(name, value)| row(name, value)).collect())?;
        Ok(rows.finish()?)
    }
}

fn row(name: &str, value: &Value) -> Vec<String> {
    let in_dpa = match name {
        "access_token_expiration" => "API_ACCESS_TOKEN_EXPIRATION",
        "refresh_token_expiration" => "API_REFRESH_TOKEN_EXPIRATION",
        _ => "-",
    };
    vec![name.to_owned(), output::member(name, value), in_dpa.to_owned()]
}

fn body(changes: Vec<(String, u64)>) -> Result<Value, CliError> {
    let mut body = Map::new();
    for (key, value) in changes {
        if body.insert(key.clone(), Value::from(value)).is_some() {
            return Err(CliError::Usage(format!("`{key}` is given twice")));
        }
    }
    Ok(Value::Object(body))
}

fn change(text: &str) -> Result<(String, u64), String> {
    let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or("KEY=VALUE is expected")?;
    Ok((key.to_owned(), expiry::span(value)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn a_change_is_a_key_and_a_span() {
        assert_eq!(change("access_token_expiration=15m"), Ok(("access_token_expiration".to_owned(), 900)));
        for bad in ["", "=", "=5", "access_token_expiration", "access_token_expiration=", "a=b=5", "a=-1", "a=1.5"] {
            assert!(change(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_setting_is_given_once() {
        let change = |value| ("a".to_owned(), value);
        assert_eq!(body(vec![change(5), ("b".to_owned(), 6)]).unwrap(), serde_json::json!({"a": 5, "b": 6}));
        assert!(matches!(body(vec![change(5), change(5)]), Err(CliError::Usage(_))));
    }
}
