//! The main job, as an operator and a script live through it.

use serde_json::{Value, json};

use crate::support::administrator::Administrator;
use crate::support::http::Request;
use crate::support::place::Place;
use crate::support::server::Server;

/// A server with an administrator in it, on a place that lives as long.
pub(crate) fn open() -> (Place, Server, Administrator) {
    let place = Place::new();
    let refresh_token = place.bootstrap();
    let server = place.serve().start();
    server.hide(&refresh_token);
    let administrator = Administrator::enter(&server, &refresh_token);
    (place, server, administrator)
}

#[test]
fn what_a_refresh_token_gives_out_dies_with_it_in_the_very_next_request() {
    let (_place, server, administrator) = open();
    let request = json!({ "name": "nightly job", "scopes": ["reports:read", "reports:write"] });
    let created = administrator.send(&server, Request::json("POST", "/v1/refresh-tokens", &request)).expect(201);
    let record = created.json();
    let (id, refresh_token) = (created.member("id"), created.member("token"));
    assert_eq!(created.header("location"), Some(format!("/v1/refresh-tokens/{id}").as_str()));
    assert_eq!(created.header("cache-control"), Some("no-store"));
    assert_eq!((&record["state"], &record["name"]), (&json!("active"), &json!("nightly job")));
    assert!(refresh_token.starts_with("jtn_rt_") && refresh_token.len() == 79, "{}", refresh_token.len());

    let exchanged = server.exchange(&refresh_token).expect(200);
    let answer = exchanged.json();
    assert_eq!(exchanged.header("cache-control"), Some("no-store"));
    assert_eq!((&answer["token_type"], &answer["scope"]), (&json!("Bearer"), &json!("reports:read reports:write")));
    assert!([899, 900].contains(&number(&answer["expires_in"])), "{answer}");
    assert_eq!(answer.get("refresh_token"), None, "it is not rotated");
    let first = exchanged.member("access_token");
    let second = server.access_token(&refresh_token);

    let introspected =
        administrator.send(&server, Request::form("/oauth2/introspect", &format!("token={first}"))).expect(200).json();
    assert_eq!(introspected["active"], json!(true));
    assert_eq!((&introspected["client_id"], &introspected["sub"]), (&json!(id), &json!(id)));
    assert_eq!(
        (&introspected["scope"], &introspected["token_type"]),
        (&json!("reports:read reports:write"), &json!("Bearer"))
    );
    assert_eq!(introspected["jti"], answer["jti"]);
    assert_eq!(number(&introspected["exp"]) - number(&introspected["iat"]), 900);
    assert_eq!(server.introspect_itself(&first).expect(200).json(), introspected);

    let admitted = server.send(Request::get("/forward-auth/reports?scope=reports:read").bearer(&first)).expect(200);
    assert_eq!(admitted.header("x-jeton-client"), Some(id.as_str()));
    assert_eq!(admitted.header("x-jeton-scope"), Some("reports:read reports:write"));
    assert_eq!(admitted.header("x-jeton-expires"), Some(introspected["exp"].to_string().as_str()));
    server.send(Request::get("/forward-auth/reports?scope=reports:delete").bearer(&first)).expect(403);

    administrator.delete(&server, &id);
    for dead in [&first, &second] {
        assert!(!administrator.says_alive(&server, dead));
        let refused = server.send(Request::get("/forward-auth/reports").bearer(dead)).expect(401);
        assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"jeton\", error=\"invalid_token\""));
        assert_eq!(server.introspect_itself(dead).status, 401);
        server.send(Request::get("/v1/self").bearer(dead)).expect(401);
    }
    assert_eq!(server.exchange(&refresh_token).expect(400).json()["error"], "invalid_grant");
    let tombstone = administrator.show(&server, &id);
    assert_eq!((&tombstone["state"], &tombstone["reason"]), (&json!("deleted"), &json!("deleted")));
    administrator.delete(&server, &id);
    server.stop();
}

