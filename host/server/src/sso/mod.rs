//! Single sign-on by OpenID Connect: who somebody is, by the word of the house's own provider.
//!
//! The code flow with PKCE, state and nonce (OpenID Connect Core section 3.1), by the `openidconnect` crate. What comes of it is an
//! [`Identity`]: an account by [`crate::accounts`], judged like any other by the policy.
//!
//! Everything here that asks the provider waits for it: on an I/O thread it is called where it may wait.

mod claims;
mod transport;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{
    AccessTokenHash, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    DiscoveryError, IdTokenVerifier, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RequestTokenError, Scope, TokenResponse as _,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreGenderClaim, CoreIdToken, CoreJsonWebKey,
        CoreJwsSigningAlgorithm, CoreProviderMetadata,
    },
};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{
    accounts::{identity::Identity, name::AccountName, role::Role},
    config::sso::SsoConfig,
};
use transport::Transport;

/// How long what the provider says of itself is used: keys that it takes back count no longer than that.
const METADATA_AGE: Duration = Duration::from_secs(60 * 60);
/// How soon it is asked again where a key is not among those that it gave: it may have changed them, or somebody makes keys up.
const METADATA_AGAIN: Duration = Duration::from_secs(60);
/// What an ID token may be signed with: by a key that only the provider has.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// The provider, and what this authority is there.
pub struct SingleSignOn {
    config: SsoConfig,
    client_id: ClientId,
    client_secret: Option<ClientSecret>,
    issuer: IssuerUrl,
    redirect_uri: RedirectUrl,
    transport: Transport,
    metadata: Mutex<Option<(CoreProviderMetadata, Instant)>>,
}

/// Somebody who was sent to the provider: what must come back, and what only whoever sent her knows.
pub struct Journey {
    /// Where she is sent.
    pub url: String,
    /// What comes back with her.
    pub state: Zeroizing<String>,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// Whom the provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// Who it is, there.
    pub identity: Identity,
    /// What she is called here.
    pub name: AccountName,
    /// What she is here. `None`: nothing.
    pub role: Option<Role>,
}

/// Why nobody was vouched for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SsoError {
    /// The options cannot be used: said at the start.
    #[error("{0}")]
    Usage(String),
    /// The provider gives no answer, or none that can be read.
    #[error("the provider of single sign-on does not answer as it should: {0}")]
    Unavailable(String),
    /// The provider takes the code for nothing, or what it vouches with is not for this authority, this browser, or this moment.
    #[error("what the provider of single sign-on sent is refused: {0}")]
    Refused(String),
    /// She has no name that an account may have.
    #[error("the provider of single sign-on gives no name for the account: {0}")]
    Nameless(String),
}

impl SingleSignOn {
    /// By these options, for an authority whose tokens' issuer is `issuer`. Asks nobody yet: a provider that is down keeps nobody's
    /// tokens from being served.
    ///
    /// # Errors
    /// [`SsoError::Usage`].
    pub fn new(config: &SsoConfig, issuer: &str) -> Result<Self, SsoError> {
        let usage = |error: String| SsoError::Usage(error);
        let redirect_uri = config.redirect_uri.clone().unwrap_or_else(|| format!("{issuer}/console/sso/back"));
        let client_secret = config.client_secret_file.as_deref().map(read_secret).transpose().map_err(usage)?;
        Ok(Self {
            client_id: ClientId::new(config.client_id.clone()),
            client_secret: client_secret.map(|secret| ClientSecret::new(secret.to_string())),
            issuer: IssuerUrl::new(config.issuer.clone())
                .map_err(|error| usage(format!("`sso-issuer` is no URL: {error}")))?,
            redirect_uri: RedirectUrl::new(redirect_uri)
                .map_err(|error| usage(format!("`sso-redirect-uri` is no URL: {error}")))?,
            transport: Transport::new(config.ca_file.as_deref()).map_err(usage)?,
            metadata: Mutex::new(None),
            config: config.clone(),
        })
    }

