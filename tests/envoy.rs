//! The filter in real Envoy: what passes the door, what is told behind it, and what is refused.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::story::open;
use crate::support::administrator::Administrator;
use crate::support::envoy::{Answering, Canned, Envoy, Setup, filter_of, move_into_place, told};
use crate::support::http::{Answer, Request, send_bytes};
use crate::support::place::Place;
use crate::support::server::{Launch, Server};
use crate::support::wait_for;

/// An authority, an API, and Envoy between it and whoever calls.
struct Scene {
    administrator: Administrator,
    envoy: Envoy,
    server: Server,
    _place: Place,
}

impl Scene {
    fn new(change: impl FnOnce(&mut Setup)) -> Scene {
        let (place, server, administrator) = open();
        let live = administrator.create(&server, &json!({ "name": "edge", "scopes": ["jeton:live"] }));
        let mut setup = Setup::with_filter(&place, server.port, Answering::api().port, &live.token);
        change(&mut setup);
        let envoy = setup.start();
        Scene { administrator, envoy, server, _place: place }
    }

    /// An access token with scopes.
    fn token(&self, scopes: &[&str]) -> String {
        let made =
            self.administrator.create(&self.server, &json!({ "name": "job", "scopes": scopes, "owner": "alice" }));
        self.server.access_token(&made.token)
    }

    /// Waits until a token is let in: the feed may not have heard of its epoch yet.
    fn is_let_in(&self, token: &str) {
        self.envoy.wait_for("a living token to pass", 200, &Request::get("/").bearer(token));
    }
}

fn is_refused(answer: &Answer, error: Option<&str>) -> bool {
    let challenge = match error {
        Some(error) => format!("Bearer realm=\"jeton\", error=\"{error}\""),
        None => "Bearer realm=\"jeton\"".to_owned(),
    };
    answer.status == 401
        && answer.header("www-authenticate") == Some(&challenge)
        && answer.header("cache-control") == Some("no-store")
}

#[test]
fn a_living_token_passes_envoy_and_the_api_is_told_whose_it_is() {
    let scene = Scene::new(|_| ());
    let token = scene.token(&["orders:read"]);
    scene.is_let_in(&token);
    let head = scene.envoy.call(&Request::get("/orders?a=b").bearer(&token)).expect(200).text();
    assert_eq!(told(&head, "x-jeton-subject"), ["alice"]);
    assert_eq!(told(&head, "x-jeton-scope"), ["orders:read"]);
    assert_eq!((told(&head, "x-jeton-client").len(), told(&head, "x-jeton-expires").len()), (1, 1));
    assert_eq!(told(&head, "authorization"), [format!("Bearer {token}")]);

    // What a caller says about itself is told to nobody, with a token or without one.
    let forged = |request: Request| {
        ["X-Jeton-Subject", "x-jeton-scope", "X-JETON-ADMIN", "x_jeton_client", "X-Jeton_Expires"]
            .iter()
            .fold(request, |request, name| request.header(name, "root"))
    };
    for request in [Request::get("/").bearer(&token), Request::get("/healthz")] {
        let head = scene.envoy.call(&forged(request)).expect(200).text();
        assert!(!head.contains("root"), "{head}");
    }
    assert_eq!(scene.envoy.figure("wasmcustom.jeton.requests.allow_listed"), 1);
    assert!(scene.envoy.figure("wasmcustom.jeton.requests.alive") >= 3);
    assert!(scene.envoy.figure("wasmcustom.jeton.feed.age_ms") < 30_000);
}

