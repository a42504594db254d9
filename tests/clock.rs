//! The machine's clock is wrong. It moves here by libfaketime, which reads its offset from a file; monotonic time is left alone.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::administrator::Administrator;
use crate::support::http::Request;
use crate::support::place::Place;
use crate::support::server::{Launch, Server};
use crate::support::wait_for;

/// A clock that can be set.
struct Clock {
    offset: PathBuf,
}

impl Clock {
    fn of(place: &Place) -> Clock {
        let clock = Clock { offset: place.path("clock") };
        clock.set(0);
        clock
    }

    /// Sets it so many seconds before or after the true time.
    fn set(&self, seconds: i64) {
        // Never half a file: it is read at every look at the clock.
        let next = self.offset.with_extension("next");
        std::fs::write(&next, format!("{seconds:+}\n")).unwrap();
        std::fs::rename(next, &self.offset).unwrap();
    }

    fn carry(&self, launch: Launch) -> Launch {
        launch
            .environment("LD_PRELOAD", library())
            .environment("FAKETIME_TIMESTAMP_FILE", &self.offset)
            .environment("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .environment("FAKETIME_NO_CACHE", "1")
            .environment("FAKETIME_DISABLE_SHM", "1")
    }
}

impl Clock {
    /// Sets it ahead and waits until the authority has noted in the store how late it was: it does so every ten seconds.
    fn set_ahead_and_wait_for_the_mark(&self, server: &Server, seconds: i64) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        self.set(seconds);
        let ahead = now.saturating_add_signed(seconds);
        let is_noted = |line: &str| {
            let told: Value = serde_json::from_str(line).unwrap_or_default();
            told["message"] == "swept" && told["at"].as_u64() >= Some(ahead)
        };
        wait_for("the mark of the clock to move", || server.log().lines().any(is_noted).then_some(()));
    }
}

/// Debian's package `faketime` puts it below the folder of the architecture.
fn library() -> PathBuf {
    let folders =
        std::fs::read_dir("/usr/lib").unwrap().filter_map(Result::ok).map(|entry| entry.path().join("faketime"));
    let found = folders
        .chain([Path::new("/usr/lib/faketime").to_owned()])
        .map(|folder| folder.join("libfaketimeMT.so.1"))
        .find(|path| path.exists());
    found.expect("libfaketimeMT.so.1, of Debian's package `faketime`: tests/run installs it")
}

/// Whether a token is let in, and the same by every thread of the server: connections go to one or another.
fn lets_in_everywhere(server: &Server, token: &str) -> bool {
    let verdicts: Vec<bool> = (0..32).map(|_| server.lets_in(token)).collect();
    assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "the threads of one server disagree: {verdicts:?}");
    verdicts[0]
}

fn clock_of(server: &Server) -> String {
    server.send(Request::get("/readyz")).expect(200).json()["checks"]["clock"].as_str().unwrap().to_owned()
}

#[test]
fn a_clock_that_is_set_back_revives_nothing_and_stops_minting_only() {
    let place = Place::new();
    let admin = place.bootstrap();
    let clock = Clock::of(&place);
    let server = clock.carry(place.serve_resuming()).start();
    let administrator = Administrator::enter(&server, &admin);
    let short = administrator.create(&server, &json!({ "name": "short", "access_ttl": 60 }));
    let brief = administrator.create(&server, &json!({ "name": "brief", "expires_in": 90 }));
    let expiring = server.access_token(&short.token);
    assert!(lets_in_everywhere(&server, &expiring));

    clock.set_ahead_and_wait_for_the_mark(&server, 120);
    // One request, so that only one thread has seen the time that the others must not fall behind.
    assert!(!server.lets_in(&expiring), "its 60 seconds are over");
    server.exchange(&brief.token).expect(400);
    let long = administrator.create_named(&server, "long");
    let living = server.access_token(&long.token);
    assert_eq!(clock_of(&server), "ok");

    clock.set(0);
    assert_eq!(clock_of(&server), "behind");
    assert!(!lets_in_everywhere(&server, &expiring), "a clock that is set back revives no access token");
    assert!(lets_in_everywhere(&server, &living), "verification goes on");
    assert!(administrator.says_alive(&server, &living));
    let refused = server.exchange(&long.token).expect(503);
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    assert!(refused.header("retry-after").is_some());
    assert_ne!(server.exchange(&brief.token).status, 200, "a clock that is set back revives no refresh token");
    let create = administrator
        .send(&server, Request::json("POST", "/v1/refresh-tokens", &json!({ "name": "none" })))
        .expect(503);
    assert_eq!(create.json()["code"], "clock-behind");
    administrator.delete(&server, &long.id);
    assert!(!lets_in_everywhere(&server, &living), "what is deleted dies all the same");
    server.stop();

    let server = clock.carry(place.serve_resuming()).start();
    assert_eq!(clock_of(&server), "behind", "the mark outlives the process");
    assert!(!lets_in_everywhere(&server, &expiring));
    assert!(!lets_in_everywhere(&server, &living));
    assert_ne!(server.exchange(&brief.token).status, 200);

    clock.set(150);
    assert_eq!(clock_of(&server), "ok");
    server.exchange(&short.token).expect(200);
    server.exchange(&brief.token).expect(400);
}

