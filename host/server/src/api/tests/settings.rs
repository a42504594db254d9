//! Settings: read, changed, tried out.

use super::*;
use serde_json::json;

const PATH: &str = "/v1/settings";

fn defaults() -> Value {
    json!({
        "access_token_expiration": 900, "access_token_minimum": 1, "access_token_maximum": 86_400,
        "refresh_token_expiration": 7_776_000, "refresh_token_maximum": null, "never_allowed": true,
        "unique_names": false, "scopes": null, "delegation_levels": 8, "holder_delegation": true,
        "tombstone_retention": 34_560_000,
    })
}

impl Jeton {
    async fn set(&self, query: &str, access: &str, etag: &str, change: &Value) -> Answer {
        let request = Request::patch(format!("{PATH}{query}"))
            .header(AUTHORIZATION, format!("Bearer {access}"))
            .header(CONTENT_TYPE, "application/json");
        let request = if etag.is_empty() { request } else { request.header("if-match", etag) };
        self.send(request.body(Body::from(change.to_string())).unwrap()).await
    }
}

#[tokio::test]
async fn settings_are_read_changed_and_bounded() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    assert_eq!(jeton.call(Method::GET, PATH, &admin, "").await.json(), defaults());
    for (body, code, field) in [
        (r#"{"access_token_expiration":0}"#, "access-token-expiration-out-of-range", "access_token_expiration"),
        (r#"{"access_token_minimum":86401}"#, "access-token-minimum-out-of-range", "access_token_minimum"),
        (r#"{"access_token_maximum":0}"#, "access-token-maximum-out-of-range", "access_token_maximum"),
        (r#"{"access_token_maximum":60}"#, "access-token-bounds-contradict", "access_token_expiration"),
        (r#"{"refresh_token_expiration":0}"#, "refresh-token-expiration-out-of-range", "refresh_token_expiration"),
        (r#"{"refresh_token_maximum":0}"#, "refresh-token-maximum-out-of-range", "refresh_token_maximum"),
        (r#"{"refresh_token_maximum":60}"#, "refresh-token-expiration-beyond-maximum", "refresh_token_expiration"),
        (r#"{"scopes":["jeton:admin"]}"#, "scopes-malformed", "scopes"),
        (r#"{"delegation_levels":9}"#, "delegation-levels-out-of-range", "delegation_levels"),
        (r#"{"tombstone_retention":1}"#, "tombstone-retention-out-of-range", "tombstone_retention"),
        (r#"{"access_token_expiration":"60"}"#, "invalid-member", "access_token_expiration"),
        (r#"{"access_token_expiration":null}"#, "invalid-member", "access_token_expiration"),
        (r#"{"never_allowed":"no"}"#, "invalid-member", "never_allowed"),
        (r#"{"acces_token_expiration":60}"#, "invalid-member", "acces_token_expiration"),
        ("[]", "malformed-json", ""),
    ] {
        for query in ["", "?dry_run=true"] {
            let answer = jeton.call(Method::PATCH, &format!("{PATH}{query}"), &admin, body).await;
            assert_eq!(answer.problem(), (400, code.to_owned(), field.to_owned()), "{body}");
        }
    }
    assert_eq!(jeton.call(Method::GET, PATH, &admin, "").await.json(), defaults());
    let change = json!({ "access_token_expiration": 60, "scopes": ["a"], "refresh_token_maximum": 7_776_000 });
    let changed = jeton.set("", &admin, "", &change).await;
    let mut expected = defaults();
    expected.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    assert_eq!(changed.json(), expected);
    assert_eq!(jeton.set("", &admin, "", &expected).await.json(), expected, "what is read can be sent");
    let answer = jeton
        .post_form("/oauth2/token", format!("grant_type=refresh_token&refresh_token={}", jeton.tokens(&[]).refresh));
    assert!((58..=60).contains(&answer.await.json()["expires_in"].as_u64().unwrap()));
}

#[tokio::test]
async fn a_change_may_name_the_settings_that_it_was_thought_up_for() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let first = jeton.call(Method::GET, PATH, &admin, "").await.header("etag").to_owned();
    let change = json!({ "unique_names": true });
    let changed = jeton.set("", &admin, &first, &change).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), first);
    for query in ["", "?dry_run=true"] {
        let late = jeton.set(query, &admin, &first, &change).await;
        assert_eq!(late.problem(), (412, "generation-differs".to_owned(), String::new()));
        let weak = jeton.set(query, &admin, &format!("W/{}", changed.header("etag")), &change).await;
        assert_eq!(weak.problem().0, 412);
        assert_eq!(jeton.set(query, &admin, changed.header("etag"), &json!({})).await.status, 200);
        // The empty change was one.
        if query.is_empty() {
            assert_eq!(jeton.set("", &admin, changed.header("etag"), &json!({})).await.problem().0, 412);
            break;
        }
    }
}

#[tokio::test]
async fn a_dry_run_says_whom_it_would_hit_and_changes_nothing() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let body = r#"{"name":"eternal","never":true}"#;
    let eternal = jeton.call(Method::POST, "/v1/refresh-tokens", &admin, body).await.code("id");
    let change = json!({ "refresh_token_maximum": 7_776_000, "never_allowed": false });
    let etag = jeton.call(Method::GET, PATH, &admin, "").await.header("etag").to_owned();
    let tried = jeton.set("?dry_run=true", &admin, &etag, &change).await;
    assert_eq!(tried.members(), ["affected", "as_of", "complete", "examined", "first", "settings"]);
    let said = tried.json();
    assert_eq!((&said["affected"], &said["examined"], &said["complete"]), (&json!(1), &json!(2), &json!(true)));
    assert_eq!(
        (said["first"][0]["id"].as_str(), said["first"][0]["expires_at"].clone()),
        (Some(&*eternal), Value::Null)
    );
    assert_eq!(said["settings"]["never_allowed"], false);
    assert_eq!(tried.header("etag"), etag, "what it was tried on");
    assert_eq!(jeton.call(Method::GET, PATH, &admin, "").await.json(), defaults());
    assert_eq!(jeton.set("", &admin, tried.header("etag"), &change).await.status, 200);
}

#[tokio::test]
async fn a_change_ends_what_is_out_where_it_is_asked_to() {
    let jeton = Jeton::start();
    let (admin, tokens) = (jeton.admin(), jeton.tokens(&[]));
    let change = json!({ "access_token_expiration": 60 });
    assert_eq!(jeton.set("?apply=next_exchange", &admin, "", &change).await.status, 200);
    assert!(jeton.is_alive(&tokens.access).await);
    assert_eq!(
        jeton.set("?apply=now", &admin, "", &change).await.problem(),
        (400, "apply-unknown".to_owned(), "apply".to_owned())
    );
    assert_eq!(jeton.set("?dry_run=true&apply=at_once", &admin, "", &change).await.status, 200);
    assert!(jeton.is_alive(&tokens.access).await);
    assert_eq!(jeton.set("?apply=at_once", &admin, "", &change).await.status, 200);
    assert!(!jeton.is_alive(&tokens.access).await && !jeton.is_alive(&admin).await);
    assert!(jeton.is_alive(&jeton.exchange(&tokens.refresh).await.unwrap()).await);
}
