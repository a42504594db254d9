//! What grows with the number of refresh tokens and what does not: the same server over a thousand of them, and over ten million.

use std::path::Path;

use anyhow::Context as _;
use jeton::app::now;
use jeton_policy::{digest::Digest, refresh_token::RefreshToken};
use rusqlite::{Connection, OpenFlags};

use crate::{
    book::curves::{Curve, Picture},
    book::report::Report,
    load::calls::Caller,
    make::{Filled, Tokens, fill},
    measure::median,
    servers::process::{ALL_CORES, LOAD_CORE, keep_to},
    servers::served::{Served, post},
};

const SIZES: [u32; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
/// Those that the targets speak of, beside the first.
const MANY: u32 = 1_000_000;
const MOST: u32 = 10_000_000;
const ROUNDS: usize = 9;
const STARTS: usize = 7;
/// The secret of every token.
const SECRET: [u8; 32] = [7; 32];
/// Access tokens that are verified in turn.
const SUBJECTS: usize = 100;
/// What a row of a table without row ids takes beside its key and its value: its header, its version, its place in the page.
const ROW_BYTES: i64 = 9;

/// What is asked of each size.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    Verify,
    Exchange,
    Page,
    Beginning,
    Part,
    Revoke,
}

impl Ask {
    const ALL: [Self; 6] = [Self::Verify, Self::Exchange, Self::Page, Self::Beginning, Self::Part, Self::Revoke];

    const fn name(self) -> &'static str {
        match self {
            Self::Verify => "introspection",
            Self::Exchange => "exchange",
            Self::Page => "page of 50, made before some day",
            Self::Beginning => "search by the beginning of names",
            Self::Part => "search by a part that no name has",
            Self::Revoke => "revoke",
        }
    }

    /// Calls of one round.
    const fn calls(self) -> usize {
        match self {
            Self::Verify => 500,
            Self::Exchange => 200,
            Self::Page | Self::Beginning => 60,
            Self::Part => 10,
            Self::Revoke => 20,
        }
    }

    const fn target(self) -> Option<&'static str> {
        match self {
            Self::Verify => Some("verify-growth"),
            Self::Exchange => Some("exchange-growth"),
            Self::Page => Some("page-growth"),
            Self::Beginning | Self::Part | Self::Revoke => None,
        }
    }
}

/// A server over so many refresh tokens.
struct Size {
    tokens: Tokens,
    served: Served,
    filled: Filled,
    record_bytes: f64,
    caller: Caller,
    /// The head of what an administrator sends.
    bearer: String,
    subjects: Vec<String>,
    random: fastrand::Rng,
    /// Microseconds by the place of what was asked, a round each.
    times: [Vec<f64>; Ask::ALL.len()],
}

impl Size {
    fn made(count: u32) -> anyhow::Result<Self> {
        let tokens = Tokens { secret: Digest::of(&SECRET).0, ..Tokens::living(count, now()) };
        let (mut filled, mut record_bytes) = (None, f64::NAN);
        let served = Served::over(|data| {
            filled = Some(fill(data, &tokens)?);
            record_bytes = bytes_of_record(&data.join("jeton.db"))?;
            Ok(())
        })?;
        let filled = filled.context("it was filled")?;
        eprintln!("{count} refresh tokens made in {:.1} s", filled.took.as_secs_f64());
        let caller = Caller::connect(served.server.address)?;
        let mut size = Self {
            tokens,
            served,
            filled,
            record_bytes,
            caller,
            bearer: String::new(),
            subjects: Vec::new(),
            random: fastrand::Rng::with_seed(7),
            times: Default::default(),
        };
        for _ in 0..SUBJECTS {
            let secret = size.living();
            size.subjects.push(size.served.exchange(&secret)?);
        }
        Ok(size)
    }

    /// A refresh token that is not revoked: those have odd numbers.
    fn living(&mut self) -> String {
        let number = 2 * self.random.u32(1..=self.tokens.count / 2);
        RefreshToken::new(self.tokens.id(number), SECRET).reveal().to_string()
    }

