//! `/forward-auth` and below, with any method: the check that gateways make (nginx `auth_request`, Traefik, Envoy over HTTP).

use std::{borrow::Cow, collections::BTreeSet};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Request, Response, StatusCode,
    header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE},
};
use jeton_policy::scope::Scopes;
use jeton_runtime::{VerifyError, wit::verification::Verified};

use crate::{
    api::{
        bearer::{self, Credential},
        limits::RETRY_AFTER_SECONDS,
        oauth_error::{CHALLENGE, CHALLENGE_INVALID_REQUEST, CHALLENGE_INVALID_TOKEN},
    },
    app::{App, verifier},
    listen::Peer,
    observe::metrics::Verdict,
};

const SUBJECT: HeaderName = HeaderName::from_static("x-jeton-subject");
const CLIENT: HeaderName = HeaderName::from_static("x-jeton-client");
const SCOPE: HeaderName = HeaderName::from_static("x-jeton-scope");
const EXPIRES: HeaderName = HeaderName::from_static("x-jeton-expires");
/// What a gateway demands beside the query string. The gateway overwrites what its clients send under this name.
const REQUIRE_SCOPE: HeaderName = HeaderName::from_static("x-jeton-require-scope");
/// The audience that a gateway demands, in the same two ways. Unless it does, any will do: the gateway knows what it guards.
const REQUIRE_AUDIENCE: HeaderName = HeaderName::from_static("x-jeton-require-audience");

/// Answers one check. The body, if any, is not looked at.
pub(super) fn answer<B>(app: &App, peer: Peer, request: &Request<B>) -> Response<Bytes> {
    let token = match bearer::from_headers(request.headers()) {
        Ok(Some(Credential::Bearer(token))) => token,
        Ok(Some(Credential::Basic(_)) | None) => return challenged(StatusCode::UNAUTHORIZED, CHALLENGE),
        Err(error) if error.is_dead_token() => return challenged(StatusCode::UNAUTHORIZED, CHALLENGE_INVALID_TOKEN),
        // Gateways know 401 and 403 alone as a denial: 400 would be an error of their own.
        Err(_) => return challenged(StatusCode::UNAUTHORIZED, CHALLENGE_INVALID_REQUEST),
    };
    match verifier::verify(token, peer.client_of_gateway()) {
        Ok(verified) => permitted(app, request, verified),
        Err(VerifyError::Refused(_)) => invalid(app, Verdict::Inactive),
        Err(VerifyError::Elsewhere(_)) => invalid(app, Verdict::Elsewhere),
        Err(VerifyError::Unready) => unready(app),
    }
}

/// The token is alive, and here: what remains is whether it is for the gateway's audience, whether its scopes are enough, and to say
/// whose it is.
fn permitted<B>(app: &App, request: &Request<B>, verified: Verified) -> Response<Bytes> {
    let expires_at = verified.expires_at;
    let Some([subject, client, scope, audience]) = parts(verified) else { return unready(app) };
    let has_query = request.uri().query().is_some();
    if (has_query || request.headers().contains_key(REQUIRE_AUDIENCE)) && !is_for(request, &audience) {
        return invalid(app, Verdict::OtherAudience);
    }
    if has_query || request.headers().contains_key(REQUIRE_SCOPE) {
        match missing(request, &scope) {
            Ok(None) => {}
            Ok(Some(needed)) => {
                app.metrics.judged(Verdict::InsufficientScope);
                let challenge = format!("Bearer realm=\"jeton\", error=\"insufficient_scope\", scope=\"{needed}\"");
                let challenge = HeaderValue::try_from(challenge);
                return challenged(StatusCode::FORBIDDEN, challenge.unwrap_or(CHALLENGE_INVALID_REQUEST));
            }
            // The gateway asks for what no scope can be: nothing can satisfy that.
            Err(Unreadable) => return challenged(StatusCode::FORBIDDEN, CHALLENGE_INVALID_REQUEST),
        }
    }
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    for (name, value) in [(SUBJECT, subject), (CLIENT, client), (SCOPE, scope)] {
        // Without one of them the gateway would pass on what its client claims under that name.
        let value = HeaderValue::from_maybe_shared(value).ok().filter(|value| value.to_str().is_ok());
        let Some(value) = value else { return unready(app) };
        headers.insert(name, value);
    }
    headers.insert(EXPIRES, HeaderValue::from(expires_at));
    app.metrics.judged(Verdict::Active);
    response
}

/// The token is not good here. Its bearer is not told why.
fn invalid(app: &App, verdict: Verdict) -> Response<Bytes> {
    app.metrics.judged(verdict);
    challenged(StatusCode::UNAUTHORIZED, CHALLENGE_INVALID_TOKEN)
}

