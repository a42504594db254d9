//! Sending: what is to be sent is tried until it is taken or too old, ever more rarely, and never in the way of anything else.

use jeton_policy::store::Unavailable;
use jeton_store::audit::Entry;

use super::{
    kept::{Channel, Kept, Pending},
    mail::Mail,
    notice::Notice,
    webhook::Webhook,
};

/// After the first failure it is waited so long, in seconds, after each one more three times as long.
const FIRST_WAIT: u64 = 2;
const GROWTH: u64 = 3;
/// It is never waited longer.
const LONGEST_WAIT: u64 = 6 * 60 * 60;
/// What could not be delivered for so long is given up: a long weekend.
pub(super) const GIVEN_UP_AFTER: u64 = 3 * 24 * 60 * 60;
/// After so many attempts, which are some two hours, somebody should look why.
const TROUBLE: u32 = 9;
/// Messages of one round: between rounds it is looked for what else there is.
const MESSAGES: usize = 20;
/// Entries of the queue that a round looks at.
const LOOKED_AT: u32 = 1000;
/// How long mail waits for what else there is to tell: one message, not five.
pub(super) const GATHERED_FOR: u64 = 20;
/// How far apart messages of mail are at least.
const MAIL_REST: u64 = 5 * 60;
/// Notices that one mail tells of.
pub(super) const MAIL_NOTICES: usize = 100;

/// Why something was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct SendError {
    sentence: String,
    /// Nothing else would be taken either, now.
    pub(super) is_unreachable: bool,
}

impl SendError {
    /// This one was not taken; another might be.
    pub(super) fn refused(sentence: String) -> Self {
        Self { sentence, is_unreachable: false }
    }

    /// Nothing is taken now.
    pub(super) fn unreachable(sentence: String) -> Self {
        Self { sentence, is_unreachable: true }
    }
}

/// What carries notices away.
pub trait Carrier: Send {
    /// Which channel it serves.
    fn channel(&self) -> Channel;

    /// Sends some notices, oldest first, as one message.
    ///
    /// # Errors
    /// [`SendError`]: it is tried again.
    fn carry(&mut self, notices: &[Notice], now: u64) -> Result<(), SendError>;
}

impl Carrier for Webhook {
    fn channel(&self) -> Channel {
        Channel::Webhook
    }

    fn carry(&mut self, notices: &[Notice], now: u64) -> Result<(), SendError> {
        notices.iter().try_for_each(|notice| self.send(notice, now))
    }
}

impl Carrier for Mail {
    fn channel(&self) -> Channel {
        Channel::Mail
    }

    fn carry(&mut self, notices: &[Notice], now: u64) -> Result<(), SendError> {
        self.send(notices, now)
    }
}

impl Channel {
    /// How long it rests after a message.
    const fn rest(self) -> u64 {
        match self {
            Self::Webhook => 0,
            Self::Mail => MAIL_REST,
        }
    }

    /// What is to be sent by it from `now` on.
    pub(super) const fn pending(self, now: u64) -> Pending {
        let gathered = match self {
            Self::Webhook => 0,
            Self::Mail => GATHERED_FOR,
        };
        Pending { attempts: 0, next_at: now.saturating_add(gathered) }
    }
}

/// What became of a round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Messages that were taken.
    pub delivered: u64,
    /// Attempts in vain.
    pub failed: u64,
    /// Notices that are tried no more.
    pub given_up: u64,
    /// There is more to be sent, now or later.
    pub waits: bool,
    /// Why nothing gets there, where that has gone on for hours.
    pub trouble: Option<String>,
}

/// A notice that is to be sent, its number, and how often it was tried.
struct Due {
    number: u64,
    pending: Pending,
    notice: Notice,
}

/// A carrier, and how it fares.
pub struct Sender {
    carrier: Box<dyn Carrier>,
    /// Between 0 and 1, drawn anew for each wait.
    dice: Box<dyn FnMut() -> f64 + Send>,
    /// Failures one after the other that no message was to blame for.
    failures: u32,
    rests_until: u64,
}

impl Sender {
    /// One that has not tried anything.
    #[must_use]
    pub fn new(carrier: Box<dyn Carrier>, dice: Box<dyn FnMut() -> f64 + Send>) -> Self {
        Self { carrier, dice, failures: 0, rests_until: 0 }
    }

