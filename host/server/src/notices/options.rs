//! Where notices go beside the console, as the operator chose.

use std::{path::PathBuf, str::FromStr};

use http::Uri;
use zeroize::Zeroizing;

use super::{
    mail::{Mail, MailAddress, SmtpServer},
    notice::Kind,
    signature::Secrets,
};
use crate::secret_file::{self, SecretFileError};

/// What the options say, each by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Which kinds go out.
    pub kinds: Option<Vec<Kind>>,
    /// The receiver of webhooks.
    pub webhook: Option<WebhookUrl>,
    /// What they are signed with.
    pub webhook_secret_file: Option<PathBuf>,
    /// They may lead to this machine.
    pub webhook_allow_local: Option<bool>,
    /// Who gets mail.
    pub mail_to: Option<Vec<MailAddress>>,
    /// From whom it comes.
    pub mail_from: Option<MailAddress>,
    /// Where it is handed in.
    pub smtp_server: Option<SmtpServer>,
    /// Under which name.
    pub smtp_user: Option<String>,
    /// With which password.
    pub smtp_password_file: Option<PathBuf>,
}

/// Where notices go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoticeConfig {
    /// Which kinds go out. `None`: all.
    kinds: Option<Vec<Kind>>,
    webhook: Option<WebhookConfig>,
    mail: Option<MailConfig>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct WebhookConfig {
    url: WebhookUrl,
    secret_file: PathBuf,
    allow_local: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct MailConfig {
    to: Vec<MailAddress>,
    from: MailAddress,
    server: SmtpServer,
    login: Option<(String, PathBuf)>,
}

/// Options that cannot be together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoticeOptionsError {
    /// A webhook that nobody could check.
    #[error("`notice-webhook` needs `notice-webhook-secret-file`: webhooks are signed")]
    WebhookWithoutSecret,
    /// Options of a webhook that there is not.
    #[error("`{0}` is of no use without `notice-webhook`")]
    WithoutWebhook(&'static str),
    /// What it says would cross the network unencrypted.
    #[error("`notice-webhook` must be an https URL, unless `notice-webhook-allow-local` is given")]
    WebhookInTheClear,
    /// Mail needs all three.
    #[error("`notice-mail-to`, `notice-mail-from` and `smtp-server` go together: `{0}` is missing")]
    HalfAMail(&'static str),
    /// A name needs its password, and the other way round.
    #[error("`smtp-user` and `smtp-password-file` go together, with `smtp-server`")]
    HalfALogin,
}

/// The URL of a receiver.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct WebhookUrl(String);

/// Characters of a URL at most: as much as every receiver takes.
const MAX_URL: usize = 2000;

impl WebhookUrl {
    fn is_encrypted(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl FromStr for WebhookUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url: Option<Uri> = text.parse().ok().filter(|_| text.len() <= MAX_URL);
        let is_one = url.is_some_and(|url| {
            let has_host = url.authority().is_some_and(|authority| {
                // A port that is none would pass for none at all.
                let has_port = authority.port().is_some() || authority.as_str() == authority.host();
                !authority.host().is_empty() && !authority.as_str().contains('@') && has_port
            });
            has_host && matches!(url.scheme_str(), Some("http" | "https"))
        });
        if is_one {
            Ok(Self(text.to_owned()))
        } else {
            Err("not an https URL without a name and a password".to_owned())
        }
    }
}

impl TryFrom<String> for WebhookUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Given {
    /// What they say together.
    ///
    /// # Errors
    /// [`NoticeOptionsError`].
    pub fn resolve(self) -> Result<NoticeConfig, NoticeOptionsError> {
        let allow_local = self.webhook_allow_local.unwrap_or(false);
        let webhook = match (self.webhook, self.webhook_secret_file) {
            (None, Some(_)) => return Err(NoticeOptionsError::WithoutWebhook("notice-webhook-secret-file")),
            (None, None) if allow_local => {
                return Err(NoticeOptionsError::WithoutWebhook("notice-webhook-allow-local"));
            }
            (None, None) => None,
            (Some(_), None) => return Err(NoticeOptionsError::WebhookWithoutSecret),
            (Some(url), Some(_)) if !url.is_encrypted() && !allow_local => {
                return Err(NoticeOptionsError::WebhookInTheClear);
            }
            (Some(url), Some(secret_file)) => Some(WebhookConfig { url, secret_file, allow_local }),
        };
        let login = match (self.smtp_user, self.smtp_password_file) {
            (None, None) => None,
            (Some(user), Some(file)) if self.smtp_server.is_some() => Some((user, file)),
            _ => return Err(NoticeOptionsError::HalfALogin),
        };
        let to = self.mail_to.filter(|to| !to.is_empty());
        let mail = match (to, self.mail_from, self.smtp_server) {
            (None, None, None) => None,
            (None, ..) => return Err(NoticeOptionsError::HalfAMail("notice-mail-to")),
            (_, None, _) => return Err(NoticeOptionsError::HalfAMail("notice-mail-from")),
            (.., None) => return Err(NoticeOptionsError::HalfAMail("smtp-server")),
            (Some(to), Some(from), Some(server)) => Some(MailConfig { to, from, server, login }),
        };
        Ok(NoticeConfig { kinds: self.kinds, webhook, mail })
    }
}

/// Why notices cannot go where they should.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file with a secret is refused.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// It holds no secret of webhooks.
    #[error("the file of `notice-webhook-secret-file`: {0}")]
    Secret(#[from] super::signature::SecretMalformed),
    /// Mail cannot be handed in.
    #[error("`smtp-server` cannot be used: {0}")]
    Mail(String),
}

/// Where notices go, with the secrets that it takes.
#[derive(Default)]
pub struct Opened {
    /// Which kinds go out. `None`: all.
    pub(super) kinds: Option<Vec<Kind>>,
    /// The URL, what webhooks are signed with, and whether they may be local.
    pub(super) webhook: Option<(String, Secrets, bool)>,
    pub(super) mail: Option<Mail>,
}

impl NoticeConfig {
    /// Reads the secrets.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self) -> Result<Opened, OpenError> {
        let webhook = match &self.webhook {
            None => None,
            Some(webhook) => {
                let secrets = Secrets::read(&secret_file::read(&webhook.secret_file)?)?;
                Some((webhook.url.0.clone(), secrets, webhook.allow_local))
            }
        };
        let mail = match &self.mail {
            None => None,
            Some(mail) => {
                let password = |path| secret_file::read(path).map(|text| Zeroizing::new(text.trim().to_owned()));
                let login = match &mail.login {
                    None => None,
                    Some((user, path)) => Some((user.clone(), password(path)?.to_string())),
                };
                Some(Mail::new(&mail.server, login, &mail.from, &mail.to).map_err(OpenError::Mail)?)
            }
        };
        Ok(Opened { kinds: self.kinds.clone(), webhook, mail })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn webhook(url: &str) -> Given {
        Given { webhook: Some(url.parse().unwrap()), webhook_secret_file: Some("secret".into()), ..Given::default() }
    }

    #[test]
    fn a_webhook_is_signed_and_encrypted_unless_it_may_be_local() {
        assert!(webhook("https://hooks.example/x?y").resolve().unwrap().webhook.is_some());
        let plain = webhook("http://127.0.0.1:9000/");
        assert_eq!(plain.clone().resolve(), Err(NoticeOptionsError::WebhookInTheClear));
        assert!(Given { webhook_allow_local: Some(true), ..plain.clone() }.resolve().is_ok());
        let unsigned = Given { webhook_secret_file: None, ..plain };
        assert_eq!(unsigned.resolve(), Err(NoticeOptionsError::WebhookWithoutSecret));
        let alone = Given { webhook_allow_local: Some(true), ..Given::default() };
        assert_eq!(alone.resolve(), Err(NoticeOptionsError::WithoutWebhook("notice-webhook-allow-local")));
        for bad in ["ftp://hooks.example", "hooks.example", "https://a:b@hooks.example", "https:///x", ""] {
            assert!(bad.parse::<WebhookUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn mail_needs_who_gets_it_who_sends_it_and_where_it_goes() {
        let all = Given {
            mail_to: Some(vec!["ops@example.com".parse().unwrap()]),
            mail_from: Some("jeton@example.com".parse().unwrap()),
            smtp_server: Some("smtps://mail.example".parse().unwrap()),
            ..Given::default()
        };
        assert!(all.clone().resolve().unwrap().mail.is_some());
        for (given, missing) in [
            (Given { mail_to: Some(Vec::new()), ..all.clone() }, "notice-mail-to"),
            (Given { mail_from: None, ..all.clone() }, "notice-mail-from"),
            (Given { smtp_server: None, ..all.clone() }, "smtp-server"),
        ] {
            assert_eq!(given.resolve(), Err(NoticeOptionsError::HalfAMail(missing)));
        }
        let login = Given { smtp_user: Some("jeton".to_owned()), ..all };
        assert_eq!(login.resolve(), Err(NoticeOptionsError::HalfALogin));
    }
}
