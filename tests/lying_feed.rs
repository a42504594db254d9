//! A feed that lies: somebody on the way changes what the authority says, and the edge denies, or goes by what it knows.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::{Compression, write::GzEncoder};
use jeton_verifier::{Event, Refusal, Verifier};
use serde_json::json;

use crate::story::open;
use crate::support::http::{self, Request};
use crate::support::server::Server;
use crate::support::wait_for;

/// Answers one request, whose target is given.
type Answer = dyn Fn(&str, &mut TcpStream) + Send + Sync;

/// Somebody between an edge and its authority.
struct Middle {
    port: u16,
    answer: Arc<Mutex<Arc<Answer>>>,
    gone: Arc<AtomicBool>,
}

impl Middle {
    /// One who hands everything on to the authority at `port`, at first.
    fn before(port: u16) -> Middle {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let answer: Arc<Mutex<Arc<Answer>>> = Arc::new(Mutex::new(honest(port)));
        let middle = Middle { port: listener.local_addr().unwrap().port(), answer, gone: Arc::default() };
        let (answer, gone) = (Arc::clone(&middle.answer), Arc::clone(&middle.gone));
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                if gone.load(Ordering::Relaxed) {
                    return;
                }
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || serve(connection, &answer));
            }
        });
        middle
    }

    fn lie(&self, answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Arc::new(answer);
    }

    /// Always gives this document.
    fn say(&self, document: impl Into<Vec<u8>>) {
        let document = document.into();
        self.lie(move |_, stream| reply(stream, "", &document));
    }

    fn be_honest(&self, port: u16) {
        *self.answer.lock().unwrap() = honest(port);
    }
}

impl Drop for Middle {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(mut stream: TcpStream, answer: &Mutex<Arc<Answer>>) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let answer = Arc::clone(&answer.lock().unwrap());
    answer(&target, &mut stream);
}

/// What is written may find nobody any more: the edge has its bounds.
fn reply(stream: &mut TcpStream, headers: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

fn honest(port: u16) -> Arc<Answer> {
    // Without a credential it may not wait.
    Arc::new(move |target: &str, stream: &mut TcpStream| {
        let target = target.split("&wait").next().unwrap_or_default();
        if let Ok(answer) = http::send(port, &Request::get(target)) {
            reply(stream, "", answer.text().as_bytes());
        }
    })
}

/// A verifier behind somebody in the middle, and what went wrong there.
fn edge_behind(middle: &Middle) -> (Verifier, Arc<Mutex<Vec<String>>>) {
    let failures: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&failures);
    let verifier = Verifier::builder(format!("http://127.0.0.1:{}", middle.port)).on_event(move |event| {
        if let Event::FeedFailed(error) = event {
            heard.lock().unwrap().push(format!("{error:?}"));
        }
    });
    (verifier.start().unwrap(), failures)
}

fn whole(server: &Server) -> String {
    server.send(Request::get("/v1/live")).expect(200).text()
}

fn packed(bytes: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let chunk = vec![b' '; 1024 * 1024];
    (0..bytes / chunk.len()).for_each(|_| encoder.write_all(&chunk).unwrap());
    encoder.finish().unwrap()
}

