//! The power fails at every single moment at which the disk was waited for: what was acknowledged is there afterwards.

use serde_json::json;

use crate::support::administrator::{Administrator, Made};
use crate::support::http::{Request, send};
use crate::support::place::Place;
use crate::support::server::Server;
use crate::support::shim::{Disk, POWER_CUT};
use crate::support::wait_for;

/// More synchronisations than a start, a dozen writes and a stop can need.
const MORE_THAN_ENOUGH: u64 = 500;

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
        let Some(created) = ask(Request::json("POST", "/v1/refresh-tokens", &json!({ "name": format!("job {number}") }))) else {
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

/// Runs the series with the power failing at the `n`-th synchronisation. Whether it failed.
fn run(n: u64, torn: bool) -> bool {
    let place = Place::new();
    let admin = place.bootstrap();
    let disk = Disk::under(&place);
    let mut launch = disk.carry(place.serve()).environment("SHIM_CRASH_AT", n.to_string());
    if torn {
        launch = launch.environment("SHIM_TORN", "1");
    }
    let mut server = launch.start_without_waiting();
    let port = server.port;
    let ready = wait_for("the server to be ready or dead", || {
        if server.ended().is_some() { Some(false) } else { send(port, &Request::get("/readyz")).ok().filter(|answer| answer.status == 200).map(|_| true) }
    });
    let told = if ready { series(&server, &admin).unwrap_or_default() } else { Acknowledged::default() };
    let failed = match server.ended() {
        None if told.made.len() == 3 && told.deleted.len() == 3 => false,
        _ => {
            let status = wait_for("the power cut", || server.ended());
            assert_eq!(status.code(), Some(POWER_CUT), "at {n}: {}", server.log());
            true
        }
    };
    drop(server);

    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    for made in &told.made {
        assert_eq!(administrator.show(&server, &made.id)["state"], "active", "lost at {n}, torn: {torn}");
        server.exchange(&made.token).expect(200);
    }
    for gone in &told.deleted {
        assert_eq!(administrator.show(&server, &gone.id)["state"], "deleted", "back at {n}, torn: {torn}");
        server.exchange(&gone.token).expect(400);
    }
    if let Some(doubtful) = &told.in_doubt {
        let state = administrator.show(&server, &doubtful.id)["state"].clone();
        let status = server.exchange(&doubtful.token).status;
        assert!((state == "active" && status == 200) || (state == "deleted" && status == 400), "{state} and {status}");
    }
    failed
}

fn every_moment(torn: bool) {
    let mut n = 1;
    while run(n, torn) {
        n += 1;
        assert!(n < MORE_THAN_ENOUGH, "the series never ends");
    }
    // Nine writes were acknowledged one after the other, and each waited for the disk.
    assert!(n > 9, "only {n} synchronisations: something was acknowledged that was not durable");
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_at_any_synchronisation() {
    every_moment(false);
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_that_tears_a_write() {
    every_moment(true);
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
    let writes = 400;
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
