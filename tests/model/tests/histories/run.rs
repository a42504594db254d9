//! Runs a history, and says where policy and model part.

use std::{cell::RefCell, collections::BTreeMap, fmt::Write as _, rc::Rc};

use jeton_policy::authority::Authority;
use jeton_store::Fault;

use crate::{
    act::{Act, Seen},
    book::Book,
    compare::{Judge, listed, same_tokens},
    explain::same_explanations,
    ground::Ground,
    step::{self, Draft, Step},
    transfer,
};

/// More access tokens than may be given back one by one.
const STORM: usize = 66;
/// After so many steps every access token is judged from wherever it may be presented, and every token is explained.
pub(crate) const THOROUGH: usize = 16;

/// The moments to come that are near enough to wait for: the others would let everything in between pass.
const NEAR: usize = 6;

/// Further than that time goes rarely: it ends nearly everything.
const A_DAY: u64 = 86_400;

/// How often what was done.
pub(crate) type Counts = BTreeMap<String, u64>;

/// Policy and model have parted.
pub(crate) struct Parted {
    /// After so many steps.
    pub(crate) after: usize,
    /// What was done until then, and where they part.
    pub(crate) script: String,
}

/// A history in the making.
pub(crate) struct Run {
    ground: Rc<Ground>,
    authority: Authority,
    book: Book,
    judge: Judge,
    script: String,
    steps: usize,
    thorough: usize,
    pub(crate) counts: Counts,
}

impl Run {
    /// `thorough`: after so many steps everything is compared that takes long.
    pub(crate) fn new(thorough: usize) -> Self {
        let ground = Rc::new(Ground::new());
        let authority = ground.authority();
        let (book, judge) = (Book::new(), Judge::new());
        Self { ground, authority, book, judge, script: String::new(), steps: 0, thorough, counts: Counts::new() }
    }

    /// Performs the steps.
    pub(crate) fn all(&mut self, steps: &[Step]) -> Result<(), Parted> {
        for (place, step) in steps.iter().enumerate() {
            let done = self.step(step).and_then(|()| self.compare());
            done.map_err(|error| self.parted(place + 1, &error))?;
        }
        let afresh = Judge::new().same_verdicts(&self.book, &self.authority, true);
        afresh.map_err(|error| self.parted(steps.len(), &format!("a verifier that knew nothing before: {error}")))
    }

    fn parted(&self, after: usize, error: &str) -> Parted {
        Parted { after, script: format!("{}*** {error}", self.script) }
    }

