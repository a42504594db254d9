//! The form of the settings: what stands in it, what somebody typed into it, and which change that is.

use jeton_runtime::wit::configuration::{Settings, SettingsChange};
use serde::Serialize;

use super::words::{ALL, Kind, Setting};
use crate::console::{form::Fields, span};

/// The settings as they stand in the form: a text for each field.
#[derive(Debug)]
pub(super) struct Typed(Vec<(&'static Setting, Value)>);

/// What stands in the fields of one setting.
#[derive(Debug)]
enum Value {
    Number(String),
    Span { amount: String, unit: String },
    Truth(bool),
    Scopes { is_any: bool, listed: String },
}

/// A setting as the page shows it.
#[derive(Serialize)]
pub(super) struct Row {
    name: &'static str,
    label: &'static str,
    in_dpa: Option<&'static str>,
    hint: &'static str,
    kind: &'static str,
    /// In words.
    present: String,
    /// A number; of what, `unit` says.
    amount: String,
    unit: String,
    is_on: bool,
    /// Scopes.
    listed: String,
}

/// A setting that would be another one.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(super) struct Difference {
    label: &'static str,
    name: &'static str,
    before: String,
    after: String,
}

/// A field and what stands in it, for a form that only passes it on.
#[derive(Serialize)]
pub(super) struct Carried {
    name: String,
    value: String,
}

impl Typed {
    /// The settings in force.
    pub(super) fn of(settings: &Settings) -> Self {
        let span = |seconds: Option<u64>| match seconds.map(span::apart) {
            Some((amount, unit)) => Value::Span { amount: amount.to_string(), unit: unit.to_owned() },
            None => Value::Span { amount: String::new(), unit: "days".to_owned() },
        };
        let value = |setting: &Setting| match setting.kind {
            Kind::Span(get) => span(Some(get(settings))),
            Kind::MaybeSpan(get) => span(get(settings)),
            Kind::Number(get) => Value::Number(get(settings).to_string()),
            Kind::Truth(get) => Value::Truth(get(settings)),
            Kind::Scopes(get) => {
                let listed = get(settings);
                Value::Scopes { is_any: listed.is_none(), listed: listed.unwrap_or_default().join("\n") }
            }
        };
        Self(ALL.iter().map(|setting| (setting, value(setting))).collect())
    }

    /// What somebody sent.
    pub(super) fn read(form: &Fields) -> Self {
        let value = |setting: &Setting| match setting.kind {
            Kind::Span(_) | Kind::MaybeSpan(_) => {
                Value::Span { amount: form.text(setting.name), unit: form.text(&unit_of(setting)) }
            }
            Kind::Number(_) => Value::Number(form.text(setting.name)),
            Kind::Truth(_) => Value::Truth(form.text(setting.name) == "yes"),
            Kind::Scopes(_) => {
                Value::Scopes { is_any: form.text(setting.name) != "listed", listed: form.text("scopes_listed") }
            }
        };
        Self(ALL.iter().map(|setting| (setting, value(setting))).collect())
    }

    /// What is other than in the settings in force.
    ///
    /// # Errors
    /// A sentence about the field that cannot be read. What the settings may be, the policy says.
    pub(super) fn change(&self, settings: &Settings) -> Result<SettingsChange, String> {
        let mut change = SettingsChange::default();
        for (setting, value) in &self.0 {
            let wrong = |what: &str| format!("{} (`{}`): {what}.", setting.label, setting.name);
            let span = |amount: &str, unit: &str| {
                span::joined(amount, unit).ok_or_else(|| wrong("give a whole number and a unit"))
            };
            match (setting.kind, value) {
                (Kind::Span(get), Value::Span { amount, unit }) => {
                    let seconds = span(amount, unit)?;
                    if seconds != get(settings) {
                        set_span(&mut change, setting.name, seconds);
                    }
                }
                (Kind::MaybeSpan(get), Value::Span { amount, unit }) => {
                    let seconds = if amount.trim().is_empty() { None } else { Some(span(amount, unit)?) };
                    if seconds != get(settings) {
                        change.refresh_token_maximum = Some(seconds);
                    }
                }
                (Kind::Number(get), Value::Number(text)) => {
                    let number = span::joined(text, "seconds").ok_or_else(|| wrong("give a whole number"))?;
                    // What is too large for the contract is too large for the rule, which says so.
                    let number = u32::try_from(number).unwrap_or(u32::MAX);
                    if number != get(settings) {
                        change.delegation_levels = Some(number);
                    }
                }
                (Kind::Truth(get), Value::Truth(is_on)) if *is_on != get(settings) => {
                    set_truth(&mut change, setting.name, *is_on);
                }
                (Kind::Scopes(get), Value::Scopes { is_any, listed }) => {
                    let listed = listed.split_whitespace().map(str::to_owned).collect();
                    let scopes: Option<Vec<String>> = if *is_any { None } else { Some(listed) };
                    if scopes.as_deref() != get(settings) {
                        change.scopes = Some(scopes);
                    }
                }
                // It is what it was. Both constructors go by the setting's kind.
                _ => {}
            }
        }
        Ok(change)
    }

    /// The rows of the page.
    pub(super) fn rows(&self, settings: &Settings) -> Vec<Row> {
        let row = |(setting, value): &(&'static Setting, Value)| {
            let mut row = Row {
                name: setting.name,
                label: setting.label,
                in_dpa: setting.in_dpa,
                hint: setting.hint,
                kind: setting.kind.name(),
                present: setting.told(settings),
                amount: String::new(),
                unit: String::new(),
                is_on: false,
                listed: String::new(),
            };
            match value {
                Value::Number(number) => row.amount.clone_from(number),
                Value::Span { amount, unit } => {
                    row.amount.clone_from(amount);
                    row.unit.clone_from(unit);
                }
                Value::Truth(is_on) => row.is_on = *is_on,
                Value::Scopes { is_any, listed } => {
                    row.is_on = !is_any;
                    row.listed.clone_from(listed);
                }
            }
            row
        };
        self.0.iter().map(row).collect()
    }

    /// The fields as they are, for the form that confirms them.
    pub(super) fn carried(&self) -> Vec<Carried> {
        let mut all = Vec::new();
        let mut carry = |name: String, value: &str| all.push(Carried { name, value: value.to_owned() });
        for (setting, value) in &self.0 {
            let name = setting.name.to_owned();
            match value {
                Value::Number(number) => carry(name, number),
                Value::Span { amount, unit } => {
                    carry(name, amount);
                    carry(unit_of(setting), unit);
                }
                Value::Truth(is_on) => carry(name, if *is_on { "yes" } else { "no" }),
                Value::Scopes { is_any, listed } => {
                    carry(name, if *is_any { "any" } else { "listed" });
                    carry("scopes_listed".to_owned(), listed);
                }
            }
        }
        all
    }
}

/// Which settings differ, in words.
pub(super) fn differences(before: &Settings, after: &Settings) -> Vec<Difference> {
    let told = |setting: &Setting| (setting.label, setting.name, setting.told(before), setting.told(after));
    let differs = |(label, name, before, after): (&'static str, &'static str, String, String)| {
        (before != after).then_some(Difference { label, name, before, after })
    };
    ALL.iter().map(told).filter_map(differs).collect()
}

fn unit_of(setting: &Setting) -> String {
    format!("{}_unit", setting.name)
}

fn set_span(change: &mut SettingsChange, name: &str, seconds: u64) {
    let member = match name {
        "access_token_expiration" => &mut change.access_token_expiration,
        "access_token_minimum" => &mut change.access_token_minimum,
        "access_token_maximum" => &mut change.access_token_maximum,
        "refresh_token_expiration" => &mut change.refresh_token_expiration,
        _ => &mut change.tombstone_retention,
    };
    *member = Some(seconds);
}

fn set_truth(change: &mut SettingsChange, name: &str, is_on: bool) {
    let member = match name {
        "never_allowed" => &mut change.never_allowed,
        "unique_names" => &mut change.unique_names,
        _ => &mut change.holder_delegation,
    };
    *member = Some(is_on);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]
    use axum::body::Body;
    use http::Request;

    use super::*;

    fn settings() -> Settings {
        Settings {
            access_token_expiration: 900,
            access_token_minimum: 1,
            access_token_maximum: 86_400,
            refresh_token_expiration: 7_776_000,
            refresh_token_maximum: None,
            never_allowed: true,
            unique_names: false,
            scopes: Some(vec!["a".to_owned(), "b".to_owned()]),
            delegation_levels: 8,
            holder_delegation: true,
            tombstone_retention: 34_560_000,
            generation: 1,
        }
    }

    /// What comes back of the form with `changed` in the place of what stood there.
    async fn sent(changed: &[(&str, &str)]) -> Result<SettingsChange, String> {
        let mut form = form_urlencoded::Serializer::new("form_token=t".to_owned());
        for Carried { name, value } in Typed::of(&settings()).carried() {
            let value = changed.iter().find(|(known, _)| *known == name).map_or(value.as_str(), |(_, value)| value);
            form.append_pair(&name, value);
        }
        let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(Body::from(form.finish())).unwrap();
        Typed::read(&Fields::read(request, Some("t")).await.ok().unwrap()).change(&settings())
    }

    #[tokio::test]
    async fn a_form_that_nobody_touched_changes_nothing() {
        let SettingsChange {
            access_token_expiration: None,
            access_token_minimum: None,
            access_token_maximum: None,
            refresh_token_expiration: None,
            refresh_token_maximum: None,
            never_allowed: None,
            unique_names: None,
            scopes: None,
            delegation_levels: None,
            holder_delegation: None,
            tombstone_retention: None,
        } = sent(&[]).await.unwrap()
        else {
            panic!("something is changed")
        };
    }

    #[tokio::test]
    async fn each_field_changes_the_setting_of_its_name() {
        let change = sent(&[
            ("access_token_expiration", "10"),
            ("access_token_minimum", "2"),
            ("access_token_maximum", "3600"),
            ("access_token_maximum_unit", "seconds"),
            ("refresh_token_expiration", "30"),
            ("refresh_token_maximum", " 31 "),
            ("never_allowed", "no"),
            ("unique_names", "yes"),
            ("scopes_listed", "b  c\r\na"),
            ("delegation_levels", "3"),
            ("holder_delegation", ""),
            ("tombstone_retention", "1"),
        ]);
        let change = change.await.unwrap();
        assert_eq!(change.access_token_expiration, Some(600));
        assert_eq!((change.access_token_minimum, change.access_token_maximum), (Some(2), Some(3_600)));
        assert_eq!(change.refresh_token_expiration, Some(30 * 86_400));
        assert_eq!(change.refresh_token_maximum, Some(Some(31 * 86_400)));
        assert_eq!((change.never_allowed, change.unique_names), (Some(false), Some(true)));
        assert_eq!(change.scopes, Some(Some(["b", "c", "a"].map(str::to_owned).to_vec())));
        assert_eq!((change.delegation_levels, change.holder_delegation), (Some(3), Some(false)));
        assert_eq!(change.tombstone_retention, Some(86_400));
        let any = sent(&[("scopes", "any")]).await.unwrap();
        assert_eq!(any.scopes, Some(None));
    }

    #[tokio::test]
    async fn what_is_no_number_is_told_with_the_name_of_its_field() {
        for (name, value) in [
            ("access_token_expiration", "soon"),
            ("access_token_expiration", ""),
            ("refresh_token_maximum", "1.5"),
            ("refresh_token_expiration_unit", "weeks"),
            ("delegation_levels", "-1"),
        ] {
            let refused = sent(&[(name, value)]).await.err().unwrap();
            assert!(refused.contains(name.trim_end_matches("_unit")), "{refused}");
        }
    }
}
