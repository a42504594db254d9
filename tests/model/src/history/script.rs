//! Histories in words.

use std::fmt;

use super::{Act, Answer, Call};
use crate::TokenAsk;

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>5} to {:<5} client {}", self.begun, self.ended, self.client)?;
        if let Some(by) = &self.by {
            write!(f, " with {by}")?;
        }
        write!(f, ": {} -> {}", self.act, self.answer)
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { ask, parent } => {
                write!(f, "create {:?} with {:?}", ask.name, ask.scopes.join(" "))?;
                parent.iter().try_for_each(|parent| write!(f, " under {parent}"))?;
                ask.owner.iter().try_for_each(|owner| write!(f, " of {owner}"))?;
                ask.bindings.max_exchanges.iter().try_for_each(|most| write!(f, " for {most} exchanges"))?;
                ask.key.iter().try_for_each(|key| write!(f, " by key {key}"))?;
                let conduct = [(ask.may_delegate, " delegating"), (ask.rotates_on_use, " rotating")];
                conduct.iter().filter(|(is, _)| *is).try_for_each(|(_, what)| f.write_str(what))
            }
            Self::Exchange { secret, ask, by_rfc_8693 } => {
                write!(f, "exchange {secret}{}{}", if *by_rfc_8693 { " by RFC 8693" } else { "" }, asked(ask))
            }
            Self::Delegate { secret, ask } => write!(f, "delegate {secret}{}", asked(ask)),
            Self::ExchangeAccess { access, ask } => write!(f, "exchange {access}{}", asked(ask)),
            Self::Introspect { access } => write!(f, "introspect {access}"),
            Self::ForwardAuth { access, .. } => write!(f, "forward-auth {access}"),
            Self::Show { token } => write!(f, "show {token}"),
            Self::Edit { token, edit, generation } => {
                let all = format!("{edit:?}");
                let members = all.trim_start_matches("Edit { ").trim_end_matches(" }");
                let given: Vec<&str> = members.split(", ").filter(|member| !member.ends_with(": None")).collect();
                write!(f, "edit {token}{}: {}", condition(*generation), given.join(", "))
            }
            Self::Rotate { token, overlap, generation } => {
                write!(f, "rotate {token}{} with {overlap} s of overlap", condition(*generation))
            }
            Self::Delete { tokens, reason } => write!(f, "delete {} ({reason:?})", tokens.join(" ")),
            Self::DeleteOwned { owner, reason } => write!(f, "delete all of {owner} ({reason:?})"),
            Self::DeleteAccess { access, reason } => write!(f, "delete {access} ({reason:?})"),
            Self::GiveBack { secret } => write!(f, "give {secret} back"),
            Self::GiveBackAccess { access } => write!(f, "give {access} back"),
            Self::Advance => f.write_str("advance the epoch"),
            Self::Set { change, generation, at_once, dry_run } => {
                let how = [(*at_once, " at once"), (*dry_run, " in a dry run")];
                write!(f, "set {change:?}{}", condition(*generation))?;
                how.iter().filter(|(is, _)| *is).try_for_each(|(_, what)| f.write_str(what))
            }
            Self::ShowSettings => f.write_str("show the settings"),
            Self::ShowEpoch => f.write_str("show the epoch"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CallerRefused => f.write_str("the caller is not alive"),
            Self::Refused(code) => write!(f, "refused: {code}"),
            Self::Created { token, secret: Some(secret), record } => {
                write!(f, "{token}, its secret {secret}, {}", record.told())
            }
            Self::Created { token, secret: None, record } => write!(f, "{token} again, {}", record.told()),
            Self::Minted { access, scopes, expires_in, successor, .. } => {
                write!(f, "{access} with {:?} for {expires_in} s", scopes.join(" "))?;
                successor.iter().try_for_each(|successor| write!(f, ", and {successor}"))
            }
            Self::Delegated { token, secret, scopes, successor, .. } => {
                write!(f, "{token}, its secret {secret}, with {:?}", scopes.join(" "))?;
                successor.iter().try_for_each(|successor| write!(f, ", and {successor}"))
            }
            Self::Shown(record) => f.write_str(&record.told()),
            Self::Rotated { secret, record } => write!(f, "{secret}, {}", record.told()),
            Self::Alive { client, scopes, .. } => write!(f, "alive, of {client} with {:?}", scopes.join(" ")),
            Self::Dead => f.write_str("dead"),
            Self::Deletions(deletions) => write!(f, "{deletions:?}"),
            Self::Done => f.write_str("done"),
            Self::Settings(settings) => {
                write!(f, "{} s of access, at generation {}", settings.access_token_expiration, settings.generation)
            }
            Self::Epoch(number) => write!(f, "epoch {number}"),
        }
    }
}

fn asked(ask: &TokenAsk) -> String {
    let scope = ask.scope.as_ref().map(|scope| format!(" for {:?}", scope.join(" ")));
    scope.unwrap_or_default()
}

fn condition(generation: Option<u64>) -> String {
    generation.map(|generation| format!(" if at generation {generation}")).unwrap_or_default()
}
