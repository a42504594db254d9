//! Acts in the words of the page.

use serde::Serialize;

/// Kinds of acts, each with the acts of it and what they are called. A kind is asked for by what stands before the dot.
const ALL: &[(&str, &[(&str, &str)])] = &[
    (
        "Refresh tokens",
        &[
            ("refresh-token", "anything with refresh tokens"),
            ("refresh-token.create", "created a refresh token"),
            ("refresh-token.edit", "edited a refresh token"),
            ("refresh-token.disable", "disabled a refresh token"),
            ("refresh-token.enable", "enabled a refresh token"),
            ("refresh-token.rotate", "replaced a secret"),
            ("refresh-token.delete", "deleted refresh tokens"),
            ("refresh-token.import", "imported refresh tokens"),
            ("refresh-token.delegate", "created a refresh token below its own"),
            ("refresh-token.reuse", "ended a refresh token whose spent secret came again"),
            ("owner.delete", "deleted everything of an owner"),
            ("access-token.delete", "ended an access token"),
            ("token.revoke", "gave a token back"),
            ("exchange.refuse", "was refused at an exchange"),
        ],
    ),
    (
        "Signing in",
        &[
            ("session", "anything with sessions"),
            ("session.begin", "signed in"),
            ("session.end", "ended sessions"),
            ("session.second-factor", "showed a second factor"),
            ("session.code", "signed in with a one-time code"),
            ("session.refuse", "was refused at the sign-in"),
        ],
    ),
    (
        "Users",
        &[
            ("account", "anything with users"),
            ("account.create", "added a user"),
            ("account.role", "changed a role"),
            ("account.disable", "disabled a user"),
            ("account.enable", "enabled a user"),
            ("account.reset", "reset a user"),
            ("account.remove", "removed a user"),
            ("account.password", "set a password"),
            ("account.second-factor-on", "switched a second factor on"),
            ("account.second-factor-off", "switched a second factor off"),
        ],
    ),
    (
        "The authority",
        &[
            ("settings.change", "changed the settings"),
            ("epoch.begin", "began with an epoch"),
            ("epoch.advance", "ended the epoch"),
            ("policy.load", "loaded a policy"),
            ("policy.take-back", "took a policy back"),
            ("authority.start", "started the authority"),
            ("issuer.set", "set the issuer"),
            ("clock.accept", "accepted the clock"),
            ("store.backup", "made a backup"),
            ("store.restore", "restored a backup"),
            ("audit.prune", "took old entries away"),
        ],
    ),
    ("Rights", &[("access.refuse", "lacked a right, or showed no living token"), ("other.refuse", "was refused")]),
];

/// Choices of one kind.
#[derive(Serialize)]
pub(super) struct Choices {
    kind: &'static str,
    acts: Vec<Choice>,
}

#[derive(Serialize)]
struct Choice {
    name: String,
    words: String,
    is_chosen: bool,
}

/// An act in words; one that is not known here by its name.
pub(super) fn of(act: &str) -> &str {
    let mut acts = ALL.iter().flat_map(|(_, acts)| *acts);
    acts.find(|(name, _)| *name == act).map_or(act, |(_, words)| words)
}

/// What can be chosen from, and what is chosen, be it known here or not.
pub(super) fn choices(chosen: &str) -> Vec<Choices> {
    let choice = |(name, words): &(&str, &str)| Choice {
        name: (*name).to_owned(),
        words: (*words).to_owned(),
        is_chosen: *name == chosen,
    };
    let mut all: Vec<Choices> =
        ALL.iter().map(|(kind, acts)| Choices { kind, acts: acts.iter().map(choice).collect() }).collect();
    let is_known = all.iter().any(|choices| choices.acts.iter().any(|choice| choice.is_chosen));
    if !chosen.is_empty() && !is_known {
        let act = Choice { name: chosen.to_owned(), words: chosen.to_owned(), is_chosen: true };
        all.push(Choices { kind: "Other", acts: vec![act] });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_that_nobody_knows_is_called_by_its_name_and_stays_chosen() {
        assert_eq!(of("refresh-token.delete"), "deleted refresh tokens");
        assert_eq!(of("other.act"), "other.act");
        let chosen = |act| {
            let all = choices(act);
            let chosen = all.into_iter().flat_map(|choices| choices.acts).filter(|choice| choice.is_chosen);
            chosen.map(|choice| choice.name).collect::<Vec<_>>()
        };
        assert_eq!(
            (chosen("account"), chosen("other.act"), chosen("")),
            (vec!["account".into()], vec!["other.act".into()], vec![])
        );
    }
}
