#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use jeton_policy::store::Direction;
use jeton_runtime::wit::refresh_tokens::{Bindings, LastUse};
use jeton_store::{
    MemoryStore,
    audit::{AuditLog as _, Entry},
};

use super::*;
use crate::notices::marks::TOLD_ALONE;

/// A list of tokens that pages as the policy does, by a clock that tests set.
#[derive(Default)]
struct House {
    tokens: RefCell<Vec<RefreshToken>>,
    now: Cell<u64>,
    behind: Cell<u64>,
    log: MemoryStore,
    /// Cursors of before this count are not taken any more.
    generation: Cell<u32>,
}

const START: u64 = 1_800_000_000;

fn token(id: usize, created_at: u64, expires_at: Option<u64>) -> RefreshToken {
    RefreshToken {
        id: format!("{id:022}"),
        name: format!("job {id}"),
        owner: Some("alice".to_owned()),
        parent: None,
        scopes: Vec::new(),
        state: State::Active,
        created_at,
        created_by: "machine".to_owned(),
        expires_at,
        access_ttl: 900,
        depth: 0,
        bindings: Bindings::default(),
        may_delegate: false,
        rotates_on_use: false,
        superseded_until: None,
        exchanges_left: None,
        last_use: None,
        last_use_certain: true,
        generation: 1,
        disabled: None,
        ending: None,
    }
}

impl House {
    fn new() -> Self {
        let house = Self::default();
        house.now.set(START);
        house
    }

    fn look(&self, marks: &mut Marks) -> Vec<Notice> {
        let mut all = Vec::new();
        loop {
            let looked = look(self, marks, self.now.get(), 0).unwrap();
            all.extend(looked.notices);
            if !looked.more {
                return all;
            }
        }
    }

    fn tell(&self, at: u64, act: &str, targets: &[&str]) {
        let targets: Vec<String> = targets.iter().map(|target| (*target).to_owned()).collect();
        let entry = Entry::new(at, "policy", act, "done").with("targets", targets);
        self.log.commit_recorded(vec![], vec![], vec![entry]).unwrap();
    }
}

impl Source for House {
    fn tokens(&self, query: Query) -> Result<Option<Page>, Unavailable> {
        let within = |span: &Span, moment: Option<u64>| match moment {
            None => span.from.is_none() && span.until.is_none(),
            Some(at) => span.from.is_none_or(|from| at >= from) && span.until.is_none_or(|until| at < until),
        };
        let tokens = self.tokens.borrow();
        let mut found: Vec<&RefreshToken> = tokens
            .iter()
            .filter(|token| token.expires_at.is_none_or(|at| self.now.get() < at))
            .filter(|token| within(&query.expires, token.expires_at) && within(&query.created, Some(token.created_at)))
            .filter(|token| !query.never_used || token.last_use.is_none())
            .collect();
        found.sort_by_key(|token| (token.expires_at, &token.id));
        let begin: usize = match &query.cursor {
            None => 0,
            Some(cursor) => match cursor.split_once(':').unwrap() {
                (generation, at) if generation == self.generation.get().to_string() => at.parse().unwrap(),
                _ => return Ok(None),
            },
        };
        // Smaller pages than asked for, as where a filter hits little.
        let end = begin.saturating_add(7).min(found.len());
        let next = (end < found.len()).then(|| format!("{}:{end}", self.generation.get()));
        Ok(Some(Page { items: found.get(begin..end).unwrap().iter().map(|token| (*token).clone()).collect(), next }))
    }

    fn token(&self, id: &str) -> Result<Option<About>, Unavailable> {
        Ok(self.tokens.borrow().iter().find(|token| token.id == id).map(about))
    }

    fn audit(&self, after: u64) -> Result<Lines, Unavailable> {
        self.log.audit_lines(Some(after), Direction::Ascending, MAX_LINES)
    }

    fn clock_behind(&self) -> u64 {
        self.behind.get()
    }
}

fn words(notices: &[Notice]) -> Vec<&'static str> {
    notices.iter().map(|notice| notice.kind.word()).collect()
}

