//! The power fails at every single moment at which the disk was waited for: what was acknowledged is there afterwards.

use serde_json::json;

use crate::support::administrator::{Administrator, Made};
use crate::support::http::{Request, send};
use crate::support::place::Place;
use crate::support::server::Server;
use crate::support::shim::{Disk, POWER_CUT};
use crate::support::wait_for;

/// More synchronisations than a start, a dozen writes and a stop can need.
const MORE_THAN_ENOUGH: usize = 500;

/// What a series of creates and deletes was told before the power failed.
#[derive(Default)]
struct Acknowledged {
    made: Vec<Made>,
    deleted: Vec<Made>,
    /// The one whose deletion was under way: it may have happened or not.
    in_doubt: Option<Made>,
}

/// Creates and deletes until it is done or there is no answer any more.
fn series(server: &Server, admin: &str) -> Option<Acknowledged> {
    let mut told = Acknowledged::default();
    let fields = format!("grant_type=refresh_token&refresh_token={admin}");
    let entered = send(server.port, &Request::form("/oauth2/token", &fields)).ok()?;
    let access_token = entered.expect(200).member("access_token");
    let ask = |request: Request| send(server.port, &request.bearer(&access_token)).ok();
    for number in 0..6 {
        let Some(created) =
            ask(Request::json("POST", "/v1/refresh-tokens", &json!({ "name": format!("job {number}") })))
        else {
            return Some(told);
        };
        if created.status != 201 {
            return Some(told);
        }
        told.made.push(Made { id: created.member("id"), token: created.member("token") });
        if number % 2 == 1 {
            let gone = told.made.remove(0);
            let deleted = ask(Request::new("DELETE", &format!("/v1/refresh-tokens/{}", gone.id)));
            if deleted.is_none_or(|answer| answer.status != 204) {
                told.in_doubt = Some(gone);
                return Some(told);
            }
            told.deleted.push(gone);
        }
    }
    Some(told)
}

/// What a disk does with what was written when the power fails.
#[derive(Clone, Copy)]
enum Loses {
    /// All that was not synchronised.
    Unsynchronised,
    /// The later half of it.
    HalfOfIt,
    /// What was synchronised too: a disk that lies.
    Everything,
}

/// How a series went whose power failed.
struct Outcome {
    /// Whether the power failed before it was done.
    failed: bool,
    /// What was acknowledged and is not so any more.
    broken: Vec<String>,
}

/// Runs the series with the power failing at the `n`-th synchronisation.
fn run(n: usize, loses: Loses) -> Outcome {
    let place = Place::new();
    let admin = place.bootstrap();
    let disk = Disk::under(&place);
    let launch = disk.carry(place.serve()).environment("SHIM_CRASH_AT", n.to_string());
    let launch = match loses {
        Loses::Unsynchronised => launch,
        Loses::HalfOfIt => launch.environment("SHIM_TORN", "1"),
        Loses::Everything => launch.environment("SHIM_LIES", "1"),
    };
    let mut server = launch.start_without_waiting();
    let port = server.port;
    let ready = wait_for("the server to be ready or dead", || match server.ended() {
        Some(_) => Some(false),
        None => send(port, &Request::get("/readyz")).ok().filter(|answer| answer.status == 200).map(|_| true),
    });
    let told = if ready { series(&server, &admin).unwrap_or_default() } else { Acknowledged::default() };
    let failed = told.made.len() < 3 || told.deleted.len() < 3 || server.ended().is_some();
    if failed {
        let status = wait_for("the power cut", || server.ended());
        assert_eq!(status.code(), Some(POWER_CUT), "at {n}: {}", server.log());
    }
    drop(server);

    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    let state = |made: &Made| {
        let shown = administrator.send(&server, Request::get(&format!("/v1/refresh-tokens/{}", made.id)));
        match (shown.status, server.exchange(&made.token).status) {
            (200, 200) => "active",
            (200, 400) if shown.member("state") == "deleted" => "deleted",
            (404, 400) => "unknown",
            other => panic!("{other:?} at {n}: {}", shown.text()),
        }
    };
    let expected =
        told.made.iter().map(|made| (made, "active")).chain(told.deleted.iter().map(|gone| (gone, "deleted")));
    let mut broken: Vec<String> =
        expected.filter(|(made, wanted)| state(made) != *wanted).map(|(made, _)| made.id.clone()).collect();
    broken.extend(
        told.in_doubt.iter().filter(|doubtful| state(doubtful) == "unknown").map(|doubtful| doubtful.id.clone()),
    );
    Outcome { failed, broken }
}

/// Runs the series once for each synchronisation in it.
fn at_every_moment(loses: Loses) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    while outcomes.last().is_none_or(|last: &Outcome| last.failed) {
        let n = outcomes.len() + 1;
        assert!(n < MORE_THAN_ENOUGH, "the series never ends");
        outcomes.push(run(n, loses));
    }
    // Nine writes were acknowledged one after the other, and each waited for the disk.
    assert!(
        outcomes.len() > 9,
        "only {} synchronisations: something was acknowledged that was not durable",
        outcomes.len()
    );
    outcomes
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_at_any_synchronisation() {
    for outcome in at_every_moment(Loses::Unsynchronised) {
        assert_eq!(outcome.broken, [""; 0]);
    }
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_that_tears_a_write() {
    for outcome in at_every_moment(Loses::HalfOfIt) {
        assert_eq!(outcome.broken, [""; 0]);
    }
}

#[test]
fn this_very_test_would_notice_if_nothing_were_durable() {
    assert!(at_every_moment(Loses::Everything).iter().any(|outcome| !outcome.broken.is_empty()));
}

#[test]
fn a_token_that_bootstrap_printed_survives_a_power_cut_at_any_synchronisation() {
    for n in 1..MORE_THAN_ENOUGH {
        let place = Place::new();
        let disk = Disk::under(&place);
        let mut command = place.jeton(&["bootstrap", "--name", "admin", "--data"]);
        disk.carry_command(command.arg(place.data())).env("SHIM_CRASH_AT", n.to_string());
        let output = command.output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let failed = output.status.code() == Some(POWER_CUT);
        assert!(failed || output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let server = place.serve().start();
        if !printed.trim().is_empty() {
            server.exchange(printed.trim()).expect(200);
        }
        if !failed {
            assert!(n > 1, "bootstrap waited for no disk");
            return;
        }
    }
    panic!("bootstrap never ends");
}

#[test]
fn many_writers_share_one_synchronisation() {
    let place = Place::new();
    let admin = place.bootstrap();
    let disk = Disk::under(&place);
    let server = disk.carry(place.serve()).start();
    let administrator = Administrator::enter(&server, &admin);
    let before = disk.synchronisations();
    let writes = 400_u64;
    std::thread::scope(|scope| {
        for writer in 0..16 {
            let (server, administrator) = (&server, &administrator);
            scope.spawn(move || {
                for number in 0..writes / 16 {
                    administrator.create_named(server, &format!("{writer} {number}"));
                }
            });
        }
    });
    let shared = disk.synchronisations() - before;
    assert!(shared > 0 && shared < writes * 3 / 4, "{shared} synchronisations for {writes} concurrent writes");
}
