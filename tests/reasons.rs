//! Every way in which a token ends, asked about in every way: over HTTP and on the command line, with the token and with its id.
//! What is told is since when, whose act it was, which link of the lineage is to blame, and why.

use serde_json::{Value, json};

use crate::explanations::House;
use crate::support::administrator::{Administrator, Made};
use crate::support::http::Request;
use crate::support::wait_for;

/// What an explanation must tell of a death.
struct Told<'a> {
    cause: &'a str,
    link: &'a str,
    by: Option<&'a str>,
    reason: Option<&'a str>,
    note: Option<&'a str>,
    /// What the command line says of it.
    sentence: &'a str,
}

/// What may be asked about: by itself, and by an id that everybody may know.
struct Asked {
    token: String,
    id: String,
    query: &'static str,
}

impl House {
    /// The public id of the administrator's refresh token: whose act it is that this administrator does.
    fn me(&self) -> String {
        self.admin.trim_start_matches("jtn_rt_").chars().take(22).collect()
    }

    /// The administrator, who may have to enter again.
    fn enter(&mut self) {
        self.administrator = Administrator::enter(&self.server, &self.admin);
    }

    fn access(&self, of: &Made) -> Asked {
        let token = self.server.access_token(&of.token);
        let id = self.server.introspect_itself(&token).expect(200).json()["jti"].as_str().unwrap().to_owned();
        Asked { token, id, query: "jti" }
    }

    fn patch(&self, of: &Made, change: &Value) {
        let request = Request::json("PATCH", &format!("/v1/refresh-tokens/{}", of.id), change);
        self.administrator.send(&self.server, request).expect(200);
    }

    /// The same answer in every way.
    fn explained(&self, asked: &Asked) -> Value {
        let by_token = Request::json("POST", "/v1/explain", &json!({ "token": asked.token }));
        let by_token = self.administrator.send(&self.server, by_token).expect(200);
        assert!(!by_token.text().contains(&asked.token), "a token is never repeated");
        let by_id = Request::get(&format!("/v1/explain?{}={}", asked.query, asked.id));
        let by_id = self.administrator.send(&self.server, by_id).expect(200).json();
        let said = |arguments: &[&str], stdin| serde_json::from_str::<Value>(&self.run(arguments, stdin)).unwrap();
        let on_the_command_line =
            [said(&["explain", "--json", "-"], &asked.token), said(&["explain", "--json", &asked.id], "")];
        let by_token = by_token.json();
        for other in [&by_id].into_iter().chain(&on_the_command_line) {
            for member in ["alive", "cause", "since", "link", "by", "reason", "note", "client_id"] {
                assert_eq!(other[member], by_token[member], "{member} depends on how one asks: {other} and {by_token}");
            }
        }
        by_token
    }

    /// Sees that this is told in every way; gives since when it is dead.
    fn tells(&self, asked: &Asked, told: &Told<'_>) -> Option<String> {
        let explained = self.explained(asked);
        let expected = [Some(told.cause), Some(told.link), told.by, told.reason, told.note];
        let said = ["cause", "link", "by", "reason", "note"].map(|member| explained[member].as_str());
        assert_eq!((explained["alive"].as_bool(), said), (Some(false), expected), "{explained}");
        let since = explained["since"].as_str().map(str::to_owned);
        let sentence = self.run(&["explain", "-"], &asked.token);
        let when = since.as_deref().map_or("dead: ".to_owned(), |since| format!("dead since {since}: "));
        assert!(sentence.starts_with(&when) && sentence.contains(told.sentence), "{sentence}");
        since
    }

    fn lives(&self, asked: &Asked) {
        assert_eq!(self.explained(asked)["alive"], true);
    }
}

fn itself(made: &Made) -> Asked {
    Asked { token: made.token.clone(), id: made.id.clone(), query: "token_id" }
}

#[test]
fn what_was_disabled_says_by_whom_until_it_is_enabled_and_what_it_killed_says_so_for_ever() {
    let house = House::open();
    let parent = house.administrator.create_named(&house.server, "team");
    let child = house.administrator.create(&house.server, &json!({ "name": "service", "parent": parent.id }));
    let token = house.access(&child);
    house.patch(&parent, &json!({ "enabled": false, "note": "seen in a log" }));
    let (me, note) = (house.me(), Some("seen in a log"));
    let sentence = format!("refresh token {} `team`, the parent, was disabled by {me}, \"seen in a log\"", parent.id);
    let told =
        |cause| Told { cause, link: &parent.id, by: Some(&me), reason: Some("disabled"), note, sentence: &sentence };
    let since = house.tells(&token, &told("cut")).unwrap();
    let disabled = house.administrator.show(&house.server, &parent.id)["disabled_at"].clone();
    assert_eq!(disabled, json!(since));
    assert_eq!(house.tells(&itself(&child), &told("disabled")), Some(since.clone()));
    house.patch(&parent, &json!({ "enabled": true }));
    house.lives(&itself(&child));
    assert_eq!(house.tells(&token, &told("cut")), Some(since), "enabling undoes nothing");
}

