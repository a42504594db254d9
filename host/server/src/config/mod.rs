//! Options of `jeton serve`: flags before environment before file before default, and one word for each in all four.

mod file;
pub mod sso;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

pub use file::{FileError, FileOptions};

use clap::builder::BoolishValueParser;
use jeton_runtime::audit::Addresses;

use crate::{
    algorithm::Algorithm,
    audit::{retention::Retention, sinks::SyslogTarget},
    listen::{MAX_CONNECTIONS, TrustedProxy},
    notices::{
        mail::{MailAddress, SmtpServer},
        notice::Kind,
        options::{Given, NoticeConfig, NoticeOptionsError, WebhookUrl},
    },
};

/// Where data lie unless said otherwise.
pub const DEFAULT_DATA: &str = "./jeton-data";
/// The port of plain HTTP that DPA's scripts know.
pub const DEFAULT_PORT: u16 = 8123;
/// The port of HTTPS that DPA's scripts know.
pub const DEFAULT_TLS_PORT: u16 = 8124;
/// What is logged unless said otherwise.
const DEFAULT_LOG_FILTER: &str = "info";

/// What the help of `jeton serve` ends with.
pub const HELP: &str = "\
Examples:
  jeton serve
  jeton serve --listen 127.0.0.1:9000 --metrics-listen 127.0.0.1:9001
  jeton serve --tls-listen 0.0.0.0:8124 --tls-cert chain.pem --tls-key key.pem
  jeton serve --boot resume --root-key-file /etc/jeton/root-key
  jeton serve --policy house-authority.wasm
  jeton serve --sso-issuer https://login.example --sso-client-id tokens --sso-client-secret-file secret --sso-role token-admins=admin
  jeton serve --config jeton.toml

Every option is a flag, an environment variable and a key of the TOML file: --tls-listen, JETON_TLS_LISTEN, tls-listen.
A flag goes before the environment, the environment before the file, the file before the default.";

/// What a start means for the access tokens that are out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Boot {
    /// They are dead: what a reboot means.
    #[default]
    Advance,
    /// They live on: for rolling restarts. Needs a root key file.
    Resume,
}

/// How logs look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Text.
    Text,
    /// One JSON object a line.
    Json,
}

/// What audit entries keep of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditAddresses {
    /// All of them.
    #[default]
    Full,
    /// The /24 of IPv4, the /48 of IPv6.
    Network,
    /// Nothing.
    None,
}

impl From<AuditAddresses> for Addresses {
    fn from(kept: AuditAddresses) -> Self {
        match kept {
            AuditAddresses::Full => Self::Full,
            AuditAddresses::Network => Self::Network,
            AuditAddresses::None => Self::Hidden,
        }
    }
}

