//! Edges follow the live set of a running server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};

use jeton_policy::live::{LiveSet, Written};
use serde_json::json;

use crate::story::open;
use crate::support::administrator::Administrator;
use crate::support::http::{Answer, Request, send};
use crate::support::place::{Place, free_port};
use crate::support::server::Server;
use crate::support::{CEILING, wait_for};

/// An edge: what it holds, and how it asks for more.
struct Edge {
    live: LiveSet,
    credential: String,
}

/// What one poll brought.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Nothing,
    Change { cuts: usize },
    Whole,
}

impl Edge {
    /// One that has just started, with a refresh token that may wait.
    fn start(server: &Server, administrator: &Administrator) -> Edge {
        let made = administrator.create(server, &json!({ "name": "edge", "scopes": ["jeton:live"] }));
        let whole = server.send(Request::get("/v1/live")).expect(200).text();
        Edge { live: LiveSet::from_document(whole.as_bytes()).unwrap(), credential: basic(&made.token) }
    }

    fn target(&self) -> String {
        format!("/v1/live?after={}&epoch={}&wait=2", self.live.sequence(), self.live.epoch().number())
    }

    fn request(&self) -> Request {
        Request::get(&self.target()).header("Authorization", &self.credential)
    }

    fn take(&mut self, answer: &Answer) -> News {
        assert_eq!(answer.status, 200, "{}", answer.text());
        let document = answer.text();
        self.live.load(document.as_bytes()).unwrap_or_else(|error| panic!("{error}: {document}"));
        match Written::parse(document.as_bytes()).unwrap() {
            Written::Whole(_) => News::Whole,
            Written::Delta(delta) if delta.sequence == delta.base => News::Nothing,
            Written::Delta(delta) => News::Change { cuts: delta.cuts.len() },
        }
    }

    /// Polls until there is something new.
    fn next(&mut self, server: &Server) -> News {
        wait_for("news", || {
            let news = self.take(&server.send(self.request()));
            (news != News::Nothing).then_some(news)
        })
    }
}

fn basic(password: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("edge:{password}")))
}

#[test]
fn a_deletion_reaches_an_edge_that_waits_as_a_change_and_an_advance_as_a_whole_set() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    let mut edge = Edge::start(&server, &administrator);
    for round in 1..=3 {
        let made = administrator.create_named(&server, "doomed");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let news = edge.next(&server);
                assert_eq!((news, edge.live.cuts()), (News::Change { cuts: 1 }, round));
            });
            administrator.delete(&server, &made.id);
            waiting.join().unwrap();
        });
    }
    let before = edge.live.epoch().number();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| assert_eq!(edge.next(&server), News::Whole));
        administrator.send(&server, Request::new("POST", "/v1/epoch/advance")).expect(200);
        waiting.join().unwrap();
    });
    assert!(edge.live.epoch().number() > before && edge.live.cuts() == 0);
    // Its credential lives on, and so does the edge.
    let administrator = Administrator::enter(&server, &admin);
    let made = administrator.create_named(&server, "doomed");
    administrator.delete(&server, &made.id);
    assert_eq!(edge.next(&server), News::Change { cuts: 1 });
    server.stop();
}

#[test]
fn revocations_that_come_together_share_an_answer_and_none_is_missed() {
    const REVOKED: usize = 200;
    let (_place, server, administrator) = open();
    let ids: Vec<String> = (0..REVOKED).map(|_| administrator.create_named(&server, "doomed").id).collect();
    let mut edge = Edge::start(&server, &administrator);
    let answers = std::thread::scope(|scope| {
        let following = scope.spawn(|| {
            let mut answers = 0;
            while edge.live.cuts() < REVOKED {
                edge.next(&server);
                answers += 1;
            }
            answers
        });
        for share in ids.chunks(REVOKED / 4) {
            let (server, administrator) = (&server, &administrator);
            scope.spawn(move || share.iter().for_each(|id| administrator.delete(server, id)));
        }
        following.join().unwrap()
    });
    assert!(answers < REVOKED / 2, "{answers} answers for {REVOKED} revocations");
    assert_eq!(edge.live.cuts(), REVOKED);
}

