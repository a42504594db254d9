//! Metrics, as Prometheus reads them.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, UNIX_EPOCH},
};

use jeton_kit::Kind;
use jeton_runtime::{InForce, Live};
use jeton_store::SqliteStore;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet, text},
    metrics::MetricType,
    registry::Registry,
};

use super::notices::NoticeCounts;
use super::recent::Recent;
use super::tally::{BUCKETS, CLASSES, EXCHANGES, FEEDS, STATUSES, Tallies, VERDICTS};
pub use super::tally::{Class, Feed, Verdict};
use crate::app::now;

/// Everything that is counted.
pub struct Metrics {
    tallies: Tallies,
    recent: Recent,
    connections: Arc<AtomicU64>,
    polls: Arc<AtomicU64>,
    clock_behind: AtomicU64,
    notices: NoticeCounts,
    sources: OnceLock<Sources>,
}

/// What is asked at each scrape.
struct Sources {
    live: Arc<Live>,
    store: Arc<SqliteStore>,
    in_force: InForce,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            tallies: Tallies::default(),
            recent: Recent::new(now()),
            connections: Arc::default(),
            polls: Arc::default(),
            clock_behind: AtomicU64::new(0),
            notices: NoticeCounts::default(),
            sources: OnceLock::new(),
        }
    }
}

impl Metrics {
    /// Says where the figures of the live set, the store and the policy come from.
    pub fn watch(&self, live: Arc<Live>, store: Arc<SqliteStore>, in_force: InForce) {
        let _ = self.sources.set(Sources { live, store, in_force });
    }

    /// Counts a verdict.
    pub fn judged(&self, verdict: Verdict) {
        self.tallies.own(|tally| tally.verdict(verdict));
    }

    /// Counts an exchange: `ok`, or the error code that was given.
    pub fn exchanged(&self, result: &'static str) {
        self.tallies.own(|tally| tally.exchange(result));
        // That nothing can be known is nobody's fault.
        if result != "temporarily_unavailable" {
            self.recent.exchanged(result == "ok", now());
        }
    }

    /// Counts an access token that was given out, for whatever, and lives for so many seconds.
    pub fn minted(&self, seconds: u64) {
        self.recent.minted(seconds, self.epoch(), now());
    }

    /// What happened lately.
    pub fn recent(&self) -> &Recent {
        &self.recent
    }

    /// How many of the access tokens that were given out since the start are alive, at most.
    pub fn alive(&self) -> u64 {
        self.recent.alive(self.epoch(), now())
    }

    /// The epoch that the live set is of; 0 while there is none.
    fn epoch(&self) -> u64 {
        self.sources.get().and_then(|sources| sources.live.held()).map_or(0, |held| held.epoch)
    }

    /// Counts an answer about the live set.
    pub fn fed(&self, kind: Feed) {
        self.tallies.own(|tally| tally.fed(kind));
    }

    /// Counts a request that was answered.
    pub fn answered(&self, class: Class, status: u16, took: Duration) {
        self.tallies.own(|tally| tally.request(class, status, took));
    }

    /// How many connections there are, for the gauge and the cap.
    pub fn connections(&self) -> &Arc<AtomicU64> {
        &self.connections
    }

    /// How many requests wait for changes of the live set, for the gauge.
    pub fn polls(&self) -> &Arc<AtomicU64> {
        &self.polls
    }

    /// Notes how many seconds the clock is behind.
    pub fn clock_is_behind_by(&self, seconds: u64) {
        self.clock_behind.store(seconds, Relaxed);
    }

    /// How many seconds the clock was behind when it was last noted.
    pub fn clock_behind(&self) -> u64 {
        self.clock_behind.load(Relaxed)
    }

    /// What there was to be told, and where it went.
    pub fn notices(&self) -> &NoticeCounts {
        &self.notices
    }

    /// Whether the store failed when it was last asked to write or read.
    pub fn store_is_failing(&self) -> bool {
        self.sources.get().is_some_and(|sources| sources.store.statistics().is_failing())
    }

    /// The text that Prometheus scrapes.
    ///
    /// # Errors
    /// Never in practice: writing into memory does not fail.
    pub fn render(self: &Arc<Self>) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Page(Arc::clone(self))));
        let mut page = String::new();
        text::encode(&mut page, &registry)?;
        Ok(page)
    }
}

/// The metrics as one collector.
struct Page(Arc<Metrics>);

impl std::fmt::Debug for Page {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Page")
    }
}

