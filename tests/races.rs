//! What races what it depends on: exchanges and their deletion, children and their parent, rotations, dry runs and writes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};

use serde_json::json;

use crate::story::open;
use crate::support::administrator::Administrator;
use crate::support::http::{Answer, Request, send};
use crate::support::server::Server;
use crate::support::wait_for;

const ROUNDS: usize = 8;
const EXCHANGES: usize = 200;
const CLIENTS: usize = 8;

#[test]
fn no_access_token_is_alive_after_its_refresh_token_was_deleted_amid_exchanges() {
    let (_place, server, administrator) = open();
    for round in 0..ROUNDS {
        let made = administrator.create_named(&server, &format!("racing {round}"));
        let minted = race(&server, &made.token, round, || administrator.delete(&server, &made.id));
        assert_all_dead(&server, &administrator, &minted);
        server.refuses(&made.token);
    }
}

#[test]
fn no_access_token_of_a_child_is_alive_after_the_parent_was_deleted_amid_exchanges() {
    let (_place, server, administrator) = open();
    for round in 0..ROUNDS {
        let parent = administrator.create_named(&server, &format!("parent {round}"));
        let child = administrator.create(&server, &json!({ "name": "child", "parent": parent.id }));
        let minted = race(&server, &child.token, round, || administrator.delete(&server, &parent.id));
        assert_all_dead(&server, &administrator, &minted);
    }
}

#[test]
fn no_access_token_is_alive_after_its_bearer_gave_the_refresh_token_back_amid_exchanges() {
    let (_place, server, administrator) = open();
    for round in 0..ROUNDS {
        let made = administrator.create_named(&server, &format!("given back {round}"));
        let minted = race(&server, &made.token, round, || {
            server.send(Request::form("/oauth2/revoke", &format!("token={}", made.token))).expect(200);
        });
        assert_all_dead(&server, &administrator, &minted);
    }
}

#[test]
fn no_access_token_of_an_older_epoch_is_alive_after_it_was_advanced_amid_exchanges() {
    let (_place, server, administrator) = open();
    let made = administrator.create_named(&server, "kept");
    let admin = administrator.create(&server, &json!({ "name": "second administrator", "scopes": ["jeton:admin"] }));
    for round in 0..ROUNDS {
        let orderer = Administrator::enter(&server, &admin.token);
        let advanced = Mutex::new(0);
        let minted = race(&server, &made.token, round, || {
            let epoch = orderer.send(&server, Request::new("POST", "/v1/epoch/advance")).expect(200).json();
            *advanced.lock().unwrap() = epoch["number"].as_u64().unwrap();
        });
        let jwks = server.send(Request::get("/.well-known/jwks.json")).expect(200).json();
        let kid = jwks["keys"][0]["kid"].as_str().unwrap();
        for token in &minted {
            assert_eq!(
                server.lets_in(token),
                key_id(token) == kid,
                "alive is what the new epoch's key has signed, and nothing else"
            );
        }
    }
}

#[test]
fn a_parent_that_is_deleted_amid_the_making_of_its_children_leaves_none_of_them_alive() {
    let (_place, server, administrator) = open();
    for round in 0..ROUNDS {
        let parent = administrator.create(&server, &json!({ "name": format!("parent {round}"), "scopes": ["orders"] }));
        let (answered, made) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    loop {
                        let child = json!({ "name": "child", "parent": parent.id, "scopes": ["orders"] });
                        let answer = administrator.send(&server, Request::json("POST", "/v1/refresh-tokens", &child));
                        answered.fetch_add(1, Ordering::Relaxed);
                        match answer.status {
                            201 => made.lock().unwrap().push((answer.member("id"), answer.member("token"))),
                            409 => return assert_eq!(answer.member("code"), "parent-ended"),
                            other => panic!("a creation answered {other}: {}", answer.text()),
                        }
                    }
                });
            }
            wait_for("the moment", || (answered.load(Ordering::Relaxed) >= 2 * round).then_some(()));
            administrator.delete(&server, &parent.id);
        });
        for (id, token) in made.into_inner().unwrap() {
            let child = administrator.show(&server, &id);
            assert_eq!((&child["state"], &child["reason"]), (&json!("deleted"), &json!("parent-ended")));
            server.refuses(&token);
        }
    }
}

#[test]
fn of_rotations_at_the_same_time_one_has_its_overlap_and_of_those_without_one_the_last_secret_is_good() {
    let (_place, server, administrator) = open();
    let job = administrator.create_named(&server, "nightly job");
    let rotate = |overlap: u64| -> Vec<Answer> {
        let (target, line) = (format!("/v1/refresh-tokens/{}/rotate", job.id), Barrier::new(CLIENTS));
        std::thread::scope(|scope| {
            let client = || {
                line.wait();
                let request = Request::json("POST", &target, &json!({ "overlap_seconds": overlap }));
                administrator.send(&server, request)
            };
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        })
    };
    let answers = rotate(3_600);
    let (served, refused): (Vec<&Answer>, Vec<&Answer>) = answers.iter().partition(|answer| answer.status == 200);
    let [served] = served[..] else { panic!("{} rotations were served", served.len()) };
    assert!(refused.iter().all(|answer| (answer.status, &*answer.member("code")) == (409, "overlap-not-over")));
    let new = served.member("token");
    assert!(server.lets_in(&server.access_token(&job.token)), "its overlap has begun");
    let out = server.access_token(&new);

    let answers = rotate(0);
    let secrets: Vec<String> = answers.into_iter().map(|answer| answer.expect(200).member("token")).collect();
    assert!(!server.lets_in(&out));
    [&job.token, &new].into_iter().for_each(|old| server.refuses(old));
    let good = secrets.iter().filter(|secret| server.exchange(secret).status == 200);
    assert_eq!(good.count(), 1);
    assert_eq!(administrator.show(&server, &job.id)["generation"], json!(2 + CLIENTS));
}

