//! The feed's part: a poll, driven by a tick and by what comes back.

use core::time::Duration;

use log::{error, info, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};

use super::envoy::{Counter, Gauge, SharedData, now, random};
use crate::{
    config::Feed,
    feed::{Answer, Failure, News, Poll, TIMEOUT},
};
use jeton_policy::live::MAX_DOCUMENT;

/// How often it is looked whether a pause is over. Answers are followed up at once.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// Asks the authority.
pub(super) struct Asking {
    poll: Poll,
    /// The call that is out.
    call: Option<u32>,
    /// What was said last, so that an outage is one line and not one a second.
    said: Option<Failure>,
    clock_was_off: bool,
    began: Duration,
    answers: Counter,
    failures: Counter,
    age: Gauge,
    sequence: Gauge,
    epoch: Gauge,
    cuts: Gauge,
    clock_off: Gauge,
}

impl Asking {
    pub(super) fn new(feed: Feed) -> Self {
        Self {
            poll: Poll::new(feed),
            call: None,
            said: None,
            clock_was_off: false,
            began: now().monotonic,
            answers: Counter::new("jeton.feed.answers"),
            failures: Counter::new("jeton.feed.failures"),
            age: Gauge::new("jeton.feed.age_ms"),
            sequence: Gauge::new("jeton.feed.sequence"),
            epoch: Gauge::new("jeton.feed.epoch"),
            cuts: Gauge::new("jeton.feed.cuts"),
            clock_off: Gauge::new("jeton.feed.clock_off"),
        }
    }

    pub(super) fn tick(&mut self) {
        let since = self.poll.renewed().map_or(self.began, |renewed| renewed.monotonic);
        let age = now().monotonic.saturating_sub(since);
        self.age.set(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        self.ask();
    }

    fn ask(&mut self) {
        let Some(target) = self.poll.question(now()) else { return };
        let feed = self.poll.feed();
        let mut headers = vec![
            (":method", "GET"),
            (":scheme", feed.scheme),
            (":authority", feed.host.as_str()),
            (":path", target.as_str()),
            ("accept", "application/json"),
        ];
        if let Some(authorization) = &feed.authorization {
            headers.push(("authorization", authorization.as_str()));
        }
        match hostcalls::dispatch_http_call(&feed.cluster, headers, None, Vec::new(), TIMEOUT) {
            Ok(call) => self.call = Some(call),
            // There is no such cluster (yet).
            Err(_) => self.conclude(None),
        }
    }

    pub(super) fn answered(&mut self, call: u32, headers: usize, body_size: usize) {
        if self.call != Some(call) {
            // It was given up before.
            return;
        }
        let header = |name| hostcalls::get_map_value_bytes(MapType::HttpCallResponseHeaders, name).ok().flatten();
        let number = |name| header(name).and_then(|value| str::from_utf8(&value).ok()?.parse::<u64>().ok());
        // Without headers there was no answer at all.
        let status = number(":status").filter(|_| headers > 0).and_then(|status| u16::try_from(status).ok());
        let body = (body_size <= MAX_DOCUMENT).then(|| body(body_size));
        let answer = status.map(|status| Answer { status, retry_after: number("retry-after"), body: body.as_deref() });
        self.conclude(answer);
        self.ask();
    }

    fn conclude(&mut self, answer: Option<Answer<'_>>) {
        self.call = None;
        match self.poll.answered(answer, now(), random(), &SharedData) {
            Ok(news) => self.hear(news),
            Err(failure) => {
                self.failures.count();
                if self.said.replace(failure) != Some(failure) {
                    error!("jeton: the live set is not renewed: {failure}");
                }
            }
        }
    }

    fn hear(&mut self, news: News) {
        self.answers.count();
        if self.said.take().is_some() {
            info!("jeton: the live set is renewed again, at sequence {} of epoch {}", news.sequence, news.epoch);
        }
        if news.clock_is_off && !self.clock_was_off {
            warn!("jeton: this machine's clock and the authority's are more than ten seconds apart");
        }
        self.clock_was_off = news.clock_is_off;
        self.clock_off.set(news.clock_is_off.into());
        self.epoch.set(news.epoch);
        self.sequence.set(news.sequence);
        self.cuts.set(u64::try_from(news.cuts).unwrap_or(u64::MAX));
    }
}

fn body(size: usize) -> Vec<u8> {
    hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, size).ok().flatten().unwrap_or_default()
}
