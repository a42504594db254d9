//! The webhook: a signed `POST` of one notice (Standard Webhooks).

use std::{sync::Arc, time::Duration};

use http::{HeaderName, Request, StatusCode, header::CONTENT_TYPE};
use serde_json::json;
use ureq::{
    Agent,
    tls::{Certificate, RootCerts, TlsConfig},
    unversioned::transport::DefaultConnector,
};

use super::{addresses::Careful, notice::Notice, sending::SendError, signature::Secrets};
use crate::api::time::to_rfc3339;

/// How long one delivery may take in all: others wait for it.
const CALL_TIME: Duration = Duration::from_secs(10);
/// Bytes of an answer's head at most. Its body is not read.
const MAX_HEAD: usize = 16 * 1024;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Sends notices to one receiver.
pub struct Webhook {
    agent: Agent,
    url: String,
    secrets: Secrets,
    issuer: String,
}

impl Webhook {
    /// One to `url`. `allow_local`: it may lead to this machine.
    #[must_use]
    pub fn new(url: &str, secrets: Secrets, allow_local: bool, issuer: &str) -> Self {
        let mut config = Agent::config_builder()
            .timeout_global(Some(CALL_TIME))
            // A redirect would lead where nobody looked.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            // A proxy would resolve the name itself.
            .proxy(None)
            .max_response_header_size(MAX_HEAD)
            // Each time the name is resolved and looked at anew.
            .max_idle_connections(0)
            .user_agent(concat!("jeton/", env!("CARGO_PKG_VERSION")));
        let roots: Vec<Certificate<'static>> = rustls_native_certs::load_native_certs()
            .certs
            .iter()
            .map(|certificate| Certificate::from_der(certificate).to_owned())
            .collect();
        // A machine without any has those that the binary carries.
        if !roots.is_empty() {
            config = config.tls_config(TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(roots))).build());
        }
        let agent = Agent::with_parts(config.build(), DefaultConnector::default(), Careful::new(allow_local));
        Self { agent, url: url.to_owned(), secrets, issuer: issuer.to_owned() }
    }

    /// Sends a notice at `now`. It is delivered when the receiver says so by any 2xx.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn send(&self, notice: &Notice, now: u64) -> Result<(), SendError> {
        let body = body(notice, &self.issuer);
        let request = Request::post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .header(ID, &notice.id)
            .header(TIMESTAMP, now)
            .header(SIGNATURE, self.secrets.sign(&notice.id, now, &body))
            .body(body.as_str())
            .map_err(|error| SendError::refused(error.to_string()))?;
        match self.agent.run(request) {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(refusal(answer.status())),
            // What this side refused speaks for itself.
            Err(ureq::Error::Other(error)) => Err(SendError::unreachable(error.to_string())),
            Err(error) => Err(SendError::unreachable(error.to_string())),
        }
    }
}

/// Whether the receiver wants nothing now, or not this one.
fn refusal(status: StatusCode) -> SendError {
    let sentence = if status.is_redirection() {
        format!("the receiver answered {}, and redirects are not followed", status.as_u16())
    } else {
        format!("the receiver answered {}", status.as_u16())
    };
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        SendError::unreachable(sentence)
    } else {
        SendError::refused(sentence)
    }
}

/// What is sent: the standard's three members, and in `data` the notice as `/v1/notices` shows it, with whose it is.
fn body(notice: &Notice, issuer: &str) -> String {
    let mut data = notice.shown();
    if let Some(members) = data.as_object_mut() {
        members.insert("issuer".to_owned(), issuer.into());
    }
    // The standard's types have no hyphen.
    let kind = format!("notice.{}", notice.kind.word().replace('-', "_"));
    json!({ "type": kind, "timestamp": to_rfc3339(notice.at), "data": data }).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]
    use super::*;
    use crate::notices::notice::Kind;
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        thread,
    };

    fn secrets() -> Secrets {
        Secrets::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()
    }

    fn notice() -> Notice {
        Notice::new(Kind::BackupOld, 1_790_000_000, "It is old.".to_owned())
    }

    /// A receiver that answers once, so.
    fn receiver(answer: &'static str) -> (String, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://localhost:{}/hook", listener.local_addr().unwrap().port());
        let received = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = Vec::new();
            // The last member of the body is its type.
            while !text.ends_with(b"\"notice.backup_old\"}") {
                let mut bytes = [0; 4096];
                let count = stream.read(&mut bytes).unwrap();
                text.extend_from_slice(bytes.get(..count).unwrap());
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(text).unwrap()
        });
        (url, received)
    }

    #[test]
    fn a_notice_is_posted_under_its_id_and_any_2xx_takes_it() {
        let (url, received) = receiver("HTTP/1.1 204 No Content\r\n\r\n");
        let notice = notice();
        Webhook::new(&url, secrets(), true, "https://tokens.example").send(&notice, 1_790_000_100).unwrap();
        let request = received.join().unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let signature = secrets().sign(&notice.id, 1_790_000_100, body);
        for header in [
            "POST /hook HTTP/1.1".to_owned(),
            "content-type: application/json".to_owned(),
            format!("webhook-id: {}", notice.id),
            "webhook-timestamp: 1790000100".to_owned(),
            format!("webhook-signature: {signature}"),
        ] {
            assert!(head.lines().any(|line| line == header), "{header} in {head}");
        }
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["type"], &body["timestamp"]), (&json!("notice.backup_old"), &json!("2026-09-21T14:13:20Z")));
        assert_eq!(
            (&body["data"]["kind"], &body["data"]["issuer"]),
            (&json!("backup-old"), &json!("https://tokens.example"))
        );
    }

    #[test]
    fn a_redirect_is_not_followed_and_a_refusal_is_told_apart_from_a_receiver_that_is_down() {
        for (answer, is_unreachable) in [
            ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", false),
            ("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", false),
            ("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", true),
            ("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", true),
        ] {
            let (url, received) = receiver(answer);
            let error = Webhook::new(&url, secrets(), true, "https://tokens.example").send(&notice(), 0).unwrap_err();
            received.join().unwrap();
            assert_eq!(error.is_unreachable, is_unreachable, "{answer}: {error}");
        }
    }

    #[test]
    fn what_leads_to_this_machine_is_not_connected_to_unless_that_is_allowed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in [
            "127.0.0.1",
            "localhost",
            "[::ffff:127.0.0.1]",
            "[::1]",
            "169.254.169.254",
            "0.0.0.0",
            "2130706433",
            "127.1",
        ] {
            let url = format!("http://{host}:{port}/");
            let error = Webhook::new(&url, secrets(), false, "https://tokens.example").send(&notice(), 0).unwrap_err();
            assert!(
                error.is_unreachable && error.to_string().contains("notice-webhook-allow-local"),
                "{host}: {error}"
            );
        }
        assert!(listener.accept().is_err(), "nobody came");
    }
}
