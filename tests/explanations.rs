//! "Why did this stop?", asked on the command line.

use std::process::Output;

use serde_json::json;

use crate::support::administrator::Administrator;
use crate::support::http::Request;
use crate::support::place::{Place, run_with_input};
use crate::support::server::Server;

/// A server, its administrator, and the command line of that.
pub(crate) struct House {
    pub(crate) place: Place,
    pub(crate) server: Server,
    pub(crate) admin: String,
    pub(crate) administrator: Administrator,
}

impl House {
    pub(crate) fn open() -> House {
        let place = Place::new();
        let admin = place.bootstrap();
        let server = place.serve().start();
        let administrator = Administrator::enter(&server, &admin);
        House { place, server, admin, administrator }
    }

    /// Runs a command as the bearer of a refresh token, with `stdin`.
    pub(crate) fn run_as(&self, refresh_token: &str, arguments: &[&str], stdin: &str) -> Output {
        let mut command = self.place.jeton(arguments);
        command.env("JETON_URL", format!("http://127.0.0.1:{}", self.server.port)).env("JETON_TOKEN", refresh_token);
        run_with_input(&mut command, stdin)
    }

    /// Runs a command as the administrator, with `stdin`; gives what it writes.
    pub(crate) fn run(&self, arguments: &[&str], stdin: &str) -> String {
        let output = self.run_as(&self.admin, arguments, stdin);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Why a token is dead or alive, in a sentence.
    fn why(&self, token: &str) -> String {
        self.run(&["explain", "-"], token)
    }
}

#[test]
fn why_did_this_stop_always_has_an_answer() {
    let house = House::open();
    let parent = house.administrator.create_named(&house.server, "team");
    let child = house.administrator.create(&house.server, &json!({ "name": "service", "parent": parent.id }));
    let token = house.server.access_token(&child.token);
    assert!(house.why(&token).starts_with("alive; it expires at "));
    assert!(house.run(&["explain", &child.id], "").starts_with("alive; "));

    house.run(&["token", "delete", &parent.id, "--reason", "compromised", "--note", "in a log"], "");
    let said = house.why(&token);
    let wanted = format!("refresh token {} `team`, the parent, was ended (compromised) by ", parent.id);
    assert!(said.starts_with("dead since 2") && said.contains(&wanted) && said.contains("\"in a log\""), "{said}");
    assert!(house.run(&["explain", &child.id], "").contains(&wanted));

    let job = house.administrator.create(&house.server, &json!({ "name": "job", "owner": "alice" }));
    let token = house.server.access_token(&job.token);
    let jti = house.server.introspect_itself(&token).expect(200).json()["jti"].as_str().unwrap().to_owned();
    house.run(&["token", "revoke-access", &jti, "--note", "pasted"], "");
    let said = house.run(&["explain", &jti], "");
    assert!(said.contains("this access token was deleted by ") && said.contains("\"pasted\""), "{said}");

    let token = house.server.access_token(&job.token);
    house.run(&["token", "delete", "--owner", "alice", "--yes"], "");
    let said = house.why(&token);
    assert!(said.contains("everything of the owner alice was ended (owner-left) by "), "{said}");

    let job = house.administrator.create_named(&house.server, "job");
    let token = house.server.access_token(&job.token);
    house.run(&["epoch", "advance"], "");
    assert!(house.why(&token).contains("it is of an epoch that is over"));
}

#[test]
fn what_expired_and_what_was_given_back_are_told_apart() {
    let house = House::open();
    let expiring = house.administrator.create(&house.server, &json!({ "name": "expiring", "access_ttl": 1 }));
    let token = house.server.access_token(&expiring.token);
    crate::support::wait_for("the token to expire", || (!house.server.lets_in(&token)).then_some(()));
    assert!(house.why(&token).contains("this access token expired"));

    let given_back = house.administrator.create_named(&house.server, "given back");
    let token = house.server.access_token(&given_back.token);
    house.server.send(Request::form("/oauth2/revoke", &format!("token={}", given_back.token))).expect(200);
    assert!(house.why(&token).contains("was given back by holder"));
}

#[test]
fn a_filter_is_looked_at_before_it_ends_anything() {
    let house = House::open();
    let test = house.administrator.create_named(&house.server, "test-1");
    let other = house.administrator.create_named(&house.server, "real");
    let shown = house.run(&["token", "delete", "--filter", "name=test-", "--dry-run"], "");
    assert!(shown.contains(&test.id) && !shown.contains(&other.id), "{shown}");
    house.server.exchange(&test.token).expect(200);
    house.run(&["token", "delete", "--filter", "name=test-", "--yes", "--json"], "");
    house.server.exchange(&test.token).expect(400);
    house.server.exchange(&other.token).expect(200);
}