    /// Whether no password signs in.
    #[must_use]
    pub fn is_the_only_way(&self) -> bool {
        self.config.only
    }

    /// The provider.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    /// [`SsoError::Unavailable`].
    pub fn set_out(&self) -> Result<Journey, SsoError> {
        let metadata = self.metadata(METADATA_AGE)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = CoreClient::from_provider_metadata(metadata, self.client_id.clone(), None)
            .set_redirect_uri(self.redirect_uri.clone());
        let request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(self.config.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(challenge);
        let (url, state, nonce) = request.url();
        Ok(Journey { url: url.to_string(), state: Zeroizing::new(state.into_secret()), nonce, verifier })
    }

    /// Takes the code that came back from a journey, and sees whom the provider vouches for.
    ///
    /// # Errors
    /// [`SsoError`].
    pub fn arrive(&self, journey: Journey, code: String) -> Result<Vouched, SsoError> {
        let metadata = self.metadata(METADATA_AGE)?;
        let client =
            CoreClient::from_provider_metadata(metadata.clone(), self.client_id.clone(), self.client_secret.clone())
                .set_auth_type(auth_type(&metadata))
                .set_redirect_uri(self.redirect_uri.clone());
        let unusable = |error: openidconnect::ConfigurationError| SsoError::Unavailable(error.to_string());
        let response = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(unusable)?
            .set_pkce_verifier(journey.verifier)
            .request(&self.transport)
            .map_err(|error| match error {
                RequestTokenError::ServerResponse(said) => SsoError::Refused(format!("the code: {}", said.error())),
                RequestTokenError::Request(error) => SsoError::Unavailable(error.to_string()),
                // What was answered may hold a token: it is not repeated.
                RequestTokenError::Parse(..) => {
                    SsoError::Unavailable("its answer for the code cannot be read".to_owned())
                }
                RequestTokenError::Other(error) => SsoError::Unavailable(error),
            })?;
        let token = response.id_token().ok_or_else(|| SsoError::Refused("there is no ID token".to_owned()))?;
        let metadata = self.check(token, &journey.nonce, metadata)?;
        let verifier = self.verifier(&metadata);
        let claims = token.claims(&verifier, &journey.nonce).map_err(refused)?;
        if let Some(expected) = claims.access_token_hash() {
            let unsigned = |error: String| SsoError::Refused(format!("its access token: {error}"));
            let algorithm = token.signing_alg().map_err(|error| unsigned(error.to_string()))?;
            let key = token.signing_key(&verifier).map_err(|error| unsigned(error.to_string()))?;
            let found = AccessTokenHash::from_token(response.access_token(), algorithm, key)
                .map_err(|error| unsigned(error.to_string()))?;
            if found != *expected {
                return Err(SsoError::Refused("the access token is not that of the ID token".to_owned()));
            }
        }
        let subject = claims.subject().clone();
        let identity = Identity { issuer: self.config.issuer.clone(), subject: subject.to_string() };
        let mut said = payload(token).unwrap_or_default();
        // Many providers tell names and groups only here (OpenID Connect Core section 5.4).
        let lacks = |claim: &str| claims::find(&said, claim).is_none();
        if metadata.userinfo_endpoint().is_some() && (lacks(&self.config.name_claim) || lacks(&self.config.role_claim))
        {
            let more = client
                .user_info(response.access_token().clone(), Some(subject))
                .map_err(unusable)?
                .request::<claims::All, CoreGenderClaim, _>(&self.transport)
                .map_err(|error| SsoError::Unavailable(format!("its user info: {error}")))?;
            if let Ok(Value::Object(more)) = serde_json::to_value(&more) {
                said.extend(more);
            }
        }
        Ok(Vouched {
            identity,
            name: claims::name(&said, &self.config.name_claim)?,
            role: claims::role(&said, &self.config.role_claim, &self.config.roles),
        })
    }

    /// Sees that an ID token is the provider's, for this authority, this journey and this moment; gives the metadata that it was seen by.
    fn check(
        &self,
        token: &CoreIdToken,
        nonce: &Nonce,
        metadata: CoreProviderMetadata,
    ) -> Result<CoreProviderMetadata, SsoError> {
        match token.claims(&self.verifier(&metadata), nonce) {
            Ok(_) => Ok(metadata),
            // It may have changed its keys.
            Err(ClaimsVerificationError::SignatureVerification(_)) => {
                let metadata = self.metadata(METADATA_AGAIN)?;
                token.claims(&self.verifier(&metadata), nonce).map_err(refused)?;
                Ok(metadata)
            }
            Err(error) => Err(refused(error)),
        }
    }

    fn verifier(&self, metadata: &CoreProviderMetadata) -> IdTokenVerifier<'static, CoreJsonWebKey> {
        let (issuer, keys) = (metadata.issuer().clone(), metadata.jwks().clone());
        IdTokenVerifier::new_public_client(self.client_id.clone(), issuer, keys).set_allowed_algs(ALGORITHMS)
    }