    fn compare(&mut self) -> Result<(), String> {
        self.steps += 1;
        same_tokens(&self.book, &self.authority)?;
        let is_thorough = self.steps.is_multiple_of(self.thorough);
        self.judge.same_verdicts(&self.book, &self.authority, is_thorough)?;
        if is_thorough { same_explanations(&self.book, &self.authority) } else { Ok(()) }
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Act(draft) => match draft.decided(&self.book) {
                Some(act) => self.act(&act),
                None => Ok(()),
            },
            Step::Failing { draft, at, lost } => match draft.decided(&self.book) {
                Some(act) => self.failing(&act, *at, *lost),
                None => Ok(()),
            },
            Step::Both { outer, at, inner } => self.both(outer, *at, inner),
            Step::Pass(seconds, has_part) => {
                let clock = (self.book.model.clock.0 + u64::from(*seconds), *has_part);
                self.set_clock(clock);
                Ok(())
            }
            Step::Until(which, before) => {
                let mut moments = self.book.model.moments();
                moments.retain(|moment| *which % 16 == 0 || *moment < self.book.model.now() + A_DAY);
                moments.truncate(NEAR);
                if !moments.is_empty() {
                    let moment = moments[usize::from(*which / 16) % moments.len()];
                    self.set_clock((moment - u64::from(*before), false));
                }
                Ok(())
            }
            Step::Back(seconds, accept) => {
                // A host sweeps every 10 seconds: more than that never goes by without being remembered.
                if self.book.model.now() >= self.book.model.mark + 10 {
                    self.act(&Act::Sweep)?;
                }
                let clock = (self.book.model.clock.0 - u64::from(*seconds), false);
                self.set_clock(clock);
                accept.map_or(Ok(()), |keep| self.act(&Act::AcceptClock { keep }))
            }
            Step::Storm(of) => self.storm(*of),
        }
    }

    fn set_clock(&mut self, clock: (u64, bool)) {
        self.write(format_args!("the clock shows {} {}", clock.0, if clock.1 { "and a bit" } else { "" }));
        *self.counts.entry("time".to_owned()).or_default() += 1;
        self.book.model.clock = clock;
        self.book.reached = self.book.reached.max(clock.0);
        self.ground.clock.set(clock);
    }

    fn act(&mut self, act: &Act) -> Result<(), String> {
        self.note("", act);
        if matches!(act, Act::Restart { .. }) {
            self.authority = self.ground.authority();
        }
        let seen = act.perform(&self.ground, &self.authority, &self.book);
        self.tell(&seen);
        self.count(act, &seen);
        self.book.enter(act, &seen)?;
        if matches!(seen, Seen::Minted(_)) {
            self.judge.same_verdicts(&self.book, &self.authority, false)?;
            self.judge.same_claims(&self.book)?;
        }
        Ok(())
    }

    /// An act that was acknowledged took effect. One that was not took effect or did not, whole: what the store holds tells.
    fn failing(&mut self, act: &Act, at: u8, lost: bool) -> Result<(), String> {
        let fault = if lost { Fault::AnswerLost } else { Fault::Refused };
        self.note(&format!("{fault:?} at operation {at}: "), act);
        let before = self.ground.revision();
        self.ground.store.plan(at.into(), fault);
        let authority = self.ground.authority();
        let seen = act.perform(&self.ground, &authority, &self.book);
        self.ground.store.plan(u64::MAX / 2, fault);
        // The process that met it is gone.
        self.authority = self.ground.authority();
        self.tell(&seen);
        self.count(act, &seen);
        if !seen.is_unavailable() {
            return self.book.enter(act, &seen);
        }
        if matches!(act, Act::Sweep | Act::AcceptClock { .. } | Act::Import { .. }) {
            // It may stop anywhere, and goes on from there.
            let mut seen = act.perform(&self.ground, &self.authority, &self.book);
            if let Seen::Arrived { again, .. } = &mut seen {
                *again = true;
            }
            return self.book.enter(act, &seen);
        }
        if self.ground.revision() == before {
            return Ok(());
        }
        self.write(format_args!("   it was written all the same"));
        let listed = listed(&self.authority);
        let made = self.book.unknown(&listed).first().map(|token| token.id.to_string());
        self.book.enter_unanswered(act, made)
    }

    /// Two acts, one in the middle of the other: it must look as if one had been before the other.
    fn both(&mut self, outer: &Draft, at: u8, inner: &Draft) -> Result<(), String> {
        let (Some(outer), Some(inner)) = (outer.decided(&self.book), inner.decided(&self.book)) else { return Ok(()) };
        // Whoever accepts a clock is alone at the machine: it is not one moment, and says so.
        // So is one who imports several generations, each of which comes in by itself.
        let is_long = |act: &Act| match act {
            Act::AcceptClock { .. } => true,
            Act::Import { tokens, .. } => transfer::has_generations(tokens),
            _ => false,
        };
        // An export is of one moment for each token, not for all of them: nobody is let in while it lasts.
        if is_long(&outer) || is_long(&inner) || matches!(outer, Act::Export) {
            return Ok(());
        }
        self.note(&format!("after {at} operations of the next one: "), &inner);
        self.note("  the next one: ", &outer);
        let seen_inner: Rc<RefCell<Option<(Seen, u64)>>> = Rc::default();
        let interruption = {
            let (ground, book, act) = (Rc::clone(&self.ground), self.book.clone(), inner.clone());
            let seen = Rc::clone(&seen_inner);
            move || {
                let answer = act.perform(&ground, &ground.authority(), &book);
                seen.replace(Some((answer, ground.revision())));
            }
        };
        let (authority, left) = self.ground.interrupted(at.into(), interruption);
        let seen_outer = outer.perform(&self.ground, &authority, &self.book);
        if let Some(late) = left.take() {
            late();
        }
        let (seen_inner, revision) = seen_inner.take().ok_or("nobody interrupted")?;
        self.tell(&seen_inner);
        self.tell(&seen_outer);
        self.count(&inner, &seen_inner);
        self.count(&outer, &seen_outer);
        let one = [(&inner, &seen_inner), (&outer, &seen_outer)];
        let other = [(&outer, &seen_outer), (&inner, &seen_inner)];
        // Who wrote last was last, where both orders look the same.
        let orders = if self.ground.revision() == revision { [other, one] } else { [one, other] };
        let mut errors = Vec::new();
        for order in orders {
            let mut book = Book { amid: true, ..self.book.clone() };
            let entered = order.into_iter().try_for_each(|(act, seen)| book.enter(act, seen));
            let same = entered
                .and_then(|()| same_tokens(&book, &self.authority))
                .and_then(|()| Judge::new().same_verdicts(&book, &self.authority, false));
            match same {
                Ok(()) => {
                    self.book = Book { amid: false, ..book };
                    *self.counts.entry("pairs".to_owned()).or_default() += 1;
                    return Ok(());
                }
                Err(error) => errors.push(error),
            }
        }
        Err(format!("in neither order: {errors:#?}"))
    }

    fn storm(&mut self, of: u16) -> Result<(), String> {
        let Some(token) = step::living(&self.book, of) else { return Ok(()) };
        for _ in 0..STORM {
            let Some(presented) = step::presented(&self.book, token, 0) else { return Ok(()) };
            let before = self.book.access.len();
            self.act(&Act::Exchange { presented, ask: jeton_model::TokenAsk::default(), by_rfc_8693: false })?;
            if self.book.access.len() == before {
                return Ok(());
            }
            self.act(&Act::GiveBackAccess { access: before })?;
        }
        Ok(())
    }

    fn count(&mut self, act: &Act, seen: &Seen) {
        let name = format!("{act:?}");
        let name = name.split([' ', '{']).next().unwrap_or_default();
        let outcome = match seen {
            Seen::Refused(why) if why == "Unavailable" => " (store failed)",
            Seen::Refused(_) => " (refused)",
            _ => "",
        };
        *self.counts.entry(format!("{name}{outcome}")).or_default() += 1;
    }

    fn note(&mut self, how: &str, act: &Act) {
        self.write(format_args!("{how}{act:?}"));
    }

    fn tell(&mut self, seen: &Seen) {
        let told = match seen {
            Seen::Refused(why) => format!("refused: {why}"),
            Seen::Issued { token, .. } => format!("issued {} at generation {}", token.id, token.generation),
            Seen::Minted(minted) => format!("minted for {} s, {:?}", minted.expires_in, minted.scope),
            Seen::Edited(token) => format!("edited, at generation {}", token.generation),
            Seen::Exported(tokens) => format!("exported {}", tokens.len()),
            Seen::Swept(swept) => format!("swept, the mark is at {}", swept.mark),
            Seen::Delegated(child) => format!("delegated {}, {:?}", child.id, child.scope),
            other => format!("{other:?}"),
        };
        self.write(format_args!("   -> {told}"));
    }

    fn write(&mut self, line: core::fmt::Arguments<'_>) {
        writeln!(self.script, "{line}").unwrap();
    }
}
