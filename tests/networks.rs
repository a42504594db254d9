//! Where a token may be used from, as real peers find out: each of them an address of loopback.

use serde_json::{Value, json};

use crate::story::open;
use crate::support::administrator::Administrator;
use crate::support::http::{self, Answer, Request};
use crate::support::place::Place;
use crate::support::server::Server;

const HOME: &str = "127.0.0.1";
const AWAY: &str = "127.0.0.2";
const PROXY: &str = "127.0.0.3";

/// The request for a refresh token bound to `networks`, as its access tokens will be.
fn bound_to(networks: &[&str], scopes: &[&str]) -> Value {
    json!({ "name": "vendor", "scopes": scopes, "networks": networks, "networks_in_access_tokens": true })
}

fn send(server: &Server, from: &str, request: Request) -> Answer {
    http::send_from(from, server.port, &request).unwrap()
}

fn exchange(server: &Server, from: &str, refresh_token: &str) -> Answer {
    let form = format!("grant_type=refresh_token&refresh_token={refresh_token}");
    send(server, from, Request::form("/oauth2/token", &form))
}

fn is_invalid_token(answer: &Answer) -> bool {
    answer.status == 401 && answer.header("www-authenticate") == Some("Bearer realm=\"jeton\", error=\"invalid_token\"")
}

#[test]
fn a_bound_token_is_exchanged_and_used_from_its_network_alone() {
    let (_place, server, administrator) = open();
    let vendor = administrator.create(&server, &bound_to(&["127.0.0.1"], &["jeton:read", "jeton:introspect"])).token;

    let refused = exchange(&server, AWAY, &vendor);
    assert_eq!((refused.status, refused.member("error").as_str()), (400, "invalid_grant"));
    let access = exchange(&server, HOME, &vendor).expect(200).member("access_token");
    let own = |from: &str| send(&server, from, Request::get("/v1/self").bearer(&access));
    let list = |from: &str| send(&server, from, Request::get("/v1/refresh-tokens").bearer(&access));
    assert_eq!(own(HOME).expect(200).json()["net"], json!(["127.0.0.1/32"]));
    assert_eq!(list(HOME).status, 200);
    assert!(is_invalid_token(&own(AWAY)) && is_invalid_token(&list(AWAY)));
    // What a client says about itself is nobody's word.
    for forged in ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP"] {
        for claim in [HOME, "for=127.0.0.1"] {
            let request = Request::get("/v1/self").bearer(&access).header(forged, claim);
            assert!(is_invalid_token(&send(&server, AWAY, request)), "{forged}: {claim}");
        }
    }

    // As a caller it is where it must be; as the token asked about it is told, and not judged.
    let ask = |from: &str, caller: &str, token: &str| {
        send(&server, from, Request::form("/oauth2/introspect", &format!("token={token}")).bearer(caller))
    };
    let anyone = administrator.access_token;
    let told = ask(AWAY, &anyone, &access).expect(200).json();
    assert_eq!((&told["active"], &told["net"]), (&true.into(), &json!(["127.0.0.1/32"])));
    assert_eq!(ask(HOME, &access, &anyone).expect(200).json()["active"], true);
    assert!(is_invalid_token(&ask(AWAY, &access, &anyone)), "about another one");
    assert!(is_invalid_token(&ask(AWAY, &access, &access)), "about itself");

    // A gateway's own address is not its client's, and none of them is trusted here.
    for from in [HOME, AWAY] {
        let request = Request::get("/forward-auth").bearer(&access).header("X-Forwarded-For", HOME);
        assert!(is_invalid_token(&send(&server, from, request)), "{from}");
    }
    assert_eq!(send(&server, AWAY, Request::get("/forward-auth").bearer(&anyone)).status, 200, "bound to nothing");
}

