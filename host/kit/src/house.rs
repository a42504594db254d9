//! An authority in the sandbox: an instance, a verifier beside it, and the few calls that most cases begin with.

use std::sync::Arc;

use jeton_runtime::AuthorityCall;
use jeton_runtime::sandbox::{Sandbox, Solo};
use jeton_runtime::wit::configuration::{Settings, SettingsChange, SettingsRefusal};
use jeton_runtime::wit::epochs::{Boot, Epoch, EpochRefusal};
use jeton_runtime::wit::exchange::{ExchangeRefusal, ExchangeRequest, Exchanged, Revocation, RevokeRefusal};
use jeton_runtime::wit::refresh_tokens::{
    Change, DeleteRefusal, Deleted, EditRefusal, IssueRefusal, RefreshToken, RotateRefusal,
};
use jeton_runtime::wit::types::{Actor, IpAddress, Reason};
use jeton_runtime::wit::upkeep::{Swept, UpkeepRefusal};

use crate::edge::Edge;
use crate::failure::{Failure, Verdict, must};
use crate::lent::Ground;
use crate::refusal::{is_house_rule, name_of};
use crate::wish::{Refresh, Wish};

/// The issuer of every case.
pub(crate) const ISSUER: &str = "https://tokens.example";

/// A call that a refusal answers, and that a trap fails.
pub(crate) type Answered<T, R> = Result<Result<T, R>, Failure>;

/// An instance of the authority, and the others that take its place as they do in a server.
pub(crate) struct Office {
    solo: Solo,
    /// How often one did.
    replaced: u32,
}

impl Office {
    pub(crate) fn new(sandbox: &Sandbox, ground: &Ground) -> Result<Self, Failure> {
        let lent = Arc::new(ground.lend());
        let solo = sandbox.instantiate(&lent).map_err(|trap| Failure::trap("the start", &trap))?;
        Ok(Self { solo, replaced: 0 })
    }