#[test]
fn nothing_that_is_no_document_is_believed_and_the_next_good_answer_is() {
    let (_place, server, administrator) = open();
    let token = administrator.access_token.clone();
    let document = whole(&server);
    let middle = Middle::before(server.port);
    middle.say("");
    let (verifier, failures) = edge_behind(&middle);
    let count = || failures.lock().unwrap().len();
    let bomb = packed(100 * 1024 * 1024);
    type Lie = Box<dyn Fn(&str, &mut TcpStream) + Send + Sync>;
    let says = |body: Vec<u8>| -> Lie { Box::new(move |_, stream| reply(stream, "", &body)) };
    let lies: Vec<(&str, &str, Lie)> = vec![
        ("cut", "Malformed", says(document.as_bytes()[..document.len() / 2].to_vec())),
        ("doubled", "Malformed", says(format!("{document}{document}").into_bytes())),
        ("a page of somebody else", "Malformed", says(b"<html>log in here</html>".to_vec())),
        (
            "a change from nowhere",
            "Gap",
            says(br#"{"sequence":2,"base":1,"as_of":1,"epoch":{"number":1},"cuts":[],"dropped":[]}"#.to_vec()),
        ),
        ("with a member more", "Malformed", says(document.replacen('{', r#"{"trust":"me","#, 1).into_bytes())),
        (
            "said to be 100 MB",
            "TooLarge",
            Box::new(|_, stream| {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n");
                let chunk = vec![b' '; 64 * 1024];
                while stream.write_all(&chunk).is_ok() {}
            }),
        ),
        (
            "without an end",
            "TooLarge",
            Box::new(|_, stream| {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                let chunk = [b"10000\r\n".to_vec(), vec![b' '; 64 * 1024], b"\r\n".to_vec()].concat();
                while stream.write_all(&chunk).is_ok() {}
            }),
        ),
        ("100 MB, packed", "TooLarge", Box::new(move |_, stream| reply(stream, "Content-Encoding: gzip\r\n", &bomb))),
        ("not packed at all", "Malformed", Box::new(|_, stream| reply(stream, "Content-Encoding: gzip\r\n", b"plain"))),
        (
            "elsewhere",
            "Status(302)",
            Box::new(|_, stream| {
                let _ = stream
                    .write_all(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
            }),
        ),
        (
            "no HTTP",
            "Unreachable",
            Box::new(|_, stream| {
                let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
            }),
        ),
        ("nothing", "Unreachable", Box::new(|_, _| {})),
        (
            "a byte now and then",
            "TimedOut",
            Box::new(|_, stream| {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
                while stream.write_all(b" ").is_ok() {
                    std::thread::sleep(Duration::from_millis(100));
                }
            }),
        ),
    ];
    for (what, failure, lie) in lies {
        middle.lie(lie);
        // What was asked before may still be answered in the old way.
        let before = count();
        wait_for(what, || {
            let failures = failures.lock().unwrap();
            failures[before..].iter().any(|heard| heard.contains(failure)).then_some(())
        });
        assert_eq!(verifier.verify(&token, None), Err(Refusal::Stale), "{what}");
        assert!(!verifier.is_ready(), "{what}");
    }
    middle.be_honest(server.port);
    wait_for("the truth", || verifier.verify(&token, None).ok());
}

#[test]
fn what_is_older_or_of_somebody_else_revives_nothing_and_past_the_lease_all_is_refused() {
    let (_place, server, administrator) = open();
    let (_other_place, other, _) = open();
    let (doomed, kept) = (administrator.create_named(&server, "doomed"), administrator.create_named(&server, "kept"));
    let (dead, living) = (server.access_token(&doomed.token), server.access_token(&kept.token));
    let before = whole(&server);
    let middle = Middle::before(server.port);
    let (verifier, failures) = edge_behind(&middle);
    wait_for("the first live set", || verifier.is_ready().then_some(()));
    administrator.delete(&server, &doomed.id);
    wait_for("the deletion", || (verifier.verify(&dead, None) == Err(Refusal::Cut)).then_some(()));

    for (what, failure, document) in [
        ("the set from before the deletion", "Older", before.clone()),
        ("the set of another authority", "AnotherAuthority", whole(&other)),
    ] {
        middle.be_honest(server.port);
        wait_for("the truth", || verifier.verify(&living, None).ok());
        let heard = failures.lock().unwrap().len();
        middle.say(document);
        wait_for(what, || {
            let failures = failures.lock().unwrap();
            failures[heard..].iter().any(|heard| heard.contains(failure)).then_some(())
        });
        let stale = wait_for("the end of the lease", || {
            assert!(verifier.verify(&dead, None).is_err(), "{what}");
            verifier.verify(&living, None).err()
        });
        assert_eq!(stale, Refusal::Stale, "{what}");
        assert_eq!(verifier.verify(&dead, None), Err(Refusal::Stale), "{what}");
    }

    administrator.send(&server, Request::new("POST", "/v1/epoch/advance")).expect(200);
    middle.be_honest(server.port);
    wait_for("the new epoch", || (verifier.verify(&living, None) == Err(Refusal::WrongEpoch)).then_some(()));
    let heard = failures.lock().unwrap().len();
    middle.say(before);
    wait_for("the past epoch to be refused", || {
        assert!(verifier.verify(&living, None).is_err());
        failures.lock().unwrap()[heard..].iter().any(|heard| heard.contains("Older")).then_some(())
    });
}

#[test]
fn a_clock_that_is_off_is_noticed_by_what_the_authority_says() {
    let (_place, server, _administrator) = open();
    let document: serde_json::Value = serde_json::from_str(&whole(&server)).unwrap();
    let as_of = document["as_of"].as_u64().unwrap();
    let middle = Middle::before(server.port);
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&heard);
    let say_the_time = |as_of: u64| {
        let mut document = document.clone();
        document["as_of"] = json!(as_of);
        middle.say(document.to_string());
    };
    // An hour ahead of the authority, whose time is then set right.
    say_the_time(as_of - 3600);
    let verifier = Verifier::builder(format!("http://127.0.0.1:{}", middle.port)).on_event(move |event| {
        if matches!(event, Event::ClockOff { .. } | Event::ClockRight) {
            told.lock().unwrap().push(format!("{event:?}"));
        }
    });
    let _verifier = verifier.start().unwrap();
    let said =
        |what: &str, times: usize| heard.lock().unwrap().iter().filter(|event| event.contains(what)).count() >= times;
    wait_for("a clock that is ahead", || said("ClockOff { seconds: 3", 1).then_some(()));
    middle.be_honest(server.port);
    wait_for("a clock that is right", || said("ClockRight", 1).then_some(()));
    say_the_time(as_of + 3600);
    wait_for("a clock that is behind", || said("ClockOff { seconds: -3", 1).then_some(()));
    assert_eq!(heard.lock().unwrap().len(), 3, "each is said once: {heard:?}");
}
