//! The token endpoint, DPA's path, revocation, metadata and keys.

use super::*;

const DPA: &str = "/iwc/api/security/oauth/token";

fn grant(refresh: &str) -> String {
    format!("grant_type=refresh_token&refresh_token={refresh}")
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_again_and_again() {
    let jeton = Jeton::start();
    let tokens = jeton.tokens(&["reports", "jeton:read"]);
    for _ in 0..2 {
        let answer = jeton.post_form("/oauth2/token", grant(&tokens.refresh)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("pragma"), "no-cache");
        assert_eq!(answer.header("content-type"), "application/json");
        let body = answer.json();
        assert_eq!(
            answer.members(),
            ["access_token", "expires_in", "jti", "refresh_expires_in", "scope", "token_type"]
        );
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["scope"], "reports jeton:read");
        assert!((898..=900).contains(&body["expires_in"].as_u64().unwrap()));
        assert!(jeton.is_alive(body["access_token"].as_str().unwrap()).await);
    }
}

#[tokio::test]
async fn the_answer_says_nothing_of_an_expiry_that_never_comes() {
    let jeton = Jeton::start();
    let created = jeton.call(Method::POST, "/v1/refresh-tokens", &jeton.admin(), r#"{"name":"n","never":true}"#).await;
    let answer = jeton.post_form("/oauth2/token", grant(&created.code("token"))).await;
    assert_eq!(answer.members(), ["access_token", "expires_in", "jti", "scope", "token_type"]);
}

#[tokio::test]
async fn dpa_scripts_find_their_path_and_their_spelling() {
    let jeton = Jeton::start();
    let answer = jeton.post_form(DPA, grant(&jeton.tokens(&[]).refresh)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["token_type"], "bearer");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_token_in_the_query_string_counts_only_at_dpas_path_and_where_it_is_allowed() {
    let in_query = async |jeton: &Jeton, path: &str, body: &'static str| {
        let target = format!("{path}?{}", grant(&jeton.tokens(&[]).refresh));
        let request = Request::post(target).header(CONTENT_TYPE, "application/json;charset=UTF-8");
        let answer = jeton.send(request.body(Body::from(body)).unwrap()).await;
        (answer.status.as_u16(), answer.code("error"))
    };
    let refused = (400, "invalid_request".to_owned());
    let closed = Jeton::start();
    assert_eq!(in_query(&closed, DPA, "").await, refused);
    let open = Jeton::start_with(Options { dpa_query_tokens: true, ..Options::default() });
    assert_eq!(in_query(&open, "/oauth2/token", "").await, refused);
    for body in ["", "{}"] {
        assert_eq!(in_query(&open, DPA, body).await, (200, String::new()));
    }
    assert_eq!(in_query(&open, DPA, r#"{"a":1}"#).await, refused);
    assert_eq!(open.post_form(DPA, grant(&open.tokens(&[]).refresh)).await.status, 200);
}

#[tokio::test]
async fn whatever_is_wrong_with_a_refresh_token_the_answer_is_the_same() {
    let jeton = Jeton::start();
    let good = jeton.tokens(&[]).refresh;
    let access = jeton.tokens(&[]).access;
    let ended = jeton.tokens(&[]);
    jeton.post_form("/oauth2/revoke", format!("token={}", ended.refresh)).await;
    let (body, last) = good.split_at(good.len() - 1);
    let other_last = if last == "0" { "1" } else { "0" };
    let bad = [
        "x".to_owned(),
        good.replacen("jtn_rt_", "jtn_at_", 1),
        good.replacen("jtn_rt_", "JTN_RT_", 1),
        format!("{body}{other_last}"),
        format!("{good}0"),
        body.to_owned(),
        format!("{body}-"),
        format!("{body}%C3%A9"),
        format!("%20{good}"),
        access,
        ended.refresh.clone(),
        "a".repeat(8 * 1024),
    ];
    let mut answers = Vec::new();
    for refresh in &bad {
        let answer = jeton.post_form("/oauth2/token", grant(refresh)).await;
        assert_eq!(answer.status, 400, "{refresh}");
        assert!(!answer.text.contains(refresh.as_str()) || refresh == "x");
        answers.push(answer.text);
    }
    assert!(answers.iter().all(|answer| answer.contains("\"invalid_grant\"") && answer == &answers[0]), "{answers:?}");
    assert!(jeton.exchange(&good).await.is_ok());
}

#[tokio::test]
async fn what_is_no_request_is_an_invalid_request() {
    let jeton = Jeton::start();
    let good = jeton.tokens(&[]).refresh;
    for form in [
        String::new(),
        format!("refresh_token={good}"),
        "grant_type=refresh_token".to_owned(),
        format!("{0}&{0}", grant(&good)),
        format!("{}%zz", grant(&good)),
        format!("{}%00", grant(&good)),
        format!("{}%ff", grant(&good)),
        grant(&"a".repeat(8 * 1024 + 1)),
        format!("{}&padding={}", grant(&good), "a".repeat(64 * 1024)),
    ] {
        for path in ["/oauth2/token", DPA] {
            let answer = jeton.post_form(path, form.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.code("error").as_str()), (400, "invalid_request"));
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(!answer.text.contains(&good));
        }
    }
    for (grant_type, error) in [("password", "unsupported_grant_type"), ("", "invalid_request")] {
        let answer = jeton.post_form("/oauth2/token", format!("grant_type={grant_type}&refresh_token={good}")).await;
        assert_eq!((answer.status.as_u16(), answer.code("error").as_str()), (400, error));
    }
    let non_utf8 = Request::post("/oauth2/token").header(CONTENT_TYPE, FORM).body(Body::from(&b"grant_type=\xff"[..]));
    assert_eq!(jeton.send(non_utf8.unwrap()).await.code("error"), "invalid_request");
    let as_json =
        Request::post("/oauth2/token").header(CONTENT_TYPE, "application/json").body(Body::from(grant(&good)));
    assert_eq!(jeton.send(as_json.unwrap()).await.code("error"), "invalid_request");
}

#[tokio::test]
async fn a_scope_can_be_narrowed_and_never_widened() {
    let jeton = Jeton::start();
    let refresh = jeton.tokens(&["a", "b", "c"]).refresh;
    let narrowed = jeton.post_form("/oauth2/token", format!("{}&scope=c+a", grant(&refresh))).await;
    assert_eq!(narrowed.status, 200, "{}", narrowed.text);
    let mut granted: Vec<String> = narrowed.code("scope").split(' ').map(str::to_owned).collect();
    granted.sort();
    assert_eq!(granted, ["a", "c"]);
    for scope in ["a+d", "jeton:admin", "a++b", "%22", "jeton:nothing"] {
        let answer = jeton.post_form("/oauth2/token", format!("{}&scope={scope}", grant(&refresh))).await;
        assert_eq!((answer.status.as_u16(), answer.code("error").as_str()), (400, "invalid_scope"), "{scope}");
    }
}

#[tokio::test]
async fn authorization_and_unknown_parameters_say_nothing_at_the_token_endpoint() {
    let jeton = Jeton::start();
    let form = format!("{}&client_id=x&client_secret=y&unknown=1&unknown=2", grant(&jeton.tokens(&[]).refresh));
    let request = Request::post("/oauth2/token")
        .header(CONTENT_TYPE, FORM)
        .header(AUTHORIZATION, "Basic !!")
        .header(AUTHORIZATION, "Bearer x");
    assert_eq!(jeton.send(request.body(Body::from(form)).unwrap()).await.status, 200);
}

#[tokio::test]
async fn only_repeated_bad_credentials_are_told_to_wait() {
    let jeton = Jeton::start();
    let good = jeton.tokens(&[]).refresh;
    let mut limited = None;
    for _ in 0..1000 {
        let answer = jeton.post_form("/oauth2/token", grant("bad")).await;
        if answer.status == 429 {
            limited = Some(answer);
            break;
        }
        assert_eq!(answer.code("error"), "invalid_grant");
    }
    assert_ne!(limited.unwrap().header("retry-after"), "");
    assert!(jeton.exchange(&good).await.is_ok());
}

#[tokio::test]
async fn whoever_holds_a_refresh_token_can_end_it_and_what_it_gave_out() {
    let jeton = Jeton::start();
    let tokens = jeton.tokens(&["a"]);
    assert!(jeton.is_alive(&tokens.access).await);
    for _ in 0..2 {
        let answer = jeton.post_form("/oauth2/revoke", format!("token={}&token_type_hint=x", tokens.refresh)).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
    }
    assert!(!jeton.is_alive(&tokens.access).await);
    assert_eq!(jeton.exchange(&tokens.refresh).await, Err("invalid_grant".to_owned()));
    let shown = jeton.call(Method::GET, &format!("/v1/refresh-tokens/{}", tokens.id), &jeton.admin(), "").await;
    assert_eq!((shown.code("state"), shown.code("reason")), ("deleted".to_owned(), "revoked-by-holder".to_owned()));
    assert_eq!(shown.code("ended_by"), "holder");
}

#[tokio::test]
async fn ending_an_access_token_ends_that_one_alone() {
    let jeton = Jeton::start();
    let tokens = jeton.tokens(&[]);
    let sibling = jeton.exchange(&tokens.refresh).await.unwrap();
    assert_eq!(jeton.post_form("/oauth2/revoke", format!("token={}", tokens.access)).await.status, 200);
    assert!(!jeton.is_alive(&tokens.access).await);
    assert!(jeton.is_alive(&sibling).await);
}

#[tokio::test]
async fn revoking_what_is_unknown_is_done_and_what_is_no_request_is_not() {
    let jeton = Jeton::start();
    for token in ["unknown", "a.b.c", "jtn_rt_x"] {
        assert_eq!(jeton.post_form("/oauth2/revoke", format!("token={token}")).await.status, 200, "{token}");
    }
    for form in ["", "token=", "token=a&token=b", "token=%zz", "token=%00"] {
        let answer = jeton.post_form("/oauth2/revoke", form).await;
        assert_eq!((answer.status.as_u16(), answer.code("error").as_str()), (400, "invalid_request"), "{form}");
    }
    let in_query = jeton.post_form("/oauth2/revoke?token=a", "token=a").await;
    assert_eq!(in_query.code("error"), "invalid_request");
}

#[tokio::test]
async fn without_a_store_nothing_is_minted_or_ended_and_nobody_is_told_it_was() {
    let jeton = Jeton::start();
    let tokens = jeton.tokens(&[]);
    jeton.break_store();
    for (path, form) in [
        ("/oauth2/token", grant(&tokens.refresh)),
        (DPA, grant(&tokens.refresh)),
        ("/oauth2/revoke", format!("token={}", tokens.refresh)),
        ("/oauth2/revoke", format!("token={}", tokens.access)),
    ] {
        let answer = jeton.post_form(path, form).await;
        assert_eq!((answer.status.as_u16(), answer.code("error").as_str()), (503, "temporarily_unavailable"), "{path}");
        assert_eq!(answer.header("retry-after"), "1");
    }
}

#[tokio::test]
async fn clients_find_out_everything_from_the_metadata() {
    let jeton = Jeton::start();
    let answer = jeton.get("/.well-known/oauth-authorization-server").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    let metadata = answer.json();
    assert_eq!(metadata["issuer"], ISSUER);
    assert_eq!(metadata["token_endpoint"], format!("{ISSUER}/oauth2/token"));
    assert_eq!(metadata["token_endpoint_auth_methods_supported"][0], "none");
    assert_eq!(metadata["grant_types_supported"][0], "refresh_token");
    assert_eq!(jeton.get("/.well-known/oauth-authorization-server/elsewhere").await.problem().0, 404);
}

#[tokio::test]
async fn the_key_set_has_the_key_of_the_epoch() {
    let jeton = Jeton::start();
    let keys = jeton.get("/.well-known/jwks.json").await;
    assert_eq!((keys.status.as_u16(), keys.header("cache-control")), (200, "public, max-age=60"));
    let key = keys.json()["keys"][0].clone();
    assert_eq!((key["kty"].as_str(), key["crv"].as_str()), (Some("OKP"), Some("Ed25519")));
    assert!(key.get("d").is_none());
    let epoch = jeton.call(Method::GET, "/v1/epoch", &jeton.admin(), "").await;
    assert_eq!(key["kid"], epoch.json()["kid"]);
}