#[test]
fn whatever_is_no_living_token_is_refused_by_envoy_as_by_the_authority() {
    let scene = Scene::new(|_| ());
    let token = scene.token(&[]);
    scene.is_let_in(&token);
    let call = |values: &[&str]| {
        let request = values.iter().fold(Request::get("/"), |request, value| request.header("Authorization", value));
        let (here, there) = (scene.envoy.call(&request), scene.server.send(request_to_forward_auth(values)));
        assert_eq!(here.header("www-authenticate"), there.header("www-authenticate"), "{values:?}");
        assert_eq!(here.status, there.status, "{values:?}");
        here
    };
    let good = format!("Bearer {token}");
    assert!(is_refused(&call(&[]), None) && is_refused(&call(&["Basic dXNlcjpw"]), None));
    for malformed in
        [&["Bearer"][..], &["Bearer a b"], &[&good, &good], &[&format!("{good},{good}")], &[&format!("{good} x")]]
    {
        assert!(is_refused(&call(malformed), Some("invalid_request")), "{malformed:?}");
    }
    let (body, signature) = token.rsplit_once('.').unwrap();
    let other_signature = format!("Bearer {body}.{}", signature.chars().rev().collect::<String>());
    let long = format!("Bearer {}", "a".repeat(16 * 1024));
    for dead in ["Bearer a.b.c", &other_signature, &long, &format!("{good}="), "bearer eyJhbGciOiJub25lIn0.e30."] {
        assert!(is_refused(&call(&[dead]), Some("invalid_token")), "{dead}");
    }
    for good in [&good, &format!("bearer {token}"), &format!("BEARER   {token} ")] {
        assert_eq!(call(&[good]).status, 200);
    }
    // No name of a header, however odd, brings the filter down.
    let odd = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-J\xE9ton: a\r\n\r\n";
    assert!(send_bytes(scene.envoy.port, odd).is_ok_and(|answer| !answer.starts_with(b"HTTP/1.1 200")));
    scene.envoy.call(&Request::get("/").bearer(&token)).expect(200);
    assert_eq!(scene.envoy.figure("wasmcustom.jeton.requests.bad_signature"), 2);
}

fn request_to_forward_auth(values: &[&str]) -> Request {
    values.iter().fold(Request::get("/forward-auth"), |request, value| request.header("Authorization", value))
}

#[test]
fn a_route_lets_in_its_scopes_alone_and_no_spelling_of_a_path_opens_it() {
    let scene = Scene::new(|setup| {
        setup.filter(
            "routes",
            json!([
                { "prefix": "/admin", "required_scopes": ["admin", "second"] },
                { "prefix": "/orders", "methods": ["POST", "DELETE"], "required_scopes": ["orders:write"] },
            ]),
        );
    });
    let (plain, both) = (scene.token(&["orders:write"]), scene.token(&["second", "admin"]));
    scene.is_let_in(&plain);
    scene.is_let_in(&both);
    let status = |method: &str, path: &str, token: Option<&str>| {
        let request = Request::new(method, path);
        scene.envoy.call(&token.into_iter().fold(request, Request::bearer)).status
    };
    let refused = scene.envoy.call(&Request::get("/admin/users").bearer(&plain)).expect(403);
    let challenge = "Bearer realm=\"jeton\", error=\"insufficient_scope\", scope=\"admin second\"";
    assert_eq!(refused.header("www-authenticate"), Some(challenge));
    assert_eq!((status("GET", "/admin/users", Some(&both)), status("GET", "/admin", Some(&both))), (200, 200));
    assert_eq!((status("GET", "/orders", Some(&both)), status("POST", "/orders", Some(&both))), (200, 403));
    assert_eq!((status("GET", "/orders", Some(&plain)), status("POST", "/orders", Some(&plain))), (200, 200));

    assert_eq!(status("GET", "/healthz?x=/../admin", None), 200);
    for path in [
        "/healthz/",
        "/healthz/../admin",
        "//healthz",
        "/healthz//",
        "/healthz/.",
        "/./healthz",
        "/%68ealthz",
        "/healthz%2F",
        "/healthz%2f..%2fadmin",
        "/healthz;a",
        "/healthz;/../admin",
        "/healthz%00",
        "/healthz%3Fa",
        "/HEALTHZ",
        "/x/..%5chealthz",
    ] {
        assert!([400, 401].contains(&status("GET", path, None)), "{path}");
    }
    for path in
        ["//admin", "/%61dmin", "/x/../admin", "/admin%2Fusers", "/./admin", "/admin;a", "/admin/", "/x%2f..%2fadmin"]
    {
        assert!([400, 403].contains(&status("GET", path, Some(&plain))), "{path}");
    }
}

