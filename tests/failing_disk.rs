//! The disk fails under a running server: what cannot be made durable is not acknowledged, and verification goes on.

use std::sync::{Arc, Mutex};

use jeton_verifier::{Refusal, Verifier};
use serde_json::json;

use crate::support::administrator::Administrator;
use crate::support::envoy::{Answering, Setup};
use crate::support::http::Request;
use crate::support::place::Place;
use crate::support::server::Server;
use crate::support::shim::Disk;
use crate::support::wait_for;

/// A write is answered with 503, nothing is acknowledged, and what is alive or dead is told from memory.
fn assert_fails_closed(server: &Server, administrator: &Administrator, living: &str, dead: &str) {
    let create = administrator
        .send(server, Request::json("POST", "/v1/refresh-tokens", &json!({ "name": "never" })))
        .expect(503);
    assert!(create.header("retry-after").is_some());
    assert!(!create.text().contains("jtn_rt_"), "a token that may not exist was handed out");
    administrator.send(server, Request::new("POST", "/v1/epoch/advance")).expect(503);
    administrator
        .send(server, Request::json("PATCH", "/v1/settings", &json!({ "access_token_expiration": 60 })))
        .expect(503);
    assert!(server.lets_in(living));
    assert!(!server.lets_in(dead));
    server.send(Request::get("/healthz")).expect(200);
}

fn fails_and_heals(fail: impl Fn(&Disk, bool)) {
    let place = Place::new();
    let admin = place.bootstrap();
    let disk = Disk::under(&place);
    let server = disk.carry(place.serve()).start();
    let administrator = Administrator::enter(&server, &admin);
    let (kept, doomed) = (administrator.create_named(&server, "kept"), administrator.create_named(&server, "doomed"));
    let gone = administrator.create_named(&server, "gone");
    let (living, dead) = (server.access_token(&kept.token), server.access_token(&gone.token));
    administrator.delete(&server, &gone.id);

    fail(&disk, true);
    assert_fails_closed(&server, &administrator, &living, &dead);
    let delete = || Request::new("DELETE", &format!("/v1/refresh-tokens/{}", doomed.id));
    administrator.send(&server, delete()).expect(503);

    fail(&disk, false);
    let healed = wait_for("the store to work again", || {
        let answer = administrator.send(&server, delete());
        (answer.status != 503).then_some(answer)
    });
    assert_eq!(healed.status, 204, "{}", healed.text());
    administrator.create_named(&server, "after");
    assert!(server.lets_in(&living) && !server.lets_in(&dead));
    assert_eq!(administrator.show(&server, &kept.id)["state"], "active");
    let page = administrator.send(&server, Request::get("/v1/refresh-tokens?name=never")).expect(200).json();
    let whole = page["items"].as_array().unwrap().len();
    assert!(whole <= 1, "a creation of unknown outcome happened once or not at all");
    wait_for("readiness", || server.try_send(Request::get("/readyz")).ok().filter(|answer| answer.status == 200));
    server.kill();

    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    server.exchange(&kept.token).expect(200);
    server.exchange(&doomed.token).expect(400);
    server.exchange(&gone.token).expect(400);
    assert_eq!(administrator.show(&server, &doomed.id)["state"], "deleted");
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room_again() {
    fails_and_heals(Disk::set_full);
}

#[test]
fn a_disk_that_cannot_make_anything_durable_gets_nothing_acknowledged() {
    fails_and_heals(Disk::set_broken);
}

/// A Rust edge that follows this port, and what it heard.
fn edge(port: u16, credential: &str) -> (Verifier, Arc<Mutex<Vec<String>>>) {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&heard);
    let builder = Verifier::builder(format!("http://127.0.0.1:{port}")).credential(credential);
    let listening = builder.on_event(move |event| told.lock().unwrap().push(format!("{event:?}")));
    (listening.start().unwrap(), heard)
}

