//! What can be said of a token in a form. All of it is kept as it was typed, so that a refused form comes back as it was sent.

use jeton_runtime::wit::refresh_tokens::{Bindings, Change, Expiry, IssueRequest, RefreshToken};
use serde::Serialize;

use super::{super::form::Fields, Errors, sentence};
use crate::api::{
    refusals::Row,
    time::{from_rfc3339, to_rfc3339},
};

/// How a date is to be typed where a browser does not offer to pick one.
const DATE: &str = "A date, such as 2027-01-31.";
/// The same with a time.
const MOMENT: &str = "A date and a time in UTC, such as 2027-01-31T12:00.";
/// A whole number of whatever the field is about.
const NUMBER: &str = "A whole number.";

/// A form, as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Typed {
    pub(super) name: String,
    /// Which of the expiries is chosen: `default`, `days`, `date`, `never`, or `keep`.
    pub(super) expires: String,
    pub(super) days: String,
    pub(super) date: String,
    pub(super) scopes: String,
    pub(super) owner: String,
    pub(super) parent: String,
    pub(super) access_ttl: String,
    pub(super) not_before: String,
    pub(super) networks: String,
    pub(super) networks_in_access_tokens: bool,
    pub(super) audiences: String,
    pub(super) max_exchanges: String,
    pub(super) may_delegate: bool,
    pub(super) rotates_on_use: bool,
    pub(super) note: String,
    /// Under which a form that is sent twice makes one token.
    pub(super) key: String,
}

impl Typed {
    /// What a form says.
    pub(super) fn of(form: &Fields) -> Self {
        let is_checked = |name| !form.text(name).is_empty();
        let trimmed = |name| form.text(name).trim().to_owned();
        Self {
            // Whether a space at an end is a mistake the policy says.
            name: form.text("name"),
            expires: trimmed("expires"),
            days: trimmed("days"),
            date: trimmed("date"),
            scopes: trimmed("scopes"),
            owner: trimmed("owner"),
            parent: trimmed("parent"),
            access_ttl: trimmed("access_ttl"),
            not_before: trimmed("not_before"),
            networks: trimmed("networks"),
            networks_in_access_tokens: is_checked("networks_in_access_tokens"),
            audiences: trimmed("audiences"),
            max_exchanges: trimmed("max_exchanges"),
            may_delegate: is_checked("may_delegate"),
            rotates_on_use: is_checked("rotates_on_use"),
            note: trimmed("note"),
            key: trimmed("key"),
        }
    }

    /// The form that leaves a token as it is.
    pub(super) fn of_token(token: &RefreshToken, access_ttl: Option<u64>) -> Self {
        let (bindings, number) = (&token.bindings, |number: Option<u64>| number.map(|n| n.to_string()));
        let moment = |at: u64| to_rfc3339(at).trim_end_matches('Z').to_owned();
        Self {
            name: token.name.clone(),
            expires: "keep".to_owned(),
            scopes: token.scopes.join(" "),
            owner: token.owner.clone().unwrap_or_default(),
            parent: token.parent.clone().unwrap_or_default(),
            access_ttl: number(access_ttl).unwrap_or_default(),
            not_before: bindings.not_before.map(moment).unwrap_or_default(),
            networks: bindings.networks.join("\n"),
            networks_in_access_tokens: bindings.networks_in_access_tokens,
            audiences: bindings.audiences.join("\n"),
            max_exchanges: number(bindings.max_exchanges).unwrap_or_default(),
            may_delegate: token.may_delegate,
            rotates_on_use: token.rotates_on_use,
            ..Self::default()
        }
    }

    /// Whether it says something that is folded away at first.
    pub(super) fn uses_more(&self, errors: &Errors) -> bool {
        const FOLDED: [&str; 7] =
            ["owner", "parent", "access_ttl", "not_before", "networks", "audiences", "max_exchanges"];
        let texts = [
            &self.owner,
            &self.parent,
            &self.access_ttl,
            &self.not_before,
            &self.networks,
            &self.audiences,
            &self.max_exchanges,
        ];
        texts.iter().any(|text| !text.is_empty())
            || self.may_delegate
            || self.rotates_on_use
            || self.networks_in_access_tokens
            || FOLDED.iter().any(|field| errors.contains_key(field))
    }

    /// The token that is asked for.
    ///
    /// # Errors
    /// A sentence for each field that cannot be read. What is read the policy judges.
    pub(super) fn request(&self) -> Result<IssueRequest, Errors> {
        let mut errors = Errors::new();
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let request = IssueRequest {
            expiry: self.expiry(&mut errors).unwrap_or(Expiry::BySetting),
            scopes: words(&self.scopes),
            parent: some(&self.parent),
            owner: some(&self.owner),
            access_ttl: number("access_ttl", &self.access_ttl, &mut errors),
            bindings: Bindings {
                not_before: moment("not_before", &self.not_before, &mut errors),
                networks: words(&self.networks),
                networks_in_access_tokens: self.networks_in_access_tokens,
                audiences: words(&self.audiences),
                max_exchanges: number("max_exchanges", &self.max_exchanges, &mut errors),
            },
            may_delegate: self.may_delegate,
            rotates_on_use: self.rotates_on_use,
            idempotency_key: some(&self.key),
            ..IssueRequest::named(&self.name)
        };
        if errors.is_empty() { Ok(request) } else { Err(errors) }
    }

