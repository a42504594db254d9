//! Export and import under `/v1`.

use super::*;
use serde_json::json;

async fn exported(jeton: &Jeton, access: &str) -> Vec<Value> {
    let answer = jeton.call(Method::GET, "/v1/export?limit=1000", access, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["items"].as_array().unwrap().clone()
}

async fn import(jeton: &Jeton, access: &str, items: &[Value]) -> Answer {
    jeton.call(Method::POST, "/v1/import", access, json!({ "items": items }).to_string()).await
}

fn results(answer: &Answer) -> Vec<String> {
    let results = answer.json()["results"].as_array().cloned().unwrap_or_default();
    results.iter().map(|one| one["result"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn tokens_move_and_their_bearers_notice_nothing() {
    let from = Jeton::start();
    let admin = from.admin();
    let body = r#"{"name":"nightly","scopes":["reports"],"networks":["127.0.0.0/8"],"max_exchanges":5}"#;
    let made = from.call(Method::POST, "/v1/refresh-tokens", &admin, body).await;
    let items = exported(&from, &admin).await;
    let line = items.iter().find(|item| item["id"] == made.json()["id"]).unwrap();
    assert_eq!(line["secret_sha256"].as_str().unwrap().len(), 64);
    assert!(!line.to_string().contains(&made.code("token")[30..70]), "a secret is in no export");

    let to = Jeton::start();
    let admin = to.admin();
    let answer = import(&to, &admin, &items).await;
    assert_eq!(results(&answer), vec!["imported"; items.len()], "{}", answer.text);
    assert!(to.exchange(&made.code("token")).await.is_ok());
    assert_eq!(results(&import(&to, &admin, &items).await), vec!["already-there"; items.len()]);
}

#[tokio::test]
async fn each_item_has_its_own_fate() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let good = exported(&jeton, &admin).await.remove(0);
    let mut other = good.clone();
    other["name"] = json!("another");
    let mut orphan = good.clone();
    orphan["id"] = json!("0000000000000000000001");
    orphan["parent"] = json!("0000000000000000000002");
    let mut unknown = good.clone();
    unknown["colour"] = json!("red");
    let answer = import(&jeton, &admin, &[good, other, orphan, unknown, json!(7)]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(results(&answer), ["already-there", "differs", "refused", "refused", "refused"]);
    let said = answer.json();
    let codes: Vec<_> = said["results"].as_array().unwrap().iter().map(|one| one["code"].as_str()).collect();
    assert_eq!(codes[2..], [Some("parent-not-found"), Some("item-malformed"), Some("item-malformed")]);
}

#[tokio::test]
async fn an_import_has_its_bounds() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let item = exported(&jeton, &admin).await.remove(0);
    for item in [item, json!(7)] {
        assert_eq!(import(&jeton, &admin, &vec![item; 1001]).await.problem(), (400, "too-many".into(), "items".into()));
    }
    let huge = format!(r#"{{"items":["{}"]}}"#, "x".repeat(5 * 1024 * 1024));
    let answer = jeton.call(Method::POST, "/v1/import", &admin, huge).await;
    assert_eq!(answer.status, 413);
    for (body, field) in [("{}", "items"), (r#"{"items":{}}"#, "items"), (r#"{"items":[],"x":1}"#, "x")] {
        let answer = jeton.call(Method::POST, "/v1/import", &admin, body).await;
        assert_eq!(answer.problem().2, field, "{body}");
    }
    for query in ["limit=0", "limit=1001", "limit=x", "cursor=x"] {
        assert_eq!(jeton.call(Method::GET, &format!("/v1/export?{query}"), &admin, "").await.status, 400, "{query}");
    }
}
