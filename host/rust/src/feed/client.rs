//! The way to the authority: `GET /v1/live`, over TLS or to this very machine.

use std::io::Read as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jeton_policy::live::MAX_DOCUMENT;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};

use crate::{BuildError, FeedError};

/// A connection that does not stand by then is tried anew.
const CONNECT_TIME: Duration = Duration::from_secs(2);

/// Asks the authority for live documents.
pub(crate) struct Client {
    http: HttpClient<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    live: String,
    authorization: Option<HeaderValue>,
}

/// A request that gave nothing, and how long the authority wants to be left alone.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: FeedError,
    pub(crate) retry_after: Option<Duration>,
}

impl Client {
    /// One for the authority at `url`.
    pub(crate) fn new(
        url: &str,
        authorization: Option<HeaderValue>,
        ca: Option<&[u8]>,
        allow_plain_http: bool,
    ) -> Result<Self, BuildError> {
        let uri: Uri = url.parse().map_err(|_| BuildError::NotAUrl)?;
        let host = uri.host().filter(|_| uri.query().is_none()).ok_or(BuildError::NotAUrl)?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(BuildError::NotAUrl);
        }
        let tls = match uri.scheme_str() {
            Some("https") => Some(tls(ca)?),
            Some("http") if allow_plain_http || is_loopback(host) => None,
            Some("http") => return Err(BuildError::PlainHttp),
            _ => return Err(BuildError::NotAUrl),
        };
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT_TIME));
        connector.set_nodelay(true);
        let https = HttpsConnectorBuilder::new().with_tls_config(match tls {
            Some(tls) => tls,
            // Nothing encrypted is asked for: no root is trusted.
            None => config(RootCertStore::empty())?,
        });
        let connector = https.https_or_http().enable_http1().wrap_connector(connector);
        let http = HttpClient::builder(TokioExecutor::new()).pool_max_idle_per_host(1).build(connector);
        Ok(Self { http, live: format!("{}/v1/live", url.trim_end_matches('/')), authorization })
    }

    /// Asks with a query string. The answer is read to its end, and within the bound of a live document.
    pub(crate) async fn ask(&self, query: &str) -> Result<Vec<u8>, Failure> {
        let mut request = Request::get(format!("{}{query}", self.live))
            .header(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))
            .header(USER_AGENT, HeaderValue::from_static(concat!("jeton-verifier/", env!("CARGO_PKG_VERSION"))));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let request = request.body(Empty::new()).map_err(|error| unreachable_for(&error))?;
        let response = self.http.request(request).await.map_err(|error| unreachable_for(&error))?;
        match response.status() {
            StatusCode::OK => Ok(body(response).await?),
            status => {
                let error = match status {
                    StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FeedError::NotAllowed(status.as_u16()),
                    status => FeedError::Status(status.as_u16()),
                };
                Err(Failure { error, retry_after: retry_after(&response) })
            }
        }
    }
}

async fn body(response: Response<Incoming>) -> Result<Vec<u8>, FeedError> {
    let packed = response.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding.as_bytes() == b"gzip");
    let read = Limited::new(response.into_body(), MAX_DOCUMENT).collect().await;
    let body = read.map_err(|error| {
        if error.is::<LengthLimitError>() { FeedError::TooLarge } else { FeedError::Unreachable(chain(&*error)) }
    })?;
    let body = body.to_bytes();
    if !packed {
        return Ok(body.to_vec());
    }
    // One byte more than may be: that it is there says that there are too many.
    let most = u64::try_from(MAX_DOCUMENT).unwrap_or(u64::MAX).saturating_add(1);
    let mut unpacked = Vec::new();
    GzDecoder::new(&*body).take(most).read_to_end(&mut unpacked).map_err(|_| FeedError::Malformed)?;
    if unpacked.len() > MAX_DOCUMENT { Err(FeedError::TooLarge) } else { Ok(unpacked) }
}

fn retry_after(response: &Response<Incoming>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// TLS with the system's roots, or with those given and no others.
fn tls(ca: Option<&[u8]>) -> Result<ClientConfig, BuildError> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| BuildError::Ca(error.to_string()))?;
                roots.add(certificate).map_err(|error| BuildError::Ca(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(BuildError::Ca("there is no certificate in it".to_owned()));
            }
        }
        None => {
            // One that cannot be read is one that is not trusted.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(BuildError::NoRoots);
            }
        }
    }
    config(roots)
}

fn config(roots: RootCertStore) -> Result<ClientConfig, BuildError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(|error| BuildError::Ca(error.to_string()))?.with_root_certificates(roots).with_no_client_auth())
}

impl From<FeedError> for Failure {
    fn from(error: FeedError) -> Self {
        Self { error, retry_after: None }
    }
}

fn unreachable_for(error: &(dyn std::error::Error + 'static)) -> Failure {
    FeedError::Unreachable(chain(error)).into()
}

/// An error with what caused it: the first of a chain says too little.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<String>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str, allow_plain_http: bool) -> Option<String> {
        Client::new(url, None, None, allow_plain_http).err().map(|error| error.to_string())
    }

    #[test]
    fn plain_http_goes_to_this_machine_alone_unless_it_is_allowed() {
        for url in ["http://127.0.0.1:8123", "http://127.9.9.9", "http://[::1]:8123/", "http://localhost:1/base"] {
            assert_eq!(refused(url, false), None, "{url}");
        }
        for url in ["http://tokens.example", "http://10.0.0.1:8123", "http://localhost.example", "http://[2001:db8::1]"]
        {
            assert!(refused(url, false).is_some_and(|why| why.contains("allow_plain_http")), "{url}");
            assert_eq!(refused(url, true), None, "{url}");
        }
    }

    #[test]
    fn what_is_no_address_of_an_authority_is_refused() {
        for url in
            ["", "tokens.example", "/v1/live", "ftp://tokens.example", "http://a:b@127.0.0.1", "http://127.0.0.1/?x"]
        {
            assert!(refused(url, true).is_some(), "{url}");
        }
        for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(Client::new("https://tokens.example", None, Some(pem.as_bytes()), false).is_err(), "{pem}");
        }
    }
}
