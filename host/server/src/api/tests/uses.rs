//! When refresh tokens were exchanged last.

use super::*;
use serde_json::json;

impl Jeton {
    async fn record(&self, admin: &str, id: &str) -> Value {
        self.call(Method::GET, &format!("/v1/refresh-tokens/{id}"), admin, "").await.json()
    }
}

#[tokio::test]
async fn an_exchange_is_noted_with_its_time_and_address_and_a_refused_one_is_not() {
    let jeton = Jeton::start();
    let (admin, tokens) = (jeton.admin(), jeton.tokens(&[]));
    let never = jeton.record(&admin, &tokens.id).await;
    assert_eq!(
        (&never["last_used_at"], &never["exchange_count"], &never["last_used_certain"]),
        (&Value::Null, &json!(0), &json!(true))
    );
    for _ in 0..3 {
        jeton.exchange(&tokens.refresh).await.unwrap();
    }
    let bad = format!("{}x", &tokens.refresh[..tokens.refresh.len() - 1]);
    assert!(jeton.exchange(&bad).await.is_err());
    assert_eq!(jeton.record(&admin, &tokens.id).await, never, "not in the request's way");
    jeton.app.uses.note(&jeton.app.authority).await.unwrap();
    let used = jeton.record(&admin, &tokens.id).await;
    assert_eq!((&used["last_used_from"], &used["exchange_count"]), (&json!("127.0.0.1"), &json!(3)));
    assert!(used["last_used_at"].as_str() >= used["created_at"].as_str());
    let list =
        async |query: &str| jeton.call(Method::GET, &format!("/v1/refresh-tokens?{query}"), &admin, "").await.json();
    assert_eq!(list("sort=-last_used").await["items"][0]["id"], *tokens.id);
    assert!(list("never_used=true").await["items"].as_array().unwrap().iter().all(|item| item["id"] != *tokens.id));
}

#[tokio::test]
async fn uses_that_the_store_does_not_take_are_noted_later() {
    let jeton = Jeton::start();
    let (admin, tokens) = (jeton.admin(), jeton.tokens(&[]));
    jeton.exchange(&tokens.refresh).await.unwrap();
    jeton.store.plan(1, Fault::Refused);
    assert!(jeton.app.uses.note(&jeton.app.authority).await.is_err());
    jeton.exchange(&tokens.refresh).await.unwrap();
    jeton.app.uses.note(&jeton.app.authority).await.unwrap();
    assert_eq!(jeton.record(&admin, &tokens.id).await["exchange_count"], 2);
}
