//! Why a token is dead or alive, in the policy's verdict and a page's words.

use jeton_runtime::wit::{
    explanations::{Cause, Explanation},
    types::Reason,
};
use serde::Serialize;

use super::Moment;

/// An explanation as a page tells it.
#[derive(Debug, Serialize)]
pub(super) struct Why {
    alive: bool,
    sentence: String,
    since: Option<Moment>,
    note: String,
    /// The token to blame, where it is another one that whoever asks may see.
    link: Option<String>,
}

impl Why {
    /// In words. `may_see` says of an id whether its name may be told.
    pub(super) fn of(explanation: &Explanation, id: &str, may_see: impl Fn(&str) -> bool) -> Self {
        let blamed = explanation.link.as_deref().filter(|link| *link != id);
        let named = explanation.chain.iter().find(|token| Some(token.id.as_str()) == blamed);
        let seen = named.filter(|token| may_see(&token.id));
        let whose = match (blamed, named, seen) {
            (None, ..) => "it".to_owned(),
            (_, _, Some(token)) => format!("{}, which it descends from,", token.name),
            (_, Some(_), None) => "something that it descends from".to_owned(),
            (Some(owner), None, None) => format!("everything of the owner {owner}"),
        };
        let ending = explanation.ending.as_ref();
        let by = ending.map(|ending| format!(" by {}", ending.by)).unwrap_or_default();
        let sentence = match explanation.cause {
            None => "It is alive: it can be exchanged.".to_owned(),
            Some(Cause::Expired) => format!("It is dead: {whose} expired."),
            Some(Cause::NotBefore) => "It is not taken before the moment that it is bound to.".to_owned(),
            Some(Cause::UsedUp) => "It is dead: no exchanges are left.".to_owned(),
            Some(Cause::Unknown) => "Nothing is known of it any more.".to_owned(),
            Some(Cause::Epoch | Cause::NotYetValid | Cause::WrongSecret) => "It is dead.".to_owned(),
            Some(Cause::Disabled) => format!("It is not taken: {whose} was disabled{by}."),
            Some(Cause::Cut | Cause::Ended) => {
                let did = ending.map_or("was ended", |ending| verb(ending.reason));
                format!("It is dead: {whose} {did}{by}.")
            }
        };
        Self {
            alive: explanation.alive,
            sentence,
            since: explanation.since.map(Moment::of),
            note: ending
                .and_then(|ending| ending.note.clone())
                .filter(|_| seen.is_some() || blamed.is_none())
                .unwrap_or_default(),
            link: seen.map(|token| token.id.clone()),
        }
    }
}

/// What happened to a token, by the reason that is kept.
fn verb(reason: Reason) -> &'static str {
    match reason {
        Reason::Deleted => "was deleted",
        Reason::Compromised => "was deleted, since it may have leaked,",
        Reason::Superseded => "was deleted, since another one took its place,",
        Reason::Unused => "was deleted, since nobody used it any more,",
        Reason::OwnerLeft => "was deleted, since its owner is gone,",
        Reason::RevokedByHolder => "was given back",
        Reason::ParentEnded => "ended with what it descends from",
        Reason::ReuseDetected => "was ended, since a spent string of it was presented again,",
        Reason::Disabled => "was disabled",
        Reason::Narrowed => "was narrowed",
        Reason::Rotated => "was given another string",
        Reason::TooManyRevocations => "was cut, since too many of its access tokens were revoked one by one,",
        Reason::ClockAccepted => "was ended, since it had expired by a wrong clock,",
    }
}

#[cfg(test)]
mod tests {
    use jeton_runtime::wit::types::Ending;

    use super::*;

    fn explanation(cause: Option<Cause>, link: Option<&str>, reason: Option<Reason>) -> Explanation {
        Explanation {
            alive: cause.is_none(),
            cause,
            ending: reason.map(|reason| Ending {
                at: 1,
                by: "root".to_owned(),
                reason,
                note: Some("a note".to_owned()),
            }),
            since: None,
            link: link.map(str::to_owned),
            epoch: None,
            client_id: None,
            jti: None,
            issued_at: None,
            expires_at: None,
            chain: Vec::new(),
        }
    }

    #[test]
    fn a_verdict_is_a_sentence_that_says_what_happened_and_by_whom() {
        let told = |cause, link, reason| Why::of(&explanation(cause, link, reason), "1", |_| true).sentence;
        assert_eq!(told(None, None, None), "It is alive: it can be exchanged.");
        assert_eq!(told(Some(Cause::Expired), Some("1"), None), "It is dead: it expired.");
        assert_eq!(
            told(Some(Cause::Ended), Some("1"), Some(Reason::Compromised)),
            "It is dead: it was deleted, since it may have leaked, by root."
        );
        assert_eq!(
            told(Some(Cause::Ended), Some("alice"), Some(Reason::OwnerLeft)),
            "It is dead: everything of the owner alice was deleted, since its owner is gone, by root."
        );
        assert_eq!(
            told(Some(Cause::Disabled), None, Some(Reason::Disabled)),
            "It is not taken: it was disabled by root."
        );
    }
}
