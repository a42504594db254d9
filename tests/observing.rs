//! What operators and edges see: logs, metrics, health, the live set and the keys.

use serde_json::{Value, json};

use crate::story::open;
use crate::support::administrator::Administrator;
use crate::support::http::{Request, send};
use crate::support::place::{Place, free_port};
use crate::support::{repository, wait_for};

#[test]
fn a_log_line_is_json_with_a_request_id_and_the_acts_of_administrators_are_in_it() {
    let (_place, server, administrator) = open();
    let made = administrator.create_named(&server, "nightly job");
    administrator.delete(&server, &made.id);
    administrator
        .send(&server, Request::json("PATCH", "/v1/settings", &json!({ "access_token_expiration": 60 })))
        .expect(200);
    administrator.send(&server, Request::new("POST", "/v1/epoch/advance")).expect(200);
    let answer = server.send(Request::get("/nowhere")).expect(404);
    let id = answer.header("x-request-id").unwrap().to_owned();
    wait_for("the line of the last request", || {
        server.log().contains(&format!("\"request_id\":\"{id}\"")).then_some(())
    });
    let lines: Vec<Value> = server
        .log()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let says = |message: &str| {
        lines.iter().find(|line| line["message"] == message).unwrap_or_else(|| panic!("nothing says {message}"))
    };
    assert_eq!(says("refresh token created")["refresh_token"], made.id.as_str());
    assert_eq!(says("refresh token deleted")["refresh_token"], made.id.as_str());
    assert_eq!(says("the epoch was advanced")["level"], "INFO");
    assert_eq!(says("settings changed")["access"], 60);
}

#[test]
fn a_token_in_a_path_or_query_is_not_logged_either() {
    let (_place, server, administrator) = open();
    let made = administrator.create_named(&server, "job");
    let access_token = server.access_token(&made.token);
    for token in [&made.token, &access_token] {
        for target in [
            "/v1/refresh-tokens/TOKEN",
            "/TOKEN",
            "/forward-auth/TOKEN",
            "/forward-auth?token=TOKEN",
            "/oauth2/token?refresh_token=TOKEN",
        ] {
            for method in ["GET", "DELETE", "POST"] {
                administrator.send(&server, Request::new(method, &target.replace("TOKEN", token)));
            }
        }
    }
    let quoted = Request::json("POST", "/v1/refresh-tokens", &json!({ "name": "copied", "parent": made.token }))
        .bearer(&administrator.access_token);
    assert!(!server.send(quoted).expect(400).text().contains(&made.token), "no answer repeats a token");
    // What the server wrote is searched when it goes.
    server.stop();
}

#[test]
fn not_even_the_most_talkative_log_holds_a_secret() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve_resuming().environment("JETON_LOG_FILTER", "trace").start();
    server.hide(&admin);
    let root_key = std::fs::read(place.root_key()).unwrap();
    server.hide(&root_key.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    server.hide(&root_key.iter().map(u8::to_string).collect::<Vec<_>>().join(", "));
    let administrator = Administrator::enter(&server, &admin);
    let made = administrator.create_named(&server, "job");
    let token = server.access_token(&made.token);
    assert!(server.lets_in(&token));
    server.exchange(&format!("{}x", made.token)).expect(400);
    administrator.delete(&server, &made.id);
    assert!(!server.lets_in(&token));
    server.send(Request::form("/oauth2/revoke", &format!("token={}", made.token))).expect(200);
    server.stop();
}