impl Collector for Page {
    fn encode(&self, mut page: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let metrics = &*self.0;
        let tallies = &metrics.tallies;
        let results = VERDICTS
            .iter()
            .enumerate()
            .map(|(place, name)| ([("result", *name)], tallies.sum(|tally| tally.verdicts.get(place))));
        counters(&mut page, "jeton_verify", "Verdicts on access tokens", results)?;
        let results = EXCHANGES
            .iter()
            .enumerate()
            .map(|(place, name)| ([("result", *name)], tallies.sum(|tally| tally.exchanges.get(place))));
        counters(&mut page, "jeton_exchange", "Exchanges of refresh tokens", results)?;
        let kinds = FEEDS
            .iter()
            .enumerate()
            .map(|(place, name)| ([("kind", *name)], tallies.sum(|tally| tally.feeds.get(place))));
        counters(&mut page, "jeton_live_answers", "Answers about the live set", kinds)?;
        let requests = CLASSES.iter().enumerate().flat_map(|(class, class_name)| {
            STATUSES.iter().enumerate().map(move |(status, status_name)| {
                let sum = tallies.sum(|tally| tally.requests.get(class).and_then(|statuses| statuses.get(status)));
                ([("class", *class_name), ("status", *status_name)], sum)
            })
        });
        counters(&mut page, "jeton_http_requests", "HTTP requests answered", requests)?;
        durations(&mut page, tallies)?;
        gauge(&mut page, "jeton_connections", "Open connections", metrics.connections.load(Relaxed))?;
        let polls = metrics.polls.load(Relaxed);
        gauge(&mut page, "jeton_live_polls", "Requests that wait for changes of the live set", polls)?;
        let behind = metrics.clock_behind.load(Relaxed);
        gauge(
            &mut page,
            "jeton_clock_behind_seconds",
            "Seconds that the clock is behind a time already reached",
            behind,
        )?;
        counters(&mut page, "jeton_notices", "Notices by their kind", metrics.notices.told())?;
        let help = "Messages that carried notices away";
        counters(&mut page, "jeton_notice_deliveries", help, metrics.notices.deliveries())?;
        let Some(sources) = metrics.sources.get() else { return Ok(()) };
        if let Some(held) = sources.live.held() {
            gauge(&mut page, "jeton_epoch", "Number of the current epoch", held.epoch)?;
            gauge(&mut page, "jeton_live_cuts", "Cuts in the live set", u64::from(held.cuts))?;
        }
        let age = sources.live.age().as_secs();
        gauge(&mut page, "jeton_live_age_seconds", "Seconds since the live set was last known to be current", age)?;
        policy(&mut page, &sources.in_force)?;
        let statistics = sources.store.statistics();
        counter(&mut page, "jeton_store_errors", "Failures of the store", statistics.errors())?;
        counter(&mut page, "jeton_store_commits", "Commits of the store", statistics.commits())?;
        counter(
            &mut page,
            "jeton_store_conflicts",
            "Commits refused because a check did not hold",
            statistics.conflicts(),
        )?;
        counter(&mut page, "jeton_store_groups", "Groups of commits that shared one fsync", statistics.groups())
    }
}

/// The policy in force: which one, since when, and how it fares.
fn policy(page: &mut DescriptorEncoder<'_>, in_force: &InForce) -> Result<(), std::fmt::Error> {
    let standing = in_force.standing();
    let mut family =
        page.encode_descriptor("jeton_policy_info", "Components of the policy in force", None, MetricType::Gauge)?;
    for member in &standing.members {
        let labels = [("world", member.kind.name()), ("sha256", member.sha256.as_str())];
        family.encode_family(&labels)?.encode_gauge(&1_i64)?;
    }
    let since = standing.loaded_at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    gauge(page, "jeton_policy_loaded_timestamp_seconds", "Unix time since which the policy is in force", since)?;
    counter(page, "jeton_policy_loads", "Policies that were loaded since the start", standing.swaps)?;
    counter(page, "jeton_policy_rollbacks", "Policies that failed and were taken back", standing.rollbacks)?;
    let names = [Kind::Authority, Kind::Verifier].map(Kind::name);
    let failures = names.into_iter().zip(standing.failures).map(|(name, count)| ([("world", name)], count));
    counters(page, "jeton_policy_failures", "Calls of the policy that trapped or took too long", failures)
}

fn counters<L: EncodeLabelSet>(
    page: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl Iterator<Item = (L, u64)>,
) -> Result<(), std::fmt::Error> {
    let mut family = page.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, value) in values {
        family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
    }
    Ok(())
}

fn counter(page: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Result<(), std::fmt::Error> {
    let mut metric = page.encode_descriptor(name, help, None, MetricType::Counter)?;
    metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
}

fn gauge(page: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Result<(), std::fmt::Error> {
    page.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX))
}

fn durations(page: &mut DescriptorEncoder<'_>, tallies: &Tallies) -> Result<(), std::fmt::Error> {
    let (name, help) = ("jeton_http_request_duration_seconds", "Time from a request to its answer");
    let mut family = page.encode_descriptor(name, help, None, MetricType::Histogram)?;
    for (class, class_name) in CLASSES.iter().enumerate() {
        let buckets: Vec<(f64, u64)> = BUCKETS
            .iter()
            .enumerate()
            .map(|(place, bound)| {
                let count = tallies.sum(|tally| tally.durations.get(class).and_then(|buckets| buckets.get(place)));
                (if *bound == u64::MAX { f64::MAX } else { *bound as f64 / 1e6 }, count)
            })
            .collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let seconds = tallies.sum(|tally| tally.microseconds.get(class)) as f64 / 1e6;
        family
            .encode_family(&[("class", *class_name)])?
            .encode_histogram::<NoLabelSet>(seconds, count, &buckets, None)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn counts_of_all_threads_are_summed_under_the_published_names() {
        let metrics = Arc::new(Metrics::default());
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    metrics.judged(Verdict::Active);
                    metrics.exchanged("invalid_grant");
                    metrics.answered(Class::Introspect, 200, Duration::from_micros(30));
                });
            }
        });
        let page = metrics.render().unwrap();
        for line in [
            "jeton_verify_total{result=\"active\"} 3",
            "jeton_exchange_total{result=\"invalid_grant\"} 3",
            "jeton_http_requests_total{class=\"introspect\",status=\"2xx\"} 3",
            "jeton_http_request_duration_seconds_count{class=\"introspect\"} 3",
        ] {
            assert!(page.contains(line), "{line} in {page}");
        }
    }
}