/// Which stage a notice was told on.
fn stage(notice: &Notice) -> u64 {
    let left = notice.expires_at.unwrap() - notice.at;
    STAGES.iter().find(|(lead, next)| (*next..*lead).contains(&left)).unwrap().0
}

#[test]
fn a_token_is_told_of_two_weeks_three_days_and_a_day_before_it_expires() {
    let (house, mut marks) = (House::new(), Marks::new(START));
    house.tokens.borrow_mut().push(token(1, START, Some(START + 90 * DAY)));
    let mut told = Vec::new();
    for hour in 0..90 * 24 {
        house.now.set(START + hour * HOUR);
        // Backups are made, and the token is never used, which is told by itself.
        marks.backup_at = Some(house.now.get());
        told.extend(house.look(&mut marks).iter().filter(|notice| notice.kind == Kind::TokenExpiring).map(stage));
    }
    assert_eq!(told, [14 * DAY, 3 * DAY, DAY]);
}

/// Whatever comes and goes, and however long the server stands still: nobody is told twice on a stage, and whoever could be told is.
#[test]
fn over_random_histories_each_is_told_once_on_each_stage() {
    for seed in 0..10 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let (house, mut marks) = (House::new(), Marks::new(START));
        let mut told: BTreeMap<(String, u64, u64), u32> = BTreeMap::new();
        let mut looks = Vec::new();
        let mut number = 0;
        for _ in 0..300 {
            let step = [1, HOUR, 12 * HOUR, 2 * DAY][dice.usize(0..4)];
            house.now.set(house.now.get() + dice.u64(1..=step));
            let now = house.now.get();
            for _ in 0..dice.usize(0..12) {
                number += 1;
                house.tokens.borrow_mut().push(token(number, now, Some(now + dice.u64(60..40 * DAY))));
            }
            // Somebody is given more time.
            if let Some(some) = dice.choose_multiple(house.tokens.borrow_mut().iter_mut(), 1).pop()
                && let Some(at) = some.expires_at.filter(|at| *at > now)
            {
                (some.expires_at, some.generation) = (Some(at + dice.u64(0..30 * DAY)), now);
            }
            if dice.u8(0..10) == 0 {
                house.generation.set(house.generation.get() + 1);
            }
            looks.push(now);
            for notice in house.look(&mut marks).into_iter().filter(|notice| notice.kind == Kind::TokenExpiring) {
                let id = notice.token.as_ref().unwrap().id.clone();
                *told.entry((id, notice.expires_at.unwrap(), stage(&notice))).or_default() += 1;
            }
            // As a stop does: what goes on is what was stored.
            marks = Marks::read(&marks.to_stored()).unwrap();
        }
        assert!(told.len() > 300 && told.values().all(|count| *count == 1), "{seed}: {told:?}");
        // Whose expiry was settled before a stage began, and was looked at on it, was told.
        for token in house.tokens.borrow().iter() {
            let (at, settled) = (token.expires_at.unwrap(), token.created_at.max(token.generation));
            for (lead, next) in STAGES {
                let was_looked_at = looks.iter().any(|look| look + next <= at && at < look + lead);
                let was_told = told.contains_key(&(token.id.clone(), at, lead));
                assert!(was_told || !was_looked_at || settled + lead >= at, "{seed}: {token:?} {lead}");
            }
        }
    }
}

#[test]
fn a_walk_whose_cursor_is_not_taken_any_more_begins_again() {
    let (house, mut marks) = (House::new(), Marks::new(START));
    house.tokens.borrow_mut().extend((0..20).map(|id| token(id, START, Some(START + 2 * HOUR))));
    assert_eq!(look(&house, &mut marks, START, 0).unwrap().notices.len(), 7);
    house.generation.set(1);
    let ids = house.look(&mut marks).into_iter().map(|notice| notice.token.unwrap().id);
    assert_eq!(ids.collect::<std::collections::BTreeSet<_>>().len(), 20);
    assert_eq!(house.look(&mut marks), []);
}