    /// Which channel it serves.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.carrier.channel()
    }

    /// Sends what is due at `now`.
    ///
    /// # Errors
    /// [`Unavailable`]: what was sent may be sent again, under the same id.
    pub fn round(&mut self, kept: &Kept, now: u64) -> Result<Outcome, Unavailable> {
        let (channel, mut outcome) = (self.channel(), Outcome::default());
        for _ in 0..MESSAGES {
            let pending = kept.pending(channel, LOOKED_AT)?;
            outcome.waits = !pending.is_empty();
            if is_later(self.rests_until, now) {
                break;
            }
            let batch = due(&pending, channel, now);
            if batch.is_empty() {
                break;
            }
            let batch = self.found(kept, &batch)?;
            let notices: Vec<Notice> = batch.iter().map(|due| due.notice.clone()).collect();
            let sent = if notices.is_empty() { Ok(()) } else { self.carrier.carry(&notices, now) };
            let Err(error) = sent else {
                kept.sent(channel, &batch.iter().map(|due| (due.number, None)).collect::<Vec<_>>(), Vec::new())?;
                (self.failures, self.rests_until) = (0, now.saturating_add(channel.rest()));
                outcome.delivered = outcome.delivered.saturating_add(u64::from(!notices.is_empty()));
                continue;
            };
            outcome.failed = outcome.failed.saturating_add(1);
            self.put_off(kept, &batch, now, &error, &mut outcome)?;
            if error.is_unreachable {
                self.failures = self.failures.saturating_add(1);
                self.rests_until = now.saturating_add(self.wait(self.failures));
                break;
            }
        }
        Ok(outcome)
    }

    /// The notices of these numbers. What is not kept any more is not sent.
    fn found(&self, kept: &Kept, batch: &[(u64, Pending)]) -> Result<Vec<Due>, Unavailable> {
        let numbers: Vec<u64> = batch.iter().map(|(number, _)| *number).collect();
        let (mut found, mut gone) = (Vec::new(), Vec::new());
        for ((number, pending), notice) in batch.iter().zip(kept.get(&numbers)?) {
            match notice {
                Some(notice) => found.push(Due { number: *number, pending: *pending, notice }),
                None => gone.push((*number, None)),
            }
        }
        if !gone.is_empty() {
            kept.sent(self.channel(), &gone, Vec::new())?;
        }
        Ok(found)
    }

    /// Puts off what was not taken, and gives up what is too old.
    fn put_off(
        &mut self,
        kept: &Kept,
        batch: &[Due],
        now: u64,
        error: &SendError,
        outcome: &mut Outcome,
    ) -> Result<(), Unavailable> {
        let (channel, mut changes, mut given_up) = (self.channel(), Vec::new(), Vec::new());
        for due in batch {
            let attempts = due.pending.attempts.saturating_add(1);
            if attempts >= TROUBLE {
                outcome.trouble = Some(error.to_string());
            }
            if now.saturating_sub(due.notice.at) < GIVEN_UP_AFTER {
                let next_at = now.saturating_add(self.wait(attempts));
                changes.push((due.number, Some(Pending { attempts, next_at })));
            } else {
                changes.push((due.number, None));
                given_up.push(due.notice.id.clone());
            }
        }
        if given_up.is_empty() {
            tracing::warn!(channel = channel.word(), %error, "a notice could not be delivered; it is tried again");
            return kept.sent(channel, &changes, Vec::new());
        }
        let count = given_up.len();
        let entry = Entry::new(now, "machine", "notice.give-up", "done")
            .with("channel", channel.word())
            .with("notices", given_up)
            .with("error", error.to_string());
        kept.sent(channel, &changes, vec![entry])?;
        outcome.given_up = outcome.given_up.saturating_add(u64::try_from(count).unwrap_or_default());
        outcome.trouble = Some(error.to_string());
        tracing::error!(
            channel = channel.word(),
            count,
            %error,
            "notices could not be delivered for days and are given up; the console has them"
        );
        Ok(())
    }

    /// How long is waited after so many failures: a fifth more or less, so that not all come back at once.
    fn wait(&mut self, failures: u32) -> u64 {
        let whole = GROWTH.saturating_pow(failures.saturating_sub(1)).saturating_mul(FIRST_WAIT).min(LONGEST_WAIT);
        let spread = whole as f64 * (0.8 + 0.4 * (self.dice)());
        (spread.round() as u64).max(1)
    }
}

/// Whether `moment` is still to come. A clock that went back makes nobody wait for years.
fn is_later(moment: u64, now: u64) -> bool {
    (now.saturating_add(1)..=now.saturating_add(LONGEST_WAIT.saturating_mul(2))).contains(&moment)
}

/// What one message is to tell of: nothing, as long as nothing is due.
fn due(pending: &[(u64, Pending)], channel: Channel, now: u64) -> Vec<(u64, Pending)> {
    let is_due = |(_, one): &&(u64, Pending)| !is_later(one.next_at, now);
    match channel {
        Channel::Webhook => pending.iter().find(is_due).copied().into_iter().collect(),
        // Where one is due, the others come along.
        Channel::Mail if pending.iter().any(|one| is_due(&one)) => pending.iter().take(MAIL_NOTICES).copied().collect(),
        Channel::Mail => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
