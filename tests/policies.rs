//! Policies of a house's own: tried before they serve, exchanged under load, refused by name.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use jeton_runtime::artifacts;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::hostile_policies::component::{Behaviour, Forgery, component, forge};
use crate::story::open;
use crate::support::administrator::Administrator;
use crate::support::http::{Request, send};
use crate::support::place::{Place, free_port};
use crate::support::server::{Launch, Server};
use crate::support::wait_for;

/// Puts a policy into its place in one step: whoever reads it finds the old one or the new one.
pub(crate) fn put(path: &Path, component: &[u8]) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, component).unwrap();
    std::fs::rename(&beside, path).unwrap();
}

/// What is in force.
pub(crate) fn in_force(server: &Server, administrator: &Administrator) -> Value {
    let mut policy = administrator.send(server, Request::get("/v1/policy")).expect(200).json();
    policy.as_object_mut().unwrap().remove("last_order").expect("it is told what came of the last order");
    policy
}

/// What came of the last order to load the files anew.
fn last_order(server: &Server, administrator: &Administrator) -> Value {
    administrator.send(server, Request::get("/v1/policy")).expect(200).json()["last_order"].take()
}

/// The order to load the files anew, and which one of them must be.
pub(crate) fn order(component: &[u8]) -> Request {
    Request::json("POST", "/v1/policy", &json!({ "sha256": artifacts::digest(component) }))
}

/// Waits until the server has written this.
pub(crate) fn says(server: &Server, what: &str) {
    wait_for(what, || server.log().contains(what).then_some(()));
}

fn serve(place: &Place, policies: &[&str]) -> Launch {
    policies.iter().fold(place.serve(), |launch, policy| launch.argument("--policy").argument(place.path(policy)))
}

#[test]
fn a_policy_is_exchanged_under_load_and_no_request_fails() {
    let place = Place::new();
    let refresh_token = place.bootstrap();
    // Two builds of one source: as different to a host as any two policies, and both in order.
    let (first, second) = (artifacts::VERIFIER, artifacts::WIDE_VERIFIER);
    put(&place.path("verifier.wasm"), first);
    let metrics = free_port();
    let server =
        serve(&place, &["verifier.wasm"]).arguments(&["--metrics-listen", &format!("127.0.0.1:{metrics}")]).start();
    let administrator = Administrator::enter(&server, &refresh_token);
    assert_eq!(
        in_force(&server, &administrator)["verifier"],
        json!({ "sha256": artifacts::digest(first), "shipped": false })
    );
    let job = administrator.create_named(&server, "nightly job");
    let token = server.access_token(&job.token);

    let asks: [&(dyn Fn() + Sync); 3] = [
        &|| assert!(server.lets_in(&token)),
        &|| assert_eq!(server.introspect_itself(&token).expect(200).json()["active"], true),
        &|| drop(server.exchange(&job.token).expect(200)),
    ];
    let stop = AtomicBool::new(false);
    let answered = asks.map(|_| AtomicU64::new(0));
    thread::scope(|scope| {
        let _ends = Ends(&stop);
        for (ask, answered) in asks.iter().zip(&answered) {
            let stop = &stop;
            // The first answer that is not what it always is fails the test.
            scope.spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    ask();
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let more = || {
            let before = answered.each_ref().map(|count| count.load(Ordering::SeqCst));
            let is_more =
                || answered.iter().zip(before).all(|(count, before)| count.load(Ordering::SeqCst) > before + 20);
            wait_for("requests of every kind", || is_more().then_some(()));
        };
        more();
        put(&place.path("verifier.wasm"), second);
        let answer = administrator.send(&server, order(second)).expect(200).json();
        let told = administrator.send(&server, Request::get("/v1/audit?act=policy.load")).expect(200).json();
        assert_eq!(told["items"][0]["verifier"], json!(artifacts::digest(second)), "who exchanged it is told: {told}");
        assert_eq!(
            (&answer["replaced"], &answer["verifier"]["sha256"]),
            (&json!(true), &json!(artifacts::digest(second)))
        );
        more();
        put(&place.path("verifier.wasm"), first);
        kill_process(server.process(), Signal::HUP).unwrap();
        let is_back = || in_force(&server, &administrator)["verifier"]["sha256"] == artifacts::digest(first);
        wait_for("the first policy to be in force again", || is_back().then_some(()));
        more();
    });

    // The one rule holds under the policy that came: nothing that was loaded is less than what was there.
    administrator.delete(&server, &job.id);
    assert!(!server.lets_in(&token));
    // Who ordered it, and what came of it, is written down.
    says(&server, "\"by\":\"SIGHUP\"");
    says(&server, "edges do not follow it by themselves");
    assert_eq!(server.log().matches("another policy is in force").count(), 2, "{}", server.log());
    let page = send(metrics, &Request::get("/metrics")).unwrap().expect(200).text();
    let info = format!("jeton_policy_info{{world=\"verifier\",sha256=\"{}\"}} 1", artifacts::digest(first));
    for line in [info.as_str(), "jeton_policy_loads_total 2", "jeton_policy_rollbacks_total 0"] {
        assert!(page.contains(line), "{line} in {page}");
    }
    let metadata = server.send(Request::get("/.well-known/oauth-authorization-server")).expect(200).json();
    assert_eq!(metadata["jeton_verifier_sha256"], artifacts::digest(first));
}

/// Lets those who go on until they are told end, also where the test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn an_authority_of_the_house_issues_and_exchanges_and_can_be_replaced() {
    let place = Place::new();
    put(&place.path("authority.wasm"), artifacts::AUTHORITY);
    let refresh_token = place.bootstrap();
    let server = serve(&place, &["authority.wasm"]).start();
    let administrator = Administrator::enter(&server, &refresh_token);
    let members = in_force(&server, &administrator);
    assert_eq!((&members["authority"]["shipped"], &members["verifier"]["shipped"]), (&json!(false), &json!(true)));
    let job = administrator.create_named(&server, "nightly job");
    assert!(server.lets_in(&server.access_token(&job.token)));
    // The same again is no other policy.
    assert_eq!(administrator.send(&server, order(artifacts::AUTHORITY)).expect(200).json()["replaced"], false);
    server.stop();
}

