//! `PATCH /v1/refresh-tokens/{id}`, its precondition, and requests that may be repeated.

use super::*;
use http::header::IF_MATCH;
use serde_json::json;

const PATH: &str = "/v1/refresh-tokens";

impl Jeton {
    async fn patch(&self, id: &str, access: &str, json: &str) -> Answer {
        self.call(Method::PATCH, &format!("{PATH}/{id}"), access, json).await
    }

    /// A call under `/v1` with one header more.
    async fn call_under(&self, method: Method, target: &str, access: &str, header: (&str, &str), json: &str) -> Answer {
        let request = Request::builder().method(method).uri(target).header(AUTHORIZATION, format!("Bearer {access}"));
        let request = request.header(CONTENT_TYPE, "application/json").header(header.0, header.1);
        self.send(request.body(Body::from(json.to_owned())).unwrap()).await
    }
}

#[tokio::test]
async fn disabled_at_night_and_enabled_in_the_morning_what_was_out_stays_dead() {
    let jeton = Jeton::start();
    let (admin, leaked) = (jeton.admin(), jeton.tokens(&[]));
    let disabled = jeton.patch(&leaked.id, &admin, r#"{"enabled":false,"note":"may have leaked"}"#).await;
    assert_eq!((disabled.status.as_u16(), disabled.code("state")), (200, "disabled".to_owned()), "{}", disabled.text);
    assert_eq!((disabled.header("etag"), disabled.code("note")), ("\"2\"", "may have leaked".to_owned()));
    assert!(!jeton.is_alive(&leaked.access).await);
    assert_eq!(jeton.exchange(&leaked.refresh).await, Err("invalid_grant".to_owned()));

    let enabled = jeton.patch(&leaked.id, &admin, r#"{"enabled":true}"#).await;
    assert_eq!((enabled.code("state"), enabled.header("etag")), ("active".to_owned(), "\"3\""));
    assert!(!jeton.is_alive(&leaked.access).await);
    let after = jeton.exchange(&leaked.refresh).await.unwrap();
    assert!(jeton.is_alive(&after).await);
}

#[tokio::test]
async fn every_member_is_changed_and_null_takes_away() {
    let jeton = Jeton::start();
    let (admin, tokens) = (jeton.admin(), jeton.tokens(&[]));
    let said = json!({
        "name": "vendor", "expires_at": "2999-01-31T12:00:00Z", "scopes": ["a"], "access_ttl": 60,
        "not_before": "2027-01-31T12:00:00Z", "networks": ["192.0.2.0/24"], "networks_in_access_tokens": true,
        "audiences": ["https://a.example"], "max_exchanges": 100, "may_delegate": true, "rotates_on_use": true,
    });
    let changed = jeton.patch(&tokens.id, &admin, &said.to_string()).await.json();
    for (member, value) in said.as_object().unwrap() {
        assert_eq!(&changed[member], value, "{member}");
    }
    assert_eq!(changed["exchanges_left"], 100);
    let less = r#"{"never":true,"scopes":null,"access_ttl":null,"not_before":null,"networks":null,"audiences":null,"max_exchanges":null}"#;
    let freed = jeton.patch(&tokens.id, &admin, less).await.json();
    for member in ["expires_at", "not_before", "max_exchanges", "exchanges_left"] {
        assert_eq!(freed[member], Value::Null, "{member}");
    }
    assert_eq!((&freed["scopes"], &freed["networks"], &freed["access_ttl"]), (&json!([]), &json!([]), &json!(900)));
    let shown = jeton.call(Method::GET, &format!("{PATH}/{}", tokens.id), &admin, "").await;
    assert_eq!((shown.json(), shown.header("etag")), (freed, "\"3\""));
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_by_field_and_changes_nothing() {
    let jeton = Jeton::start();
    let (admin, tokens) = (jeton.admin(), jeton.tokens(&["jeton:read"]));
    let before = jeton.call(Method::GET, &format!("{PATH}/{}", tokens.id), &admin, "").await.text;
    for (body, code, field) in [
        (r#"{"name":""}"#, "name-empty", "name"),
        (r#"{"name":null}"#, "invalid-member", "name"),
        (r#"{"expires_at":"2020-01-01T00:00:00Z"}"#, "expiry-in-the-past", "expires_at"),
        (r#"{"expires_in":0}"#, "expiry-in-the-past", "expires_in"),
        (r#"{"expires_at":null}"#, "invalid-member", "expires_at"),
        (r#"{"scopes":["jeton:root"]}"#, "scope-unknown", "scopes"),
        (r#"{"access_ttl":0}"#, "access-ttl-out-of-range", "access_ttl"),
        (r#"{"not_before":"2999-01-31T12:00:00Z"}"#, "not-before-out-of-range", "not_before"),
        (r#"{"networks":["10.0.0.1/8"]}"#, "network-malformed", "networks"),
        (r#"{"audiences":["a"]}"#, "audience-malformed", "audiences"),
        (r#"{"max_exchanges":0}"#, "max-exchanges-out-of-range", "max_exchanges"),
        (r#"{"enabled":"no"}"#, "invalid-member", "enabled"),
        (r#"{"owner":"other"}"#, "invalid-member", "owner"),
        (r#"{"parent":null}"#, "invalid-member", "parent"),
        (r#"{"state":"active"}"#, "invalid-member", "state"),
        ("not json", "malformed-json", ""),
    ] {
        let answer = jeton.patch(&tokens.id, &admin, body).await;
        assert_eq!(answer.problem(), (400, code.to_owned(), field.to_owned()), "{body}");
    }
    let note = format!(r#"{{"enabled":false,"note":"{}"}}"#, "n".repeat(501));
    assert_eq!(jeton.patch(&tokens.id, &admin, &note).await.problem().1, "note-too-long");
    assert_eq!(jeton.call(Method::GET, &format!("{PATH}/{}", tokens.id), &admin, "").await.text, before);
    assert_eq!(jeton.patch("0000000000000000000001", &admin, "{}").await.problem().1, "no-such-token");
    jeton.call(Method::DELETE, &format!("{PATH}/{}", tokens.id), &admin, "").await;
    assert_eq!(
        jeton.patch(&tokens.id, &admin, r#"{"enabled":true}"#).await.problem(),
        (409, "ended".to_owned(), String::new())
    );
}

#[tokio::test]
async fn a_change_is_made_for_the_record_that_was_read_or_not_at_all() {
    let jeton = Jeton::start();
    let (admin, tokens) = (jeton.admin(), jeton.tokens(&[]));
    let place = format!("{PATH}/{}", tokens.id);
    let read = jeton.call(Method::GET, &place, &admin, "").await.header("etag").to_owned();
    let rename = async |etag: &str, name: &str| {
        let body = format!(r#"{{"name":"{name}"}}"#);
        jeton.call_under(Method::PATCH, &place, &admin, (IF_MATCH.as_str(), etag), &body).await
    };
    let first = rename(&read, "first").await;
    assert_eq!((first.status.as_u16(), first.header("etag")), (200, "\"2\""));
    for lost in [read.as_str(), "W/\"2\"", "\"other\""] {
        let refused = rename(lost, "second").await;
        assert_eq!(refused.problem(), (412, "generation-differs".to_owned(), String::new()), "{lost}");
    }
    assert_eq!(rename("2", "second").await.problem(), (400, "if-match-malformed".to_owned(), "If-Match".to_owned()));
    assert_eq!(jeton.call(Method::GET, &place, &admin, "").await.code("name"), "first");
    assert_eq!(rename(first.header("etag"), "second").await.status, 200);
    assert_eq!(rename("*", "third").await.header("etag"), "\"4\"");
}

#[tokio::test]
async fn a_repeated_request_makes_nothing_new_and_shows_no_secret() {
    let jeton = Jeton::start();
    let admin = jeton.admin();
    let create = async |key: &str, body: &str| {
        jeton.call_under(Method::POST, PATH, &admin, ("Idempotency-Key", key), body).await
    };
    let first = create("a-key", r#"{"name":"once"}"#).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let again = create("a-key", r#"{"name":"once"}"#).await;
    assert_eq!((again.status.as_u16(), again.code("id")), (200, first.code("id")));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.json().get("token"), None, "it was shown once");
    let other = create("a-key", r#"{"name":"twice"}"#).await;
    assert_eq!(other.problem(), (422, "idempotency-key-reused".to_owned(), "Idempotency-Key".to_owned()));
    let malformed = create("a key", r#"{"name":"once"}"#).await;
    assert_eq!(malformed.problem(), (400, "idempotency-key-malformed".to_owned(), "Idempotency-Key".to_owned()));
    let another = create("another-key", r#"{"name":"once"}"#).await;
    assert_eq!((another.status.as_u16(), another.code("id") == first.code("id")), (201, false));
}

#[tokio::test]
async fn nobody_changes_or_rotates_what_has_a_jeton_scope_that_they_lack() {
    let jeton = Jeton::start();
    let tokens = jeton.tokens(&[]);
    let reader = jeton.tokens(&["jeton:read"]).access;
    for (method, target) in [(Method::PATCH, String::new()), (Method::POST, "/rotate".to_owned())] {
        let answer = jeton.call(method, &format!("{PATH}/{}{target}", tokens.id), &reader, "{}").await;
        assert_eq!(answer.problem(), (403, "insufficient-scope".to_owned(), String::new()));
    }
}
