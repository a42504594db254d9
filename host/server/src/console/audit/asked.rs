//! What the page of the audit log is asked for. All of it stands in the address, so that it can be kept and handed on.

use serde::Serialize;

use super::PATH;
use crate::{api::time::from_rfc3339, audit::query::Query};

const DAY: u64 = 24 * 60 * 60;

/// What an address asks for, as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Asked {
    pub(super) actor: String,
    pub(super) act: String,
    pub(super) target: String,
    /// The first and the last day (UTC), such as 2027-01-31.
    pub(super) from: String,
    pub(super) to: String,
    /// The entry behind which to go on.
    pub(super) after: String,
}

impl Asked {
    /// What a query string asks for. What is none of the page's is passed over.
    pub(super) fn of(query: &str) -> Self {
        let mut asked = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let member = match &*name {
                "actor" => &mut asked.actor,
                "act" => &mut asked.act,
                "target" => &mut asked.target,
                "from" => &mut asked.from,
                "to" => &mut asked.to,
                "after" => &mut asked.after,
                _ => continue,
            };
            value.trim().clone_into(member);
        }
        asked
    }

    /// Whether anything narrows it.
    pub(super) fn is_filtered(&self) -> bool {
        [&self.actor, &self.act, &self.target, &self.from, &self.to].into_iter().any(|member| !member.is_empty())
    }

    /// The page with other parameters; what is empty is left out.
    pub(super) fn link(&self, changed: &[(&str, &str)]) -> String {
        let text = self.written(changed);
        if text.is_empty() { PATH.to_owned() } else { format!("{PATH}?{text}") }
    }

    /// The filter as a query string.
    pub(super) fn written(&self, changed: &[(&str, &str)]) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        let own = [
            ("actor", &self.actor),
            ("act", &self.act),
            ("target", &self.target),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let own = own.into_iter().map(|(name, value)| (name, value.as_str()));
        let kept = own.filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
        for (name, value) in kept.chain(changed.iter().copied()).filter(|(_, value)| !value.is_empty()) {
            text.append_pair(name, value);
        }
        text.finish()
    }

    /// What the log is asked, newest first.
    ///
    /// # Errors
    /// A sentence about what says nothing.
    pub(super) fn query(&self, limit: u32) -> Result<Query, String> {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let day = |text: &str, what: &str| match text {
            "" => Ok(None),
            text => from_rfc3339(&format!("{text}T00:00:00Z"))
                .map(Some)
                .map_err(|_| format!("{what} is a day, such as 2027-01-31.")),
        };
        let after = match self.after.as_str() {
            "" => None,
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
            _ => return Err("A page begins behind the number of an entry.".to_owned()),
        };
        Ok(Query {
            after,
            newest_first: true,
            limit,
            actor: some(&self.actor),
            act: some(&self.act),
            target: some(&self.target),
            since: day(&self.from, "The beginning")?,
            // The day that is named belongs to it.
            until: day(&self.to, "The end")?.map(|day| day.saturating_add(DAY)),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn an_address_says_it_all_and_is_written_as_it_was_read() {
        let text = "actor=root&act=refresh-token&target=a+b%26c&from=2027-01-31&to=2027-01-31";
        let asked = Asked::of(&format!("{text}&after=7&unknown=x&done=y"));
        assert!(asked.is_filtered() && !Asked::of("after=7").is_filtered());
        assert_eq!(asked.link(&[]), format!("{PATH}?{text}"));
        assert_eq!(asked.link(&[("after", "3"), ("actor", "")]), format!("{PATH}?{}&after=3", &text[11..]));
        assert_eq!(Asked::default().link(&[]), PATH);
        let query = asked.query(50).unwrap();
        assert_eq!((query.after, query.target.as_deref(), query.newest_first), (Some(7), Some("a b&c"), true));
        assert_eq!((query.since, query.until), (Some(1_801_353_600), Some(1_801_353_600 + DAY)));
    }

    #[test]
    fn what_says_nothing_lists_nothing() {
        for text in ["from=yesterday", "to=2027-13-01", "from=2027-01-31T00:00:00Z", "after=-1", "after=x"] {
            assert!(Asked::of(text).query(50).is_err(), "{text}");
        }
        assert_eq!(Asked::of("after=99999999999999999999").query(50).unwrap().after, None, "behind the last of all");
    }
}
