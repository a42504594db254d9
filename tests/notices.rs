//! Notices: told once, in the console, by webhook and by mail, and never to where they must not go.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::people::{somebody, with_root};
use crate::support::administrator::Administrator;
use crate::support::http::{Request, send};
use crate::support::place::{Place, free_port, write_private};
use crate::support::server::{Launch, Server};
use crate::support::{repository, wait_for};

/// A day and a few seconds: within seconds the token passes the last stage.
const SOON: u64 = 24 * 60 * 60 + 4;
const SECRET: &str = "whsec_plJ3nmyCDGBKInavdOK15jsl0wUcdTfL5vXJ3Ub3FZ8=";
const LOGIN: &str = "jeton:a-password-for-the-mail-of-this-test";

/// A receiver of webhooks and a server of mail.
struct Receivers {
    child: Child,
    webhook: u16,
    mail: u16,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Receivers {
    fn start(place: &Place, environment: &[(&str, &str)]) -> Receivers {
        let (webhook, mail) = (free_port(), free_port());
        let python = repository("tests/.venv/bin/python");
        assert!(python.exists(), "the Python clients are set up by tests/run");
        let mut command = Command::new(python);
        command.arg(repository("tests/clients/notices.py")).env("SECRET", SECRET);
        command.env("WEBHOOK_PORT", webhook.to_string()).env("MAIL_PORT", mail.to_string());
        command.envs(environment.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.current_dir(place.path("")).spawn().expect("Python starts");
        let told = Arc::new(Mutex::new(Vec::new()));
        let (lines, all) = (BufReader::new(child.stdout.take().expect("it is piped")).lines(), Arc::clone(&told));
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                all.lock().unwrap().push(serde_json::from_str::<Value>(&line).unwrap());
            }
        });
        let receivers = Receivers { child, webhook, mail, told };
        wait_for("the receivers", || (receivers.told("ready").len() == 1).then_some(()));
        receivers
    }

    /// What came of this sort.
    fn told(&self, what: &str) -> Vec<Value> {
        self.told.lock().unwrap().iter().filter(|one| one["what"] == what).cloned().collect()
    }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn secret_file(place: &Place, name: &str, secret: &str) -> std::path::PathBuf {
    let path = place.path(name);
    if !path.exists() {
        write_private(&path, format!("{secret}\n").as_bytes());
    }
    path
}

/// A server that sends webhooks there.
fn with_webhook(place: &Place, url: &str) -> Launch {
    let secret = secret_file(place, "webhook-secret", SECRET);
    place.serve().arguments(&["--notice-webhook", url, "--notice-webhook-secret-file"]).argument(secret)
}

/// And mail.
fn with_mail(place: &Place, launch: Launch, server: &str) -> Launch {
    let (user, password) = LOGIN.split_once(':').unwrap();
    let launch =
        launch.arguments(&["--notice-mail-to", "ops@example.com", "--notice-mail-from", "Jeton <jeton@example.com>"]);
    let launch = launch.arguments(&["--smtp-server", server, "--smtp-user", user, "--smtp-password-file"]);
    launch.argument(secret_file(place, "mail-password", password))
}

fn soon(administrator: &Administrator, server: &Server, name: &str, owner: &str) -> String {
    // What is there at the first look is told of by the earlier stage, too.
    wait_for("the first look", || server.log().contains("looked for what is to be told").then_some(()));
    administrator.create(server, &json!({ "name": name, "expires_in": SOON, "owner": owner })).id
}

fn notices(administrator: &Administrator, server: &Server, query: &str) -> Vec<Value> {
    let answer = administrator.send(server, Request::get(&format!("/v1/notices?{query}"))).expect(200).json();
    answer["items"].as_array().unwrap().clone()
}

