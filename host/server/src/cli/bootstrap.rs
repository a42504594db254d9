//! `jeton bootstrap`: the first administrator's refresh token, on the authority's own machine.

use std::{path::PathBuf, sync::Arc};

use jeton_policy::scope;
use jeton_runtime::{Authority, Class, Lent, Policy, PoolSizes, wit::types::Actor};
use jeton_store::SqliteStore;
use zeroize::Zeroizing;

use super::{CliError, output};
use crate::{
    api,
    config::DEFAULT_DATA,
    data_dir::{DataDir, DataDirError},
    local_socket::{self, LocalSocketError},
};

/// Makes a refresh token without one: whoever may open the data directory may do so. The token alone goes to standard output.
#[derive(Debug, clap::Args)]
pub(super) struct Bootstrap {
    /// Data directory of the authority, running or not; made where there is none
    #[arg(long, env = "JETON_DATA", value_name = "DIR", default_value = DEFAULT_DATA)]
    data: PathBuf,
    /// What the token is for
    #[arg(long)]
    name: String,
    /// What it may do; repeat for more [default: jeton:admin]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
}

impl Bootstrap {
    pub(super) fn run(self) -> Result<(), CliError> {
        let scopes = if self.scopes.is_empty() { vec![scope::ADMIN.to_owned()] } else { self.scopes.clone() };
        let failed = |error: &dyn std::fmt::Display| CliError::Failed(error.to_string());
        let token = match local_socket::bootstrap_via(&self.data, &self.name, &scopes) {
            Ok(Some(token)) => token,
            Ok(None) => self.on_stopped_store(&scopes)?,
            Err(LocalSocketError::Refused(sentence)) => return Err(CliError::Failed(sentence)),
            Err(error) => return Err(failed(&error)),
        };
        eprintln!("The refresh token `{}` is shown once. Keep it as you would a password: export JETON_TOKEN=...", self.name);
        Ok(output::line(&token)?)
    }

    /// No server runs: the store is opened here. It needs no root key, and no epoch begins.
    fn on_stopped_store(&self, scopes: &[String]) -> Result<Zeroizing<String>, CliError> {
        let failed = |error: &dyn std::fmt::Display| CliError::Failed(error.to_string());
        let data_dir = DataDir::open(&self.data).map_err(|error| match error {
            // Its lock is held but its socket does not answer: it is starting or stopping.
            DataDirError::InUse { .. } => CliError::Failed(format!("{error} (it does not answer on its socket: is it just starting?)")),
            other => failed(&other),
        })?;
        let store = Arc::new(SqliteStore::open(&data_dir.database()).map_err(|error| failed(&error))?);
        let policy = Policy::embedded().map_err(|error| failed(&error))?;
        let sizes = PoolSizes { exchange: 1, administration: 1, ..PoolSizes::default() };
        let authority = Authority::start(&policy, Lent::new(Arc::clone(&store) as _, None), sizes).map_err(|error| failed(&error))?;
        let request = local_socket::bootstrap_request(&self.name, scopes);
        let issued = authority.call_blocking(Class::Administration, move |authority| authority.issue(&Actor::Machine, &request));
        authority.stop();
        store.close();
        match issued {
            Ok(Ok(issued)) => Ok(Zeroizing::new(issued.secret)),
            Ok(Err(refusal)) => Err(CliError::Failed(api::sentence(refusal).to_owned())),
            Err(error) => Err(failed(&error)),
        }
    }
}