#[test]
fn a_thousand_edges_that_wait_all_hear_of_one_deletion() {
    const EDGES: usize = 1000;
    let place = Place::new();
    let admin = place.bootstrap();
    let metrics = free_port();
    let launch = place.serve().arguments(&["--live-open", "--metrics-listen", &format!("127.0.0.1:{metrics}")]);
    let server = launch.start();
    let administrator = Administrator::enter(&server, &admin);
    let made = administrator.create_named(&server, "doomed");
    let edge = Edge::start(&server, &administrator);
    let request = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", edge.target());
    let mut waiting: Vec<TcpStream> = (0..EDGES)
        .map(|_| {
            let connection = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
            connection.set_read_timeout(Some(CEILING)).unwrap();
            connection
        })
        .collect();
    waiting.iter_mut().for_each(|connection| connection.write_all(request.as_bytes()).unwrap());
    administrator.delete(&server, &made.id);
    for connection in waiting {
        let mut connection = BufReader::new(connection);
        let mut told = read_answer(&mut connection);
        // Who asked so early that its wait was over before the deletion asks again, as edges do.
        while told["sequence"] == told["base"] {
            connection.get_mut().write_all(request.as_bytes()).unwrap();
            told = read_answer(&mut connection);
        }
        assert_eq!((&told["base"], told["cuts"].as_array().unwrap().len()), (&json!(edge.live.sequence()), 1));
    }
    assert_eq!(metric(metrics, "jeton_live_answers_total{kind=\"changed\"}"), EDGES);
    assert_eq!(metric(metrics, "jeton_live_polls"), 0);
}

/// The body of the next answer on a connection.
fn read_answer(connection: &mut BufReader<TcpStream>) -> serde_json::Value {
    let (mut length, mut line) = (0, String::new());
    while line != "\r\n" {
        line.clear();
        assert_ne!(connection.read_line(&mut line).unwrap(), 0, "the connection ended");
        if let Some(declared) = line.to_lowercase().strip_prefix("content-length:") {
            length = declared.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn an_edge_that_reads_nothing_costs_the_others_nothing() {
    const REQUESTS: usize = 20_000;
    let (_place, server, administrator) = open();
    let made = administrator.create_named(&server, "doomed");
    let mut edge = Edge::start(&server, &administrator);
    let mut slow = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    slow.set_read_timeout(Some(CEILING)).unwrap();
    let sending = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let (mut writer, sending) = (slow.try_clone().unwrap(), &sending);
        scope.spawn(move || {
            // More answers than any buffer on the way takes, and nobody reads them until the others were served.
            let last = b"GET /v1/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            for _ in 1..REQUESTS {
                writer.write_all(b"GET /v1/live HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            }
            writer.write_all(last).unwrap();
            sending.store(false, Ordering::Relaxed);
        });
        administrator.delete(&server, &made.id);
        assert_eq!(edge.next(&server), News::Change { cuts: 1 });
        let mut read = Vec::new();
        slow.read_to_end(&mut read).unwrap();
        assert_eq!(read.windows(12).filter(|window| window == b"HTTP/1.1 200").count(), REQUESTS);
    });
    assert!(!sending.load(Ordering::Relaxed));
}

#[test]
fn a_stop_answers_who_waits() {
    let place = Place::new();
    place.bootstrap();
    let metrics = free_port();
    let launch = place.serve().arguments(&["--live-open", "--metrics-listen", &format!("127.0.0.1:{metrics}")]);
    let server = launch.start();
    let live = server.send(Request::get("/v1/live")).expect(200).json();
    let sequence = live["sequence"].as_u64().unwrap();
    let target = format!("/v1/live?after={sequence}&wait=2");
    let port = server.port;
    loop {
        let target = target.clone();
        let poll = std::thread::spawn(move || send(port, &Request::get(&target)));
        let waits = wait_for("the poll", || match metric(metrics, "jeton_live_polls") {
            1 => Some(true),
            _ => poll.is_finished().then_some(false),
        });
        if !waits {
            // Its two seconds were over before anybody looked.
            poll.join().unwrap().unwrap();
            continue;
        }
        server.stop();
        let told = poll.join().unwrap().unwrap().expect(200).json();
        assert_eq!((&told["base"], &told["sequence"]), (&json!(sequence), &json!(sequence)));
        return;
    }
}

/// A figure of the metrics.
fn metric(port: u16, name: &str) -> usize {
    let page = send(port, &Request::get("/metrics")).unwrap().expect(200).text();
    let line = page.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name}: {page}"));
    line.trim().parse().unwrap()
}

#[test]
fn a_change_is_told_since_before_a_restart_only_where_nothing_is_missed() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve_resuming().start();
    let administrator = Administrator::enter(&server, &admin);
    let made = administrator.create_named(&server, "doomed");
    let mut edge = Edge::start(&server, &administrator);
    administrator.delete(&server, &made.id);
    server.stop();
    let server = place.serve_resuming().start();
    // Nobody knows any more what came between: everything is told, and what was deleted is in it.
    assert_eq!((edge.next(&server), edge.live.cuts()), (News::Whole, 1));
    let administrator = Administrator::enter(&server, &admin);
    let made = administrator.create_named(&server, "doomed too");
    administrator.delete(&server, &made.id);
    assert_eq!((edge.next(&server), edge.live.cuts()), (News::Change { cuts: 1 }, 2));
}
