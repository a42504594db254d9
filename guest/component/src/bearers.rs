//! The interface `exchange`: what the bearer of a token may do with it.

use jeton_policy::authority::{self as rules, ExchangeError, RevokeError};

use crate::{
    Component, authority,
    bindings::exports::jeton::policy::exchange::{
        ExchangeRefusal, ExchangeRequest, Exchanged, Guest, Revocation, RevokeRefusal, TokenExchangeRefusal,
        TokenExchangeRequest, TokenExchanged,
    },
    verification,
};
use zeroize::Zeroizing;

impl Guest for Component {
    fn exchange(request: ExchangeRequest) -> Result<Exchanged, ExchangeRefusal> {
        let presented = Zeroizing::new(request.refresh_token);
        let asked = rules::ExchangeRequest {
            scope: request.scope.as_deref(),
            resource: request.resource.as_deref(),
            peer: request.peer.map(verification::address),
        };
        let exchanged = authority::with(|authority| authority.exchange(&presented, &asked))?;
        Ok(Exchanged {
            access_token: exchanged.access_token,
            expires_in: exchanged.expires_in.0,
            scope: exchanged.scope,
            jti: exchanged.jti.to_string(),
            client_id: exchanged.jti.client.to_string(),
            refresh_expires_in: exchanged.refresh_expires_in.map(|span| span.0),
            refresh_token: exchanged.refresh_token.map(|token| token.to_string()),
        })
    }

    fn exchange_token(_request: TokenExchangeRequest) -> Result<TokenExchanged, TokenExchangeRefusal> {
        Err(TokenExchangeRefusal::Unavailable)
    }

    fn revoke(token: String) -> Result<Revocation, RevokeRefusal> {
        let token = Zeroizing::new(token);
        Ok(match authority::with(|authority| authority.revoke(&token))? {
            rules::Revocation::RefreshToken(id) => Revocation::RefreshToken(id.to_string()),
            rules::Revocation::AccessToken(jti) => Revocation::AccessToken(jti),
            rules::Revocation::Nothing => Revocation::Nothing,
        })
    }
}

impl From<ExchangeError> for ExchangeRefusal {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::InvalidGrant => Self::InvalidGrant,
            ExchangeError::InvalidScope => Self::InvalidScope,
            ExchangeError::InvalidTarget => Self::InvalidTarget,
            ExchangeError::ClockBehind => Self::ClockBehind,
            ExchangeError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<RevokeError> for RevokeRefusal {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::Unavailable => Self::Unavailable,
        }
    }
}
