//! Exchanges race the deletion of what they exchange.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::story::open;
use crate::support::administrator::Administrator;
use crate::support::http::{Request, send};
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
