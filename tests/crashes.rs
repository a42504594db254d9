//! The process dies at a random moment of many concurrent creates and deletes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::audit;
use crate::support::administrator::{Administrator, Made};
use crate::support::http::{Request, send};
use crate::support::place::{Place, random_bytes};
use crate::support::{CEILING, wait_for};

const ROUNDS: usize = 5;
const WRITERS: usize = 8;
/// Creates and deletes that are begun in a round, unless the process dies before.
const OPERATIONS: usize = 1_200;

/// A refresh token and an access token that it gave out.
#[derive(Clone)]
struct Token {
    made: Made,
    access: String,
}

/// What the writers were told.
#[derive(Default)]
struct Told {
    alive: Vec<Token>,
    dead: Vec<Token>,
    /// A deletion was sent and not answered.
    in_doubt: Vec<Token>,
}

#[test]
fn a_kill_at_any_moment_loses_nothing_acknowledged_and_revives_nothing_deleted() {
    let place = Place::new();
    let admin = place.bootstrap();
    let mut earlier = Told::default();
    let file = place.path("audit.jsonl");
    let serve = || place.serve_resuming().argument("--audit-file").argument(&file);
    for round in 0..ROUNDS {
        let server = serve().start();
        let administrator = Administrator::enter(&server, &admin);
        check(&server, &administrator, &mut earlier);
        // Somewhere in the series: at a moment that no run repeats.
        let moment = 200 + usize::from(u16::from_le_bytes(random_bytes::<2>())) % (OPERATIONS - 400);
        let acknowledged = AtomicUsize::new(0);
        let told = Mutex::new(Told::default());
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (acknowledged, told) = (&acknowledged, &told);
                let (administrator, port) = (&administrator, server.port);
                scope.spawn(move || {
                    let mine = write(port, administrator, &format!("{round} {writer}"), acknowledged);
                    let mut told = told.lock().unwrap();
                    told.alive.extend(mine.alive);
                    told.dead.extend(mine.dead);
                    told.in_doubt.extend(mine.in_doubt);
                });
            }
            wait_for("enough answers", || (acknowledged.load(Ordering::Relaxed) >= moment).then_some(()));
            server.kill();
        });
        let told = told.into_inner().unwrap();
        assert!(
            told.alive.len() + 2 * told.dead.len() + told.in_doubt.len() >= moment,
            "the writers remember what they were told"
        );
        earlier.alive.extend(told.alive);
        earlier.dead.extend(told.dead);
        earlier.in_doubt.extend(told.in_doubt);
    }
    let server = serve().start();
    let administrator = Administrator::enter(&server, &admin);
    check(&server, &administrator, &mut earlier);
    assert!(earlier.alive.len() > 100 && earlier.dead.len() > 100);
    server.stop();
    each_is_told_of(&place, &file, &earlier);
}

/// Everything that was acknowledged stands in the audit log, once, and nothing else does; the log is whole, and so is the file that it
/// was handed on to.
fn each_is_told_of(place: &Place, file: &std::path::Path, told: &Told) {
    assert_eq!(audit::head_of(place, Some(file)), audit::head_of(place, None));
    let entries = audit::entries(file);
    let about = |act: &str| -> Vec<String> {
        let of =
            entries.iter().filter(|entry| entry["act"] == act).flat_map(|entry| entry["targets"].as_array().unwrap());
        let mut ids: Vec<String> = of.map(|id| id.as_str().unwrap().to_owned()).collect();
        ids.sort_unstable();
        ids
    };
    let created = about("refresh-token.create");
    let all = told.alive.iter().chain(&told.dead);
    for token in all {
        assert!(created.binary_search(&token.made.id).is_ok(), "nothing tells that {} was made", token.made.id);
    }
    let mut dead: Vec<&str> = told.dead.iter().map(|token| token.made.id.as_str()).collect();
    dead.sort_unstable();
    assert_eq!(about("refresh-token.delete"), dead);
}

/// Creates, exchanges now and then, and deletes every second one, until there are no answers any more.
fn write(port: u16, administrator: &Administrator, name: &str, acknowledged: &AtomicUsize) -> Told {
    let mut told = Told::default();
    let begun = std::time::Instant::now();
    for number in 0..OPERATIONS / WRITERS {
        assert!(begun.elapsed() < CEILING, "the process does not die");
        let create = Request::json("POST", "/v1/refresh-tokens", &json!({ "name": format!("{name} {number}") }));
        let Some(created) =
            send(port, &create.bearer(&administrator.access_token)).ok().filter(|answer| answer.status == 201)
        else {
            break;
        };
        let made = Made { id: created.member("id"), token: created.member("token") };
        acknowledged.fetch_add(1, Ordering::Relaxed);
        let fields = format!("grant_type=refresh_token&refresh_token={}", made.token);
        let exchanged = send(port, &Request::form("/oauth2/token", &fields)).ok().filter(|answer| answer.status == 200);
        let access = exchanged.map(|answer| answer.member("access_token")).unwrap_or_default();
        let token = Token { made, access };
        if number % 2 == 0 {
            told.alive.push(token);
            continue;
        }
        let delete = Request::new("DELETE", &format!("/v1/refresh-tokens/{}", token.made.id));
        match send(port, &delete.bearer(&administrator.access_token)) {
            Ok(answer) if answer.status == 204 => {
                acknowledged.fetch_add(1, Ordering::Relaxed);
                told.dead.push(token);
            }
            _ => {
                told.in_doubt.push(token);
                break;
            }
        }
    }
    told
}

/// Nothing that was acknowledged is lost, nothing deleted is accepted; what was in doubt is one or the other, and stays so.
fn check(server: &crate::support::server::Server, administrator: &Administrator, told: &mut Told) {
    for token in std::mem::take(&mut told.in_doubt) {
        match server.exchange(&token.made.token).status {
            200 => told.alive.push(token),
            400 | 429 => told.dead.push(token),
            other => panic!("an exchange answered {other}"),
        }
    }
    for token in &told.alive {
        server.exchange(&token.made.token).expect(200);
        assert!(token.access.is_empty() || administrator.says_alive(server, &token.access), "an access token was lost");
    }
    for token in &told.dead {
        server.refuses(&token.made.token);
        assert!(
            token.access.is_empty() || !administrator.says_alive(server, &token.access),
            "a dead access token is back"
        );
    }
}