#[test]
fn a_million_that_expire_together_are_not_a_million_notices() {
    let (house, mut marks) = (House::new(), Marks::new(START));
    house.tokens.borrow_mut().extend((0..1000).map(|id| token(id, START, Some(START + 10 * DAY))));
    let told = house.look(&mut marks);
    assert_eq!(told.len(), 201);
    let last = told.last().unwrap();
    assert!(last.token.is_none() && last.sentence.starts_with("800 more refresh tokens expire from "), "{last:?}");
    assert_eq!(u64::try_from(told.len()).unwrap(), TOLD_ALONE + 1);
}

#[test]
fn a_token_that_nobody_used_for_a_month_is_told_of_once() {
    let (house, mut marks) = (House::new(), Marks::new(START));
    let used = LastUse { at: START, address: None, count: 1 };
    house.tokens.borrow_mut().extend([
        token(1, START - 100 * DAY, None),
        RefreshToken { last_use: Some(used), ..token(2, START - 100 * DAY, None) },
        RefreshToken { last_use_certain: false, ..token(3, START - 29 * DAY, None) },
    ]);
    let told = house.look(&mut marks);
    assert_eq!((words(&told), told[0].token.as_ref().unwrap().name.as_str()), (vec!["token-never-used"], "job 1"));
    house.now.set(START + DAY + 1);
    let told = house.look(&mut marks);
    assert!(
        told[0].sentence.contains("`job 3` was made 30 days ago") && told[0].sentence.contains("a crash"),
        "{told:?}"
    );
    house.now.set(START + 2 * DAY);
    assert_eq!(house.look(&mut marks), []);
}

#[test]
fn a_reuse_is_told_with_its_token_and_an_old_one_is_history() {
    let (house, mut marks) = (House::new(), Marks::new(START));
    house.tokens.borrow_mut().push(token(1, START, None));
    let id = house.tokens.borrow()[0].id.clone();
    house.tell(START - 8 * DAY, "refresh-token.reuse", &[&id]);
    house.tell(START, "refresh-token.delete", &[&id]);
    house.tell(START, "refresh-token.reuse", &[&id]);
    for _ in 0..2500 {
        house.tell(START, "refresh-token.edit", &[&id]);
    }
    let told = house.look(&mut marks);
    assert_eq!((words(&told), told[0].token.as_ref().unwrap().id.clone()), (vec!["reuse-detected"], id));
    assert_eq!(house.look(&mut marks), []);
}

#[test]
fn backups_are_asked_for_after_a_week_a_month_and_a_quarter_and_each_one_begins_anew() {
    let (house, mut marks) = (House::new(), Marks::new(START));
    let mut days = Vec::new();
    for day in 0..200 {
        house.now.set(START + day * DAY);
        if day == 100 {
            house.tell(house.now.get(), "store.backup", &[]);
        }
        let told = house.look(&mut marks);
        days.extend(told.iter().map(|notice| (day, notice.kind.word())));
    }
    let expected = [7, 30, 90, 107, 130, 190].map(|day| (day, "backup-old"));
    assert_eq!(days, expected);
}

#[test]
fn a_clock_that_is_behind_is_told_once_until_it_has_caught_up_and_nothing_is_judged_by_it() {
    let (house, mut marks) = (House::new(), Marks::new(START));
    house.tokens.borrow_mut().push(token(1, START, Some(START + HOUR)));
    house.behind.set(3600);
    assert_eq!(words(&house.look(&mut marks)), ["clock-odd"]);
    assert_eq!(house.look(&mut marks), []);
    house.behind.set(0);
    assert_eq!(words(&house.look(&mut marks)), ["token-expiring"]);
    house.behind.set(11);
    assert_eq!(words(&house.look(&mut marks)), ["clock-odd"]);
}

#[test]
fn a_clock_that_leaps_ahead_is_told() {
    let (house, mut marks) = (House::new(), Marks::new(START));
    assert_eq!(look(&house, &mut marks, START, 300).unwrap().notices, []);
    assert_eq!(words(&look(&house, &mut marks, START, 301).unwrap().notices), ["clock-odd"]);
}
