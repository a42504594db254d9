//! Forms that are wrong: each gets its documented answer and changes nothing.

use serde_json::Value;

use crate::story::open;
use crate::support::http::{Answer, Request};

/// The form endpoints that take a token, and the parameter that it stands in.
const ENDPOINTS: [(&str, &str); 4] = [
    ("/oauth2/token", "refresh_token"),
    ("/iwc/api/security/oauth/token", "refresh_token"),
    ("/oauth2/revoke", "token"),
    ("/oauth2/introspect", "token"),
];

/// RFC 6749 section 5.2: the code, with a sentence for the client's log, that nobody may keep.
fn assert_error(answer: &Answer, status: u16, code: &str, case: &str) {
    let body = answer.json();
    assert_eq!((answer.status, body["error"].as_str()), (status, Some(code)), "{case}: {body}");
    let sentence = body["error_description"].as_str().unwrap_or_default();
    assert!(sentence.len() > 10 && !sentence.contains(['"', '\\']), "{case}: {body}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{case}");
}

#[test]
fn a_form_whose_parameters_are_missing_or_repeated_is_an_invalid_request() {
    let (_place, server, administrator) = open();
    let good = administrator.create_named(&server, "good").token;
    let before = administrator.everything(&server);
    let other_grant = |grant: &str| format!("grant_type={grant}&refresh_token={good}");
    for path in ["/oauth2/token", "/iwc/api/security/oauth/token"] {
        for fields in [
            String::new(),
            "grant_type=refresh_token".to_owned(),
            format!("refresh_token={good}"),
            "grant_type=refresh_token&refresh_token=".to_owned(),
            format!("grant_type=&refresh_token={good}"),
            format!("grant_type=refresh_token&refresh_token={good}&refresh_token={good}"),
            format!("grant_type=refresh_token&grant_type=refresh_token&refresh_token={good}"),
            format!("grant_type=refresh_token&refresh_token={good}&scope=a&scope=a"),
            format!("grant_type=refresh_token&refresh_token={good}&refresh%5Ftoken={good}"),
        ] {
            assert_error(&server.send(Request::form(path, &fields)), 400, "invalid_request", &fields);
        }
        for grant in ["password", "client_credentials", "REFRESH_TOKEN", "refresh_token%20"] {
            assert_error(&server.send(Request::form(path, &other_grant(grant))), 400, "unsupported_grant_type", grant);
        }
        for scope in ["wider", "jeton:admin", "a++b", "%22", "a%09b", &"s".repeat(2000)] {
            let fields = format!("grant_type=refresh_token&refresh_token={good}&scope={scope}");
            assert_error(&server.send(Request::form(path, &fields)), 400, "invalid_scope", scope);
        }
    }
    assert_eq!(administrator.everything(&server), before);
}

#[test]
fn a_form_that_is_no_text_or_too_large_is_an_invalid_request_everywhere() {
    let (_place, server, administrator) = open();
    let good = administrator.create_named(&server, "good").token;
    let before = administrator.everything(&server);
    for (path, parameter) in ENDPOINTS {
        let send = |fields: &[u8]| administrator.send(&server, Request::form(path, "").body(fields));
        let field = |value: &str| format!("grant_type=refresh_token&{parameter}={value}").into_bytes();
        let cases = [
            ("percent-broken", field(&format!("{good}%"))),
            ("half an escape", field(&format!("{good}%4"))),
            ("no hexadecimal", field(&format!("%zz{good}"))),
            ("broken elsewhere", [field(&good), b"&other=%G1".to_vec()].concat()),
            ("an escaped NUL", field(&format!("{good}%00"))),
            ("a NUL", field(&format!("{good}\0"))),
            ("escapes that are no UTF-8", field("%ff%fe")),
            ("bytes that are no UTF-8", [field(""), vec![0xff, 0xfe]].concat()),
            ("a token beyond 8 KiB", field(&"t".repeat(8 * 1024 + 1))),
            ("a body beyond 64 KiB", field(&"t".repeat(64 * 1024))),
        ];
        for (case, body) in cases {
            assert_error(&send(&body), 400, "invalid_request", &format!("{path}: {case}"));
        }
    }
    assert_eq!(administrator.everything(&server), before);
    server.exchange(&good).expect(200);
}

#[test]
fn parameters_in_the_wrong_place_or_under_another_content_type_are_an_invalid_request() {
    let (_place, server, administrator) = open();
    let good = administrator.create_named(&server, "good").token;
    let before = administrator.everything(&server);
    for (path, parameter) in ENDPOINTS {
        let fields = format!("grant_type=refresh_token&{parameter}={good}");
        let json = serde_json::json!({ "grant_type": "refresh_token", parameter: good });
        for (case, request) in [
            ("in the query", Request::form(&format!("{path}?{fields}"), "")),
            ("in both", Request::form(&format!("{path}?{fields}"), &fields)),
            ("without a type", Request::new("POST", path).body(fields.as_bytes())),
            ("as text", Request::new("POST", path).header("Content-Type", "text/plain").body(fields.as_bytes())),
            ("as JSON", Request::json("POST", path, &json)),
            (
                "as parts",
                Request::new("POST", path)
                    .header("Content-Type", "multipart/form-data; boundary=x")
                    .body(fields.as_bytes()),
            ),
            ("of two types", Request::form(path, &fields).header("Content-Type", "application/json")),
        ] {
            assert_error(&administrator.send(&server, request), 400, "invalid_request", &format!("{path}: {case}"));
        }
    }
    assert_eq!(administrator.everything(&server), before);
}

#[test]
fn what_the_token_endpoint_does_not_know_it_ignores() {
    let (_place, server, administrator) = open();
    let good = administrator.create_named(&server, "good").token;
    let fields =
        format!("client_id=anyone&client_secret=x&grant_type=refresh_token&refresh_token={good}&audience=y&audience=z");
    let request = Request::form("/oauth2/token", &fields).header("Authorization", "Basic YTpi");
    server.send(request).expect(200);
    let charset = "application/x-www-form-urlencoded; charset=UTF-8";
    let fields = format!("grant_type=refresh_token&refresh_token={good}");
    server
        .send(Request::new("POST", "/oauth2/token").header("Content-Type", charset).body(fields.as_bytes()))
        .expect(200);
}

#[test]
fn the_query_form_of_dpa_works_only_where_the_operator_allows_it() {
    let place = crate::support::place::Place::new();
    let admin = place.bootstrap();
    let target = format!("/iwc/api/security/oauth/token?grant_type=refresh_token&refresh_token={admin}");
    let request = |target: &str| Request::new("POST", target).header("Content-Type", "application/json");

    let server = place.serve().start();
    assert_error(&server.send(request(&target)), 400, "invalid_request", "not allowed");
    server.stop();

    let server = place.serve().argument("--dpa-query-tokens").start();
    let answer = server.send(request(&target)).expect(200).json();
    assert_eq!((&answer["token_type"], answer.get("refresh_token")), (&Value::from("bearer"), None));
    server.send(request(&target).body(b"{}")).expect(200);
    let elsewhere = target.replace("/iwc/api/security/oauth/token", "/oauth2/token");
    assert_error(&server.send(request(&elsewhere)), 400, "invalid_request", "the OAuth path never takes it");
    assert_error(&server.send(request(&format!("{target}%zz"))), 400, "invalid_request", "percent-broken");
}
