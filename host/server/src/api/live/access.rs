//! Who may wait for changes: whoever shows the scope `jeton:live`, unless the operator lets anybody.

use std::sync::Arc;
use std::time::Duration;

use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use jeton_policy::scope;
use jeton_runtime::wit::verification::Claims;
use jeton_runtime::{IntrospectError, VerifyError};

use crate::api::bearer::{self, Credential};
use crate::api::oauth_error::retry_after;
use crate::api::problem::{Problem, ProblemKind};
use crate::app::{App, verifier};
use crate::hot::basic::{self, Unjudged};
use crate::listen::Peer;
use crate::polls::{Full, POLLS_PER_ADDRESS, Poll};

/// Seconds that somebody is told to wait for at most where there are too many: told all the same, they would all come back at once.
const MAX_RETRY_SECONDS: u64 = 3;

/// Judges the credential that is shown: an access token, or the refresh token that is the password of HTTP Basic. Gives whether its
/// bearer may wait: while nothing is minted, a refresh token that was not shown before cannot be judged. Its bearer is told what
/// anybody is, at once, so that an edge that starts while the store is down does not fall silent with its first lease.
pub(super) async fn authorize(app: &Arc<App>, headers: &HeaderMap, peer: Peer) -> Result<bool, Problem> {
    let credential = match bearer::from_headers(headers) {
        Ok(Some(credential)) => credential,
        Ok(None) => return Err(Problem::token_missing()),
        Err(error) if error.is_dead_token() => return Err(refused(app, peer)),
        Err(error) => {
            let problem = Problem::field("authorization-malformed", "Authorization", error.to_string());
            return Err(problem.with_header(WWW_AUTHENTICATE, error.challenge()));
        }
    };
    let judge = |token: &str| match verifier::claims(token, peer.client()) {
        Ok(claims) if claims.audience != app.issuer => Err(IntrospectError::InvalidToken),
        Ok(claims) if !may_wait(&claims) => Err(IntrospectError::InsufficientScope),
        Ok(_) => Ok(()),
        Err(VerifyError::Refused(_) | VerifyError::Elsewhere(_)) => Err(IntrospectError::InvalidToken),
        Err(VerifyError::Unready) => Err(IntrospectError::Unready),
    };
    let verdict = match &credential {
        Credential::Bearer(token) => judge(token).map_err(Unjudged::Verdict),
        Credential::Basic(password) => basic::judged(app, password, peer.client(), judge).await,
    };
    match verdict {
        Ok(()) => Ok(true),
        Err(Unjudged::NothingMinted) => Ok(false),
        Err(Unjudged::Verdict(IntrospectError::InvalidToken)) => Err(refused(app, peer)),
        Err(Unjudged::Verdict(IntrospectError::InsufficientScope)) => Err(Problem::new(
            ProblemKind::InsufficientScope,
            "insufficient-scope",
            "to wait for changes needs the scope `jeton:live` or `jeton:admin`",
        )),
        Err(Unjudged::Verdict(IntrospectError::Unready)) => Err(unavailable()),
    }
}

/// Lets a caller wait, where there is room.
pub(super) fn enter(app: &App, peer: Peer) -> Result<Poll, Problem> {
    app.polls.enter(peer.accountable()).map_err(|full| {
        let problem = match full {
            Full::Address => Problem::new(
                ProblemKind::TooManyRequests,
                "too-many-polls",
                format!("{POLLS_PER_ADDRESS} requests from this address wait already"),
            ),
            Full::All => Problem::new(
                ProblemKind::Unavailable,
                "too-many-polls",
                "as many requests wait as may; without `wait` there is an answer at once",
            ),
        };
        problem.with_header(RETRY_AFTER, jittered())
    })
}

/// 503. Edges come in fleets, and are told different times so that they do not come back as one.
pub(super) fn unavailable() -> Problem {
    Problem::unavailable().with_header(RETRY_AFTER, jittered())
}

fn may_wait(claims: &Claims) -> bool {
    claims.scopes.iter().any(|scope| scope == scope::LIVE || scope == scope::ADMIN)
}

/// The credential is not good. Bad ones are counted by address, and after too many the answer is to wait.
fn refused(app: &App, peer: Peer) -> Problem {
    match app.failures.failed(peer.accountable()) {
        Some(wait) => Problem::too_many_bad_credentials(wait),
        None => Problem::token_refused(),
    }
}

fn jittered() -> HeaderValue {
    retry_after(Duration::from_secs(fastrand::u64(1..=MAX_RETRY_SECONDS)))
}
