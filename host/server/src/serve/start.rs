//! The start, in an order in which whatever can be refused is refused before a token dies: the epoch begins last.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use jeton_runtime::{
    Authority, Class, InForce, Lent, Live, PoolSizes, RootKey,
    wit::{configuration::ConfigureRefusal, epochs::Epoch, epochs::EpochReason},
};
use jeton_store::{SqliteStore, audit::AuditLog};

use super::policies;
use crate::{
    accounts::Accounts,
    algorithm::Algorithm,
    app::{App, FailureLimiter, Options},
    audit::{
        Audit,
        follow::{FollowError, Follower},
    },
    config::{Boot, ServeConfig, TlsSource},
    console::Console,
    data_dir::{DataDir, DataDirError},
    fence::Fenced,
    listen::{self, BindError, Listening, Protocol, Sockets, TlsError, TlsFiles, TlsKeys},
    notices::{
        kept::Kept,
        options::{OpenError, Opened},
        running::Running,
    },
    observe::metrics::Metrics,
    policy_files::{PolicyFileError, PolicyFiles, Trial},
    polls::Polls,
    root_key_file::{self, RootKeyFileError},
    sso::SingleSignOn,
    uses::Uses,
};

/// Why nothing is served. One sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The options contradict each other or what there is: exit 2.
    #[error("{0}")]
    Usage(String),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The root key file is refused.
    #[error(transparent)]
    RootKeyFile(#[from] RootKeyFileError),
    /// `resume` with another root key than the epoch in the store began with.
    #[error(
        "the root key does not fit the epoch in the store: give the key that it began with, or start with `--boot advance`, which ends all access tokens"
    )]
    RootKeyDoesNotFit,
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// TLS cannot be offered.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A policy of the house's own is refused.
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    /// Audit entries cannot be handed on.
    #[error(transparent)]
    Audit(#[from] FollowError),
    /// Notices cannot go where they should.
    #[error(transparent)]
    Notices(#[from] OpenError),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] jeton_store::OpenError),
    /// The store was opened, but does not answer.
    #[error("the store does not answer: see whether the disk is full or read-only")]
    StoreUnavailable,
    /// The issuer cannot be one.
    #[error("`--issuer` must be an http or https URL of at most 200 characters without query and fragment")]
    IssuerMalformed,
    /// The store was begun with another issuer.
    #[error(
        "the store belongs to another issuer, and an issuer is chosen once: leave `--issuer` away to go on with it"
    )]
    AnotherIssuer,
    /// The system refused something.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Something that should not fail did.
    #[error("{0}")]
    Failed(String),
}

impl ServeError {
    /// Whether the command was at fault, and not the world: exit 2 instead of 1.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Usage(_) | Self::IssuerMalformed)
    }
}

/// An authority that has begun its epoch, and the sockets that nobody accepts from yet.
pub struct Started {
    pub(super) app: Arc<App>,
    pub(super) data_dir: DataDir,
    pub(super) threads: usize,
    pub(super) plain: Option<Sockets>,
    pub(super) tls: Option<(Sockets, Arc<TlsKeys>)>,
    pub(super) metrics: Option<std::net::TcpListener>,
    /// For gateways that speak gRPC: plain, and over TLS.
    ext_authz: [Option<Sockets>; 2],
    store: Arc<SqliteStore>,
    /// Hands audit entries on.
    follower: Option<Follower>,
    /// Where notices go, until they are looked for.
    opened: Opened,
    notices: Option<Running>,
    epoch: Epoch,
    /// The algorithm that was asked for.
    alg: Option<Algorithm>,
    decided: Vec<String>,
}

