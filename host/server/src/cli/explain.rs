//! `jeton explain`: why a token is dead or alive, in a sentence.

use http::Method;
use serde_json::{Value, json};

use super::{
    CliError, output,
    remote::{self, Options},
};

pub(super) const HELP: &str = "\
Examples:
  jeton explain 7lpW51ZSEDuhUKTqgdJrVL
  echo \"$TOKEN\" | jeton explain -

It asks with the id of a refresh token (22 characters), the `jti` of an access token (55), or, as `-`, with either token itself on
standard input. Asking changes nothing. JETON_TOKEN holds the refresh token of an administrator, or of a reader.";

/// Characters of the id of a refresh token, and of a `jti`.
const ID_LENGTH: usize = 22;
const JTI_LENGTH: usize = 55;

#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The id of a refresh token, a `jti`, or `-` for a token on standard input
    #[arg(value_name = "ID|JTI|-")]
    subject: String,
    #[command(flatten)]
    options: Options,
}

impl Explain {
    pub(super) fn run(self) -> Result<(), CliError> {
        let (method, path, body) = match self.subject.as_str() {
            "-" => {
                let token = remote::token_on_stdin("a token is expected on standard input")?;
                (Method::POST, "/v1/explain".to_owned(), Some(json!({ "token": token.as_str() })))
            }
            id if is_base62(id, ID_LENGTH) => (Method::GET, format!("/v1/explain?token_id={id}"), None),
            jti if is_base62(jti, JTI_LENGTH) => (Method::GET, format!("/v1/explain?jti={jti}"), None),
            _ => {
                return Err(CliError::Usage(
                    "that is neither an id (22 letters and digits) nor a `jti` (55); a token itself is given on standard input, with `-`"
                        .to_owned(),
                ));
            }
        };
        let explained = self.options.remote.administrator()?.call(method, &path, body.as_ref())?;
        if self.options.json {
            return Ok(output::json(&explained)?);
        }
        Ok(output::line(&sentence(&explained))?)
    }
}

fn is_base62(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The explanation as one would say it.
fn sentence(explained: &Value) -> String {
    let text = |name: &str| explained.get(name).and_then(Value::as_str);
    if explained.get("alive") == Some(&json!(true)) {
        return match text("expires_at") {
            Some(expiry) => format!("alive; it expires at {expiry}"),
            None => "alive; it never expires".to_owned(),
        };
    }
    let since = text("since").map(|since| format!(" since {since}")).unwrap_or_default();
    format!("dead{since}: {}", why(explained))
}

fn why(explained: &Value) -> String {
    let text = |name: &str| explained.get(name).and_then(Value::as_str);
    let whose = whose(explained);
    let why = match text("cause").unwrap_or_default() {
        "epoch" => {
            let of = |name| explained.get("epoch").and_then(|epoch| epoch.get(name)).and_then(Value::as_str);
            format!(
                "it is of an epoch that is over; the present one was begun by {} ({})",
                of("by").unwrap_or("nobody known"),
                of("reason").unwrap_or("unknown")
            )
        }
        "expired" => format!("{whose} expired"),
        "not-yet-valid" => "its `iat` lies in the future".to_owned(),
        "not-before" => "it is not taken before a later moment (`not_before`)".to_owned(),
        "used-up" => "it has no exchanges left".to_owned(),
        "unknown" => "it was never one of this authority's, or nothing is known of it any more".to_owned(),
        "wrong-secret" => "its secret is none that is taken; it was replaced, or never was".to_owned(),
        _ => match text("by") {
            Some(by) => format!("{whose} {} by {by}", verb(text("reason").unwrap_or_default())),
            None => format!("{whose} was revoked"),
        },
    };
    let note = text("note").map(|note| format!(", \"{note}\"")).unwrap_or_default();
    format!("{why}{note}")
}

/// The link that is to blame, as the one who asked knows it.
fn whose(explained: &Value) -> String {
    let text = |name: &str| explained.get(name).and_then(Value::as_str);
    let Some(link) = text("link") else { return "it, or something that it descends from,".to_owned() };
    if text("jti") == Some(link) {
        return "this access token".to_owned();
    }
    let chain = explained.get("chain").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let place = chain.iter().position(|record| record.get("id").and_then(Value::as_str) == Some(link));
    let name = place.and_then(|place| chain.get(place)).and_then(|record| record.get("name")).and_then(Value::as_str);
    let name = name.map(|name| format!(" `{name}`")).unwrap_or_default();
    match place {
        Some(0) if text("jti").is_none() => "this refresh token".to_owned(),
        Some(0) => format!("its refresh token {link}{name}"),
        Some(1) => format!("refresh token {link}{name}, the parent,"),
        Some(_) => format!("refresh token {link}{name}, an ancestor,"),
        None => format!("everything of the owner {link}"),
    }
}

fn verb(reason: &str) -> String {
    match reason {
        "deleted" => "was deleted".to_owned(),
        "disabled" => "was disabled".to_owned(),
        "narrowed" => "was narrowed".to_owned(),
        "rotated" => "was given another secret".to_owned(),
        "revoked-by-holder" => "was given back".to_owned(),
        "reuse-detected" => "was ended, since a spent secret was presented again,".to_owned(),
        "clock-accepted" => "was ended, since it had expired by a wrong clock,".to_owned(),
        "too-many-revocations" => "was cut, since too many of its access tokens were revoked one by one,".to_owned(),
        reason => format!("was ended ({reason})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7lpW51ZSEDuhUKTqgdJrVL";

    #[test]
    fn an_explanation_is_a_sentence_that_names_the_link_the_act_and_the_note() {
        let chain = json!([{ "id": "1", "name": "job" }, { "id": ID, "name": "team" }]);
        let parent = json!({
            "alive": false, "cause": "cut", "since": "2027-01-31T12:00:00Z", "link": ID, "by": "machine",
            "reason": "compromised", "note": "in a log", "jti": "x", "chain": chain,
        });
        assert_eq!(
            sentence(&parent),
            format!(
                "dead since 2027-01-31T12:00:00Z: refresh token {ID} `team`, the parent, was ended (compromised) by machine, \"in a log\""
            )
        );
        let itself = json!({ "alive": false, "cause": "disabled", "link": "1", "by": "a", "reason": "disabled", "chain": chain });
        assert_eq!(sentence(&itself), "dead: this refresh token was disabled by a");
        let owner = json!({ "alive": false, "cause": "cut", "link": "alice", "by": "a", "reason": "owner-left", "chain": chain });
        assert_eq!(sentence(&owner), "dead: everything of the owner alice was ended (owner-left) by a");
        let alive = json!({ "alive": true, "expires_at": "2027-01-31T12:00:00Z" });
        assert_eq!(sentence(&alive), "alive; it expires at 2027-01-31T12:00:00Z");
    }

    #[test]
    fn a_token_is_never_an_argument() {
        assert!(is_base62(ID, ID_LENGTH) && !is_base62("a.b.c", ID_LENGTH));
    }
}
