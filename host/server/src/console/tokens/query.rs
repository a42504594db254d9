//! What the list is asked for: all of it stands in the address, so that it can be kept and handed on.

use std::collections::BTreeMap;

use jeton_runtime::wit::refresh_tokens::{Query, Sort, Span};
use serde::Serialize;

use super::{super::page::HOME, DAY, Errors, STATES};
use crate::api::time::from_rfc3339;

/// What narrows a list.
const FILTER: [&str; 9] = ["q", "name", "state", "owner", "parent", "expires", "expires_from", "expires_until", "used"];
/// What else an address may say: the order, where a page begins, and the moment that days are counted from.
const BESIDE: [&str; 3] = ["sort", "cursor", "at"];
/// The filters that stand behind "More filters".
const MORE: [&str; 5] = ["name", "parent", "expires_from", "expires_until", "used"];
/// Orders that can be asked for, in the words of `/v1`, and what a page calls them.
pub(super) const SORTS: [(&str, &str); 8] = [
    ("-created", "newest first"),
    ("created", "oldest first"),
    ("name", "by name"),
    ("-name", "by name, backwards"),
    ("expires", "those that expire first, first"),
    ("-expires", "those that expire last, first"),
    ("last_used", "longest unused first"),
    ("-last_used", "last used first"),
];
/// Uses that can be asked for beside a number of days.
const NEVER: &str = "never";
/// The most days that can be asked for: ten years.
const MAX_DAYS: u64 = 3650;

/// What an address asks for, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Asked {
    /// Every parameter by its name; empty where it was not sent.
    pub(super) values: BTreeMap<&'static str, String>,
}

