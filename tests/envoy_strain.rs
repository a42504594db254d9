//! The filter under strain: an authority that hangs, floods of HTTP/2 on one connection, requests that are taken back as soon as
//! they are sent.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex};

use serde_json::json;

use crate::story::open;
use crate::support::CEILING;
use crate::support::envoy::{Answering, Envoy, Setup};
use crate::support::http::{Request, send};
use crate::support::server::Server;

/// A server, an Envoy with the filter before it, and a living token.
fn scene(check: impl FnOnce(&Server, &Envoy, &str)) {
    let (place, server, administrator) = open();
    let live = administrator.create(&server, &json!({ "name": "edge", "scopes": ["jeton:live"] }));
    let envoy = Setup::with_filter(&place, server.port, Answering::api().port, &live.token).start();
    let token = server.access_token(&administrator.create_named(&server, "job").token);
    envoy.wait_for("the first live set", 200, &Request::get("/").bearer(&token));
    check(&server, &envoy, &token);
    envoy.call(&Request::get("/").bearer(&token)).expect(200);
    envoy.call(&Request::get("/")).expect(401);
}

#[test]
fn an_authority_that_hangs_lets_nothing_in_past_the_lease_and_nothing_stale_when_it_answers_again() {
    let (place, server, administrator) = open();
    let hangs = Arc::new((Mutex::new(false), Condvar::new()));
    // It takes every question, and answers it with what is true then: once it hangs no more.
    let (port, gate) = (server.port, Arc::clone(&hangs));
    let slow = Answering::new(move |_| {
        let (held, changed) = &*gate;
        drop(changed.wait_while(held.lock().unwrap(), |held| *held).unwrap());
        (200, send(port, &Request::get("/v1/live")).unwrap().text().into_bytes())
    });
    let mut setup = Setup::with_filter(&place, slow.port, Answering::api().port, "unused");
    setup.feed("issuer", administrator.send(&server, Request::get("/v1/live")).json()["issuer"].clone());
    let envoy = setup.start();
    let [deleted, kept] = ["deleted", "kept"].map(|name| administrator.create_named(&server, name));
    let [dead, alive] = [&deleted, &kept].map(|made| Request::get("/").bearer(&server.access_token(&made.token)));
    for request in [&dead, &alive] {
        envoy.wait_for("the first live set", 200, request);
    }

    *hangs.0.lock().unwrap() = true;
    envoy.wait_for("the end of the lease", 503, &alive);
    administrator.delete(&server, &deleted.id);
    assert_eq!([&dead, &alive].map(|request| envoy.call(request).status), [503, 503]);
    *hangs.0.lock().unwrap() = false;
    hangs.1.notify_all();
    envoy.wait_for("the authority's answer", 200, &alive);
    envoy.call(&dead).expect(401);
}

#[test]
fn each_of_thousands_of_requests_on_one_connection_is_judged_and_the_next_good_one_passes() {
    const ROUNDS: u32 = 50;
    const AT_ONCE: u32 = 100;
    scene(|_, envoy, token| {
        let (body, _) = token.rsplit_once('.').unwrap();
        let dead = format!("Bearer {body}.{}", "A".repeat(86));
        let mut stream = http2(envoy);
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        for round in 0..ROUNDS {
            let requests = (0..AT_ONCE).flat_map(|number| {
                let fields = [REQUEST, &authorization(&dead)].concat();
                frame(HEADERS, END_STREAM | END_HEADERS, 2 * (round * AT_ONCE + number) + 1, &fields)
            });
            stream.write_all(&requests.collect::<Vec<u8>>()).unwrap();
            let mut left = AT_ONCE;
            while left > 0 {
                let mut head = [0; 9];
                reader.read_exact(&mut head).unwrap();
                let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
                reader.read_exact(&mut payload).unwrap();
                assert_ne!(head[3], GOAWAY, "{payload:?}");
                left -= u32::from(head[3] == HEADERS && head[4] & END_STREAM != 0);
            }
        }
        assert_eq!(envoy.figure("wasmcustom.jeton.requests.bad_signature"), u64::from(ROUNDS * AT_ONCE));
    });
}

#[test]
fn requests_that_are_taken_back_at_once_end_their_connection_and_nothing_else() {
    const REQUESTS: u32 = 20_000;
    scene(|_, envoy, _| {
        let (mut stream, mut flood) = (http2(envoy), Vec::new());
        for number in 0..REQUESTS {
            let stream = 2 * number + 1;
            flood.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, REQUEST));
            flood.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
        }
        let sent = stream.write_all(&flood);
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer).map(|_| ());
        // Envoy says goodbye, or simply closes, while more is still being sent.
        for outcome in [sent, ended] {
            let is_closed =
                |error: &std::io::Error| matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe);
            assert!(outcome.as_ref().err().is_none_or(is_closed), "{outcome:?}");
        }
    });
}

/// A connection by prior knowledge (RFC 9113 section 3.3).
fn http2(envoy: &Envoy) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", envoy.port)).unwrap();
    stream.set_read_timeout(Some(CEILING)).unwrap();
    let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
    stream.write_all(&preface).unwrap();
    stream
}

/// GET http / of the static table, and an authority (RFC 7541, appendix A and section 6.2.2).
const REQUEST: &[u8] = b"\x82\x86\x84\x01\x01x";

/// The field `authorization`, of 127 to 16,510 bytes, written out (RFC 7541 sections 5.1 and 6.2.2).
fn authorization(value: &str) -> Vec<u8> {
    let rest = value.len() - 127;
    let length = [127, 0x80 | (rest % 128) as u8, (rest / 128) as u8];
    [&[0x0f, 8][..], &length, value.as_bytes()].concat()
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A frame of RFC 9113 section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}
