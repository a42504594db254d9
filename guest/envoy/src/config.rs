//! What stands in Envoy's configuration of the plugin: JSON, read strictly. A mistake keeps Envoy from starting.
//!
//! ```json
//! {"feed": {"authority": "https://tokens.example", "cluster": "jeton", "credential_env": "JETON_EDGE_CREDENTIAL"}}
//! {"filter": {"required_scopes": ["api"], "allow_list": [{"path": "/healthz"}]}}
//! ```

use core::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    gate::Gate,
    routes::{Demand, Opening, Route, Routes},
};

/// Entries of each list: they are compared one by one with every request.
pub const MAX_ENTRIES: usize = 256;

/// The part that the plugin plays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Written {
    Feed(WrittenFeed),
    Filter(WrittenFilter),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFeed {
    authority: String,
    cluster: String,
    #[serde(default)]
    credential: Option<String>,
    #[serde(default)]
    credential_env: Option<String>,
    #[serde(default)]
    issuer: Option<String>,
    #[serde(default)]
    allow_plain_http: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFilter {
    #[serde(default)]
    required_scopes: Demand,
    #[serde(default)]
    routes: Vec<Route>,
    #[serde(default)]
    allow_list: Vec<Opening>,
    #[serde(default)]
    audience: Option<String>,
    #[serde(default)]
    shadow: bool,
    #[serde(default)]
    trust_source_address: bool,
}

/// Why the configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not of the form that it must be of.
    #[error("it is not the configuration of a `feed` or a `filter`: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The authority's URL.
    #[error("`authority` is no URL such as `https://tokens.example` or `https://tokens.example:8124/below`")]
    Authority,
    /// Without TLS, whoever is on the way can keep tokens alive.
    #[error(
        "`authority` is not on this machine and without TLS: use https, or say `allow_plain_http` if something else protects the way"
    )]
    PlainHttp,
    /// Envoy knows clusters by name.
    #[error("`cluster` is empty: it names the cluster of the authority")]
    Cluster,
    /// Two places for one secret.
    #[error("say either `credential` or `credential_env`")]
    TwoCredentials,
    /// The named variable is not lent.
    #[error(
        "the environment variable `{0}` is not there: name it in `environment_variables.host_env_keys` of the `vm_config`, and set it"
    )]
    NoVariable(String),
    /// Not what a refresh token looks like.
    #[error("the credential is no refresh token")]
    Credential,
    /// No token could meet it.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// More than [`MAX_ENTRIES`].
    #[error("more than {MAX_ENTRIES} entries in `{0}`")]
    TooMany(&'static str),
}

/// How the feed asks. Has no `Debug`: it holds a secret.
pub struct Feed {
    /// Envoy's cluster of the authority.
    pub cluster: String,
    /// Scheme, host and port, as a request's pseudo-headers have them.
    pub scheme: &'static str,
    /// Host and port.
    pub host: String,
    /// What the authority's paths begin with.
    pub base_path: String,
    /// The value of `Authorization`.
    pub authorization: Option<Zeroizing<String>>,
    /// The one authority whose live sets are taken; any, if none is named.
    pub issuer: Option<String>,
}

/// How the filter judges.
#[derive(Debug, Default)]
pub struct Filter {
    /// What is demanded.
    pub gate: Gate,
    /// Whether denials are only counted and logged.
    pub shadow: bool,
    /// Whether Envoy's `source.address` is who calls. It is, where Envoy is the edge and `use_remote_address` is on.
    pub trust_source_address: bool,
}

/// What the plugin is to do.
pub enum Configuration {
    /// Ask the authority, for all of Envoy.
    Feed(Box<Feed>),
    /// Judge requests.
    Filter(Box<Filter>),
}

impl Configuration {
    /// Reads a configuration. `variable` gives an environment variable, where Envoy lends it.
    ///
    /// # Errors
    /// [`ConfigError`]. Nothing of a secret is in it.
    pub fn read(json: &[u8], variable: impl FnOnce(&str) -> Option<Zeroizing<String>>) -> Result<Self, ConfigError> {
        match serde_json::from_slice(json)? {
            Written::Feed(feed) => feed.read(variable).map(Box::new).map(Self::Feed),
            Written::Filter(filter) => filter.read().map(Box::new).map(Self::Filter),
        }
    }
}

impl WrittenFeed {
    fn read(self, variable: impl FnOnce(&str) -> Option<Zeroizing<String>>) -> Result<Feed, ConfigError> {
        let (scheme, host, base_path) = url_parts(&self.authority).ok_or(ConfigError::Authority)?;
        if scheme == "http" && !self.allow_plain_http && !is_loopback(host) {
            return Err(ConfigError::PlainHttp);
        }
        if self.cluster.is_empty() {
            return Err(ConfigError::Cluster);
        }
        if self.issuer.as_ref().is_some_and(String::is_empty) {
            return Err(ConfigError::Empty("issuer"));
        }
        let credential = match (self.credential, self.credential_env) {
            (Some(_), Some(_)) => return Err(ConfigError::TwoCredentials),
            (None, Some(name)) => Some(variable(&name).ok_or(ConfigError::NoVariable(name))?),
            (credential, None) => credential.map(Zeroizing::new),
        };
        Ok(Feed {
            cluster: self.cluster,
            scheme,
            host: host.to_owned(),
            base_path: base_path.to_owned(),
            authorization: credential.map(|credential| basic(&credential)).transpose()?,
            issuer: self.issuer,
        })
    }
}

