//! `--policy`: components of a house's own in the place of those that this binary carries.
//!
//! They lie in files on the authority's machine and nowhere else. A policy is lent the root key, so whoever chooses its code must
//! own the machine: an order to load it anew comes from administrators too, its bytes never do.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use jeton_kit::{Counts, Kind, Report};
use jeton_runtime::{InForce, Live, LiveError, Member, Policy, PolicyError, artifacts};
use parking_lot::Mutex;

use crate::{
    audit::NotRecorded,
    policy_orders::{LastOrder, Order},
};

/// Bytes that a component may have. One that carries an engine for another language has some twelve million.
const MAX_COMPONENT: u64 = 64 << 20;

/// Cases that a refusal names; `jeton policy check` names all.
const NAMED_CASES: usize = 5;

/// Why a policy does not come into force. Each is one sentence; whatever was in force before is so still.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFileError {
    /// It cannot be read.
    #[error("cannot read the policy `{path}`: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is larger than any policy.
    #[error("the policy `{0}` has more than {MAX_COMPONENT} bytes")]
    TooLarge(PathBuf),
    /// It is no component, or of no world of the contract, or asks for more than is lent.
    #[error("the policy `{path}` is {what}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// Two files are of one world.
    #[error("two of the policies are of the {} world: give at most one for each", .0.name())]
    TwoOfOneWorld(Kind),
    /// The kit says that it does not hold what a policy must hold.
    #[error("the policy `{path}` does not hold what a policy must hold ({what}); `jeton policy check` says more")]
    Broken {
        /// The file.
        path: PathBuf,
        /// The cases.
        what: String,
    },
    /// It cannot be run.
    #[error(transparent)]
    NotRun(#[from] PolicyError),
    /// It cannot go on from what is in the store.
    #[error("the policy does not go on from what is in the store: {0}")]
    Unfit(#[from] LiveError),
    /// It cannot be told of.
    #[error(transparent)]
    NotRecorded(#[from] NotRecorded),
    /// There is nothing to load.
    #[error("this authority was started without `--policy`: it has the policy that its binary carries")]
    NoneGiven,
    /// The files are not what the caller takes them for.
    #[error("no file of `--policy` has the SHA-256 `{0}`: put it in the file's place on the authority's machine first")]
    AnotherFile(String),
}

impl PolicyFileError {
    /// Whether the system is at fault, and not the file.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }

    /// What callers are told, in one word of the API.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotRecorded(_) => "unavailable",
            Self::NoneGiven => "no-policy-files",
            Self::AnotherFile(_) => "another-policy-file",
            Self::Unreadable { .. } => "policy-unreadable",
            Self::Unfit(_) => "policy-unfit",
            Self::TooLarge(_)
            | Self::Unusable { .. }
            | Self::TwoOfOneWorld(_)
            | Self::Broken { .. }
            | Self::NotRun(_) => "policy-refused",
        }
    }
}

/// How a component is tried before it is run for anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trial {
    /// Every case of the kit.
    #[default]
    Kit,
    /// None: for tests of what a host does with a policy that means harm. No option of `jeton` chooses it.
    None,
}

/// What a new order to load did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loaded {
    /// Another policy is in force.
    Replaced,
    /// The files are those in force.
    Unchanged,
}

/// The files of `--policy`.
#[derive(Debug, Default)]
pub struct PolicyFiles {
    paths: Vec<PathBuf>,
    trial: Trial,
    /// One order at a time: the later one finds what the earlier one did.
    turn: Mutex<()>,
    last_order: LastOrder,
}

/// What the files hold.
#[derive(Default)]
struct Components {
    authority: Option<Component>,
    verifier: Option<Component>,
}

struct Component {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl PolicyFiles {
    /// These files, to be tried so.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, trial: Trial) -> Self {
        Self { paths, trial, turn: Mutex::default(), last_order: LastOrder::default() }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The last order to load them.
    #[must_use]
    pub fn last_order(&self) -> Option<Order> {
        self.last_order.get()
    }

    /// The policy for a start. Takes seconds where files are given: they are tried first.
    ///
    /// # Errors
    /// [`PolicyFileError`].
    pub fn open(&self) -> Result<Policy, PolicyFileError> {
        let components = self.read()?;
        self.try_all(&components)?;
        components.compile()
    }