/// Files that are no policy, and what is said of each.
fn useless() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let importing = forge(Forgery { world: "verifier", behaviours: &[], epoch: 1, opens_sockets: true });
    let approving: Vec<_> = ["verify", "introspect", "read-claims", "load"]
        .map(|name| format!("jeton:policy/verification@0.1.0#{name}"))
        .into_iter()
        .collect();
    let approving: Vec<(&str, Behaviour)> = approving.iter().map(|name| (name.as_str(), Behaviour::Zeros)).collect();
    vec![
        ("not WebAssembly", b"#!/bin/sh\n".to_vec(), "not WebAssembly"),
        ("nothing", Vec::new(), "not WebAssembly"),
        ("core WebAssembly", b"\0asm\x01\0\0\0".to_vec(), "a core WebAssembly module, not a component"),
        ("the filter for Envoy", artifacts::ENVOY_FILTER.to_vec(), "a core WebAssembly module, not a component"),
        ("cut short", artifacts::VERIFIER[..1000].to_vec(), "a broken component"),
        ("of another world", b"\0asm\x0d\0\x01\0".to_vec(), "of another world than `jeton:policy`: it exports nothing"),
        ("with sockets", importing, "it imports wasi:sockets/instance-network@0.2.0"),
        ("trapping", component("verifier", &[]), "does not hold what a policy must hold"),
        // It lies about who is alive.
        ("approving", component("verifier", &approving), "does not hold what a policy must hold"),
    ]
}

#[test]
fn what_is_no_policy_is_refused_at_the_start() {
    for (what, bytes, said) in useless() {
        let place = Place::new();
        put(&place.path("policy.wasm"), &bytes);
        let (code, log) = serve(&place, &["policy.wasm"]).refused();
        assert_eq!(code, 1, "{what}: {log}");
        assert!(log.contains(said), "{what}: {log}");
        assert!(!place.data().exists(), "{what}: nothing was touched");
    }
    let (code, log) = serve(&Place::new(), &["nowhere.wasm"]).refused();
    assert!(code == 1 && log.contains("cannot read the policy"), "{log}");
    let place = Place::new();
    put(&place.path("one.wasm"), artifacts::VERIFIER);
    put(&place.path("two.wasm"), artifacts::WIDE_VERIFIER);
    let (code, log) = serve(&place, &["one.wasm", "two.wasm"]).refused();
    assert!(code == 1 && log.contains("two of the policies are of the verifier world"), "{log}");
}

