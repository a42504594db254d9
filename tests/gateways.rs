//! Gateways that ask by protocol, by the configurations of docs/gateways.md: what they let in, and what they cannot know.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::story::open;
use crate::support::administrator::{Administrator, Made};
use crate::support::envoy::{Answering, Setup, told};
use crate::support::gateway::Gateway;
use crate::support::http::{self, Answer, Request};
use crate::support::place::{Place, free_port};
use crate::support::server::{Launch, Server};
use crate::support::wait_for;

const IDENTITY: [&str; 4] = ["X-Jeton-Subject", "X-Jeton-Client", "X-Jeton-Scope", "X-Jeton-Expires"];
const NO_CREDENTIAL: &str = "Bearer realm=\"jeton\"";
const INVALID_TOKEN: &str = "Bearer realm=\"jeton\", error=\"invalid_token\"";

/// A request whose client says of itself that it is somebody else, in both spellings that an API may take for the same.
fn forged(request: Request) -> Request {
    let names = IDENTITY.into_iter().flat_map(|name| [name.to_lowercase(), name.replace('-', "_")]);
    names.fold(request, |request, name| request.header(&name, "root"))
}

/// An authority and an API, with room for a gateway between them.
struct Stand {
    place: Place,
    root: String,
    /// gRPC.
    grpc: u16,
    server: Server,
    administrator: Administrator,
    api: Answering,
}

impl Stand {
    fn new() -> Stand {
        let (place, port, grpc) = (Place::new(), free_port(), free_port());
        let root = place.bootstrap();
        let server = launch(&place, port, grpc).start();
        let administrator = Administrator::enter(&server, &root);
        Stand { place, root, grpc, server, administrator, api: Answering::api() }
    }

    fn create(&self, request: &Value) -> Made {
        self.administrator.create(&self.server, request)
    }
}

/// Gateways of this machine are trusted to say who calls.
fn launch(place: &Place, port: u16, grpc: u16) -> Launch {
    let listen = format!("127.0.0.1:{grpc}");
    place.serve_on(port).arguments(&["--ext-authz-listen", &listen, "--trusted-proxy", "127.0.0.1"])
}