    fn request(&mut self, ask: Ask) -> anyhow::Result<(String, &'static str)> {
        let get = |query: &str, bearer: &str| {
            (format!("GET /v1/refresh-tokens?limit=50&{query} HTTP/1.1\r\nhost: x\r\n{bearer}\r\n"), "200")
        };
        let number = self.random.u32(0..self.tokens.count);
        Ok(match ask {
            Ask::Verify => {
                let subject = self.random.choice(&self.subjects).context("access tokens")?;
                (post("/oauth2/introspect", &self.bearer, &format!("token={subject}")), "200")
            }
            Ask::Exchange => {
                let body = format!("grant_type=refresh_token&refresh_token={}", self.living());
                (post("/oauth2/token", "", &body), "200")
            }
            Ask::Page => {
                let until = self.tokens.made_at(number.max(51));
                let until = jiff::Timestamp::from_second(until.try_into()?)?;
                get(&format!("created_until={until}"), &self.bearer)
            }
            Ask::Beginning => get(&format!("name=job%20{:06}", number / 100), &self.bearer),
            Ask::Part => get("name_contains=zebra", &self.bearer),
            Ask::Revoke => {
                let id = self.tokens.id(number | 1);
                (format!("DELETE /v1/refresh-tokens/{id} HTTP/1.1\r\nhost: x\r\n{}\r\n", self.bearer), "204")
            }
        })
    }

    /// The median of some calls.
    fn round(&mut self, ask: Ask) -> anyhow::Result<f64> {
        let mut times = Vec::with_capacity(ask.calls());
        for _ in 0..ask.calls() {
            let (request, status) = self.request(ask)?;
            times.push(self.caller.timed(&request, status)?);
        }
        Ok(median(times))
    }

    fn bytes_each(&self) -> f64 {
        let [before, after] = self.filled.bytes;
        after.saturating_sub(before) as f64 / f64::from(self.tokens.count)
    }
}

/// All that is asked, and starts, memory and disk, up to `largest` refresh tokens.
pub(crate) fn run(report: &mut Report, largest: u32) -> anyhow::Result<()> {
    keep_to(ALL_CORES)?;
    let counts = SIZES.into_iter().filter(|size| *size <= largest);
    let mut sizes = counts.map(Size::made).collect::<anyhow::Result<Vec<_>>>()?;
    keep_to(LOAD_CORE)?;
    // Access tokens that are good for all that follows, and connections that were not idle while the largest was made.
    for size in &mut sizes {
        size.caller = Caller::connect(size.served.server.address)?;
        size.bearer = format!("authorization: Bearer {}\r\n", size.served.exchange(&size.served.secret)?);
        for ask in Ask::ALL {
            size.round(ask)?;
        }
    }
    for _ in 0..ROUNDS {
        for (place, ask) in Ask::ALL.into_iter().enumerate() {
            for size in &mut sizes {
                let time = size.round(ask)?;
                if let Some(times) = size.times.get_mut(place) {
                    times.push(time);
                }
            }
        }
    }
    report.text(&format!(
        "The same server over {} refresh tokens, as `jeton-bench make` makes them. One request after another over one connection, \
         each about another token, in turns of some requests for every size.",
        sizes.iter().map(|size| size.tokens.count.to_string()).collect::<Vec<_>>().join(", ")
    ));
    let mut times = Vec::new();
    for (place, ask) in Ask::ALL.into_iter().enumerate() {
        let medians: Vec<f64> =
            sizes.iter().map(|size| median(size.times.get(place).cloned().unwrap_or_default())).collect();
        let growth = tell(report, ask.name(), &sizes, &medians, "us");
        if let (Some(target), true) = (ask.target(), largest >= MOST) {
            report.keep(target, growth)?;
        }
        times.push(curve(ask.name(), &sizes, &medians));
    }
    let resident =
        sizes.iter().map(|size| Ok(size.served.server.resident()? as f64 / 1e6)).collect::<anyhow::Result<Vec<_>>>()?;
    tell(report, "memory after all this", &sizes, &resident, "MB");
    keep_of(report, "resident", &sizes, &resident)?;
    let each: Vec<f64> = sizes.iter().map(Size::bytes_each).collect();
    tell(report, "disk of a refresh token, with all indexes", &sizes, &each, "B");
    keep_of(report, "disk", &sizes, &each)?;
    let record: Vec<f64> = sizes.iter().map(|size| size.record_bytes).collect();
    tell(report, "of these its record alone", &sizes, &record, "B");
    keep_of(report, "disk-record", &sizes, &record)?;
    let made: Vec<f64> =
        sizes.iter().map(|size| f64::from(size.tokens.count) / size.filled.took.as_secs_f64()).collect();
    tell(report, "made in a second", &sizes, &made, "");

    let starts = starts(&mut sizes)?;
    tell(report, "start to the first answer", &sizes, &starts, "ms");
    let as_requests: Vec<f64> = starts.iter().map(|start| start * 1e3).collect();
    times.push(curve("start", &sizes, &as_requests));

    let disk: Vec<f64> = sizes.iter().map(|size| size.filled.bytes[1] as f64 / 1e6).collect();
    let room = [curve("disk", &sizes, &disk), curve("memory", &sizes, &resident)];
    let title = "How long requests take as refresh tokens grow in number";
    report.picture("growth-time.svg", &Picture { title, across: "refresh tokens", up: "microseconds", curves: &times });
    let title = "Disk and memory as refresh tokens grow in number";
    report.picture("growth-room.svg", &Picture { title, across: "refresh tokens", up: "megabytes", curves: &room });
    report.text(
        "A part of names is looked for in 5,000 records a page, however many there are: a walk to the end grows with the number of \
         records, a page does not. The beginning of a name is found by its index. What else grows does so with the height of the \
         index, a page of the database for every factor of a hundred or so.",
    );
    Ok(())
}

