//! Clients that people use, as they would run them, against the real binary.

use std::path::PathBuf;
use std::process::{Child, Command, Output};

use serde_json::json;

use crate::support::administrator::{Administrator, Made};
use crate::support::http::{Request, send};
use crate::support::place::{Place, free_port, run_with_input};
use crate::support::server::Server;
use crate::support::{repository, wait_for};

/// A server that speaks HTTP and HTTPS, and a token for a job.
struct Scene {
    place: Place,
    server: Server,
    admin: String,
    administrator: Administrator,
    job: Made,
    tls: u16,
}

impl Scene {
    fn new() -> Scene {
        let place = Place::new();
        let admin = place.bootstrap();
        let tls = free_port();
        let server =
            place.serve().arguments(&["--tls-self-signed", "--tls-listen", &format!("127.0.0.1:{tls}")]).start();
        let administrator = Administrator::enter(&server, &admin);
        // Two seconds, so that the tokens of a job of a few seconds run out mid-way.
        let job = administrator.create(&server, &json!({ "name": "nightly job", "access_ttl": 2 }));
        Scene { place, server, admin, administrator, job, tls }
    }

    fn https(&self) -> String {
        format!("https://127.0.0.1:{}", self.tls)
    }

    fn certificate(&self) -> PathBuf {
        self.place.data().join("tls-cert.pem")
    }

    fn python(&self, script: &str) -> Command {
        let python = repository("tests/.venv/bin/python");
        assert!(python.exists(), "the Python clients are set up by tests/run");
        let mut command = Command::new(python);
        command.arg(repository(script)).env("REFRESH_TOKEN", &self.job.token).env("CLIENT_ID", &self.job.id);
        command
    }
}

fn printed(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn access_tokens(printed: &str) -> usize {
    printed.split(' ').nth(2).and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{printed}"))
}

#[test]
fn an_unmodified_dpa_style_script_renews_in_the_middle_of_its_job_behind_a_gateway() {
    let scene = Scene::new();
    let gateway = Nginx::before(&scene);
    let mut script = scene.python("docs/examples/dpa_style.py");
    script
        .env("BASE_URL", format!("http://127.0.0.1:{}/iwc/api", gateway.port))
        .env("CALLS", "15")
        .env("PAUSE", "0.25");
    let said = printed(&script.output().unwrap());
    assert!(said.starts_with("15 calls") && access_tokens(&said) >= 2, "{said}");

    scene.administrator.delete(&scene.server, &scene.job.id);
    let output = script.output().unwrap();
    assert!(!output.status.success(), "its refresh token is gone");
    assert!(String::from_utf8_lossy(&output.stderr).contains("invalid_grant"));
}

#[test]
fn the_same_script_works_over_https_with_a_check_of_the_certificate() {
    let scene = Scene::new();
    let mut script = scene.python("docs/examples/dpa_style.py");
    script.env("BASE_URL", format!("{}/iwc/api", scene.https())).env("API_URL", format!("{}/v1/self", scene.https()));
    script.env("VERIFY_CERT", scene.certificate()).env("CALLS", "6").env("PAUSE", "0.4");
    let said = printed(&script.output().unwrap());
    assert!(said.starts_with("6 calls") && access_tokens(&said) >= 2, "{said}");

    let output = script.env_remove("VERIFY_CERT").env("CALLS", "1").output().unwrap();
    assert!(!output.status.success(), "no system trusts a certificate that nobody signed");
    assert!(String::from_utf8_lossy(&output.stderr).contains("CERTIFICATE_VERIFY_FAILED"));
}

#[test]
fn requests_oauthlib_refreshes_by_itself() {
    let scene = Scene::new();
    let mut script = scene.python("tests/clients/oauthlib_refresh.py");
    script.env("BASE_URL", scene.https()).env("REQUESTS_CA_BUNDLE", scene.certificate());
    let job = scene.administrator.create_named(&scene.server, "a longer job");
    script.env("REFRESH_TOKEN", &job.token);
    assert_eq!(printed(&script.output().unwrap()), "refreshed");
}

#[test]
fn pyjwt_checks_an_access_token_of_every_algorithm_through_the_key_set() {
    let mut scene = Scene::new();
    // One job for all: a token of two seconds would be over before the last library has started.
    scene.job = scene.administrator.create_named(&scene.server, "a longer job");
    for alg in ["EdDSA", "ES256", "RS256"] {
        let administrator = Administrator::enter(&scene.server, &scene.admin);
        let advance = Request::json("POST", "/v1/epoch/advance", &json!({ "alg": alg }));
        assert_eq!(administrator.send(&scene.server, advance).expect(200).json()["alg"], alg);
        pyjwt_checks(&scene, alg);
    }
}

fn pyjwt_checks(scene: &Scene, alg: &str) {
    // What reads the key set goes by another variable than Requests does.
    let mut script = scene.python("tests/clients/pyjwt_jwks.py");
    script
        .env("BASE_URL", scene.https())
        .env("REQUESTS_CA_BUNDLE", scene.certificate())
        .env("SSL_CERT_FILE", scene.certificate())
        .env("ALG", alg);
    assert_eq!(printed(&script.output().unwrap()), "checked", "{alg}");
}

#[test]
fn curl_exchanges_calls_and_is_refused_after_the_deletion() {
    let scene = Scene::new();
    let curl = |arguments: &[&str], input: &str| {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--max-time", "30", "--cacert"])
            .arg(scene.certificate())
            .args(arguments);
        printed(&run_with_input(&mut command, input))
    };
    let token_url = format!("{}/oauth2/token", scene.https());
    let exchange = ["--data", "grant_type=refresh_token", "--data-urlencode", "refresh_token@-", &token_url];
    let answer: serde_json::Value = serde_json::from_str(&curl(&exchange, &scene.job.token)).unwrap();
    let header = format!("Authorization: Bearer {}", answer["access_token"].as_str().unwrap());
    let status = |path: &str| {
        curl(
            &[
                "--output",
                "/dev/null",
                "--write-out",
                "%{http_code}",
                "--header",
                "@-",
                &format!("{}{path}", scene.https()),
            ],
            &header,
        )
    };
    assert_eq!(status("/forward-auth"), "200");
    assert_eq!(status("/v1/self"), "200");
    assert_eq!(status("/v1/refresh-tokens"), "403");
    scene.administrator.delete(&scene.server, &scene.job.id);
    assert_eq!(status("/forward-auth"), "401");
    assert!(curl(&exchange, &scene.job.token).contains("invalid_grant"));
}

#[test]
fn nginx_lets_in_what_is_alive_and_nothing_else() {
    let scene = Scene::new();
    let gateway = Nginx::before(&scene);
    let call = |request: Request| send(gateway.port, &request).unwrap();
    let parent = scene.administrator.create_named(&scene.server, "parent");
    let job = scene.administrator.create(&scene.server, &json!({ "name": "caller", "parent": parent.id }));
    let token = scene.server.access_token(&job.token);
    let admitted = call(Request::get("/iwc/api/databases").bearer(&token)).expect(200);
    assert_eq!(admitted.header("x-called-by"), Some(job.id.as_str()));
    let refused = call(Request::get("/iwc/api/databases")).expect(401);
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"jeton\""));
    call(Request::get("/iwc/api/databases").bearer("no.such.token")).expect(401);
    scene.administrator.delete(&scene.server, &parent.id);
    let refused = call(Request::get("/iwc/api/databases").bearer(&token)).expect(401);
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"jeton\", error=\"invalid_token\""));
    scene.server.stop();
    call(Request::get("/iwc/api/databases").bearer(&token)).expect(500);
}

