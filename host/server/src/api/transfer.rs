//! `/v1/export` and `/v1/import`: refresh tokens out of one authority and into another, as hashes.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use data_encoding::HEXLOWER;
use http::{Request, StatusCode, Uri};
use jeton_policy::authority::MAX_IMPORTED;
use jeton_runtime::Class;
use jeton_runtime::wit::refresh_tokens::{Bindings, LastUse};
use jeton_runtime::wit::transfer::{ExportedToken, ImportRefusal, Imported};
use jeton_runtime::wit::types::Ending;
use serde::{Deserialize, Deserializer, Serialize};

use super::json::Members;
use super::limits::{IMPORT_BODY_BYTES, PAGE_ITEMS};
use super::permissions::Caller;
use super::problem::Problem;
use super::refresh_tokens::{every_reason_named, reason_name};
use super::refusals::Refusal;
use super::time::{from_rfc3339, to_rfc3339};
use super::{answered, query, respond};
use crate::app::App;

/// A refresh token as a line of an export. Moments are RFC 3339.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    name: String,
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    parent: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    created_at: String,
    created_by: String,
    /// `null` is never: it must be said.
    #[serde(deserialize_with = "said")]
    expires_at: Option<String>,
    #[serde(default)]
    access_ttl: Option<u64>,
    #[serde(default)]
    not_before: Option<String>,
    #[serde(default)]
    networks: Vec<String>,
    #[serde(default)]
    networks_in_access_tokens: bool,
    #[serde(default)]
    audiences: Vec<String>,
    #[serde(default)]
    max_exchanges: Option<u64>,
    #[serde(default)]
    exchanges_left: Option<u64>,
    #[serde(default)]
    may_delegate: bool,
    #[serde(default)]
    rotates_on_use: bool,
    /// Lower-case hexadecimal; `null` for a tombstone.
    #[serde(default)]
    secret_sha256: Option<String>,
    #[serde(default)]
    last_use: Option<UseLine>,
    #[serde(default)]
    disabled: Option<EndingLine>,
    #[serde(default)]
    ended: Option<EndingLine>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UseLine {
    at: String,
    from: Option<String>,
    count: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndingLine {
    at: String,
    by: String,
    reason: String,
    note: Option<String>,
}

/// A member that may be `null` and may not be missing.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

/// `GET /v1/export`: a page of everything, oldest first, parents before their children.
pub(super) async fn export(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    let form = query::parse(&uri, &["limit", "cursor"])?;
    let limit = match query::one(&form, "limit")? {
        None => PAGE_ITEMS,
        Some(digits) => digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())
            .flatten()
            .ok_or_else(|| Problem::field("limit-out-of-range", "limit", "a page has 1 to 1000 items"))?,
    };
    let cursor = query::one(&form, "cursor")?;
    let exported = app.authority.call(Class::Reading, move |call| call.export(limit, cursor.as_deref()));
    let page = answered(exported).await?;
    let items: Vec<Line> = page.items.into_iter().map(Line::of).collect();
    Ok(respond::json(StatusCode::OK, &serde_json::json!({ "items": items, "next": page.next })))
}

/// `POST /v1/import`: takes at most 1000 tokens, and says of each what became of it.
pub(super) async fn import(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let mut members = Members::read_up_to(IMPORT_BODY_BYTES, request).await?;
    let items = members.values("items");
    members.finish()?;
    let items = items.unwrap_or_default();
    // The policy counts what it is given: those that cannot be read never come to it.
    if items.len() > MAX_IMPORTED {
        return Err(ImportRefusal::TooMany.row().problem());
    }
    let mut results: Vec<Option<Fate>> = Vec::new();
    let mut tokens = Vec::new();
    for item in items {
        match serde_json::from_value::<Line>(item).ok().and_then(Line::token) {
            Some(token) => {
                results.push(None);
                tokens.push(token);
            }
            None => results.push(Some(Fate::refused("item-malformed", MALFORMED))),
        }
    }
    let by = caller.by().to_owned();
    let imported = app.authority.call(Class::Administration, move |call| call.import(&caller.actor, &tokens));
    let mut given = answered(imported).await?.into_iter();
    let results: Vec<Fate> = results
        .into_iter()
        .map(|result| result.unwrap_or_else(|| given.next().map_or(Fate::refused("failed", MALFORMED), Fate::of)))
        .collect();
    let count = results.iter().filter(|result| result.result == "imported").count();
    tracing::info!(%by, count, "refresh tokens imported");
    Ok(respond::json(StatusCode::OK, &serde_json::json!({ "results": results })))
}

/// Reads one line of an export. `None`: a member is missing, unknown, or not of its type.
pub(super) fn read_line(line: &[u8]) -> Option<ExportedToken> {
    serde_json::from_slice::<Line>(line).ok().and_then(Line::token)
}

