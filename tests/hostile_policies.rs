//! Policies that mean harm, forced into a host that serves: whoever asks is told that nothing can be known, nobody else waits for it,
//! the server stays up, and its operator sees what happened.

#[path = "../host/runtime/tests/runtime/hostile/component.rs"]
#[allow(dead_code, reason = "the tests of the runtime use it too, and other parts of it")]
pub(crate) mod component;

use std::path::PathBuf;
use std::process::Command;

use jeton::config::ServeOptions;
use jeton::policy_files::Trial;
use jeton_runtime::artifacts;
use serde_json::{Value, json};

use crate::policies::{in_force, order, put, says};
use crate::support::administrator::Administrator;
use crate::support::http::{Request, send};
use crate::support::place::{Place, free_port};
use crate::support::server::Launch;
use crate::support::wait_for;
use component::{Behaviour, Forgery, forge};

/// What the server below is told.
const TOLD: &str = "TEST_SERVE_UNTRIED";

/// No option of `jeton` serves a policy that was not tried: the tests start themselves again, with the same code.
#[test]
#[ignore = "a server for the other tests, which start it"]
fn serves_policies_untried() {
    let Ok(told) = std::env::var(TOLD) else { return };
    let told: Value = serde_json::from_str(&told).unwrap();
    let path = |member: &Value| PathBuf::from(member.as_str().unwrap());
    let address = |member: &Value| member.as_str().unwrap().parse().unwrap();
    let options = ServeOptions {
        data: Some(path(&told["data"])),
        listen: Some(address(&told["listen"])),
        metrics_listen: Some(address(&told["metrics"])),
        policy: Some(told["policies"].as_array().unwrap().iter().map(path).collect()),
        ..ServeOptions::default()
    };
    jeton::serve::run_trying(&options.resolve().unwrap(), Trial::None).unwrap();
}

struct Untried {
    launch: Launch,
    metrics: u16,
}

fn untried(place: &Place, policies: &[&str]) -> Untried {
    let (port, metrics) = (free_port(), free_port());
    let told = json!({
        "data": place.data(),
        "listen": format!("127.0.0.1:{port}"),
        "metrics": format!("127.0.0.1:{metrics}"),
        "policies": policies.iter().map(|policy| place.path(policy)).collect::<Vec<_>>(),
    });
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "hostile_policies::serves_policies_untried", "--ignored", "--nocapture"]);
    command.env(TOLD, told.to_string());
    Untried { launch: Launch::new(command, port), metrics }
}

fn figure(metrics: u16, name: &str) -> u64 {
    let page = send(metrics, &Request::get("/metrics")).unwrap().expect(200).text();
    let lines = page.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    lines.into_iter().next().unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
}

const LOAD: &str = "jeton:policy/verification@0.1.0#load";
const VERDICTS: [&str; 3] = [
    "jeton:policy/verification@0.1.0#verify",
    "jeton:policy/verification@0.1.0#introspect",
    "jeton:policy/verification@0.1.0#read-claims",
];

/// A verifier that loads whatever it is given, as of this epoch, and judges so.
fn verifier(verdicts: Behaviour, epoch: u64) -> Vec<u8> {
    let verdicts = VERDICTS.map(|name| (name, verdicts));
    let behaviours = [&[(LOAD, Behaviour::Holds)][..], &verdicts].concat();
    forge(Forgery { world: "verifier", behaviours: &behaviours, epoch, opens_sockets: false })
}

/// An authority that makes live documents of nothing, and exchanges so.
fn authority(exchange: Behaviour) -> Vec<u8> {
    let behaviours =
        [("jeton:policy/live@0.1.0#snapshot", Behaviour::Zeros), ("jeton:policy/exchange@0.1.0#exchange", exchange)];
    forge(Forgery { world: "authority", behaviours: &behaviours, epoch: 1, opens_sockets: false })
}

/// What a policy may do instead of answering.
const HARM: [Behaviour; 5] =
    [Behaviour::Traps, Behaviour::Loops, Behaviour::GrowsTo(0), Behaviour::Recurses, Behaviour::AnswersBeyondItsMemory];

#[test]
fn a_verifier_that_means_harm_gives_no_verdict_and_everything_else_goes_on() {
    for harm in HARM {
        let place = Place::new();
        let refresh_token = place.bootstrap();
        put(&place.path("verifier.wasm"), &verifier(harm, 1));
        let Untried { launch, metrics } = untried(&place, &["verifier.wasm"]);
        let server = launch.start();
        server.hide(&refresh_token);
        // The authority is the shipped one, and goes on.
        let token = server.access_token(&refresh_token);
        for _ in 0..5 {
            server.send(Request::get("/forward-auth").bearer(&token)).expect(503);
            server.introspect_itself(&token).expect(503);
            server.send(Request::get("/v1/self").bearer(&token)).expect(503);
            server.send(Request::get("/healthz")).expect(200);
            server.exchange(&refresh_token).expect(200);
        }
        assert!(figure(metrics, "jeton_policy_failures_total{world=\"verifier\"}") >= 3);
        // Nothing was loaded, so there is nothing to go back to.
        assert_eq!(figure(metrics, "jeton_policy_rollbacks_total"), 0);
        // Each I/O thread has a verifier of its own, and each goes out of service by its own failures.
        wait_for("a verifier to be out of service", || {
            server.send(Request::get("/forward-auth").bearer(&token)).expect(503);
            (server.send(Request::get("/readyz")).status == 503).then_some(())
        });
        says(&server, "3 times in a row and is out of service");
        server.stop();
    }
}

