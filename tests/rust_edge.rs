//! The verifier as a Rust library, against a running server: it hears of everything in time, and when it hears nothing it accepts nothing.

use std::process::Command;
use std::sync::{Arc, Mutex};

use jeton_verifier::{Builder, Event, JetonLayer, Refusal, Verifier};
use serde_json::json;
use tower::{Layer, Service, ServiceExt};

use crate::support::administrator::Administrator;
use crate::support::gateway::Gateway;
use crate::support::http::{Request, send};
use crate::support::place::{Place, free_port};
use crate::support::server::Server;
use crate::support::wait_for;

/// What a verifier told whoever listens.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn listen(&self, builder: Builder) -> Builder {
        let heard = self.clone();
        builder.on_event(move |event| {
            if !matches!(event, Event::Judged(_)) {
                heard.0.lock().unwrap().push(format!("{event:?}"));
            }
        })
    }

    fn says(&self, what: &str) -> bool {
        self.0.lock().unwrap().iter().any(|event| event.contains(what))
    }
}

fn edge_of(server: &Server, administrator: &Administrator) -> Builder {
    let credential = administrator.create(server, &json!({ "name": "edge", "scopes": ["jeton:live"] })).token;
    Verifier::builder(format!("http://127.0.0.1:{}", server.port)).credential(credential)
}

fn ready(verifier: &Verifier) {
    wait_for("the first live set", || verifier.is_ready().then_some(()));
}

/// Waits until a token is refused, and gives the reason.
fn refused(verifier: &Verifier, token: &str) -> Refusal {
    wait_for("a refusal", || verifier.verify(token, None).err())
}

#[test]
fn what_is_alive_is_told_and_what_is_deleted_is_refused_without_a_call_home() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    let heard = Heard::default();
    let verifier = heard.listen(edge_of(&server, &administrator)).start().unwrap();
    assert!(matches!(verifier.verify("anything", None), Err(Refusal::Stale | Refusal::Malformed)));
    ready(&verifier);

    let request = json!({ "name": "job", "scopes": ["a", "b"], "owner": "payments" });
    let parent = administrator.create(&server, &request);
    let child = administrator.create(&server, &json!({ "name": "child", "parent": parent.id, "scopes": ["a"] }));
    let (of_parent, of_child) = (server.access_token(&parent.token), server.access_token(&child.token));
    let claims = verifier.verify(&of_parent, None).unwrap();
    assert_eq!((claims.subject(), claims.client_id(), claims.scope()), ("payments", parent.id.as_str(), "a b"));
    let told: serde_json::Value = serde_json::from_str(claims.introspection()).unwrap();
    assert_eq!(told, server.introspect_itself(&of_parent).json(), "an edge says what the authority says");
    assert_eq!(told["exp"], claims.expires_at());
    assert_eq!(verifier.verify("junk", None), Err(Refusal::Malformed));
    assert_eq!(verifier.verify(&parent.token, None), Err(Refusal::Malformed), "a refresh token is none");
    assert!(verifier.verify(&of_child, None).is_ok());

    administrator.delete(&server, &parent.id);
    assert_eq!(refused(&verifier, &of_child), Refusal::Cut);
    assert_eq!(refused(&verifier, &of_parent), Refusal::Cut);
    administrator.send(&server, Request::new("POST", "/v1/epoch/advance")).expect(200);
    assert_eq!(refused(&verifier, &administrator.access_token), Refusal::WrongEpoch);
    assert!(heard.says("whole: false") && !heard.says("FeedFailed"), "{:?}", heard.0.lock().unwrap());
}

#[test]
fn without_its_authority_it_denies_after_the_lease_and_recovers_by_itself() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve_resuming().start();
    let port = server.port;
    let administrator = Administrator::enter(&server, &admin);
    let heard = Heard::default();
    let verifier = heard.listen(edge_of(&server, &administrator)).start().unwrap();
    ready(&verifier);
    let (kept, doomed) = (administrator.create_named(&server, "kept"), administrator.create_named(&server, "doomed"));
    let (living, dying) = (server.access_token(&kept.token), server.access_token(&doomed.token));
    wait_for("both to be known", || {
        (verifier.verify(&living, None).is_ok() && verifier.verify(&dying, None).is_ok()).then_some(())
    });
    server.kill();
    assert_eq!(refused(&verifier, &living), Refusal::Stale);
    assert!(heard.says("FeedFailed"));

    // Back, with the epoch going on: what lived lives, and what is deleted dies.
    let server = place.serve_resuming_on(port).start();
    wait_for("the edge to be back", || verifier.verify(&living, None).ok());
    administrator.delete(&server, &doomed.id);
    assert_eq!(refused(&verifier, &dying), Refusal::Cut);
    assert!(verifier.verify(&living, None).is_ok());
}