#[test]
fn what_has_expired_stays_so_although_the_clock_goes_back_at_once() {
    let place = Place::new();
    let admin = place.bootstrap();
    let clock = Clock::of(&place);
    let server = clock.carry(place.serve()).start();
    let administrator = Administrator::enter(&server, &admin);
    let brief = administrator.create(&server, &json!({ "name": "brief", "expires_in": 90 }));
    let token = server.access_token(&brief.token);
    clock.set(100);
    server.exchange(&brief.token).expect(400);
    for back in [95, 85, 60, 0] {
        clock.set(back);
        assert!(!lets_in_everywhere(&server, &token), "alive again at +{back}");
        for _ in 0..8 {
            assert_ne!(server.exchange(&brief.token).status, 200, "good again at +{back}");
        }
    }
}

#[test]
fn time_stands_still_while_the_clock_is_a_little_behind() {
    let place = Place::new();
    let admin = place.bootstrap();
    let clock = Clock::of(&place);
    let server = clock.carry(place.serve()).start();
    let administrator = Administrator::enter(&server, &admin);
    let made = administrator.create(&server, &json!({ "name": "job", "access_ttl": 30 }));
    let issued_at = |token: &str| server.introspect_itself(token).expect(200).json()["iat"].as_u64().unwrap();
    let before = issued_at(&server.access_token(&made.token));
    clock.set_ahead_and_wait_for_the_mark(&server, 20);
    clock.set(13);
    assert_eq!(clock_of(&server), "ok");
    let after = server.access_token(&made.token);
    assert!(lets_in_everywhere(&server, &after));
    assert!(issued_at(&after) >= before + 20, "policy time never runs backwards");
}

#[test]
fn a_leap_ahead_kills_what_it_passes_and_nothing_comes_back() {
    let place = Place::new();
    let admin = place.bootstrap();
    let clock = Clock::of(&place);
    let server = clock.carry(place.serve()).start();
    let administrator = Administrator::enter(&server, &admin);
    let made = administrator.create_named(&server, "job");
    let token = server.access_token(&made.token);
    clock.set(901);
    assert!(!lets_in_everywhere(&server, &token));
    clock.set(0);
    assert!(!lets_in_everywhere(&server, &token));
    assert_eq!(server.introspect_itself(&token).status, 401);
}

/// `jeton clock accept`, by the clock of the test; gives what it says.
fn accept(place: &Place, clock: &Clock, more: &[&str]) -> String {
    let mut command = place.jeton(&["clock", "accept", "--data"]);
    command.arg(place.data()).args(more).env("LD_PRELOAD", library());
    command.env("FAKETIME_TIMESTAMP_FILE", &clock.offset).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DISABLE_SHM", "1");
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn a_clock_that_was_wrong_is_accepted_by_command_and_nothing_is_revived() {
    let place = Place::new();
    let admin = place.bootstrap();
    let clock = Clock::of(&place);
    let server = clock.carry(place.serve_resuming()).start();
    let administrator = Administrator::enter(&server, &admin);
    let brief = administrator.create(&server, &json!({ "name": "brief", "expires_in": 3600 }));
    let long = administrator.create_named(&server, "long");
    let before = server.access_token(&long.token);
    clock.set_ahead_and_wait_for_the_mark(&server, 7200);
    server.exchange(&brief.token).expect(400);
    clock.set(0);
    assert_eq!(clock_of(&server), "behind");
    let ready = server.send(Request::get("/readyz")).expect(200).json();
    assert!(ready["advice"].as_str().unwrap().contains("jeton clock accept"), "{ready}");
    server.exchange(&long.token).expect(503);

    let said = accept(&place, &clock, &[]);
    assert!(said.contains("1 refresh token had expired"), "{said}");
    assert_eq!(clock_of(&server), "ok");
    assert!(!lets_in_everywhere(&server, &before), "its 15 minutes were over by the wrong clock");
    let after = server.access_token(&long.token);
    assert!(lets_in_everywhere(&server, &after));
    server.exchange(&brief.token).expect(400);
    let administrator = Administrator::enter(&server, &admin);
    assert_eq!(administrator.show(&server, &brief.id)["reason"], "clock-accepted");
    server.stop();
}

#[test]
fn a_stopped_stores_clock_is_accepted_too_and_keep_spares_the_refresh_tokens() {
    let place = Place::new();
    let admin = place.bootstrap();
    let clock = Clock::of(&place);
    let server = clock.carry(place.serve_resuming()).start();
    let administrator = Administrator::enter(&server, &admin);
    let brief = administrator.create(&server, &json!({ "name": "brief", "expires_in": 3600 }));
    let before = server.access_token(&brief.token);
    clock.set_ahead_and_wait_for_the_mark(&server, 7200);
    server.stop();
    clock.set(0);
    let key = place.root_key();
    accept(&place, &clock, &["--keep", "--root-key-file", key.to_str().unwrap()]);
    let server = clock.carry(place.serve_resuming()).start();
    assert_eq!(clock_of(&server), "ok");
    assert!(!lets_in_everywhere(&server, &before));
    server.exchange(&brief.token).expect(200);
}