#[test]
fn behind_a_trusted_proxy_the_address_that_it_adds_counts_and_no_other() {
    let place = Place::new();
    let secret = place.bootstrap();
    let server = place.serve().arguments(&["--trusted-proxy", PROXY, "--trusted-proxy", "10.0.0.0/8"]).start();
    server.hide(&secret);
    let administrator = Administrator::enter(&server, &secret);
    let request = bound_to(&["203.0.113.0/24", "2001:db8::/32"], &["jeton:read"]);
    let vendor = administrator.create(&server, &request).token;
    let form = format!("grant_type=refresh_token&refresh_token={vendor}");
    let through_proxy = Request::form("/oauth2/token", &form).header("X-Forwarded-For", "203.0.113.5");
    let access = send(&server, PROXY, through_proxy).expect(200).member("access_token");

    for (from, forwarded, is_inside) in [
        (PROXY, &["203.0.113.5"][..], true),
        (PROXY, &["::ffff:203.0.113.5"], true),
        (PROXY, &["2001:db8::7"], true),
        (PROXY, &["203.0.113.5:4711"], true),
        (PROXY, &["198.51.100.1, 203.0.113.5"], true),
        (PROXY, &["198.51.100.1", "203.0.113.5, 10.0.0.9"], true),
        (PROXY, &["nonsense, 203.0.113.5"], true),
        (PROXY, &["203.0.113.5, 198.51.100.1"], false),
        (PROXY, &["203.0.113.5", "198.51.100.1"], false),
        (PROXY, &["203.0.113.5, nonsense"], false),
        (PROXY, &["203.0.113.5,"], false),
        (PROXY, &["203.0.113.5, unknown, 10.0.0.9"], false),
        (PROXY, &[], false),
        (AWAY, &["203.0.113.5"], false),
        (AWAY, &["203.0.113.5, 127.0.0.3"], false),
    ] {
        for target in ["/v1/self", "/forward-auth", "/forward-auth/below?scope=jeton:read"] {
            let request = Request::get(target).bearer(&access);
            let request = forwarded.iter().fold(request, |request, value| request.header("X-Forwarded-For", value));
            let answer = send(&server, from, request);
            let told = format!("{target} from {from} with {forwarded:?}: {}", answer.status);
            assert!(if is_inside { answer.status == 200 } else { is_invalid_token(&answer) }, "{told}");
        }
    }
    let others = send(&server, PROXY, Request::get("/forward-auth").bearer(&access).header("X-Real-IP", "203.0.113.5"));
    assert!(is_invalid_token(&others), "no other header is read");
}

#[test]
fn a_token_for_another_audience_opens_nothing_here_and_only_what_demands_it_there() {
    let orders = "https://orders.example";
    let (_place, server, administrator) = open();
    let request = json!({ "name": "asker", "scopes": ["jeton:introspect", "jeton:read"], "audiences": [orders] });
    let asker = administrator.create(&server, &request).token;
    let bound = exchange(&server, HOME, &asker).expect(200).member("access_token");
    let anyone = administrator.access_token;

    let own = send(&server, HOME, Request::get("/v1/self").bearer(&bound)).expect(200).json();
    assert_eq!(own["aud"], orders, "a token may ask what it is itself, whoever it is for");
    assert!(is_invalid_token(&send(&server, HOME, Request::get("/v1/refresh-tokens").bearer(&bound))));
    let active = |caller: &str, token: &str| {
        let request = Request::form("/oauth2/introspect", &format!("token={token}")).bearer(caller);
        send(&server, HOME, request).expect(200).json()["active"] == true
    };
    assert!(active(&anyone, &bound) && active(&bound, &bound) && !active(&bound, &anyone));

    let check = |target: &str, demanded: &[&str], token: &str| {
        let request = Request::get(target).bearer(token);
        let request = demanded.iter().fold(request, |request, value| request.header("X-Jeton-Require-Audience", value));
        let answer = send(&server, HOME, request);
        assert!(answer.status == 200 || is_invalid_token(&answer), "{}", answer.status);
        answer.status == 200
    };
    assert!(check("/forward-auth", &[], &bound) && check("/forward-auth", &[], &anyone), "by default any will do");
    assert!(check("/forward-auth?audience=https://orders.example", &[orders], &bound));
    assert!(!check("/forward-auth?audience=https://orders.example", &[], &anyone));
    assert!(!check("/forward-auth?audience=https://orders.example", &["https://billing.example"], &bound));
    assert!(!check("/forward-auth", &[orders], &anyone));
}