#[test]
fn an_edge_without_a_credential_follows_by_asking_again_and_again() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    let heard = Heard::default();
    let builder = Verifier::builder(format!("http://127.0.0.1:{}/", server.port));
    let verifier = heard.listen(builder).start().unwrap();
    ready(&verifier);
    let made = administrator.create_named(&server, "doomed");
    let token = server.access_token(&made.token);
    assert!(verifier.verify(&token, None).is_ok());
    administrator.delete(&server, &made.id);
    assert_eq!(refused(&verifier, &token), Refusal::Cut);
    assert!(heard.says("NotAllowed(401)"));
}

#[test]
fn a_bound_token_is_good_for_its_network_alone() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    let verifier = edge_of(&server, &administrator).start().unwrap();
    ready(&verifier);
    let request = json!({ "name": "bound", "networks": ["127.0.0.0/8"], "networks_in_access_tokens": true });
    let token = server.access_token(&administrator.create(&server, &request).token);
    let from = |peer: &str| verifier.verify(&token, Some(peer.parse().unwrap())).map(|_| ());
    assert_eq!((from("127.0.0.1"), from("::ffff:127.1.2.3")), (Ok(()), Ok(())));
    assert_eq!((from("192.0.2.1"), from("::1")), (Err(Refusal::Outside), Err(Refusal::Outside)));
    assert_eq!(verifier.verify(&token, None), Err(Refusal::UnknownPeer));
}