/// Options as one source gives them: flags with the environment behind them, or a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ServeOptions {
    /// Data directory; made where there is none [default: ./jeton-data]
    #[arg(long, env = "JETON_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address of plain HTTP [default: 127.0.0.1:8123]
    #[arg(long, env = "JETON_LISTEN", value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Plain HTTP may listen beyond loopback: where a proxy in front encrypts
    #[arg(long, env = "JETON_ALLOW_PLAIN_HTTP", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    pub allow_plain_http: Option<bool>,
    /// Address of HTTPS [default with a certificate: 127.0.0.1:8124]
    #[arg(long, env = "JETON_TLS_LISTEN", value_name = "ADDR:PORT")]
    pub tls_listen: Option<SocketAddr>,
    /// Certificate chain, PEM; read again on SIGHUP
    #[arg(long, env = "JETON_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, env = "JETON_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Make a certificate in the data directory, once, and print its fingerprint
    #[arg(long, env = "JETON_TLS_SELF_SIGNED", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    pub tls_self_signed: Option<bool>,
    /// Whether this start ends the access tokens that are out [default: advance]
    #[arg(long, env = "JETON_BOOT", value_enum, value_name = "MODE")]
    pub boot: Option<Boot>,
    /// What the tokens of an epoch are signed with, chosen when it begins [default: as before; at first EdDSA]
    #[arg(long, env = "JETON_ALG", value_enum, value_name = "ALG")]
    pub alg: Option<Algorithm>,
    /// 32 raw bytes, mode 0600, kept apart from the data; made by `jeton root-key > FILE`
    #[arg(long, env = "JETON_ROOT_KEY_FILE", value_name = "FILE")]
    pub root_key_file: Option<PathBuf>,
    /// A policy of your own, a component of the authority or the verifier world, tried before it serves; one of each at most,
    /// repeatable; read again on SIGHUP [default: those that this binary carries]
    #[arg(long, env = "JETON_POLICY", value_name = "FILE", value_delimiter = ',')]
    pub policy: Option<Vec<PathBuf>>,
    /// The issuer in every token, chosen at the first start [default: the URL served]
    #[arg(long, env = "JETON_ISSUER", value_name = "URL")]
    pub issuer: Option<String>,
    /// Address of Prometheus metrics [default: off]
    #[arg(long, env = "JETON_METRICS_LISTEN", value_name = "ADDR:PORT")]
    pub metrics_listen: Option<SocketAddr>,
    /// Address of Envoy's ext_authz over gRPC, unencrypted [default: off]
    #[arg(long, env = "JETON_EXT_AUTHZ_LISTEN", value_name = "ADDR:PORT")]
    pub ext_authz_listen: Option<SocketAddr>,
    /// The same over TLS, with the certificate of HTTPS [default: off]
    #[arg(long, env = "JETON_EXT_AUTHZ_TLS_LISTEN", value_name = "ADDR:PORT")]
    pub ext_authz_tls_listen: Option<SocketAddr>,
    /// DPA's token path takes tokens in the query string too, where proxies and logs see them
    #[arg(long, env = "JETON_DPA_QUERY_TOKENS", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    pub dpa_query_tokens: Option<bool>,
    /// Anybody may wait for changes of the live set, not only who shows the scope jeton:live
    #[arg(long, env = "JETON_LIVE_OPEN", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    pub live_open: Option<bool>,
    /// Network of proxies whose X-Forwarded-For says where a request comes from; repeatable [default: none]
    #[arg(long, env = "JETON_TRUSTED_PROXY", value_name = "CIDR", value_delimiter = ',')]
    pub trusted_proxy: Option<Vec<TrustedProxy>>,
    /// A file to which each audit entry is appended as a JSON line, too; it goes on behind its last line [default: none]
    #[arg(long, env = "JETON_AUDIT_FILE", value_name = "FILE")]
    pub audit_file: Option<PathBuf>,
    /// Where each audit entry is sent as a message of RFC 5424, too: a socket such as /dev/log, or ADDR:PORT of UDP [default: none]
    #[arg(long, env = "JETON_AUDIT_SYSLOG", value_name = "WHERE")]
    pub audit_syslog: Option<SyslogTarget>,
    /// What audit entries keep of addresses: all, the /24 or /48, or nothing [default: full]
    #[arg(long, env = "JETON_AUDIT_ADDRESSES", value_enum, value_name = "HOW")]
    pub audit_addresses: Option<AuditAddresses>,
    /// How long audit entries are kept: a number of days, or `forever` [default: 400d]
    #[arg(long, env = "JETON_AUDIT_RETENTION", value_name = "DAYS")]
    pub audit_retention: Option<Retention>,
    /// OpenID Connect provider by which people sign in to the console, such as `https://login.example` [default: local accounts alone]
    #[arg(long, env = "JETON_SSO_ISSUER", value_name = "URL")]
    pub sso_issuer: Option<String>,
    /// What the provider knows this authority by
    #[arg(long, env = "JETON_SSO_CLIENT_ID", value_name = "ID")]
    pub sso_client_id: Option<String>,
    /// The client's secret at the provider, mode 0600 [default: a public client, by PKCE alone]
    #[arg(long, env = "JETON_SSO_CLIENT_SECRET_FILE", value_name = "FILE")]
    pub sso_client_secret_file: Option<PathBuf>,
    /// Where the provider sends people back to, as it is registered there [default: the issuer of tokens and /console/sso/back]
    #[arg(long, env = "JETON_SSO_REDIRECT_URI", value_name = "URL")]
    pub sso_redirect_uri: Option<String>,
    /// Certificates (PEM) of which one vouches for the provider [default: the public authorities]
    #[arg(long, env = "JETON_SSO_CA_FILE", value_name = "FILE")]
    pub sso_ca_file: Option<PathBuf>,
    /// Scope asked of the provider beside openid; repeatable [default: profile, email]
    #[arg(long, env = "JETON_SSO_SCOPE", value_name = "SCOPE", value_delimiter = ',')]
    pub sso_scope: Option<Vec<String>>,
    /// Claim that names the account [default: preferred_username]
    #[arg(long, env = "JETON_SSO_NAME_CLAIM", value_name = "CLAIM")]
    pub sso_name_claim: Option<String>,
    /// Claim that roles follow from: a text or a list of them; dots lead into objects, as in realm_access.roles [default: groups]
    #[arg(long, env = "JETON_SSO_ROLE_CLAIM", value_name = "CLAIM")]
    pub sso_role_claim: Option<String>,
    /// Role of whom the claim says VALUE of, such as token-admins=admin; repeatable, and the mightiest counts
    #[arg(long, env = "JETON_SSO_ROLE", value_name = "VALUE=ROLE", value_delimiter = ',')]
    pub sso_role: Option<Vec<sso::RoleRule>>,
    /// No password signs in: the provider does, and codes made on the machine
    #[arg(long, env = "JETON_SSO_ONLY", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    pub sso_only: Option<bool>,
    /// Kind of notice that goes out by webhook and mail; repeatable [default: all]
    #[arg(long, env = "JETON_NOTICE_KIND", value_name = "KIND", value_delimiter = ',')]
    pub notice_kind: Option<Vec<Kind>>,
    /// URL that each notice is posted to, signed as Standard Webhooks has it [default: none]
    #[arg(long, env = "JETON_NOTICE_WEBHOOK", value_name = "URL")]
    pub notice_webhook: Option<WebhookUrl>,
    /// What webhooks are signed with: a line `whsec_...`, mode 0600; while receivers change over, a second line
    #[arg(long, env = "JETON_NOTICE_WEBHOOK_SECRET_FILE", value_name = "FILE")]
    pub notice_webhook_secret_file: Option<PathBuf>,
    /// The webhook may lead to this machine or its link, and be plain HTTP
    #[arg(long, env = "JETON_NOTICE_WEBHOOK_ALLOW_LOCAL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    pub notice_webhook_allow_local: Option<bool>,
    /// Address that notices are mailed to; repeatable [default: none]
    #[arg(long, env = "JETON_NOTICE_MAIL_TO", value_name = "ADDRESS", value_delimiter = ',')]
    pub notice_mail_to: Option<Vec<MailAddress>>,
    /// Address that they come from
    #[arg(long, env = "JETON_NOTICE_MAIL_FROM", value_name = "ADDRESS")]
    pub notice_mail_from: Option<MailAddress>,
    /// Server of mail: smtps://HOST:PORT, or smtp://HOST:PORT with STARTTLS, which is required beyond loopback
    #[arg(long, env = "JETON_SMTP_SERVER", value_name = "URL")]
    pub smtp_server: Option<SmtpServer>,
    /// Name that the server of mail knows this one by
    #[arg(long, env = "JETON_SMTP_USER", value_name = "NAME")]
    pub smtp_user: Option<String>,
    /// The password that goes with it, mode 0600
    #[arg(long, env = "JETON_SMTP_PASSWORD_FILE", value_name = "FILE")]
    pub smtp_password_file: Option<PathBuf>,
    /// How logs look [default: auto]
    #[arg(long, env = "JETON_LOG_FORMAT", value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// What is logged, such as `info` or `jeton=debug` [default: info]
    #[arg(long, env = "JETON_LOG_FILTER", value_name = "FILTER")]
    pub log_filter: Option<String>,
    /// Threads that read requests [default: one per core]
    #[arg(long, env = "JETON_IO_THREADS", value_name = "N")]
    pub io_threads: Option<usize>,
    /// Connections at most; more are closed at once [default: 10000]
    #[arg(long, env = "JETON_MAX_CONNECTIONS", value_name = "N")]
    pub max_connections: Option<usize>,
}

