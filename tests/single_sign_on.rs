//! Single sign-on: by a real provider in a real browser, by one that lies, and without any when it is broken.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::browser;
use crate::people::{Browser, first_code};
use crate::support::http::{self, Request};
use crate::support::place::{Place, free_port, write_private};
use crate::support::repository;
use crate::support::server::{Launch, Server};

const SECRET: &str = "a secret that the provider and the authority share";
const ROLES: &str = "token-admins=admin,token-viewers=viewer";

/// A provider of `tests/browser`, until it goes.
struct Provider {
    child: Child,
    port: u16,
}

impl Provider {
    fn start(file: &str, authority: u16) -> Provider {
        let mut child = Command::new("node")
            .arg(file)
            .current_dir(repository("tests/browser"))
            .env("CLIENT_SECRET", SECRET)
            .env("REDIRECT_URI", format!("http://127.0.0.1:{authority}/console/sso/back"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node starts");
        // The first line that is a number: what a provider warns of comes before or after it.
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| line.parse().ok()).expect("it tells its port");
        // Somebody reads on, so that it never waits.
        std::thread::spawn(move || lines.for_each(drop));
        Provider { child, port }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn lie(&self, about: &str) {
        http::send(self.port, &Request::new("POST", "/lie").body(about.as_bytes())).expect("it hears").expect(204);
    }

    /// Goes where a page sent somebody, and gives where she is sent from there: a path of the authority.
    fn visit(&self, location: &str) -> String {
        let target = location.strip_prefix(&self.url()).expect("to the provider");
        let answer = http::send(self.port, &Request::get(target)).expect("it answers").expect(303);
        let back = answer.header("location").expect("back");
        back.get(back.find("/console").expect("to the console")..).unwrap().to_owned()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn secret_file(place: &Place) -> PathBuf {
    let path = place.path("client-secret");
    write_private(&path, format!("{SECRET}\n").as_bytes());
    path
}

fn serve(place: &Place, port: u16, provider: &Provider) -> Launch {
    place
        .serve_on(port)
        .arguments(&["--sso-issuer", &provider.url(), "--sso-client-id", "jeton", "--sso-role", ROLES])
        .argument("--sso-client-secret-file")
        .argument(secret_file(place))
}

/// Goes to the provider and comes back with what it gives: the path that the browser is sent to.
fn round(browser: &mut Browser<'_>, provider: &Provider) -> String {
    let sent = browser.get("/console/sso").expect(303);
    provider.visit(sent.header("location").expect("to the provider"))
}

#[test]
fn people_come_in_by_a_real_provider_with_the_roles_that_it_gives() {
    let place = Place::new();
    let port = free_port();
    let provider = Provider::start("provider.mjs", port);
    let server = serve(&place, port, &provider).start();
    server.hide(SECRET);
    browser::tell("single_sign_on.mjs", &place, &server);
}

#[test]
fn nothing_that_a_lying_provider_says_lets_anybody_in() {
    let place = Place::new();
    let port = free_port();
    let provider = Provider::start("liar.mjs", port);
    let server = serve(&place, port, &provider).start();
    server.hide(SECRET);
    let mut browser = Browser::new(&server);
    for unreachable in ["no configuration", "configuration of another"] {
        provider.lie(unreachable);
        browser.get("/console/sso").expect(503);
    }
    for (lie, status) in [
        ("nonce", 403),
        ("no nonce", 403),
        ("issuer", 403),
        ("audience", 403),
        ("more audiences", 403),
        ("expired", 403),
        ("alg none", 403),
        ("key", 403),
        ("signed with the secret", 403),
        ("access token of another", 403),
        ("no ID token", 403),
        ("state", 403),
        ("response of another", 403),
        ("name", 403),
        ("role", 403),
        ("garbage", 503),
        ("too much", 503),
    ] {
        provider.lie(lie);
        let back = round(&mut browser, &provider);
        let answer = browser.get(&back);
        assert_eq!(answer.status, status, "{lie}: {}", answer.text());
        assert!(!answer.text().contains("jeton-journey") && browser.cookie("jeton").is_none(), "{lie}");
        assert_eq!(browser.get("/console/tokens").status, 303, "{lie}");
    }
    provider.lie("nothing");
    // Whoever brings somebody else's answer is not let in, and does not keep her out.
    let back = round(&mut browser, &provider);
    Browser::new(&server).get(&back).expect(403);
    let mut other = Browser::new(&server);
    other.get("/console/sso").expect(303);
    other.get(&back).expect(403);
    let welcome = browser.get(&back).expect(200);
    assert_eq!(welcome.header("refresh"), Some("0; url=/console/tokens"));
    browser.get("/console/tokens").expect(200);
    // Once, for her as well.
    let first = browser.cookie("jeton").expect("she is signed in");
    assert_eq!(Browser::new(&server).get(&back).status, 403);
    let mut again = Browser::new(&server);
    let back = round(&mut again, &provider);
    again.get(&back).expect(200);
    again.get(&back).expect(403);
    assert_ne!(again.cookie("jeton"), Some(first), "each sign-in is a session of its own");
    // The name alone is nobody: who has another subject is somebody else.
    provider.lie("subject of another");
    let mut impostor = Browser::new(&server);
    let back = round(&mut impostor, &provider);
    assert!(impostor.get(&back).expect(403).text().contains("somebody else"));
    // Whom the provider gives no role any more is signed out everywhere.
    provider.lie("role");
    let back = round(&mut again, &provider);
    again.get(&back).expect(403);
    assert_eq!(browser.get("/console/tokens").header("location"), Some("/console/sign-in"));
}

#[test]
fn where_single_sign_on_is_the_only_way_the_machine_still_lets_somebody_in() {
    let place = Place::new();
    let port = free_port();
    let provider = Provider::start("liar.mjs", port);
    let server = serve(&place, port, &provider).argument("--sso-only").start();
    server.hide(SECRET);
    provider.lie("no configuration");
    let mut stranger = Browser::new(&server);
    let page = stranger.get("/console/sign-in").expect(200).text();
    assert!(page.contains("/console/sso") && !page.contains("type=\"password\""), "{page}");
    let output = place.jeton(&["user", "add", "olga", "--role", "admin", "--data"]).arg(place.data()).output().unwrap();
    let code = String::from_utf8(output.stdout).unwrap();
    let enter = |browser: &mut Browser<'_>, code: &str| {
        browser.post("/console/code", "/console/code", &format!("code={}&name=olga", code.trim()))
    };
    enter(&mut stranger, "AAAA-AAAA-AAAA-AAAA").expect(403);
    assert_eq!(enter(&mut stranger, &code).header("location"), Some("/console/tokens"));
    stranger.get("/console/users").expect(200);
    let mut again = Browser::new(&server);
    enter(&mut again, &code).expect(403);
    again.post("/console/code", "/console/sign-in", "name=olga&password=correct+horse+battery+staple").expect(403);
}

#[test]
fn single_sign_on_that_cannot_work_is_refused_at_the_start() {
    let place = Place::new();
    let refused = |arguments: &[&str]| {
        let (code, said) = place.serve().arguments(arguments).refused();
        assert_eq!(code, 2, "{said}");
        said
    };
    assert!(refused(&["--sso-only"]).contains("sso-issuer"));
    assert!(refused(&["--sso-issuer", "http://login.example"]).contains("https://"));
    let whole = ["--sso-issuer", "https://login.example", "--sso-client-id", "jeton", "--sso-role"];
    assert!(refused(&[&whole[..], &["ops=root"]].concat()).contains("admin, operator, viewer and member"));
    let path = secret_file(&place);
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&path, open).unwrap();
    let with_secret = [&whole[..], &["ops=admin", "--sso-client-secret-file", path.to_str().unwrap()]].concat();
    assert!(refused(&with_secret).contains("chmod 600"));
    // Without a provider that answers, tokens are served all the same.
    let server: Server = place
        .serve()
        .arguments(&["--sso-issuer", "http://127.0.0.1:9", "--sso-client-id", "jeton", "--sso-role", "ops=admin"])
        .start();
    Browser::new(&server).get("/console/sso").expect(503);
    assert!(!first_code(&server).is_empty());
}
