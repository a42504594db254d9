//! Ends of many tokens, of single access tokens, and why things ended.

use super::*;
use serde_json::json;

const MANY: &str = "/v1/refresh-tokens/delete";

impl Jeton {
    /// An access token of a new refresh token of this name and owner, and the id of that.
    async fn made(&self, admin: &str, name: &str, owner: &str) -> Tokens {
        let body = json!({ "name": name, "owner": owner }).to_string();
        let created = self.call(Method::POST, "/v1/refresh-tokens", admin, body).await;
        let refresh = created.code("token");
        Tokens { id: created.code("id"), access: self.exchange(&refresh).await.unwrap(), refresh }
    }

    async fn explain(&self, admin: &str, query: &str) -> Value {
        let answer = self.call(Method::GET, &format!("/v1/explain?{query}"), admin, "").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("cache-control"), "no-store");
        answer.json()
    }

    async fn explain_token(&self, admin: &str, token: &str) -> Value {
        let answer = self.call(Method::POST, "/v1/explain", admin, json!({ "token": token }).to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(!answer.text.contains(token), "a token is never repeated");
        answer.json()
    }
}

#[tokio::test]
async fn everything_of_an_owner_ends_in_one_call_after_a_preview() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let hers = [jeton.made(&admin, "one", "alice").await, jeton.made(&admin, "two", "alice").await];
    let his = jeton.made(&admin, "one", "bob").await;
    let preview = jeton.call(Method::POST, MANY, &admin, r#"{"owner":"alice","dry_run":true}"#).await.json();
    assert_eq!((&preview["matched"], &preview["next"]), (&json!(2), &Value::Null));
    assert_eq!(preview["first"].as_array().unwrap().len(), 2);
    assert!(jeton.is_alive(&hers[0].access).await, "a preview ends nothing");

    let ended = jeton.call(Method::POST, MANY, &admin, r#"{"owner":"alice","note":"left"}"#).await;
    assert_eq!((ended.status.as_u16(), ended.json()), (200, json!({ "owner": "alice", "result": "deleted" })));
    for tokens in &hers {
        assert!(!jeton.is_alive(&tokens.access).await);
        let said = jeton.explain_token(&admin, &tokens.access).await;
        assert_eq!((&said["alive"], &said["cause"], &said["link"]), (&json!(false), &json!("cut"), &json!("alice")));
        assert_eq!((&said["reason"], &said["note"]), (&json!("owner-left"), &json!("left")));
    }
    assert!(jeton.is_alive(&his.access).await);
    let nobody = jeton.call(Method::POST, MANY, &admin, r#"{"owner":"nobody"}"#).await;
    assert_eq!(nobody.problem(), (404, "no-such-owner".to_owned(), String::new()));
}

#[tokio::test]
async fn a_filter_ends_what_the_list_shows_and_nothing_else() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let (test, other) = (jeton.made(&admin, "test-1", "a").await, jeton.made(&admin, "real", "a").await);
    let preview = jeton.call(Method::POST, MANY, &admin, r#"{"filter":"name=test-","dry_run":true}"#).await.json();
    assert_eq!((&preview["matched"], &preview["first"][0]["id"]), (&json!(1), &json!(test.id)));
    let ended = jeton.call(Method::POST, MANY, &admin, r#"{"filter":"name=test-","reason":"unused"}"#).await.json();
    assert_eq!(ended["results"], json!([{ "id": test.id, "result": "deleted" }]));
    assert_eq!(ended["next"], Value::Null);
    assert!(!jeton.is_alive(&test.access).await && jeton.is_alive(&other.access).await);
    let again = jeton.call(Method::POST, MANY, &admin, r#"{"filter":"name=test-"}"#).await.json();
    assert_eq!(again["results"], json!([]), "what has ended is not found again");
}

#[tokio::test]
async fn one_access_token_ends_by_its_jti_and_the_act_is_told() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let one = jeton.made(&admin, "job", "a").await;
    let other = jeton.exchange(&one.refresh).await.unwrap();
    let jti = jeton.call(Method::GET, "/v1/self", &one.access, "").await.code("jti");
    let target = format!("/v1/access-tokens/{jti}");
    let alive = jeton.explain(&admin, &format!("jti={jti}")).await;
    assert_eq!((&alive["alive"], &alive["client_id"], alive.get("cause")), (&json!(true), &json!(one.id), None));
    for _ in 0..2 {
        let ended = jeton.call(Method::DELETE, &format!("{target}?reason=compromised&note=in+a+log"), &admin, "").await;
        assert_eq!(ended.status, 204);
    }
    assert!(!jeton.is_alive(&one.access).await && jeton.is_alive(&other).await);
    let said = jeton.explain(&admin, &format!("jti={jti}")).await;
    assert_eq!(
        (&said["link"], &said["reason"], &said["note"]),
        (&json!(jti), &json!("compromised"), &json!("in a log"))
    );
    let unknown = format!("/v1/access-tokens/{}", "0".repeat(55));
    assert_eq!(jeton.call(Method::DELETE, &unknown, &admin, "").await.problem().1, "no-such-token");
    assert_eq!(jeton.call(Method::DELETE, "/v1/access-tokens/junk", &admin, "").await.problem().1, "jti-malformed");
}

#[tokio::test]
async fn a_deleted_parent_and_an_epoch_are_told_by_id_and_by_token() {
    let jeton = Jeton::start();
    let admin = jeton.tokens(&["jeton:admin"]);
    let parent = jeton.made(&admin.access, "team", "a").await;
    let body = json!({ "name": "service", "parent": parent.id }).to_string();
    let child = jeton.call(Method::POST, "/v1/refresh-tokens", &admin.access, body).await;
    let token = jeton.exchange(&child.code("token")).await.unwrap();
    let gone = format!("/v1/refresh-tokens/{}?reason=compromised", parent.id);
    assert_eq!(jeton.call(Method::DELETE, &gone, &admin.access, "").await.status, 204);
    for said in [
        jeton.explain_token(&admin.access, &token).await,
        jeton.explain_token(&admin.access, &child.code("token")).await,
        jeton.explain(&admin.access, &format!("token_id={}", child.code("id"))).await,
    ] {
        assert_eq!((&said["alive"], &said["link"]), (&json!(false), &json!(parent.id)));
        assert_eq!((&said["by"], &said["reason"]), (&json!(admin.id), &json!("compromised")));
        assert_eq!(said["chain"][1]["name"], "team");
        assert!(said["since"].as_str().unwrap().ends_with('Z'));
    }
    jeton.call(Method::POST, "/v1/epoch/advance", &admin.access, "").await;
    let again = jeton.exchange(&admin.refresh).await.unwrap();
    let said = jeton.explain_token(&again, &admin.access).await;
    assert_eq!((&said["cause"], &said["epoch"]["by"]), (&json!("epoch"), &json!(admin.id)));
}

#[tokio::test]
async fn explanations_are_for_administrators_and_readers_alone() {
    let jeton = Jeton::start();
    let tokens = jeton.tokens(&["orders"]);
    for (method, target) in [(Method::GET, "/v1/explain?jti=x"), (Method::POST, "/v1/explain")] {
        let refused = jeton.call(method.clone(), target, &tokens.access, "").await;
        assert_eq!(refused.problem().0, 403);
        assert_eq!(
            jeton.send(Request::builder().method(method).uri(target).body(Body::empty()).unwrap()).await.status,
            401
        );
    }
    let reader = jeton.tokens(&["jeton:read"]).access;
    assert_eq!(jeton.explain_token(&reader, &tokens.refresh).await["alive"], true);
    for (target, code) in [
        ("/v1/explain", "one-subject"),
        ("/v1/explain?jti=a&token_id=b", "one-subject"),
        ("/v1/explain?jti=a", "malformed"),
        ("/v1/explain?token=a", "unknown-parameter"),
        ("/v1/explain?token_id=0000000000000000000000", "no-such-token"),
    ] {
        assert_eq!(jeton.call(Method::GET, target, &reader, "").await.problem().1, code, "{target}");
    }
}