impl WrittenFilter {
    fn read(self) -> Result<Filter, ConfigError> {
        for (name, length) in [("routes", self.routes.len()), ("allow_list", self.allow_list.len())] {
            if length > MAX_ENTRIES {
                return Err(ConfigError::TooMany(name));
            }
        }
        if self.audience.as_ref().is_some_and(String::is_empty) {
            return Err(ConfigError::Empty("audience"));
        }
        let Demand(everywhere) = self.required_scopes;
        let routes = Routes { openings: self.allow_list, everywhere, routes: self.routes };
        Ok(Filter {
            gate: Gate { routes, audience: self.audience },
            shadow: self.shadow,
            trust_source_address: self.trust_source_address,
        })
    }
}

/// Scheme, host with port, and path without a slash at its end.
fn url_parts(url: &str) -> Option<(&'static str, &str, &str)> {
    let (scheme, rest) = match url.split_once("://")? {
        ("http", rest) => ("http", rest),
        ("https", rest) => ("https", rest),
        _ => return None,
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    let is_path = |byte: u8| byte.is_ascii_graphic() && !b"?#".contains(&byte);
    let is_sound = !host.is_empty() && host.bytes().all(is_host) && path.bytes().all(is_path);
    is_sound.then_some((scheme, host, path.trim_end_matches('/')))
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// HTTP Basic (RFC 7617): the authority exchanges the password once, and goes by what it got.
fn basic(credential: &str) -> Result<Zeroizing<String>, ConfigError> {
    if credential.is_empty() || !credential.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(ConfigError::Credential);
    }
    let pair = Zeroizing::new(format!("envoy:{credential}"));
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    Ok(Zeroizing::new(format!("Basic {}", encoded.as_str())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn read(json: &str) -> Result<Configuration, ConfigError> {
        Configuration::read(json.as_bytes(), |name| (name == "LENT").then(|| Zeroizing::new("jtn_rt_lent".to_owned())))
    }

    fn feed(members: &str) -> Result<Feed, ConfigError> {
        match read(&format!(r#"{{"feed": {{"cluster": "jeton", {members}}}}}"#))? {
            Configuration::Feed(feed) => Ok(*feed),
            Configuration::Filter(_) => panic!("it says feed"),
        }
    }

    fn complaint<T>(result: Result<T, ConfigError>) -> String {
        result.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_feed_is_told_whom_to_ask_and_as_whom() {
        let Ok(read) = feed(r#""authority": "https://tokens.example:8124/below/", "credential_env": "LENT""#) else {
            panic!("a feed")
        };
        assert_eq!(
            (read.scheme, read.host.as_str(), read.base_path.as_str()),
            ("https", "tokens.example:8124", "/below")
        );
        let authorization = read.authorization.as_ref().map(|value| value.as_str());
        assert_eq!(authorization, Some("Basic ZW52b3k6anRuX3J0X2xlbnQ="));
        for loopback in ["http://127.0.0.1:8123", "http://127.9.9.9", "http://localhost:1/", "http://[::1]:8123"] {
            assert!(feed(&format!(r#""authority": "{loopback}""#)).is_ok(), "{loopback}");
        }
    }

    #[test]
    fn what_a_feed_may_not_be_told_is_refused_with_the_reason() {
        for (members, reason) in [
            (r#""authority": "http://tokens.example""#, "use https"),
            (r#""authority": "http://127.0.0.1.example""#, "use https"),
            (r#""authority": "http://[::2]:8123""#, "use https"),
            (r#""authority": "tokens.example""#, "is no URL"),
            (r#""authority": "https://u:p@tokens.example""#, "is no URL"),
            (r#""authority": "https://tokens.example/?a""#, "is no URL"),
            (r#""authority": "https:///a""#, "is no URL"),
            (r#""authority": "https://a", "credential": "x", "credential_env": "LENT""#, "either"),
            (r#""authority": "https://a", "credential_env": "NOT_LENT""#, "NOT_LENT"),
            (r#""authority": "https://a", "credential": """#, "no refresh token"),
            (r#""authority": "https://a", "credential": "two words""#, "no refresh token"),
            (r#""authority": "https://a", "issuer": """#, "empty"),
            (r#""authority": "https://a", "ca": "f""#, "unknown field `ca`"),
            (r#""issuer": "https://a""#, "missing field `authority`"),
        ] {
            let said = complaint(feed(members));
            assert!(said.contains(reason), "{members}: {said}");
        }
        assert!(feed(r#""authority": "http://tokens.example", "allow_plain_http": true"#).is_ok());
        assert!(complaint(read(r#"{"feed": {"cluster": "", "authority": "https://a"}}"#)).contains("cluster"));
    }

    #[test]
    fn only_one_part_can_be_played_and_only_by_its_own_members() {
        for json in [
            "",
            "{}",
            "[]",
            r#""filter""#,
            r#"{"filter": {}, "feed": {"authority": "https://a", "cluster": "b"}}"#,
            r#"{"filter": {"shadows": true}}"#,
            r#"{"filter": {"shadow": "yes"}}"#,
            r#"{"filter": {"required_scopes": ["a b"]}}"#,
            r#"{"filter": {"required_scopes": ["jeton:root"]}}"#,
            r#"{"filter": {"audience": ""}}"#,
            r#"{"filter": {}} {}"#,
            r#"{"gate": {}}"#,
        ] {
            assert!(read(json).is_err(), "{json}");
        }
        let entry = r#"{"path": "/a"}"#;
        let list = |length: usize| format!(r#"{{"filter": {{"allow_list": [{}]}}}}"#, vec![entry; length].join(","));
        assert!(read(&list(MAX_ENTRIES)).is_ok());
        assert!(complaint(read(&list(MAX_ENTRIES + 1))).contains("256"));
        assert!(read(r#"{"filter": {}}"#).is_ok());
    }
}
