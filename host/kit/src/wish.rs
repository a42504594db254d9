//! A refresh token that a case wishes for.

use jeton_runtime::wit::refresh_tokens::{Expiry, IssueRequest, Issued};

/// What `issue` is asked for; unremarkable where nothing is said.
#[derive(Clone)]
pub(crate) struct Wish {
    request: IssueRequest,
}

impl Wish {
    pub(crate) fn new() -> Self {
        Self {
            request: IssueRequest {
                name: "nightly job".to_owned(),
                expiry: Expiry::BySetting,
                scopes: Vec::new(),
                parent: None,
                owner: None,
                access_ttl: None,
            },
        }
    }

    pub(crate) fn under(mut self, parent: &Issued) -> Self {
        self.request.parent = Some(parent.token.id.clone());
        self
    }

    pub(crate) fn of(mut self, owner: &str) -> Self {
        self.request.owner = Some(owner.to_owned());
        self
    }

    pub(crate) fn named(mut self, name: &str) -> Self {
        self.request.name = name.to_owned();
        self
    }

    pub(crate) fn good_for(mut self, scopes: &[&str]) -> Self {
        self.request.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self
    }

    pub(crate) fn expiring(mut self, expiry: Expiry) -> Self {
        self.request.expiry = expiry;
        self
    }

    /// Its access tokens live so many seconds.
    pub(crate) fn ttl(mut self, seconds: u64) -> Self {
        self.request.access_ttl = Some(seconds);
        self
    }

    pub(crate) fn request(&self) -> &IssueRequest {
        &self.request
    }
}
