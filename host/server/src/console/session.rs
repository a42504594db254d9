//! Sessions: whoever shows a session's secret in the cookie is judged by the access token that it gives, like every bearer.
//!
//! The secret is exchanged once and the access token is kept in memory under the secret's digest; each request judges that access token
//! by the one rule. What is kept decides nothing but when a session that nobody uses ends.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jeton_policy::{digest::Digest, refresh_token::RefreshToken, scope::CONSOLE};
use jeton_runtime::{
    Class, VerifyError,
    wit::{
        exchange::{ExchangeRefusal, ExchangeRequest},
        verification::Claims,
    },
};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    accounts::{By, name::AccountName},
    app::{App, now, verifier},
};

/// A session that nobody used for so long is over (NIST SP 800-63B section 4.2.3: 30 minutes of inactivity).
const IDLE: Duration = Duration::from_secs(30 * 60);
/// Sessions kept at most, at less than 2 KiB each. Beyond it the one that was used longest ago is exchanged anew when it comes again.
const MAX_KEPT: usize = 4096;

/// Somebody who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedIn {
    /// The account's name.
    pub(crate) name: String,
    /// The public id of the account's token.
    pub(crate) account: String,
    /// The public id of the session's token.
    pub(crate) session: String,
    /// What each form of the session shows.
    pub(crate) form_token: String,
}

/// Why nobody is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSession {
    /// There is none, or it is over.
    SignedOut,
    /// It cannot be known now.
    Unavailable,
}

/// The sessions that were used lately, on all threads.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<[u8; 32], Kept>>);

struct Kept {
    access_token: Zeroizing<String>,
    signed_in: Arc<SignedIn>,
    used: Instant,
}

/// What is known of a session.
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
enum Known {
    Nothing,
    /// It was used lately.
    Fresh(Zeroizing<String>, Arc<SignedIn>),
    /// Nobody used it for too long.
    Idle(Arc<SignedIn>),
}

/// Judges whoever shows `secret` in the session's cookie.
pub(crate) async fn judged(
    app: &Arc<App>,
    secret: &str,
    peer: Option<IpAddr>,
) -> Result<(Claims, Arc<SignedIn>), NoSession> {
    let Some(id) = RefreshToken::parse(secret).map(|token| token.id().to_string()) else {
        return Err(NoSession::SignedOut);
    };
    let key = Digest::of(secret.as_bytes()).0;
    match app.console.sessions.find(&key, Instant::now()) {
        Known::Nothing => {}
        Known::Idle(signed_in) => {
            end(app, &signed_in).await;
            return Err(NoSession::SignedOut);
        }
        Known::Fresh(access_token, signed_in) => match verifier::claims(&access_token, peer) {
            Ok(claims) => return Ok((claims, signed_in)),
            // It has died: of age, with its epoch, or with its session. Only a new exchange can tell.
            Err(VerifyError::Refused(_) | VerifyError::Elsewhere(_)) => app.console.sessions.forget(&key),
            Err(VerifyError::Unready) => return Err(NoSession::Unavailable),
        },
    }
    let (access_token, signed_in) = exchange(app, secret, id, peer).await?;
    match verifier::claims(&access_token, peer) {
        Ok(claims) => {
            app.console.sessions.keep(key, access_token, Arc::clone(&signed_in), Instant::now());
            Ok((claims, signed_in))
        }
        Err(VerifyError::Refused(_) | VerifyError::Elsewhere(_)) => Err(NoSession::SignedOut),
        Err(VerifyError::Unready) => Err(NoSession::Unavailable),
    }
}

async fn exchange(
    app: &Arc<App>,
    secret: &str,
    id: String,
    peer: Option<IpAddr>,
) -> Result<(Zeroizing<String>, Arc<SignedIn>), NoSession> {
    let refresh_token = secret.to_owned();
    let mut request = ExchangeRequest { refresh_token, scope: None, resource: None, peer: peer.map(Into::into) };
    let exchanged = app.authority.call(Class::Exchange, move |call| {
        let exchanged = call.exchange(&request);
        request.refresh_token.zeroize();
        Ok((exchanged?, call.show(&id)?))
    });
    let (exchanged, token) = match exchanged.await {
        Ok((Ok(exchanged), Ok(token))) => (exchanged, token),
        Ok((
            Err(ExchangeRefusal::InvalidGrant | ExchangeRefusal::InvalidScope | ExchangeRefusal::InvalidTarget),
            _,
        )) => return Err(NoSession::SignedOut),
        _ => return Err(NoSession::Unavailable),
    };
    app.metrics.minted(exchanged.expires_in);
    // A refresh token that was made for a script is no session, whoever put it into the cookie.
    let is_session = token.scopes.iter().any(|scope| scope == CONSOLE);
    let (true, Some(account), Some(name)) = (is_session, token.parent, token.owner) else {
        return Err(NoSession::SignedOut);
    };
    app.uses.gather(&exchanged.client_id, peer, now());
    let signed_in = SignedIn { name, account, session: token.id, form_token: form_token(secret) };
    Ok((Zeroizing::new(exchanged.access_token), Arc::new(signed_in)))
}