/// Starts an authority as `config` says.
pub(super) fn start(config: &ServeConfig, trial: Trial) -> Result<Started, ServeError> {
    refuse_open_plain_http(config)?;
    // Before anything is touched: it takes seconds, and may end here.
    let policy_files = PolicyFiles::new(config.policies.clone(), trial);
    let in_force = InForce::new(policy_files.open()?);
    let opened = config.notices.open()?;
    let data_dir = DataDir::open(&config.data)?;
    let mut decided = Vec::new();
    let root_key = root_key(config, &mut decided)?;
    raise_descriptor_limit();

    let threads = config.io_threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let plain = listen::bind(config.listen, threads)?;
    let tls = match &config.tls {
        None => None,
        Some(tls) => {
            let files = match &tls.source {
                TlsSource::Files { cert, key } => TlsFiles { certificate: cert.clone(), key: key.clone() },
                TlsSource::SelfSigned => listen::self_signed(data_dir.path(), tls.listen.ip())?,
            };
            if tls.source == TlsSource::SelfSigned {
                let fingerprint = listen::fingerprint(&files.certificate)?;
                decided.push(format!("self-signed certificate {}, SHA-256 {fingerprint}", files.certificate.display()));
            }
            let keys = Arc::new(TlsKeys::load(files)?);
            Some((listen::bind(tls.listen, threads)?, keys))
        }
    };
    let metrics = config.metrics_listen.map(bind_metrics).transpose()?;
    let bind = |address: Option<SocketAddr>| address.map(|address| listen::bind(address, threads)).transpose();
    let ext_authz = [bind(config.ext_authz_listen)?, bind(config.tls.as_ref().and_then(|tls| tls.ext_authz_listen))?];

    let store = Arc::new(SqliteStore::open(&data_dir.database())?);
    let log: Arc<dyn AuditLog> = Arc::clone(&store) as _;
    let fenced = Arc::new(Fenced::new(Arc::clone(&store)));
    let lent = Lent::recorded(fenced, config.audit_addresses, Some(root_key));
    let (live, publisher) = Live::new(&in_force, &lent)?;
    store.observe(Box::new(publisher));
    let authority = Authority::start(&in_force, lent, PoolSizes::default())
        .map_err(|error| ServeError::Failed(format!("{error:#}")))?;
    // Before the epoch begins, and with it what is to be told.
    let follower = Follower::start(&log, data_dir.path(), config.audit_file.as_deref(), config.audit_syslog.as_ref())?;
    let issuer = configure(&authority, config, plain.address(), tls.as_ref().map(|(sockets, _)| sockets.address()))?;
    if config.issuer.is_none() {
        decided.push(format!("issuer {issuer}"));
    }
    let single_sign_on = config.sso.as_ref().map(|config| SingleSignOn::new(config, &issuer)).transpose();
    let single_sign_on = single_sign_on.map_err(|error| ServeError::Usage(error.to_string()))?;
    let counted = Arc::new(Metrics::default());
    let app = App {
        accounts: Accounts::new(authority.clone(), Arc::clone(&log), config.audit_addresses),
        console: Console::new(single_sign_on)?,
        authority,
        live,
        issuer,
        options: Options {
            dpa_query_tokens: config.dpa_query_tokens,
            live_open: config.live_open,
            trusted_proxies: config.trusted_proxies.clone(),
        },
        polls: Polls::new(config.max_connections, Arc::clone(counted.polls())),
        metrics: counted,
        failures: FailureLimiter::new(),
        uses: Uses::new(),
        audit: Arc::new(Audit::new(Arc::clone(&log), config.audit_addresses).keeping(config.audit_retention)),
        notices: Kept::new(log),
        policy_files,
    };
    record_start(&app)?;
    let epoch = super::begin(&app, config.boot, config.alg)?;
    super::uses::open(&app)?;
    app.live.recover().map_err(|error| ServeError::Failed(error.to_string()))?;
    app.metrics.watch(Arc::clone(&app.live), Arc::clone(&store), in_force);
    let app = Arc::new(app);
    Ok(Started {
        app,
        data_dir,
        threads,
        plain: Some(plain),
        tls,
        metrics,
        ext_authz,
        store,
        follower,
        opened,
        notices: None,
        epoch,
        alg: config.alg,
        decided,
    })
}

/// Tells that the authority starts, and by which policy it judges.
fn record_start(app: &App) -> Result<(), ServeError> {
    let [authority, verifier] = app.authority.in_force().standing().members;
    let entry = app
        .audit
        .entry("machine", "authority.start", "done")
        .with("version", env!("CARGO_PKG_VERSION"))
        .with("authority", authority.sha256)
        .with("verifier", verifier.sha256);
    app.audit.record(vec![entry]).map_err(|_| ServeError::StoreUnavailable)
}

impl Started {
    /// Begins to look for what is to be told, and to send it.
    pub(super) fn look_for_notices(&mut self) -> Result<(), ServeError> {
        self.notices = Some(Running::start(Arc::clone(&self.app), std::mem::take(&mut self.opened))?);
        Ok(())
    }

    /// While there is no account, tells on the machine how the first one is made.
    fn announce_first_run(&self) {
        if self.app.accounts.are_there() == Ok(false) {
            let code = self.app.console.open_first_run();
            tracing::info!(
                "there is no account yet: the first administrator is made at {}/console/first with the one-time code {}",
                self.app.issuer,
                code.as_str()
            );
        }
    }

    /// What one more I/O thread listens on.
    pub(super) fn listening(&mut self) -> Vec<Listening> {
        let keys = self.tls.as_ref().map(|(_, keys)| Arc::clone(keys));
        let [plain, encrypted] = &mut self.ext_authz;
        let sockets = [
            (self.plain.as_mut(), None, Protocol::Http),
            (self.tls.as_mut().map(|(sockets, _)| sockets), keys.clone(), Protocol::Http),
            (plain.as_mut(), None, Protocol::Grpc),
            (encrypted.as_mut(), keys, Protocol::Grpc),
        ];
        let taken = sockets
            .into_iter()
            .filter_map(|(sockets, keys, protocol)| Some(Listening { socket: sockets?.take()?, keys, protocol }));
        taken.collect()
    }

