//! Rotation on order and on use, and what an exchange is bound to.

use super::*;

const PATH: &str = "/v1/refresh-tokens";
const DPA: &str = "/iwc/api/security/oauth/token";

impl Jeton {
    async fn made(&self, access: &str, json: &str) -> Answer {
        let answer = self.call(Method::POST, PATH, access, json).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer
    }

    async fn rotated(&self, id: &str, access: &str, json: &str) -> Answer {
        self.call(Method::POST, &format!("{PATH}/{id}/rotate"), access, json).await
    }

    async fn grant(&self, path: &str, refresh: &str, more: &str) -> Answer {
        self.post_form(path, format!("grant_type=refresh_token&refresh_token={refresh}{more}")).await
    }
}

/// The `aud` of an access token.
fn audience_of(access: &str) -> String {
    use base64::Engine as _;
    let payload = access.split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["aud"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn with_an_overlap_both_secrets_work_and_without_one_only_the_new() {
    let jeton = Jeton::start();
    let (admin, old) = (jeton.admin(), jeton.tokens(&[]));
    let rotated = jeton.rotated(&old.id, &admin, r#"{"overlap_seconds":3600}"#).await;
    assert_eq!((rotated.status.as_u16(), rotated.header("etag")), (200, "\"2\""), "{}", rotated.text);
    assert_eq!(rotated.header("cache-control"), "no-store");
    assert!(rotated.code("superseded_until").ends_with('Z'));
    assert_eq!(rotated.code("id"), old.id);
    let new = rotated.code("token");
    assert!(jeton.is_alive(&old.access).await, "nobody notices");
    for refresh in [&old.refresh, &new] {
        assert!(jeton.exchange(refresh).await.is_ok());
    }
    let early = jeton.rotated(&old.id, &admin, r#"{"overlap_seconds":60}"#).await;
    assert_eq!(early.problem(), (409, "overlap-not-over".to_owned(), "overlap_seconds".to_owned()));

    let at_once = jeton.rotated(&old.id, &admin, "").await;
    assert_eq!(at_once.json()["superseded_until"], Value::Null);
    assert!(!jeton.is_alive(&old.access).await);
    for refresh in [&old.refresh, &new] {
        assert_eq!(jeton.exchange(refresh).await, Err("invalid_grant".to_owned()));
    }
    assert!(jeton.exchange(&at_once.code("token")).await.is_ok());
}

#[tokio::test]
async fn a_rotation_that_breaks_a_rule_is_refused() {
    let jeton = Jeton::start();
    let (admin, tokens) = (jeton.admin(), jeton.tokens(&[]));
    for (body, status, code, field) in [
        (r#"{"overlap_seconds":604801}"#, 400, "overlap-out-of-range", "overlap_seconds"),
        (r#"{"overlap_seconds":"1h"}"#, 400, "invalid-member", "overlap_seconds"),
        (r#"{"overlap":60}"#, 400, "invalid-member", "overlap"),
    ] {
        let answer = jeton.rotated(&tokens.id, &admin, body).await;
        assert_eq!(answer.problem(), (status, code.to_owned(), field.to_owned()), "{body}");
    }
    assert_eq!(jeton.rotated("0000000000000000000001", &admin, "").await.problem().0, 404);
    jeton.call(Method::DELETE, &format!("{PATH}/{}", tokens.id), &admin, "").await;
    assert_eq!(jeton.rotated(&tokens.id, &admin, "").await.problem(), (409, "not-active".to_owned(), String::new()));
}

#[tokio::test]
async fn where_each_use_replaces_the_token_the_answer_has_the_next_one_and_a_copy_ends_it() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let made = jeton.made(&admin, r#"{"name":"mobile","rotates_on_use":true}"#).await;
    let first = jeton.grant("/oauth2/token", &made.code("token"), "").await;
    assert_eq!(first.header("cache-control"), "no-store");
    let second = jeton.grant(DPA, &first.code("refresh_token"), "").await;
    assert_eq!(second.code("token_type"), "bearer");
    assert!(second.code("refresh_token").starts_with("jtn_rt_"));
    let stolen = jeton.grant("/oauth2/token", &made.code("token"), "").await;
    assert_eq!((stolen.status.as_u16(), stolen.code("error")), (400, "invalid_grant".to_owned()));
    assert!(!jeton.is_alive(&second.code("access_token")).await);
    let shown = jeton.call(Method::GET, made.header("location"), &admin, "").await;
    assert_eq!((shown.code("reason"), shown.code("ended_by")), ("reuse-detected".to_owned(), "policy".to_owned()));
}

#[tokio::test]
async fn an_access_token_is_for_the_resource_that_was_asked_for() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let made = jeton.made(&admin, r#"{"name":"n","audiences":["https://a.example","https://b.example"]}"#).await;
    let audience = async |path: &str, more: &str| {
        let answer = jeton.grant(path, &made.code("token"), more).await;
        let access = answer.code("access_token");
        if access.is_empty() {
            return (answer.status.as_u16(), answer.code("error"));
        }
        (200, audience_of(&access))
    };
    for path in ["/oauth2/token", DPA] {
        assert_eq!(audience(path, "").await, (200, "https://a.example".to_owned()));
        assert_eq!(audience(path, "&resource=https://b.example").await, (200, "https://b.example".to_owned()));
        for bad in ["https://c.example", "b", "https://a.example&resource=https://b.example"] {
            assert_eq!(audience(path, &format!("&resource={bad}")).await, (400, "invalid_target".to_owned()), "{bad}");
        }
    }
}

#[tokio::test]
async fn exchanges_are_counted_down_and_the_record_says_how_many_are_left() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let made = jeton.made(&admin, r#"{"name":"n","max_exchanges":2}"#).await;
    for left in [1, 0] {
        assert!(jeton.exchange(&made.code("token")).await.is_ok());
        let shown = jeton.call(Method::GET, made.header("location"), &admin, "").await;
        assert_eq!((&shown.json()["exchanges_left"], shown.header("etag")), (&Value::from(left), "\"1\""));
    }
    assert_eq!(jeton.exchange(&made.code("token")).await, Err("invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_token_that_begins_later_is_not_good_before() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let made = jeton.made(&admin, r#"{"name":"n","never":true,"not_before":"2999-01-31T12:00:00Z"}"#).await;
    assert_eq!(jeton.exchange(&made.code("token")).await, Err("invalid_grant".to_owned()));
    let now = jeton.call(Method::PATCH, made.header("location"), &admin, r#"{"not_before":null}"#).await;
    assert_eq!(now.status, 200);
    assert!(jeton.exchange(&made.code("token")).await.is_ok());
}
