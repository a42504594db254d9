//! The interface `exchange`: what the bearer of a token may do with it.

use jeton_policy::authority::{self as rules, ExchangeError, RevokeError, TokenExchangeError};

use crate::{
    Component, authority,
    bindings::exports::jeton::policy::exchange::{
        ExchangeRefusal, ExchangeRequest, Exchanged, Guest, Revocation, RevokeRefusal, TokenExchangeRefusal,
        TokenExchangeRequest, TokenExchanged, TokenType,
    },
    verification,
};
use jeton_policy::seconds::Seconds;
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

    fn exchange_token(request: TokenExchangeRequest) -> Result<TokenExchanged, TokenExchangeRefusal> {
        let subject = Zeroizing::new(request.subject_token);
        let asked = rules::TokenExchangeRequest {
            subject_token: &subject,
            subject_token_type: request.subject_token_type.into(),
            requested_token_type: request.requested_token_type.into(),
            scope: request.scope.as_deref(),
            resource: request.resource.as_deref(),
            name: request.name.as_deref(),
            expires_in: request.expires_in.map(Seconds),
            peer: request.peer.map(verification::address),
        };
        let given = authority::with(|authority| authority.exchange_token(&asked))?;
        Ok(TokenExchanged {
            token: given.token.to_string(),
            token_type: given.token_type.into(),
            expires_in: given.expires_in.map(|span| span.0),
            scope: given.scope,
            jti: given.jti.map(|jti| jti.to_string()),
            client_id: given.client.to_string(),
            refresh_token: given.refresh_token.map(|token| token.to_string()),
        })
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

same!(rules::TokenType => TokenType { AccessToken RefreshToken });
same!(TokenType => rules::TokenType { AccessToken RefreshToken });
same!(TokenExchangeError => TokenExchangeRefusal {
    InvalidSubject DelegationRefused InvalidScope InvalidTarget InvalidMember ClockBehind Unavailable
});

impl From<RevokeError> for RevokeRefusal {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::Unavailable => Self::Unavailable,
        }
    }
}
