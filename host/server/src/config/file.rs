//! `jeton.toml`: the same options as the flags, under the same words.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    audit::{retention::Retention, sinks::SyslogTarget},
    listen::TrustedProxy,
};

use super::{Algorithm, AuditAddresses, Boot, LogFormat, ServeOptions};

/// Why a file of options is refused.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read `{path}`: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is not TOML, has an unknown key, or a value of the wrong kind; the message names the line.
    #[error("`{path}`: {error}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        error: String,
    },
}

/// The options of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct FileOptions {
    data: Option<PathBuf>,
    listen: Option<SocketAddr>,
    allow_plain_http: Option<bool>,
    tls_listen: Option<SocketAddr>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    tls_self_signed: Option<bool>,
    boot: Option<Boot>,
    alg: Option<Algorithm>,
    root_key_file: Option<PathBuf>,
    policy: Option<Vec<PathBuf>>,
    issuer: Option<String>,
    metrics_listen: Option<SocketAddr>,
    ext_authz_listen: Option<SocketAddr>,
    ext_authz_tls_listen: Option<SocketAddr>,
    dpa_query_tokens: Option<bool>,
    live_open: Option<bool>,
    trusted_proxy: Option<Vec<TrustedProxy>>,
    audit_file: Option<PathBuf>,
    audit_syslog: Option<SyslogTarget>,
    audit_addresses: Option<AuditAddresses>,
    audit_retention: Option<Retention>,
    log_format: Option<LogFormat>,
    log_filter: Option<String>,
    io_threads: Option<usize>,
    max_connections: Option<usize>,
}

impl FileOptions {
    /// Reads a file. Paths in it are relative to where `jeton` runs, as on the command line.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let text =
            std::fs::read_to_string(path).map_err(|error| FileError::Unreadable { path: path.to_owned(), error })?;
        Self::parse(&text).map_err(|error| FileError::Malformed { path: path.to_owned(), error })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong, and in which line.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
    }
}

impl From<FileOptions> for ServeOptions {
    fn from(file: FileOptions) -> Self {
        Self {
            data: file.data,
            listen: file.listen,
            allow_plain_http: file.allow_plain_http,
            tls_listen: file.tls_listen,
            tls_cert: file.tls_cert,
            tls_key: file.tls_key,
            tls_self_signed: file.tls_self_signed,
            boot: file.boot,
            alg: file.alg,
            root_key_file: file.root_key_file,
            policy: file.policy,
            issuer: file.issuer,
            metrics_listen: file.metrics_listen,
            ext_authz_listen: file.ext_authz_listen,
            ext_authz_tls_listen: file.ext_authz_tls_listen,
            dpa_query_tokens: file.dpa_query_tokens,
            live_open: file.live_open,
            trusted_proxy: file.trusted_proxy,
            audit_file: file.audit_file,
            audit_syslog: file.audit_syslog,
            audit_addresses: file.audit_addresses,
            audit_retention: file.audit_retention,
            log_format: file.log_format,
            log_filter: file.log_filter,
            io_threads: file.io_threads,
            max_connections: file.max_connections,
        }
    }
}
