//! Edit and rotate.

use crate::{
    Actor, Expiry, Model, Network, Reason, Refusal, SecretNumber, State, Token, TokenNumber, issue::bad_bindings,
    words::covers,
};

const WEEK: u64 = 7 * 86_400;

/// A change of a refresh token. `None` leaves a member as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are the contract's words")]
pub struct Edit {
    pub name: Option<String>,
    pub expiry: Option<Expiry>,
    pub enabled: Option<bool>,
    pub scopes: Option<Vec<String>>,
    pub access_ttl: Option<Option<u64>>,
    pub not_before: Option<Option<u64>>,
    pub networks: Option<Vec<Network>>,
    pub networks_in_access_tokens: Option<bool>,
    pub audiences: Option<Vec<String>>,
    pub max_exchanges: Option<Option<u64>>,
    pub may_delegate: Option<bool>,
    pub rotates_on_use: Option<bool>,
    pub note: Option<String>,
}

impl Model {
    /// Changes a refresh token.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn edit(
        &mut self,
        actor: &Actor,
        token: TokenNumber,
        edit: &Edit,
        generation: Option<u64>,
    ) -> Result<(), Vec<Refusal>> {
        if self.tokens[token].removed {
            return Err(vec![Refusal::NotFound]);
        }
        let (before, mut refusals) = (self.tokens[token].clone(), Vec::new());
        if self.has_ended(token) {
            refusals.push(Refusal::Ended);
        }
        if generation.is_some_and(|generation| generation != before.generation) {
            refusals.push(Refusal::GenerationDiffers);
        }
        if !actor.holds_reserved(&before.scopes) || !actor.holds_reserved(edit.scopes.as_deref().unwrap_or_default()) {
            refusals.push(Refusal::ScopeBeyondActor);
        }
        let (after, broken) = self.changed(token, edit);
        refusals.extend(broken);
        let disables = edit.enabled == Some(false) && before.disabled.is_none();
        let is_changed =
            !is_same(&before, &after) || disables || (edit.enabled == Some(true) && before.disabled.is_some());
        let only_disables = is_same(&before, &after) && edit.enabled == Some(false);
        if self.is_behind() && is_changed && !only_disables {
            refusals.push(Refusal::ClockBehind);
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        if !is_changed {
            return Ok(());
        }
        let why = match () {
            () if disables => Some(Reason::Disabled),
            () if is_narrower(&before, &after) => Some(Reason::Narrowed),
            () => None,
        };
        self.tokens[token] = Token { generation: before.generation + 1, ..after };
        if let Some(ttl) = self.tokens[token].access_ttl {
            self.raise_longest(ttl);
        }
        if before.rotates_on_use && !self.tokens[token].rotates_on_use {
            // The secret in force becomes the one and only.
            self.tokens[token].secrets.before = None;
            self.tokens[token].secrets.spent.clear();
        }
        if let Some(why) = why {
            let ending = self.act(&actor.name, why, edit.note.as_deref());
            self.end_all_of(token, &ending);
            if disables {
                self.tokens[token].disabled = Some(ending);
            }
        }
        if edit.enabled == Some(true) {
            self.tokens[token].disabled = None;
        }
        Ok(())
    }

    /// The token with its changed members, and the rules that they break. One that stays what it is breaks none.
    fn changed(&self, token: TokenNumber, edit: &Edit) -> (Token, Vec<Refusal>) {
        let before = &self.tokens[token];
        let above = before.parent.map(|parent| self.grant(&self.chain(parent)));
        let (mut after, mut refusals, above) = (before.clone(), Vec::new(), above.as_ref());
        if let Some(name) = edit.name.as_ref().filter(|name| **name != before.name) {
            refusals.extend(self.name_taken(name));
            after.name.clone_from(name);
        }
        if let Some(scopes) = edit.scopes.as_ref().filter(|scopes| **scopes != before.scopes) {
            refusals.extend(self.bad_scopes(scopes, above));
            after.scopes.clone_from(scopes);
        }
        if let Some(ttl) = edit.access_ttl.filter(|ttl| *ttl != before.access_ttl) {
            refusals.extend(self.bad_ttl(ttl));
            after.access_ttl = ttl;
        }
        let stays = |expiry: &Expiry| match expiry {
            Expiry::At(at) => before.expires_at == Some(*at),
            Expiry::Never => before.expires_at.is_none(),
            Expiry::BySetting | Expiry::After(_) => false,
        };
        if let Some(expiry) = edit.expiry.filter(|expiry| !stays(expiry)) {
            match self.moment(expiry, before.created_at, above) {
                Ok(moment) => after.expires_at = moment,
                Err(broken) => refusals.extend(broken),
            }
        }
        // What is not changed is taken as nothing, which breaks no rule.
        let mut asked = crate::Bindings::default();
        if let Some(networks) = edit.networks.as_ref().filter(|networks| **networks != before.bindings.networks) {
            asked.networks.clone_from(networks);
            after.bindings.networks.clone_from(networks);
        }
        if let Some(audiences) = edit.audiences.as_ref().filter(|audiences| **audiences != before.bindings.audiences) {
            asked.audiences.clone_from(audiences);
            after.bindings.audiences.clone_from(audiences);
        }
        if let Some(most) = edit.max_exchanges {
            asked.max_exchanges = most;
            after.bindings.max_exchanges = most;
        }
        if let Some(from) = edit.not_before {
            after.bindings.not_before = from;
        }
        if edit.not_before.is_some() || edit.expiry.is_some() {
            asked.not_before = after.bindings.not_before;
        }
        refusals.extend(bad_bindings(&asked, after.expires_at, above));
        let carried = &mut after.bindings.networks_in_access_tokens;
        *carried = edit.networks_in_access_tokens.unwrap_or(*carried);
        after.may_delegate = edit.may_delegate.unwrap_or(before.may_delegate);
        after.rotates_on_use = edit.rotates_on_use.unwrap_or(before.rotates_on_use);
        (after, refusals)
    }

    /// Replaces the secret; gives the new one.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn rotate(
        &mut self,
        actor: &Actor,
        token: TokenNumber,
        overlap: u64,
        generation: Option<u64>,
    ) -> Result<SecretNumber, Vec<Refusal>> {
        let now = self.now();
        let before = &self.tokens[token];
        let broken = [
            (before.removed, Refusal::NotFound),
            (matches!(self.state(token), State::Expired | State::Deleted) && !before.removed, Refusal::NotActive),
            // An expired link hides that nothing else is in the way, and is in the way itself.
            (generation.is_some_and(|generation| generation != before.generation), Refusal::GenerationDiffers),
            (!actor.holds_reserved(&before.scopes), Refusal::ScopeBeyondActor),
            (overlap > WEEK, Refusal::OverlapOutOfRange),
            (overlap > 0 && before.secrets.superseded.is_some_and(|(_, until)| now < until), Refusal::OverlapNotOver),
            (self.is_behind(), Refusal::ClockBehind),
        ];
        let refusals: Vec<Refusal> = broken.into_iter().filter(|(is, _)| *is).map(|(_, refusal)| refusal).collect();
        if !refusals.is_empty() {
            return Err(refusals);
        }
        if overlap == 0 {
            let ending = self.act(&actor.name, Reason::Rotated, None);
            self.end_all_of(token, &ending);
        }
        let token = &mut self.tokens[token];
        token.generation += 1;
        let secrets = &mut token.secrets;
        secrets.superseded = (overlap > 0).then_some((secrets.current, now + overlap));
        secrets.before = None;
        secrets.spent.clear();
        secrets.current = secrets.count;
        secrets.count += 1;
        Ok(secrets.current)
    }

    /// Until when the secret before the last rotation is taken.
    #[must_use]
    pub fn superseded_until(&self, token: TokenNumber) -> Option<u64> {
        let until = self.tokens[token].secrets.superseded.map(|(_, until)| until);
        until.filter(|until| self.now() < *until && !self.has_ended(token))
    }

    /// How many secrets a token has had.
    #[must_use]
    pub fn secrets(&self, token: TokenNumber) -> SecretNumber {
        self.tokens[token].secrets.count
    }
}

