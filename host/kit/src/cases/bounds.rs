//! A call ends in time, within its memory, and without a trap, whatever it is handed.

use std::time::Duration;

use jeton_runtime::sandbox::{MEMORY_CAP, Sandbox, VERDICT_LIMIT, processor_time};
use jeton_runtime::wit::live::Change;
use jeton_runtime::wit::refresh_tokens::{DeleteRefusal, Query, Span};
use jeton_vectors::generate::{MINTED, SEQUENCE};

use crate::case::Case;
use crate::cases::live_set::signer;
use crate::edge::Edge;
use crate::failure::{Failure, Verdict, must};
use crate::house::House;
use crate::wish::Wish;

/// A moment in the life of the good token.
const THEN: u64 = MINTED + 1;
/// What an instance may still grow by once it has done the same thing often.
const SLACK: usize = 512 << 10;
/// The most cuts of a live set.
const MAX_CUTS: u32 = 100_000;
/// The most bytes of an access token: what fits into the headers that gateways take.
const MAX_ACCESS_TOKEN: usize = 4_096;
/// The most ids of a batch.
const MAX_BATCH: usize = 1_000;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_verifiers(
            "bound-odd-tokens",
            "odd text is refused as a token, in time and without a trap",
            odd_tokens,
        ),
        Case::of_verifiers("bound-odd-live-sets", "odd bytes are refused as a live set, without a trap", odd_documents),
        Case::of_verifiers("bound-live-set", "a live set of 100,000 cuts is taken, a larger one is refused", live_set),
        Case::of_verifiers(
            "bound-verdict-in-time",
            "a verdict is given within the 2 ms that a server gives it",
            in_time,
        ),
        Case::of_verifiers(
            "bound-memory-of-verdicts",
            "thousands of verdicts leave the memory as it was",
            memory_of_verdicts,
        ),
        Case::of_authorities("bound-odd-requests", "odd requests are answered, without a trap", odd_requests),
        Case::of_authorities("bound-batch", "a batch has 1,000 ids at most, and those it ends in time", batch),
        Case::of_authorities("bound-access-token", "no access token has more than 4 KiB", access_token),
        Case::of_authorities(
            "bound-memory-of-exchanges",
            "an instance is good for hundreds of exchanges before its memory is half used up",
            memory_of_exchanges,
        ),
    ]
}

/// Text that breaks assumptions, each with what it is.
fn oddities() -> Vec<(String, String)> {
    let mut odd: Vec<(String, String)> = Vec::new();
    let mut add = |text: String, what: &str| odd.push((text, what.to_owned()));
    add(String::new(), "nothing");
    for text in [
        "\0",
        "\n",
        " ",
        ".",
        "..",
        "...",
        "é",
        "€",
        "𝄞",
        "\u{feff}",
        "\u{202e}x",
        "%00",
        "../../etc/passwd",
        "{}",
        "null",
    ] {
        add(text.to_owned(), &format!("{text:?}"));
    }
    for length in [8_191, 8_192, 8_193, 65_536, 1 << 20] {
        add("a".repeat(length), &format!("{length} letters"));
        add(".".repeat(length), &format!("{length} dots"));
        add("é".repeat(length / 2), &format!("{length} bytes that are not ASCII"));
    }
    // A character of several bytes at each place where text of a known length may be split.
    for place in 0..90 {
        for wide in ["é", "€", "𝄞"] {
            let before = "jtn_rt_".chars().chain(std::iter::repeat('0')).take(place).collect::<String>();
            let after = "0".repeat(79_usize.saturating_sub(place + wide.len()));
            add(format!("{before}{wide}{after}"), &format!("a refresh token with {wide} in place {place}"));
        }
    }
    odd
}

fn odd_tokens(sandbox: &Sandbox) -> Verdict {
    let signer = signer(0)?;
    let mut edge = Edge::new(sandbox)?;
    edge.take(&signer.whole(SEQUENCE, &[]).render())?;
    let good = signer.good();
    edge.accepts(&good, THEN, "a good token")?;
    let mut odd = oddities();
    for place in (0..good.len()).step_by(3) {
        let (before, after) = good.split_at(place);
        odd.push((before.to_owned(), format!("the first {place} characters of a token")));
        odd.push((format!("{before}é{after}"), format!("a token with é in place {place}")));
        odd.push((
            format!("{before}é{}", after.get(2..).unwrap_or_default()),
            format!("a token with é in place {place}"),
        ));
        odd.push((format!("{before}.{after}"), format!("a token with a dot in place {place}")));
    }
    for (text, what) in odd {
        edge.refuses(&text, THEN, &what).map_err(|failure| failure.handed(&what))?;
        let asked = edge.introspect(&good, &text, THEN).map_err(|failure| failure.handed(&what))?;
        must(asked.is_err(), format!("a caller without `jeton:introspect` was told of {what}"))?;
    }
    for now in [0, 1, u64::MAX - 1, u64::MAX] {
        for held_for in [0, u64::MAX] {
            let mut edge = Edge::new(sandbox)?;
            edge.take(&signer.whole(SEQUENCE, &[]).render())?;
            let when = format!("the time {now} and a live set held for {held_for} s");
            let verdict = edge.verify_at(&good, now, held_for, false).map_err(|failure| failure.handed(&when))?;
            let lives = now < MINTED && held_for == 0;
            must(verdict.is_ok() == lives, format!("the verdict is wrong by {when}"))?;
        }
    }
    Ok(())
}

