//! What is wrong below the endpoints: headers, methods, paths, framing, and bytes that are no HTTP at all.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::story::open;
use crate::support::http::{Request, send_bytes, send_bytes_and_end};
use crate::support::wait_for;

#[test]
fn two_authorization_headers_are_refused_even_where_they_agree() {
    let (_place, server, administrator) = open();
    let token = administrator.access_token.as_str();
    let before = administrator.everything(&server);
    for second in [token, "another.token.altogether"] {
        for (method, target) in [("GET", "/v1/refresh-tokens"), ("GET", "/v1/self"), ("POST", "/v1/epoch/advance")] {
            let answer = server.send(Request::new(method, target).bearer(token).bearer(second)).expect(400);
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"jeton\", error=\"invalid_request\""));
        }
        let asked = Request::form("/oauth2/introspect", &format!("token={token}")).bearer(token).bearer(second);
        server.send(asked).expect(400);
        let status = server.send(Request::get("/forward-auth").bearer(token).bearer(second)).status;
        assert_eq!(status, 401, "a gateway takes 401 for a refusal and 400 for a fault");
    }
    assert_eq!(administrator.everything(&server), before);
}

#[test]
fn a_malformed_authorization_header_opens_nothing() {
    let (_place, server, administrator) = open();
    let token = administrator.access_token.as_str();
    for value in [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        token.to_owned(),
        format!("Token {token}"),
        format!("Bearer {token} {token}"),
        format!("Bearer {token},"),
        format!("Bearer\t{token}"),
        format!("Bearer,{token}"),
        format!("Basic {token}"),
        "Basic !!!".to_owned(),
        format!("Bearer {}", "t".repeat(9 * 1024)),
    ] {
        let shown = |request: Request| server.send(request.header("Authorization", &value)).status;
        assert!([400, 401].contains(&shown(Request::get("/v1/self"))), "{value}");
        assert_eq!(shown(Request::get("/forward-auth")), 401, "{value}");
        assert!([400, 401].contains(&shown(Request::form("/oauth2/introspect", "token=x"))), "{value}");
    }
    assert_eq!(
        server.send(Request::get("/forward-auth")).expect(401).header("www-authenticate"),
        Some("Bearer realm=\"jeton\"")
    );
    server.send(Request::get("/v1/self").header("Authorization", &format!("bEARER   {token}"))).expect(200);
}

#[test]
fn a_wrong_method_or_path_is_told_so() {
    let (_place, server, administrator) = open();
    let before = administrator.everything(&server);
    for (method, target, allow) in [
        ("GET", "/oauth2/token", "POST"),
        ("PUT", "/oauth2/token", "POST"),
        ("GET", "/iwc/api/security/oauth/token", "POST"),
        ("GET", "/oauth2/introspect", "POST"),
        ("GET", "/oauth2/revoke", "POST"),
        ("POST", "/.well-known/jwks.json", "GET, HEAD"),
        ("PUT", "/v1/refresh-tokens", "GET, HEAD, POST"),
        ("DELETE", "/v1/settings", "GET, HEAD, PATCH"),
        ("GET", "/v1/epoch/advance", "POST"),
        ("DELETE", "/v1/live", "GET, HEAD, OPTIONS"),
        ("OPTIONS", "/v1/self", "GET, HEAD"),
        ("BREW", "/healthz", "GET, HEAD"),
    ] {
        let answer = administrator.send(&server, Request::new(method, target)).expect(405);
        let mut named: Vec<&str> = answer.header("allow").unwrap_or_default().split(", ").collect();
        named.sort_unstable();
        let mut expected: Vec<&str> = allow.split(", ").collect();
        expected.sort_unstable();
        assert_eq!(named, expected, "{method} {target}");
    }
    for target in [
        "/",
        "/v1",
        "/v2/refresh-tokens",
        "/oauth2",
        "/oauth2/token/",
        "//oauth2/token",
        "/oauth2/Token",
        "/v1/refresh-tokens/",
        "/forward-authentic",
        "/../etc/passwd",
        "/%2e%2e",
    ] {
        let answer = administrator.send(&server, Request::get(target)).expect(404);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{target}");
    }
    server.send(Request::new("HEAD", "/healthz")).expect(200);
    assert_eq!(administrator.everything(&server), before);
}

#[test]
fn forward_auth_takes_any_method_and_every_path_below_it() {
    let (_place, server, administrator) = open();
    let made = administrator.create(&server, &json!({ "name": "job", "scopes": ["a", "b"] }));
    let token = server.access_token(&made.token);
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"] {
        for target in
            ["/forward-auth", "/forward-auth/", "/forward-auth/deep/below?x=1", "/forward-auth?scope=a&scope=b"]
        {
            server.send(Request::new(method, target).bearer(&token)).expect(200);
            server.send(Request::new(method, target)).expect(401);
        }
    }
    for (target, needed) in [
        ("/forward-auth?scope=c", "c"),
        ("/forward-auth?scope=a&scope=c", "a c"),
        ("/forward-auth/x?scope=a%20c", "a c"),
    ] {
        let answer = server.send(Request::get(target).bearer(&token)).expect(403);
        let challenge = format!("Bearer realm=\"jeton\", error=\"insufficient_scope\", scope=\"{needed}\"");
        assert_eq!(answer.header("www-authenticate"), Some(challenge.as_str()), "{target}");
    }
}