/// The options in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeConfig {
    /// The data directory.
    pub data: PathBuf,
    /// Plain HTTP.
    pub listen: SocketAddr,
    /// Plain HTTP may listen beyond loopback.
    pub allow_plain_http: bool,
    /// HTTPS.
    pub tls: Option<TlsConfig>,
    /// What the start means for access tokens.
    pub boot: Boot,
    /// The algorithm of an epoch that begins. `None`: that of the one before.
    pub alg: Option<Algorithm>,
    /// Where the root key lies. `None`: it is drawn at the start.
    pub root_key_file: Option<PathBuf>,
    /// Policies in the place of those that this binary carries.
    pub policies: Vec<PathBuf>,
    /// The issuer asked for.
    pub issuer: Option<String>,
    /// Metrics.
    pub metrics_listen: Option<SocketAddr>,
    /// Envoy's ext_authz over gRPC, unencrypted.
    pub ext_authz_listen: Option<SocketAddr>,
    /// DPA's token path takes tokens in query strings.
    pub dpa_query_tokens: bool,
    /// Anybody may wait for changes of the live set.
    pub live_open: bool,
    /// Proxies whose word counts about where a request comes from.
    pub trusted_proxies: Vec<TrustedProxy>,
    /// Where audit entries are appended, too.
    pub audit_file: Option<PathBuf>,
    /// Where audit entries are sent, too.
    pub audit_syslog: Option<SyslogTarget>,
    /// What they keep of addresses.
    pub audit_addresses: Addresses,
    /// How long they are kept.
    pub audit_retention: Retention,
    /// Single sign-on. `None`: local accounts alone.
    pub sso: Option<sso::SsoConfig>,
    /// Where notices go beside the console.
    pub notices: NoticeConfig,
    /// How logs look.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: String,
    /// I/O threads. `None`: one per core.
    pub io_threads: Option<usize>,
    /// Connections at most.
    pub max_connections: usize,
}

/// HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// Its address.
    pub listen: SocketAddr,
    /// Envoy's ext_authz over gRPC, by the same certificate.
    pub ext_authz_listen: Option<SocketAddr>,
    /// Where its certificate comes from.
    pub source: TlsSource,
}

/// Where a certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSource {
    /// From files.
    Files {
        /// The chain.
        cert: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// Made by Jeton itself.
    SelfSigned,
}

/// Options that cannot be together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A certificate needs its key, and the other way round.
    #[error("`tls-cert` and `tls-key` go together: give both")]
    HalfATlsPair,
    /// One certificate is enough.
    #[error("`tls-self-signed` makes a certificate: leave `tls-cert` and `tls-key` away")]
    TwoCertificates,
    /// TLS was asked for without a certificate.
    #[error("`{0}` needs a certificate: give `tls-cert` and `tls-key`, or `tls-self-signed`")]
    NoCertificate(&'static str),
    /// `resume` goes on with an epoch, whose key it must be able to derive again.
    #[error(
        "`boot` = resume needs a root key that outlives the process: make one with `jeton root-key > FILE` and give it as `root-key-file`"
    )]
    ResumeWithoutRootKey,
    /// Single sign-on needs to know by whom, as whom, and who may do what.
    #[error("single sign-on needs `sso-issuer`, `sso-client-id` and at least one `sso-role`: `{0}` is missing")]
    HalfASingleSignOn(&'static str),
    /// A provider that cannot be trusted to be who it is.
    #[error(
        "`sso-issuer` must be an https:// URL without user, query and fragment; http:// will do on this very machine"
    )]
    SsoIssuer,
    /// Notices cannot go where they should.
    #[error(transparent)]
    Notices(#[from] NoticeOptionsError),
    /// A number out of its range.
    #[error("`{0}` must be between 1 and {1}")]
    OutOfRange(&'static str, usize),
}

/// More I/O threads than any machine has cores.
const MAX_IO_THREADS: usize = 256;
/// More connections than one process has memory for.
const MAX_MAX_CONNECTIONS: usize = 1_000_000;

impl ServeOptions {
    /// These, and where they say nothing, those of a file.
    #[must_use]
    pub fn or(self, file: FileOptions) -> Self {
        let FileOptions(file) = file;
        Self {
            data: self.data.or(file.data),
            listen: self.listen.or(file.listen),
            allow_plain_http: self.allow_plain_http.or(file.allow_plain_http),
            tls_listen: self.tls_listen.or(file.tls_listen),
            tls_cert: self.tls_cert.or(file.tls_cert),
            tls_key: self.tls_key.or(file.tls_key),
            tls_self_signed: self.tls_self_signed.or(file.tls_self_signed),
            boot: self.boot.or(file.boot),
            alg: self.alg.or(file.alg),
            root_key_file: self.root_key_file.or(file.root_key_file),
            policy: self.policy.or(file.policy),
            issuer: self.issuer.or(file.issuer),
            metrics_listen: self.metrics_listen.or(file.metrics_listen),
            ext_authz_listen: self.ext_authz_listen.or(file.ext_authz_listen),
            ext_authz_tls_listen: self.ext_authz_tls_listen.or(file.ext_authz_tls_listen),
            dpa_query_tokens: self.dpa_query_tokens.or(file.dpa_query_tokens),
            live_open: self.live_open.or(file.live_open),
            trusted_proxy: self.trusted_proxy.or(file.trusted_proxy),
            audit_file: self.audit_file.or(file.audit_file),
            audit_syslog: self.audit_syslog.or(file.audit_syslog),
            audit_addresses: self.audit_addresses.or(file.audit_addresses),
            audit_retention: self.audit_retention.or(file.audit_retention),
            sso_issuer: self.sso_issuer.or(file.sso_issuer),
            sso_client_id: self.sso_client_id.or(file.sso_client_id),
            sso_client_secret_file: self.sso_client_secret_file.or(file.sso_client_secret_file),
            sso_redirect_uri: self.sso_redirect_uri.or(file.sso_redirect_uri),
            sso_ca_file: self.sso_ca_file.or(file.sso_ca_file),
            sso_scope: self.sso_scope.or(file.sso_scope),
            sso_name_claim: self.sso_name_claim.or(file.sso_name_claim),
            sso_role_claim: self.sso_role_claim.or(file.sso_role_claim),
            sso_role: self.sso_role.or(file.sso_role),
            sso_only: self.sso_only.or(file.sso_only),
            notice_kind: self.notice_kind.or(file.notice_kind),
            notice_webhook: self.notice_webhook.or(file.notice_webhook),
            notice_webhook_secret_file: self.notice_webhook_secret_file.or(file.notice_webhook_secret_file),
            notice_webhook_allow_local: self.notice_webhook_allow_local.or(file.notice_webhook_allow_local),
            notice_mail_to: self.notice_mail_to.or(file.notice_mail_to),
            notice_mail_from: self.notice_mail_from.or(file.notice_mail_from),
            smtp_server: self.smtp_server.or(file.smtp_server),
            smtp_user: self.smtp_user.or(file.smtp_user),
            smtp_password_file: self.smtp_password_file.or(file.smtp_password_file),
            log_format: self.log_format.or(file.log_format),
            log_filter: self.log_filter.or(file.log_filter),
            io_threads: self.io_threads.or(file.io_threads),
            max_connections: self.max_connections.or(file.max_connections),
        }
    }

    /// The options in force: defaults fill what nobody said.
    ///
    /// # Errors
    /// [`ConfigError`] where options contradict each other.
    pub fn resolve(self) -> Result<ServeConfig, ConfigError> {
        let loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let source = match (self.tls_cert, self.tls_key, self.tls_self_signed.unwrap_or(false)) {
            (None, None, false) => None,
            (None, None, true) => Some(TlsSource::SelfSigned),
            (Some(cert), Some(key), false) => Some(TlsSource::Files { cert, key }),
            (_, _, true) => return Err(ConfigError::TwoCertificates),
            (_, _, false) => return Err(ConfigError::HalfATlsPair),
        };
        let tls = match source {
            Some(source) => Some(TlsConfig {
                listen: self.tls_listen.unwrap_or_else(|| loopback(DEFAULT_TLS_PORT)),
                ext_authz_listen: self.ext_authz_tls_listen,
                source,
            }),
            None if self.tls_listen.is_some() => return Err(ConfigError::NoCertificate("tls-listen")),
            None if self.ext_authz_tls_listen.is_some() => {
                return Err(ConfigError::NoCertificate("ext-authz-tls-listen"));
            }
            None => None,
        };
        let sso = sso::Given {
            issuer: self.sso_issuer,
            client_id: self.sso_client_id,
            client_secret_file: self.sso_client_secret_file,
            redirect_uri: self.sso_redirect_uri,
            ca_file: self.sso_ca_file,
            scopes: self.sso_scope,
            name_claim: self.sso_name_claim,
            role_claim: self.sso_role_claim,
            roles: self.sso_role,
            only: self.sso_only,
        };
        let boot = self.boot.unwrap_or_default();
        if boot == Boot::Resume && self.root_key_file.is_none() {
            return Err(ConfigError::ResumeWithoutRootKey);
        }
        let within = |name, value: usize, most| {
            if (1..=most).contains(&value) { Ok(value) } else { Err(ConfigError::OutOfRange(name, most)) }
        };
        Ok(ServeConfig {
            data: self.data.unwrap_or_else(|| DEFAULT_DATA.into()),
            listen: self.listen.unwrap_or_else(|| loopback(DEFAULT_PORT)),
            allow_plain_http: self.allow_plain_http.unwrap_or(false),
            tls,
            boot,
            alg: self.alg,
            root_key_file: self.root_key_file,
            policies: self.policy.unwrap_or_default(),
            issuer: self.issuer,
            metrics_listen: self.metrics_listen,
            ext_authz_listen: self.ext_authz_listen,
            dpa_query_tokens: self.dpa_query_tokens.unwrap_or(false),
            live_open: self.live_open.unwrap_or(false),
            trusted_proxies: self.trusted_proxy.unwrap_or_default(),
            audit_file: self.audit_file,
            audit_syslog: self.audit_syslog,
            audit_addresses: self.audit_addresses.unwrap_or_default().into(),
            audit_retention: self.audit_retention.unwrap_or_default(),
            sso: sso.resolve()?,
            notices: Given {
                kinds: self.notice_kind,
                webhook: self.notice_webhook,
                webhook_secret_file: self.notice_webhook_secret_file,
                webhook_allow_local: self.notice_webhook_allow_local,
                mail_to: self.notice_mail_to,
                mail_from: self.notice_mail_from,
                smtp_server: self.smtp_server,
                smtp_user: self.smtp_user,
                smtp_password_file: self.smtp_password_file,
            }
            .resolve()?,
            log_format: self.log_format.unwrap_or_default(),
            log_filter: self.log_filter.unwrap_or_else(|| DEFAULT_LOG_FILTER.to_owned()),
            io_threads: self.io_threads.map(|threads| within("io-threads", threads, MAX_IO_THREADS)).transpose()?,
            max_connections: within(
                "max-connections",
                self.max_connections.unwrap_or(MAX_CONNECTIONS),
                MAX_MAX_CONNECTIONS,
            )?,
        })
    }
}

#[cfg(test)]
mod tests;