/// Holds a gateway to what docs/gateways.md says of all that ask. `without` is its answer when the authority cannot be reached.
fn lets_in_what_is_alive_and_nothing_else(stand: Stand, port: u16, without: u16) {
    let call = |request: &Request| http::send(port, request).unwrap();
    let refused = |answer: Answer, status: u16, challenge: &str| {
        assert_eq!((answer.status, answer.header("www-authenticate")), (status, Some(challenge)), "{}", answer.text());
    };
    let scoped = json!({ "name": "parent", "owner": "alice", "scopes": ["a", "api:admin"] });
    let parent = stand.create(&scoped);
    let job = stand.create(&json!({ "name": "job", "owner": "alice", "parent": parent.id, "scopes": ["a"] }));
    let unscoped = stand.create(&json!({ "name": "unscoped", "owner": "bob" }));
    let token = stand.server.access_token(&job.token);
    let other = stand.server.access_token(&unscoped.token);

    // What is alive passes, and the API learns from the gateway alone whose it is.
    for (token, subject, client, scope) in [(&token, "alice", &job.id, "a"), (&other, "bob", &unscoped.id, "")] {
        let head = call(&forged(Request::get("/orders?x=y").bearer(token))).expect(200).text();
        assert!(head.starts_with("GET /orders?x=y ") && !head.contains("root"), "{head}");
        let said = IDENTITY.map(|name| told(&head, name));
        let is_expiry = said[3].len() == 1 && said[3][0].parse::<u64>().is_ok();
        assert!(said[..3] == [[subject], [client.as_str()], [scope]] && is_expiry, "{head}");
    }
    call(&Request::new("POST", "/orders").bearer(&token)).expect(200);

    // What is no token, or more than one, does not.
    refused(call(&forged(Request::get("/orders"))), 401, NO_CREDENTIAL);
    refused(call(&Request::get("/orders").bearer("no.such.token")), 401, INVALID_TOKEN);
    refused(call(&Request::get("/orders").bearer(&"x".repeat(16 * 1024))), 401, INVALID_TOKEN);
    call(&Request::get("/orders").bearer(&token).bearer(&token)).expect(401);
    let endless = call(&Request::get("/orders").bearer(&"x".repeat(200 * 1024)));
    assert!(endless.status >= 400, "{}", endless.status);
    call(&Request::get("/orders").bearer(&token)).expect(200);

    // Where a token is bound to a network, that is its client's, whatever the client says.
    let vendor = json!({ "name": "vendor", "networks": ["127.0.0.2"], "networks_in_access_tokens": true });
    let vendor = stand.create(&vendor);
    let form = format!("grant_type=refresh_token&refresh_token={}", vendor.token);
    let exchanged = http::send_from("127.0.0.2", stand.server.port, &Request::form("/oauth2/token", &form)).unwrap();
    let bound = exchanged.expect(200).member("access_token");
    let from = |source, request: Request| http::send_from(source, port, &request.bearer(&bound)).unwrap();
    from("127.0.0.2", Request::get("/orders")).expect(200);
    refused(from("127.0.0.3", Request::get("/orders").header("X-Forwarded-For", "127.0.0.2")), 401, INVALID_TOKEN);

    // A cascade: in the very next request.
    stand.administrator.delete(&stand.server, &parent.id);
    refused(call(&Request::get("/orders").bearer(&token)), 401, INVALID_TOKEN);
    call(&Request::get("/orders").bearer(&other)).expect(200);

    // An epoch.
    stand.administrator.send(&stand.server, Request::new("POST", "/v1/epoch/advance")).expect(200);
    refused(call(&Request::get("/orders").bearer(&other)), 401, INVALID_TOKEN);
    let renewed = stand.server.access_token(&unscoped.token);
    call(&Request::get("/orders").bearer(&renewed)).expect(200);

    // Without the authority nothing passes, and with it everything goes on by itself.
    let Stand { place, root, grpc, server, .. } = stand;
    let authority = server.port;
    server.stop();
    call(&Request::get("/orders").bearer(&renewed)).expect(without);
    let server = launch(&place, authority, grpc).start();
    server.hide(&root);
    let token = server.access_token(&unscoped.token);
    wait_for("the gateway to find the authority again", || {
        http::send(port, &Request::get("/orders").bearer(&token)).ok().filter(|answer| answer.status == 200)
    });
    refused(call(&Request::get("/orders").bearer(&renewed)), 401, INVALID_TOKEN);
}

/// Holds a gateway to the scope that its example demands for `/admin`, however that is written.
fn demands_a_scope_where_it_is_told_to(stand: &Stand, port: u16) {
    let plain = stand.server.access_token(&stand.create(&json!({ "name": "plain", "scopes": ["a"] })).token);
    let admin = stand.create(&json!({ "name": "administrator", "scopes": ["a", "api:admin"] }));
    let admin = stand.server.access_token(&admin.token);
    let status = |path: &str, token: &str| http::send(port, &Request::get(path).bearer(token)).unwrap();
    for path in ["/admin", "/admin/x", "//admin/x", "/x/../admin/y", "/./admin", "/x/%2e%2e/admin"] {
        let refused = status(path, &plain);
        assert_eq!(refused.status, 403, "{path}");
        let challenge = refused.header("www-authenticate").unwrap();
        assert!(challenge.ends_with("error=\"insufficient_scope\", scope=\"api:admin\""), "{path}: {challenge}");
        status(path, &admin).expect(200);
    }
    // What an API's own parameters are called is its own affair.
    for path in ["/administrators", "/x/admin", "/orders?scope=z&audience=z"] {
        status(path, &plain).expect(200);
    }
}

fn envoy_by_grpc(stand: &Stand) -> Setup {
    Setup::of("envoy-ext-authz-grpc.json", &stand.place, stand.grpc, stand.api.port)
}

/// What the example tells Envoy of ext_authz.
fn ext_authz(setup: &mut Setup) -> &mut Value {
    let manager =
        &mut setup.config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    &mut manager["http_filters"][0]["typed_config"]
}