/// A token as a line of an export.
pub(super) fn written_line(token: ExportedToken) -> String {
    // A struct of texts and numbers always renders; an empty line is refused by every reader.
    serde_json::to_string(&Line::of(token)).unwrap_or_default()
}

const MALFORMED: &str = "a member is missing, unknown, or not of its type";

/// What became of one token.
#[derive(Serialize)]
struct Fate {
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

impl Fate {
    fn refused(code: &'static str, detail: &'static str) -> Self {
        Self { result: "refused", code: Some(code), detail: Some(detail) }
    }

    fn of(imported: Imported) -> Self {
        let plain = |result| Self { result, code: None, detail: None };
        match imported {
            Imported::Imported => plain("imported"),
            Imported::AlreadyThere => plain("already-there"),
            Imported::Differs => plain("differs"),
            Imported::Refused(refusal) => {
                let row = refusal.row();
                Self::refused(row.code(), row.sentence())
            }
            Imported::IdMalformed => {
                Self::refused("id-malformed", "the id of a refresh token has 22 characters of base62")
            }
            Imported::SecretMalformed => Self::refused(
                "secret-malformed",
                "`secret_sha256` has 64 hexadecimal digits; a tombstone has none, and every other token has one",
            ),
            Imported::ExchangesLeftOutOfRange => Self::refused(
                "exchanges-left-out-of-range",
                "`exchanges_left` is at most `max_exchanges`, and is there where that is",
            ),
            Imported::EndingMalformed => Self::refused(
                "ending-malformed",
                "who made, disabled or ended it has 1 to 200 visible ASCII characters, and a note at most 500 without control characters",
            ),
            Imported::CreatedInTheFuture => Self::refused("created-in-the-future", "a token was made in the past"),
        }
    }
}

impl Line {
    fn of(token: ExportedToken) -> Self {
        Self {
            id: token.id,
            name: token.name,
            owner: token.owner,
            parent: token.parent,
            scopes: token.scopes,
            created_at: to_rfc3339(token.created_at),
            created_by: token.created_by,
            expires_at: token.expires_at.map(to_rfc3339),
            access_ttl: token.access_ttl,
            not_before: token.bindings.not_before.map(to_rfc3339),
            networks: token.bindings.networks,
            networks_in_access_tokens: token.bindings.networks_in_access_tokens,
            audiences: token.bindings.audiences,
            max_exchanges: token.bindings.max_exchanges,
            exchanges_left: token.exchanges_left,
            may_delegate: token.may_delegate,
            rotates_on_use: token.rotates_on_use,
            secret_sha256: token.secret_sha256.map(|secret| HEXLOWER.encode(&secret)),
            last_use: token.last_use.map(|used| UseLine {
                at: to_rfc3339(used.at),
                from: used.address,
                count: used.count,
            }),
            disabled: token.disabled.map(EndingLine::of),
            ended: token.ending.map(EndingLine::of),
        }
    }

    /// The token that the line says; `None` where a moment, a reason or a digest cannot be read.
    fn token(self) -> Option<ExportedToken> {
        let moment = |text: Option<String>| text.map(|text| from_rfc3339(&text)).transpose().ok();
        Some(ExportedToken {
            id: self.id,
            name: self.name,
            owner: self.owner,
            parent: self.parent,
            scopes: self.scopes,
            created_at: from_rfc3339(&self.created_at).ok()?,
            created_by: self.created_by,
            expires_at: moment(self.expires_at)?,
            access_ttl: self.access_ttl,
            bindings: Bindings {
                not_before: moment(self.not_before)?,
                networks: self.networks,
                networks_in_access_tokens: self.networks_in_access_tokens,
                audiences: self.audiences,
                max_exchanges: self.max_exchanges,
            },
            may_delegate: self.may_delegate,
            rotates_on_use: self.rotates_on_use,
            secret_sha256: self.secret_sha256.map(|hex| HEXLOWER.decode(hex.as_bytes())).transpose().ok()?,
            exchanges_left: self.exchanges_left,
            last_use: match self.last_use {
                None => None,
                Some(used) => Some(LastUse { at: from_rfc3339(&used.at).ok()?, address: used.from, count: used.count }),
            },
            disabled: self.disabled.map(EndingLine::ending).map_or(Some(None), |ending| ending.map(Some))?,
            ending: self.ended.map(EndingLine::ending).map_or(Some(None), |ending| ending.map(Some))?,
        })
    }
}

impl EndingLine {
    fn of(ending: Ending) -> Self {
        Self {
            at: to_rfc3339(ending.at),
            by: ending.by,
            reason: reason_name(ending.reason).to_owned(),
            note: ending.note,
        }
    }

    fn ending(self) -> Option<Ending> {
        let (at, reason) = (from_rfc3339(&self.at).ok()?, every_reason_named(&self.reason)?);
        Some(Ending { at, by: self.by, reason, note: self.note })
    }
}