fn odd_documents(sandbox: &Sandbox) -> Verdict {
    let signer = signer(0)?;
    let good = signer.whole(SEQUENCE, &["SomethingElse000000000"]).render();
    let mut odd: Vec<(Vec<u8>, String)> =
        oddities().into_iter().map(|(text, what)| (text.into_bytes(), what)).collect();
    for length in (0..good.len()).step_by(2) {
        odd.push((good.get(..length).unwrap_or_default().to_vec(), format!("the first {length} bytes of a live set")));
    }
    for depth in [100, 10_000, 200_000] {
        odd.push((b"[".repeat(depth), format!("{depth} brackets")));
        odd.push((b"{\"a\":".repeat(depth), format!("{depth} objects in each other")));
    }
    odd.push((vec![0xff; 4_096], "bytes that are no text".to_owned()));
    odd.push((vec![b' '; 5 << 20], "5 MiB of spaces".to_owned()));
    let mut edge = Edge::new(sandbox)?;
    for (document, what) in odd {
        let loaded = edge.load(&document).map_err(|failure| failure.handed(&what))?;
        must(loaded.is_err(), format!("{what} was loaded as a live set"))?;
    }
    edge.take(&good)?;
    edge.accepts(&signer.good(), THEN, "a good token")
}

fn live_set(sandbox: &Sandbox) -> Verdict {
    let signer = signer(0)?;
    let of = |number: u32| -> Vec<String> { (0..number).map(|id| format!("{id:022}")).collect() };
    let document = |cuts: &[String]| {
        let cuts: Vec<&str> = cuts.iter().map(String::as_str).collect();
        signer.whole(SEQUENCE, &cuts).render()
    };
    let full = of(MAX_CUTS);
    let mut edge = Edge::new(sandbox)?;
    let held = edge.take(&document(&full))?;
    must(held.cuts == MAX_CUTS, format!("of {MAX_CUTS} cuts {} are held", held.cuts))?;
    edge.accepts(&signer.good(), THEN, "a token beside 100,000 cuts")?;
    for id in full.iter().step_by(10_000) {
        let token = signer.signed(|claims| claims.jti = id.clone().into());
        edge.refuses(&token, THEN, "a token whose cut is one of 100,000")?;
    }
    let over = Edge::new(sandbox)?.load(&document(&of(MAX_CUTS + 1)))?;
    must(over.is_err(), "a live set with more than 100,000 cuts was loaded")
}

fn in_time(sandbox: &Sandbox) -> Verdict {
    let signer = signer(0)?;
    let mut edge = Edge::new(sandbox)?;
    edge.take(&signer.whole(SEQUENCE, &[]).render())?;
    let mut least = Duration::MAX;
    for number in 0..30 {
        let token = signer.signed(|claims| claims.jti = format!("{number:055}").into());
        let begun = processor_time();
        let verdict = edge.verify(&token, THEN)?;
        // The least of many: whatever else the machine does only adds to it.
        least = least.min(processor_time().saturating_sub(begun));
        must(verdict.is_ok(), "a good token was refused")?;
    }
    must(
        least <= VERDICT_LIMIT,
        format!("the fastest of 30 verdicts took {least:?}: a server gives it {VERDICT_LIMIT:?}"),
    )
}

fn memory_of_verdicts(sandbox: &Sandbox) -> Verdict {
    const TOKENS: u32 = 64;
    const ROUNDS: usize = 40;
    let signer = signer(0)?;
    let mut edge = Edge::new(sandbox)?;
    edge.take(&signer.whole(SEQUENCE, &[]).render())?;
    let tokens: Vec<String> =
        (0..TOKENS).map(|number| signer.signed(|claims| claims.jti = format!("{number:055}").into())).collect();
    let round = |edge: &mut Edge| -> Verdict {
        for token in &tokens {
            must(edge.verify(token, THEN)?.is_ok(), "a good token was refused")?;
            must(edge.introspect(token, token, THEN)?.is_ok(), "a good token was refused")?;
            must(edge.claims(token, THEN)?.is_ok(), "a good token was refused")?;
            must(edge.verify(token.get(1..).unwrap_or_default(), THEN)?.is_err(), "half a token was accepted")?;
        }
        Ok(())
    };
    (0..ROUNDS / 4).try_for_each(|_| round(&mut edge))?;
    let before = edge.memory();
    (0..ROUNDS).try_for_each(|_| round(&mut edge))?;
    let grown = edge.memory().saturating_sub(before);
    let calls = 4 * ROUNDS * tokens.len();
    must(grown <= SLACK, format!("{calls} verdicts on {TOKENS} tokens made its memory grow by {} KiB", grown >> 10))?;
    // And a server sees new tokens all the time.
    for number in TOKENS..TOKENS + 600 {
        let token = signer.signed(|claims| claims.jti = format!("{number:055}").into());
        must(edge.verify(&token, THEN)?.is_ok(), "a good token was refused")?;
    }
    let memory = edge.memory();
    must(memory <= MEMORY_CAP / 4, format!("after verdicts on 664 tokens it has {} MiB of memory", memory >> 20))
}