#[test]
fn envoy_that_asks_by_ext_authz_lets_in_what_is_alive_and_nothing_else() {
    let stand = Stand::new();
    let envoy = Setup::of("envoy-ext-authz.json", &stand.place, stand.server.port, stand.api.port).start();
    lets_in_what_is_alive_and_nothing_else(stand, envoy.port, 503);
}

#[test]
fn envoy_that_asks_by_grpc_lets_in_what_is_alive_and_nothing_else() {
    let stand = Stand::new();
    let envoy = envoy_by_grpc(&stand).start();
    demands_a_scope_where_it_is_told_to(&stand, envoy.port);
    // A route that asks nobody lets claims in no more than any other.
    let open = envoy.call(&forged(Request::get("/healthz"))).expect(200).text();
    assert!(!open.contains("root"), "{open}");
    lets_in_what_is_alive_and_nothing_else(stand, envoy.port, 503);
}

#[test]
fn envoy_that_sends_every_header_for_itself_is_answered_the_same() {
    let stand = Stand::new();
    let mut setup = envoy_by_grpc(&stand);
    ext_authz(&mut setup)["encode_raw_headers"] = true.into();
    let envoy = setup.start();
    demands_a_scope_where_it_is_told_to(&stand, envoy.port);
    lets_in_what_is_alive_and_nothing_else(stand, envoy.port, 503);
}

#[test]
fn a_demand_that_is_spelled_wrong_opens_nothing() {
    let stand = Stand::new();
    let mut setup = envoy_by_grpc(&stand);
    let manager =
        &mut setup.config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let route = &mut manager["route_config"]["virtual_hosts"][0]["routes"][1];
    let told = &mut route["typed_per_filter_config"]["envoy.filters.http.ext_authz"]["check_settings"];
    told["context_extensions"] = json!({ "scopes": "api:admin" });
    let envoy = setup.start();
    let admin = stand.create(&json!({ "name": "administrator", "scopes": ["api:admin"] }));
    let admin = stand.server.access_token(&admin.token);
    envoy.call(&Request::get("/admin").bearer(&admin)).expect(403);
    envoy.call(&Request::get("/orders").bearer(&admin)).expect(200);
}

#[test]
fn what_gateways_ask_by_grpc_is_counted_and_crosses_the_network_encrypted() {
    let (place, tls, metrics) = (Place::new(), free_port(), free_port());
    let root = place.bootstrap();
    let (listen, counted) = (format!("127.0.0.1:{tls}"), format!("127.0.0.1:{metrics}"));
    let launch = place.serve().arguments(&["--tls-self-signed", "--tls-listen", &format!("127.0.0.1:{}", free_port())]);
    let server = launch.arguments(&["--ext-authz-tls-listen", &listen, "--metrics-listen", &counted]).start();
    let mut setup = Setup::of("envoy-ext-authz-grpc.json", &place, tls, Answering::api().port);
    let trusted = place.data().join("tls-cert.pem");
    let context = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
    setup.config["static_resources"]["clusters"][0]["transport_socket"] = json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": context,
            "sni": "localhost",
            "common_tls_context": { "validation_context": {
                "trusted_ca": { "filename": trusted },
                "match_typed_subject_alt_names": [{ "san_type": "DNS", "matcher": { "exact": "localhost" } }]
            } }
        }
    });
    let envoy = setup.start();
    let token = server.access_token(&root);
    envoy.call(&Request::get("/").bearer(&token)).expect(200);
    envoy.call(&Request::get("/")).expect(401);
    envoy.call(&Request::get("/admin").bearer(&token)).expect(403);
    let page = http::send(metrics, &Request::get("/metrics")).unwrap().expect(200).text();
    for counted in [
        "jeton_http_requests_total{class=\"ext_authz\",status=\"2xx\"} 1",
        "jeton_http_requests_total{class=\"ext_authz\",status=\"4xx\"} 2",
        "jeton_verify_total{result=\"active\"} 1",
        "jeton_verify_total{result=\"insufficient_scope\"} 1",
    ] {
        assert!(page.lines().any(|line| line == counted), "{counted} in\n{page}");
    }
    // Who does not encrypt gets no word out of it, and keeps nobody from asking.
    let unencrypted = Setup::of("envoy-ext-authz-grpc.json", &place, tls, Answering::api().port).start();
    unencrypted.call(&Request::get("/").bearer(&token)).expect(503);
    envoy.call(&Request::get("/").bearer(&token)).expect(200);
}