#[test]
fn a_deleted_parent_stops_its_childrens_tokens_at_envoy_and_so_does_a_new_epoch() {
    let scene = Scene::new(|_| ());
    let parent = scene.administrator.create_named(&scene.server, "parent");
    let child = scene.administrator.create(&scene.server, &json!({ "name": "child", "parent": parent.id }));
    let (dead, other) = (scene.server.access_token(&child.token), scene.token(&[]));
    scene.is_let_in(&dead);
    scene.administrator.delete(&scene.server, &parent.id);
    let refused = scene.envoy.wait_for("the cascade", 401, &Request::get("/").bearer(&dead));
    assert!(is_refused(&refused, Some("invalid_token")));
    scene.is_let_in(&other);
    assert!(scene.envoy.figure("wasmcustom.jeton.requests.cut") >= 1);

    scene.administrator.send(&scene.server, Request::new("POST", "/v1/epoch/advance")).expect(200);
    scene.envoy.wait_for("the epoch", 401, &Request::get("/").bearer(&other));
    let made = scene.server.access_token(&child_of_new_epoch(&scene));
    scene.is_let_in(&made);
}

/// A refresh token made by an administrator of the new epoch: the one before is dead with its epoch.
fn child_of_new_epoch(scene: &Scene) -> String {
    let administrator = Administrator::enter(&scene.server, &scene._place.bootstrap());
    administrator.create_named(&scene.server, "after").token
}

#[test]
fn past_the_lease_envoy_lets_nothing_in_and_recovers_by_itself() {
    let place = Place::new();
    let secret = place.bootstrap();
    let server = place.serve_resuming().start();
    let port = server.port;
    let mut setup = Setup::with_filter(&place, port, Answering::api().port, &secret);
    // Only what Envoy's own clocks say counts: nobody answers any more.
    setup.filter("allow_list", json!([{ "path": "/open" }]));
    let envoy = setup.start();
    let token = server.access_token(&secret);
    let request = Request::get("/").bearer(&token);
    envoy.wait_for("the first live set", 200, &request);
    server.kill();
    let refused = envoy.wait_for("the end of the lease", 503, &request);
    assert_eq!((refused.header("retry-after"), refused.header("cache-control")), (Some("1"), Some("no-store")));
    envoy.call(&Request::get("/open")).expect(200);
    envoy.call(&Request::get("/")).expect(401);
    assert!(envoy.log().contains("the live set is not renewed: the authority"), "{}", envoy.log());
    let address = format!("127.0.0.1:{port}");
    let mut again = place.jeton(&["serve", "--boot", "resume", "--listen", &address, "--data"]);
    again.arg(place.data()).arg("--root-key-file").arg(place.root_key());
    let _server = Launch::new(again, port).start();
    envoy.wait_for("the authority's return", 200, &request);
    assert!(envoy.figure("wasmcustom.jeton.feed.failures") >= 1);
}

#[test]
fn whatever_the_feed_answers_envoy_believes_the_policy_alone() {
    let (place, server, administrator) = open();
    let canned = Canned::new();
    let mut setup = Setup::with_filter(&place, canned.port, Answering::api().port, "unused");
    setup.feed("issuer", administrator.send(&server, Request::get("/v1/live")).json()["issuer"].clone());
    let envoy = setup.start();
    let job = administrator.create_named(&server, "job");
    let token = server.access_token(&job.token);
    let request = Request::get("/").bearer(&token);
    let live = || server.send(Request::get("/v1/live")).expect(200).text();
    let good = live();
    let is_refused = |what: &str| {
        let failures = envoy.figure("wasmcustom.jeton.feed.failures");
        wait_for(what, || (envoy.figure("wasmcustom.jeton.feed.failures") > failures + 1).then_some(()));
    };

    let foreign = good.replacen("http://", "https://other-", 1);
    let huge = [good.clone().into_bytes(), vec![b' '; 5 * 1024 * 1024]].concat();
    for garbage in
        [b"".to_vec(), b"<html>".to_vec(), good.as_bytes()[..good.len() - 1].to_vec(), foreign.into_bytes(), huge]
    {
        canned.say(200, garbage);
        is_refused("garbage to be refused");
        assert_eq!(envoy.call(&request).status, 503);
    }
    canned.say(200, good.clone());
    envoy.wait_for("a good answer", 200, &request);
    administrator.delete(&server, &job.id);
    canned.say(200, live());
    envoy.wait_for("the news", 401, &request);
    // An older set is not taken back; nor does it renew the lease.
    canned.say(200, good);
    is_refused("the replay to be refused");
    wait_for("the end of the lease", || {
        let status = envoy.call(&request).status;
        assert_ne!(status, 200, "a replayed set revives nothing");
        (status == 503).then_some(())
    });
    canned.say(200, live());
    envoy.wait_for("the authority's own word", 401, &request);
}

