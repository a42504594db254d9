//! What is said about an accepted token, rendered once and sent as it is from then on.

use std::borrow::Cow;

use serde::Serialize;

use super::may_introspect;
use crate::{access_token::Claims, seconds::Seconds};

/// The answers about one token, in one run of bytes: the RFC 7662 answer, then subject, client id, scope and audience as they stand
/// in header fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    bytes: Vec<u8>,
    introspection: usize,
    subject: usize,
    client: usize,
    scope: usize,
    audience: usize,
    expires_at: Seconds,
    may_introspect: bool,
}

impl Answer {
    pub(super) fn new(claims: &Claims<'_>) -> Self {
        let mut bytes = render(claims);
        let introspection = bytes.len();
        for part in [&claims.sub, &claims.client_id, &claims.scope, &claims.aud] {
            bytes.extend_from_slice(part.as_bytes());
        }
        Self {
            bytes,
            introspection,
            subject: claims.sub.len(),
            client: claims.client_id.len(),
            scope: claims.scope.len(),
            audience: claims.aud.len(),
            expires_at: claims.exp,
            may_introspect: may_introspect(&claims.scope),
        }
    }

    /// All of it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The RFC 7662 answer.
    #[must_use]
    pub fn introspection(&self) -> &[u8] {
        self.bytes.get(..self.introspection).unwrap_or_default()
    }

    /// The lengths of the five parts: RFC 7662 answer, subject, client id, scope, audience.
    #[must_use]
    pub fn lengths(&self) -> [usize; 5] {
        [self.introspection, self.subject, self.client, self.scope, self.audience]
    }

    /// The `sub`.
    #[must_use]
    pub fn subject(&self) -> &[u8] {
        self.behind(self.introspection, self.subject)
    }

    /// The `client_id`.
    #[must_use]
    pub fn client(&self) -> &[u8] {
        self.behind(self.introspection.saturating_add(self.subject), self.client)
    }

    /// The `scope`.
    #[must_use]
    pub fn scope(&self) -> &[u8] {
        self.behind(self.bytes.len().saturating_sub(self.audience).saturating_sub(self.scope), self.scope)
    }

    fn behind(&self, start: usize, length: usize) -> &[u8] {
        self.bytes.get(start..start.saturating_add(length)).unwrap_or_default()
    }

    /// The `aud`.
    #[must_use]
    pub fn audience(&self) -> &[u8] {
        self.bytes.get(self.bytes.len().saturating_sub(self.audience)..).unwrap_or_default()
    }

    /// The `exp`.
    #[must_use]
    pub fn expires_at(&self) -> Seconds {
        self.expires_at
    }

    /// Whether its bearer may ask about other tokens.
    #[must_use]
    pub fn may_introspect(&self) -> bool {
        self.may_introspect
    }
}

/// RFC 7662 section 2.2.
fn render(claims: &Claims<'_>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Introspection<'a> {
        active: bool,
        scope: &'a str,
        client_id: &'a str,
        sub: &'a str,
        aud: &'a str,
        iss: &'a str,
        exp: Seconds,
        iat: Seconds,
        jti: &'a str,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        net: &'a [Cow<'a, str>],
        token_type: &'a str,
    }
    serde_json::to_vec(&Introspection {
        active: true,
        scope: &claims.scope,
        client_id: &claims.client_id,
        sub: &claims.sub,
        aud: &claims.aud,
        iss: &claims.iss,
        exp: claims.exp,
        iat: claims.iat,
        jti: &claims.jti,
        net: &claims.net,
        token_type: "Bearer",
    })
    // Writing these members cannot fail; were it to, an inactive token is the safe thing to say.
    .unwrap_or_else(|_| super::INACTIVE.to_vec())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn an_answer_is_its_five_parts_one_behind_the_other() {
        let claims = Claims {
            iss: "https://tokens.example".into(),
            sub: "alice".into(),
            aud: "https://api.example".into(),
            client_id: "a-client".into(),
            scope: "read write".into(),
            exp: Seconds(2_000),
            iat: Seconds(1_000),
            jti: "a-jti".into(),
            lin: Vec::new(),
            net: Vec::new(),
        };
        let answer = Answer::new(&claims);
        let parts = [answer.introspection(), answer.subject(), answer.client(), answer.scope(), answer.audience()];
        assert_eq!(answer.bytes(), parts.concat());
        assert_eq!(answer.lengths(), parts.map(<[u8]>::len));
        let texts: [&[u8]; 4] = [b"alice", b"a-client", b"read write", b"https://api.example"];
        assert_eq!(parts.get(1..), Some(texts.as_slice()));
        let introspection: serde_json::Value = serde_json::from_slice(answer.introspection()).unwrap();
        assert_eq!(introspection.get("active"), Some(&true.into()));
        assert_eq!(answer.expires_at(), Seconds(2_000));
    }
}
