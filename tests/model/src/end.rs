//! The end of tokens: by administrators, by owners, by their holders.

use crate::{AccessNumber, Actor, Ending, Model, Presented, Reason, Refusal, TokenNumber, Verdict};

/// The most single access tokens of a refresh token whose revocations matter at one time.
pub(crate) const SINGLE_CUTS: usize = 64;

/// What a delete found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are the contract's words")]
pub enum Deletion {
    Deleted,
    AlreadyDeleted,
    NotFound,
}

/// What a bearer gave back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are the contract's words")]
pub enum Given {
    RefreshToken(TokenNumber),
    AccessToken(AccessNumber),
    Nothing,
}

impl Model {
    /// Ends a refresh token, and everything that descends from it.
    pub(crate) fn end(&mut self, token: TokenNumber, by: &str, reason: Reason, note: Option<&str>) {
        let ending = self.act(by, reason, note);
        self.end_all_of(token, &ending);
        self.entomb(token, ending);
    }

    /// An act of its own ends a token, and that is written down at once.
    pub(crate) fn entomb(&mut self, token: TokenNumber, ending: Ending) {
        let token = &mut self.tokens[token];
        token.tombstone = Some(ending.clone());
        token.endings.push(ending);
        token.generation += 1;
    }

    /// Ends refresh tokens; all of them or none. `None` is an id that there never was.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn delete(
        &mut self,
        actor: &Actor,
        given: &[Option<TokenNumber>],
        reason: Reason,
        note: Option<&str>,
    ) -> Result<Vec<Deletion>, Vec<Refusal>> {
        let lives = |model: &Self, token: TokenNumber| !model.has_ended(token);
        let living: Vec<TokenNumber> = given.iter().flatten().copied().filter(|token| lives(self, *token)).collect();
        if living.iter().any(|token| !actor.holds_reserved(&self.tokens[*token].scopes)) {
            return Err(vec![Refusal::ScopeBeyondActor]);
        }
        let mut ended = Vec::new();
        let results = given.iter().map(|token| match token {
            Some(token) if self.tokens[*token].removed => Deletion::NotFound,
            Some(token) if living.contains(token) && !ended.contains(token) => {
                ended.push(*token);
                Deletion::Deleted
            }
            Some(_) => Deletion::AlreadyDeleted,
            None => Deletion::NotFound,
        });
        let results = results.collect();
        for token in ended {
            self.end(token, &actor.name, reason, note);
        }
        Ok(results)
    }

    /// Ends every refresh token of an owner, and everything that descends from them.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn delete_owned(
        &mut self,
        actor: &Actor,
        owner: &str,
        reason: Reason,
        note: Option<&str>,
    ) -> Result<(), Vec<Refusal>> {
        let theirs = |model: &Self, token: &TokenNumber| model.tokens[*token].owner.as_deref() == Some(owner);
        let all: Vec<TokenNumber> = (0..self.tokens.len()).filter(|token| theirs(self, token)).collect();
        let broken = [
            (!actor.holds_reserved(&["jeton:admin".to_owned()]), Refusal::ScopeBeyondActor),
            (all.is_empty(), Refusal::OwnerNotFound),
        ];
        let refusals: Vec<Refusal> = broken.into_iter().filter(|(is, _)| *is).map(|(_, refusal)| refusal).collect();
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let ending = self.act(&actor.name, reason, note);
        for token in all.into_iter().filter(|token| !self.tokens[*token].owner_left).collect::<Vec<_>>() {
            self.tokens[token].owner_left = true;
            self.end_all_of(token, &ending);
            self.tokens[token].endings.push(ending.clone());
        }
        Ok(())
    }

    /// Ends one access token by its `jti`; gives everything that may be answered: without the token itself nobody knows for
    /// certain that it is dead.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn delete_access(
        &mut self,
        actor: &Actor,
        access: AccessNumber,
        reason: Reason,
        note: Option<&str>,
    ) -> Result<Vec<Deletion>, Vec<Refusal>> {
        let token = self.access[access].token;
        if self.tokens[token].removed {
            return Ok(vec![Deletion::NotFound]);
        }
        if !actor.holds_reserved(&self.tokens[token].scopes) {
            return Err(vec![Refusal::ScopeBeyondActor]);
        }
        match self.verdict(access, self.now()) {
            Verdict::Alive | Verdict::NotYetValid => {}
            Verdict::WrongEpoch => return Ok(vec![Deletion::AlreadyDeleted]),
            Verdict::Expired | Verdict::Cut => return Ok(vec![Deletion::Deleted, Deletion::AlreadyDeleted]),
        }
        self.end_single(access, &actor.name, reason, note);
        Ok(vec![Deletion::Deleted])
    }

    /// The revocation of an access token that was dead already, which nobody knew: it counts all the same.
    pub fn delete_in_vain(&mut self, actor: &Actor, access: AccessNumber, reason: Reason) {
        self.end_single(access, &actor.name, reason, None);
    }

    /// A bearer gives a refresh token back. Possession is authority; what is dead already is nothing.
    pub fn give_back(&mut self, presented: Presented) -> Given {
        if !self.is_held(presented) || self.has_ended(presented.token) {
            return Given::Nothing;
        }
        self.end(presented.token, "holder", Reason::RevokedByHolder, None);
        Given::RefreshToken(presented.token)
    }

    /// A bearer gives an access token back.
    pub fn give_back_access(&mut self, access: AccessNumber) -> Given {
        if self.verdict(access, self.now()) != Verdict::Alive {
            return Given::Nothing;
        }
        self.end_single(access, "holder", Reason::RevokedByHolder, None);
        Given::AccessToken(access)
    }

    /// Ends one access token, or, where too many of its refresh token were ended so, all of that.
    fn end_single(&mut self, access: AccessNumber, by: &str, reason: Reason, note: Option<&str>) {
        let (now, token) = (self.now(), self.access[access].token);
        // An epoch, or time, makes a revocation one that cannot matter any more.
        let kept_for = self.longest() + 60;
        self.tokens[token].single_cuts.retain(|at| now < at + kept_for);
        if self.tokens[token].single_cuts.len() < SINGLE_CUTS {
            let ending = self.act(by, reason, note);
            self.end_access(access, &ending);
            self.tokens[token].single_cuts.push(now);
        } else {
            let ending = self.act(by, Reason::TooManyRevocations, note);
            self.end_all_of(token, &ending);
            self.tokens[token].single_cuts.clear();
            self.tokens[token].generation += 1;
        }
    }
}