#[test]
fn a_bad_configuration_keeps_envoy_from_starting() {
    let place = Place::new();
    let setup = || Setup::with_filter(&place, 1, 2, "jtn_rt_lent");
    let good = setup().validate();
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    let filter: [(&str, Value, &str); 4] = [
        ("shadows", json!(true), "unknown field `shadows`"),
        ("required_scopes", json!(["jeton:root"]), "no such `jeton:` scope"),
        ("allow_list", json!([{ "prefix": "/" }]), "would let everything in"),
        ("routes", json!([{ "path": "/a/../b", "required_scopes": ["x"] }]), "is no plain path"),
    ];
    for (member, value, complaint) in filter {
        let mut setup = setup();
        setup.filter(member, value);
        let output = setup.validate();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(complaint), "{member}: {said}");
    }
    let feed: [(&str, Value, &str); 3] = [
        ("authority", json!("http://tokens.example"), "use https"),
        ("credential_env", json!("NOT_LENT"), "NOT_LENT"),
        ("retries", json!(3), "unknown field `retries`"),
    ];
    for (member, value, complaint) in feed {
        let mut setup = setup();
        setup.feed(member, value);
        let said = setup.refuses_to_start();
        assert!(said.contains(complaint), "{member}: {said}");
        assert!(!said.contains("jtn_rt_lent"), "{said}");
    }
}

#[test]
fn in_the_shadow_envoy_refuses_nothing_and_counts_everything() {
    let scene = Scene::new(|setup| setup.filter("shadow", json!(true)));
    let token = scene.token(&[]);
    wait_for("the first live set", || (scene.envoy.figure("wasmcustom.jeton.feed.answers") > 0).then_some(()));
    let call = |request: Request| scene.envoy.call(&request.header("X-Jeton-Subject", "root")).expect(200).text();
    let head = call(Request::get("/").bearer(&token));
    assert_eq!(told(&head, "x-jeton-subject"), ["alice"]);
    for request in [Request::get("/"), Request::get("/").bearer("a.b.c"), Request::get("/admin").bearer(&token)] {
        let head = call(request);
        assert!(!head.contains("x-jeton-"), "{head}");
    }
    assert_eq!(scene.envoy.figure("wasmcustom.jeton.requests.shadowed"), 3);
    assert_eq!(scene.envoy.figure("wasmcustom.jeton.requests.insufficient_scope"), 1);
    let log = scene.envoy.log();
    assert!(log.contains("it would have been answered 403") && !log.contains(&token), "{log}");
}

#[test]
fn a_filter_that_is_loaded_anew_goes_on_by_what_was_heard_before() {
    static FRONT: OnceLock<std::path::PathBuf> = OnceLock::new();
    let scene = Scene::new(|setup| {
        let mut front = setup.config["static_resources"]["listeners"][0].take();
        front["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
        let file = FRONT.get_or_init(|| setup.path("front.json"));
        std::fs::write(file, json!({ "resources": [front] }).to_string()).unwrap();
        setup.config["static_resources"].as_object_mut().unwrap().remove("listeners");
        setup.config["node"] = json!({ "id": "here", "cluster": "here" });
        setup.config["dynamic_resources"] = json!({ "lds_config": { "path_config_source": { "path": file } } });
    });
    let token = scene.token(&["a"]);
    scene.is_let_in(&token);
    let file = FRONT.get().unwrap();
    let mut front: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    filter_of(&mut front["resources"][0], "required_scopes", json!(["b"]));
    move_into_place(file, &front.to_string());
    scene.envoy.wait_for("the new demand", 403, &Request::get("/").bearer(&token));
    filter_of(&mut front["resources"][0], "required_scopes", json!(["a"]));
    move_into_place(file, &front.to_string());
    scene.is_let_in(&token);
    // One that is refused changes nothing.
    filter_of(&mut front["resources"][0], "shadows", json!(true));
    move_into_place(file, &front.to_string());
    wait_for("the refusal", || scene.envoy.log().contains("unknown field `shadows`").then_some(()));
    scene.envoy.call(&Request::get("/").bearer(&token)).expect(200);
    scene.envoy.call(&Request::get("/")).expect(401);
}