#[test]
fn junk_on_the_port_gets_an_error_or_nothing_and_harms_nobody() {
    let (_place, server, administrator) = open();
    let before = administrator.everything(&server);
    let hello = [&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03][..], &[0x55; 506]].concat();
    let long_head = format!("GET /healthz HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    let many_headers = format!("GET /healthz HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(2000));
    for (case, bytes) in [
        ("a TLS greeting", hello),
        ("NULs", vec![0; 4096]),
        ("high bytes", vec![0xff; 4096]),
        ("a line without end", vec![b'a'; 300_000]),
        ("an endless header", long_head.into_bytes()),
        ("too many headers", many_headers.into_bytes()),
        ("HTTP of the year 3000", b"GET / HTTP/9.9\r\n\r\n".to_vec()),
        ("HTTP/2 without TLS", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("a header without a colon", b"GET /healthz HTTP/1.1\r\nnonsense\r\n\r\n".to_vec()),
        ("two lengths", b"POST /oauth2/token HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef".to_vec()),
        ("a negative length", b"POST /oauth2/token HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_vec()),
        ("broken chunks", b"POST /oauth2/token HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_vec()),
    ] {
        // The connection may be reset under what was still being sent.
        if let Ok(answer) = send_bytes_and_end(server.port, &bytes) {
            let text = String::from_utf8_lossy(&answer);
            assert!(answer.is_empty() || text.starts_with("HTTP/1.1 4") || text.starts_with("HTTP/1.0 4"), "{case}: {text}");
        }
    }
    assert_eq!(administrator.everything(&server), before);
}

#[test]
fn one_connection_carries_no_more_than_its_requests_say() {
    let (_place, server, administrator) = open();
    let smuggled = format!(
        "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOST /v1/epoch/advance HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        administrator.access_token
    );
    let before = administrator.everything(&server);
    let answer = send_bytes(server.port, smuggled.as_bytes());
    let text = answer.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    assert!(!text.contains("\"reason\":\"order\""), "{text}");
    assert_eq!(administrator.everything(&server), before);
}

#[test]
fn a_client_that_says_nothing_or_goes_away_costs_nobody_else_anything() {
    let (_place, server, administrator) = open();
    let silent: Vec<TcpStream> = (0..50).map(|_| TcpStream::connect(("127.0.0.1", server.port)).unwrap()).collect();
    for stream in &silent[..25] {
        let mut stream = stream;
        stream.write_all(b"POST /oauth2/token HTTP/1.1\r\nContent-Length: 60000\r\n\r\ngrant").unwrap();
    }
    for _ in 0..20 {
        assert!(server.lets_in(&administrator.access_token));
    }
    drop(silent);
    server.send(Request::get("/readyz")).expect(200);
}

#[test]
fn requests_that_follow_each_other_on_one_connection_are_answered_in_order() {
    let (_place, server, administrator) = open();
    let request = |last: bool| {
        let close = if last { "Connection: close\r\n" } else { "" };
        format!(
            "GET /forward-auth HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{close}\r\n",
            administrator.access_token
        )
    };
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.set_read_timeout(Some(crate::support::CEILING)).unwrap();
    let pipelined = [request(false), "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), request(true)].concat();
    stream.write_all(pipelined.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let statuses: Vec<&str> = text.match_indices("HTTP/1.1 ").map(|(at, _)| &text[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "404", "200"], "{text}");
}

#[test]
fn tls_and_plain_text_do_not_answer_each_other() {
    let place = crate::support::place::Place::new();
    place.bootstrap();
    let tls = crate::support::place::free_port();
    let server = place.serve().arguments(&["--tls-self-signed", "--tls-listen", &format!("127.0.0.1:{tls}")]).start();
    let answer = wait_for("the TLS port", || {
        send_bytes(tls, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()
    });
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1 200"), "plain text on the TLS port");
    server.send(Request::get("/healthz")).expect(200);
}

#[test]
fn connections_beyond_the_cap_are_closed_at_once_and_those_within_it_served() {
    let place = crate::support::place::Place::new();
    let admin = place.bootstrap();
    let server = place.serve().arguments(&["--max-connections", "8"]).start();
    let token = server.access_token(&admin);
    let mut held = Vec::new();
    wait_for("a connection to be refused", || {
        // One more each time: what the harness itself holds open comes and goes.
        held.extend((0..8).map(|_| TcpStream::connect(("127.0.0.1", server.port)).unwrap()));
        let request =
            format!("GET /forward-auth HTTP/1.1\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
        send_bytes(server.port, request.as_bytes()).map_or(true, |answer| answer.is_empty()).then_some(())
    });
    drop(held);
    wait_for("room again", || server.try_send(Request::get("/healthz")).ok().filter(|answer| answer.status == 200));
}