#[test]
fn an_edge_that_starts_while_the_store_fails_is_told_from_memory_and_follows_on_when_it_works_again() {
    let place = Place::new();
    let admin = place.bootstrap();
    let disk = Disk::under(&place);
    let server = disk.carry(place.serve()).start();
    let administrator = Administrator::enter(&server, &admin);
    let live = administrator.create(&server, &json!({ "name": "edge", "scopes": ["jeton:live"] }));
    let (kept, gone) = (administrator.create_named(&server, "kept"), administrator.create_named(&server, "gone"));
    let (living, dead) = (server.access_token(&kept.token), server.access_token(&gone.token));
    administrator.delete(&server, &gone.id);

    disk.set_broken(true);
    assert_fails_closed(&server, &administrator, &living, &dead);
    let (verifier, heard) = edge(server.port, &live.token);
    let envoy = Setup::with_filter(&place, server.port, Answering::api().port, &live.token).start();
    wait_for("the edge to be told", || verifier.verify(&living, None).ok());
    assert_eq!(verifier.verify(&dead, None), Err(Refusal::Cut));
    envoy.wait_for("the edge to be told", 200, &Request::get("/").bearer(&living));
    envoy.call(&Request::get("/").bearer(&dead)).expect(401);
    // Its credential cannot be judged meanwhile. It is told on all the same: one set is good for a lease and no longer.
    let times_told = || heard.lock().unwrap().iter().filter(|event| event.contains("Loaded")).count();
    wait_for("the edge to be told again and again", || (times_told() >= 10).then_some(()));
    wait_for("the edge to go on", || verifier.verify(&living, None).ok());
    envoy.wait_for("the edge to go on", 200, &Request::get("/").bearer(&living));

    disk.set_broken(false);
    let delete = || administrator.send(&server, Request::new("DELETE", &format!("/v1/refresh-tokens/{}", kept.id)));
    wait_for("the store to work again", || (delete().status == 204).then_some(()));
    wait_for("the edge to hear of it", || (verifier.verify(&living, None) == Err(Refusal::Cut)).then_some(()));
    envoy.wait_for("the edge to hear of it", 401, &Request::get("/").bearer(&living));
}

#[test]
fn an_edge_whose_authority_cannot_start_for_its_store_denies_says_so_and_goes_on_by_itself() {
    let place = Place::new();
    let admin = place.bootstrap();
    let disk = Disk::under(&place);
    let server = place.serve_resuming().start();
    let port = server.port;
    let administrator = Administrator::enter(&server, &admin);
    let live = administrator.create(&server, &json!({ "name": "edge", "scopes": ["jeton:live"] }));
    let living = server.access_token(&administrator.create_named(&server, "job").token);
    server.kill();

    disk.set_broken(true);
    let (code, log) = disk.carry(place.serve_resuming_on(port)).refused();
    assert_eq!(code, 1, "{log}");
    let (verifier, heard) = edge(port, &live.token);
    let envoy = Setup::with_filter(&place, port, Answering::api().port, &live.token).start();
    let refused = envoy.call(&Request::get("/").bearer(&living)).expect(503);
    assert_eq!((refused.header("retry-after"), refused.header("cache-control")), (Some("1"), Some("no-store")));
    assert_eq!(verifier.verify(&living, None), Err(Refusal::Stale));
    let says = |what: &str| heard.lock().unwrap().iter().any(|event| event.contains(what));
    wait_for("the edge to say so", || says("FeedFailed").then_some(()));
    assert!(!verifier.is_ready() && envoy.figure("wasmcustom.jeton.feed.answers") == 0);

    disk.set_broken(false);
    let server = disk.carry(place.serve_resuming_on(port)).start();
    wait_for("the edge to go on", || verifier.verify(&living, None).ok());
    envoy.wait_for("the edge to go on", 200, &Request::get("/").bearer(&living));
    server.stop();
}

#[test]
fn a_file_that_may_grow_no_more_refuses_writes_and_kills_nobody() {
    let place = Place::new();
    let admin = place.bootstrap();
    // In units of 512 bytes: the database fits, its log soon does not.
    let server = place.serve().after_shell("trap '' XFSZ; ulimit -f 512").start();
    let administrator = Administrator::enter(&server, &admin);
    let living = server.access_token(&admin);
    let mut made = Vec::new();
    let refused = (0..5_000).any(|number| {
        let request = Request::json("POST", "/v1/refresh-tokens", &json!({ "name": format!("job {number}") }));
        let answer = administrator.send(&server, request);
        match answer.status {
            201 => made.push(answer.member("token")),
            503 => return true,
            other => panic!("{other}: {}", answer.text()),
        }
        false
    });
    assert!(refused, "{} tokens and no end", made.len());
    assert!(server.lets_in(&living));
    server.kill();
    let server = place.serve().start();
    for token in made.iter().rev().take(50) {
        server.exchange(token).expect(200);
    }
}