/// A row of medians, one for each size; gives the last against the first.
fn tell(report: &mut Report, what: &str, sizes: &[Size], medians: &[f64], unit: &str) -> f64 {
    let growth = medians.last().copied().unwrap_or(f64::NAN) / medians.first().copied().unwrap_or(f64::NAN);
    let said: Vec<String> = medians.iter().map(|median| digits(*median)).collect();
    let most = sizes.last().map_or(0, |size| size.tokens.count);
    report.row(what, format!("{} {unit}", said.join(", ")).trim_end(), &format!("{growth:.2} x at {most}"));
    growth
}

/// Keeps what was seen at a million.
fn keep_of(report: &mut Report, name: &'static str, sizes: &[Size], medians: &[f64]) -> anyhow::Result<()> {
    let seen = sizes.iter().zip(medians).find(|(size, _)| size.tokens.count == MANY);
    seen.map_or(Ok(()), |(_, median)| report.keep(name, *median))
}

fn digits(figure: f64) -> String {
    if figure < 100.0 { format!("{figure:.1}") } else { format!("{figure:.0}") }
}

fn curve(name: &str, sizes: &[Size], figures: &[f64]) -> Curve {
    let points = sizes.iter().zip(figures).map(|(size, figure)| (f64::from(size.tokens.count), *figure));
    Curve { name: name.to_owned(), points: points.collect() }
}

/// Milliseconds from the start of a process to its first answer, for every size.
fn starts(sizes: &mut [Size]) -> anyhow::Result<Vec<f64>> {
    let mut times = vec![Vec::new(); sizes.len()];
    for _ in 0..STARTS {
        for (size, times) in sizes.iter_mut().zip(&mut times) {
            times.push(size.served.restart()?.as_secs_f64() * 1e3);
        }
    }
    Ok(times.into_iter().map(median).collect())
}

/// What the records take of the database, for one token: their share of it by what lies in its rows.
fn bytes_of_record(database: &Path) -> anyhow::Result<f64> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let sums = |which: &str| {
        let sql = format!("SELECT count(*), coalesce(sum(length(key) + length(value)), 0) FROM kv WHERE {which}");
        connection.query_row(&sql, [], |row| {
            let (rows, bytes): (i64, i64) = (row.get(0)?, row.get(1)?);
            Ok((rows, (bytes + rows * ROW_BYTES) as f64))
        })
    };
    let (_, whole) = sums("true")?;
    let (records, bytes) = sums("key >= CAST('token/' AS BLOB) AND key < CAST('token0' AS BLOB)")?;
    let file = std::fs::metadata(database)?.len() as f64;
    Ok(file * bytes / whole / records as f64)
}