/// Whether two tokens are the same in every member that an edit changes, but for whether they are enabled.
fn is_same(one: &Token, other: &Token) -> bool {
    let members = |token: &Token| {
        (
            (token.name.clone(), token.scopes.clone(), token.expires_at, token.access_ttl),
            (token.bindings.clone(), token.may_delegate, token.rotates_on_use),
        )
    };
    members(one) == members(other)
}

/// Whether `before` may have given out what `after` would not.
fn is_narrower(before: &Token, after: &Token) -> bool {
    let (old, new) = (&before.bindings, &after.bindings);
    let fewer_scopes = !before.scopes.iter().all(|scope| covers(&after.scopes, scope));
    let shorter = after.expires_at.is_some_and(|after| before.expires_at.is_none_or(|before| after < before));
    let fewer = |is_among: bool, old_is_all: bool, new_is_all: bool| !new_is_all && (old_is_all || !is_among);
    let networks_stay = old.networks.iter().all(|one| new.networks.iter().any(|other| other.covers(one)));
    let audiences_stay = old.audiences.iter().all(|one| new.audiences.contains(one));
    fewer_scopes
        || shorter
        || fewer(networks_stay, old.networks.is_empty(), new.networks.is_empty())
        || fewer(audiences_stay, old.audiences.is_empty(), new.audiences.is_empty())
        || (new.networks_in_access_tokens && !old.networks_in_access_tokens)
}
