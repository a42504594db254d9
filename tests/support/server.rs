//! The real binary, serving.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use super::http::{self, Answer, Request};
use super::wait_for;

/// A server that is about to start.
pub(crate) struct Launch {
    command: Command,
    port: u16,
}

impl Launch {
    pub(crate) fn new(command: Command, port: u16) -> Launch {
        Launch { command, port }
    }

    pub(crate) fn argument(mut self, argument: impl AsRef<OsStr>) -> Launch {
        self.command.arg(argument);
        self
    }

    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Launch {
        self.command.args(arguments);
        self
    }

    pub(crate) fn environment(mut self, name: &str, value: impl AsRef<OsStr>) -> Launch {
        self.command.env(name, value);
        self
    }

    /// Lets a shell set its limits first.
    pub(crate) fn after_shell(self, preparation: &str) -> Launch {
        self.through(&["sh", "-c", &format!("{preparation}; exec \"$0\" \"$@\"")])
    }

    /// Lets another command start it, in the same place and environment.
    pub(crate) fn through(self, starter: &[&str]) -> Launch {
        let mut command = Command::new(starter[0]);
        command.args(&starter[1..]).arg(self.command.get_program()).args(self.command.get_args());
        if let Some(folder) = self.command.get_current_dir() {
            command.current_dir(folder);
        }
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Launch { command, port: self.port }
    }

    /// Starts it and returns when it says that it is ready.
    pub(crate) fn start(self) -> Server {
        let mut server = self.start_without_waiting();
        wait_for("the server to be ready", || {
            if let Some(status) = server.ended() {
                panic!("the server ended with {status}:\n{}", server.log());
            }
            http::send(server.port, &Request::get("/readyz")).ok().filter(|answer| answer.status == 200)
        });
        server
    }

    /// Starts it, ready or not.
    pub(crate) fn start_without_waiting(mut self) -> Server {
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let log = Arc::new(Mutex::new(String::new()));
        let readers = vec![
            copy_lines(child.stderr.take().expect("it is piped"), Arc::clone(&log)),
            copy_lines(child.stdout.take().expect("it is piped"), Arc::clone(&log)),
        ];
        Server { child, port: self.port, log, readers, secrets: Mutex::default() }
    }

    /// Starts it and returns how it ended, and what it said, where it must refuse to run.
    pub(crate) fn refused(self) -> (i32, String) {
        let mut server = self.start_without_waiting();
        let status = wait_for("the server to refuse", || server.ended());
        (status.code().unwrap_or(-1), server.log())
    }
}

fn copy_lines(from: impl std::io::Read + Send + 'static, log: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut log = log.lock().expect("nobody panics in here");
            log.push_str(&line);
            log.push('\n');
        }
    })
}

/// A running server. When it goes, its output is searched for every secret that passed.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    secrets: Mutex<HashSet<String>>,
}

/// What is long enough that it does not stand in a log by chance.
const SHORTEST_SECRET: usize = 24;

impl Server {
    /// Sends a request; there must be an answer.
    pub(crate) fn send(&self, request: Request) -> Answer {
        self.try_send(request).unwrap_or_else(|error| panic!("no answer: {error}\n{}", self.log()))
    }

    /// Sends a request to a server that may die meanwhile.
    pub(crate) fn try_send(&self, request: Request) -> std::io::Result<Answer> {
        for secret in request.secrets() {
            self.hide(&secret);
        }
        let answer = http::send(self.port, &request)?;
        // A refresh token or an access token that was handed out.
        let given = serde_json::from_str::<serde_json::Value>(&answer.text()).unwrap_or_default();
        for name in ["token", "access_token", "refresh_token"] {
            if let Some(secret) = given[name].as_str().filter(|_| answer.status < 300) {
                self.hide(secret);
            }
        }
        Ok(answer)
    }

    /// Notes a text that must never be found in the output.
    pub(crate) fn hide(&self, secret: &str) {
        if secret.len() >= SHORTEST_SECRET {
            self.secrets.lock().expect("nobody panics in here").insert(secret.to_owned());
        }
    }

    /// Exchanges a refresh token.
    pub(crate) fn exchange(&self, refresh_token: &str) -> Answer {
        self.send(Request::form("/oauth2/token", &format!("grant_type=refresh_token&refresh_token={refresh_token}")))
    }

    /// Sees that a refresh token is refused: 429 too is said only of one that was found bad.
    pub(crate) fn refuses(&self, refresh_token: &str) {
        let answer = self.exchange(refresh_token);
        assert!([400, 429].contains(&answer.status), "{}", answer.text());
    }

    /// The access token that a good refresh token gives.
    pub(crate) fn access_token(&self, refresh_token: &str) -> String {
        self.exchange(refresh_token).expect(200).member("access_token")
    }

    /// What the server answers to an access token that asks about itself.
    pub(crate) fn introspect_itself(&self, access_token: &str) -> Answer {
        self.send(Request::form("/oauth2/introspect", &format!("token={access_token}")).bearer(access_token))
    }

    /// Whether an access token opens a door behind forward-auth.
    pub(crate) fn lets_in(&self, access_token: &str) -> bool {
        match self.send(Request::get("/forward-auth/some/path").bearer(access_token)).status {
            200 => true,
            401 => false,
            other => panic!("forward-auth answered {other}"),
        }
    }

    /// All that it wrote until now.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("nobody panics in here").clone()
    }

    /// Its process.
    pub(crate) fn process(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Asks it to stop and waits until it has: it must end well.
    pub(crate) fn stop(mut self) {
        kill_process(self.process(), Signal::TERM).expect("it runs");
        let status = wait_for("the server to stop", || self.ended());
        assert!(status.success(), "it stopped with {status}:\n{}", self.log());
    }

    /// Kills it as a power cut kills a process.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        let status = self.child.wait().expect("it can be waited for");
        assert!(status.signal().is_some(), "it had ended before, with {status}:\n{}", self.log());
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().expect("it can be waited for");
        if status.is_some() {
            for reader in self.readers.drain(..) {
                reader.join().expect("the output was read");
            }
        }
        status
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to kill.
        let _ended_before = self.child.kill();
        let _status = self.child.wait();
        for reader in self.readers.drain(..) {
            let _read = reader.join();
        }
        if std::thread::panicking() {
            return;
        }
        let log = self.log();
        for secret in self.secrets.lock().expect("nobody panics in here").iter() {
            let tail = &secret[secret.len() - SHORTEST_SECRET..];
            if let Some(line) = log.lines().find(|line| line.contains(tail)) {
                panic!("the server's output holds a secret: {line}");
            }
        }
    }
}
