//! Epoch, self, the live set and health.

use super::*;
use serde_json::json;

#[tokio::test]
async fn advancing_the_epoch_kills_every_access_token_and_no_refresh_token() {
    let jeton = Jeton::start();
    let (admin, tokens) = (jeton.admin(), jeton.tokens(&["jeton:read"]));
    let before = jeton.call(Method::GET, "/v1/epoch", &admin, "").await;
    assert_eq!(before.members(), ["alg", "began_at", "by", "kid", "number", "reason"]);
    assert_eq!((before.code("reason"), before.code("by")), ("first".to_owned(), "machine".to_owned()));
    for body in [r#"{"reason":"x"}"#, "[]", "x", r#"{"alg":"none"}"#, r#"{"alg":"es256"}"#, r#"{"alg":null}"#] {
        assert_eq!(jeton.call(Method::POST, "/v1/epoch/advance", &admin, body).await.problem().0, 400, "{body}");
    }
    assert!(jeton.is_alive(&tokens.access).await);
    let after = jeton.call(Method::POST, "/v1/epoch/advance", &admin, "").await;
    assert_eq!(after.code("reason"), "order");
    assert!(after.json()["number"].as_u64() > before.json()["number"].as_u64());
    assert!(!jeton.is_alive(&tokens.access).await);
    assert!(!jeton.is_alive(&admin).await);
    assert!(jeton.is_alive(&jeton.exchange(&tokens.refresh).await.unwrap()).await);
}

#[tokio::test]
async fn an_epoch_is_advanced_to_another_algorithm_and_keeps_it() {
    let jeton = Jeton::start();
    let tokens = jeton.tokens(&["jeton:admin"]);
    assert_eq!(jeton.call(Method::GET, "/v1/epoch", &tokens.access, "").await.code("alg"), "EdDSA");
    for (body, alg, kty) in [
        (r#"{"alg":"ES256"}"#, "ES256", "EC"),
        ("{}", "ES256", "EC"),
        (r#"{"alg":"RS256"}"#, "RS256", "RSA"),
        (r#"{"alg":"EdDSA"}"#, "EdDSA", "OKP"),
    ] {
        let access = jeton.exchange(&tokens.refresh).await.unwrap();
        let epoch = jeton.call(Method::POST, "/v1/epoch/advance", &access, body).await;
        assert_eq!(epoch.code("alg"), alg);
        assert!(!jeton.is_alive(&access).await);
        assert!(jeton.is_alive(&jeton.exchange(&tokens.refresh).await.unwrap()).await);
        let key = jeton.get("/.well-known/jwks.json").await.json()["keys"][0].clone();
        assert_eq!((key["alg"].as_str(), key["kty"].as_str()), (Some(alg), Some(kty)));
        assert_eq!(key["kid"], epoch.json()["kid"]);
        let live = jeton.get("/v1/live").await.json()["epoch"].clone();
        for member in ["kid", "alg", "e", "n", "x", "y"] {
            assert_eq!(live.get(member), key.get(member), "{alg}: {member}");
        }
        for secret in ["d", "p", "q", "dp", "dq", "qi"] {
            assert!(key.get(secret).is_none(), "{alg}: {secret}");
        }
    }
}

#[tokio::test]
async fn an_access_token_is_told_what_it_is() {
    let jeton = Jeton::start();
    let tokens = jeton.tokens(&["a", "b"]);
    let body = jeton.call(Method::GET, "/v1/self", &tokens.access, "").await;
    assert_eq!(body.header("cache-control"), "no-store");
    let said = body.json();
    assert_eq!((said["iss"].as_str(), said["aud"].as_str()), (Some(ISSUER), Some(ISSUER)));
    assert_eq!((said["sub"].as_str(), said["client_id"].as_str()), (Some(&*tokens.id), Some(&*tokens.id)));
    assert_eq!(said["scope"], "a b");
    assert!((890..=900).contains(&said["expires_in"].as_u64().unwrap()));
    assert!(said["expires_at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn the_live_set_is_public_and_sent_only_where_it_is_new() {
    let jeton = Jeton::start();
    let first = jeton.get("/v1/live").await;
    assert_eq!((first.status.as_u16(), first.header("cache-control")), (200, "public, max-age=1"));
    assert_eq!(first.json()["issuer"], ISSUER);
    let if_none_match = async |etag: &str| {
        let request = Request::get("/v1/live").header("if-none-match", etag).body(Body::empty()).unwrap();
        jeton.send(request).await
    };
    let etag = first.header("etag").to_owned();
    let same = if_none_match(&etag).await;
    assert_eq!((same.status.as_u16(), same.text.as_str(), same.header("etag")), (304, "", &*etag));
    let tokens = jeton.tokens(&[]);
    jeton.post_form("/oauth2/revoke", format!("token={}", tokens.refresh)).await;
    let newer = if_none_match(&etag).await;
    assert_eq!(newer.status, 200);
    assert_ne!(newer.header("etag"), etag);
    assert_eq!(newer.json()["cuts"].as_array().unwrap().len(), first.json()["cuts"].as_array().unwrap().len() + 1);
}

#[tokio::test]
async fn readiness_says_what_is_wrong_and_life_goes_on() {
    let jeton = Jeton::start();
    let tokens = jeton.tokens(&[]);
    let ready = jeton.get("/readyz").await;
    let checks = json!({ "store": "ok", "policy": "ok", "live_set": "ok", "clock": "ok" });
    assert_eq!((ready.status.as_u16(), ready.json()), (200, json!({ "status": "ready", "checks": checks })));
    jeton.break_store();
    let unready = jeton.get("/readyz").await;
    assert_eq!((unready.status.as_u16(), unready.json()["checks"]["store"].as_str()), (503, Some("unavailable")));
    assert_eq!(jeton.get("/healthz").await.status, 200);
    assert!(jeton.is_alive(&tokens.access).await);
}

#[tokio::test]
async fn without_a_store_administration_is_unavailable() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    jeton.break_store();
    for (method, path, body) in [
        (Method::GET, "/v1/refresh-tokens", ""),
        (Method::POST, "/v1/refresh-tokens", r#"{"name":"n"}"#),
        (Method::POST, "/v1/refresh-tokens/delete", r#"{"ids":["0000000000000000000001"]}"#),
        (Method::GET, "/v1/refresh-tokens/0000000000000000000001", ""),
        (Method::DELETE, "/v1/refresh-tokens/0000000000000000000001", ""),
        (Method::GET, "/v1/settings", ""),
        (Method::PATCH, "/v1/settings", r#"{"access_token_expiration":60}"#),
        (Method::GET, "/v1/epoch", ""),
        (Method::POST, "/v1/epoch/advance", ""),
    ] {
        let answer = jeton.call(method.clone(), path, &admin, body).await;
        assert_eq!(answer.problem().0, 503, "{method} {path}");
        assert_eq!(answer.header("retry-after"), "1");
    }
}
