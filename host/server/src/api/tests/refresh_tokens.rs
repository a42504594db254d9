//! Refresh tokens under `/v1`.

use super::*;
use serde_json::json;

const PATH: &str = "/v1/refresh-tokens";
const RECORD: [&str; 25] = [
    "access_ttl",
    "audiences",
    "created_at",
    "created_by",
    "depth",
    "exchange_count",
    "exchanges_left",
    "expires_at",
    "generation",
    "id",
    "last_used_at",
    "last_used_certain",
    "last_used_from",
    "max_exchanges",
    "may_delegate",
    "name",
    "networks",
    "networks_in_access_tokens",
    "not_before",
    "owner",
    "parent",
    "rotates_on_use",
    "scopes",
    "state",
    "superseded_until",
];

async fn create(jeton: &Jeton, access: &str, json: &str) -> Answer {
    let answer = jeton.call(Method::POST, PATH, access, json).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer
}

async fn count(jeton: &Jeton, access: &str) -> usize {
    jeton.call(Method::GET, &format!("{PATH}?limit=1000"), access, "").await.json()["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_token_is_created_shown_once_and_used() {
    let jeton = Jeton::start();
    let tokens = jeton.tokens(&["jeton:admin"]);
    let body = r#"{"name":"nightly job","scopes":["reports"],"owner":"ops@example","access_ttl":60,"expires_in":3600}"#;
    let created = create(&jeton, &tokens.access, body).await;
    assert_eq!(created.header("cache-control"), "no-store");
    let mut members = RECORD.map(str::to_owned).to_vec();
    members.push("token".to_owned());
    members.sort();
    assert_eq!(created.members(), members);
    let said = created.json();
    assert_eq!((said["name"].as_str(), said["state"].as_str()), (Some("nightly job"), Some("active")));
    assert_eq!((said["owner"].as_str(), said["access_ttl"].as_u64()), (Some("ops@example"), Some(60)));
    assert_eq!((said["created_by"].as_str(), &said["parent"]), (Some(&*tokens.id), &Value::Null));
    assert!(said["created_at"].as_str().unwrap().ends_with('Z'));

    let place = created.header("location").to_owned();
    assert_eq!(place, format!("{PATH}/{}", created.code("id")));
    let shown = jeton.call(Method::GET, &place, &tokens.access, "").await;
    assert_eq!(shown.members(), RECORD);
    assert_eq!(shown.header("etag"), created.header("etag"));
    assert!(shown.header("etag").starts_with('"'));
    let secret = created.code("token");
    for path in [place.as_str(), PATH] {
        assert!(!jeton.call(Method::GET, path, &tokens.access, "").await.text.contains(&secret));
    }
    assert!(jeton.exchange(&secret).await.is_ok());
}

#[tokio::test]
async fn expiries_are_ninety_days_unless_something_else_is_said() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let days = |answer: &Answer| {
        let seconds = |member: &str| crate::api::time::from_rfc3339(&answer.code(member)).unwrap();
        (seconds("expires_at") - seconds("created_at")) / 86_400
    };
    assert_eq!(days(&create(&jeton, &admin, r#"{"name":"n"}"#).await), 90);
    assert_eq!(days(&create(&jeton, &admin, r#"{"name":"n","expires_in":864000}"#).await), 10);
    assert_eq!(create(&jeton, &admin, r#"{"name":"n","never":true}"#).await.json()["expires_at"], Value::Null);
    let at = create(&jeton, &admin, r#"{"name":"n","expires_at":"9999-12-31T23:59:59Z"}"#).await;
    assert_eq!(at.code("expires_at"), "9999-12-31T23:59:59Z");
    let at = create(&jeton, &admin, r#"{"name":"n","expires_at":"2999-12-31T23:59:59.5-01:00"}"#).await;
    assert_eq!(at.code("expires_at"), "3000-01-01T00:59:59Z");
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_by_field_and_makes_nothing() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let before = count(&jeton, &admin).await;
    let long_name = format!(r#"{{"name":"{}"}}"#, "n".repeat(201));
    let many_scopes: Vec<String> = (0..65).map(|number| format!("\"s{number}\"")).collect();
    let many_scopes = format!(r#"{{"name":"n","scopes":[{}]}}"#, many_scopes.join(","));
    let long_scopes: Vec<String> = (0..10).map(|number| format!("\"{number}{}\"", "s".repeat(120))).collect();
    let long_scopes = format!(r#"{{"name":"n","scopes":[{}]}}"#, long_scopes.join(","));
    for (body, code, field) in [
        (r#"{}"#, "invalid-member", "name"),
        (r#"{"name":""}"#, "name-empty", "name"),
        (&*long_name, "name-too-long", "name"),
        (r#"{"name":"a\u0000b"}"#, "name-has-control-character", "name"),
        (r#"{"name":" n"}"#, "name-has-outer-space", "name"),
        (r#"{"name":7}"#, "invalid-member", "name"),
        (r#"{"name":"n","name":"n"}"#, "invalid-member", "name"),
        (r#"{"name":"n","enabled":true}"#, "invalid-member", "enabled"),
        (r#"{"name":"n","expires_at":"2020-01-01T00:00:00Z"}"#, "expiry-in-the-past", "expires_at"),
        (r#"{"name":"n","expires_at":"1960-01-01T00:00:00Z"}"#, "expiry-in-the-past", "expires_at"),
        (r#"{"name":"n","expires_at":"10000-01-01T00:00:00Z"}"#, "invalid-member", "expires_at"),
        (r#"{"name":"n","expires_at":"9999-12-31T23:59:59-01:00"}"#, "expiry-out-of-range", "expires_at"),
        (r#"{"name":"n","expires_at":"soon"}"#, "invalid-member", "expires_at"),
        (r#"{"name":"n","expires_at":null}"#, "invalid-member", "expires_at"),
        (r#"{"name":"n","expires_in":0}"#, "expiry-in-the-past", "expires_in"),
        (r#"{"name":"n","expires_in":18446744073709551615}"#, "expiry-out-of-range", "expires_in"),
        (r#"{"name":"n","expires_in":-1}"#, "invalid-member", "expires_in"),
        (r#"{"name":"n","expires_in":60,"never":true}"#, "invalid-member", "expires_in"),
        (r#"{"name":"n","never":false}"#, "invalid-member", "never"),
        (&*many_scopes, "too-many-scopes", "scopes"),
        (&*long_scopes, "scopes-too-long", "scopes"),
        (r#"{"name":"n","scopes":["a b"]}"#, "scope-malformed", "scopes"),
        (r#"{"name":"n","scopes":[""]}"#, "scope-malformed", "scopes"),
        (r#"{"name":"n","scopes":["jeton:root"]}"#, "scope-unknown", "scopes"),
        (r#"{"name":"n","scopes":"a"}"#, "invalid-member", "scopes"),
        (r#"{"name":"n","parent":"x"}"#, "parent-malformed", "parent"),
        (r#"{"name":"n","parent":"0000000000000000000001"}"#, "parent-not-found", "parent"),
        (r#"{"name":"n","owner":""}"#, "owner-malformed", "owner"),
        (r#"{"name":"n","owner":"a b"}"#, "owner-malformed", "owner"),
        (r#"{"name":"n","owner":"0000000000000000000001"}"#, "owner-malformed", "owner"),
        (r#"{"name":"n","access_ttl":0}"#, "access-ttl-out-of-range", "access_ttl"),
        (r#"{"name":"n","access_ttl":86401}"#, "access-ttl-out-of-range", "access_ttl"),
        (
            r#"{"name":"n","expires_in":60,"not_before":"2999-01-31T12:00:00Z"}"#,
            "not-before-out-of-range",
            "not_before",
        ),
        (r#"{"name":"n","networks":["192.0.2.1/24"]}"#, "network-malformed", "networks"),
        (r#"{"name":"n","networks":["::ffff:192.0.2.0/120"]}"#, "network-malformed", "networks"),
        (r#"{"name":"n","audiences":["reports"]}"#, "audience-malformed", "audiences"),
        (r#"{"name":"n","max_exchanges":0}"#, "max-exchanges-out-of-range", "max_exchanges"),
        (r#"{"name":"n","rotates_on_use":"yes"}"#, "invalid-member", "rotates_on_use"),
        ("not json", "malformed-json", ""),
        (r#"["name"]"#, "malformed-json", ""),
    ] {
        let answer = jeton.call(Method::POST, PATH, &admin, body).await;
        assert_eq!(answer.problem(), (400, code.to_owned(), field.to_owned()), "{body}");
    }
    assert_eq!(count(&jeton, &admin).await, before);
}

#[tokio::test]
async fn a_body_must_be_declared_bounded_and_text() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let send = async |content_type: &str, body: Vec<u8>| {
        let request = Request::post(PATH).header(AUTHORIZATION, format!("Bearer {admin}"));
        let request = if content_type.is_empty() { request } else { request.header(CONTENT_TYPE, content_type) };
        jeton.send(request.body(Body::from(body)).unwrap()).await.problem()
    };
    let good = br#"{"name":"n"}"#.to_vec();
    for content_type in ["", "text/plain", FORM, "application/problem+json"] {
        assert_eq!(send(content_type, good.clone()).await.0, 415, "{content_type}");
    }
    assert_eq!(send("application/json", b"{\"name\":\"\xff\"}".to_vec()).await.1, "malformed-json");
    assert_eq!(send("application/json", Vec::new()).await.1, "malformed-json");
    let padded = format!("{{\"name\":\"n\"{}}}", " ".repeat(64 * 1024));
    assert_eq!(send("application/json", padded.into_bytes()).await.0, 413);
}

#[tokio::test]
async fn a_child_is_no_more_than_its_parent_and_dies_with_it() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let parent = create(&jeton, &admin, r#"{"name":"parent","scopes":["a","b"],"expires_in":3600}"#).await.code("id");
    let below = |rest: &str| format!(r#"{{"name":"child","parent":"{parent}"{rest}}}"#);
    for (rest, code) in [
        (r#","scopes":["c"]"#, "scope-beyond-parent"),
        (r#","expires_in":7200"#, "expiry-beyond-parent"),
        (r#","never":true"#, "expiry-beyond-parent"),
    ] {
        assert_eq!(jeton.call(Method::POST, PATH, &admin, below(rest)).await.problem().1, code);
    }
    let child = create(&jeton, &admin, &below(r#","scopes":["a"]"#)).await;
    let access = jeton.exchange(&child.code("token")).await.unwrap();
    assert!(jeton.is_alive(&access).await);
    assert_eq!(jeton.call(Method::DELETE, &format!("{PATH}/{parent}"), &admin, "").await.status, 204);
    assert!(!jeton.is_alive(&access).await);
    assert_eq!(jeton.exchange(&child.code("token")).await, Err("invalid_grant".to_owned()));
    let shown = jeton.call(Method::GET, child.header("location"), &admin, "").await;
    assert_eq!((shown.code("state"), shown.code("reason")), ("deleted".to_owned(), "parent-ended".to_owned()));
    assert_eq!(
        jeton.call(Method::POST, PATH, &admin, below("")).await.problem(),
        (409, "parent-ended".to_owned(), "parent".to_owned())
    );
}

#[tokio::test]
async fn a_token_is_deleted_with_a_reason_and_the_second_time_nothing_changes() {
    let jeton = Jeton::start();
    let admin = jeton.tokens(&["jeton:admin"]);
    let tokens = jeton.tokens(&[]);
    let place = format!("{PATH}/{}", tokens.id);
    for query in
        ["?reason=expired", "?reason=revoked-by-holder", "?reason=a&reason=b", "?why=x", "?note=%00", "?note=%zz"]
    {
        assert_eq!(
            jeton.call(Method::DELETE, &format!("{place}{query}"), &admin.access, "").await.problem().0,
            400,
            "{query}"
        );
    }
    let long = jeton.call(Method::DELETE, &format!("{place}?note={}", "n".repeat(501)), &admin.access, "").await;
    assert_eq!(long.problem(), (400, "note-too-long".to_owned(), "note".to_owned()));
    assert!(jeton.is_alive(&tokens.access).await);

    let deleted =
        jeton.call(Method::DELETE, &format!("{place}?reason=compromised&note=in+a+log"), &admin.access, "").await;
    assert_eq!((deleted.status.as_u16(), deleted.text.as_str()), (204, ""));
    assert!(!jeton.is_alive(&tokens.access).await);
    let first = jeton.call(Method::GET, &place, &admin.access, "").await;
    assert_eq!((first.code("reason"), first.code("note")), ("compromised".to_owned(), "in a log".to_owned()));
    assert_eq!((first.code("state"), first.code("ended_by")), ("deleted".to_owned(), admin.id.clone()));
    assert!(first.code("ended_at").ends_with('Z'));
    assert_eq!(jeton.call(Method::DELETE, &format!("{place}?reason=unused"), &admin.access, "").await.status, 204);
    assert_eq!(jeton.call(Method::GET, &place, &admin.access, "").await.text, first.text);
}

#[tokio::test]
async fn what_names_no_token_is_not_found() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    for id in ["0000000000000000000001", "x", "%00", "%ff", "%2F", "..", "jtn_rt_x"] {
        for method in [Method::GET, Method::DELETE] {
            let answer = jeton.call(method, &format!("{PATH}/{id}"), &admin, "").await;
            assert_eq!(answer.problem(), (404, "no-such-token".to_owned(), String::new()), "{id}");
        }
    }
}

#[tokio::test]
async fn a_batch_answers_for_each_id_in_order() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let (one, two) = (jeton.tokens(&[]), jeton.tokens(&[]));
    jeton.call(Method::DELETE, &format!("{PATH}/{}", two.id), &admin, "").await;
    let ids = [&*one.id, "0000000000000000000001", &*two.id, "malformed", &*one.id, ""];
    let body = json!({ "ids": ids, "reason": "owner-left", "note": "gone" }).to_string();
    let answer = jeton.call(Method::POST, &format!("{PATH}/delete"), &admin, body).await;
    assert_eq!(answer.members(), ["results"]);
    let results: Vec<(String, String)> = answer.json()["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| (result["id"].as_str().unwrap().to_owned(), result["result"].as_str().unwrap().to_owned()))
        .collect();
    let words = ["deleted", "not-found", "already-deleted", "not-found", "already-deleted", "not-found"];
    let expected: Vec<(String, String)> =
        ids.iter().zip(words).map(|(id, word)| ((*id).to_owned(), word.to_owned())).collect();
    assert_eq!(results, expected);
    assert!(!jeton.is_alive(&one.access).await);
    let shown = jeton.call(Method::GET, &format!("{PATH}/{}", one.id), &admin, "").await;
    assert_eq!((shown.code("reason"), shown.code("note")), ("owner-left".to_owned(), "gone".to_owned()));

    let many = |number: usize| json!({ "ids": vec!["0000000000000000000001"; number] }).to_string();
    assert_eq!(jeton.call(Method::POST, &format!("{PATH}/delete"), &admin, many(1000)).await.status, 200);
    let too_many = jeton.call(Method::POST, &format!("{PATH}/delete"), &admin, many(1001)).await;
    assert_eq!(too_many.problem(), (400, "too-many".to_owned(), "ids".to_owned()));
    for (body, field) in [
        (r#"{}"#, "ids"),
        (r#"{"ids":"x"}"#, "ids"),
        (r#"{"ids":[],"reason":"x"}"#, "reason"),
        (r#"{"ids":[],"all":true}"#, "all"),
    ] {
        let answer = jeton.call(Method::POST, &format!("{PATH}/delete"), &admin, body).await;
        assert_eq!(answer.problem(), (400, "invalid-member".to_owned(), field.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    for number in 0..5 {
        create(&jeton, &admin, &format!(r#"{{"name":"job {number}","owner":"ops"}}"#)).await;
    }
    let deleted = jeton.tokens(&[]).id;
    jeton.call(Method::DELETE, &format!("{PATH}/{deleted}"), &admin, "").await;
    let list = async |query: &str| jeton.call(Method::GET, &format!("{PATH}?{query}"), &admin, "").await;
    let names = |page: &Answer| -> Vec<String> {
        page.json()["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = list("").await;
    assert_eq!(all.members(), ["items", "next"]);
    assert_eq!((names(&all).len(), &all.json()["next"]), (7, &Value::Null));
    assert_eq!(names(&list("name=job").await), ["job 0", "job 1", "job 2", "job 3", "job 4"]);
    assert_eq!(names(&list("owner=ops").await).len(), 5);
    let dead = list("state=deleted").await.json();
    assert_eq!(dead["items"][0]["id"], *deleted);
    assert_eq!(dead["items"][0]["reason"], "deleted");

    let mut seen = Vec::new();
    let mut query = "owner=ops&limit=2".to_owned();
    loop {
        let page = list(&query).await;
        seen.extend(names(&page));
        let Some(next) = page.json()["next"].as_str().map(str::to_owned) else { break };
        query = format!("owner=ops&limit=2&cursor={next}");
    }
    // Newest first, and those of one second in any order: each of them once.
    seen.sort();
    assert_eq!(seen, ["job 0", "job 1", "job 2", "job 3", "job 4"]);
}

#[tokio::test]
async fn a_query_that_breaks_a_rule_is_refused_by_field() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    for _ in 0..3 {
        create(&jeton, &admin, r#"{"name":"n"}"#).await;
    }
    let first = jeton.call(Method::GET, &format!("{PATH}?limit=2"), &admin, "").await;
    let cursor = first.code("next");
    let tampered = format!("{}{}", &cursor[..cursor.len() - 1], if cursor.ends_with('A') { 'Q' } else { 'A' });
    for (query, code, field) in [
        ("limit=0".to_owned(), "limit-out-of-range", "limit"),
        ("limit=1001".to_owned(), "limit-out-of-range", "limit"),
        ("limit=x".to_owned(), "limit-out-of-range", "limit"),
        ("state=alive".to_owned(), "state-unknown", "state"),
        ("owner=a+b".to_owned(), "owner-malformed", "owner"),
        (format!("name={}", "n".repeat(201)), "name-too-long", "name"),
        (format!("name_contains={}", "n".repeat(201)), "name-too-long", "name_contains"),
        (format!("name=n&name_contains={}", "n".repeat(201)), "name-too-long", "name_contains"),
        ("parent=p".to_owned(), "parent-malformed", "parent"),
        ("sort=age".to_owned(), "sort-unknown", "sort"),
        ("never_used=yes".to_owned(), "neither-true-nor-false", "never_used"),
        ("created_from=today".to_owned(), "time-malformed", "created_from"),
        ("expires_until=2027-01-31".to_owned(), "time-malformed", "expires_until"),
        ("last_used_from=1".to_owned(), "time-malformed", "last_used_from"),
        ("cursor=x".to_owned(), "cursor-invalid", "cursor"),
        (format!("limit=2&sort=created&cursor={cursor}"), "cursor-invalid", "cursor"),
        (format!("limit=2&cursor={tampered}"), "cursor-invalid", "cursor"),
        (format!("limit=2&state=active&cursor={cursor}"), "cursor-invalid", "cursor"),
        ("limit=1&limit=1".to_owned(), "malformed-query", "limit"),
        ("name=%zz".to_owned(), "malformed-query", "query"),
        ("colour=red".to_owned(), "unknown-parameter", "query"),
    ] {
        let answer = jeton.call(Method::GET, &format!("{PATH}?{query}"), &admin, "").await;
        assert_eq!(answer.problem(), (400, code.to_owned(), field.to_owned()), "{query}");
    }
    assert_eq!(jeton.call(Method::GET, &format!("{PATH}?limit=2&cursor={cursor}"), &admin, "").await.status, 200);
}

#[tokio::test]
async fn lists_are_sorted_and_found_by_everything() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let made = async |json: &str| create(&jeton, &admin, json).await.code("id");
    let parent = made(r#"{"name":"Parent","expires_in":1000}"#).await;
    made(&format!(r#"{{"name":"child","expires_in":500,"parent":"{parent}"}}"#)).await;
    made(r#"{"name":"eternal","never":true}"#).await;
    let names = async |query: &str| -> Vec<String> {
        let page = jeton.call(Method::GET, &format!("{PATH}?{query}"), &admin, "").await.json();
        page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("sort=name").await, ["Parent", "child", "eternal", "made by a test"]);
    assert_eq!(names("sort=-name").await, ["made by a test", "eternal", "child", "Parent"]);
    assert_eq!(names("sort=expires").await, ["child", "Parent", "made by a test", "eternal"]);
    assert_eq!(names("sort=-expires&limit=1").await, ["eternal"]);
    assert_eq!(names("name_contains=PAR").await, ["Parent"]);
    assert_eq!(names(&format!("parent={parent}")).await, ["child"]);
    assert_eq!(names("expires_from=1970-01-01T00:00:00Z").await, ["child", "Parent", "made by a test"]);
    assert_eq!(names("created_until=1970-01-01T00:00:01Z").await, Vec::<String>::new());
    assert_eq!(names("last_used_from=1970-01-01T00:00:00Z").await, Vec::<String>::new());
    assert_eq!(names("never_used=true").await.len(), 4);
}
