//! What an administrator changes about a refresh token, and what scripts in the field see of it.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::story::open;
use crate::support::administrator::{Administrator, Made};
use crate::support::http::{Answer, Request, send};
use crate::support::server::Server;

/// Real clients at the same time.
const CLIENTS: usize = 64;
/// Those that share a token which each use replaces: few enough that all have presented it within the grace on any machine.
const SHARERS: usize = 16;

fn patch(administrator: &Administrator, server: &Server, made: &Made, change: &Value) -> Answer {
    administrator.send(server, Request::json("PATCH", &format!("/v1/refresh-tokens/{}", made.id), change))
}

fn rotate(administrator: &Administrator, server: &Server, made: &Made, overlap: u64) -> String {
    let request = json!({ "overlap_seconds": overlap });
    let target = format!("/v1/refresh-tokens/{}/rotate", made.id);
    administrator.send(server, Request::json("POST", &target, &request)).expect(200).member("token")
}

#[test]
fn disabled_at_night_and_enabled_in_the_morning_what_was_out_stays_dead() {
    let (place, server, administrator) = open();
    let leaked = administrator.create_named(&server, "may have leaked");
    let child = administrator.create(&server, &json!({ "name": "child", "parent": leaked.id }));
    let out = [server.access_token(&leaked.token), server.access_token(&child.token)];
    let night = json!({ "enabled": false, "note": "seen in a log" });
    assert_eq!(patch(&administrator, &server, &leaked, &night).expect(200).member("state"), "disabled");
    for token in &out {
        assert!(!server.lets_in(token));
        assert!(!administrator.says_alive(&server, token));
    }
    server.refuses(&leaked.token);
    server.refuses(&child.token);

    // A night passes, and with it the process: what is remembered is remembered on disk.
    server.stop();
    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &place.bootstrap());
    assert_eq!(administrator.show(&server, &child.id)["state"], "disabled");
    server.refuses(&leaked.token);
    let morning = patch(&administrator, &server, &leaked, &json!({ "enabled": true })).expect(200);
    assert_eq!((morning.member("state").as_str(), morning.header("etag")), ("active", Some("\"3\"")));
    for token in &out {
        assert!(!server.lets_in(token), "enabling undoes nothing");
    }
    for made in [&leaked, &child] {
        assert!(server.lets_in(&server.access_token(&made.token)));
    }
}

#[test]
fn a_token_is_rotated_with_an_hour_of_overlap_and_nobody_notices() {
    let (_place, server, administrator) = open();
    let job = administrator.create_named(&server, "nightly job");
    let before = server.access_token(&job.token);
    let stop = AtomicBool::new(false);
    let (new, exchanged) = std::thread::scope(|scope| {
        let working = scope.spawn(|| {
            let mut exchanged = 0_u32;
            while !stop.load(Ordering::Relaxed) || exchanged < 50 {
                assert!(server.lets_in(&server.access_token(&job.token)), "the job notices nothing");
                exchanged += 1;
            }
            exchanged
        });
        let new = rotate(&administrator, &server, &job, 3600);
        stop.store(true, Ordering::Relaxed);
        (new, working.join().unwrap())
    });
    assert!(exchanged >= 50);
    assert!(server.lets_in(&before));
    assert!(server.lets_in(&server.access_token(&new)));
    let old = server.exchange(&job.token).expect(200).json();
    assert!(old["refresh_expires_in"].as_u64().unwrap() <= 3600, "the old one ends with the overlap: {old}");
    assert!(administrator.show(&server, &job.id)["superseded_until"].is_string());

    // When it turns out that the old one leaked, the overlap is ended.
    let newest = rotate(&administrator, &server, &job, 0);
    assert!(!server.lets_in(&before));
    server.refuses(&job.token);
    server.refuses(&new);
    assert!(server.lets_in(&server.access_token(&newest)));
}

