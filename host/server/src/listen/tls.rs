//! TLS: keys from files or of our own making, and their change while the server runs.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    net::IpAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{Protocol, limits::HANDSHAKE_TIME};

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read `{path}`: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: String,
    },
    /// A file cannot be written.
    #[error("cannot write `{path}`: {error}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// No certificate in the file.
    #[error("there is no certificate in `{0}`: PEM is expected, the server's own certificate first")]
    NoCertificate(PathBuf),
    /// Certificate and key do not go together, or the key is of a kind that TLS has no use for.
    #[error("the certificate `{certificate}` and the key `{key}` do not go together: {error}")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        error: String,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate: {0}")]
    Unmade(String),
}

/// Where certificate and key lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM, the server's own certificate first, then those that lead to its root.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

/// The keys in use. They may be loaded anew while connections go on.
pub struct TlsKeys {
    files: TlsFiles,
    config: ArcSwap<Configs>,
}

/// The same keys for either protocol: a client is told which one is spoken (RFC 7301).
struct Configs {
    http: Arc<ServerConfig>,
    grpc: Arc<ServerConfig>,
}

impl TlsKeys {
    /// Loads certificate and key.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let config = ArcSwap::from_pointee(read(&files)?);
        Ok(Self { files, config })
    }

    /// Loads them again. What is in use stays in use where that fails.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn reload(&self) -> Result<(), TlsError> {
        self.config.store(Arc::new(read(&self.files)?));
        Ok(())
    }

    /// Makes a TLS connection of a TCP one; `None` where the client does not speak TLS, or too slowly.
    pub(super) async fn accept(&self, stream: TcpStream, protocol: Protocol) -> Option<TlsStream<TcpStream>> {
        let configs = self.config.load();
        let config = match protocol {
            Protocol::Http => &configs.http,
            Protocol::Grpc => &configs.grpc,
        };
        let handshake = TlsAcceptor::from(Arc::clone(config)).accept(stream);
        drop(configs);
        tokio::time::timeout(HANDSHAKE_TIME, handshake).await.ok()?.ok()
    }
}

fn read(files: &TlsFiles) -> Result<Configs, TlsError> {
    let unreadable = |path: &Path, error: rustls::pki_types::pem::Error| TlsError::Unreadable {
        path: path.to_owned(),
        error: error.to_string(),
    };
    let certificates = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(&files.certificate, error))?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(files.certificate.clone()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unreadable(&files.key, error))?;
    let mismatch = |error: rustls::Error| TlsError::Mismatch {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        error: error.to_string(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(mismatch)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(mismatch)?;
    let speaking = |protocol: &[u8]| {
        let mut config = config.clone();
        config.alpn_protocols = vec![protocol.to_vec()];
        Arc::new(config)
    };
    Ok(Configs { http: speaking(b"http/1.1"), grpc: speaking(b"h2") })
}

/// Makes a self-signed certificate in `dir` for this machine and `address`, unless there is one.
///
/// # Errors
/// [`TlsError`].
pub fn self_signed(dir: &Path, address: IpAddr) -> Result<TlsFiles, TlsError> {
    let files = TlsFiles { certificate: dir.join("tls-cert.pem"), key: dir.join("tls-key.pem") };
    if files.certificate.exists() && files.key.exists() {
        return Ok(files);
    }
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !address.is_unspecified() && !address.is_loopback() {
        names.push(address.to_string());
    }
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| TlsError::Unmade(error.to_string()))?;
    write(&files.key, &made.signing_key.serialize_pem(), 0o600)?;
    write(&files.certificate, &made.cert.pem(), 0o644)?;
    Ok(files)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    let unwritable = |error| TlsError::Unwritable { path: path.to_owned(), error };
    // A key that was left half-written by a crash is made anew; one with another mode never gets a secret.
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unwritable(error)),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(unwritable)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(unwritable)
}

/// SHA-256 of the certificate as `openssl x509 -fingerprint -sha256` prints it.
///
/// # Errors
/// [`TlsError`].
pub fn fingerprint(certificate: &Path) -> Result<String, TlsError> {
    let read = CertificateDer::from_pem_file(certificate);
    let read = read.map_err(|error| TlsError::Unreadable { path: certificate.to_owned(), error: error.to_string() })?;
    let digest = jeton_policy::digest::Digest::of(&read);
    Ok(digest.0.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_certificate_is_made_once_and_its_key_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let address = IpAddr::from([192, 0, 2, 1]);
        let files = self_signed(dir.path(), address).unwrap();
        let first = fingerprint(&files.certificate).unwrap();
        assert_eq!(first.len(), 95);
        assert_eq!(fs::metadata(&files.key).unwrap().permissions().mode() & 0o777, 0o600);
        let keys = TlsKeys::load(self_signed(dir.path(), address).unwrap()).unwrap();
        assert_eq!(fingerprint(&files.certificate).unwrap(), first);
        fs::remove_file(&files.key).unwrap();
        assert!(keys.reload().is_err());
        self_signed(dir.path(), address).unwrap();
        assert!(keys.reload().is_ok());
        assert_ne!(fingerprint(&files.certificate).unwrap(), first);
    }

    #[test]
    fn what_is_no_certificate_or_not_its_key_is_refused() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let address = IpAddr::from([127, 0, 0, 1]);
        let (files, others) = (self_signed(one.path(), address).unwrap(), self_signed(other.path(), address).unwrap());
        let mixed = TlsFiles { key: others.key, ..files.clone() };
        assert!(matches!(TlsKeys::load(mixed), Err(TlsError::Mismatch { .. })));
        fs::write(&files.certificate, "").unwrap();
        assert!(matches!(TlsKeys::load(files.clone()), Err(TlsError::NoCertificate(_))));
        fs::remove_file(&files.certificate).unwrap();
        assert!(matches!(TlsKeys::load(files), Err(TlsError::Unreadable { .. })));
    }
}
