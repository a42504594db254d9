//! The interface `explanations`.

use jeton_policy::authority::{self as rules, ExplainError};

use super::{epochs::epoch, refresh_tokens::refresh_token};
use crate::{
    Component, authority,
    bindings::exports::jeton::policy::explanations::{Cause, ExplainRefusal, Explanation, Guest, Subject},
};

impl Guest for Component {
    fn explain(subject: Subject) -> Result<Explanation, ExplainRefusal> {
        let subject = match &subject {
            Subject::TokenId(id) => rules::Subject::TokenId(id),
            Subject::Jti(jti) => rules::Subject::Jti(jti),
            Subject::Token(token) => rules::Subject::Token(token),
        };
        let explained = authority::with(|authority| authority.explain(subject))?;
        Ok(Explanation {
            alive: explained.is_alive(),
            cause: explained.cause.map(Into::into),
            ending: explained.ending.map(authority::ending),
            since: explained.since.map(|since| since.0),
            link: explained.link,
            epoch: explained.epoch.map(epoch),
            client_id: explained.client_id.map(|id| id.to_string()),
            jti: explained.jti,
            issued_at: explained.issued_at.map(|at| at.0),
            expires_at: explained.expires_at.map(|at| at.0),
            chain: explained.chain.into_iter().map(refresh_token).collect(),
        })
    }
}

impl From<rules::Cause> for Cause {
    fn from(cause: rules::Cause) -> Self {
        match cause {
            rules::Cause::Epoch => Self::Epoch,
            rules::Cause::NotYetValid => Self::NotYetValid,
            rules::Cause::Expired => Self::Expired,
            rules::Cause::Cut => Self::Cut,
            rules::Cause::Disabled => Self::Disabled,
            rules::Cause::Ended => Self::Ended,
            rules::Cause::NotBefore => Self::NotBefore,
            rules::Cause::UsedUp => Self::UsedUp,
            rules::Cause::Unknown => Self::Unknown,
            rules::Cause::WrongSecret => Self::WrongSecret,
        }
    }
}

impl From<ExplainError> for ExplainRefusal {
    fn from(error: ExplainError) -> Self {
        match error {
            ExplainError::Malformed => Self::Malformed,
            ExplainError::NotFound => Self::NotFound,
            ExplainError::Unavailable => Self::Unavailable,
        }
    }
}