#[test]
fn what_is_no_policy_is_refused_at_an_exchange_and_the_server_stays_as_it_was() {
    let place = Place::new();
    put(&place.path("verifier.wasm"), artifacts::VERIFIER);
    let refresh_token = place.bootstrap();
    let server = serve(&place, &["verifier.wasm"]).start();
    let administrator = Administrator::enter(&server, &refresh_token);
    let before = in_force(&server, &administrator);
    for (what, bytes, said) in useless() {
        put(&place.path("verifier.wasm"), &bytes);
        let problem = administrator.send(&server, order(&bytes)).expect(409).json();
        assert!(problem["detail"].as_str().unwrap().contains(said), "{what}: {problem}");
        assert_eq!(problem["code"], "policy-refused", "{what}");
        let order = last_order(&server, &administrator);
        assert_eq!(order["refusal"]["code"], "policy-refused", "{what}: {order}");
        assert!(order["ended_at"].is_string(), "{what}: {order}");
        assert_eq!(in_force(&server, &administrator), before, "{what}");
        assert!(server.lets_in(&administrator.access_token), "{what}");
    }
    // By the signal it is said in the log alone.
    kill_process(server.process(), Signal::HUP).unwrap();
    says(&server, "\"by\":\"SIGHUP\",");
    std::fs::remove_file(place.path("verifier.wasm")).unwrap();
    let problem = administrator.send(&server, Request::new("POST", "/v1/policy")).expect(409).json();
    assert_eq!(problem["code"], "policy-unreadable");
    // Not what the administrator means is in the file.
    put(&place.path("verifier.wasm"), artifacts::WIDE_VERIFIER);
    let problem = administrator.send(&server, order(artifacts::VERIFIER)).expect(409).json();
    assert_eq!(problem["code"], "another-policy-file");
    assert_eq!(in_force(&server, &administrator), before);
    server.stop();
}

#[test]
fn an_authority_without_policies_of_its_own_has_none_to_load_and_only_administrators_may_ask() {
    let (_place, server, administrator) = open();
    let members = in_force(&server, &administrator);
    assert_eq!(members["verifier"], json!({ "sha256": artifacts::digest(artifacts::VERIFIER), "shipped": true }));
    let problem = administrator.send(&server, Request::new("POST", "/v1/policy")).expect(409).json();
    assert_eq!(problem["code"], "no-policy-files");
    administrator.send(&server, Request::json("POST", "/v1/policy", &json!({ "sha256": "0" }))).expect(400);
    let reader = administrator.create(&server, &json!({ "name": "reader", "scopes": ["jeton:read"] }));
    let reader = Administrator::enter(&server, &reader.token);
    assert_eq!(in_force(&server, &reader), members);
    reader.send(&server, Request::new("POST", "/v1/policy")).expect(403);
    server.send(Request::get("/v1/policy")).expect(401);
    server.stop();
}

#[test]
fn the_command_line_tells_what_is_in_force_and_loads_what_it_is_shown() {
    let place = Place::new();
    put(&place.path("verifier.wasm"), artifacts::VERIFIER);
    let refresh_token = place.bootstrap();
    let server = serve(&place, &["verifier.wasm"]).start();
    server.hide(&refresh_token);
    let run = |arguments: &[&str]| {
        let mut command = place.jeton(arguments);
        command.env("JETON_URL", format!("http://127.0.0.1:{}", server.port)).env("JETON_TOKEN", &refresh_token);
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, shown, _) = run(&["policy", "status", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((code, &shown["verifier"]["shipped"]), (Some(0), &json!(false)));
    let (_, people, _) = run(&["policy", "status"]);
    assert!(people.contains(&artifacts::digest(artifacts::VERIFIER)), "{people}");
    put(&place.path("mine.wasm"), artifacts::WIDE_VERIFIER);
    let (code, _, said) = run(&["policy", "load", "mine.wasm"]);
    assert!(code == Some(1) && said.contains("no file of `--policy` has the SHA-256"), "{said}");
    put(&place.path("verifier.wasm"), artifacts::WIDE_VERIFIER);
    let (code, shown, said) = run(&["policy", "load", "mine.wasm", "--json"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["replaced"], true);
    server.stop();
}