    /// What differs from the form that `token` was shown in: nothing else is changed, and told of in the audit log.
    ///
    /// # Errors
    /// As [`Typed::request`].
    pub(super) fn change(&self, shown: &Self) -> Result<Change, Errors> {
        let mut errors = Errors::new();
        let expiry = if self.expires == "keep" { None } else { self.expiry(&mut errors) };
        let differs = |mine: &String, its: &String| mine != its;
        let list = |mine: &String, its: &String| Some(words(mine)).filter(|mine| *mine != words(its));
        let flag = |mine: bool, its: bool| Some(mine).filter(|mine| *mine != its);
        let change = Change {
            name: Some(self.name.clone()).filter(|name| *name != shown.name),
            expiry,
            enabled: None,
            scopes: list(&self.scopes, &shown.scopes),
            access_ttl: differs(&self.access_ttl, &shown.access_ttl)
                .then(|| number("access_ttl", &self.access_ttl, &mut errors)),
            not_before: Some(moment("not_before", &self.not_before, &mut errors))
                .filter(|at| *at != moment("not_before", &shown.not_before, &mut Errors::new())),
            networks: list(&self.networks, &shown.networks),
            networks_in_access_tokens: flag(self.networks_in_access_tokens, shown.networks_in_access_tokens),
            audiences: list(&self.audiences, &shown.audiences),
            max_exchanges: differs(&self.max_exchanges, &shown.max_exchanges)
                .then(|| number("max_exchanges", &self.max_exchanges, &mut errors)),
            may_delegate: flag(self.may_delegate, shown.may_delegate),
            rotates_on_use: flag(self.rotates_on_use, shown.rotates_on_use),
            note: Some(self.note.clone()).filter(|note| !note.is_empty()),
        };
        if errors.is_empty() { Ok(change) } else { Err(errors) }
    }

    fn expiry(&self, errors: &mut Errors) -> Option<Expiry> {
        let (expiry, wrong) = match self.expires.as_str() {
            "never" => (Some(Expiry::Never), ""),
            "days" => {
                let seconds = whole(&self.days).and_then(|days| days.checked_mul(super::DAY));
                (seconds.map(Expiry::After), "A whole number of days.")
            }
            // The whole of the day that is named.
            "date" => (from_rfc3339(&format!("{}T23:59:59Z", self.date)).ok().map(Expiry::At), DATE),
            _ => (Some(Expiry::BySetting), ""),
        };
        if expiry.is_none() {
            errors.insert("expires", wrong.to_owned());
        }
        expiry
    }
}

/// What the policy refused, about the field that it was typed into; `None`: it is about no field.
pub(super) fn refused(row: Row) -> Option<Errors> {
    let field = match row.field()? {
        "expires_at" | "never" => "expires",
        "name" => "name",
        "scopes" => "scopes",
        "parent" => "parent",
        "owner" => "owner",
        "access_ttl" => "access_ttl",
        "not_before" => "not_before",
        "networks" => "networks",
        "audiences" => "audiences",
        "max_exchanges" => "max_exchanges",
        "note" => "note",
        "overlap_seconds" => "overlap",
        _ => return None,
    };
    Some([(field, sentence(row.sentence()))].into())
}

/// The field that a form begins at: the first that is wrong, in the order of the form.
pub(super) fn focus(errors: &Errors) -> &'static str {
    const ORDER: [&str; 10] = [
        "name",
        "expires",
        "scopes",
        "owner",
        "parent",
        "access_ttl",
        "not_before",
        "networks",
        "audiences",
        "max_exchanges",
    ];
    ORDER.into_iter().find(|field| errors.contains_key(field)).unwrap_or("name")
}

