//! Mail: what there is to tell, in one plain message.

use std::{str::FromStr, time::Duration};

use lettre::{
    Message, SmtpTransport, Transport as _,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};

use super::{notice::Notice, sending::SendError};
use crate::console::page::written;

/// How long one answer of the server may take.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// The ports of mail that is handed in (RFC 8314 section 3): TLS from the first byte on, and from `STARTTLS` on.
const PORT_TLS: u16 = 465;
const PORT_STARTTLS: u16 = 587;

/// Where mail is handed in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct SmtpServer {
    host: String,
    port: u16,
    /// TLS from the first byte on; else `STARTTLS`, which is required beyond this machine.
    is_tls: bool,
}

impl SmtpServer {
    fn is_here(&self) -> bool {
        let address: Option<std::net::IpAddr> = self.host.trim_matches(['[', ']']).parse().ok();
        self.host == "localhost" || address.is_some_and(|address| address.is_loopback())
    }
}

impl FromStr for SmtpServer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || {
            "neither smtps://HOST:PORT nor smtp://HOST:PORT; a name and a password have options of their own".to_owned()
        };
        let url: http::Uri = text.parse().map_err(|_| malformed())?;
        let is_tls = match url.scheme_str() {
            Some("smtps") => true,
            Some("smtp") => false,
            _ => return Err(malformed()),
        };
        let authority = url.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(malformed)?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || authority.host().is_empty() {
            return Err(malformed());
        }
        // A port that is none would pass for none at all.
        if authority.port().is_none() && authority.as_str() != authority.host() {
            return Err(malformed());
        }
        let port = match (authority.port(), is_tls) {
            (Some(port), _) => port.as_str().parse().map_err(|_| malformed())?,
            (None, true) => PORT_TLS,
            (None, false) => PORT_STARTTLS,
        };
        Ok(Self { host: authority.host().to_owned(), port, is_tls })
    }
}

impl TryFrom<String> for SmtpServer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// An address of mail, with a name or without: `Jeton <jeton@example.com>`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct MailAddress(Mailbox);

impl FromStr for MailAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mailbox = text.parse::<Mailbox>().ok().filter(|mailbox| {
            // Nothing may stand behind it that was not read.
            text.trim_end().trim_end_matches('>').ends_with(mailbox.email.to_string().as_str())
                && !text.chars().any(char::is_control)
        });
        mailbox.map(Self).ok_or_else(|| "not an address such as `jeton@example.com`".to_owned())
    }
}

impl TryFrom<String> for MailAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Hands mail in.
pub struct Mail {
    transport: SmtpTransport,
    from: Mailbox,
    to: Vec<Mailbox>,
    issuer: String,
}

impl Mail {
    /// From somebody to some, by a server that may want a name and a password.
    ///
    /// # Errors
    /// When the system's certificates cannot be used.
    pub fn new(
        server: &SmtpServer,
        credentials: Option<(String, String)>,
        from: &MailAddress,
        to: &[MailAddress],
    ) -> Result<Self, String> {
        let host = server.host.trim_matches(['[', ']']).to_owned();
        let tls = || TlsParameters::new(host.clone()).map_err(|error| error.to_string());
        let tls = match (server.is_tls, server.is_here()) {
            (true, _) => Tls::Wrapper(tls()?),
            (false, false) => Tls::Required(tls()?),
            // Nobody else hears what does not leave the machine, and its server rarely has a certificate for `localhost`.
            (false, true) => Tls::None,
        };
        let mut transport =
            SmtpTransport::builder_dangerous(host).port(server.port).tls(tls).timeout(Some(ANSWER_TIME));
        if let Some((name, password)) = credentials {
            transport = transport.credentials(Credentials::new(name, password));
        }
        let to = to.iter().map(|MailAddress(to)| to.clone()).collect();
        Ok(Self { transport: transport.build(), from: from.0.clone(), to, issuer: String::new() })
    }

    /// Says whose notices they are.
    #[must_use]
    pub fn of(self, issuer: &str) -> Self {
        Self { issuer: issuer.to_owned(), ..self }
    }