#[test]
fn a_renewed_certificate_is_used_after_a_hangup_and_a_broken_one_is_not() {
    let (old, new) = (Scene::new(), Scene::new());
    let place = Place::new();
    place.bootstrap();
    let (cert, key) = (place.path("cert.pem"), place.path("key.pem"));
    let install = |scene: &Scene| {
        std::fs::copy(scene.certificate(), &cert).unwrap();
        std::fs::copy(scene.place.data().join("tls-key.pem"), &key).unwrap();
    };
    install(&old);
    let tls = free_port();
    let launch = place.serve().arguments(&["--tls-listen", &format!("127.0.0.1:{tls}")]);
    let server = launch.argument("--tls-cert").argument(&cert).argument("--tls-key").argument(&key).start();
    let trusts = |certificate: PathBuf| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--fail", "--max-time", "30", "--cacert"]).arg(certificate);
        curl.arg(format!("https://127.0.0.1:{tls}/healthz")).output().unwrap().status.success()
    };
    let hang_up = || rustix::process::kill_process(server.process(), rustix::process::Signal::HUP).unwrap();
    assert!(trusts(old.certificate()) && !trusts(new.certificate()));
    install(&new);
    hang_up();
    wait_for("the new certificate", || trusts(new.certificate()).then_some(()));
    assert!(!trusts(old.certificate()));
    std::fs::write(&key, "no key").unwrap();
    hang_up();
    wait_for("a complaint", || server.log().contains("stay in use").then_some(()));
    assert!(trusts(new.certificate()));
}

/// The gateway of the documents, before the server of a scene.
struct Nginx {
    child: Child,
    port: u16,
}

impl Nginx {
    fn before(scene: &Scene) -> Nginx {
        let port = free_port();
        let example = std::fs::read_to_string(repository("docs/examples/nginx.conf")).unwrap();
        let folder = scene.place.path("nginx");
        std::fs::create_dir_all(folder.join("html")).unwrap();
        std::fs::write(folder.join("html/api.json"), "[{\"database\": \"orders\"}]").unwrap();
        // The example's workers would run as another user, who cannot read a folder of this test's.
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let moved = example
            .replace("127.0.0.1:8123", &format!("127.0.0.1:{}", scene.server.port))
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{port}"));
        assert!(moved != example, "the example names the ports that this test moves");
        let paths =
            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path temp-{name};"));
        let moved = moved.replace("access_log off;", &format!("access_log off; {}", paths.join(" ")));
        std::fs::write(folder.join("nginx.conf"), format!("{user} pid nginx.pid; error_log error.log;\n{moved}"))
            .unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).args([
            "-c",
            "nginx.conf",
            "-e",
            "stderr",
            "-g",
            "daemon off; master_process off;",
        ]);
        let nginx = Nginx {
            child: command.spawn().expect("nginx, of Debian's package of this name: tests/run installs it"),
            port,
        };
        wait_for("nginx", || send(port, &Request::get("/iwc/api/x")).ok());
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
