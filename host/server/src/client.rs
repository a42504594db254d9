//! The command line's way to a running authority: exchanges the administrator's refresh token, then calls `/v1`.

mod sentence;

use std::{net::IpAddr, path::Path, sync::Arc, time::Duration};

use http::{HeaderName, Method, Request, Response, StatusCode, header::AUTHORIZATION, header::CONTENT_TYPE};
use parking_lot::Mutex;
use serde_json::Value;
use ureq::{
    Agent, Body,
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};
use zeroize::Zeroizing;

/// How long one call may take: a batch of a thousand on a slow disk.
const CALL_TIME: Duration = Duration::from_secs(60);
/// How long a connection may take to stand: three lost packets.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Bytes of an answer at most: a page of a thousand records, each with the longest scopes and names.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;

/// Why a call gave nothing. One sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// What was given to connect with cannot be used: exit 2.
    #[error("{0}")]
    Usage(String),
    /// Nobody answered.
    #[error("cannot reach {url}: {error}")]
    Unreachable {
        /// Where.
        url: String,
        /// What happened, and what to do.
        error: String,
    },
    /// The authority refused.
    #[error("{sentence}")]
    Refused {
        /// The status of its answer.
        status: StatusCode,
        /// What it said, and what to do.
        sentence: String,
    },
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
    /// A connection to `url`; the certificates in `ca_file` (PEM) are trusted instead of the public authorities.
    /// A proxy of the environment is used for other machines alone.
    ///
    /// # Errors
    /// [`ClientError::Usage`]: a malformed URL, plain HTTP to another machine, or an unusable certificate file.
    pub fn new(url: &str, ca_file: Option<&Path>, allow_plain_http: bool) -> Result<Self, ClientError> {
        let stays_here = check_url(url, allow_plain_http).map_err(ClientError::Usage)?;
        let mut config = Agent::config_builder()
            .timeout_global(Some(CALL_TIME))
            .timeout_connect(Some(CONNECT_TIME))
            .max_redirects(0)
            .http_status_as_error(false);
        if stays_here {
            config = config.proxy(None);
        }
        if let Some(path) = ca_file {
            let roots = RootCerts::Specific(Arc::new(certificates(path).map_err(ClientError::Usage)?));
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        Ok(Self { agent: config.build().into(), url: url.trim_end_matches('/').to_owned() })
    }

    /// Exchanges a refresh token (RFC 6749 section 6); gives the whole answer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn exchange(
        &self,
        refresh_token: &str,
        scope: Option<&str>,
        resource: Option<&str>,
    ) -> Result<Value, ClientError> {
        self.token(&[
            ("grant_type", Some("refresh_token")),
            ("refresh_token", Some(refresh_token)),
            ("scope", scope),
            ("resource", resource),
        ])
    }

    /// Asks the token endpoint for a token by any grant; gives the whole answer. A parameter without a value is not sent.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn token(&self, parameters: &[(&str, Option<&str>)]) -> Result<Value, ClientError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in parameters {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        let request = Request::post(format!("{}/oauth2/token", self.url))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, &Zeroizing::new(form.finish()))
    }

    /// Ends a token that one holds (RFC 7009). That it was unknown or dead is no error.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn revoke(&self, token: &str) -> Result<(), ClientError> {
        self.form("/oauth2/revoke", token, None).map(drop)
    }

    /// Asks what an access token is (RFC 7662), with the access token of who asks.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn introspect(&self, access_token: &str, token: &str) -> Result<Value, ClientError> {
        self.form("/oauth2/introspect", token, Some(access_token))
    }

    fn form(&self, path: &str, token: &str, access_token: Option<&str>) -> Result<Value, ClientError> {
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("token", token).finish();
        let mut request =
            Request::post(format!("{}{path}", self.url)).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(access_token) = access_token {
            request = request.header(AUTHORIZATION, Zeroizing::new(format!("Bearer {access_token}")).as_str());
        }
        self.send(request, &Zeroizing::new(form))
    }

    /// Asks for what anybody may see; gives what is answered under whatever status.
    ///
    /// # Errors
    /// [`ClientError`]; an answer that is no JSON is no authority's.
    pub fn look(&self, path: &str) -> Result<(StatusCode, Value), ClientError> {
        let request = Request::get(format!("{}{path}", self.url)).body(());
        let request = request.map_err(|_| ClientError::Usage("the request cannot be written".to_owned()))?;
        let mut answer = self.agent.run(request).map_err(|error| sentence::no_answer(&self.url, &error))?;
        let odd = |what: String| ClientError::NotJeton { url: self.url.clone(), what };
        let text = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
        let text = text.map_err(|error| odd(error.to_string()))?;
        let body = serde_json::from_str(&text).map_err(|_| odd(format!("status {} without JSON", answer.status())))?;
        Ok((answer.status(), body))
    }

    /// Calls `/v1` with an access token; `Value::Null` where the answer has no body.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn call(
        &self,
        access_token: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ClientError> {
        self.call_under(access_token, method, path, body, None)
    }

    /// [`Connection::call`] with one header more, such as a precondition.
    fn call_under(
        &self,
        access_token: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
        header: Option<(&HeaderName, &str)>,
    ) -> Result<Value, ClientError> {
        let bearer = Zeroizing::new(format!("Bearer {access_token}"));
        let url = format!("{}{path}", self.url);
        let mut request = Request::builder().method(method).uri(url).header(AUTHORIZATION, bearer.as_str());
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        self.send(request, &body.map(Value::to_string).unwrap_or_default())
    }

    fn send(&self, request: http::request::Builder, body: &str) -> Result<Value, ClientError> {
        // What cannot stand in a header or a URL is refused here, without being repeated.
        let request = request.body(body).map_err(|_| ClientError::Usage("the request cannot be written".to_owned()))?;
        let answer = self.agent.run(request).map_err(|error| sentence::no_answer(&self.url, &error))?;
        self.read(answer)
    }

    fn read(&self, mut answer: Response<Body>) -> Result<Value, ClientError> {
        let odd = |what: String| ClientError::NotJeton { url: self.url.clone(), what };
        let status = answer.status();
        let text = answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .read_to_string()
            .map_err(|error| odd(error.to_string()))?;
        let body = if text.is_empty() { Some(Value::Null) } else { serde_json::from_str(&text).ok() };
        match body {
            Some(body) if status.is_success() => Ok(body),
            Some(body) if body.is_object() => {
                Err(ClientError::Refused { status, sentence: sentence::refusal(status, &body) })
            }
            _ => Err(odd(format!("status {status} without JSON"))),
        }
    }
}

