//! The Unix socket in the data directory: whoever may open it is the machine's owner of this authority.
//!
//! It serves `POST /bootstrap`, an administrator's refresh token; `POST /clock/accept`, going back to the machine's clock;
//! `POST /user`, accounts of people; `POST /audit`, lines of the audit log; and `POST /backup`, that a backup is told of there.

use std::{
    convert::Infallible,
    fs,
    io::ErrorKind,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use jeton_policy::store::{Direction, Unavailable};
use jeton_runtime::{
    Class,
    wit::{refresh_tokens::IssueRequest, types::Actor, upkeep::UpkeepRefusal},
};
use jeton_store::audit::{AuditLog, MAX_LINES};
use serde::{Deserialize, Serialize};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::watch,
    task::JoinHandle,
};
use zeroize::Zeroizing;

use crate::{
    accounts::{
        AccountError,
        orders::{Order, Outcome},
    },
    api,
    app::App,
    data_dir::DataDir,
};

const SOCKET: &str = "jeton.sock";
/// What the system allows a socket's path, and the closing NUL.
const MAX_PATH: usize = 107;
/// How long accepting rests after the system refused.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bootstrap {
    name: String,
    scopes: Vec<String>,
}

/// That the machine's clock is to be gone by.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceptClock {
    keep: bool,
}

/// Which lines of the audit log are asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskLines {
    after: u64,
}

/// That a backup was made.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BackedUp {
    file: String,
}

/// Lines of the audit log, and the number of the last that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLines {
    /// In their order.
    pub lines: Vec<String>,
    /// The number under which the last of them is kept, whatever it says of itself. `None`: there are no more.
    pub last: Option<u64>,
    /// The last, whether it is still there or not.
    pub head: u64,
}

/// What became of accepting the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockAccepted {
    /// The time that is gone by now, in Unix seconds.
    pub time: u64,
    /// Refresh tokens that ended because they had expired by the wrong clock.
    pub ended: u64,
}

/// What is given: what was asked for, or why not.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Given {
    Token(String),
    Clock(ClockAccepted),
    User(Outcome),
    Lines(AuditLines),
    Recorded,
    Refused(String),
}

/// Why a running server did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LocalSocketError {
    /// The policy refused, in its words.
    #[error("{0}")]
    Refused(String),
    /// The server cannot be asked.
    #[error("cannot ask the server that runs on this data directory: {0}")]
    Failed(String),
}

/// Serves the socket until `stop` turns true.
///
/// # Errors
/// When it cannot be made.
pub fn listen(data_dir: &DataDir, app: Arc<App>, mut stop: watch::Receiver<bool>) -> std::io::Result<JoinHandle<()>> {
    let path = path_in(data_dir.path())?;
    // The lock of the data directory is ours, so what lies here was left by a process that is gone.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // The directory is 0700, so nobody gets in between the two.
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection on the local socket");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let app = Arc::clone(&app);
            tokio::spawn(async move {
                let answer = service_fn(move |request| {
                    let app = Arc::clone(&app);
                    async move { Ok::<_, Infallible>(answer(&app, request).await) }
                });
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            });
        }
        let _ = fs::remove_file(&path);
    }))
}

async fn answer(app: &App, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = match api::body::read(body).await {
        Ok(body) => body,
        Err(error) => return given(StatusCode::BAD_REQUEST, &Given::Refused(error.to_string())),
    };
    match (&parts.method, parts.uri.path()) {
        (&Method::POST, "/bootstrap") => bootstrap(app, &body).await,
        (&Method::POST, "/clock/accept") => accept_clock(app, &body).await,
        (&Method::POST, "/user") => obey(app, &body).await,
        (&Method::POST, "/audit") => lines(app, &body).await,
        (&Method::POST, "/backup") => backed_up(app, &body).await,
        _ => {
            let there_is = "there are only POST /bootstrap, /clock/accept, /user, /audit and /backup here";
            given(StatusCode::NOT_FOUND, &Given::Refused(there_is.to_owned()))
        }
    }
}

async fn bootstrap(app: &App, body: &[u8]) -> Response<Full<Bytes>> {
    let asked = match serde_json::from_slice::<Bootstrap>(body) {
        Ok(asked) => asked,
        Err(error) => return given(StatusCode::BAD_REQUEST, &Given::Refused(error.to_string())),
    };
    let request = bootstrap_request(&asked.name, &asked.scopes);
    let issued = app.authority.call(Class::Administration, move |authority| authority.issue(&Actor::Machine, &request));
    match issued.await {
        Ok(Ok(issued)) => given(StatusCode::CREATED, &Given::Token(issued.secret.unwrap_or_default())),
        Ok(Err(refusal)) => given(StatusCode::BAD_REQUEST, &Given::Refused(api::sentence(refusal).to_owned())),
        Err(error) => given(StatusCode::SERVICE_UNAVAILABLE, &Given::Refused(error.to_string())),
    }
}

