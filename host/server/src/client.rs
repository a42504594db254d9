//! The command line's way to a running authority: exchanges the administrator's refresh token, then calls `/v1`.

use std::{net::IpAddr, path::Path, sync::Arc, time::Duration};

use http::{Method, Request, Response, header::AUTHORIZATION, header::CONTENT_TYPE};
use serde_json::Value;
use ureq::{
    Agent, Body,
    tls::{Certificate, RootCerts, TlsConfig},
};
use zeroize::Zeroizing;

/// How long one call may take: a batch of a thousand on a slow disk.
const CALL_TIME: Duration = Duration::from_secs(60);
/// Bytes of an answer at most: a page of a thousand records, each with the longest scopes and names.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;

/// Why a call gave nothing. One sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// What was given to connect with cannot be used: exit 2.
    #[error("{0}")]
    Usage(String),
    /// Nobody answered.
    #[error("cannot reach {url}: {error}. Is `jeton serve` running there? JETON_URL says where")]
    Unreachable {
        /// Where.
        url: String,
        /// What happened.
        error: String,
    },
    /// The authority refused.
    #[error("{0}")]
    Refused(String),
    /// What answered is no authority.
    #[error("{url} answers, but not as Jeton does: {what}")]
    NotJeton {
        /// Where.
        url: String,
        /// What is odd.
        what: String,
    },
}

/// A connection to an authority, without credentials.
pub struct Connection {
    agent: Agent,
    url: String,
}

impl Connection {
    /// A connection to `url`; `ca_file` (PEM) is trusted instead of the public authorities.
    ///
    /// # Errors
    /// [`ClientError::Usage`]: a malformed URL, plain HTTP to another machine, or an unusable certificate file.
    pub fn new(url: &str, ca_file: Option<&Path>, allow_plain_http: bool) -> Result<Self, ClientError> {
        let usage = |sentence: String| ClientError::Usage(sentence);
        let parsed: http::Uri = url.parse().map_err(|_| usage(format!("JETON_URL `{url}` is not a URL")))?;
        match (parsed.scheme_str(), parsed.host()) {
            (Some("https"), Some(_)) => {}
            (Some("http"), Some(host)) if is_loopback(host) || allow_plain_http => {}
            (Some("http"), Some(_)) => {
                return Err(usage(format!(
                    "{url} is plain HTTP to another machine, and the token would be readable on the way: use https, or say --allow-plain-http"
                )));
            }
            _ => return Err(usage(format!("JETON_URL `{url}` must begin with http:// or https://"))),
        }
        let mut config = Agent::config_builder().timeout_global(Some(CALL_TIME)).max_redirects(0).http_status_as_error(false);
        if let Some(path) = ca_file {
            let pem = std::fs::read(path).map_err(|error| usage(format!("cannot read `{}`: {error}", path.display())))?;
            let certificate = Certificate::from_pem(&pem)
                .map_err(|error| usage(format!("`{}` holds no certificate: {error}", path.display())))?;
            let roots = RootCerts::Specific(Arc::new(vec![certificate]));
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        Ok(Self { agent: config.build().into(), url: url.trim_end_matches('/').to_owned() })
    }

    /// Exchanges a refresh token (RFC 6749 section 6); gives the whole answer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn exchange(&self, refresh_token: &str, scope: Option<&str>) -> Result<Value, ClientError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", refresh_token);
        if let Some(scope) = scope {
            form.append_pair("scope", scope);
        }
        let request = Request::post(format!("{}/oauth2/token", self.url)).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, form.finish())
    }

    /// Calls `/v1` with an access token; `Value::Null` where the answer has no body.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn call(&self, access_token: &str, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        let bearer = Zeroizing::new(format!("Bearer {access_token}"));
        let mut request =
            Request::builder().method(method).uri(format!("{}{path}", self.url)).header(AUTHORIZATION, bearer.as_str());
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        self.send(request, body.map(Value::to_string).unwrap_or_default())
    }

    fn send(&self, request: http::request::Builder, body: String) -> Result<Value, ClientError> {
        let request = request.body(body).map_err(|error| ClientError::Usage(error.to_string()))?;
        let unreachable = |error: ureq::Error| ClientError::Unreachable { url: self.url.clone(), error: error.to_string() };
        let answer = self.agent.run(request).map_err(unreachable)?;
        self.read(answer)
    }

    fn read(&self, mut answer: Response<Body>) -> Result<Value, ClientError> {
        let odd = |what: String| ClientError::NotJeton { url: self.url.clone(), what };
        let status = answer.status();
        let text = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_string().map_err(|error| odd(error.to_string()))?;
        let body = if text.is_empty() { Some(Value::Null) } else { serde_json::from_str(&text).ok() };
        match body {
            Some(body) if status.is_success() => Ok(body),
            Some(body) => Err(ClientError::Refused(refusal(status, &body))),
            None => Err(odd(format!("status {status} without JSON"))),
        }
    }
}