/// What spaces, commas and ends of lines part.
fn words(text: &str) -> Vec<String> {
    let parted = text.split(|one: char| one.is_whitespace() || one == ',');
    parted.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Digits alone: `+5` is no number here.
fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn number(field: &'static str, text: &str, errors: &mut Errors) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let number = whole(text);
    if number.is_none() {
        errors.insert(field, NUMBER.to_owned());
    }
    number
}

/// Browsers leave seconds out where there are none.
fn moment(field: &'static str, text: &str, errors: &mut Errors) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let with = |ending: &str| from_rfc3339(&format!("{text}{ending}")).ok();
    let moment = with("Z").or_else(|| with(":00Z")).or_else(|| with(""));
    if moment.is_none() {
        errors.insert(field, MOMENT.to_owned());
    }
    moment
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn typed() -> Typed {
        Typed { name: "job".to_owned(), expires: "default".to_owned(), ..Typed::default() }
    }

    fn full() -> Typed {
        Typed {
            scopes: "a  b".to_owned(),
            owner: "alice".to_owned(),
            parent: "p".to_owned(),
            access_ttl: "60".to_owned(),
            not_before: "2027-01-31T12:00".to_owned(),
            networks: "10.0.0.0/8,\r\n2001:db8::/32".to_owned(),
            networks_in_access_tokens: true,
            audiences: "urn:a\nurn:b".to_owned(),
            max_exchanges: "5".to_owned(),
            may_delegate: true,
            rotates_on_use: true,
            key: "k".to_owned(),
            ..typed()
        }
    }

    fn wrong(typed: &Typed) -> Vec<&'static str> {
        typed.request().err().unwrap_or_default().into_keys().collect()
    }

    #[test]
    fn a_name_is_enough() {
        let request = typed().request().unwrap();
        assert!(matches!(request.expiry, Expiry::BySetting) && request.scopes.is_empty());
        assert!(request.owner.is_none() && request.parent.is_none() && request.access_ttl.is_none());
        assert!(request.bindings.networks.is_empty() && request.idempotency_key.is_none());
        assert!(!typed().uses_more(&Errors::new()) && full().uses_more(&Errors::new()));
    }

    #[test]
    fn everything_can_be_said() {
        let request = full().request().unwrap();
        assert_eq!((request.scopes, request.access_ttl), (vec!["a".to_owned(), "b".to_owned()], Some(60)));
        let bindings = request.bindings;
        assert_eq!(bindings.networks, ["10.0.0.0/8", "2001:db8::/32"]);
        assert_eq!((bindings.not_before, bindings.max_exchanges), (Some(1_801_396_800), Some(5)));
        assert_eq!(bindings.audiences, ["urn:a", "urn:b"]);
        assert!(bindings.networks_in_access_tokens && request.may_delegate && request.rotates_on_use);
        assert_eq!(request.idempotency_key.as_deref(), Some("k"));
    }

    #[test]
    fn each_kind_of_expiry_is_understood() {
        let of = |expires: &str, days: &str, date: &str| {
            let (expires, days, date) = (expires.to_owned(), days.to_owned(), date.to_owned());
            Typed { expires, days, date, ..typed() }.request().map(|request| request.expiry)
        };
        assert!(matches!(of("never", "", ""), Ok(Expiry::Never)));
        assert!(matches!(of("days", "30", ""), Ok(Expiry::After(2_592_000))));
        assert!(matches!(of("date", "", "2027-01-31"), Ok(Expiry::At(1_801_439_999))));
        for (expires, days, date) in
            [("days", "", ""), ("days", "-1", ""), ("days", "99999999999999999", ""), ("date", "", "31.1.2027")]
        {
            assert!(of(expires, days, date).is_err(), "{expires} {days} {date}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_by_field_all_at_once() {
        let typed = Typed {
            expires: "date".to_owned(),
            access_ttl: "1h".to_owned(),
            not_before: "Monday".to_owned(),
            max_exchanges: "+5".to_owned(),
            ..typed()
        };
        assert_eq!(wrong(&typed), ["access_ttl", "expires", "max_exchanges", "not_before"]);
        assert_eq!(focus(&typed.request().err().unwrap()), "expires");
    }

    #[test]
    fn only_what_differs_is_changed() {
        let shown = Typed { expires: "keep".to_owned(), not_before: "2027-01-31T12:00:00".to_owned(), ..full() };
        // A browser says the same in other words.
        let same = Typed {
            not_before: "2027-01-31T12:00".to_owned(),
            networks: "10.0.0.0/8\r\n2001:db8::/32".to_owned(),
            scopes: "a b".to_owned(),
            ..shown.clone()
        };
        let change = same.change(&shown).unwrap();
        assert!(change.name.is_none() && change.expiry.is_none() && change.scopes.is_none());
        assert!(change.not_before.is_none() && change.networks.is_none() && change.audiences.is_none());
        assert!(change.access_ttl.is_none() && change.max_exchanges.is_none() && change.note.is_none());
        assert!(change.may_delegate.is_none() && change.rotates_on_use.is_none() && change.enabled.is_none());
        let other = Typed {
            name: "n".to_owned(),
            expires: "never".to_owned(),
            scopes: "a".to_owned(),
            access_ttl: String::new(),
            not_before: String::new(),
            may_delegate: false,
            note: "why".to_owned(),
            ..shown.clone()
        };
        let change = other.change(&shown).unwrap();
        assert_eq!((change.access_ttl, change.not_before), (Some(None), Some(None)));
        assert_eq!((change.scopes.as_deref(), change.may_delegate), (Some(&["a".to_owned()][..]), Some(false)));
        assert!(matches!(change.expiry, Some(Expiry::Never)) && change.note.as_deref() == Some("why"));
        assert!(Typed { access_ttl: "x".to_owned(), ..shown.clone() }.change(&shown).is_err());
    }
}
