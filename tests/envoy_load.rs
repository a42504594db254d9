//! The filter under load: it holds what it may hold, and no more; what it costs; and how soon it hears of what was deleted.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::story::open;
use crate::support::envoy::{Answering, Setup};
use crate::support::http::{Kept, Request};
use crate::support::wait_for;

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
    let mut connection = Kept::open(envoy.port);
    let mut status_of = |token: &str| connection.send(&Request::get("/").bearer(token)).unwrap().status;
    let mut settled = 0;
    for number in 0..requests {
        // Every other one is alive; the rest are made up, each another one that takes a whole verification.
        let (token, status) =
            if number % 2 == 0 { (token.clone(), 200) } else { (format!("{body}.{number:084}AA"), 401) };
        assert_eq!(status_of(&token), status, "request {number}");
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
    let mut connection = Kept::open(envoy.port);
    let mut status_of = |token: &str| connection.send(&Request::get("/").bearer(token)).unwrap().status;
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..asked.unwrap_or(DELETIONS) {
        // What is asked about is the child's token, and what is deleted the parent.
        let parent = administrator.create_named(&server, "parent");
        let child = administrator.create(&server, &json!({ "name": "child", "parent": parent.id }));
        let token = server.access_token(&child.token);
        wait_for("the living to pass", || (status_of(&token) == 200).then_some(()));
        administrator.delete(&server, &parent.id);
        let deleted = Instant::now();
        wait_for("the cascade", || (status_of(&token) == 401).then_some(()));
        took.push(deleted.elapsed());
    }
    took.sort_unstable();
    let (median, worst) = (took[took.len() / 2], took[took.len() - 1]);
    eprintln!("Envoy: from the 204 to the first refusal: median {median:.0?}, worst {worst:.0?} of {}", took.len());
    assert!(asked.is_none() || worst <= PUBLISHED, "{worst:?}");
}

/// Requests and rounds of the short run, which only sees that both let in whom they may. The long one says what that costs:
/// `JETON_TEST_ROUNDS=9 tests/run --nocapture beside_jwt_authn`
const REQUESTS_OF_A_ROUND: u32 = 500;
const REQUESTS_OF_A_LONG_ROUND: u32 = 20_000;

#[test]
fn the_filter_lets_in_the_living_beside_jwt_authn_and_says_what_either_costs() {
    let rounds: Option<usize> = std::env::var("JETON_TEST_ROUNDS").ok().map(|count| count.parse().unwrap());
    let requests = rounds.map_or(REQUESTS_OF_A_ROUND, |_| REQUESTS_OF_A_LONG_ROUND);
    let (place, server, administrator) = open();
    let live = administrator.create(&server, &json!({ "name": "edge", "scopes": ["jeton:live"] }));
    let token = server.access_token(&administrator.create_named(&server, "job").token);

    let mut filter = Setup::with_filter(&place, server.port, Answering::api().port, &live.token);
    answer_at_the_door(&mut filter);
    let mut jwt_authn = Setup::of("envoy-jwt-authn.json", &place, server.port, Answering::api().port);
    answer_at_the_door(&mut jwt_authn);
    let issuer = administrator.send(&server, Request::get("/v1/live")).json()["issuer"].clone();
    let provider = &mut manager(&mut jwt_authn)["http_filters"][0]["typed_config"]["providers"]["jeton"];
    (provider["issuer"], provider["audiences"]) = (issuer.clone(), json!([issuer]));
    // It remembers what it verified as well.
    provider["jwt_cache_config"] = json!({ "jwt_cache_size": 1000 });
    let envoys = [filter.start(), jwt_authn.start()];
    let mut connections = envoys.each_ref().map(|envoy| {
        envoy.wait_for("it to be ready", 200, &Request::get("/").bearer(&token));
        Kept::open(envoy.port)
    });

    let mut costs: [Vec<f64>; 2] = Default::default();
    let request = Request::get("/").bearer(&token);
    for _ in 0..rounds.unwrap_or(1) {
        for ((envoy, connection), costs) in envoys.iter().zip(&mut connections).zip(&mut costs) {
            let before = envoy.processor();
            for _ in 0..requests {
                assert_eq!(connection.send(&request).unwrap().status, 200);
            }
            costs.push((envoy.processor() - before).as_secs_f64() * 1e6 / f64::from(requests));
        }
    }
    let [filter, jwt_authn] = costs.map(|mut costs| {
        costs.sort_by(f64::total_cmp);
        costs[costs.len() / 2]
    });
    eprintln!(
        "Envoy: processor of a request with the filter {filter:.1} us, with jwt_authn and its cache {jwt_authn:.1} us: {:.2} x",
        filter / jwt_authn
    );
}

/// What Envoy's one listener does with requests.
fn manager(setup: &mut Setup) -> &mut Value {
    &mut setup.config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
}

/// Nothing stands behind Envoy that could be slow.
fn answer_at_the_door(setup: &mut Setup) {
    manager(setup)["route_config"]["virtual_hosts"][0]["routes"] =
        json!([{ "match": { "prefix": "/" }, "direct_response": { "status": 200 } }]);
}