async fn obey(app: &App, body: &[u8]) -> Response<Full<Bytes>> {
    let order = match serde_json::from_slice::<Order>(body) {
        Ok(order) => order,
        Err(error) => return given(StatusCode::BAD_REQUEST, &Given::Refused(error.to_string())),
    };
    match app.accounts.off_thread(move |accounts| accounts.obey(&order)).await {
        Ok(outcome) => given(StatusCode::OK, &Given::User(outcome)),
        Err(AccountError::Unavailable) => {
            given(StatusCode::SERVICE_UNAVAILABLE, &Given::Refused(AccountError::Unavailable.to_string()))
        }
        Err(error) => given(StatusCode::BAD_REQUEST, &Given::Refused(error.to_string())),
    }
}

/// Step by step, so that nothing waits for the whole; whoever asks goes on where an earlier attempt was interrupted.
async fn accept_clock(app: &App, body: &[u8]) -> Response<Full<Bytes>> {
    let AcceptClock { keep } = match serde_json::from_slice(body) {
        Ok(asked) => asked,
        Err(error) => return given(StatusCode::BAD_REQUEST, &Given::Refused(error.to_string())),
    };
    let mut ended = 0_u64;
    loop {
        match app.authority.call(Class::Administration, move |authority| authority.accept_clock(keep)).await {
            Ok(Ok(accepted)) => {
                ended = ended.saturating_add(u64::from(accepted.ended));
                if !accepted.more {
                    tracing::warn!(
                        time = accepted.time,
                        ended,
                        keep,
                        "the machine's clock was accepted; every access token minted before is dead"
                    );
                    return given(StatusCode::OK, &Given::Clock(ClockAccepted { time: accepted.time, ended }));
                }
            }
            Ok(Err(UpkeepRefusal::Unavailable)) => {
                let refused = Given::Refused("the store is unavailable; ask again".to_owned());
                return given(StatusCode::SERVICE_UNAVAILABLE, &refused);
            }
            Err(error) => return given(StatusCode::SERVICE_UNAVAILABLE, &Given::Refused(error.to_string())),
        }
    }
}

async fn lines(app: &App, body: &[u8]) -> Response<Full<Bytes>> {
    let AskLines { after } = match serde_json::from_slice(body) {
        Ok(asked) => asked,
        Err(error) => return given(StatusCode::BAD_REQUEST, &Given::Refused(error.to_string())),
    };
    let log = Arc::clone(app.audit.log());
    match tokio::task::spawn_blocking(move || lines_of(log.as_ref(), after)).await {
        Ok(Ok(lines)) => given(StatusCode::OK, &Given::Lines(lines)),
        Ok(Err(_)) | Err(_) => {
            let refused = Given::Refused("the store is unavailable; ask again".to_owned());
            given(StatusCode::SERVICE_UNAVAILABLE, &refused)
        }
    }
}

async fn backed_up(app: &App, body: &[u8]) -> Response<Full<Bytes>> {
    let BackedUp { file } = match serde_json::from_slice(body) {
        Ok(asked) => asked,
        Err(error) => return given(StatusCode::BAD_REQUEST, &Given::Refused(error.to_string())),
    };
    let (audit, entry) =
        (Arc::clone(&app.audit), app.audit.entry("machine", "store.backup", "done").with("file", file));
    match tokio::task::spawn_blocking(move || audit.record(vec![entry])).await {
        Ok(Ok(())) => given(StatusCode::OK, &Given::Recorded),
        Ok(Err(_)) | Err(_) => {
            let refused = Given::Refused("the backup cannot be told of in the audit log; ask again".to_owned());
            given(StatusCode::SERVICE_UNAVAILABLE, &refused)
        }
    }
}

/// Has the server that runs on `data` tell of a backup in its audit log; `None` where none runs.
///
/// # Errors
/// [`LocalSocketError`].
pub fn backed_up_via(data: &Path, file: &str) -> Result<Option<()>, LocalSocketError> {
    match ask(data, "/backup", &BackedUp { file: file.to_owned() })? {
        None => Ok(None),
        Some(Given::Recorded) => Ok(Some(())),
        Some(Given::Refused(sentence)) => Err(LocalSocketError::Refused(sentence)),
        Some(_) => Err(another_answer()),
    }
}

/// Lines of a log, as they are given here.
///
/// # Errors
/// [`Unavailable`].
pub fn lines_of(log: &dyn AuditLog, after: u64) -> Result<AuditLines, Unavailable> {
    let page = log.audit_lines(Some(after), Direction::Ascending, MAX_LINES)?;
    let last = page.lines.last().map(|line| line.seq);
    Ok(AuditLines { lines: page.lines.into_iter().map(|line| line.text).collect(), last, head: page.head })
}

