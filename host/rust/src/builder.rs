//! What a verifier is configured with.

use std::sync::Arc;

use base64::Engine as _;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::event::Event;
use crate::feed::Client;
use crate::judge::{Judges, Native};
use crate::verifier::{Listener, Verifier};

/// Why a verifier cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The authority's address is none.
    #[error("`authority` must be an http or https URL without user, query and fragment")]
    NotAUrl,
    /// Whoever is on the way could change what the verifier goes by.
    #[error(
        "`authority` is plain http to another machine: use https, or say `allow_plain_http` where the way is encrypted otherwise"
    )]
    PlainHttp,
    /// The credential has characters that none has.
    #[error("`credential` must be a refresh token")]
    Credential,
    /// The certificates that were given cannot be used.
    #[error("`ca` must be certificates in PEM: {0}")]
    Ca(String),
    /// The system trusts no certificate authority.
    #[error("the system has no root certificates: give `ca`")]
    NoRoots,
    /// The verifier component cannot be used.
    #[error("the verifier component cannot be used: {0}")]
    Component(String),
    /// The system gives no thread.
    #[error("cannot start: {0}")]
    Io(#[from] std::io::Error),
}

/// The configuration of a [`Verifier`].
#[must_use]
pub struct Builder {
    authority: String,
    credential: Option<Zeroizing<String>>,
    ca: Option<Vec<u8>>,
    allow_plain_http: bool,
    listener: Listener,
    #[cfg(feature = "component")]
    component: Option<Vec<u8>>,
}

impl Builder {
    pub(crate) fn new(authority: String) -> Self {
        Self {
            authority,
            credential: None,
            ca: None,
            allow_plain_http: false,
            listener: Listener::default(),
            #[cfg(feature = "component")]
            component: None,
        }
    }

    /// A refresh token with the scope `jeton:live`. Without one, an authority that is not open lets this edge ask once a second only.
    pub fn credential(mut self, refresh_token: impl Into<String>) -> Self {
        self.credential = Some(Zeroizing::new(refresh_token.into()));
        self
    }

    /// Certificates in PEM that are trusted instead of the system's.
    pub fn ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca = Some(pem.into());
        self
    }

    /// The authority may be asked over plain http on another machine. Whoever can change what passes there decides what this verifier
    /// accepts.
    pub fn allow_plain_http(mut self) -> Self {
        self.allow_plain_http = true;
        self
    }

    /// Who hears what happens, for metrics and logs. Called where it happens: it must return soon, and must not panic.
    pub fn on_event(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listener = Listener(Some(Arc::new(listener)));
        self
    }

    /// A verifier component (`jeton policy export`), which judges instead of the rules that this crate was built with.
    #[cfg(feature = "component")]
    pub fn component(mut self, wasm: impl Into<Vec<u8>>) -> Self {
        self.component = Some(wasm.into());
        self
    }

    /// Starts to follow the authority, on a thread of its own, whether it can be reached or not. Until it was heard from, everything is
    /// refused as [`Stale`](crate::Refusal::Stale).
    ///
    /// # Errors
    /// [`BuildError`], where the configuration can never work.
    pub fn start(self) -> Result<Verifier, BuildError> {
        let authorization = self.credential.map(|credential| authorization(&credential)).transpose()?;
        let client = Client::new(&self.authority, authorization, self.ca.as_deref(), self.allow_plain_http)?;
        #[cfg(feature = "component")]
        let judges: Box<dyn Judges> = match self.component {
            Some(wasm) => Box::new(crate::judge::Component::new(&wasm).map_err(BuildError::Component)?),
            None => Box::new(Native),
        };
        #[cfg(not(feature = "component"))]
        let judges: Box<dyn Judges> = Box::new(Native);
        Verifier::start(client, judges, self.listener)
    }
}

/// HTTP Basic, the refresh token as password (RFC 7617).
fn authorization(credential: &str) -> Result<HeaderValue, BuildError> {
    if credential.is_empty() || !credential.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(BuildError::Credential);
    }
    let pair = Zeroizing::new(format!("edge:{credential}"));
    let encoded = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(pair.as_bytes()));
    let header = Zeroizing::new(format!("Basic {}", encoded.as_str()));
    let mut value = HeaderValue::try_from(header.as_str()).map_err(|_| BuildError::Credential)?;
    value.set_sensitive(true);
    Ok(value)
}
