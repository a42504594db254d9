//! Resource servers and edges that show a refresh token as the password of HTTP Basic, as most introspection clients do.
//!
//! The refresh token is exchanged once; the access token is kept in memory under the digest of the credential, and each
//! request is judged by it like any other. What is kept decides nothing.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
};

use jeton_policy::digest::Digest;
use jeton_runtime::{
    Class, IntrospectError,
    wit::exchange::{ExchangeRefusal, ExchangeRequest},
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::app::{App, now};

/// Credentials kept by each I/O thread: a resource server or an edge each, at less than 2 KiB. The one that was exchanged first goes.
const MAX_KEPT: usize = 4096;

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::default();
}

/// Access tokens, by the digest of the credential that they were had for.
#[derive(Default)]
struct Kept {
    // Digests of 256 random bits: to learn one by the time that a look-up takes would tell nothing of the credential.
    tokens: HashMap<[u8; 32], Zeroizing<String>>,
    order: VecDeque<[u8; 32]>,
}

/// Why a caller is not let in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unjudged {
    /// It was judged so; or the authority has no time for it.
    Verdict(IntrospectError),
    /// There is nothing to judge it by: the authority mints nothing now, for its store is down or its clock went back.
    NothingMinted,
}

impl From<Unjudged> for IntrospectError {
    fn from(unjudged: Unjudged) -> Self {
        match unjudged {
            Unjudged::Verdict(verdict) => verdict,
            Unjudged::NothingMinted => Self::Unready,
        }
    }
}

/// Judges a caller by the access token of its refresh token.
pub(crate) async fn judged<T>(
    app: &Arc<App>,
    password: &str,
    peer: Option<IpAddr>,
    judge: impl Fn(&str) -> Result<T, IntrospectError>,
) -> Result<T, Unjudged> {
    let credential = Digest::of(password.as_bytes()).0;
    if let Some(caller) = KEPT.with_borrow(|kept| kept.tokens.get(&credential).cloned()) {
        match judge(&caller) {
            // It has died: of age, or with its refresh token. Only a new exchange can tell.
            Err(IntrospectError::InvalidToken) => KEPT.with_borrow_mut(|kept| kept.forget(&credential)),
            verdict => return verdict.map_err(Unjudged::Verdict),
        }
    }
    let caller = exchange(app, password, peer).await?;
    let verdict = judge(&caller);
    if !matches!(verdict, Err(IntrospectError::InvalidToken)) {
        KEPT.with_borrow_mut(|kept| kept.keep(credential, caller));
    }
    verdict.map_err(Unjudged::Verdict)
}

async fn exchange(app: &Arc<App>, password: &str, peer: Option<IpAddr>) -> Result<Zeroizing<String>, Unjudged> {
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
            app.metrics.minted(exchanged.expires_in);
            Ok(Zeroizing::new(exchanged.access_token))
        }
        Ok(Err(ExchangeRefusal::InvalidGrant | ExchangeRefusal::InvalidScope | ExchangeRefusal::InvalidTarget)) => {
            Err(Unjudged::Verdict(IntrospectError::InvalidToken))
        }
        Ok(Err(ExchangeRefusal::ClockBehind | ExchangeRefusal::Unavailable)) => Err(Unjudged::NothingMinted),
        // Too many wait for the authority already: who is sent away for a moment comes back when they are served.
        Err(_) => Err(Unjudged::Verdict(IntrospectError::Unready)),
    }
}

impl Kept {
    fn forget(&mut self, credential: &[u8; 32]) {
        if self.tokens.remove(credential).is_some() {
            self.order.retain(|kept| kept != credential);
        }
    }

    fn keep(&mut self, credential: [u8; 32], token: Zeroizing<String>) {
        self.forget(&credential);
        if self.tokens.len() >= MAX_KEPT
            && let Some(first) = self.order.pop_front()
        {
            self.tokens.remove(&first);
        }
        self.tokens.insert(credential, token);
        self.order.push_back(credential);
    }
}