/// Asks the server that runs on `data` for lines of its audit log; `None` where none runs.
///
/// # Errors
/// [`LocalSocketError`].
pub fn audit_lines_via(data: &Path, after: u64) -> Result<Option<AuditLines>, LocalSocketError> {
    match ask(data, "/audit", &AskLines { after })? {
        None => Ok(None),
        Some(Given::Lines(lines)) => Ok(Some(lines)),
        Some(Given::Refused(sentence)) => Err(LocalSocketError::Refused(sentence)),
        Some(_) => Err(another_answer()),
    }
}

fn another_answer() -> LocalSocketError {
    LocalSocketError::Failed("it answers something else".to_owned())
}

fn given(status: StatusCode, given: &Given) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(serde_json::to_vec(given).unwrap_or_default()));
    *response.status_mut() = status;
    response
}

/// The issue that bootstrapping is: the expiry is the setting's.
#[must_use]
pub fn bootstrap_request(name: &str, scopes: &[String]) -> IssueRequest {
    IssueRequest { scopes: scopes.to_vec(), ..IssueRequest::named(name) }
}

/// Asks the server that runs on `data` for a refresh token; `None` where none runs.
///
/// # Errors
/// [`LocalSocketError`].
pub fn bootstrap_via(
    data: &Path,
    name: &str,
    scopes: &[String],
) -> Result<Option<Zeroizing<String>>, LocalSocketError> {
    let asked = Bootstrap { name: name.to_owned(), scopes: scopes.to_vec() };
    match ask(data, "/bootstrap", &asked)? {
        None => Ok(None),
        Some(Given::Token(token)) => Ok(Some(Zeroizing::new(token))),
        Some(Given::Refused(sentence)) => Err(LocalSocketError::Refused(sentence)),
        Some(_) => Err(another_answer()),
    }
}

/// Asks the server that runs on `data` to go by the machine's clock; `None` where none runs.
///
/// # Errors
/// [`LocalSocketError`].
pub fn accept_clock_via(data: &Path, keep: bool) -> Result<Option<ClockAccepted>, LocalSocketError> {
    match ask(data, "/clock/accept", &AcceptClock { keep })? {
        None => Ok(None),
        Some(Given::Clock(accepted)) => Ok(Some(accepted)),
        Some(Given::Refused(sentence)) => Err(LocalSocketError::Refused(sentence)),
        Some(_) => Err(another_answer()),
    }
}

/// Orders something about accounts from the server that runs on `data`; `None` where none runs.
///
/// # Errors
/// [`LocalSocketError`].
pub fn order_via(data: &Path, order: &Order) -> Result<Option<Outcome>, LocalSocketError> {
    match ask(data, "/user", order)? {
        None => Ok(None),
        Some(Given::User(outcome)) => Ok(Some(outcome)),
        Some(Given::Refused(sentence)) => Err(LocalSocketError::Refused(sentence)),
        Some(_) => Err(another_answer()),
    }
}

/// Asks the server that runs on `data`; `None` where none runs.
fn ask(data: &Path, what: &str, asked: &impl Serialize) -> Result<Option<Given>, LocalSocketError> {
    let failed = |error: &dyn std::fmt::Display| LocalSocketError::Failed(error.to_string());
    let path = path_in(data).map_err(|error| failed(&error))?;
    let body = serde_json::to_vec(asked).map_err(|error| failed(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
    runtime.block_on(async {
        let stream = match UnixStream::connect(&path).await {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                return Ok(None);
            }
            Err(error) => return Err(failed(&error)),
        };
        let handshake = hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| failed(&error))?;
        let driver = tokio::spawn(connection);
        let request = Request::post(what).header("host", "localhost").body(Full::from(body));
        let response =
            sender.send_request(request.map_err(|error| failed(&error))?).await.map_err(|error| failed(&error))?;
        let body = response.into_body().collect().await.map_err(|error| failed(&error))?.to_bytes();
        driver.abort();
        serde_json::from_slice(&body).map(Some).map_err(|error| failed(&error))
    })
}

fn path_in(data: &Path) -> std::io::Result<PathBuf> {
    // A relative path stays as short as the operator typed it.
    let path = data.join(SOCKET);
    if path.as_os_str().len() > MAX_PATH {
        let sentence = format!(
            "the path `{}` is longer than the {MAX_PATH} bytes that a Unix socket's may have: choose a shorter --data, or a relative one",
            path.display()
        );
        return Err(std::io::Error::new(ErrorKind::InvalidInput, sentence));
    }
    Ok(path)
}