#[test]
fn grpc_beyond_loopback_is_encrypted_unless_something_else_encrypts() {
    let place = Place::new();
    let open = format!("0.0.0.0:{}", free_port());
    let (code, said) = place.serve().arguments(&["--ext-authz-listen", &open]).refused();
    assert!(code == 2 && said.contains(&open) && said.contains("--ext-authz-tls-listen"), "{code}: {said}");
    let (code, said) = place.serve().arguments(&["--ext-authz-tls-listen", &open]).refused();
    assert!(code == 2 && said.contains("needs a certificate"), "{code}: {said}");
    place.serve().arguments(&["--ext-authz-listen", &open, "--allow-plain-http"]).start().stop();
}

#[test]
fn what_is_no_question_on_the_port_of_gateways_is_refused_and_the_next_question_is_answered() {
    let stand = Stand::new();
    let envoy = envoy_by_grpc(&stand).start();
    let token = stand.server.access_token(&stand.create(&json!({ "name": "job" })).token);
    let check = "/envoy.service.auth.v3.Authorization/Check";
    // Framed as gRPC frames a message: no compression, a length, and so many bytes.
    let framed = |length: u32, bytes: &[u8]| [&[0][..], &length.to_be_bytes(), bytes].concat();
    let asked = |path: &str, message: &[u8]| {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--max-time",
            "30",
            "--http2-prior-knowledge",
            "--dump-header",
            "-",
            "--data-binary",
            "@-",
        ]);
        curl.args(["--header", "content-type: application/grpc", "--header", "te: trailers"]);
        curl.arg(format!("http://127.0.0.1:{}{path}", stand.grpc));
        let mut child = curl.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("curl");
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), message).unwrap();
        String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
    };
    for (path, message, status) in [
        ("/envoy.service.auth.v3.Authorization/Other", framed(0, b""), Some("12")),
        ("/forward-auth", framed(0, b""), Some("12")),
        (check, framed(4, b"\xff\xff\xff\xff"), Some("13")),
        (check, framed(300_000, &vec![0; 300_000]), Some("11")),
        (check, framed(u32::MAX, b"short"), Some("11")),
        (check, b"no frame".to_vec(), Some("13")),
    ] {
        let answer = asked(path, &message);
        let told = answer.lines().find_map(|line| line.trim().strip_prefix("grpc-status: "));
        // It may be refused before all of it was sent, which curl takes for a reset and tells nothing of.
        assert!(told == status || answer.is_empty(), "{path}: {answer}");
        envoy.call(&Request::get("/").bearer(&token)).expect(200);
    }
    // An empty question is one: of a client that shows nothing.
    assert!(asked(check, &framed(0, b"")).contains("grpc-status: 0"));
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        &[0x16; 64],
    ] {
        // It may be reset instead of answered.
        let answer = http::send_bytes(stand.grpc, bytes).unwrap_or_default();
        assert!(!answer.starts_with(b"HTTP/1"), "{bytes:?}");
        envoy.call(&Request::get("/").bearer(&token)).expect(200);
    }
}

#[test]
fn caddy_lets_in_what_is_alive_and_nothing_else() {
    let stand = Stand::new();
    let caddy = Gateway::caddy(&stand.place, stand.server.port, stand.api.port);
    demands_a_scope_where_it_is_told_to(&stand, caddy.port);
    lets_in_what_is_alive_and_nothing_else(stand, caddy.port, 502);
}

#[test]
fn traefik_lets_in_what_is_alive_and_nothing_else() {
    let stand = Stand::new();
    let traefik = Gateway::traefik(&stand.place, stand.server.port, stand.api.port);
    demands_a_scope_where_it_is_told_to(&stand, traefik.port);
    lets_in_what_is_alive_and_nothing_else(stand, traefik.port, 500);
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
