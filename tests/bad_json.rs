//! JSON, queries and cursors that are wrong: the answer names the member and the rule, and nothing changes.

use serde_json::{Value, json};

use crate::story::open;
use crate::support::http::{Answer, Request};

/// RFC 9457, with the code and the members that break a rule.
fn assert_problem(answer: &Answer, status: u16, code: &str, fields: &[&str], case: &str) {
    let body = answer.json();
    assert_eq!((answer.status, body["code"].as_str()), (status, Some(code)), "{case}: {body}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{case}");
    assert_eq!(body["status"], status, "{case}");
    assert!(
        ["type", "title", "detail"].iter().all(|member| body[member].as_str().is_some_and(|text| text.len() > 5)),
        "{case}: {body}"
    );
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    let named: Vec<&str> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(named, fields, "{case}: {body}");
}

#[test]
fn a_creation_that_breaks_a_rule_is_refused_by_name() {
    let (_place, server, administrator) = open();
    let before = administrator.everything(&server);
    let long = "n".repeat(201);
    let scopes: Vec<String> = (0..65).map(|number| format!("s{number}")).collect();
    let cases: Vec<(Value, u16, &str, &[&str])> = vec![
        (json!({}), 400, "invalid-member", &["name"]),
        (json!({ "name": "" }), 400, "name-empty", &["name"]),
        (json!({ "name": long }), 400, "name-too-long", &["name"]),
        (json!({ "name": "line\nfeed" }), 400, "name-has-control-character", &["name"]),
        (json!({ "name": " padded" }), 400, "name-has-outer-space", &["name"]),
        (json!({ "name": 7 }), 400, "invalid-member", &["name"]),
        (json!({ "name": null }), 400, "invalid-member", &["name"]),
        (json!({ "name": "n", "colour": "red" }), 400, "invalid-member", &["colour"]),
        (json!({ "name": "n", "id": "0000000000000000000000" }), 400, "invalid-member", &["id"]),
        (json!({ "name": "n", "expires_at": "2020-01-31T12:00:00Z" }), 400, "expiry-in-the-past", &["expires_at"]),
        (json!({ "name": "n", "expires_in": 0 }), 400, "expiry-in-the-past", &["expires_in"]),
        (json!({ "name": "n", "expires_at": "tomorrow" }), 400, "invalid-member", &["expires_at"]),
        (json!({ "name": "n", "expires_at": "2027-02-30T12:00:00Z" }), 400, "invalid-member", &["expires_at"]),
        (json!({ "name": "n", "expires_at": "10000-01-01T00:00:00Z" }), 400, "invalid-member", &["expires_at"]),
        (json!({ "name": "n", "expires_at": 1_800_000_000 }), 400, "invalid-member", &["expires_at"]),
        (json!({ "name": "n", "expires_in": -5 }), 400, "invalid-member", &["expires_in"]),
        (json!({ "name": "n", "expires_in": 1.5 }), 400, "invalid-member", &["expires_in"]),
        (json!({ "name": "n", "expires_in": "90d" }), 400, "invalid-member", &["expires_in"]),
        (json!({ "name": "n", "expires_in": u64::MAX }), 400, "expiry-out-of-range", &["expires_in"]),
        (json!({ "name": "n", "expires_in": 300_000_000_000_u64 }), 400, "expiry-out-of-range", &["expires_in"]),
        (json!({ "name": "n", "never": true, "expires_in": 60 }), 400, "invalid-member", &["expires_in", "never"]),
        (json!({ "name": "n", "never": false }), 400, "invalid-member", &["never"]),
        (json!({ "name": "n", "scopes": "a b" }), 400, "invalid-member", &["scopes"]),
        (json!({ "name": "n", "scopes": ["a", 1] }), 400, "invalid-member", &["scopes"]),
        (json!({ "name": "n", "scopes": ["a b"] }), 400, "scope-malformed", &["scopes"]),
        (json!({ "name": "n", "scopes": [""] }), 400, "scope-malformed", &["scopes"]),
        (json!({ "name": "n", "scopes": ["s".repeat(129)] }), 400, "scope-malformed", &["scopes"]),
        (json!({ "name": "n", "scopes": scopes }), 400, "too-many-scopes", &["scopes"]),
        (json!({ "name": "n", "scopes": ["jeton:everything"] }), 400, "scope-unknown", &["scopes"]),
        (json!({ "name": "n", "parent": "short" }), 400, "parent-malformed", &["parent"]),
        (json!({ "name": "n", "parent": "0000000000000000000000" }), 400, "parent-not-found", &["parent"]),
        (json!({ "name": "n", "owner": "" }), 400, "owner-malformed", &["owner"]),
        (json!({ "name": "n", "owner": "0000000000000000000000" }), 400, "owner-malformed", &["owner"]),
        (json!({ "name": "n", "access_ttl": 0 }), 400, "access-ttl-out-of-range", &["access_ttl"]),
        (json!({ "name": "n", "access_ttl": 86_401 }), 400, "access-ttl-out-of-range", &["access_ttl"]),
        (json!({ "name": "n", "networks": ["192.0.2.1/24"] }), 400, "network-malformed", &["networks"]),
        (json!({ "name": "n", "networks": ["::ffff:192.0.2.0/120"] }), 400, "network-malformed", &["networks"]),
        (json!({ "name": "n", "audiences": ["not a URI"] }), 400, "audience-malformed", &["audiences"]),
        (json!({ "name": "n", "max_exchanges": 0 }), 400, "max-exchanges-out-of-range", &["max_exchanges"]),
        (json!({ "name": "n", "max_exchanges": 1.5 }), 400, "invalid-member", &["max_exchanges"]),
        (json!({ "name": "n", "not_before": "2999-01-01T00:00:00Z" }), 400, "not-before-out-of-range", &["not_before"]),
    ];
    for (body, status, code, fields) in cases {
        let answer = administrator.send(&server, Request::json("POST", "/v1/refresh-tokens", &body));
        assert_problem(&answer, status, code, fields, &body.to_string());
    }
    assert_eq!(administrator.everything(&server), before);
}

