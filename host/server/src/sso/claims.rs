//! What an account here follows from: the claims of the provider by which it has its name and its role.

use openidconnect::AdditionalClaims;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::SsoError;
use crate::{
    accounts::{name::AccountName, role::Role},
    config::sso::RoleRule,
};

/// Every claim that OpenID Connect Core does not define.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct All {
    #[serde(flatten)]
    claims: Map<String, Value>,
}

impl AdditionalClaims for All {}

/// A claim by its name; dots lead into objects, where there is no claim of the whole name.
pub(super) fn find<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c Value> {
    claims.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        find(claims.get(first)?.as_object()?, rest)
    })
}

/// The name of the account.
pub(super) fn name(claims: &Map<String, Value>, claim: &str) -> Result<AccountName, SsoError> {
    let said = find(claims, claim).and_then(Value::as_str);
    let said = said.ok_or_else(|| SsoError::Nameless(format!("it says no `{claim}`")))?;
    said.parse().map_err(|error| SsoError::Nameless(format!("`{claim}`: {error}")))
}

/// The mightiest role that the claim gives. Only whole values count.
pub(super) fn role(claims: &Map<String, Value>, claim: &str, rules: &[RoleRule]) -> Option<Role> {
    let values: Vec<&str> = match find(claims, claim)? {
        Value::String(value) => vec![value],
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let given = |role: &Role| rules.iter().any(|rule| rule.role == *role && values.contains(&rule.value.as_str()));
    Role::ALL.into_iter().find(given)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_role_follows_from_whole_values_and_the_mightiest_counts() {
        let rules: Vec<RoleRule> =
            ["ops=operator", "root=admin", "all=member"].map(|rule| rule.parse().unwrap()).into();
        let role = |value: Value| role(&claims(json!({"groups": value})), "groups", &rules);
        assert_eq!(role(json!("ops")), Some(Role::Operator));
        assert_eq!(role(json!(["all", "root", "ops"])), Some(Role::Admin));
        for nothing in [
            json!("ops root"),
            json!("Ops"),
            json!([]),
            json!(["other", 7, null]),
            json!(7),
            json!({"ops": true}),
            json!(null),
        ] {
            assert_eq!(role(nothing.clone()), None, "{nothing}");
        }
        assert_eq!(super::role(&claims(json!({})), "groups", &rules), None);
    }

    #[test]
    fn dots_lead_into_objects_and_a_whole_name_comes_first() {
        let said = claims(
            json!({"realm_access": {"roles": ["a"]}, "https://house.example/roles": ["b"], "a.b": 1, "a": {"b": 2}}),
        );
        assert_eq!(find(&said, "realm_access.roles"), Some(&json!(["a"])));
        assert_eq!(find(&said, "https://house.example/roles"), Some(&json!(["b"])));
        assert_eq!(find(&said, "a.b"), Some(&json!(1)));
        assert_eq!(find(&said, "realm_access.none"), None);
    }

    #[test]
    fn a_name_is_one_that_an_account_may_have() {
        let name = |value: Value| name(&claims(json!({"preferred_username": value})), "preferred_username");
        assert_eq!(name(json!("Alice@House.example")).unwrap().as_str(), "alice@house.example");
        for bad in [json!("a b"), json!("machine"), json!(""), json!(7), json!(null)] {
            assert!(matches!(name(bad.clone()), Err(SsoError::Nameless(_))), "{bad}");
        }
    }
}
