//! The live set as edges ask for it: whole, and by what has changed.

use std::io::Read as _;

use flate2::read::GzDecoder;
use http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use jeton_policy::live::{Delta, LiveSet, Written};
use jeton_runtime::wit::types::Reason;

use super::*;
use crate::polls::{POLLS_PER_ADDRESS, Poll};

/// What the authority holds, by its own account.
fn held(jeton: &Jeton) -> (u64, u64) {
    let held = jeton.app.live.held().unwrap();
    (held.sequence, held.epoch)
}

/// The target of a poll that waits, from what is held now.
fn poll(jeton: &Jeton) -> String {
    let (sequence, epoch) = held(jeton);
    format!("/v1/live?after={sequence}&epoch={epoch}&wait=2")
}

fn change(answer: &Answer) -> Delta {
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"), "{}", answer.text);
    match Written::parse(answer.text.as_bytes()).unwrap() {
        Written::Delta(delta) => delta,
        Written::Whole(_) => panic!("a whole set: {}", answer.text),
    }
}

fn is_whole(answer: &Answer) -> bool {
    assert_eq!(answer.status, 200, "{}", answer.text);
    matches!(Written::parse(answer.text.as_bytes()).unwrap(), Written::Whole(_))
}

impl Jeton {
    fn delete(&self, ids: &[String]) {
        let ids = ids.to_vec();
        let delete = move |call: &mut jeton_runtime::AuthorityCall<'_>| {
            call.delete(&Actor::Machine, &ids, Reason::Deleted, None)
        };
        self.app.authority.call_blocking(Class::Administration, delete).unwrap().unwrap();
    }

    async fn get_with(&self, target: &str, headers: &[(http::HeaderName, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let request = headers.iter().fold(Request::get(target), |request, (name, value)| request.header(name, *value));
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(Peer::of(IpAddr::V4(Ipv4Addr::LOCALHOST), &HeaderMap::new(), &[]));
        let (parts, body) = self.answer(request).await.into_parts();
        (parts.status, parts.headers, body.to_vec())
    }
}

#[tokio::test]
async fn an_edge_follows_by_what_has_changed() {
    let jeton = Jeton::start();
    let tokens: Vec<Tokens> = (0..3).map(|_| jeton.tokens(&[])).collect();
    let mut edge = LiveSet::from_document(jeton.get("/v1/live").await.text.as_bytes()).unwrap();
    for (deleted, token) in tokens.iter().enumerate() {
        jeton.delete(std::slice::from_ref(&token.id));
        let target = format!("/v1/live?after={}&epoch={}", edge.sequence(), edge.epoch().number());
        let answer = jeton.get(&target).await;
        let delta = change(&answer);
        assert_eq!((delta.base, delta.epoch_number), (edge.sequence(), edge.epoch().number()));
        assert_eq!((delta.cuts.len(), delta.dropped.len()), (1, 0));
        edge.load(answer.text.as_bytes()).unwrap();
        assert_eq!(edge.cuts(), deleted + 1);
    }
    let target = format!("/v1/live?after={}&epoch={}", edge.sequence(), edge.epoch().number());
    let nothing = jeton.get(&target).await;
    assert_eq!((change(&nothing).base, change(&nothing).sequence), (edge.sequence(), edge.sequence()));
    edge.load(nothing.text.as_bytes()).unwrap();
}

#[tokio::test]
async fn a_wait_ends_with_what_was_revoked_meanwhile_and_else_by_saying_that_nothing_was() {
    let jeton = Jeton::start_with(Options { live_open: true, ..Options::default() });
    let token = jeton.tokens(&[]);
    let target = poll(&jeton);
    let (answer, ()) = tokio::join!(jeton.get(&target), async { jeton.delete(&[token.id]) });
    assert_eq!(change(&answer).cuts.len(), 1);

    let target = poll(&jeton).replace("wait=2", "wait=1");
    let nothing = change(&jeton.get(&target).await);
    assert_eq!((nothing.sequence, nothing.cuts.len(), nothing.dropped.len()), (nothing.base, 0, 0));
    assert!(nothing.as_of.0 + 5 >= crate::app::now());
}

#[tokio::test]
async fn who_holds_another_epoch_the_past_or_the_future_is_given_everything_at_once() {
    let jeton = Jeton::start_with(Options { live_open: true, ..Options::default() });
    let (sequence, epoch) = held(&jeton);
    for (after, epoch) in [
        (sequence, epoch - 1),
        (sequence, epoch + 1),
        (0, epoch),
        (sequence + 1_000_000, epoch),
        (u64::MAX, epoch),
        (sequence, u64::MAX),
    ] {
        for wait in [0, 2] {
            let answer = jeton.get(&format!("/v1/live?after={after}&epoch={epoch}&wait={wait}")).await;
            assert!(is_whole(&answer), "after {after} of {epoch}");
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    }
    assert!(is_whole(&jeton.get("/v1/live?wait=2").await));

    let target = poll(&jeton);
    let (answer, _) = tokio::join!(jeton.get(&target), async {
        let advance = |call: &mut jeton_runtime::AuthorityCall<'_>| call.advance(&Actor::Machine, None);
        jeton.app.authority.call_blocking(Class::Administration, advance).unwrap().unwrap()
    });
    assert!(is_whole(&answer));
    assert!(answer.json()["epoch"]["number"].as_u64().unwrap() > epoch);
}

#[tokio::test]
async fn whoever_waits_shows_a_scope_and_whoever_does_not_wait_need_not() {
    let jeton = Jeton::start();
    let target = poll(&jeton).replace("wait=2", "wait=1");
    let (live, admin) = (jeton.tokens(&["jeton:live"]), jeton.tokens(&["jeton:admin"]));
    let (other, gone) = (jeton.tokens(&["jeton:read", "jeton:introspect"]), jeton.tokens(&["jeton:live"]));
    jeton.delete(std::slice::from_ref(&gone.id));
    let basic = |tokens: &Tokens| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("edge:{}", tokens.refresh)))
    };
    for (shown, status) in [
        (String::new(), 401),
        (format!("Bearer {}", live.access), 200),
        (format!("Bearer {}", admin.access), 200),
        (basic(&live), 200),
        (basic(&live), 200),
        (basic(&admin), 200),
        (format!("Bearer {}", other.access), 403),
        (basic(&other), 403),
        (format!("Bearer {}", gone.access), 401),
        (basic(&gone), 401),
        (format!("Bearer {}", live.refresh), 401),
        ("Bearer a b".to_owned(), 400),
    ] {
        let request = Request::get(&target);
        let request = if shown.is_empty() { request } else { request.header(AUTHORIZATION, &shown) };
        let answer = jeton.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{shown}: {}", answer.text);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        if status != 200 {
            let challenge = match status {
                401 if shown.is_empty() => "Bearer realm=\"jeton\"",
                401 => "Bearer realm=\"jeton\", error=\"invalid_token\"",
                403 => "Bearer realm=\"jeton\", error=\"insufficient_scope\"",
                _ => "Bearer realm=\"jeton\", error=\"invalid_request\"",
            };
            assert_eq!((answer.problem().0, answer.header("www-authenticate")), (status, challenge));
        }
    }
    assert_eq!(jeton.get("/v1/live").await.status, 200);
    assert_eq!(jeton.get(&target.replace("wait=1", "wait=0")).await.status, 200);
}