/// A connection with an administrator's refresh token: gets another access token when one runs out in the middle of a long job.
pub struct Administrator {
    connection: Connection,
    /// `None`: each use replaces it, and this connection's use has spent it.
    refresh_token: Option<Zeroizing<String>>,
    access_token: Mutex<Zeroizing<String>>,
}

impl Administrator {
    /// Exchanges the refresh token of an administrator.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(connection: Connection, refresh_token: &str) -> Result<Self, ClientError> {
        let (access_token, is_spent) = access_token(&connection, refresh_token)?;
        let kept = (!is_spent).then(|| Zeroizing::new(refresh_token.to_owned()));
        Ok(Self { connection, refresh_token: kept, access_token: Mutex::new(access_token) })
    }

    /// Whether the refresh token is one that each use replaces, so that it is spent now.
    #[must_use]
    pub fn has_spent_its_token(&self) -> bool {
        self.refresh_token.is_none()
    }

    /// Asks what an access token is, as the bearer of this connection's own.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn introspect(&self, token: &str) -> Result<Value, ClientError> {
        let current = self.access_token.lock().clone();
        self.connection.introspect(&current, token)
    }

    /// Calls `/v1`; `Value::Null` where the answer has no body. A call that was refused because the access token
    /// had died is made once more with another.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        self.call_under(method, path, body, None)
    }

    /// [`Administrator::call`] with one header more, such as a precondition.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn call_under(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        header: Option<(&HeaderName, &str)>,
    ) -> Result<Value, ClientError> {
        let current = self.access_token.lock().clone();
        let answer = self.connection.call_under(&current, method.clone(), path, body, header);
        match (&answer, &self.refresh_token) {
            (Err(ClientError::Refused { status: StatusCode::UNAUTHORIZED, .. }), Some(refresh_token)) => {
                let (another, _) = access_token(&self.connection, refresh_token)?;
                self.access_token.lock().clone_from(&another);
                self.connection.call_under(&another, method, path, body, header)
            }
            _ => answer,
        }
    }
}