#[test]
fn a_dry_run_that_races_writes_shows_what_some_moment_had_and_changes_nothing() {
    let (_place, server, administrator) = open();
    let writes = 24_u64;
    let is_over = AtomicBool::new(false);
    let spans = |answer: &Answer| {
        let (body, tag) = (answer.json(), answer.header("etag").unwrap().trim_matches('"').parse::<u64>().unwrap());
        (tag, body["settings"]["access_token_expiration"].as_u64(), body["settings"]["never_allowed"].as_bool())
    };
    let seen: Vec<_> = std::thread::scope(|scope| {
        let officer = || {
            let mut seen = Vec::new();
            while !is_over.load(Ordering::Relaxed) || seen.is_empty() {
                let asked = Request::json("PATCH", "/v1/settings?dry_run=true", &json!({ "never_allowed": false }));
                seen.push(spans(&administrator.send(&server, asked).expect(200)));
            }
            seen
        };
        let officers: Vec<_> = (0..CLIENTS / 2).map(|_| scope.spawn(officer)).collect();
        for write in 1..=writes {
            // Each is told apart from the others by what it sets: at generation g it is 1000 + g.
            let change = json!({ "access_token_expiration": 1_001 + write });
            administrator.send(&server, Request::json("PATCH", "/v1/settings", &change)).expect(200);
        }
        is_over.store(true, Ordering::Relaxed);
        officers.into_iter().flat_map(|officer| officer.join().unwrap()).collect()
    });
    for (generation, span, never_allowed) in seen {
        let expected = if generation == 1 { 900 } else { 1_000 + generation };
        assert_eq!((span, never_allowed), (Some(expected), Some(false)), "at generation {generation}");
    }
    let settings = administrator.send(&server, Request::get("/v1/settings")).expect(200);
    assert_eq!(settings.header("etag"), Some(&*format!("\"{}\"", writes + 1)));
    assert_eq!(settings.json()["never_allowed"], json!(true), "a dry run changes nothing");
}

#[test]
fn of_officers_who_apply_what_they_have_seen_in_the_same_dry_run_one_is_served() {
    let (_place, server, administrator) = open();
    let dry = Request::json("PATCH", "/v1/settings?dry_run=true", &json!({ "access_token_expiration": 600 }));
    let seen = administrator.send(&server, dry).expect(200).header("etag").unwrap().to_owned();
    let line = Barrier::new(CLIENTS);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let officer = |number: usize| {
            let (line, seen, administrator, server) = (&line, &seen, &administrator, &server);
            move || {
                line.wait();
                let change = json!({ "access_token_expiration": 600 + number });
                let request = Request::json("PATCH", "/v1/settings", &change).header("If-Match", seen);
                administrator.send(server, request).status
            }
        };
        let officers: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(officer(number))).collect();
        officers.into_iter().map(|officer| officer.join().unwrap()).collect()
    });
    let served = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!((served, statuses.iter().filter(|status| **status == 412).count()), (1, CLIENTS - 1));
}

fn key_id(token: &str) -> String {
    use base64::Engine;
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<serde_json::Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

/// Exchanges from many clients while `act` runs at a moment that differs from round to round; gives every access token that was had,
/// also by exchanges that were answered after `act`.
fn race(server: &Server, refresh_token: &str, round: usize, act: impl FnOnce()) -> Vec<String> {
    server.hide(refresh_token);
    let answered = AtomicUsize::new(0);
    let minted = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                for _ in 0..EXCHANGES / CLIENTS {
                    let fields = format!("grant_type=refresh_token&refresh_token={refresh_token}");
                    let answer = send(server.port, &Request::form("/oauth2/token", &fields)).unwrap();
                    answered.fetch_add(1, Ordering::Relaxed);
                    match answer.status {
                        200 => minted.lock().unwrap().push(answer.member("access_token")),
                        400 => assert_eq!(answer.json()["error"], "invalid_grant"),
                        // So many bad ones from one address are told to wait; a good one never is.
                        429 => assert!(answer.header("retry-after").is_some()),
                        other => panic!("an exchange answered {other}: {}", answer.text()),
                    }
                }
            });
        }
        let moment = round * EXCHANGES / (ROUNDS + 2);
        wait_for("the moment", || (answered.load(Ordering::Relaxed) >= moment).then_some(()));
        act();
    });
    let minted = minted.into_inner().unwrap();
    minted.iter().for_each(|token| server.hide(token));
    minted
}

fn assert_all_dead(server: &Server, administrator: &Administrator, minted: &[String]) {
    for token in minted {
        assert!(!server.lets_in(token));
        assert!(!administrator.says_alive(server, token));
    }
}