#[test]
fn a_body_that_is_not_one_json_object_is_refused() {
    let (_place, server, administrator) = open();
    let before = administrator.everything(&server);
    let deep = "[".repeat(10_000);
    let large = format!("{{\"name\":\"{}\"}}", "n".repeat(70_000));
    let post = |body: &[u8]| {
        administrator.send(
            &server,
            Request::new("POST", "/v1/refresh-tokens").header("Content-Type", "application/json").body(body),
        )
    };
    for body in [
        &b""[..],
        b"null",
        b"[]",
        b"{",
        b"{\"name\":\"n\"}{",
        b"{\"name\":\"\xff\"}",
        b"{name:\"n\"}",
        b"\0",
        deep.as_bytes(),
    ] {
        assert_problem(&post(body), 400, "malformed-json", &[], &String::from_utf8_lossy(&body[..body.len().min(20)]));
    }
    assert_problem(&post(b"{\"name\":\"a\",\"name\":\"b\"}"), 400, "invalid-member", &["name"], "a repeated member");
    assert_problem(&post(large.as_bytes()), 413, "body-too-large", &[], "beyond 64 KiB");
    for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let request =
            Request::new("POST", "/v1/refresh-tokens").header("Content-Type", content_type).body(b"{\"name\":\"n\"}");
        assert_problem(&administrator.send(&server, request), 415, "not-declared-as-json", &[], content_type);
    }
    assert_eq!(administrator.everything(&server), before);
}

#[test]
fn a_query_or_cursor_that_was_tampered_with_is_refused() {
    let (_place, server, administrator) = open();
    for number in 0..3 {
        administrator.create_named(&server, &format!("job {number}"));
    }
    let page = administrator.send(&server, Request::get("/v1/refresh-tokens?limit=2")).expect(200).json();
    let cursor = page["next"].as_str().unwrap();
    let get = |query: &str| administrator.send(&server, Request::get(&format!("/v1/refresh-tokens?{query}")));
    get(&format!("limit=2&cursor={cursor}")).expect(200);
    let mut tampered: Vec<String> = (0..cursor.len())
        .map(|at| {
            let replacement = if &cursor[at..=at] == "A" { "B" } else { "A" };
            format!("{}{replacement}{}", &cursor[..at], &cursor[at + 1..])
        })
        .collect();
    tampered.extend([
        cursor[1..].to_owned(),
        format!("{cursor}A"),
        format!("{cursor}="),
        "x".to_owned(),
        "A".repeat(5000),
    ]);
    for cursor in &tampered {
        assert_problem(&get(&format!("limit=2&cursor={cursor}")), 400, "cursor-invalid", &["cursor"], cursor);
    }
    assert_problem(
        &get(&format!("limit=2&state=active&cursor={cursor}")),
        400,
        "cursor-invalid",
        &["cursor"],
        "of another query",
    );
    for (query, code, field) in [
        ("limit=0", "limit-out-of-range", "limit"),
        ("limit=1001", "limit-out-of-range", "limit"),
        ("limit=-1", "limit-out-of-range", "limit"),
        ("limit=ten", "limit-out-of-range", "limit"),
        ("limit=99999999999999999999", "limit-out-of-range", "limit"),
        ("state=asleep", "state-unknown", "state"),
    ] {
        assert_problem(&get(query), 400, code, &[field], query);
    }
    assert_eq!(get("name=%zz").status, 400);
    assert_eq!(get("nam=x").status, 400);
}