#[test]
fn of_sixty_four_clients_that_race_for_a_hundred_exchanges_a_hundred_are_served_and_not_one_more() {
    let (_place, server, administrator) = open();
    let vendor = administrator.create(&server, &json!({ "name": "vendor", "max_exchanges": 100 }));
    let barrier = Barrier::new(CLIENTS);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let client = || {
            barrier.wait();
            (0..3).map(|_| present(&server, &vendor.token)).collect::<Vec<_>>()
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    let served: Vec<String> =
        answers.iter().filter(|answer| answer.status == 200).map(|answer| answer.member("access_token")).collect();
    served.iter().for_each(|token| server.hide(token));
    assert_eq!((answers.len(), served.len()), (192, 100));
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert!([400, 429].contains(&refused.status), "whoever is refused is refused rightly: {}", refused.text());
    }
    assert!(served.iter().all(|token| server.lets_in(token)));
    assert_eq!(administrator.show(&server, &vendor.id)["exchanges_left"], json!(0));
    server.refuses(&vendor.token);
}

#[test]
fn of_clients_that_present_the_same_rotating_token_at_once_all_are_answered_and_one_successor_is_good() {
    let (_place, server, administrator) = open();
    let shared = administrator.create(&server, &json!({ "name": "rotating", "rotates_on_use": true }));
    let barrier = Barrier::new(SHARERS);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let client = || {
            barrier.wait();
            present(&server, &shared.token)
        };
        let clients: Vec<_> = (0..SHARERS).map(|_| scope.spawn(client)).collect();
        clients.into_iter().map(|client| client.join().unwrap().expect(200)).collect()
    });
    assert_eq!(administrator.show(&server, &shared.id)["state"], "active", "nobody is taken for a thief yet");
    for answer in &answers {
        server.hide(&answer.member("access_token"));
        server.hide(&answer.member("refresh_token"));
        assert!(server.lets_in(&answer.member("access_token")));
    }
    let good = answers.iter().filter(|answer| {
        // Whoever gives back what is not in force gives back nothing.
        server.send(Request::form("/oauth2/revoke", &format!("token={}", answer.member("refresh_token")))).expect(200);
        administrator.show(&server, &shared.id)["state"] == "deleted"
    });
    assert!(good.count() >= 1, "one of them was in force");
    assert!(answers.iter().all(|answer| !server.lets_in(&answer.member("access_token"))));
}

#[test]
fn of_many_who_change_the_same_record_that_they_have_read_one_is_served_and_nothing_is_lost() {
    let (_place, server, administrator) = open();
    let made = administrator.create_named(&server, "contended");
    let target = format!("/v1/refresh-tokens/{}", made.id);
    for round in 0..8_usize {
        let etag = administrator.send(&server, Request::get(&target)).expect(200).header("etag").unwrap().to_owned();
        let barrier = Barrier::new(8);
        let answers: Vec<(usize, Answer)> = std::thread::scope(|scope| {
            let writer = |number: usize| {
                let (barrier, administrator, server, target, etag) =
                    (&barrier, &administrator, &server, &target, &etag);
                move || {
                    let change = json!({ "name": format!("round {round} by {number}") });
                    barrier.wait();
                    let request = Request::json("PATCH", target, &change).header("If-Match", etag);
                    (number, administrator.send(server, request))
                }
            };
            let writers: Vec<_> = (0..8).map(|number| scope.spawn(writer(number))).collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        let served: Vec<usize> =
            answers.iter().filter(|(_, answer)| answer.status == 200).map(|(number, _)| *number).collect();
        let [winner] = served[..] else { panic!("{} were served", served.len()) };
        let refused = answers.iter().filter(|(number, _)| *number != winner);
        assert!(refused.clone().count() == 7 && refused.clone().all(|(_, answer)| answer.status == 412));
        let shown = administrator.show(&server, &made.id);
        assert_eq!(shown["name"], json!(format!("round {round} by {winner}")));
        assert_eq!(shown["generation"], json!(round + 2));
    }
}

/// An exchange, whatever its answer.
fn present(server: &Server, refresh_token: &str) -> Answer {
    let fields = format!("grant_type=refresh_token&refresh_token={refresh_token}");
    send(server.port, &Request::form("/oauth2/token", &fields)).unwrap()
}