fn odd_requests(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new().good_for(&["orders"]))?;
    for (text, what) in oddities() {
        let office = &mut house.office;
        let mut answered = || -> Result<[(bool, &'static str); 4], Failure> {
            let query = from_cursor(&text);
            Ok([
                (office.exchange(&text, None)?.is_ok(), "a refresh token"),
                (
                    office
                        .exchange(&issued.secret, Some(&text).filter(|text| !text.is_empty()).map(String::as_str))?
                        .is_ok()
                        && !text.is_empty()
                        && text != "orders",
                    "a scope",
                ),
                (office.ask("show", |authority| authority.show(&text))?.is_ok(), "an id"),
                (office.ask("list", |authority| authority.list(&query))?.is_ok(), "a cursor"),
            ])
        };
        for (taken, as_what) in answered().map_err(|failure| failure.handed(&what))? {
            // One letter is a scope, but none that anybody was granted.
            must(!taken, format!("{what} was taken for {as_what}"))?;
        }
        let mut harmless = || -> Verdict {
            office.revoke(&text)?.map(drop).map_err(|refusal| crate::house::refused("a revocation", refusal))?;
            office
                .delete(std::slice::from_ref(&text))?
                .map(drop)
                .map_err(|refusal| crate::house::refused("a deletion", refusal))?;
            drop(office.issue(&Wish::new().named(&text))?);
            drop(office.issue(&Wish::new().of(&text))?);
            drop(office.issue(&Wish::new().good_for(&[&text]))?);
            let change = Change { key: format!("live/{text}").into_bytes(), value: Some(text.clone().into_bytes()) };
            drop(office.ask("delta", |authority| authority.delta(1, 2, &[change]))?);
            office.ask("configure", |authority| authority.configure(Some(&text), &text)).map(drop)
        };
        harmless().map_err(|failure| failure.handed(&what))?;
    }
    house.exchange(&issued).map(drop)
}

/// A query of ten refresh tokens.
fn from_cursor(cursor: &str) -> Query {
    let always = Span { from: None, until: None };
    Query {
        state: None,
        name: None,
        name_contains: None,
        owner: None,
        parent: None,
        created: always,
        expires: always,
        last_used: always,
        never_used: false,
        sort: None,
        descending: false,
        limit: 10,
        cursor: Some(cursor.to_owned()),
    }
}

fn batch(sandbox: &Sandbox) -> Verdict {
    const LIVING: usize = 200;
    let mut house = House::open(sandbox)?;
    let mut ids: Vec<String> = Vec::new();
    for _ in 0..LIVING {
        ids.push(house.issue(&Wish::new())?.token.id.clone());
    }
    ids.extend((ids.len()..MAX_BATCH).map(|number| format!("{number:022}")));
    let deleted = house.office.delete(&ids)?;
    must(deleted.is_ok_and(|deleted| deleted.results.len() == MAX_BATCH), "a batch of 1,000 ids was refused")?;
    ids.push(format!("{MAX_BATCH:022}"));
    let refused = matches!(house.office.delete(&ids)?, Err(DeleteRefusal::TooMany));
    must(refused, "a batch of 1,001 ids was not refused as `too-many`")
}

fn access_token(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let scopes: Vec<String> =
        (0..8).map(|number| format!("{number}{}", "x".repeat(if number == 7 { 120 } else { 127 }))).collect();
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let wish = |level: usize| Wish::new().good_for(&scopes).of(&format!("{level}{}", "o".repeat(199)));
    let mut youngest = house.issue(&wish(0))?;
    for level in 1..=8 {
        youngest = house.issue(&wish(level).under(&youngest))?;
    }
    let token = house.exchange(&youngest)?.access_token;
    house.accepts(&token, "a token with as much in it as can be")?;
    must(token.len() <= MAX_ACCESS_TOKEN, format!("an access token has {} bytes", token.len()))
}

fn memory_of_exchanges(sandbox: &Sandbox) -> Verdict {
    const EXCHANGES: usize = 200;
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new().good_for(&["orders", "stock"]))?;
    for made in 0..EXCHANGES {
        house.exchange(&issued)?;
        drop(house.office.exchange("jtn_rt_", None)?);
        house.snapshot()?;
        let replaced = house.office.replaced();
        must(replaced == 0, format!("after {made} exchanges its memory was half used up, and a server replaces it"))?;
    }
    Ok(())
}