    /// Calls an export; `call` is its name.
    pub(crate) fn ask<R>(
        &mut self,
        call: &str,
        f: impl FnOnce(&mut AuthorityCall<'_>) -> wasmtime::Result<R>,
    ) -> Result<R, Failure> {
        if self.solo.replace_if_worn().map_err(|trap| Failure::trap("the start", &trap))? {
            self.replaced += 1;
        }
        let mut authority = self.solo.authority().ok_or_else(|| Failure::new("it is no authority"))?;
        f(&mut authority).map_err(|trap| Failure::trap(call, &trap))
    }

    /// What a host does at its start, before it serves anything.
    pub(crate) fn begin(&mut self, boot: Boot) -> Result<Epoch, Failure> {
        let configured = self.ask("configure", |authority| authority.configure(Some(ISSUER), ISSUER))?;
        let issuer = configured.map_err(|refusal| refused("the configuration", refusal))?;
        must(issuer == ISSUER, format!("it took another issuer, `{issuer}`, than the one it was given"))?;
        let begun = self.ask("begin", |authority| authority.begin(boot, None))?;
        begun.map_err(|refusal| refused("the start of an epoch", refusal))
    }

    pub(crate) fn issue(&mut self, wish: &Wish) -> Answered<Refresh, IssueRefusal> {
        self.issue_as(&Actor::Machine, wish)
    }

    pub(crate) fn issue_as(&mut self, actor: &Actor, wish: &Wish) -> Answered<Refresh, IssueRefusal> {
        match self.ask("issue", |authority| authority.issue(actor, wish.request()))? {
            Ok(issued) => Refresh::of(issued).map(Ok),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    pub(crate) fn exchange(&mut self, secret: &str, scope: Option<&str>) -> Answered<Exchanged, ExchangeRefusal> {
        self.exchange_from(None, None, secret, scope)
    }

    /// An exchange by somebody who is somewhere, for somebody.
    pub(crate) fn exchange_from(
        &mut self,
        peer: Option<IpAddress>,
        resource: Option<&str>,
        secret: &str,
        scope: Option<&str>,
    ) -> Answered<Exchanged, ExchangeRefusal> {
        let request = ExchangeRequest {
            refresh_token: secret.to_owned(),
            scope: scope.map(str::to_owned),
            resource: resource.map(str::to_owned),
            peer,
        };
        self.ask("exchange", |authority| authority.exchange(&request))
    }

    /// An edit by somebody who has seen it last at this generation.
    pub(crate) fn edit(
        &mut self,
        actor: &Actor,
        id: &str,
        change: &Change,
        generation: Option<u64>,
    ) -> Answered<RefreshToken, EditRefusal> {
        self.ask("edit", |authority| authority.edit(actor, id, change, generation))
    }

    /// Another secret; the old one is taken for so many seconds more.
    pub(crate) fn rotate(&mut self, id: &str, overlap: u64) -> Answered<Refresh, RotateRefusal> {
        match self.ask("rotate", |authority| authority.rotate(&Actor::Machine, id, overlap, None))? {
            Ok(issued) => Refresh::of(issued).map(Ok),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    pub(crate) fn revoke(&mut self, token: &str) -> Answered<Revocation, RevokeRefusal> {
        self.ask("revoke", |authority| authority.revoke(token))
    }

    pub(crate) fn delete(&mut self, ids: &[String]) -> Answered<Deleted, DeleteRefusal> {
        self.delete_as(&Actor::Machine, ids)
    }

    pub(crate) fn delete_as(&mut self, actor: &Actor, ids: &[String]) -> Answered<Deleted, DeleteRefusal> {
        self.ask("delete", |authority| authority.delete(actor, ids, Reason::Deleted, None))
    }

    pub(crate) fn advance(&mut self) -> Answered<Epoch, EpochRefusal> {
        self.ask("advance", |authority| authority.advance(&Actor::Machine, None))
    }

    /// Sets how long access tokens live.
    pub(crate) fn set_ttl(&mut self, seconds: u64) -> Answered<Settings, SettingsRefusal> {
        let change = SettingsChange { access_token_expiration: Some(seconds), ..unchanged() };
        self.ask("set", |authority| authority.set_settings(&Actor::Machine, &change, None, false))
    }

    pub(crate) fn sweep(&mut self) -> Answered<Swept, UpkeepRefusal> {
        self.ask("sweep", |authority| authority.sweep())
    }

    /// How often its memory had grown so far that another instance took its place.
    pub(crate) fn replaced(&self) -> u32 {
        self.replaced
    }
}

/// An authority whose epoch has begun.
pub(crate) struct House<'s> {
    pub(crate) sandbox: &'s Sandbox,
    pub(crate) ground: Ground,
    pub(crate) office: Office,
    /// A verifier that holds what it was told last.
    pub(crate) edge: Edge,
}

impl<'s> House<'s> {
    /// A new authority.
    pub(crate) fn open(sandbox: &'s Sandbox) -> Result<Self, Failure> {
        Self::open_on(sandbox, Ground::new())
    }

    /// A new authority on this ground.
    pub(crate) fn open_on(sandbox: &'s Sandbox, ground: Ground) -> Result<Self, Failure> {
        let mut office = Office::new(sandbox, &ground)?;
        office.begin(Boot::Advance)?;
        Ok(Self { sandbox, ground, office, edge: Edge::new(sandbox)? })
    }

    /// Another instance of the same authority, as a server has several.
    pub(crate) fn another(&self) -> Result<Office, Failure> {
        Office::new(self.sandbox, &self.ground)
    }

    /// Ends the process and starts it again.
    pub(crate) fn restart(&mut self, boot: Boot) -> Result<Epoch, Failure> {
        self.office = self.another()?;
        self.office.begin(boot)
    }

    pub(crate) fn now(&self) -> u64 {
        self.ground.clock.seconds()
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.ground.clock.wait(seconds);
    }

    /// A refresh token that there is no reason to refuse.
    pub(crate) fn issue(&mut self, wish: &Wish) -> Result<Refresh, Failure> {
        self.office.issue(wish)?.map_err(|refusal| refused("a refresh token", refusal))
    }

    /// An access token that there is no reason to refuse.
    pub(crate) fn exchange(&mut self, of: &Refresh) -> Result<Exchanged, Failure> {
        self.office.exchange(&of.secret, None)?.map_err(|refusal| refused("an access token", refusal))
    }

    /// A refresh token and an access token of it.
    pub(crate) fn pair(&mut self, wish: &Wish) -> Result<(Refresh, String), Failure> {
        let issued = self.issue(wish)?;
        let token = self.exchange(&issued)?.access_token;
        Ok((issued, token))
    }

    /// Deletes refresh tokens that are there.
    pub(crate) fn delete(&mut self, issued: &Refresh) -> Result<(), Failure> {
        let deleted = self.office.delete(std::slice::from_ref(&issued.token.id))?;
        deleted.map(drop).map_err(|refusal| refused("the deletion of a refresh token", refusal))
    }

    /// Gives a token back, as its bearer.
    pub(crate) fn revoke(&mut self, token: &str) -> Result<Revocation, Failure> {
        self.office.revoke(token)?.map_err(|refusal| refused("the revocation of a token", refusal))
    }

    /// An edit that there is no reason to refuse.
    pub(crate) fn edit(&mut self, of: &Refresh, change: &Change) -> Result<RefreshToken, Failure> {
        let edited = self.office.edit(&Actor::Machine, &of.token.id, change, None)?;
        edited.map_err(|refusal| refused("an edit", refusal))
    }

    pub(crate) fn advance(&mut self) -> Result<Epoch, Failure> {
        self.office.advance()?.map_err(|refusal| refused("a new epoch", refusal))
    }

    /// Sweeps until there is nothing more to do.
    pub(crate) fn sweep(&mut self) -> Verdict {
        for _ in 0..1_000 {
            let swept = self.office.sweep()?.map_err(|refusal| refused("a sweep", refusal))?;
            if !swept.more {
                return Ok(());
            }
        }
        Err(Failure::new("after a thousand sweeps there was still more to sweep"))
    }

    pub(crate) fn show(&mut self, id: &str) -> Result<RefreshToken, Failure> {
        let shown = self.office.ask("show", |authority| authority.show(id))?;
        shown.map_err(|refusal| refused("a look at a refresh token", refusal))
    }

    /// The live document of now.
    pub(crate) fn snapshot(&mut self) -> Result<Vec<u8>, Failure> {
        let document = self.office.ask("snapshot", |authority| authority.snapshot())?;
        document.map_err(|refusal| refused("a snapshot of the live set", refusal))
    }

    /// Tells the verifier how things stand.
    pub(crate) fn tell(&mut self) -> Verdict {
        let document = self.snapshot()?;
        self.edge.take(&document).map(drop)
    }

    /// Holds if the token is accepted now.
    pub(crate) fn accepts(&mut self, token: &str, whose: &str) -> Verdict {
        self.tell()?;
        let now = self.now();
        self.edge.accepts(token, now, whose)
    }

    /// Holds if the token is refused now, by the verifier that may remember it and by a new one.
    pub(crate) fn refuses(&mut self, token: &str, whose: &str) -> Verdict {
        let (document, now) = (self.snapshot()?, self.now());
        self.edge.take(&document)?;
        self.edge.refuses(token, now, whose)?;
        let mut newcomer = Edge::new(self.sandbox)?;
        newcomer.take(&document)?;
        newcomer.refuses(token, now, whose)
    }

    /// Holds if nothing can be minted with a refresh token, and nobody is told why.
    pub(crate) fn mints_nothing(&mut self, with: &Refresh, whose: &str) -> Verdict {
        match self.office.exchange(&with.secret, None)? {
            Ok(_) => Err(Failure::new(format!("{whose} was exchanged for an access token"))),
            Err(ExchangeRefusal::InvalidGrant) => Ok(()),
            Err(other) => {
                Err(Failure::new(format!("{whose} was refused as `{}` and not `invalid-grant`", name_of(other))))
            }
        }
    }
}

/// A change of settings that changes nothing.
pub(crate) fn unchanged() -> SettingsChange {
    SettingsChange {
        access_token_expiration: None,
        access_token_minimum: None,
        access_token_maximum: None,
        refresh_token_expiration: None,
        refresh_token_maximum: None,
        never_allowed: None,
        unique_names: None,
        scopes: None,
        delegation_levels: None,
        holder_delegation: None,
        tombstone_retention: None,
    }
}

/// A change of a refresh token that changes nothing.
pub(crate) fn nothing_changed() -> Change {
    Change {
        name: None,
        expiry: None,
        enabled: None,
        scopes: None,
        access_ttl: None,
        not_before: None,
        networks: None,
        networks_in_access_tokens: None,
        audiences: None,
        max_exchanges: None,
        may_delegate: None,
        rotates_on_use: None,
        note: None,
    }
}

/// A refusal where the contract gives no reason for one. A rule of the house may.
pub(crate) fn refused(what: &str, refusal: impl crate::refusal::Named) -> Failure {
    let name = name_of(refusal);
    if is_house_rule(&name) {
        return Failure::narrowed(format!("{what} was refused as `{name}`, which the case needs"));
    }
    Failure::new(format!("{what} was refused as `{name}`, for no reason"))
}
