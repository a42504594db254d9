//! Resource servers that show a refresh token as the password of HTTP Basic, as most introspection clients do.
//!
//! The refresh token is exchanged once; the access token is kept in memory under the digest of the credential, and each
//! request is judged by it like any other. What is kept decides nothing.

use std::{cell::RefCell, collections::VecDeque, net::IpAddr, sync::Arc};

use jeton_policy::digest::Digest;
use jeton_runtime::{
    Class, IntrospectError,
    wit::exchange::{ExchangeRefusal, ExchangeRequest},
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::app::{App, now, verifier};

/// Credentials kept by each I/O thread: a resource server each. The least recently exchanged goes.
const MAX_KEPT: usize = 256;

thread_local! {
    static KEPT: RefCell<VecDeque<(Digest, Zeroizing<String>)>> = const { RefCell::new(VecDeque::new()) };
}

/// Judges the caller by the access token of its refresh token, then `token`.
pub(super) async fn introspect(
    app: &Arc<App>,
    password: &str,
    token: &str,
    peer: Option<IpAddr>,
) -> Result<Vec<u8>, IntrospectError> {
    let credential = Digest::of(password.as_bytes());
    if let Some(caller) = kept(&credential) {
        match verifier::introspect(&caller, token, peer) {
            // It has died: of age, or with its refresh token. Only a new exchange can tell.
            Err(IntrospectError::InvalidToken) => forget(&credential),
            verdict => return verdict,
        }
    }
    let caller = exchange(app, password, peer).await?;
    let verdict = verifier::introspect(&caller, token, peer);
    if !matches!(verdict, Err(IntrospectError::InvalidToken)) {
        keep(credential, caller);
    }
    verdict
}

async fn exchange(app: &Arc<App>, password: &str, peer: Option<IpAddr>) -> Result<Zeroizing<String>, IntrospectError> {
    let refresh_token = password.to_owned();
    let mut request = ExchangeRequest { refresh_token, scope: None, resource: None, peer: peer.map(Into::into) };
    let exchanged = app.authority.call(Class::Exchange, move |authority| {
        let exchanged = authority.exchange(&request);
        request.refresh_token.zeroize();
        exchanged
    });
    match exchanged.await {
        Ok(Ok(exchanged)) => {
            app.uses.gather(&exchanged.client_id, peer, now());
            Ok(Zeroizing::new(exchanged.access_token))
        }
        Ok(Err(ExchangeRefusal::InvalidGrant | ExchangeRefusal::InvalidScope | ExchangeRefusal::InvalidTarget)) => {
            Err(IntrospectError::InvalidToken)
        }
        Ok(Err(ExchangeRefusal::ClockBehind | ExchangeRefusal::Unavailable)) | Err(_) => Err(IntrospectError::Unready),
    }
}

fn kept(credential: &Digest) -> Option<Zeroizing<String>> {
    KEPT.with_borrow(|kept| kept.iter().find(|(digest, _)| digest.matches(credential)).map(|(_, token)| token.clone()))
}

fn forget(credential: &Digest) {
    KEPT.with_borrow_mut(|kept| kept.retain(|(digest, _)| !digest.matches(credential)));
}

fn keep(credential: Digest, token: Zeroizing<String>) {
    KEPT.with_borrow_mut(|kept| {
        kept.retain(|(digest, _)| !digest.matches(&credential));
        if kept.len() >= MAX_KEPT {
            kept.pop_front();
        }
        kept.push_back((credential, token));
    });
}