#[test]
fn what_an_edit_narrowed_says_so_and_the_refresh_token_goes_on() {
    let house = House::open();
    let made = house.administrator.create(&house.server, &json!({ "name": "job", "scopes": ["orders", "stock"] }));
    let token = house.access(&made);
    house.patch(&made, &json!({ "scopes": ["stock"], "note": "orders moved" }));
    let (me, note) = (house.me(), Some("orders moved"));
    let sentence = format!("its refresh token {} `job` was narrowed by {me}, \"orders moved\"", made.id);
    let by = Some(me.as_str());
    house
        .tells(&token, &Told { cause: "cut", link: &made.id, by, reason: Some("narrowed"), note, sentence: &sentence });
    house.lives(&itself(&made));
}

#[test]
fn what_was_rotated_without_overlap_says_so_of_the_old_secret_and_of_its_tokens() {
    let house = House::open();
    let made = house.administrator.create_named(&house.server, "job");
    let token = house.access(&made);
    let next: Value = serde_json::from_str(&house.run(&["token", "rotate", &made.id, "--json"], "")).unwrap();
    let me = house.me();
    let sentence = format!("its refresh token {} `job` was given another secret by {me}", made.id);
    let told =
        |cause, sentence| Told { cause, link: &made.id, by: Some(&me), reason: Some("rotated"), note: None, sentence };
    let since = house.tells(&token, &told("cut", &sentence));
    // The id alone is that of a token that lives: only its old secret is dead.
    let old =
        house.administrator.send(&house.server, Request::json("POST", "/v1/explain", &json!({ "token": made.token })));
    let old = old.expect(200).json();
    assert_eq!((&old["cause"], &old["reason"], &old["by"]), (&json!("wrong-secret"), &json!("rotated"), &json!(me)));
    assert_eq!(old["since"].as_str(), since.as_deref());
    assert!(house.run(&["explain", "-"], &made.token).contains("its secret is none that is taken; it was replaced"));
    let now = Asked { token: next["token"].as_str().unwrap().to_owned(), ..itself(&made) };
    house.server.hide(&now.token);
    house.lives(&now);
}

#[test]
fn a_spent_secret_that_came_back_is_the_policys_own_act() {
    let house = House::open();
    let first = house.administrator.create(&house.server, &json!({ "name": "rotating", "rotates_on_use": true }));
    let token = house.server.exchange(&first.token).expect(200);
    let second = token.member("refresh_token");
    let third = house.server.exchange(&second).expect(200).member("refresh_token");
    let token = token.member("access_token");
    let jti = house.server.introspect_itself(&token).expect(200).json()["jti"].as_str().unwrap().to_owned();
    let token = Asked { token, id: jti, query: "jti" };
    house.lives(&token);
    // Asking with the spent one is no use of it.
    house.run(&["explain", "-"], &first.token);
    house.lives(&token);
    house.server.refuses(&first.token);
    let reason = Some("reuse-detected");
    let sentence = "was ended, since a spent secret was presented again, by policy";
    let told = |cause| Told { cause, link: &first.id, by: Some("policy"), reason, note: None, sentence };
    let since = house.tells(&token, &told("cut")).unwrap();
    assert_eq!(house.administrator.show(&house.server, &first.id)["ended_at"], json!(since));
    assert_eq!(house.tells(&Asked { token: third, ..itself(&first) }, &told("ended")), Some(since));
}

#[test]
fn what_a_parents_or_an_owners_end_reached_names_that_one() {
    let house = House::open();
    let grandparent = house.administrator.create_named(&house.server, "house");
    let parent = house.administrator.create(&house.server, &json!({ "name": "team", "parent": grandparent.id }));
    let child = house.administrator.create(&house.server, &json!({ "name": "service", "parent": parent.id }));
    let token = house.access(&child);
    house.run(&["token", "delete", &grandparent.id, "--reason", "compromised", "--note", "in a ticket"], "");
    let me = house.me();
    let sentence = format!(
        "refresh token {} `house`, an ancestor, was ended (compromised) by {me}, \"in a ticket\"",
        grandparent.id
    );
    let (by, reason, note) = (Some(me.as_str()), Some("compromised"), Some("in a ticket"));
    let told = |cause| Told { cause, link: &grandparent.id, by, reason, note, sentence: &sentence };
    let since = house.tells(&token, &told("cut"));
    assert_eq!(house.tells(&itself(&child), &told("ended")), since);
    assert_eq!(house.administrator.show(&house.server, &grandparent.id)["ended_at"].as_str(), since.as_deref());

    let hers = house.administrator.create(&house.server, &json!({ "name": "job", "owner": "alice" }));
    let token = house.access(&hers);
    house.run(&["token", "delete", "--owner", "alice", "--yes", "--note", "left on Friday"], "");
    let sentence = format!("everything of the owner alice was ended (owner-left) by {me}, \"left on Friday\"");
    let (reason, note) = (Some("owner-left"), Some("left on Friday"));
    let told = |cause| Told { cause, link: "alice", by, reason, note, sentence: &sentence };
    let since = house.tells(&token, &told("cut"));
    assert_eq!(house.tells(&itself(&hers), &told("ended")), since);
}