#[test]
fn deleting_a_parent_kills_what_its_children_gave_out() {
    let (_place, server, administrator) = open();
    let parent = administrator.create(&server, &json!({ "name": "parent", "scopes": ["a", "b"] }));
    let child = administrator.create(&server, &json!({ "name": "child", "scopes": ["a"], "parent": parent.id }));
    let grandchild = administrator.create(&server, &json!({ "name": "grandchild", "parent": child.id }));
    let bystander = administrator.create_named(&server, "bystander");
    let wider = json!({ "name": "wider", "scopes": ["c"], "parent": parent.id });
    administrator.send(&server, Request::json("POST", "/v1/refresh-tokens", &wider)).expect(400);

    let family = [&parent, &child, &grandchild].map(|made| server.access_token(&made.token));
    let other = server.access_token(&bystander.token);
    assert!(family.iter().all(|token| server.lets_in(token)));

    administrator.delete(&server, &parent.id);
    assert!(family.iter().all(|token| !server.lets_in(token)));
    for made in [&parent, &child, &grandchild] {
        server.exchange(&made.token).expect(400);
    }
    assert_eq!(administrator.show(&server, &grandchild.id)["reason"], "parent-ended");
    assert!(server.lets_in(&other));
}

#[test]
fn an_access_token_never_outlives_its_refresh_token_or_an_ancestor() {
    let (_place, server, administrator) = open();
    let parent = administrator.create(&server, &json!({ "name": "parent", "expires_in": 60 }));
    let child = administrator.create(&server, &json!({ "name": "child", "parent": parent.id, "expires_in": 50 }));
    for (made, seconds) in [(&parent, 60), (&child, 50)] {
        let answer = server.exchange(&made.token).expect(200).json();
        let expires_in = number(&answer["expires_in"]);
        assert!(expires_in <= seconds && expires_in + 10 > seconds, "{answer}");
        assert!(number(&answer["refresh_expires_in"]) <= seconds, "{answer}");
    }
    let never = administrator.create(&server, &json!({ "name": "never", "never": true }));
    let answer = server.exchange(&never.token).expect(200).json();
    assert_eq!(answer.get("refresh_expires_in"), None);
    assert_eq!(administrator.show(&server, &never.id)["expires_at"], Value::Null);
}

#[test]
fn an_access_token_is_dead_when_its_time_is_up() {
    let (_place, server, administrator) = open();
    let made = administrator.create(&server, &json!({ "name": "short", "access_ttl": 1 }));
    let answer = server.exchange(&made.token).expect(200);
    let (token, expires_at) = (answer.member("access_token"), administrator.show(&server, &made.id));
    assert_eq!(expires_at["access_ttl"], 1);
    crate::support::wait_for("the access token to expire", || (!server.lets_in(&token)).then_some(()));
    assert!(!administrator.says_alive(&server, &token));
    server.exchange(&made.token).expect(200);
}

#[test]
fn an_ordered_epoch_kills_every_access_token_and_no_refresh_token() {
    let (_place, server, administrator) = open();
    let made = administrator.create_named(&server, "job");
    let token = server.access_token(&made.token);
    let before = administrator.send(&server, Request::get("/v1/epoch")).expect(200).json();
    let after = administrator.send(&server, Request::new("POST", "/v1/epoch/advance")).expect(200).json();
    assert!(number(&after["number"]) > number(&before["number"]));
    assert_eq!(after["reason"], "order");
    assert!(!server.lets_in(&token));
    assert!(!server.lets_in(&administrator.access_token), "the one who ordered it included");
    assert!(server.lets_in(&server.access_token(&made.token)));
}