/// An access token, and whether getting it has spent the refresh token.
fn access_token(connection: &Connection, refresh_token: &str) -> Result<(Zeroizing<String>, bool), ClientError> {
    let answer = connection.exchange(refresh_token, None, None)?;
    match answer.get("access_token").and_then(Value::as_str) {
        Some(token) => Ok((Zeroizing::new(token.to_owned()), answer.get("refresh_token").is_some())),
        None => Err(ClientError::NotJeton {
            url: connection.url.clone(),
            what: "there is no access token in its answer".to_owned(),
        }),
    }
}

/// Whether a URL leads to this very machine. One that a token must not go to is refused.
fn check_url(url: &str, allow_plain_http: bool) -> Result<bool, String> {
    let parsed: http::Uri = url.parse().map_err(|_| "JETON_URL is not a URL".to_owned())?;
    if parsed.authority().is_some_and(|authority| authority.as_str().contains('@')) || parsed.query().is_some() {
        return Err("JETON_URL has no user, no password and no query: only where the authority is".to_owned());
    }
    match (parsed.scheme_str(), parsed.host()) {
        (Some("https"), Some(host)) => Ok(is_loopback(host)),
        (Some("http"), Some(host)) if is_loopback(host) || allow_plain_http => Ok(is_loopback(host)),
        (Some("http"), Some(_)) => Err(format!(
            "{url} is plain HTTP to another machine, and the token would be readable on the way: use https, or say --allow-plain-http"
        )),
        _ => Err(format!("JETON_URL `{url}` must begin with http:// or https://")),
    }
}

/// Whether a host of a URL is this very machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Every certificate of a PEM file.
pub(crate) fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let pem = std::fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(format!("`{}` is not PEM: {error}", path.display())),
        }
    }
    if certificates.is_empty() {
        return Err(format!("`{}` holds no certificate in PEM", path.display()));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn a_token_never_crosses_a_network_in_the_clear_unless_told_so() {
        for url in ["http://127.0.0.1:8123", "http://localhost", "http://[::1]:1/", "https://tokens.example/below"] {
            assert!(Connection::new(url, None, false).is_ok(), "{url}");
        }
        for url in [
            "http://tokens.example",
            "http://192.0.2.1:8123",
            "http://localhost.example",
            "ftp://localhost",
            "localhost:8123",
            "",
            "http://",
        ] {
            assert!(matches!(Connection::new(url, None, false), Err(ClientError::Usage(_))), "{url}");
        }
        assert!(Connection::new("http://tokens.example", None, true).is_ok());
    }

    #[test]
    fn a_url_that_holds_a_secret_is_not_repeated() {
        for url in ["https://admin:hunter2@tokens.example", "https://tokens.example/?token=hunter2", "http://hunter2 /"]
        {
            let refusal = check_url(url, true).unwrap_err();
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
    }

    #[test]
    fn only_another_machine_is_reached_through_a_proxy() {
        assert_eq!(check_url("http://127.0.0.1:1", false), Ok(true));
        assert_eq!(check_url("https://localhost", false), Ok(true));
        assert_eq!(check_url("https://tokens.example", false), Ok(false));
    }

    #[test]
    fn every_certificate_of_a_bundle_is_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        let made = |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap().cert.pem();
        std::fs::write(&path, format!("{}{}", made("one"), made("other"))).unwrap();
        assert_eq!(certificates(&path).unwrap().len(), 2);
        std::fs::write(&path, "nothing").unwrap();
        assert!(certificates(&path).unwrap_err().contains("holds no certificate"));
        assert!(certificates(&dir.path().join("none")).unwrap_err().contains("cannot read"));
    }
}
