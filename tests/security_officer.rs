//! A security officer draws the rules tighter: sees first whom it would hit, then does it at once.

use serde_json::{Value, json};

use crate::story::open;
use crate::support::administrator::Administrator;
use crate::support::http::Request;

const DAY: u64 = 86_400;

#[test]
fn never_is_not_allowed_90_days_at_most_and_15_minutes_of_access_at_once_and_with_the_names_of_all_it_hits() {
    let (place, server, administrator) = open();
    let create = |request: &Value| administrator.create(&server, request);
    let eternal = create(&json!({ "name": "eternal", "never": true, "scopes": ["orders"] }));
    let long = create(&json!({ "name": "long", "expires_in": 365 * DAY }));
    let slow = create(&json!({ "name": "slow", "expires_in": 30 * DAY, "access_ttl": 3_600 }));
    let fine = create(&json!({ "name": "fine", "expires_in": 30 * DAY }));
    let out = server.access_token(&fine.token);
    let rules = json!({ "never_allowed": false, "refresh_token_maximum": 90 * DAY, "access_token_maximum": 900 });

    let before = administrator.send(&server, Request::get("/v1/settings")).expect(200);
    let tried = administrator.send(&server, Request::json("PATCH", "/v1/settings?dry_run=true", &rules)).expect(200);
    let said = tried.json();
    let mut hit: Vec<&str> =
        said["first"].as_array().unwrap().iter().map(|token| token["id"].as_str().unwrap()).collect();
    let mut expected = [&*eternal.id, &long.id, &slow.id];
    hit.sort_unstable();
    expected.sort_unstable();
    assert_eq!((hit.as_slice(), &said["affected"], &said["complete"]), (&expected[..], &json!(3), &json!(true)));
    assert_eq!(administrator.send(&server, Request::get("/v1/settings")).expect(200).json(), before.json());
    assert!(server.lets_in(&out), "nothing has happened yet");

    // Another administrator was first: what was seen may be wrong by now.
    administrator.send(&server, Request::json("PATCH", "/v1/settings", &json!({ "delegation_levels": 4 }))).expect(200);
    let tag = tried.header("etag").unwrap();
    let apply = |tag: &str| {
        let request = Request::json("PATCH", "/v1/settings?apply=at_once", &rules).header("if-match", tag);
        administrator.send(&server, request)
    };
    apply(tag).expect(412);
    assert!(server.lets_in(&out));
    let now = administrator.send(&server, Request::get("/v1/settings")).expect(200);
    apply(now.header("etag").unwrap()).expect(200);

    assert!(!server.lets_in(&out), "what was out is dead");
    let admin = place.bootstrap();
    server.hide(&admin);
    let administrator = Administrator::enter(&server, &admin);
    for made in [&eternal, &long] {
        let answer = server.exchange(&made.token).expect(200).json();
        let left = answer["refresh_expires_in"].as_u64().unwrap();
        assert!((90 * DAY - 60..=90 * DAY).contains(&left), "{answer}");
    }
    let answer = server.exchange(&slow.token).expect(200).json();
    assert!((895..=900).contains(&answer["expires_in"].as_u64().unwrap()), "{answer}");
    for (request, code) in [
        (json!({ "name": "new", "never": true }), "never-not-allowed"),
        (json!({ "name": "new", "expires_in": 91 * DAY }), "expiry-beyond-maximum"),
        (json!({ "name": "new", "access_ttl": 901 }), "access-ttl-beyond-settings"),
    ] {
        let answer = administrator.send(&server, Request::json("POST", "/v1/refresh-tokens", &request));
        assert_eq!((answer.status / 100, answer.member("code").as_str()), (4, code));
    }
    let soon = "/v1/refresh-tokens?sort=expires&expires_from=2000-01-01T00:00:00Z&limit=1000";
    let listed = administrator.send(&server, Request::get(soon)).expect(200).json();
    let listed: Vec<&str> =
        listed["items"].as_array().unwrap().iter().map(|token| token["name"].as_str().unwrap()).collect();
    assert!(listed.contains(&"eternal"), "what had no date of its own expires by the rules: {listed:?}");
}
