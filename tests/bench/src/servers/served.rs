//! A server with an administrator, as the figures over HTTP need one.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use http::Method;
use jeton::client::{Administrator, Connection};
use serde_json::Value;

use crate::servers::process::{Server, jeton};

/// A server on a data directory of its own, which goes with it.
pub(crate) struct Served {
    pub(crate) server: Server,
    pub(crate) administrator: Administrator,
    pub(crate) url: String,
    pub(crate) data: PathBuf,
    /// The refresh token of the administrator.
    pub(crate) secret: String,
    _dir: tempfile::TempDir,
}

/// A refresh token that was made.
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Served {
    /// With one I/O thread, on the core of servers, with these options beside.
    pub(crate) fn start(options: &[&str]) -> anyhow::Result<Self> {
        Self::new(|data| Server::jeton_with(&data, options))
    }

    /// With so many I/O threads, on these cores.
    pub(crate) fn start_on(cores: &str, io_threads: &str) -> anyhow::Result<Self> {
        Self::new(|data| Server::jeton_on(cores, &data, &["--io-threads", io_threads]))
    }

    /// With one I/O thread, over a data directory that is made first.
    pub(crate) fn over(make: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<Self> {
        Self::new(|data| {
            make(&data)?;
            Server::jeton(&data)
        })
    }

    /// Ends the server at once and starts it again; gives the time from the start of the process to its first answer.
    pub(crate) fn restart(&mut self) -> anyhow::Result<Duration> {
        self.server.stop();
        let begun = Instant::now();
        self.server = Server::jeton(&self.data)?;
        Ok(begun.elapsed())
    }

    fn new(start: impl FnOnce(PathBuf) -> anyhow::Result<Server>) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("data");
        let bootstrap =
            Command::new(jeton()?).args(["bootstrap", "--name", "figures", "--data"]).arg(&data).output()?;
        anyhow::ensure!(bootstrap.status.success(), "bootstrap failed");
        let secret = String::from_utf8(bootstrap.stdout)?.trim().to_owned();
        let server = start(data.clone())?;
        let url = format!("http://{}", server.address);
        let administrator = Administrator::new(Connection::new(&url, None, false)?, &secret)?;
        Ok(Self { server, administrator, url, data, secret, _dir: dir })
    }

    /// Makes a refresh token.
    pub(crate) fn make(&self, body: &Value) -> anyhow::Result<Made> {
        let made = self.administrator.call(Method::POST, "/v1/refresh-tokens", Some(body))?;
        Ok(Made { id: text(&made, "id")?, secret: text(&made, "token")? })
    }

    /// Exchanges a refresh token for an access token.
    pub(crate) fn exchange(&self, secret: &str) -> anyhow::Result<String> {
        text(&self.connection()?.exchange(secret, None, None)?, "access_token")
    }

    /// A connection without credentials.
    pub(crate) fn connection(&self) -> anyhow::Result<Connection> {
        Ok(Connection::new(&self.url, None, false)?)
    }
}

/// A request that posts a form; `head` is more of its header.
pub(crate) fn post(path: &str, head: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\n{head}content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn text(json: &Value, member: &'static str) -> anyhow::Result<String> {
    json.get(member).and_then(Value::as_str).map(str::to_owned).context(member)
}