    /// Reads the files again, tries what they hold, and puts it into force where it is another policy. With `expected`, only where
    /// a file has that SHA-256, and `record` has told of it. Blocks for seconds.
    ///
    /// # Errors
    /// [`PolicyFileError`]; the policy in force stays so.
    pub fn load(
        &self,
        live: &Live,
        in_force: &InForce,
        expected: Option<&str>,
        record: impl FnOnce(&[Member; 2]) -> Result<(), NotRecorded>,
    ) -> Result<Loaded, PolicyFileError> {
        if self.is_empty() {
            return Err(PolicyFileError::NoneGiven);
        }
        let _turn = self.turn.lock();
        self.last_order.during(|| {
            let components = self.read()?;
            let digests: Vec<String> =
                components.all().map(|(_, component)| artifacts::digest(&component.bytes)).collect();
            if let Some(expected) = expected.filter(|expected| !digests.iter().any(|digest| digest == expected)) {
                return Err(PolicyFileError::AnotherFile(expected.to_owned()));
            }
            let members = in_force.standing().members;
            let in_files = |kind| components.of(kind).map(|component| artifacts::digest(&component.bytes));
            if members.iter().all(|member| in_files(member.kind) == (!member.is_shipped).then(|| member.sha256.clone()))
            {
                return Ok(Loaded::Unchanged);
            }
            self.try_all(&components)?;
            let policy = components.compile()?;
            live.admits(&policy)?;
            // Only what has been told may come into force; and from here on nothing fails any more.
            record(&policy.members())?;
            in_force.replace(policy);
            Ok(Loaded::Replaced)
        })
    }

    fn read(&self) -> Result<Components, PolicyFileError> {
        let mut components = Components::default();
        for path in &self.paths {
            let bytes = read(path)?;
            let kind = kind_of(path, &bytes)?;
            let place = match kind {
                Kind::Authority => &mut components.authority,
                Kind::Verifier => &mut components.verifier,
            };
            if place.replace(Component { path: path.clone(), bytes }).is_some() {
                return Err(PolicyFileError::TwoOfOneWorld(kind));
            }
        }
        Ok(components)
    }

    fn try_all(&self, components: &Components) -> Result<(), PolicyFileError> {
        if self.trial == Trial::None {
            return Ok(());
        }
        for (kind, Component { path, bytes }) in components.all() {
            tracing::info!(world = kind.name(), path = %path.display(), "a policy is tried");
            let report = jeton_kit::check(bytes, &mut |_| ())
                .map_err(|error| PolicyFileError::Unusable { path: path.clone(), what: error.to_string() })?;
            if !report.holds() {
                return Err(PolicyFileError::Broken { path: path.clone(), what: named(&report) });
            }
        }
        Ok(())
    }
}

impl Components {
    fn of(&self, kind: Kind) -> Option<&Component> {
        match kind {
            Kind::Authority => self.authority.as_ref(),
            Kind::Verifier => self.verifier.as_ref(),
        }
    }

    fn compile(&self) -> Result<Policy, PolicyFileError> {
        let bytes = |kind| self.of(kind).map(|component| component.bytes.as_slice());
        Ok(Policy::of(bytes(Kind::Authority), bytes(Kind::Verifier))?)
    }

    fn all(&self) -> impl Iterator<Item = (Kind, &Component)> {
        [Kind::Authority, Kind::Verifier].into_iter().filter_map(|kind| Some((kind, self.of(kind)?)))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, PolicyFileError> {
    let unreadable = |error| PolicyFileError::Unreadable { path: path.to_owned(), error };
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(MAX_COMPONENT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_COMPONENT) {
        Ok(bytes)
    } else {
        Err(PolicyFileError::TooLarge(path.to_owned()))
    }
}

/// The world of a component. What cannot be one is refused before it is run at all.
fn kind_of(path: &Path, bytes: &[u8]) -> Result<Kind, PolicyFileError> {
    let unusable = |what: String| PolicyFileError::Unusable { path: path.to_owned(), what };
    let world = artifacts::inspect(bytes).map_err(|error| unusable(error.to_string()))?;
    if !world.exports.iter().any(|export| export.starts_with("jeton:policy/")) {
        let exports = if world.exports.is_empty() { "nothing".to_owned() } else { world.exports.join(", ") };
        return Err(unusable(format!("of another world than `jeton:policy`: it exports {exports}")));
    }
    let kind = jeton_kit::kind(&world);
    jeton_kit::lends(&world, kind).map(|()| kind).map_err(|beyond| unusable(format!("refused: {beyond}")))
}

fn named(report: &Report) -> String {
    let broken: Vec<&str> = report.broken().map(|(case, _)| case).collect();
    let Counts { narrowed, not_tried, .. } = report.counts();
    let mut names: Vec<String> = broken.iter().take(NAMED_CASES).map(|case| (*case).to_owned()).collect();
    let more = broken.len().saturating_sub(NAMED_CASES);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    if narrowed > 0 {
        names.push(format!("{narrowed} narrowed by rules of the house, which should bind fewer tokens"));
    }
    if not_tried > 0 {
        names.push(format!("{not_tried} not tried"));
    }
    names.join(", ")
}
