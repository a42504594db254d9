//! Who asks about tokens, and what each of them is told: resource servers at introspection, gateways at forward-auth.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::story::open;
use crate::support::http::{Answer, Request};
use crate::support::server::Server;

const ALIVE: &str = "alive";
const DEAD: &str = "dead";

/// What introspection said: the status, and whether the token is alive.
fn verdict(answer: &Answer) -> (u16, Option<&'static str>) {
    let active = (answer.status == 200).then(|| if answer.json()["active"] == true { ALIVE } else { DEAD });
    (answer.status, active)
}

fn ask(server: &Server, authorization: Option<&str>, token: &str) -> Answer {
    let request = Request::form("/oauth2/introspect", &format!("token_type_hint=access_token&token={token}"));
    server.send(match authorization {
        Some(authorization) => request.header("Authorization", authorization),
        None => request,
    })
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

#[test]
fn each_caller_learns_of_each_token_what_its_own_token_allows() {
    let (_place, server, administrator) = open();
    let make = |name: &str, scopes: &[&str]| administrator.create(&server, &json!({ "name": name, "scopes": scopes }));
    let (asker, reader, job, gone) = (
        make("asker", &["jeton:introspect"]),
        make("reader", &["jeton:read"]),
        make("job", &["a"]),
        make("gone", &["jeton:introspect"]),
    );
    let access = |refresh_token: &str| server.access_token(refresh_token);
    let (job_token, gone_token) = (access(&job.token), access(&gone.token));
    administrator.delete(&server, &gone.id);
    let bearer = |token: &str| format!("Bearer {token}");

    let callers = [
        ("an administrator", bearer(&administrator.access_token), 200),
        ("an asker", bearer(&access(&asker.token)), 200),
        ("an asker, in lower case", format!("bearer {}", access(&asker.token)), 200),
        ("an asker, over Basic", basic("anyone", &asker.token), 200),
        ("a reader", bearer(&access(&reader.token)), 403),
        ("a reader, over Basic", basic(&reader.id, &reader.token), 403),
        ("a dead asker", bearer(&gone_token), 401),
        ("a dead asker, over Basic", basic("", &gone.token), 401),
        ("somebody with a refresh token as Bearer", bearer(&asker.token), 401),
        ("somebody with an access token over Basic", basic("", &access(&asker.token)), 401),
    ];
    for (caller, authorization, status) in &callers {
        for (asked, token, expected) in [
            ("a living token", job_token.as_str(), ALIVE),
            ("a dead token", &gone_token, DEAD),
            ("a refresh token", &job.token, DEAD),
            ("junk", "junk", DEAD),
        ] {
            let answer = ask(&server, Some(authorization), token);
            // A token may ask about itself, but a dead one is told that it is.
            let expected = (*status, (*status == 200).then_some(expected));
            assert_eq!(verdict(&answer), expected, "{caller} about {asked}: {}", answer.text());
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            match *status {
                200 => assert_eq!(answer.header("content-type"), Some("application/json")),
                401 => {
                    assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""), "{caller}")
                }
                _ => assert!(answer.header("www-authenticate").unwrap().contains("error=\"insufficient_scope\"")),
            }
        }
    }
    assert_eq!(verdict(&ask(&server, Some(&bearer(&job_token)), &job_token)), (200, Some(ALIVE)), "about itself");
    let unauthenticated = ask(&server, None, &job_token);
    assert_eq!((unauthenticated.status, unauthenticated.text().as_str()), (401, ""));
    assert_eq!(unauthenticated.header("www-authenticate"), Some("Bearer realm=\"jeton\""));
}

#[test]
fn what_is_kept_of_a_basic_credential_dies_with_the_epoch_and_is_had_anew() {
    let (_place, server, administrator) = open();
    let asker = administrator.create(&server, &json!({ "name": "asker", "scopes": ["jeton:introspect"] }));
    let credential = basic("asker", &asker.token);
    let token = server.access_token(&asker.token);
    assert_eq!(verdict(&ask(&server, Some(&credential), &token)), (200, Some(ALIVE)));
    administrator.send(&server, Request::new("POST", "/v1/epoch/advance")).expect(200);
    for _ in 0..8 {
        assert_eq!(verdict(&ask(&server, Some(&credential), &token)), (200, Some(DEAD)));
    }
    let token = server.access_token(&asker.token);
    assert_eq!(verdict(&ask(&server, Some(&credential), &token)), (200, Some(ALIVE)));
}

