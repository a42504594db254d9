//! How the provider is asked: in bounded time, for answers of bounded size, and without following it elsewhere.

use std::{path::Path, sync::Arc, time::Duration};

use openidconnect::{HttpRequest, HttpResponse, SyncHttpClient};
use ureq::{
    Agent,
    tls::{RootCerts, TlsConfig},
};

use crate::client::certificates;

/// How long one answer may take: somebody waits before a page that does not come.
const CALL_TIME: Duration = Duration::from_secs(10);
/// Bytes of an answer at most: key sets and user infos are a hundredth of it.
const MAX_ANSWER: u64 = 1024 * 1024;

/// Asks the provider.
pub(super) struct Transport(Agent);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct TransportError(#[from] ureq::Error);

impl Transport {
    /// Trusts who the certificates of `ca_file` vouch for, or else the public authorities.
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Self, String> {
        // A redirection would lead to where the operator sent nobody (OAuth 2.0 Security, RFC 9700 section 4.9).
        let mut config = Agent::config_builder()
            .timeout_global(Some(CALL_TIME))
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None);
        if let Some(path) = ca_file {
            let roots = RootCerts::Specific(Arc::new(certificates(path)?));
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        Ok(Self(config.build().into()))
    }
}

impl SyncHttpClient for Transport {
    type Error = TransportError;

    fn call(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let (parts, mut body) = self.0.run(request)?.into_parts();
        let body = body.with_config().limit(MAX_ANSWER).read_to_vec()?;
        Ok(HttpResponse::from_parts(parts, body))
    }
}