#[test]
fn a_token_that_expires_soon_is_told_once_in_the_console_by_webhook_and_by_mail() {
    let place = Place::new();
    let admin = place.bootstrap();
    let receivers = Receivers::start(&place, &[("FAILURES", "2"), ("LOGIN", LOGIN)]);
    let launch = || {
        let url = format!("http://127.0.0.1:{}/hook?house=1", receivers.webhook);
        let launch = with_webhook(&place, &url).argument("--notice-webhook-allow-local");
        with_mail(&place, launch, &format!("smtp://127.0.0.1:{}", receivers.mail)).start()
    };
    let server = launch();
    server.hide(SECRET);
    server.hide(LOGIN.split_once(':').unwrap().1);
    let administrator = Administrator::enter(&server, &admin);
    let id = soon(&administrator, &server, "nightly <job>", "alice");
    soon(&administrator, &server, "another job", "bob");

    let told = wait_for("both notices", || {
        Some(notices(&administrator, &server, "kind=token-expiring")).filter(|all| all.len() == 2)
    });
    let notice = told.iter().find(|one| one["token"]["id"] == id.as_str()).unwrap();
    assert_eq!(notice["token"], json!({ "id": id, "name": "nightly <job>", "owner": "alice" }));
    assert!(notice["sentence"].as_str().unwrap().contains("jeton token edit"), "{notice}");

    // The receiver is down twice: each attempt has the id of its notice, and each notice is taken once.
    let taken = |count: usize| {
        wait_for("webhooks that are taken", || {
            let taken: Vec<Value> = receivers.told("webhook").into_iter().filter(|one| one["status"] == 204).collect();
            (taken.len() >= count).then_some(taken)
        })
    };
    let taken_now = taken(2);
    let all = receivers.told("webhook");
    assert!(all.iter().all(|one| one["right"] == true && one["path"] == "/hook?house=1"), "{all:?}");
    assert_eq!(all.iter().filter(|one| one["status"] == 500).count(), 2);
    let ids =
        |messages: &[Value]| messages.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>();
    assert_eq!((taken_now.len(), ids(&all)), (2, ids(&told)));
    let sent = taken_now.iter().find(|one| one["id"] == notice["id"]).unwrap();
    assert_eq!(sent["body"]["type"], "notice.token_expiring");
    let mut data = sent["body"]["data"].clone();
    data.as_object_mut().unwrap().remove("issuer");
    assert_eq!(&data, notice);

    // One mail tells of both.
    let mail = wait_for("the mail", || receivers.told("mail").pop());
    assert_eq!((&mail["to"], &mail["sender"]), (&json!(["ops@example.com"]), &json!("jeton@example.com")));
    assert_eq!((&mail["subject"], &mail["login"]), (&json!("Jeton: 2 notices (token-expiring)"), &json!(LOGIN)));
    assert_eq!(mail["type"], "text/plain");
    assert!(mail["text"].as_str().unwrap().contains("nightly <job>"), "{mail}");

    // The page shows it, and to each member what is about her own tokens.
    let mut root = with_root(&server);
    let page = root.get("/console/notices?kind=token-expiring").expect(200).text();
    assert!(page.contains("nightly &lt;job&gt;") && page.contains("another job") && !page.contains("<job>"), "{page}");
    assert!(!root.get("/console/notices?kind=backup-old").expect(200).text().contains("another job"));
    let mut alice = somebody(&place, &server, "alice", &["--role", "member"]);
    let page = alice.get("/console/notices").expect(200).text();
    assert!(page.contains("nightly &lt;job&gt;") && !page.contains("another job"), "{page}");
    assert_eq!(alice.get("/v1/notices").expect(200).json()["items"].as_array().unwrap().len(), 1);

    // After a restart nothing is told again.
    server.stop();
    let server = launch();
    let administrator = Administrator::enter(&server, &admin);
    soon(&administrator, &server, "the third job", "alice");
    assert_eq!(taken(3).len(), 3);
    assert_eq!((notices(&administrator, &server, "").len(), receivers.told("webhook").len()), (3, 5));
    let listed = place.jeton(&["notices", "list", "--kind", "token-expiring"]);
    let output = { listed }
        .env("JETON_URL", format!("http://127.0.0.1:{}", server.port))
        .env("JETON_TOKEN", &admin)
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.lines().count() == 4 && table.contains(&id), "{table}");
}

#[test]
fn a_reuse_is_told_at_once_and_only_the_kinds_that_are_asked_for_go_out() {
    let place = Place::new();
    let admin = place.bootstrap();
    let receivers = Receivers::start(&place, &[]);
    let url = format!("http://localhost:{}/", receivers.webhook);
    let launch =
        with_webhook(&place, &url).arguments(&["--notice-webhook-allow-local", "--notice-kind", "reuse-detected"]);
    let metrics = free_port();
    let server = launch.arguments(&["--metrics-listen", &format!("127.0.0.1:{metrics}")]).start();
    let administrator = Administrator::enter(&server, &admin);
    soon(&administrator, &server, "one that expires", "bob");
    wait_for("its notice", || notices(&administrator, &server, "kind=token-expiring").pop());
    let rotating = administrator.create(&server, &json!({ "name": "rotating", "rotates_on_use": true }));
    let second = server.exchange(&rotating.token).expect(200).member("refresh_token");
    server.exchange(&second).expect(200);
    server.refuses(&rotating.token);
    let sent = wait_for("the webhook", || receivers.told("webhook").pop());
    assert_eq!(sent["body"]["data"]["token"]["id"], rotating.id.as_str());
    assert_eq!((receivers.told("webhook").len(), &sent["body"]["type"]), (1, &json!("notice.reuse_detected")));
    // What was delivered is counted once the receiver's answer is there.
    for line in [
        "jeton_notices_total{kind=\"reuse-detected\"} 1",
        "jeton_notices_total{kind=\"token-expiring\"} 1",
        "jeton_notice_deliveries_total{channel=\"webhook\",result=\"delivered\"} 1",
    ] {
        let page = || send(metrics, &Request::get("/metrics")).unwrap().text();
        wait_for(line, || page().contains(line).then_some(()));
    }
}