    /// Sends notices as one message.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn send(&self, notices: &[Notice], now: u64) -> Result<(), SendError> {
        let message = self.message(notices, now).map_err(|error| SendError::refused(error.to_string()))?;
        match self.transport.send(&message) {
            Ok(_) => Ok(()),
            Err(error) => Err(SendError::unreachable(with_cause(&error))),
        }
    }

    fn message(&self, notices: &[Notice], now: u64) -> Result<Message, lettre::error::Error> {
        let count = match notices.len() {
            1 => "1 notice".to_owned(),
            count => format!("{count} notices"),
        };
        let mut words: Vec<&str> = notices.iter().map(|notice| notice.kind.word()).collect();
        words.sort_unstable();
        words.dedup();
        let ids = [notices.first(), notices.last()].map(|notice| notice.map_or("", |notice| notice.id.as_str()));
        let domain = self.from.email.domain();
        let mut message = Message::builder()
            .from(self.from.clone())
            .date(std::time::UNIX_EPOCH + Duration::from_secs(now))
            // The same when it is tried again, so that a repetition can be known.
            .message_id(Some(format!("<{}.{}.{}@{domain}>", ids.concat(), notices.len(), "jeton")))
            .subject(format!("Jeton: {count} ({})", words.join(", ")))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            message = message.to(to.clone());
        }
        message.body(self.text(notices))
    }

    fn text(&self, notices: &[Notice]) -> String {
        let mut text = format!("The authority {} has something to tell. Times are UTC.\n", self.issuer);
        for notice in notices {
            text.push_str(&format!("\n{}  {}\n{}\n", written(notice.at), notice.kind.word(), notice.sentence));
            if let Some(token) = &notice.token {
                let owner = token.owner.as_ref().map(|owner| format!(", owner {owner}")).unwrap_or_default();
                text.push_str(&format!("Refresh token {}{owner}\n", token.id));
            }
        }
        text.push_str(&format!("\nAll notices: {}/console/notices\n", self.issuer));
        text
    }
}

/// An error, and what is behind it: by itself it says little.
fn with_cause(error: &dyn std::error::Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        sentence.push_str(&format!(": {error}"));
        cause = error.source();
    }
    sentence
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use crate::notices::notice::{About, Kind};

    #[test]
    fn a_server_is_named_by_how_it_encrypts_and_where_it_is() {
        let read = |text: &str| text.parse::<SmtpServer>();
        let server = |host: &str, port, is_tls| Ok(SmtpServer { host: host.to_owned(), port, is_tls });
        assert_eq!(read("smtps://mail.example"), server("mail.example", 465, true));
        assert_eq!(read("smtp://mail.example/"), server("mail.example", 587, false));
        assert_eq!(read("smtp://[::1]:25"), server("[::1]", 25, false));
        for bad in [
            "mail.example",
            "http://mail.example",
            "smtp://a:b@mail.example",
            "smtp://mail.example/x",
            "smtp://",
            "smtp://mail.example:99999",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read("smtp://127.0.0.1:25").unwrap().is_here() && !read("smtp://mail.example").unwrap().is_here());
    }

    #[test]
    fn nothing_that_a_name_holds_becomes_a_header_or_a_line_of_its_own() {
        let server = "smtp://127.0.0.1:25".parse().unwrap();
        let address = |text: &str| text.parse::<MailAddress>().unwrap();
        let mail =
            Mail::new(&server, None, &address("Jeton <jeton@example.com>"), &[address("ops@example.com")]).unwrap();
        let about = About { id: "0".repeat(22), name: "x".to_owned(), owner: Some("alice".to_owned()) };
        let notice =
            Notice::new(Kind::TokenExpiring, 1_790_000_000, "`a\r\nBcc: eve@example.com\r\n.\r\n` ends.".to_owned());
        let message = mail.of("https://tokens.example").message(&[notice.about(about)], 1_790_000_000).unwrap();
        let text = String::from_utf8(message.formatted()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            !head.contains("eve@example.com") && head.contains("Subject: Jeton: 1 notice (token-expiring)"),
            "{head}"
        );
        assert!(head.contains("To: ops@example.com") && head.contains("Message-ID: <"), "{head}");
        assert!(body.contains("owner alice") && body.contains("https://tokens.example/console/notices"), "{body}");
        assert_eq!(message.envelope().to().len(), 1);
        for bad in ["", "nobody", "a@b\r\nBcc: c@d", "a@b, c@d"] {
            assert!(bad.parse::<MailAddress>().is_err(), "{bad}");
        }
    }
}