#[test]
fn other_calls_refuse_what_breaks_a_rule() {
    let (_place, server, administrator) = open();
    let made = administrator.create_named(&server, "kept");
    let before = administrator.everything(&server);
    let many: Vec<String> = (0..1001).map(|_| "0000000000000000000000".to_owned()).collect();
    for (method, target, body, status, code, fields) in [
        ("POST", "/v1/refresh-tokens/delete", json!({}), 400, "invalid-member", &["ids"][..]),
        ("POST", "/v1/refresh-tokens/delete", json!({ "ids": made.id }), 400, "invalid-member", &["ids"]),
        ("POST", "/v1/refresh-tokens/delete", json!({ "ids": many }), 400, "too-many", &["ids"]),
        (
            "PATCH",
            "/v1/settings",
            json!({ "access_token_expiration": 0 }),
            400,
            "access-token-expiration-out-of-range",
            &["access_token_expiration"],
        ),
        (
            "PATCH",
            "/v1/settings",
            json!({ "access_token_expiration": 86_401 }),
            400,
            "access-token-expiration-out-of-range",
            &["access_token_expiration"],
        ),
        (
            "PATCH",
            "/v1/settings",
            json!({ "refresh_token_expiration": 0 }),
            400,
            "refresh-token-expiration-out-of-range",
            &["refresh_token_expiration"],
        ),
        (
            "PATCH",
            "/v1/settings",
            json!({ "access_token_expiration": "900" }),
            400,
            "invalid-member",
            &["access_token_expiration"],
        ),
        ("PATCH", "/v1/settings", json!({ "speed": 1 }), 400, "invalid-member", &["speed"]),
        ("POST", "/v1/epoch/advance", json!({ "to": 7 }), 400, "invalid-member", &["to"]),
    ] {
        let answer = administrator.send(&server, Request::json(method, target, &body));
        assert_problem(&answer, status, code, fields, &format!("{method} {target}"));
    }
    let delete =
        |target: &str| administrator.send(&server, Request::new("DELETE", &format!("/v1/refresh-tokens/{target}")));
    let long = "n".repeat(501);
    assert_problem(&delete(&format!("{}?reason=boredom", made.id)), 400, "reason-unknown", &["reason"], "reason");
    assert_problem(&delete(&format!("{}?note={long}", made.id)), 400, "note-too-long", &["note"], "note");
    assert_problem(&delete(&format!("{}?note=a%0Ab", made.id)), 400, "note-has-control-character", &["note"], "note");
    assert_problem(&delete("0000000000000000000000"), 404, "no-such-token", &[], "unknown");
    assert_problem(&delete("nonsense"), 404, "no-such-token", &[], "no id at all");
    assert_problem(&delete("%ff"), 404, "no-such-token", &[], "no text");
    assert_eq!(administrator.everything(&server), before);
}

#[test]
fn nobody_does_what_their_scopes_do_not_say() {
    let (_place, server, administrator) = open();
    let reader = administrator.create(&server, &json!({ "name": "reader", "scopes": ["jeton:read"] }));
    let nobody = administrator.create_named(&server, "nobody");
    let before = administrator.everything(&server);
    let (reader, nobody) = (server.access_token(&reader.token), server.access_token(&nobody.token));
    let create = Request::json("POST", "/v1/refresh-tokens", &json!({ "name": "n" }));
    assert_problem(&server.send(create.clone()), 401, "token-missing", &[], "nothing shown");
    assert_problem(&server.send(create.clone().bearer("no.such.token")), 401, "invalid-token", &[], "no token");
    assert_problem(&server.send(create.clone().bearer(&reader)), 403, "insufficient-scope", &[], "a reader creates");
    assert_problem(&server.send(create.bearer(&nobody)), 403, "insufficient-scope", &[], "nobody creates");
    assert_problem(
        &server.send(Request::get("/v1/refresh-tokens").bearer(&nobody)),
        403,
        "insufficient-scope",
        &[],
        "nobody reads",
    );
    server.send(Request::get("/v1/refresh-tokens").bearer(&reader)).expect(200);
    for (method, target) in [
        ("POST", "/v1/epoch/advance"),
        ("PATCH", "/v1/settings"),
        ("POST", "/v1/refresh-tokens/delete"),
        ("DELETE", "/v1/refresh-tokens/x"),
    ] {
        server.send(Request::json(method, target, &json!({})).bearer(&reader)).expect(403);
    }
    let about = Request::form("/oauth2/introspect", &format!("token={nobody}")).bearer(&reader);
    assert_eq!(server.send(about).status, 403, "reading is not introspecting");
    assert_eq!(administrator.everything(&server), before);
}
