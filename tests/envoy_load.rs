//! The filter under load: it holds what it may hold, and no more; and how soon it hears of what was deleted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::story::open;
use crate::support::envoy::{Answering, Setup};
use crate::support::http::Request;
use crate::support::{CEILING, wait_for};

/// Requests of the short run. The long one, once before a release:
/// `JETON_TEST_REQUESTS=1000000 tests/run requests_leave_nothing_behind`
const REQUESTS: usize = 20_000;
/// What Envoy may have more in the end than after the first quarter: its memory settles, it does not grow by the request.
const SETTLING: u64 = 48 * 1024 * 1024;

#[test]
fn requests_leave_nothing_behind_in_envoy() {
    let requests = std::env::var("JETON_TEST_REQUESTS").ok().map_or(REQUESTS, |count| count.parse().unwrap());
    let (place, server, administrator) = open();
    let live = administrator.create(&server, &json!({ "name": "edge", "scopes": ["jeton:live"] }));
    let mut setup = Setup::with_filter(&place, server.port, Answering::api().port, &live.token);
    answer_at_the_door(&mut setup);
    let envoy = setup.start();
    let token = server.access_token(&administrator.create_named(&server, "job").token);
    envoy.wait_for("the first live set", 200, &Request::get("/").bearer(&token));

    let (body, _) = token.rsplit_once('.').unwrap();
    let mut connection = Connection::open(envoy.port);
    let mut settled = 0;
    for number in 0..requests {
        // Every other one is alive; the rest are made up, each another one that takes a whole verification.
        let (token, status) =
            if number % 2 == 0 { (token.clone(), 200) } else { (format!("{body}.{number:084}AA"), 401) };
        assert_eq!(connection.status_of(&token), status, "request {number}");
        if number == requests / 4 {
            settled = envoy.resident();
        }
    }
    let grown = envoy.resident().saturating_sub(settled);
    assert!(grown < SETTLING, "{} MiB more after {requests} requests", grown / 1024 / 1024);
    assert_eq!(envoy.figure("wasmcustom.jeton.requests.bad_signature"), requests as u64 / 2);
}

/// Deletions of the short run, which only waits for each. The long one holds them to the published second, and says how soon they came:
/// `JETON_TEST_DELETIONS=1000 tests/run --nocapture every_deletion_reaches_envoy`
const DELETIONS: usize = 10;
/// What is published of a deletion: this long after the 204 it holds at every edge that is connected.
const PUBLISHED: Duration = Duration::from_secs(1);

#[test]
fn every_deletion_reaches_envoy() {
    let asked = std::env::var("JETON_TEST_DELETIONS").ok().map(|count| count.parse().unwrap());
    let (place, server, administrator) = open();
    let live = administrator.create(&server, &json!({ "name": "edge", "scopes": ["jeton:live"] }));
    let mut setup = Setup::with_filter(&place, server.port, Answering::api().port, &live.token);
    answer_at_the_door(&mut setup);
    let envoy = setup.start();
    // Kept, since Envoy lets a connection that it closes linger for a second.
    let mut connection = Connection::open(envoy.port);
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..asked.unwrap_or(DELETIONS) {
        // What is asked about is the child's token, and what is deleted the parent.
        let parent = administrator.create_named(&server, "parent");
        let child = administrator.create(&server, &json!({ "name": "child", "parent": parent.id }));
        let token = server.access_token(&child.token);
        wait_for("the living to pass", || (connection.status_of(&token) == 200).then_some(()));
        administrator.delete(&server, &parent.id);
        let deleted = Instant::now();
        wait_for("the cascade", || (connection.status_of(&token) == 401).then_some(()));
        took.push(deleted.elapsed());
    }
    took.sort_unstable();
    let (median, worst) = (took[took.len() / 2], took[took.len() - 1]);
    eprintln!("Envoy: from the 204 to the first refusal: median {median:.0?}, worst {worst:.0?} of {}", took.len());
    assert!(asked.is_none() || worst <= PUBLISHED, "{worst:?}");
}

/// Nothing stands behind Envoy that could be slow.
fn answer_at_the_door(setup: &mut Setup) {
    let manager =
        &mut setup.config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    manager["route_config"]["virtual_hosts"][0]["routes"] =
        json!([{ "match": { "prefix": "/" }, "direct_response": { "status": 200 } }]);
}

/// One connection that is kept.
struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    fn open(port: u16) -> Connection {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(CEILING)).unwrap();
        Connection { reader: BufReader::new(stream) }
    }

    fn status_of(&mut self, token: &str) -> u16 {
        let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        self.reader.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).unwrap();
            if line == "\r\n" {
                break;
            } else if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some((name, value)) = line.split_once(": ")
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body).unwrap();
        status
    }
}
