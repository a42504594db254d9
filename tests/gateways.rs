//! Gateways that ask by protocol, by the configurations of docs/gateways.md: what they let in, and what they cannot know.

use serde_json::json;

use crate::story::open;
use crate::support::envoy::{Answering, Setup, told};
use crate::support::http::Request;
use crate::support::wait_for;

const FORGED: [&str; 4] = ["X-Jeton-Subject", "x-jeton-client", "X-Jeton-Scope", "X-Jeton-Expires"];

fn forged(request: Request) -> Request {
    FORGED.iter().fold(request, |request, name| request.header(name, "root"))
}

#[test]
fn envoy_that_asks_by_ext_authz_lets_in_what_is_alive_and_nothing_else() {
    let (place, server, administrator) = open();
    let envoy = Setup::of("envoy-ext-authz.json", &place, server.port, Answering::api().port).start();
    let job = administrator.create(&server, &json!({ "name": "job", "owner": "alice", "scopes": ["a"] }));
    let token = server.access_token(&job.token);
    let head = envoy.call(&forged(Request::get("/orders?x=y").bearer(&token))).expect(200).text();
    assert!(!head.contains("root"), "{head}");
    assert_eq!(
        (told(&head, "x-jeton-subject"), told(&head, "x-jeton-scope")),
        (vec!["alice".into()], vec!["a".into()])
    );
    let refused = envoy.call(&Request::get("/")).expect(401);
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"jeton\""));
    administrator.delete(&server, &job.id);
    let refused = envoy.call(&Request::get("/").bearer(&token)).expect(401);
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"jeton\", error=\"invalid_token\""));
    server.stop();
    envoy.call(&Request::get("/").bearer(&token)).expect(503);
}

#[test]
fn envoy_that_knows_the_key_set_alone_tells_signed_from_forged_and_not_alive_from_dead() {
    let (place, server, administrator) = open();
    let mut setup = Setup::of("envoy-jwt-authn.json", &place, server.port, Answering::api().port);
    let issuer = administrator.send(&server, Request::get("/v1/live")).json()["issuer"].clone();
    let manager =
        &mut setup.config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let provider = &mut manager["http_filters"][0]["typed_config"]["providers"]["jeton"];
    (provider["issuer"], provider["audiences"]) = (issuer.clone(), json!([issuer]));
    let envoy = setup.start();
    let job = administrator.create(&server, &json!({ "name": "job", "owner": "alice" }));
    let token = server.access_token(&job.token);
    let head = envoy.call(&forged(Request::get("/").bearer(&token))).expect(200).text();
    assert!(!head.contains("root") && told(&head, "x-jeton-subject") == ["alice"], "{head}");
    assert!(!envoy.call(&forged(Request::get("/healthz"))).expect(200).text().contains("root"));
    envoy.call(&Request::get("/")).expect(401);
    let (body, signature) = token.rsplit_once('.').unwrap();
    let turned: String = signature.chars().rev().collect();
    envoy.call(&Request::get("/").bearer(&format!("{body}.{turned}"))).expect(401);
    envoy.call(&Request::get(&format!("/?access_token={token}"))).expect(401);
    // This is what it cannot know, and what docs/gateways.md says of it.
    administrator.delete(&server, &job.id);
    wait_for("the authority to know", || (!server.lets_in(&token)).then_some(()));
    envoy.call(&Request::get("/").bearer(&token)).expect(200);
}