#[test]
fn changed_settings_hold_for_what_is_issued_and_exchanged_after_them() {
    let (_place, server, administrator) = open();
    let before = administrator.create_named(&server, "before");
    let old = server.access_token(&before.token);
    let change = json!({ "access_token_expiration": 120, "refresh_token_expiration": 3600 });
    let changed = administrator.send(&server, Request::json("PATCH", "/v1/settings", &change)).expect(200).json();
    for (name, value) in change.as_object().unwrap() {
        assert_eq!(&changed[name], value, "{name}");
    }
    assert_eq!(administrator.send(&server, Request::get("/v1/settings")).expect(200).json(), changed);

    assert!([119, 120].contains(&number(&server.exchange(&before.token).expect(200).json()["expires_in"])));
    let after = administrator.create_named(&server, "after");
    let answer = server.exchange(&after.token).expect(200).json();
    assert!((3590..=3600).contains(&number(&answer["refresh_expires_in"])), "{answer}");
    let claims = server.introspect_itself(&old).expect(200).json();
    assert_eq!(number(&claims["exp"]) - number(&claims["iat"]), 900, "what is out keeps the life it was minted with");
}

#[test]
fn a_bearer_can_give_its_tokens_back() {
    let (_place, server, administrator) = open();
    let made = administrator.create_named(&server, "job");
    let (first, second) = (server.access_token(&made.token), server.access_token(&made.token));
    server.send(Request::form("/oauth2/revoke", &format!("token={first}"))).expect(200);
    assert!(!server.lets_in(&first));
    assert!(server.lets_in(&second));
    server.send(Request::form("/oauth2/revoke", &format!("token={}", made.token))).expect(200);
    assert!(!server.lets_in(&second));
    server.exchange(&made.token).expect(400);
    assert_eq!(administrator.show(&server, &made.id)["reason"], "revoked-by-holder");
    server.send(Request::form("/oauth2/revoke", "token=unknown")).expect(200);
}

#[test]
fn a_list_shows_every_token_once_and_a_batch_deletes_what_it_is_given() {
    let (_place, server, administrator) = open();
    let made: Vec<_> = (0..7).map(|number| administrator.create_named(&server, &format!("job {number}"))).collect();
    let mut seen = Vec::new();
    let mut target = "/v1/refresh-tokens?limit=3".to_owned();
    loop {
        let page = administrator.send(&server, Request::get(&target)).expect(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        target = format!("/v1/refresh-tokens?limit=3&cursor={next}");
    }
    seen.sort();
    let expected: Vec<String> =
        (0..7).map(|number| format!("job {number}")).chain(["the administrator".to_owned()]).collect();
    assert_eq!(seen, expected);

    let ids = json!({ "ids": [made[0].id, made[1].id, made[0].id, "0000000000000000000000", "no id"] });
    let results =
        administrator.send(&server, Request::json("POST", "/v1/refresh-tokens/delete", &ids)).expect(200).json();
    let results: Vec<&str> =
        results["results"].as_array().unwrap().iter().map(|result| result["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["deleted", "deleted", "already-deleted", "not-found", "not-found"]);
    let dead = administrator.send(&server, Request::get("/v1/refresh-tokens?state=deleted")).expect(200).json();
    assert_eq!(dead["items"].as_array().unwrap().len(), 2);
}

#[test]
fn a_resource_server_asks_with_its_own_refresh_token_over_basic() {
    let (_place, server, administrator) = open();
    let resource_server =
        administrator.create(&server, &json!({ "name": "reports API", "scopes": ["jeton:introspect"] }));
    let stranger = administrator.create_named(&server, "stranger");
    let token = server.access_token(&stranger.token);
    let asked = |refresh_token: &str, token: &str| {
        let credentials = base64(format!("{}:{refresh_token}", resource_server.id).as_bytes());
        server.send(
            Request::form("/oauth2/introspect", &format!("token={token}"))
                .header("Authorization", &format!("Basic {credentials}")),
        )
    };
    assert_eq!(asked(&resource_server.token, &token).expect(200).json()["active"], true);
    assert_eq!(
        asked(&resource_server.token, &stranger.token).expect(200).json(),
        json!({ "active": false }),
        "it knows access tokens only"
    );
    asked(&stranger.token, &token).expect(403);
    administrator.delete(&server, &resource_server.id);
    asked(&resource_server.token, &token).expect(401);
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}