#[tokio::test]
async fn so_many_wait_from_one_address_and_so_many_in_all() {
    let jeton = Jeton::start_with(Options { live_open: true, ..Options::default() });
    let target = poll(&jeton).replace("wait=2", "wait=1");
    let from = |address: IpAddr, many: usize| -> Vec<Poll> {
        (0..many).map(|_| jeton.app.polls.enter(address).ok().unwrap()).collect()
    };
    let here = from(IpAddr::V4(Ipv4Addr::LOCALHOST), POLLS_PER_ADDRESS);
    let refused = jeton.get(&target).await;
    assert_eq!(refused.problem(), (429, "too-many-polls".to_owned(), String::new()));
    assert!((1..=3).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
    assert_eq!(jeton.get(&target.replace("wait=1", "wait=0")).await.status, 200, "who does not wait is not counted");
    drop(here);
    assert_eq!(jeton.get(&target).await.status, 200);

    let _everywhere: Vec<Vec<Poll>> = (1..)
        .zip([2_000, 2_000, 2_000, 2_000, 1_000])
        .map(|(last, many)| from([192, 0, 2, last].into(), many))
        .collect();
    let refused = jeton.get(&target).await;
    assert_eq!(refused.problem(), (503, "too-many-polls".to_owned(), String::new()));
    assert!((1..=3).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
}

#[tokio::test]
async fn what_is_large_is_compressed_for_who_takes_it_so_and_says_the_same() {
    let jeton = Jeton::start();
    let (_, small, _) = jeton.get_with("/v1/live", &[(ACCEPT_ENCODING, "gzip")]).await;
    assert_eq!((small.get("content-encoding"), small["vary"].to_str().unwrap()), (None, "accept-encoding"));

    let ids: Vec<String> = (0..400).map(|_| jeton.tokens(&[]).id).collect();
    jeton.delete(&ids);
    let (_, headers, packed) = jeton.get_with("/v1/live", &[(ACCEPT_ENCODING, "br, gzip")]).await;
    let (_, plain_headers, plain) = jeton.get_with("/v1/live", &[]).await;
    assert_eq!(headers["content-encoding"], "gzip");
    assert_eq!((plain_headers.get("content-encoding"), &plain_headers["etag"]), (None, &headers["etag"]));
    assert!(packed.len() < plain.len());
    let mut unpacked = Vec::new();
    GzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
    let cuts = |document: &[u8]| match Written::parse(document).unwrap() {
        Written::Whole(whole) => (whole.sequence, whole.epoch.number, whole.cuts),
        Written::Delta(_) => panic!("a change"),
    };
    assert_eq!(cuts(&unpacked), cuts(&plain));
    assert_eq!(cuts(&plain).2.len(), 400);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_the_rule_and_a_page_may_read_that_too() {
    let jeton = Jeton::start();
    for (query, code, field) in [
        ("after=x", "not-a-number", "after"),
        ("after=1&epoch=-1", "not-a-number", "epoch"),
        ("after=1&wait=3", "wait-out-of-range", "wait"),
        ("epoch=1", "epoch-without-after", "epoch"),
        ("after=1&after=1", "malformed-query", "after"),
        ("whole=true", "unknown-parameter", "query"),
    ] {
        let answer = jeton.get(&format!("/v1/live?{query}")).await;
        assert_eq!(answer.problem(), (400, code.to_owned(), field.to_owned()), "{query}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
    assert!(jeton.get("/v1/live?after=1&wait=3").await.text.contains("0 to 2 seconds"));
}

#[tokio::test]
async fn a_browser_may_ask_from_anywhere_and_show_a_token() {
    let jeton = Jeton::start();
    let preflight = Request::options("/v1/live")
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization");
    let answer = jeton.send(preflight.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-methods"), "GET, HEAD");
    assert!(answer.header("access-control-allow-headers").contains("authorization"));
    let whole = jeton.get("/v1/live").await;
    assert_eq!(whole.header("access-control-allow-origin"), "*");
    assert!(whole.header("access-control-expose-headers").contains("etag"));
    assert_eq!(jeton.get("/v1/epoch").await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn who_holds_the_whole_set_already_is_told_so_until_it_changes() {
    let jeton = Jeton::start();
    let token = jeton.tokens(&[]);
    let etag = jeton.get("/v1/live").await.header("etag").to_owned();
    let (status, headers, body) = jeton.get_with("/v1/live", &[(IF_NONE_MATCH, &etag)]).await;
    assert_eq!((status.as_u16(), body.len()), (304, 0));
    assert_eq!((headers["etag"] == etag, headers["cache-control"] == "public, max-age=1"), (true, true));
    jeton.delete(&[token.id]);
    let (status, headers, _) = jeton.get_with("/v1/live", &[(IF_NONE_MATCH, &etag)]).await;
    assert_eq!((status.as_u16(), headers["etag"] == etag), (200, false));
    // A change is what was asked for, whatever else is held.
    let (sequence, epoch) = held(&jeton);
    let target = format!("/v1/live?after={sequence}&epoch={epoch}");
    assert_eq!(jeton.get_with(&target, &[(IF_NONE_MATCH, "*")]).await.0, 200);
}

#[tokio::test]
async fn while_the_store_is_down_edges_are_told_everything_and_follow_from_memory() {
    let jeton = Jeton::start();
    let (first, second) = (jeton.tokens(&[]), jeton.tokens(&[]));
    jeton.delete(&[first.id]);
    let before = LiveSet::from_document(jeton.get("/v1/live").await.text.as_bytes()).unwrap();
    let key_set = jeton.get("/.well-known/jwks.json").await;
    jeton.delete(&[second.id]);
    let (sequence, epoch) = held(&jeton);
    jeton.break_store();
    let nothing = change(&jeton.get(&format!("/v1/live?after={sequence}&epoch={epoch}")).await);
    assert_eq!((nothing.base, nothing.sequence), (sequence, sequence));
    // What was revoked since anybody asked last is in it, and it is as young as any.
    let whole = jeton.get("/v1/live").await;
    let mut edge = LiveSet::from_document(whole.text.as_bytes()).unwrap();
    assert_eq!((edge.cuts(), edge.sequence(), edge.epoch().number()), (2, sequence, epoch));
    assert!(edge.sequence() > before.sequence() && edge.as_of().0 + 5 >= crate::app::now());
    let change = jeton.get(&format!("/v1/live?after={}&epoch={epoch}", edge.sequence())).await;
    edge.load(change.text.as_bytes()).unwrap();
    assert!(is_whole(&jeton.get("/v1/live?after=0").await));
    assert_eq!(jeton.get("/.well-known/jwks.json").await.text, key_set.text);
}

#[tokio::test]
async fn a_refresh_token_that_cannot_be_judged_while_the_store_is_down_is_told_at_once_what_anybody_is() {
    use base64::Engine as _;
    let jeton = Jeton::start();
    let live = jeton.tokens(&["jeton:live"]);
    let target = poll(&jeton);
    let ask = |password: &str| {
        let shown = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("edge:{password}")));
        jeton.send(Request::get(&target).header(AUTHORIZATION, shown).body(Body::empty()).unwrap())
    };
    jeton.break_store();
    // Of those who wait there is no room for another: who is answered did not wait.
    let _full: Vec<Poll> =
        (0..POLLS_PER_ADDRESS).map(|_| jeton.app.polls.enter(Ipv4Addr::LOCALHOST.into()).ok().unwrap()).collect();
    let told = change(&ask(&live.refresh).await);
    assert_eq!((told.base, told.cuts.len()), (told.sequence, 0));
    let shown = |token: &str| Request::get(&target).header(AUTHORIZATION, format!("Bearer {token}"));
    // An access token is judged from memory, as ever.
    assert_eq!(jeton.send(shown(&live.access).body(Body::empty()).unwrap()).await.status, 429);
    assert_eq!(jeton.send(shown("junk").body(Body::empty()).unwrap()).await.status, 401);
}

#[tokio::test]
async fn once_the_feed_is_closed_nobody_waits() {
    let jeton = Jeton::start_with(Options { live_open: true, ..Options::default() });
    let target = poll(&jeton);
    let (answer, ()) = tokio::join!(jeton.get(&target), async { jeton.app.live.close_feed() });
    assert_eq!(change(&answer).cuts.len(), 0);
    for _ in 0..100 {
        assert_eq!(change(&jeton.get(&target).await).cuts.len(), 0);
    }
}