#[test]
fn a_webhook_that_leads_to_this_machine_is_not_sent_unless_that_is_allowed() {
    let place = Place::new();
    let (code, said) = with_webhook(&place, "http://127.0.0.1:9/").refused();
    assert!(code == 2 && said.contains("notice-webhook-allow-local"), "{said}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let houses: Vec<_> = ["127.0.0.1", "[::1]", "169.254.169.254", "localhost"]
        .into_iter()
        .map(|host| {
            let place = Place::new();
            let admin = place.bootstrap();
            let server = with_webhook(&place, &format!("https://{host}:{port}/")).start();
            soon(&Administrator::enter(&server, &admin), &server, "job", "alice");
            (host, place, server)
        })
        .collect();
    for (host, _place, server) in &houses {
        wait_for("the refusal", || {
            server.log().contains("an address of this machine, its link or its cloud").then_some(())
        });
        assert!(server.log().contains("a notice could not be delivered"), "{host}");
    }
    assert!(listener.accept().is_err(), "nobody came");
}

#[test]
fn mail_goes_over_tls_from_the_first_byte_on() {
    let certified = Place::new();
    certified.bootstrap();
    let listen = format!("127.0.0.1:{}", free_port());
    certified.serve().arguments(&["--tls-self-signed", "--tls-listen", &listen]).start().stop();
    let file = |name| certified.data().join(name).display().to_string();
    let (certificate, key) = (file("tls-cert.pem"), file("tls-key.pem"));
    let place = Place::new();
    let admin = place.bootstrap();
    let environment = [("ENCRYPTION", "tls"), ("CERTIFICATE", &certificate), ("KEY", &key), ("LOGIN", LOGIN)];
    let receivers = Receivers::start(&place, &environment);
    let launch = with_mail(&place, place.serve(), &format!("smtps://localhost:{}", receivers.mail));
    let server = launch.environment("SSL_CERT_FILE", &certificate).start();
    soon(&Administrator::enter(&server, &admin), &server, "job", "alice");
    wait_for("the notice", || server.log().contains("token-expiring").then_some(()));
    let mail = wait_for("the mail", || {
        assert!(!server.log().contains("could not be delivered"), "{}", server.log());
        receivers.told("mail").pop()
    });
    assert_eq!((&mail["login"], &mail["subject"]), (&json!(LOGIN), &json!("Jeton: 1 notice (token-expiring)")));
    assert_eq!(mail["encrypted"], true);
}

/// This machine by a spelling that is not taken for it: it is spoken to as a mail server elsewhere is.
const ELSEWHERE: &str = "LOCALHOST";

#[test]
fn mail_that_leaves_the_machine_is_encrypted_before_anything_is_said_of_it() {
    let place = Place::new();
    let admin = place.bootstrap();
    let made = rcgen::generate_simple_self_signed([ELSEWHERE.to_ascii_lowercase()]).unwrap();
    let file = |name: &str, text: String| {
        let path = place.path(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (certificate, key) = (file("cert.pem", made.cert.pem()), file("key.pem", made.signing_key.serialize_pem()));
    let environment = [("ENCRYPTION", "starttls"), ("CERTIFICATE", &certificate), ("KEY", &key), ("LOGIN", LOGIN)];
    let receivers = Receivers::start(&place, &environment);
    let launch = with_mail(&place, place.serve(), &format!("smtp://{ELSEWHERE}:{}", receivers.mail));
    let server = launch.environment("SSL_CERT_FILE", &certificate).start();
    soon(&Administrator::enter(&server, &admin), &server, "job", "alice");
    let mail = wait_for("the mail", || {
        assert!(!server.log().contains("could not be delivered"), "{}", server.log());
        receivers.told("mail").pop()
    });
    assert_eq!((&mail["login"], &mail["encrypted"]), (&json!(LOGIN), &json!(true)));
}
