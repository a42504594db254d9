//! Every act is told in the audit log, in the commit of the act; so is every refusal of a right.

use std::collections::BTreeSet;

use jeton_policy::store::Direction;
use jeton_store::audit::{AuditLog as _, Checker};
use serde_json::json;

use super::super::permissions;
use super::*;

impl Jeton {
    /// Every line, checked.
    fn told(&self) -> Vec<Value> {
        let page = self.store.inner().audit_lines(None, Direction::Ascending, 1000).unwrap();
        let mut checker = Checker::new();
        page.lines.iter().for_each(|line| checker.line(line.text.as_bytes()));
        assert_eq!(checker.finish(Some(page.head)).findings, []);
        page.lines.iter().map(|line| serde_json::from_str(&line.text).unwrap()).collect()
    }

    /// What was told since `before` lines.
    fn told_since(&self, before: usize) -> Vec<Value> {
        self.told().split_off(before)
    }
}

fn acts(told: &[Value]) -> Vec<&str> {
    told.iter().map(|line| line["act"].as_str().unwrap()).collect()
}

/// What is done by each route that changes something, and what is told of it. `{id}` is a refresh token, `{jti}` an access token of
/// it, `{refresh}` the refresh token itself. A route that is not here fails the test.
const ACTS: &[(&str, &str, &str, &[&str])] = &[
    // An exchange is no act: only what the policy ends by itself is told of.
    ("POST /oauth2/token", "/oauth2/token", "grant_type=refresh_token&refresh_token={refresh}", &[]),
    (
        "POST /iwc/api/security/oauth/token",
        "/iwc/api/security/oauth/token",
        "grant_type=refresh_token&refresh_token={refresh}",
        &[],
    ),
    ("POST /oauth2/revoke", "/oauth2/revoke", "token={refresh}", &["token.revoke"]),
    (
        "POST /v1/refresh-tokens",
        "/v1/refresh-tokens",
        r#"{"name":"job \u202e b","owner":"o"}"#,
        &["refresh-token.create"],
    ),
    (
        "POST /v1/refresh-tokens/delete",
        "/v1/refresh-tokens/delete",
        r#"{"ids":["{id}"],"reason":"unused"}"#,
        &["refresh-token.delete"],
    ),
    ("POST /v1/refresh-tokens/delete", "/v1/refresh-tokens/delete", r#"{"owner":"holder"}"#, &["owner.delete"]),
    (
        "POST /v1/refresh-tokens/delete",
        "/v1/refresh-tokens/delete",
        r#"{"filter":"name=made"}"#,
        &["refresh-token.delete"],
    ),
    ("PATCH /v1/refresh-tokens/{id}", "/v1/refresh-tokens/{id}", r#"{"name":"other"}"#, &["refresh-token.edit"]),
    ("PATCH /v1/refresh-tokens/{id}", "/v1/refresh-tokens/{id}", r#"{"enabled":false}"#, &["refresh-token.disable"]),
    ("DELETE /v1/refresh-tokens/{id}", "/v1/refresh-tokens/{id}?note=why", "", &["refresh-token.delete"]),
    (
        "POST /v1/refresh-tokens/{id}/rotate",
        "/v1/refresh-tokens/{id}/rotate",
        r#"{"overlap_seconds":60}"#,
        &["refresh-token.rotate"],
    ),
    ("DELETE /v1/access-tokens/{jti}", "/v1/access-tokens/{jti}", "", &["access-token.delete"]),
    ("PATCH /v1/settings", "/v1/settings", r#"{"access_token_expiration":300}"#, &["settings.change"]),
    ("PATCH /v1/settings", "/v1/settings?apply=at_once", r#"{"access_token_expiration":300}"#, &["settings.change"]),
    (
        "POST /v1/import",
        "/v1/import",
        r#"{"items":[{"id":"0000000000000000000001","name":"n","created_at":"2020-01-01T00:00:00Z","created_by":"x","expires_at":null,"secret_sha256":"0000000000000000000000000000000000000000000000000000000000000000"}]}"#,
        &["refresh-token.import"],
    ),
    ("POST /v1/epoch/advance", "/v1/epoch/advance", "", &["epoch.advance"]),
    // Without files nothing is loaded; tests of policies load some.
    ("POST /v1/policy", "/v1/policy", "", &[]),
    // A question, whose token goes into the body.
    ("POST /v1/explain", "/v1/explain", r#"{"token":"{refresh}"}"#, &[]),
];

#[tokio::test]
async fn each_route_that_changes_something_is_told_of_with_who_what_and_from_where() {
    let mut tried = BTreeSet::new();
    for (route, target, body, expected) in ACTS {
        tried.insert((*route).to_owned());
        let jeton = Jeton::start();
        let admin = jeton.tokens(&["jeton:admin"]);
        let made = json!({ "name": "made by a test", "owner": "holder" }).to_string();
        let made = jeton.call(Method::POST, "/v1/refresh-tokens", &admin.access, made).await;
        let (id, refresh) = (made.code("id"), made.code("token"));
        let access = jeton.exchange(&refresh).await.unwrap();
        let jti = jeton.call(Method::GET, "/v1/self", &access, "").await.code("jti");
        let filled = |text: &str| text.replace("{id}", &id).replace("{jti}", &jti).replace("{refresh}", &refresh);
        let before = jeton.told().len();

        let (method, _) = route.split_once(' ').unwrap();
        let answer = if route.contains("oauth") {
            jeton.post_form(&filled(target), filled(body)).await
        } else {
            jeton.call(method.parse().unwrap(), &filled(target), &admin.access, filled(body)).await
        };
        assert!(answer.status.is_success() || *route == "POST /v1/policy", "{route}: {}", answer.text);

        let told = jeton.told_since(before);
        assert_eq!(acts(&told), *expected, "{route} {body}");
        for line in &told {
            let actor = if *route == "POST /oauth2/revoke" { &id } else { &admin.id };
            assert_eq!((&line["actor"], &line["outcome"]), (&json!(actor), &json!("done")), "{route}");
            assert_eq!(line["from"], json!("127.0.0.1"), "{route}");
            let text = line.to_string();
            for secret in [refresh.as_str(), &access, &admin.access, &admin.refresh, &refresh[29..]] {
                assert!(!text.contains(secret), "{route} tells a secret");
            }
            let about_one = line["act"].as_str().unwrap().starts_with("refresh-token.")
                && !["POST /v1/refresh-tokens", "POST /v1/import"].contains(route)
                && !body.contains("filter");
            assert!(!about_one || line["targets"] == json!([id]), "{route}: {line}");
            let ends = ["refresh-token.delete", "token.revoke"].contains(&line["act"].as_str().unwrap());
            assert_eq!(line["ended"], if ends { json!(true) } else { Value::Null }, "{route}: {line}");
        }
    }
    let changing: BTreeSet<String> = permissions::changing().collect();
    assert_eq!(tried, changing, "a route without a line in this table");
}

#[tokio::test]
async fn a_batch_is_one_entry_with_all_that_ended() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let mut ids: Vec<String> = (0..300).map(|_| jeton.tokens(&[]).id).collect();
    let before = jeton.told().len();
    let body = json!({ "ids": ids, "reason": "compromised" }).to_string();
    jeton.call(Method::POST, "/v1/refresh-tokens/delete", &admin, body.clone()).await;
    // The second time nothing ends, and nothing is told.
    jeton.call(Method::POST, "/v1/refresh-tokens/delete", &admin, body).await;
    let told = jeton.told_since(before);
    assert_eq!(acts(&told), ["refresh-token.delete"]);
    ids.sort();
    assert_eq!((&told[0]["targets"], &told[0]["reason"]), (&json!(ids), &json!("compromised")));
}

#[tokio::test]
async fn the_end_of_a_token_whose_spent_secret_came_again_is_told() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let made = r#"{"name":"rotating","rotates_on_use":true}"#;
    let made = jeton.call(Method::POST, "/v1/refresh-tokens", &admin, made).await;
    let first = made.code("token");
    let form = |token: &str| format!("grant_type=refresh_token&refresh_token={token}");
    let second = jeton.post_form("/oauth2/token", form(&first)).await.code("refresh_token");
    let third = jeton.post_form("/oauth2/token", form(&second)).await.code("refresh_token");
    assert!(!third.is_empty());
    let before = jeton.told().len();
    assert_eq!(jeton.post_form("/oauth2/token", form(&first)).await.status, 400);
    let told = jeton.told_since(before);
    assert_eq!(acts(&told), ["refresh-token.reuse"]);
    assert_eq!((&told[0]["targets"], &told[0]["actor"]), (&json!([made.code("id")]), &json!("policy")));
}

#[tokio::test]
async fn who_lacks_a_right_is_told_at_once_and_then_counted() {
    let jeton = Jeton::start();
    let reader = jeton.tokens(&["jeton:read"]);
    let before = jeton.told().len();
    for _ in 0..5 {
        assert_eq!(jeton.call(Method::POST, "/v1/epoch/advance", &reader.access, "").await.status, 403);
    }
    let told = jeton.told_since(before);
    assert_eq!(acts(&told), ["access.refuse"]);
    let said = ["actor", "outcome", "code", "route", "from"].map(|member| told[0][member].as_str().unwrap());
    assert_eq!(said, [reader.id.as_str(), "refused", "insufficient-scope", "POST /v1/epoch/advance", "127.0.0.1"]);
    for _ in 0..3 {
        jeton.call(Method::GET, "/v1/settings", "nonsense", "").await;
    }
    let counted = jeton.told().len();
    jeton.app.audit.flush();
    let told = jeton.told_since(counted);
    let count = |code: &str| told.iter().find(|line| line["code"] == code).map(|line| line["count"].clone());
    assert_eq!(count("insufficient-scope"), Some(json!(4)));
    assert_eq!(count("invalid-token"), Some(json!(3)));
    assert!(told.iter().all(|line| line["network"] == "127.0.0.0/24"));
    jeton.app.audit.flush();
    assert_eq!(jeton.told().len(), counted + told.len());
}

#[tokio::test]
async fn refused_exchanges_are_counted_by_token_refusal_and_network_and_an_exchange_tells_nothing() {
    let jeton = Jeton::start();
    let dead = jeton.tokens(&["a"]);
    let good = jeton.tokens(&["a"]);
    jeton.call(Method::DELETE, &format!("/v1/refresh-tokens/{}", dead.id), &jeton.admin(), "").await;
    let before = jeton.told().len();
    for _ in 0..4 {
        assert!(jeton.exchange(&dead.refresh).await.is_err());
        assert!(jeton.exchange(&good.refresh).await.is_ok());
    }
    jeton.post_form("/oauth2/token", format!("grant_type=refresh_token&refresh_token={}&scope=b", good.refresh)).await;
    jeton.post_form("/oauth2/token", "grant_type=password").await;
    assert_eq!(jeton.told().len(), before);
    jeton.app.audit.flush();
    let told = jeton.told_since(before);
    let mut kinds: Vec<_> = told
        .iter()
        .map(|line| {
            assert_eq!((&line["act"], &line["network"]), (&json!("exchange.refuse"), &json!("127.0.0.0/24")));
            (line["actor"].as_str().unwrap(), line["code"].as_str().unwrap(), line["count"].as_u64().unwrap())
        })
        .collect();
    kinds.sort_unstable();
    let mut expected = [
        (dead.id.as_str(), "invalid_grant", 4),
        (good.id.as_str(), "invalid_scope", 1),
        ("nobody", "unsupported_grant_type", 1),
    ];
    expected.sort_unstable();
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn an_act_that_cannot_be_told_of_does_not_happen() {
    let jeton = Jeton::start();
    let (admin, tokens) = (jeton.admin(), jeton.tokens(&["a"]));
    let before = jeton.told().len();
    let delete = format!("/v1/refresh-tokens/{}", tokens.id);
    let mut operation = 1;
    loop {
        jeton.store.plan(operation, Fault::Refused);
        let answer = jeton.call(Method::DELETE, &delete, &admin, "").await;
        let told = jeton.told_since(before);
        if answer.status == 204 {
            assert_eq!(acts(&told), ["refresh-token.delete"]);
            assert!(operation > 2, "the store was asked more than once");
            break;
        }
        assert_eq!((answer.status.as_u16(), told.len()), (503, 0), "at operation {operation}");
        jeton.store.plan(1_000, Fault::Refused);
        assert!(jeton.exchange(&tokens.refresh).await.is_ok(), "at operation {operation} it is alive");
        operation += 1;
    }
    assert!(jeton.exchange(&tokens.refresh).await.is_err());
}

#[tokio::test]
async fn readers_see_the_log_and_a_page_says_where_the_next_begins() {
    let jeton = Jeton::start();
    let (reader, admin) = (jeton.tokens(&["jeton:read"]).access, jeton.tokens(&["jeton:admin"]));
    for number in 0..5 {
        jeton
            .call(
                Method::POST,
                "/v1/refresh-tokens",
                &admin.access,
                json!({ "name": format!("n {number}") }).to_string(),
            )
            .await;
    }
    let all = jeton.told();
    let get = async |query: &str| jeton.call(Method::GET, &format!("/v1/audit?{query}"), &reader, "").await;
    let whole = get("limit=1000").await;
    assert_eq!((&whole.json()["items"], &whole.json()["next"]), (&json!(all), &Value::Null));
    assert_eq!(whole.header("cache-control"), "no-store");
    let page = get("limit=2").await.json();
    assert_eq!((&page["items"], &page["next"]), (&json!(all[..2]), &json!(2)));
    assert_eq!(get("limit=1000&after=2").await.json()["items"], json!(all[2..]));
    let newest = get("newest_first=true&limit=1").await.json();
    assert_eq!((&newest["items"][0], &newest["next"]), (all.last().unwrap(), &json!(all.len())));
    let by = get(&format!("actor={}&act=refresh-token", admin.id)).await.json();
    assert_eq!(by["items"].as_array().unwrap().len(), 5);
    assert_eq!(get("since=2999-01-01T00:00:00Z").await.json()["items"], json!([]));
    for (query, code) in [
        ("limit=0", "limit-out-of-range"),
        ("limit=1001", "limit-out-of-range"),
        ("after=-1", "number-malformed"),
        ("since=yesterday", "time-malformed"),
        ("newest_first=1", "neither-true-nor-false"),
        ("who=x", "unknown-parameter"),
    ] {
        let problem = get(query).await.problem();
        assert_eq!((problem.0, problem.1.as_str()), (400, code), "{query}");
    }
    jeton.break_store();
    assert_eq!(get("").await.status, 503);
}