#[test]
fn a_guarded_service_answers_as_forward_auth_does() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    let unready = Verifier::builder("http://127.0.0.1:9").start().unwrap();
    let verifier = edge_of(&server, &administrator).start().unwrap();
    ready(&verifier);
    let make = |scopes: &[&str]| {
        let request = json!({ "name": "caller", "scopes": scopes, "owner": "payments" });
        server.access_token(&administrator.create(&server, &request).token)
    };
    let (enough, too_little) = (make(&["orders:read", "b"]), make(&["b"]));
    let gone = administrator.create_named(&server, "gone");
    let dead = server.access_token(&gone.token);
    administrator.delete(&server, &gone.id);
    assert_eq!(refused(&verifier, &dead), Refusal::Cut);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ask = |verifier: &Verifier, authorization: Option<String>| {
        let guard = JetonLayer::new(verifier.clone()).required_scopes(["orders:read"]).unwrap();
        let mut service = guard.layer(tower::service_fn(async |request: http::Request<()>| {
            let headers = request.headers();
            let said = ["x-jeton-subject", "x-jeton-scope", "x-jeton-client"]
                .map(|name| headers[name].to_str().unwrap().to_owned());
            assert_eq!(headers.get_all("x-jeton-subject").iter().count(), 1);
            assert!(request.extensions().get::<jeton_verifier::Claims>().is_some());
            Ok::<_, std::convert::Infallible>(http::Response::new(format!("{} {}", said[0], said[1])))
        }));
        let mut request =
            http::Request::get("/orders").header("X-Jeton-Subject", "root").header("x-jeton-scope", "all");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        runtime.block_on(async { service.ready().await.unwrap().call(request.body(()).unwrap()).await.unwrap() })
    };
    for (authorization, status) in [
        (Some(format!("Bearer {enough}")), 200),
        (Some(format!("bearer {enough}")), 200),
        (Some(format!("Bearer {too_little}")), 403),
        (Some(format!("Bearer {dead}")), 401),
        (Some("Bearer junk".to_owned()), 401),
        (Some(format!("Bearer {}", "x".repeat(16 * 1024))), 401),
        (Some("Bearer a b".to_owned()), 401),
        (Some("Basic YTpi".to_owned()), 401),
        (None, 401),
    ] {
        let answer = ask(&verifier, authorization.clone());
        let mut same = Request::get("/forward-auth?scope=orders:read");
        if let Some(authorization) = &authorization {
            same = same.header("Authorization", authorization);
        }
        let authority = server.send(same);
        assert_eq!((answer.status().as_u16(), authority.status), (status, status), "{authorization:?}");
        for name in ["www-authenticate", "retry-after"] {
            let said = answer.headers().get(name).map(|value| value.to_str().unwrap());
            assert_eq!(said, authority.header(name), "{name} for {authorization:?}");
        }
        if status == 200 {
            assert_eq!(answer.body(), "payments orders:read b");
        } else {
            assert_eq!((answer.headers()["cache-control"].to_str().unwrap(), answer.body().as_str()), ("no-store", ""));
        }
    }
    let unknown = ask(&unready, Some(format!("Bearer {enough}")));
    assert_eq!((unknown.status().as_u16(), unknown.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    assert!(unknown.headers().get("www-authenticate").is_none());
}

#[test]
fn a_verifier_component_judges_in_the_place_of_the_rules_and_says_the_same() {
    let place = Place::new();
    let admin = place.bootstrap();
    let folder = place.path("policy");
    let exported = place.jeton(&["policy", "export"]).arg(&folder).status().unwrap();
    assert!(exported.success());
    let wasm = std::fs::read(folder.join("jeton-verifier.wasm")).unwrap();
    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    let native = edge_of(&server, &administrator).start().unwrap();
    let component = edge_of(&server, &administrator).component(wasm.clone()).start().unwrap();
    ready(&native);
    ready(&component);

    let request =
        json!({ "name": "job", "scopes": ["a", "b"], "networks": ["10.0.0.0/8"], "networks_in_access_tokens": true });
    let (kept, doomed) = (administrator.create_named(&server, "kept"), administrator.create_named(&server, "doomed"));
    administrator.create(&server, &request);
    let (living, dying) = (server.access_token(&kept.token), server.access_token(&doomed.token));
    administrator.delete(&server, &doomed.id);
    for verifier in [&native, &component] {
        assert_eq!(refused(verifier, &dying), Refusal::Cut);
    }
    let tampered = format!("{}x", &living[..living.len() - 1]);
    for token in [&living, &dying, &tampered, "", "a.b.c", &doomed.token, &administrator.access_token] {
        for peer in [None, Some("10.1.2.3".parse().unwrap()), Some("2001:db8::1".parse().unwrap())] {
            assert_eq!(native.verify(token, peer), component.verify(token, peer), "{token} from {peer:?}");
        }
    }

    let start = |wasm: &[u8]| {
        edge_of(&server, &administrator).component(wasm.to_vec()).start().err().map(|error| error.to_string())
    };
    for bad in [&b""[..], b"\0asm\x01\0\0\0", &wasm[..wasm.len() / 2]] {
        assert!(start(bad).is_some_and(|why| why.contains("component")), "{} bytes", bad.len());
    }
    let authority = std::fs::read(folder.join("jeton-authority.wasm")).unwrap();
    assert!(start(&authority).is_some(), "one that asks for a store is no verifier");
}

#[test]
fn the_example_for_axum_is_a_server_that_lets_in_what_is_alive_and_nothing_else() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    let make = |name: &str, scope: &str| {
        administrator.create(&server, &json!({ "name": name, "scopes": [scope], "owner": "payments" }))
    };
    let (edge, enough, too_little) = (make("edge", "jeton:live"), make("job", "orders:read"), make("other", "b"));
    let (living, lacking) = (server.access_token(&enough.token), server.access_token(&too_little.token));

    // Cargo puts examples beside the tests that it builds with them.
    let example = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples/axum");
    let port = free_port();
    let mut command = Command::new(example);
    command.env("JETON_AUTHORITY", format!("http://127.0.0.1:{}", server.port)).env("JETON_CREDENTIAL", &edge.token);
    command.env("LISTEN", format!("127.0.0.1:{port}"));
    let example = Gateway::start(command, port, &place);
    let ask = |token: &str| send(example.port, &Request::get("/orders").bearer(token)).unwrap();
    let answer = wait_for("the first live set", || Some(ask(&living)).filter(|answer| answer.status == 200));
    assert_eq!(answer.text(), "orders of payments");
    let refused = ask(&lacking).expect(403);
    let challenge = "Bearer realm=\"jeton\", error=\"insufficient_scope\", scope=\"orders:read\"";
    assert_eq!(refused.header("www-authenticate"), Some(challenge));
    ask("a.b.c").expect(401);
    administrator.delete(&server, &enough.id);
    let refused = wait_for("the deletion", || Some(ask(&living)).filter(|answer| answer.status != 200));
    assert_eq!(refused.expect(401).header("www-authenticate"), Some("Bearer realm=\"jeton\", error=\"invalid_token\""));
    server.kill();
    let refused = wait_for("the end of the lease", || Some(ask(&lacking)).filter(|answer| answer.status == 503));
    assert_eq!(refused.header("retry-after"), Some("1"));
}