/// There is no verdict, or none that can be passed on: whoever asks again may get one.
fn unready(app: &App) -> Response<Bytes> {
    app.metrics.judged(Verdict::Unready);
    let mut response = empty(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
    response
}

/// Subject, client id, scope and audience out of the answer that the policy rendered, which they share.
fn parts(verified: Verified) -> Option<[Bytes; 4]> {
    let sizes = [
        verified.introspection_length,
        verified.subject_length,
        verified.client_length,
        verified.scope_length,
        verified.audience_length,
    ];
    let mut rest = Bytes::from(verified.answer);
    let mut parts = [const { Bytes::new() }; 5];
    for (part, size) in parts.iter_mut().zip(sizes) {
        let size = usize::try_from(size).ok().filter(|size| *size <= rest.len())?;
        *part = rest.split_to(size);
    }
    let [_, subject, client, scope, audience] = parts;
    Some([subject, client, scope, audience])
}

/// Whether every demanded audience is the token's: each `audience` parameter, and the gateway's header.
fn is_for<B>(request: &Request<B>, audience: &[u8]) -> bool {
    let mut query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    query.all(|(name, value)| name != "audience" || value.as_bytes() == audience)
        && request.headers().get_all(REQUIRE_AUDIENCE).iter().all(|value| value.as_bytes() == audience)
}

/// The demanded scopes cannot be read.
struct Unreadable;

/// The scopes that are demanded, where the granted ones do not cover all of them. Every demand counts: each `scope` parameter,
/// each scope in it, and the gateway's header.
fn missing<B>(request: &Request<B>, granted: &[u8]) -> Result<Option<String>, Unreadable> {
    let mut demands: Vec<Cow<'_, str>> = Vec::new();
    // Envoy appends its client's own query string: what else stands there, however broken, is nobody's business here.
    let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    demands.extend(query.filter(|(name, _)| name == "scope").map(|(_, value)| value));
    for value in request.headers().get_all(REQUIRE_SCOPE) {
        demands.push(Cow::Borrowed(value.to_str().map_err(|_| Unreadable)?));
    }
    let words: BTreeSet<&str> =
        demands.iter().flat_map(|demand| demand.split(' ')).filter(|word| !word.is_empty()).collect();
    let needed = Scopes::new(words).map_err(|_| Unreadable)?;
    let granted =
        std::str::from_utf8(granted).ok().and_then(|granted| Scopes::parse(granted).ok()).ok_or(Unreadable)?;
    Ok((!granted.cover_all(&needed)).then(|| needed.joined()))
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) fn challenged(status: StatusCode, challenge: HeaderValue) -> Response<Bytes> {
    let mut response = empty(status);
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use jeton_runtime::wit::verification::NetworkVerdict;

    use super::*;

    fn is_for_orders(target: &str, headers: &[&'static str]) -> bool {
        let mut request = Request::builder().uri(target).body(()).unwrap();
        for header in headers {
            request.headers_mut().append(REQUIRE_AUDIENCE, HeaderValue::from_static(header));
        }
        is_for(&request, b"https://orders.example")
    }

    #[test]
    fn every_audience_that_is_demanded_is_the_tokens() {
        let orders = "https://orders.example";
        assert!(is_for_orders("/forward-auth", &[]) && is_for_orders("/forward-auth?scope=a&aud=b", &[]));
        assert!(is_for_orders("/forward-auth?audience=https%3A%2F%2Forders.example", &[orders]));
        for (target, headers) in [
            ("/forward-auth?audience=https://billing.example", &[][..]),
            ("/forward-auth?audience=https://orders.example&audience=https://billing.example", &[]),
            ("/forward-auth?audience=https://orders.example", &["https://billing.example"]),
            ("/forward-auth", &[orders, "https://billing.example"]),
            ("/forward-auth?audience=", &[]),
            ("/forward-auth", &[""]),
            ("/forward-auth?audience=https://orders.example/", &[]),
            ("/forward-auth?audience=HTTPS://orders.example", &[]),
            ("/forward-auth?audience=%ff", &[]),
        ] {
            assert!(!is_for_orders(target, headers), "{target} {headers:?}");
        }
    }

    fn lacks(target: &str, header: Option<&str>, granted: &str) -> Option<Option<String>> {
        let mut request = Request::builder().uri(target);
        if let Some(header) = header {
            request = request.header(REQUIRE_SCOPE, header);
        }
        missing(&request.body(()).unwrap(), granted.as_bytes()).ok()
    }

    #[test]
    fn every_demand_counts_wherever_it_stands() {
        assert_eq!(lacks("/forward-auth?scope=a", None, "a b"), Some(None));
        assert_eq!(lacks("/forward-auth?scope=a+b&scope=b", None, "a b"), Some(None));
        assert_eq!(lacks("/forward-auth?scope=a&scope=c", None, "a b"), Some(Some("a c".to_owned())));
        assert_eq!(lacks("/forward-auth?scope=a", Some("c"), "a b"), Some(Some("a c".to_owned())));
        assert_eq!(lacks("/forward-auth/x?other=1", None, ""), Some(None));
        assert_eq!(lacks("/forward-auth", Some(""), ""), Some(None));
    }

    #[test]
    fn a_demand_that_no_scope_can_meet_is_never_met() {
        for target in ["/forward-auth?scope=%22", "/forward-auth?scope=%ff", "/forward-auth?scope=jeton:root"] {
            assert_eq!(lacks(target, None, "a"), None, "{target}");
        }
        assert_eq!(lacks("/forward-auth?scope=%zz", None, "a"), Some(Some("%zz".to_owned())));
    }

    #[test]
    fn what_a_client_put_into_its_query_string_changes_nothing() {
        assert_eq!(lacks("/forward-auth/search?q=100%&r=%ff", None, ""), Some(None));
    }

    #[test]
    fn the_parts_of_an_answer_are_cut_out_by_their_lengths() {
        let verified = |lengths: [u32; 5]| Verified {
            answer: b"{}alicebobapi".to_vec(),
            introspection_length: lengths[0],
            subject_length: lengths[1],
            client_length: lengths[2],
            scope_length: lengths[3],
            audience_length: lengths[4],
            expires_at: 0,
            network: NetworkVerdict::NotBound,
        };
        assert_eq!(parts(verified([2, 5, 3, 0, 3])), Some(["alice", "bob", "", "api"].map(Bytes::from)));
        assert_eq!(parts(verified([2, 5, 3, 0, 4])), None);
        assert_eq!(parts(verified([u32::MAX; 5])), None);
    }
}