#[test]
fn with_a_policy_that_denies_everything_every_door_is_shut() {
    let place = Place::new();
    let refresh_token = place.bootstrap();
    put(&place.path("verifier.wasm"), &verifier(Behaviour::Refuses, 1));
    let Untried { launch, .. } = untried(&place, &["verifier.wasm"]);
    let server = launch.start();
    server.hide(&refresh_token);
    let token = server.access_token(&refresh_token);
    assert!(!server.lets_in(&token));
    for request in [
        Request::form("/oauth2/introspect", &format!("token={token}")),
        Request::get("/v1/self"),
        Request::get("/v1/refresh-tokens"),
        Request::new("POST", "/v1/epoch/advance"),
        Request::new("POST", "/v1/policy"),
    ] {
        server.send(request.bearer(&token)).expect(401);
    }
    server.stop();
}

#[test]
fn a_verifier_that_fails_after_it_was_loaded_is_taken_back_and_not_one_request_fails() {
    let place = Place::new();
    let refresh_token = place.bootstrap();
    put(&place.path("verifier.wasm"), artifacts::VERIFIER);
    let Untried { launch, metrics } = untried(&place, &["verifier.wasm"]);
    let server = launch.start();
    server.hide(&refresh_token);
    let administrator = Administrator::enter(&server, &refresh_token);
    let epoch = administrator.send(&server, Request::get("/v1/epoch")).expect(200).json()["number"].as_u64().unwrap();
    let before = in_force(&server, &administrator)["verifier"].clone();
    for (harm, rollbacks) in HARM.into_iter().zip(1..) {
        let hostile = verifier(harm, epoch);
        put(&place.path("verifier.wasm"), &hostile);
        assert_eq!(administrator.send(&server, order(&hostile)).expect(200).json()["replaced"], true);
        assert!(server.lets_in(&administrator.access_token));
        let standing = in_force(&server, &administrator);
        assert_eq!((&standing["verifier"], &standing["rollbacks"]), (&before, &json!(rollbacks)), "{standing}");
        assert_eq!(standing["last_rollback"]["verifier"]["sha256"], artifacts::digest(&hostile));
        assert_eq!(figure(metrics, "jeton_policy_rollbacks_total"), rollbacks);
    }
    says(&server, "the policy that was loaded failed: the one before it is in force again");
    // One that does not know this epoch is not loaded at all, tried by the kit or not.
    let hostile = verifier(Behaviour::Zeros, epoch + 1);
    put(&place.path("verifier.wasm"), &hostile);
    let problem = administrator.send(&server, order(&hostile)).expect(409).json();
    assert_eq!(problem["code"], "policy-unfit", "{problem}");
    server.stop();
}

#[test]
fn an_authority_that_fails_after_it_was_loaded_is_taken_back_and_the_next_call_is_answered() {
    let place = Place::new();
    let refresh_token = place.bootstrap();
    put(&place.path("authority.wasm"), artifacts::AUTHORITY);
    put(&place.path("verifier.wasm"), artifacts::VERIFIER);
    let Untried { launch, metrics } = untried(&place, &["authority.wasm", "verifier.wasm"]);
    let server = launch.start();
    server.hide(&refresh_token);
    let administrator = Administrator::enter(&server, &refresh_token);
    let epoch = administrator.send(&server, Request::get("/v1/epoch")).expect(200).json()["number"].as_u64().unwrap();
    for (harm, rollbacks) in HARM.into_iter().chain([Behaviour::Reads]).zip(1..) {
        let hostile = authority(harm);
        put(&place.path("authority.wasm"), &hostile);
        // Only a verifier that loads everything takes what it makes for a live document.
        put(&place.path("verifier.wasm"), &verifier(Behaviour::Refuses, epoch));
        assert_eq!(administrator.send(&server, order(&hostile)).expect(200).json()["replaced"], true);
        // The sweep, which fails too, may have come first.
        let first = server.exchange(&refresh_token);
        assert!([503, 200].contains(&first.status), "{}", first.text());
        server.exchange(&refresh_token).expect(200);
        assert!(server.lets_in(&administrator.access_token));
        assert_eq!(figure(metrics, "jeton_policy_rollbacks_total"), rollbacks);
    }
    // What it does is the one rule again.
    let job = administrator.create_named(&server, "nightly job");
    let token = server.access_token(&job.token);
    assert!(server.lets_in(&token));
    administrator.delete(&server, &job.id);
    assert!(!server.lets_in(&token));
    server.stop();
}