    /// Says where it serves, what it decided by itself, and, at the very first start, what to do next.
    pub(super) fn announce(&self) {
        for what in &self.decided {
            tracing::info!("{what}");
        }
        let reason = match self.epoch.reason {
            EpochReason::First => "the first one",
            EpochReason::Boot => "begun by this start: every older access token is dead",
            EpochReason::Order | EpochReason::LiveSetFull => "the one that was in force before this start",
        };
        let alg = Algorithm::from(self.epoch.alg);
        tracing::info!(number = self.epoch.number, alg = alg.name(), "epoch: {reason}");
        if let Some(asked) = self.alg
            && asked != alg
        {
            tracing::warn!(
                "this epoch goes on and keeps signing with {}; `jeton epoch advance --alg {}` begins one that signs with it, and ends all access tokens",
                alg.name(),
                asked.name()
            );
        }
        policies::announce(self.app.authority.in_force());
        self.announce_first_run();
        if self.app.options.dpa_query_tokens {
            tracing::warn!(
                "refresh tokens are accepted in query strings, where proxies and logs see them: move scripts to form bodies"
            );
        }
        if let Some(plain) = &self.plain {
            tracing::info!("serving http://{}", plain.address());
        }
        if let Some((tls, _)) = &self.tls {
            tracing::info!("serving https://{}", tls.address());
        }
        for (ext_authz, how) in self.ext_authz.iter().zip(["plain", "over TLS"]) {
            if let Some(ext_authz) = ext_authz {
                tracing::info!("serving Envoy's ext_authz by gRPC on {}, {how}", ext_authz.address());
            }
        }
        if self.data_dir.is_new() {
            let data = self.data_dir.path().display();
            let url = self.plain.as_ref().map_or_else(String::new, |plain| format!("http://{}", plain.address()));
            eprintln!("This authority is new. Next, in another terminal:");
            eprintln!("  export JETON_URL={url} JETON_TOKEN=$(jeton bootstrap --data {data} --name admin)");
            eprintln!(
                "  jeton token create --name \"nightly job\"     and hand what it prints to a script, which exchanges it"
            );
        }
    }

    /// Ends what runs beside the I/O threads. Nothing that was acknowledged needs it.
    pub(super) fn close(&mut self) {
        if let Some(notices) = self.notices.take() {
            notices.stop();
        }
        self.app.authority.stop();
        self.app.audit.flush();
        if let Some(follower) = self.follower.take() {
            follower.stop();
        }
        self.store.close();
    }
}

fn refuse_open_plain_http(config: &ServeConfig) -> Result<(), ServeError> {
    let plain = [Some(config.listen), config.ext_authz_listen].into_iter().flatten();
    match plain.into_iter().find(|address| !address.ip().is_loopback()) {
        Some(address) if !config.allow_plain_http => Err(ServeError::Usage(format!(
            "{address} is not loopback, and tokens would cross the network unencrypted: use --tls-listen (--ext-authz-tls-listen for gRPC), or say --allow-plain-http where a proxy encrypts"
        ))),
        _ => Ok(()),
    }
}

fn root_key(config: &ServeConfig, decided: &mut Vec<String>) -> Result<RootKey, ServeError> {
    match (&config.root_key_file, config.boot) {
        (Some(path), _) => Ok(root_key_file::read(path)?),
        (None, Boot::Resume) => Err(ServeError::Usage(
            "`--boot resume` needs a root key that outlives the process: make one with `jeton root-key > FILE` and give it with --root-key-file".to_owned(),
        )),
        (None, Boot::Advance) => {
            decided.push("root key: drawn now and kept in memory alone".to_owned());
            RootKey::draw().map_err(|error| ServeError::Failed(error.to_string()))
        }
    }
}

fn configure(
    authority: &Authority,
    config: &ServeConfig,
    plain: SocketAddr,
    tls: Option<SocketAddr>,
) -> Result<String, ServeError> {
    let fallback = match tls {
        Some(address) => format!("https://{}", reachable(address)),
        None => format!("http://{}", reachable(plain)),
    };
    let requested = config.issuer.clone();
    let configured = authority
        .call_blocking(Class::Administration, move |authority| authority.configure(requested.as_deref(), &fallback));
    match configured {
        Ok(Ok(issuer)) => Ok(issuer),
        Ok(Err(ConfigureRefusal::IssuerMalformed)) => Err(ServeError::IssuerMalformed),
        Ok(Err(ConfigureRefusal::AnotherIssuer)) => Err(ServeError::AnotherIssuer),
        Ok(Err(ConfigureRefusal::Unavailable)) => Err(ServeError::StoreUnavailable),
        Err(error) => Err(ServeError::Failed(error.to_string())),
    }
}

/// An address that this machine itself can be reached under.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn bind_metrics(address: SocketAddr) -> Result<std::net::TcpListener, ServeError> {
    let mut sockets = listen::bind(address, 1)?;
    sockets.take().ok_or_else(|| ServeError::Failed("no socket".to_owned()))
}

/// The system's usual limit of 1,024 descriptors would be the cap on connections; this process may have as many as it is allowed.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if setrlimit(Resource::Nofile, limit).is_err() {
        tracing::debug!("the limit of descriptors stays as it is");
    }
}
