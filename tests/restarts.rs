//! What survives the end of the process, and what must not.

use serde_json::json;

use crate::support::administrator::{Administrator, Made};
use crate::support::http::Request;
use crate::support::place::{Place, run_with_input};
use crate::support::server::Server;
use crate::support::wait_for;

#[test]
fn a_reboot_kills_every_access_token_and_no_refresh_token() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    let made = administrator.create_named(&server, "job");
    let token = server.access_token(&made.token);
    server.stop();

    let server = place.serve().start();
    assert!(!server.lets_in(&token));
    assert!(!server.lets_in(&administrator.access_token));
    assert!(server.lets_in(&server.access_token(&made.token)));
    let administrator = Administrator::enter(&server, &admin);
    assert!(!administrator.says_alive(&server, &token));
    assert_eq!(administrator.send(&server, Request::get("/v1/epoch")).expect(200).json()["reason"], "boot");
}

/// A server that resumes, with one refresh token that lives and one that was deleted, and an access token of each.
struct Before {
    place: Place,
    server: Server,
    administrator: Administrator,
    kept: Made,
    dropped: Made,
    alive: String,
    dead: String,
}

impl Before {
    fn new() -> Self {
        let place = Place::new();
        let admin = place.bootstrap();
        let server = place.serve_resuming().start();
        let administrator = Administrator::enter(&server, &admin);
        let (kept, dropped) =
            (administrator.create_named(&server, "kept"), administrator.create_named(&server, "dropped"));
        let (alive, dead) = (server.access_token(&kept.token), server.access_token(&dropped.token));
        administrator.delete(&server, &dropped.id);
        Self { place, server, administrator, kept, dropped, alive, dead }
    }
}

#[test]
fn a_restart_that_resumes_keeps_both() {
    let Before { place, administrator, kept, dropped, alive, dead, server } = Before::new();
    server.stop();

    let server = place.serve_resuming().start();
    assert!(server.lets_in(&alive));
    assert!(!server.lets_in(&dead), "a cut outlives the process");
    assert!(administrator.says_alive(&server, &alive));
    assert!(server.lets_in(&server.access_token(&kept.token)));
    server.exchange(&dropped.token).expect(400);
}

#[test]
fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let Before { place, administrator, dropped, alive, dead, server, .. } = Before::new();
    server.kill();

    let server = place.serve_resuming().start();
    assert!(server.lets_in(&alive));
    assert!(!server.lets_in(&dead));
    assert_eq!(administrator.show(&server, &dropped.id)["state"], "deleted");
    server.exchange(&dropped.token).expect(400);
}

#[test]
fn a_stop_finishes_what_was_accepted() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    let port = server.port;
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let administrator = administrator.clone();
            std::thread::spawn(move || {
                let mut made = Vec::new();
                for number in 0..10_000 {
                    let request =
                        Request::json("POST", "/v1/refresh-tokens", &json!({ "name": format!("{writer} {number}") }));
                    match crate::support::http::send(port, &request.bearer(&administrator.access_token)) {
                        Ok(answer) if answer.status == 201 => made.push(answer.member("id")),
                        Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
                        // Only one that was never accepted may go without an answer.
                        Err(error) => {
                            assert!(!error.to_string().contains("cut short"), "{error}");
                            break;
                        }
                    }
                }
                made
            })
        })
        .collect();
    wait_for("some tokens", || {
        (server.exchange(&admin).status == 200 && list_length(&server, &administrator) > 20).then_some(())
    });
    server.stop();
    let made: Vec<String> = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    for id in &made {
        assert_eq!(administrator.show(&server, id)["state"], "active");
    }
}

fn list_length(server: &Server, administrator: &Administrator) -> usize {
    let page = administrator.send(server, Request::get("/v1/refresh-tokens?limit=100")).expect(200).json();
    page["items"].as_array().unwrap().len()
}

#[test]
fn bootstrap_works_beside_a_running_server_and_ends_no_access_token() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    let second = place.bootstrap();
    server.hide(&second);
    assert!(server.lets_in(&administrator.access_token));
    let page = administrator.send(&server, Request::get("/v1/refresh-tokens")).expect(200).json();
    assert_eq!(page["items"][0]["created_by"], "machine");
    assert!(server.lets_in(&server.access_token(&second)));
}

#[test]
fn the_commands_tell_the_same_story_as_the_calls() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve().start();
    let url = format!("http://127.0.0.1:{}", server.port);
    let jeton = |arguments: &[&str], token: &str, input: &str| {
        let output = run_with_input(place.jeton(arguments).env("JETON_URL", &url).env("JETON_TOKEN", token), input);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let (code, created, error) =
        jeton(&["token", "create", "--name", "nightly job", "--expires", "90d", "--json"], &admin, "");
    assert_eq!(code, 0, "{error}");
    let created: serde_json::Value = serde_json::from_str(&created).unwrap();
    let (id, refresh_token) = (created["id"].as_str().unwrap(), created["token"].as_str().unwrap());
    let (code, access_token, error) = jeton(&["exchange"], refresh_token, "");
    assert_eq!(code, 0, "{error}");
    assert!(server.lets_in(&access_token));
    let (code, claims, error) = jeton(&["verify"], &admin, &access_token);
    assert_eq!(code, 0, "{error}");
    assert!(claims.contains(id), "{claims}");
    let (code, listed, error) = jeton(&["token", "list"], &admin, "");
    assert_eq!(code, 0, "{error}");
    assert!(listed.contains("nightly job") && listed.contains(id), "{listed}");
    let (code, _, error) = jeton(&["token", "delete", id], &admin, "");
    assert_eq!(code, 0, "{error}");
    let (code, printed, error) = jeton(&["verify"], &admin, &access_token);
    assert_eq!((code, printed.as_str()), (1, ""), "{error}");
    let (code, printed, error) = jeton(&["exchange"], refresh_token, "");
    assert_eq!((code, printed.as_str()), (1, ""), "{error}");
    assert!(error.contains("never issued here") && !error.contains(refresh_token), "{error}");
    let (code, _, _) = jeton(&["token", "frobnicate"], &admin, "");
    assert_eq!(code, 2);
    let (code, _, error) = jeton(&["settings", "set", "access_token_expiration=60"], &admin, "");
    assert_eq!(code, 0, "{error}");
    let (code, epoch, error) = jeton(&["epoch", "advance", "--json"], &admin, "");
    assert_eq!(code, 0, "{error}");
    assert!(epoch.contains("order"), "{epoch}");
}

#[test]
fn an_epoch_of_any_algorithm_outlives_a_restart_that_resumes() {
    for alg in ["ES256", "RS256"] {
        let place = Place::new();
        let admin = place.bootstrap();
        let server = place.serve_resuming().arguments(&["--alg", alg]).start();
        let token = server.access_token(&admin);
        server.stop();

        let server = place.serve_resuming().start();
        assert!(server.lets_in(&token), "{alg}");
        let administrator = Administrator { access_token: server.access_token(&admin) };
        assert_eq!(administrator.send(&server, Request::get("/v1/epoch")).expect(200).json()["alg"], alg);
        server.stop();

        let server = place.serve_resuming().arguments(&["--alg", "EdDSA"]).start();
        assert!(server.lets_in(&token), "{alg}: an epoch that goes on keeps its algorithm");
        let says_so = || server.log().contains("jeton epoch advance --alg EdDSA").then_some(());
        wait_for("the log to say so", says_so);
        server.stop();

        let server = place.serve().arguments(&["--alg", "EdDSA"]).start();
        assert!(!server.lets_in(&token), "{alg}");
        assert!(server.lets_in(&server.access_token(&admin)));
    }
}
