//! A refresh token that a case wishes for.

use jeton_runtime::wit::refresh_tokens::{Bindings, Expiry, IssueRequest, Issued, RefreshToken};

use crate::failure::Failure;

/// A refresh token as its bearer and its administrator know it.
#[derive(Clone)]
pub(crate) struct Refresh {
    /// What it is exchanged with.
    pub(crate) secret: String,
    /// What is shown of it.
    pub(crate) token: RefreshToken,
}

impl Refresh {
    /// What a first issue gives.
    pub(crate) fn of(issued: Issued) -> Result<Self, Failure> {
        let secret = issued.secret.ok_or_else(|| Failure::new("a refresh token was issued without its secret"))?;
        Ok(Self { secret, token: issued.token })
    }
}

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
                bindings: Bindings {
                    not_before: None,
                    networks: Vec::new(),
                    networks_in_access_tokens: false,
                    audiences: Vec::new(),
                    max_exchanges: None,
                },
                may_delegate: false,
                rotates_on_use: false,
                idempotency_key: None,
            },
        }
    }

    pub(crate) fn under(mut self, parent: &Refresh) -> Self {
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

    /// Nothing is minted with it before then.
    pub(crate) fn not_before(mut self, moment: u64) -> Self {
        self.request.bindings.not_before = Some(moment);
        self
    }

    /// It is exchanged from these networks alone, and so are its access tokens used, if they carry them.
    pub(crate) fn within(mut self, networks: &[&str], carried: bool) -> Self {
        self.request.bindings.networks = networks.iter().map(|network| (*network).to_owned()).collect();
        self.request.bindings.networks_in_access_tokens = carried;
        self
    }

    /// Its access tokens are for one of these.
    pub(crate) fn aimed_at(mut self, audiences: &[&str]) -> Self {
        self.request.bindings.audiences = audiences.iter().map(|audience| (*audience).to_owned()).collect();
        self
    }

    /// It is exchanged so many times.
    pub(crate) fn times(mut self, number: u64) -> Self {
        self.request.bindings.max_exchanges = Some(number);
        self
    }

    /// Each exchange replaces its secret.
    pub(crate) fn rotating(mut self) -> Self {
        self.request.rotates_on_use = true;
        self
    }

    /// Its holder may issue refresh tokens under it.
    pub(crate) fn delegating(mut self) -> Self {
        self.request.may_delegate = true;
        self
    }

    pub(crate) fn request(&self) -> &IssueRequest {
        &self.request
    }
}
