//! Who may call what under `/v1`, and what wrong paths and methods are told.

use super::*;

/// Every route under `/v1` that needs a token, and a body that its handler would accept or refuse, but not for who asks.
const GUARDED: [(Method, &str); 14] = [
    (Method::GET, "/v1/self"),
    (Method::GET, "/v1/refresh-tokens"),
    (Method::POST, "/v1/refresh-tokens"),
    (Method::POST, "/v1/refresh-tokens/delete"),
    (Method::GET, "/v1/refresh-tokens/0000000000000000000000"),
    (Method::DELETE, "/v1/refresh-tokens/0000000000000000000000"),
    (Method::GET, "/v1/settings"),
    (Method::PATCH, "/v1/settings"),
    (Method::GET, "/v1/audit"),
    (Method::GET, "/v1/notices"),
    (Method::GET, "/v1/policy"),
    (Method::POST, "/v1/policy"),
    (Method::GET, "/v1/epoch"),
    (Method::POST, "/v1/epoch/advance"),
];

#[tokio::test]
async fn without_a_token_everything_is_refused_with_a_challenge() {
    let jeton = Jeton::start();
    for (method, path) in GUARDED {
        let answer = jeton.send(Request::builder().method(&method).uri(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.problem(), (401, "token-missing".to_owned(), String::new()), "{method} {path}");
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"jeton\"");
    }
}

#[tokio::test]
async fn a_token_that_is_not_alive_is_refused_and_never_told_why() {
    let jeton = Jeton::start();
    let tokens = jeton.tokens(&["jeton:admin"]);
    let other = Jeton::start().admin();
    // The verifier of this thread belongs to the authority that was started last: ask that one.
    let jeton = Jeton::start();
    let good = jeton.admin();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (_, payload) = head.split_once('.').unwrap();
    let bad = [
        tokens.refresh,
        tokens.access,
        other,
        head.to_owned(),
        format!("{head}."),
        format!("{good}="),
        format!("{good}.x"),
        format!("eyJhbGciOiJub25lIn0.{payload}."),
        format!("eyJhbGciOiJub25lIn0.{payload}.{signature}"),
        format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.{payload}.{signature}"),
        "x".to_owned(),
        "a".repeat(9 * 1024),
    ];
    for (method, path) in GUARDED {
        for access in &bad {
            let answer = jeton.call(method.clone(), path, access, "").await;
            assert_eq!(answer.problem(), (401, "invalid-token".to_owned(), String::new()), "{method} {path} {access}");
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"jeton\", error=\"invalid_token\"");
        }
    }
    assert!(jeton.is_alive(&good).await);
}

#[tokio::test]
async fn each_scope_opens_what_it_should_and_no_more() {
    let jeton = Jeton::start();
    let nothing = jeton.tokens(&["reports", "jeton:introspect", "jeton:live"]).access;
    let reader = jeton.tokens(&["jeton:read"]).access;
    for (method, path) in GUARDED {
        let refused = jeton.call(method.clone(), path, &nothing, "").await;
        assert_eq!(refused.status == 403, path != "/v1/self", "{method} {path}");
        let read = jeton.call(method.clone(), path, &reader, "").await;
        assert_eq!(read.status == 403, method != Method::GET, "{method} {path}");
        if read.status == 403 {
            assert_eq!(read.problem().1, "insufficient-scope");
            assert_eq!(read.header("www-authenticate"), "Bearer realm=\"jeton\", error=\"insufficient_scope\"");
        }
    }
    for (method, path) in GUARDED {
        let answer = jeton.call(method.clone(), path, &jeton.admin(), "").await;
        assert!(![401, 403].contains(&answer.status.as_u16()), "{method} {path}: {}", answer.text);
    }
}

#[tokio::test]
async fn one_way_to_show_a_token_once() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let both = Request::get("/v1/epoch")
        .header(AUTHORIZATION, format!("Bearer {admin}"))
        .header(AUTHORIZATION, format!("Bearer {admin}"));
    let answer = jeton.send(both.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.problem(), (400, "authorization-malformed".to_owned(), "Authorization".to_owned()));
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"jeton\", error=\"invalid_request\"");
    for value in ["Bearer", "Bearer a b", "Basic !!"] {
        let request = Request::get("/v1/epoch").header(AUTHORIZATION, value).body(Body::empty()).unwrap();
        assert_eq!(jeton.send(request).await.problem().0, 400, "{value}");
    }
    let lower = Request::get("/v1/epoch").header(AUTHORIZATION, format!("bearer {admin}")).body(Body::empty()).unwrap();
    assert_eq!(jeton.send(lower).await.status, 200);
    let basic = Request::get("/v1/epoch").header(AUTHORIZATION, "Basic dTpw").body(Body::empty()).unwrap();
    assert_eq!(jeton.send(basic).await.problem().0, 401);
    let in_query = jeton.get(&format!("/v1/epoch?access_token={admin}")).await;
    assert_eq!(in_query.problem().0, 401);
}

#[tokio::test]
async fn wrong_paths_and_methods_are_problems() {
    let jeton = Jeton::start();
    for path in
        ["/", "/v1", "/v1/", "/v1/refresh-tokens/", "/v1/refresh-tokens/x/y", "/v1/explain/x", "/oauth2", "/v2/self"]
    {
        assert_eq!(jeton.get(path).await.problem(), (404, "no-such-path".to_owned(), String::new()), "{path}");
    }
    for (method, path, allow) in [
        (Method::GET, "/oauth2/token", "POST"),
        (Method::PUT, "/iwc/api/security/oauth/token", "POST"),
        (Method::GET, "/oauth2/revoke", "POST"),
        (Method::POST, "/.well-known/jwks.json", "GET, HEAD"),
        (Method::DELETE, "/v1/refresh-tokens", "GET, HEAD, POST"),
        (Method::GET, "/v1/refresh-tokens/delete", "POST"),
        (Method::PUT, "/v1/refresh-tokens/0000000000000000000000", "GET, HEAD, PATCH, DELETE"),
        (Method::POST, "/v1/live", "GET, HEAD, OPTIONS"),
        (Method::POST, "/healthz", "GET, HEAD"),
        (Method::OPTIONS, "/v1/epoch", "GET, HEAD"),
    ] {
        let answer = jeton.call(method.clone(), path, "x", "").await;
        assert_eq!(answer.problem().0, 405, "{method} {path}");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    for path in ["/healthz", "/readyz", "/v1/live", "/.well-known/jwks.json", "/v1/epoch", "/v1/refresh-tokens"] {
        let get = jeton.call(Method::GET, path, &admin, "").await;
        let head = jeton.call(Method::HEAD, path, &admin, "").await;
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"));
    }
    assert_eq!(jeton.call(Method::HEAD, "/v1/epoch", "x", "").await.status, 401);
}
