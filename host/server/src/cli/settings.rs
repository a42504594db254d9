//! `jeton settings`.

use http::Method;
use serde_json::{Map, Value};

use super::{CliError, output, remote::Options};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// All settings, in seconds
    Get(Options),
    /// Change settings, such as access_token_expiration=600
    Set {
        /// A setting and its new value
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = change)]
        changes: Vec<(String, u64)>,
        #[command(flatten)]
        options: Options,
    },
}

impl Verb {
    pub(super) fn run(self) -> Result<(), CliError> {
        let (options, settings) = match self {
            Self::Get(options) => {
                let settings = options.remote.administrator()?.call(Method::GET, "/v1/settings", None)?;
                (options, settings)
            }
            Self::Set { changes, options } => {
                let mut body = Map::new();
                for (key, value) in changes {
                    if body.insert(key.clone(), Value::from(value)).is_some() {
                        return Err(CliError::Usage(format!("`{key}` is given twice")));
                    }
                }
                let body = Value::Object(body);
                let settings = options.remote.administrator()?.call(Method::PATCH, "/v1/settings", Some(&body))?;
                (options, settings)
            }
        };
        output::object(&settings, options.json)?;
        Ok(())
    }
}

fn change(text: &str) -> Result<(String, u64), String> {
    let (key, value) = text.split_once('=').ok_or("KEY=VALUE is expected")?;
    let value = value.parse().map_err(|_| format!("`{value}` is not a number of seconds"))?;
    Ok((key.to_owned(), value))
}
