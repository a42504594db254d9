//! The members that say when a refresh token expires.

use jeton_runtime::wit::refresh_tokens::Expiry;

use super::super::json::Members;

/// At most one of them is given.
const EXPIRIES: [&str; 3] = ["expires_at", "expires_in", "never"];

/// What is said of the expiry, and the name of the member that says it. `null` is not taken for never: what lives for ever is
/// asked for by name.
pub(super) fn read(members: &mut Members) -> Option<(Expiry, &'static str)> {
    let given: Vec<&'static str> = EXPIRIES.into_iter().filter(|name| members.has(name)).collect();
    if given.len() > 1 {
        for name in &given {
            members.refuse::<()>(*name, "give only one of `expires_at`, `expires_in` and `never`");
        }
    }
    let at = members.moment("expires_at");
    let after = members.whole_number("expires_in");
    let never = members.flag("never");
    match (at, after, never) {
        (Some(moment), ..) => Some((Expiry::At(moment), "expires_at")),
        (_, Some(seconds), _) => Some((Expiry::After(seconds), "expires_in")),
        (.., true) => Some((Expiry::Never, "never")),
        _ => None,
    }
}