/// Ends a session.
pub(super) async fn end(app: &App, signed_in: &SignedIn) {
    let (name, session) = (signed_in.name.clone(), signed_in.session.clone());
    let ended = app.accounts.off_thread(move |accounts| {
        let name: AccountName = name.parse()?;
        accounts.end_session(&By::Account(name.to_string()), &name, &session)
    });
    if let Err(error) = ended.await {
        tracing::warn!(%error, session = signed_in.session, "a session could not be ended; it ends by itself");
    }
}

/// What every form shows that was made for who holds this cookie: it follows from the cookie, which no other site and no script can read,
/// and leads nowhere back.
pub(super) fn form_token(cookie: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"jeton: form token\0");
    hash.update(cookie.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

impl Sessions {
    fn find(&self, key: &[u8; 32], now: Instant) -> Known {
        let mut kept = self.0.lock();
        let Some(one) = kept.get_mut(key) else { return Known::Nothing };
        if now.saturating_duration_since(one.used) >= IDLE {
            let signed_in = Arc::clone(&one.signed_in);
            kept.remove(key);
            return Known::Idle(signed_in);
        }
        one.used = now;
        Known::Fresh(one.access_token.clone(), Arc::clone(&one.signed_in))
    }

    fn forget(&self, key: &[u8; 32]) {
        self.0.lock().remove(key);
    }

    /// An access token that died was exchanged anew: that the session was used until now is known from the one before.
    fn keep(&self, key: [u8; 32], access_token: Zeroizing<String>, signed_in: Arc<SignedIn>, now: Instant) {
        let mut kept = self.0.lock();
        if kept.len() >= MAX_KEPT && !kept.contains_key(&key) {
            let oldest = kept.iter().min_by_key(|(_, one)| one.used).map(|(key, _)| *key);
            if let Some(oldest) = oldest {
                kept.remove(&oldest);
            }
        }
        kept.insert(key, Kept { access_token, signed_in, used: now });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn somebody() -> Arc<SignedIn> {
        let text = |text: &str| text.to_owned();
        Arc::new(SignedIn { name: text("alice"), account: text("a"), session: text("s"), form_token: text("f") })
    }

    #[test]
    fn a_session_that_nobody_uses_is_over_and_each_use_puts_that_off() {
        let (sessions, begun, alice) = (Sessions::default(), Instant::now(), somebody());
        let (key, almost) = ([1; 32], IDLE - Duration::from_secs(1));
        assert_eq!(sessions.find(&key, begun), Known::Nothing);
        sessions.keep(key, Zeroizing::new("at".to_owned()), Arc::clone(&alice), begun);
        let fresh = || Known::Fresh(Zeroizing::new("at".to_owned()), Arc::clone(&alice));
        assert_eq!(sessions.find(&key, begun + almost), fresh());
        assert_eq!(sessions.find(&key, begun + almost + almost), fresh());
        assert_eq!(sessions.find(&key, begun + almost + almost + IDLE), Known::Idle(Arc::clone(&alice)));
        assert_eq!(sessions.find(&key, begun), Known::Nothing);
    }

    #[test]
    fn the_number_of_sessions_kept_is_bounded_and_the_oldest_goes() {
        let (sessions, begun, alice) = (Sessions::default(), Instant::now(), somebody());
        for number in 0..=MAX_KEPT {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            let used = begun + Duration::from_millis(u64::try_from(number).unwrap_or(0));
            sessions.keep(key, Zeroizing::default(), Arc::clone(&alice), used);
        }
        assert_eq!(sessions.0.lock().len(), MAX_KEPT);
        assert_eq!(sessions.find(&[0; 32], begun), Known::Nothing);
    }

    #[test]
    fn a_form_token_says_nothing_of_the_cookie_and_is_another_for_each() {
        assert_ne!(form_token("jtn_rt_a"), form_token("jtn_rt_b"));
        assert_eq!(form_token("jtn_rt_a").len(), 43);
        assert!(!form_token("jtn_rt_a").contains("jtn_rt_a"));
    }
}
