//! Time: what the clock shows, but never before what was reached.

use std::collections::BTreeSet;

use crate::{
    Actor, Ending, Model, Reason, Secrets, Token, TokenNumber,
    exchange::{GRACE, SPENT_KEPT},
    issue::REMEMBERED_FOR,
};

/// How far the clock may go back while time only stands still.
pub(crate) const TOLERATED: u64 = 10;

impl Model {
    /// An authority that begins its first epoch at this moment.
    #[must_use]
    pub fn begun_at(at: u64) -> Self {
        Self { clock: (at, false), mark: at, ..Self::default() }
    }

    /// The time that everything goes by.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.clock.0.max(self.mark)
    }

    /// The same, rounded up: what a promise of a remaining time counts from.
    #[must_use]
    pub fn rounded_up(&self) -> u64 {
        (self.clock.0 + u64::from(self.clock.1)).max(self.mark)
    }

    /// Whether the clock is so far behind that nothing may be granted.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.mark.saturating_sub(self.clock.0) > TOLERATED
    }

    /// The moments to come at which something changes by itself, in their order.
    #[must_use]
    pub fn moments(&self) -> Vec<u64> {
        let of_token = |token: &Token| {
            let Secrets { superseded, before, .. } = &token.secrets;
            let grace = before.map(|(_, used_at)| used_at + GRACE);
            [self.expiry(token), token.bindings.not_before, superseded.map(|(_, until)| until), grace]
        };
        let living = self.tokens.iter().filter(|token| token.endings.is_empty());
        let of_access = self.access.iter().filter(|access| access.epoch == self.epoch).map(|access| access.expires_at);
        let all = living.flat_map(of_token).flatten().chain(of_access);
        all.filter(|moment| *moment > self.now()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// An act of now.
    pub(crate) fn act(&mut self, by: &str, reason: Reason, note: Option<&str>) -> Ending {
        self.acts += 1;
        Ending { at: self.now(), by: by.to_owned(), reason, note: note.map(str::to_owned), act: self.acts }
    }

    /// A new epoch begins: every access token that is out is dead. The time is remembered.
    pub fn advance(&mut self) {
        self.epoch += 1;
        self.mark = self.now();
    }

    /// Goes back to what the clock shows, although `reached` was reached. What had expired in between is over for good, unless `keep`.
    pub fn accept_clock(&mut self, keep: bool, reached: u64) {
        let (from, latest) = (self.clock.0, self.mark.max(reached));
        if from >= latest {
            return;
        }
        // The mark is coarse: what had expired a little after it may have been seen expired.
        let was_over = |moment: u64| from < moment && moment <= latest + 20;
        let had_ended: Vec<bool> = (0..self.tokens.len()).map(|token| self.has_ended(token)).collect();
        self.mark = from;
        self.epoch += 1;
        for token in (0..self.tokens.len()).filter(|token| !keep && !had_ended[*token]) {
            if self.expiry(&self.tokens[token]).is_some_and(was_over) {
                let ending = self.act(&Actor::machine().name, Reason::ClockAccepted, None);
                self.entomb(token, ending);
            } else if self.tokens[token].secrets.superseded.is_some_and(|(_, until)| was_over(until)) {
                self.tokens[token].secrets.superseded = None;
                self.tokens[token].generation += 1;
            }
        }
    }

    /// Everything that was due was done: the mark moved to `mark`, what ended is written down, and tombstones whose time is over are
    /// gone. `told`: whether something that may be told is told as the end of a token now; `None`: nothing is known of it.
    ///
    /// # Errors
    /// The mark is none that may be remembered now, or what is told, or gone, is none of what may be.
    pub fn swept(&mut self, mark: u64, told: &dyn Fn(TokenNumber, &Ending) -> Option<bool>) -> Result<(), String> {
        let now = self.now();
        if mark < self.mark || mark > now || now >= mark + 10 {
            return Err(format!("the mark moved from {} to {mark} at {now}", self.mark));
        }
        self.mark = mark;
        // What is forgotten stays so, although a clock that went back may be accepted later.
        self.remembered.retain(|_, (_, _, at)| now < *at + REMEMBERED_FOR);
        for token in &mut self.tokens {
            token.secrets.spent.retain(|(_, at)| now < at + SPENT_KEPT);
        }
        let kept_for = self.settings.tombstone_retention;
        let is_over = |ending: &Ending| now >= ending.at + kept_for;
        let there: Vec<TokenNumber> = (0..self.tokens.len()).filter(|token| !self.tokens[*token].removed).collect();
        for token in there {
            let endings = self.endings(token);
            let written = endings.iter().find(|ending| told(token, ending) == Some(true)).cloned();
            let is_gone = endings.iter().any(|ending| told(token, ending).is_none());
            match written {
                Some(written) if !is_over(&written) => self.tokens[token].tombstone = Some(written),
                None if endings.is_empty() => {}
                None if is_gone && endings.iter().any(is_over) => self.tokens[token].removed = true,
                _ => return Err(format!("gone: {is_gone} at {now}, refresh token {token} of {endings:?}")),
            }
        }
        Ok(())
    }
}