impl Asked {
    /// What a query string asks for. What is none of the list's is passed over.
    pub(super) fn of(query: &str) -> Self {
        let mut values: BTreeMap<&'static str, String> =
            FILTER.into_iter().chain(BESIDE).map(|name| (name, String::new())).collect();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if let Some(known) = values.get_mut(&*name)
                && known.is_empty()
            {
                value.trim().clone_into(known);
            }
        }
        Self { values }
    }

    /// What was typed for a parameter.
    pub(super) fn get(&self, name: &str) -> &str {
        self.values.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Whether it narrows anything.
    pub(super) fn narrows(&self) -> bool {
        FILTER.iter().any(|name| !self.get(name).is_empty())
    }

    /// Whether it uses one of the filters that are folded away.
    pub(super) fn uses_more(&self) -> bool {
        MORE.iter().any(|name| !self.get(name).is_empty())
    }

    /// The order: what is asked for, else what fits the filter, so that the policy goes through the index that has it.
    pub(super) fn sort(&self) -> &'static str {
        let asked = SORTS.iter().find(|(name, _)| *name == self.get("sort")).map(|(name, _)| *name);
        let is_asked = |names: &[&str]| names.iter().any(|name| !self.get(name).is_empty());
        asked.unwrap_or(match self.get("used") {
            _ if is_asked(&["parent", "owner"]) => "-created",
            _ if is_asked(&["name"]) => "name",
            _ if is_asked(&["expires", "expires_from", "expires_until"]) => "expires",
            "" | NEVER => "-created",
            _ => "last_used",
        })
    }

    /// What a page calls the order.
    pub(super) fn order(&self) -> &'static str {
        SORTS.iter().find(|(name, _)| *name == self.sort()).map_or("", |(_, words)| words)
    }

    /// The moment that days are counted from: a walk through pages is one query from its first page to its last.
    pub(super) fn at(&self, now: u64) -> u64 {
        let said = self.get("at").parse().ok().filter(|at| *at <= now);
        said.unwrap_or(now)
    }

    /// The list with other parameters; an empty one is left out. Another order or filter begins at its first page.
    pub(super) fn link(&self, changed: &[(&'static str, &str)]) -> String {
        let text = self.written(changed, |name| !["cursor", "at"].contains(&name));
        if text.is_empty() { HOME.to_owned() } else { format!("{HOME}?{text}") }
    }

    /// The filter as one text, with the moment that it is seen at.
    pub(super) fn filter(&self, at: u64) -> String {
        self.written(&[("at", &at.to_string())], |name| FILTER.contains(&name))
    }

    fn written(&self, changed: &[(&'static str, &str)], keeps: impl Fn(&str) -> bool) -> String {
        let mut values: BTreeMap<&str, &str> =
            self.values.iter().filter(|(name, _)| keeps(name)).map(|(name, value)| (*name, value.as_str())).collect();
        values.extend(changed.iter().copied());
        let mut text = form_urlencoded::Serializer::new(String::new());
        for (name, value) in values.into_iter().filter(|(_, value)| !value.is_empty()) {
            text.append_pair(name, value);
        }
        text.finish()
    }

    /// What the policy is asked for a page of `limit`.
    ///
    /// # Errors
    /// A sentence for each parameter that says nothing. A misspelt filter must not list everything.
    pub(super) fn query(&self, now: u64, limit: u32) -> Result<Query, Errors> {
        let (mut errors, at) = (Errors::new(), self.at(now));
        let some = |name: &str| Some(self.get(name).to_owned()).filter(|text| !text.is_empty());
        let state = STATES.iter().find(|(name, _)| *name == self.get("state")).map(|(_, state)| *state);
        if state.is_none() && some("state").is_some() {
            errors.insert("state", "A state is active, disabled, expired or deleted.".to_owned());
        }
        if some("sort").is_some_and(|sort| SORTS.iter().all(|(known, _)| *known != sort)) {
            errors.insert("sort", "There is no such order.".to_owned());
        }
        let mut days = |name: &'static str| {
            let typed = some(name).filter(|text| text != NEVER || name != "used")?;
            let number = typed.bytes().all(|byte| byte.is_ascii_digit()).then(|| typed.parse().ok()).flatten();
            let number: Option<u64> = number.filter(|days| (1..=MAX_DAYS).contains(days));
            if number.is_none() {
                errors.insert(name, format!("A number of days, 1 to {MAX_DAYS}."));
            }
            number.map(|days| days.saturating_mul(DAY))
        };
        let (soon, idle) = (days("expires"), days("used"));
        let mut date = |name: &'static str| {
            let midnight = from_rfc3339(&format!("{}T00:00:00Z", some(name)?)).ok();
            if midnight.is_none() {
                errors.insert(name, "A date, such as 2027-01-31.".to_owned());
            }
            midnight
        };
        // A day that is named belongs to the span.
        let (from, until) = (date("expires_from"), date("expires_until").map(|day| day.saturating_add(DAY)));
        let within = soon.map(|soon| (at, at.saturating_add(soon)));
        let expires = Span {
            from: from.max(within.map(|(from, _)| from)),
            until: match (until, within.map(|(_, until)| until)) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        let (sort, descending) = match self.sort().strip_prefix('-') {
            Some(sort) => (sort, true),
            None => (self.sort(), false),
        };
        Ok(Query {
            state,
            name: some("name"),
            name_contains: some("q"),
            owner: some("owner"),
            parent: some("parent"),
            expires,
            last_used: Span { from: None, until: idle.map(|idle| at.saturating_sub(idle)) },
            never_used: self.get("used") == NEVER,
            sort: Some(match sort {
                "name" => Sort::Name,
                "expires" => Sort::Expires,
                "last_used" => Sort::LastUsed,
                _ => Sort::Created,
            }),
            descending,
            cursor: some("cursor"),
            ..Query::first(limit)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use jeton_runtime::wit::refresh_tokens::State;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn asked(query: &str) -> Query {
        Asked::of(query).query(NOW, 50).unwrap()
    }

    fn wrong(query: &str) -> Vec<&'static str> {
        Asked::of(query).query(NOW, 50).err().unwrap_or_default().into_keys().collect()
    }

    #[test]
    fn everything_that_an_address_says_is_asked_for() {
        let query =
            asked("q=night&name=n&state=disabled&owner=alice&parent=p&used=30&sort=-name&cursor=c&limit=9&done=x");
        assert_eq!((query.name_contains.as_deref(), query.name.as_deref()), (Some("night"), Some("n")));
        assert_eq!((query.owner.as_deref(), query.parent.as_deref()), (Some("alice"), Some("p")));
        assert_eq!((query.state, query.limit, query.cursor.as_deref()), (Some(State::Disabled), 50, Some("c")));
        assert_eq!((query.sort, query.descending), (Some(Sort::Name), true));
        assert_eq!(query.last_used.until, Some(NOW - 30 * DAY));
        assert!(asked("used=never").never_used && asked("used=never").last_used.until.is_none());
        let nothing = asked("q=&state=&expires=");
        assert!(nothing.name_contains.is_none() && nothing.state.is_none() && nothing.expires.from.is_none());
    }

    #[test]
    fn days_are_counted_from_the_moment_of_the_first_page() {
        let span = |query: &str| (asked(query).expires.from, asked(query).expires.until);
        assert_eq!(span("expires=7"), (Some(NOW), Some(NOW + 7 * DAY)));
        assert_eq!(span("expires=7&at=1799999000"), (Some(1_799_999_000), Some(1_799_999_000 + 7 * DAY)));
        assert_eq!(span("expires=7&at=1800000001"), (Some(NOW), Some(NOW + 7 * DAY)), "not from what is to come");
        // 2027-01-15, which is the day of NOW, and the day after.
        assert_eq!(
            span("expires_from=2027-01-15&expires_until=2027-01-15"),
            (Some(1_799_971_200), Some(1_800_057_600))
        );
        assert_eq!(span("expires=1&expires_from=2027-01-15&expires_until=2027-02-15"), (Some(NOW), Some(NOW + DAY)));
    }

    #[test]
    fn what_says_nothing_is_refused_by_name() {
        assert_eq!(
            wrong("state=Active&sort=age&expires=soon&expires_from=x&expires_until=2027-02-30&used=-1"),
            ["expires", "expires_from", "expires_until", "sort", "state", "used"]
        );
        assert_eq!(wrong("expires=never&used=0"), ["expires", "used"]);
        assert_eq!(wrong("expires=3651"), ["expires"]);
    }

    #[test]
    fn without_an_order_it_is_the_one_that_fits_the_filter() {
        for (query, order) in [
            ("", "-created"),
            ("q=a&state=active", "-created"),
            ("name=a&expires=7", "name"),
            ("expires_from=2027-01-15", "expires"),
            ("used=30", "last_used"),
            ("used=never", "-created"),
            ("owner=a&expires=7", "-created"),
            ("expires=7&sort=-name", "-name"),
        ] {
            assert_eq!(Asked::of(query).sort(), order, "{query}");
        }
    }

    #[test]
    fn an_address_keeps_what_is_asked_for_and_nothing_else() {
        let asked = Asked::of("q=a+%26b&state=active&cursor=c&at=5&evil=1&q=second");
        assert_eq!(asked.link(&[]), "/console/tokens?q=a+%26b&state=active");
        assert_eq!(asked.link(&[("sort", "name"), ("q", "")]), "/console/tokens?sort=name&state=active");
        assert_eq!(asked.filter(9), "at=9&q=a+%26b&state=active");
        assert_eq!(Asked::of(&asked.filter(9)).query(NOW, 5).unwrap().name_contains.as_deref(), Some("a &b"));
        assert!(asked.narrows() && !asked.uses_more() && Asked::of("name=a").uses_more());
        assert!(!Asked::of("sort=name&cursor=c&at=3").narrows());
    }
}