#[test]
fn a_gateway_is_told_whose_token_it_is_and_which_scopes_it_lacks() {
    let (_place, server, administrator) = open();
    let request = json!({ "name": "job", "scopes": ["a", "b"], "owner": "payments" });
    let made = administrator.create(&server, &request);
    let bare = administrator.create_named(&server, "bare");
    let (token, bare_token) = (server.access_token(&made.token), server.access_token(&bare.token));
    let check = |token: &str, target: &str, demanded: &[&str]| {
        let request = Request::get(target).bearer(token);
        server.send(demanded.iter().fold(request, |request, value| request.header("X-Jeton-Require-Scope", value)))
    };
    let admitted = check(&token, "/forward-auth", &[]).expect(200);
    let expires: u64 = admitted.header("x-jeton-expires").unwrap().parse().unwrap();
    assert_eq!(admitted.header("x-jeton-subject"), Some("payments"));
    assert_eq!(admitted.header("x-jeton-client"), Some(made.id.as_str()));
    assert_eq!(admitted.header("x-jeton-scope"), Some("a b"));
    assert_eq!(server.introspect_itself(&token).json()["exp"], Value::from(expires));
    assert_eq!((admitted.text().as_str(), admitted.header("cache-control")), ("", Some("no-store")));
    assert_eq!(check(&bare_token, "/forward-auth", &[]).expect(200).header("x-jeton-scope"), Some(""));

    for (target, demanded, lacks) in [
        ("/forward-auth?scope=a", &[][..], None),
        ("/forward-auth?scope=a&scope=b", &["b", "a"], None),
        ("/forward-auth?scope=b%20a", &["a b"], None),
        ("/forward-auth/x?scope=c", &[], Some("c")),
        ("/forward-auth?scope=a&scope=c", &[], Some("a c")),
        ("/forward-auth?scope=a", &["c"], Some("a c")),
        ("/forward-auth", &["a", "c"], Some("a c")),
        ("/forward-auth?scope=A", &[], Some("A")),
    ] {
        let answer = check(&token, target, demanded);
        let challenge =
            lacks.map(|scopes| format!("Bearer realm=\"jeton\", error=\"insufficient_scope\", scope=\"{scopes}\""));
        assert_eq!(answer.status, if lacks.is_some() { 403 } else { 200 }, "{target} {demanded:?}");
        assert_eq!(answer.header("www-authenticate"), challenge.as_deref(), "{target} {demanded:?}");
        assert_eq!(answer.header("x-jeton-subject").is_some(), lacks.is_none());
    }
    administrator.delete(&server, &made.id);
    let refused = check(&token, "/forward-auth?scope=c", &[]).expect(401);
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"jeton\", error=\"invalid_token\""));
    assert_eq!(refused.header("x-jeton-subject"), None);
}

#[test]
fn a_body_that_a_gateway_passes_on_does_not_cost_it_its_connection() {
    let (_place, server, administrator) = open();
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.set_read_timeout(Some(crate::support::CEILING)).unwrap();
    let head = |last: bool, framing: &str| {
        let close = if last { "Connection: close\r\n" } else { "" };
        format!(
            "POST /forward-auth/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{framing}{close}\r\n",
            administrator.access_token
        )
    };
    for (framing, body) in [
        ("Content-Length: 20000\r\n", vec![b'b'; 20_000]),
        ("Transfer-Encoding: chunked\r\n", b"5\r\nabcde\r\n0\r\n\r\n".to_vec()),
    ] {
        stream.write_all(head(false, framing).as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        stream.write_all(&body).unwrap();
    }
    stream.write_all(head(true, "Content-Length: 0\r\n").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text.matches("HTTP/1.1 200").count(), 3, "{text}");
}

#[test]
fn a_refusal_reaches_a_client_that_sends_its_body_after_its_head() {
    let (_place, server, _administrator) = open();
    for (target, status) in [("/v1/refresh-tokens", "401"), ("/oauth2/introspect", "401"), ("/nowhere", "404")] {
        for _ in 0..20 {
            let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
            stream.set_read_timeout(Some(crate::support::CEILING)).unwrap();
            let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(2));
            stream.write_all(&[b'b'; 30_000]).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{target}: {text}");
        }
    }
}

#[test]
fn who_shows_bad_credentials_again_and_again_must_wait_and_whoever_shows_good_ones_need_not() {
    let (_place, server, administrator) = open();
    let asker = administrator.create(&server, &json!({ "name": "asker", "scopes": ["jeton:introspect"] }));
    let limited = (0..2000).map(|_| ask(&server, Some("Bearer junk"), "junk")).find(|answer| answer.status != 401);
    let limited = limited.expect("nobody is told to wait").expect(429);
    assert_eq!(limited.json()["error"], "too_many_requests");
    assert!(limited.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    for _ in 0..10 {
        let token = server.access_token(&asker.token);
        assert_eq!(verdict(&ask(&server, Some(&basic("", &asker.token)), &token)), (200, Some(ALIVE)));
        assert!(server.lets_in(&token));
        assert!(!server.lets_in("junk"), "a gateway's address is not its clients' address");
    }
}

#[test]
fn a_request_is_known_by_the_name_that_its_caller_gave_it_where_that_is_a_plain_word() {
    let (_place, server, _administrator) = open();
    let id = |given: &str| {
        let answer = server.send(Request::get("/healthz").header("X-Request-Id", given));
        answer.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(id("4bf92f35-77b3.a_1"), "4bf92f35-77b3.a_1");
    for given in ["", "two words", "a\"b", "<a>", &"a".repeat(129)] {
        assert_ne!(id(given), given);
    }
    assert_ne!(id(""), id(""));
}