#[test]
fn what_expired_was_used_up_or_waits_is_nobodys_act() {
    let house = House::open();
    let short =
        house.administrator.create(&house.server, &json!({ "name": "short", "expires_in": 2, "access_ttl": 1 }));
    let token = house.access(&short);
    let expires_at = house.administrator.show(&house.server, &short.id)["expires_at"].clone();
    wait_for("the refresh token to expire", || (house.server.exchange(&short.token).status != 200).then_some(()));
    let nobody = |cause, link, sentence| Told { cause, link, by: None, reason: None, note: None, sentence };
    house.tells(&token, &nobody("expired", &token.id, "this access token expired"));
    let since = house.tells(&itself(&short), &nobody("expired", &short.id, "this refresh token expired"));
    assert_eq!(expires_at, json!(since));

    let once = house.administrator.create(&house.server, &json!({ "name": "once", "max_exchanges": 1 }));
    house.lives(&itself(&once));
    house.lives(&house.access(&once));
    house.tells(&itself(&once), &nobody("used-up", &once.id, "it has no exchanges left"));

    let monday = json!({ "name": "from Monday on", "not_before": "2100-01-04T00:00:00Z", "never": true });
    let early = house.administrator.create(&house.server, &monday);
    house.tells(&itself(&early), &nobody("not-before", &early.id, "it is not taken before a later moment"));
}

#[test]
fn what_an_epoch_or_a_single_cut_ended_says_which() {
    let mut house = House::open();
    let made = house.administrator.create_named(&house.server, "job");
    let (one, other) = (house.access(&made), house.access(&made));
    house.run(&["token", "revoke-access", &one.id, "--reason", "compromised", "--note", "pasted"], "");
    let me = house.me();
    let (by, reason, note) = (Some(me.as_str()), Some("compromised"), Some("pasted"));
    let sentence = format!("this access token was ended (compromised) by {me}, \"pasted\"");
    house.tells(&one, &Told { cause: "cut", link: &one.id, by, reason, note, sentence: &sentence });
    house.lives(&other);

    let past =
        house.administrator.send(&house.server, Request::get("/v1/epoch")).expect(200).json()["number"].to_string();
    house.run(&["epoch", "advance"], "");
    house.enter();
    let sentence = format!("it is of an epoch that is over; the present one was begun by {me} (order)");
    let told = Told { cause: "epoch", link: &past, by: None, reason: None, note: None, sentence: &sentence };
    let since = house.tells(&other, &told);
    let present = house.administrator.send(&house.server, Request::get("/v1/epoch")).expect(200).json();
    assert_eq!(present["began_at"].as_str(), since.as_deref());
    house.lives(&itself(&made));
}

#[test]
fn callers_without_the_right_are_told_nothing() {
    let house = House::open();
    let parent = house.administrator.create_named(&house.server, "team");
    let child = house.administrator.create(&house.server, &json!({ "name": "service", "parent": parent.id }));
    let outsider = house
        .administrator
        .create(&house.server, &json!({ "name": "outsider", "scopes": ["orders", "jeton:introspect"] }));
    let token = house.access(&child);
    let outside = house.server.access_token(&outsider.token);
    house.run(&["token", "delete", &parent.id, "--reason", "compromised", "--note", "in a ticket"], "");
    let asks = || {
        [
            Request::json("POST", "/v1/explain", &json!({ "token": token.token })),
            Request::json("POST", "/v1/explain", &json!({ "token": child.token })),
            Request::get(&format!("/v1/explain?jti={}", token.id)),
            Request::get(&format!("/v1/explain?token_id={}", child.id)),
        ]
    };
    let silent =
        |text: &str| ["compromised", "ticket", &parent.id, "ended", "since"].iter().all(|word| !text.contains(word));
    for (number, request) in asks().into_iter().enumerate() {
        let anonymous = house.server.send(request.clone());
        assert!(anonymous.status == 401 && silent(&anonymous.text()), "{number}: {}", anonymous.text());
        // The dead one may not even ask about itself.
        let dead = house.server.send(request.clone().bearer(&token.token));
        assert!(dead.status == 401 && silent(&dead.text()), "{number}: {}", dead.text());
        let outsiders = house.server.send(request.bearer(&outside));
        assert!(outsiders.status == 403 && silent(&outsiders.text()), "{number}: {}", outsiders.text());
    }
    let introspected = Request::form("/oauth2/introspect", &format!("token={}", token.token)).bearer(&outside);
    assert_eq!(house.server.send(introspected).expect(200).json(), json!({ "active": false }));
    for (arguments, stdin) in [(["explain", "-"], token.token.as_str()), (["explain", &child.id], "")] {
        let output = house.run_as(&outsider.token, &arguments, stdin);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]), "{said}");
        assert!(silent(&said), "{said}");
    }
    let refused = house.server.exchange(&child.token);
    assert!(refused.status == 400 && silent(&refused.text()), "{}", refused.text());
}