#[test]
fn every_documented_metric_is_there_and_none_names_anybody() {
    let place = Place::new();
    let admin = place.bootstrap();
    let metrics = free_port();
    let server = place.serve().arguments(&["--metrics-listen", &format!("127.0.0.1:{metrics}")]).start();
    let administrator = Administrator::enter(&server, &admin);
    let made = administrator.create_named(&server, "nightly job");
    let token = server.access_token(&made.token);
    assert!(server.lets_in(&token) && administrator.says_alive(&server, &token));
    server.exchange("jtn_rt_x").expect(400);
    administrator.delete(&server, &made.id);
    assert!(!server.lets_in(&token));

    let page = send(metrics, &Request::get("/metrics")).unwrap().expect(200).text();
    let value = |name: &str| {
        let line = page.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        line.and_then(|line| line.split(' ').nth(1)).unwrap_or_else(|| panic!("no {name} in\n{page}")).to_owned()
    };
    assert_eq!(value("jeton_exchange_total{result=\"ok\"}"), "2");
    assert_eq!(value("jeton_exchange_total{result=\"invalid_grant\"}"), "1");
    assert_eq!(value("jeton_verify_total{result=\"active\"}"), "2");
    assert_eq!(value("jeton_verify_total{result=\"inactive\"}"), "1");
    assert_eq!((value("jeton_live_cuts"), value("jeton_live_age_seconds")), ("1".to_owned(), "0".to_owned()));
    let documented = std::fs::read_to_string(repository("docs/operations.md")).unwrap();
    let names = documented.split('`').filter(|word| word.starts_with("jeton_"));
    for name in names.map(|name| name.split('{').next().unwrap()) {
        assert!(page.contains(name), "no {name} in\n{page}");
    }
    for secret in [made.id.as_str(), &made.token, "nightly", &token] {
        assert!(!page.contains(secret), "{secret} in\n{page}");
    }
    assert_eq!(server.send(Request::get("/metrics")).status, 404, "metrics are on their own port alone");
}

#[test]
fn the_live_set_and_the_keys_are_public_and_say_when_they_change() {
    let (_place, server, administrator) = open();
    let live = server.send(Request::get("/v1/live")).expect(200);
    let etag = live.header("etag").unwrap().to_owned();
    assert_eq!(live.header("cache-control"), Some("public, max-age=1"));
    let asked = |etag: &str| server.send(Request::get("/v1/live").header("If-None-Match", etag));
    assert_eq!(asked(&etag).expect(304).text(), "");

    let made = administrator.create_named(&server, "job");
    asked(&etag).expect(304);
    let before = server.send(Request::get("/.well-known/jwks.json")).expect(200);
    assert_eq!(before.header("cache-control"), Some("public, max-age=60"));
    administrator.delete(&server, &made.id);
    let changed = asked(&etag).expect(200);
    assert!(!changed.text().contains(&made.id), "a cut names nobody");

    administrator.send(&server, Request::new("POST", "/v1/epoch/advance")).expect(200);
    let after = server.send(Request::get("/.well-known/jwks.json")).expect(200).json();
    assert_ne!(after, before.json());
    let key = &after["keys"][0];
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
        (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"), &json!("sig"))
    );
    assert_eq!(key.get("d"), None);
}

#[test]
fn the_metadata_name_what_there_is() {
    let (_place, server, _administrator) = open();
    let metadata = server.send(Request::get("/.well-known/oauth-authorization-server")).expect(200).json();
    let issuer = format!("http://127.0.0.1:{}", server.port);
    assert_eq!(metadata["issuer"], issuer.as_str());
    for (member, path) in [
        ("token_endpoint", "/oauth2/token"),
        ("introspection_endpoint", "/oauth2/introspect"),
        ("revocation_endpoint", "/oauth2/revoke"),
        ("jwks_uri", "/.well-known/jwks.json"),
    ] {
        assert_eq!(metadata[member], format!("{issuer}{path}"));
    }
    assert_eq!(
        metadata["grant_types_supported"],
        json!(["refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"])
    );
    assert_eq!(metadata["token_endpoint_auth_methods_supported"], json!(["none"]));
}

#[test]
fn health_and_readiness_are_two_things() {
    let (_place, server, _administrator) = open();
    assert_eq!(server.send(Request::get("/healthz")).expect(200).json(), json!({ "status": "ok" }));
    let ready = server.send(Request::get("/readyz")).expect(200).json();
    assert_eq!(
        ready,
        json!({ "status": "ready", "checks": { "store": "ok", "policy": "ok", "live_set": "ok", "clock": "ok" } })
    );
}
