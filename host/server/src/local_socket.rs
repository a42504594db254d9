//! The Unix socket in the data directory: whoever may open it is the machine's owner of this authority.
//!
//! It serves one thing: `POST /bootstrap`, an administrator's refresh token.

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
use jeton_runtime::{
    Class,
    wit::{refresh_tokens::IssueRequest, types::Actor},
};
use serde::{Deserialize, Serialize};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::watch,
    task::JoinHandle,
};
use zeroize::Zeroizing;

use crate::{api, app::App, data_dir::DataDir};

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

/// What is given: the token once, or why not.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Given {
    Token(String),
    Refused(String),
}

/// Why a running server gave no token.
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
    if parts.method != Method::POST || parts.uri.path() != "/bootstrap" {
        return given(StatusCode::NOT_FOUND, &Given::Refused("there is only POST /bootstrap here".to_owned()));
    }
    let asked = match api::body::read(body).await {
        Ok(body) => serde_json::from_slice::<Bootstrap>(&body).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let asked = match asked {
        Ok(asked) => asked,
        Err(error) => return given(StatusCode::BAD_REQUEST, &Given::Refused(error)),
    };
    let request = bootstrap_request(&asked.name, &asked.scopes);
    let issued = app.authority.call(Class::Administration, move |authority| authority.issue(&Actor::Machine, &request));
    match issued.await {
        Ok(Ok(issued)) => given(StatusCode::CREATED, &Given::Token(issued.secret.unwrap_or_default())),
        Ok(Err(refusal)) => given(StatusCode::BAD_REQUEST, &Given::Refused(api::sentence(refusal).to_owned())),
        Err(error) => given(StatusCode::SERVICE_UNAVAILABLE, &Given::Refused(error.to_string())),
    }
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
    let failed = |error: &dyn std::fmt::Display| LocalSocketError::Failed(error.to_string());
    let path = path_in(data).map_err(|error| failed(&error))?;
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
        let asked = Bootstrap { name: name.to_owned(), scopes: scopes.to_vec() };
        let body = serde_json::to_vec(&asked).map_err(|error| failed(&error))?;
        let request = Request::post("/bootstrap").header("host", "localhost").body(Full::from(body));
        let response =
            sender.send_request(request.map_err(|error| failed(&error))?).await.map_err(|error| failed(&error))?;
        let body = response.into_body().collect().await.map_err(|error| failed(&error))?.to_bytes();
        driver.abort();
        match serde_json::from_slice(&body).map_err(|error| failed(&error))? {
            Given::Token(token) => Ok(Some(Zeroizing::new(token))),
            Given::Refused(sentence) => Err(LocalSocketError::Refused(sentence)),
        }
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