    /// What the provider says of itself, asked within `age`.
    fn metadata(&self, age: Duration) -> Result<CoreProviderMetadata, SsoError> {
        if let Some((metadata, asked)) = &*self.metadata.lock()
            && asked.elapsed() < age
        {
            return Ok(metadata.clone());
        }
        let asked = Instant::now();
        let found = CoreProviderMetadata::discover(&self.issuer, &self.transport).map_err(|error| {
            SsoError::Unavailable(match error {
                DiscoveryError::Request(error) => error.to_string(),
                DiscoveryError::Response(status, ..) => format!("its configuration has status {status}"),
                DiscoveryError::Parse(_) => "its configuration cannot be read".to_owned(),
                error => error.to_string(),
            })
        })?;
        *self.metadata.lock() = Some((found.clone(), asked));
        Ok(found)
    }
}

/// How this client shows its secret: in the header, unless the provider takes it in the body alone.
fn auth_type(metadata: &CoreProviderMetadata) -> AuthType {
    let takes = |method: &CoreClientAuthMethod| {
        metadata.token_endpoint_auth_methods_supported().is_some_and(|taken| taken.contains(method))
    };
    let by_body = takes(&CoreClientAuthMethod::ClientSecretPost) && !takes(&CoreClientAuthMethod::ClientSecretBasic);
    if by_body { AuthType::RequestBody } else { AuthType::BasicAuth }
}

/// What an ID token says whose signature was checked.
fn payload(token: &CoreIdToken) -> Option<Map<String, Value>> {
    let text = token.to_string();
    let payload = URL_SAFE_NO_PAD.decode(text.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

fn refused(error: ClaimsVerificationError) -> SsoError {
    SsoError::Refused(match error {
        ClaimsVerificationError::Expired(_) => "it has expired".to_owned(),
        ClaimsVerificationError::InvalidAudience(_) => "it is for another client".to_owned(),
        ClaimsVerificationError::InvalidIssuer(_) => "it is of another provider".to_owned(),
        ClaimsVerificationError::InvalidNonce(_) => "it is of another sign-in".to_owned(),
        ClaimsVerificationError::SignatureVerification(error) => format!("its signature: {error}"),
        error => error.to_string(),
    })
}

/// The client's secret in its file, which nobody but its owner may read.
fn read_secret(path: &Path) -> Result<Zeroizing<String>, String> {
    use std::os::unix::fs::PermissionsExt as _;
    let shown = path.display();
    let failed = |error: std::io::Error| format!("cannot read the client's secret `{shown}`: {error}");
    if std::fs::metadata(path).map_err(failed)?.permissions().mode() & 0o077 != 0 {
        return Err(format!("others can read the client's secret `{shown}`: run `chmod 600` on it"));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(failed)?);
    let secret = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
    if secret.is_empty() { Err(format!("the client's secret `{shown}` is empty")) } else { Ok(secret) }
}