/// A connection with an administrator's access token.
pub struct Administrator {
    connection: Connection,
    access_token: Zeroizing<String>,
}

impl Administrator {
    /// Exchanges the refresh token of an administrator.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(connection: Connection, refresh_token: &str) -> Result<Self, ClientError> {
        let answer = connection.exchange(refresh_token, None)?;
        let access_token = answer.get("access_token").and_then(Value::as_str).map(|token| Zeroizing::new(token.to_owned()));
        match access_token {
            Some(access_token) => Ok(Self { connection, access_token }),
            None => Err(ClientError::NotJeton { url: connection.url, what: "there is no access token in its answer".to_owned() }),
        }
    }

    /// Calls `/v1`; `Value::Null` where the answer has no body.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        self.connection.call(&self.access_token, method, path, body)
    }
}

/// What the authority said, and what to do about it.
fn refusal(status: http::StatusCode, body: &Value) -> String {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let said = text("detail").or_else(|| text("error_description")).or_else(|| text("error")).unwrap_or("no reason was given");
    let mut sentence = said.to_owned();
    for error in body.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let [field, detail] = ["field", "detail"].map(|name| error.get(name).and_then(Value::as_str).unwrap_or_default());
        if detail != said {
            sentence.push_str("; ");
            sentence.push_str(detail);
        }
        sentence.push_str(&format!(" (`{field}`)"));
    }
    match (status.as_u16(), text("error")) {
        (400, Some("invalid_grant")) => sentence.push_str(". The token in JETON_TOKEN was deleted, has expired, or was never issued here"),
        (401, _) => sentence.push_str(". The access token is not alive: it expired, or what it descends from ended, or the epoch advanced"),
        (403, _) => sentence.push_str(". Use a token with the scope `jeton:admin`"),
        (503, _) => sentence.push_str(". Try again in a moment; `GET /readyz` says what is wrong"),
        _ => {}
    }
    sentence
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn a_token_never_crosses_a_network_in_the_clear_unless_told_so() {
        for url in ["http://127.0.0.1:8123", "http://localhost", "http://[::1]:1/", "https://tokens.example"] {
            assert!(Connection::new(url, None, false).is_ok(), "{url}");
        }
        for url in ["http://tokens.example", "http://192.0.2.1:8123", "ftp://localhost", "localhost:8123", "", "http://"] {
            assert!(matches!(Connection::new(url, None, false), Err(ClientError::Usage(_))), "{url}");
        }
        assert!(Connection::new("http://tokens.example", None, true).is_ok());
    }

    #[test]
    fn a_refusal_is_one_sentence_that_names_the_field_and_what_to_do() {
        let problem = serde_json::json!({"detail": "two rules are broken", "errors": [{"field": "name", "detail": "a name has at least 1 character"}]});
        assert_eq!(
            refusal(http::StatusCode::BAD_REQUEST, &problem),
            "two rules are broken; a name has at least 1 character (`name`)"
        );
        let dead = refusal(http::StatusCode::BAD_REQUEST, &serde_json::json!({"error": "invalid_grant"}));
        assert!(dead.contains("JETON_TOKEN"), "{dead}");
    }
}
