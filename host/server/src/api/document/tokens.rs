//! Refresh tokens, and what ends access tokens.

use http::Method;
use jeton_policy::authority::{MAX_BATCH, MAX_EXCHANGES, MAX_KEY_LENGTH, MAX_OVERLAP, MAX_PAGE};
use jeton_runtime::CallError;
use jeton_runtime::wit::refresh_tokens::{
    DeleteRefusal, EditRefusal, IssueRefusal, ListRefusal, RotateRefusal, ShowRefusal,
};
use serde_json::json;

use super::components::example_record;
use super::operation::Op;
use super::schema::{
    Member, Said, audiences, either, expires_in, id, jti, list, list_of, list_or_null, may, moment, must, name, named,
    networks, note, object, one_of, only_true, or_null, owner, part_of_name, scopes, text, text_of, truth, whole,
};
use crate::api::problem::ProblemKind;
use crate::api::refresh_tokens::{GIVEN_REASONS, STATES, reason_name};

const TAG: &str = super::TOKENS;

/// All of them.
pub(super) fn operations() -> Vec<Op> {
    vec![list_them(), create(), show(), edit(), delete(), delete_many(), rotate(), delete_access_token()]
}

/// Why an administrator ends something.
fn reason() -> utoipa::openapi::schema::ObjectBuilder {
    one_of(GIVEN_REASONS.map(reason_name))
}

fn list_them() -> Op {
    let sorts = ["created", "-created", "name", "-name", "expires", "-expires", "last_used", "-last_used"];
    let op = Op::new(Method::GET, "/v1/refresh-tokens", TAG, "listRefreshTokens", "List refresh tokens")
        .says("Filters narrow together. The newest are first, unless a filter or `sort` says otherwise. A page examines a bounded number of records.")
        .query("state", "Those in this state", one_of(STATES.map(|(name, _)| name)))
        .query("name", "Those whose name begins so, byte for byte", part_of_name())
        .query("name_contains", "Those whose name has this part, whatever the case", part_of_name())
        .query("owner", "Those of this owner", owner())
        .query("parent", "Those issued directly under the refresh token of this id", id());
    let spans = [
        ("created_from", "Made from then on"),
        ("created_until", "Made before then"),
        ("expires_from", "That expire from then on"),
        ("expires_until", "That expire before then"),
        ("last_used_from", "Used last from then on"),
        ("last_used_until", "Used last before then"),
    ];
    let op = spans.into_iter().fold(op, |op, (name, says)| op.query(name, says, moment()));
    op.query("never_used", "Those of which no use is known", truth())
        .query("sort", "The order; with a `-` in front the other way round", one_of(sorts))
        .query(
            "limit",
            "Items of a page",
            whole(1, MAX_PAGE.into()).default(Some(json!(crate::api::limits::PAGE_ITEMS))),
        )
        .query("cursor", "The `next` of an earlier page of the same query", text())
        .gives_such_as(200, "A page", named("RefreshTokenPage"), json!({ "items": [example_record()], "next": null }))
        .strict_query()
        .refuses(
            ProblemKind::InvalidInput,
            &["state-unknown", "sort-unknown", "time-malformed", "neither-true-nor-false"],
        )
        .refused_by::<ListRefusal>()
        .refused_by::<CallError>()
}

/// The ways to say when it expires: none, or one of them.
fn expiry() -> Vec<Member> {
    vec![
        may("expires_at", "When it expires; one of the three, or the setting's", moment()),
        may("expires_in", "The same as seconds from now", expires_in()),
        may("never", "It never expires", only_true()),
    ]
}

fn access_ttl() -> utoipa::openapi::schema::ObjectBuilder {
    let bounds = jeton_policy::authority::ACCESS_TOKEN_EXPIRATION;
    whole(bounds.start().0, bounds.end().0)
}

fn create() -> Op {
    let mut members = vec![
        must("name", "What it is called", name()),
        may("scopes", "What it is good for; without: nothing but to be verified", scopes()),
        may("parent", "What it descends from, for good", or_null(id())),
        may("owner", "Whose it is, for good", or_null(owner())),
        may("access_ttl", "Seconds that its access tokens live; without: the setting's", or_null(access_ttl())),
        may("not_before", "It is exchanged from then on", or_null(moment())),
        may("networks", "It is exchanged from these networks alone", networks()),
        may("networks_in_access_tokens", "Its access tokens hold in them alone, too", truth()),
        may(
            "audiences",
            "Its access tokens are for one of these URIs, the first unless `resource` asks for another",
            audiences(),
        ),
        may("max_exchanges", "It is exchanged so many times", or_null(whole(1, MAX_EXCHANGES))),
        may("may_delegate", "Its holder may issue refresh tokens under it", truth()),
        may("rotates_on_use", "Each exchange replaces it", truth()),
    ];
    members.extend(expiry());
    let example = json!({ "name": "nightly job", "expires_in": 7_776_000, "scopes": ["reports:read"], "owner": "alice@example.com" });
    Op::new(Method::POST, "/v1/refresh-tokens", TAG, "createRefreshToken", "Make a refresh token")
        .says("Its string is in the answer, this once. Nobody grants a `jeton:` scope that they lack.")
        .header(
            "Idempotency-Key",
            "Whoever repeats a request under the same key within 24 hours makes nothing new",
            text_of(1, MAX_KEY_LENGTH).pattern(Some("^[!-~]+$")),
        )
        .takes(object(members).into(), example)
        .gives(201, "The record and, this once, the refresh token", named("RefreshTokenWithSecret"))
        .with_header(201, "Location", "Where the record is")
        .with_header(201, "ETag", "Its generation")
        .gives_such_as(
            200,
            "The record that an earlier request under the same `Idempotency-Key` made",
            named("RefreshToken"),
            example_record(),
        )
        .with_header(200, "ETag", "Its generation")
        .refused_by::<IssueRefusal>()
        .refused_by::<CallError>()
}

fn show() -> Op {
    Op::new(Method::GET, "/v1/refresh-tokens/{id}", TAG, "showRefreshToken", "Show one, dead or alive")
        .path("id", "Its id", id())
        .gives_such_as(200, "The record", named("RefreshToken"), example_record())
        .with_header(200, "ETag", "Its generation")
        .refused_by::<ShowRefusal>()
        .refused_by::<CallError>()
}

fn edit() -> Op {
    let mut members = vec![
        may("name", "What it is called", name()),
        may("enabled", "`false` ends at once what it gave out; enabling revives nothing", truth()),
        may("scopes", "What it is good for; `null`: nothing", list_or_null(scopes())),
        may("access_ttl", "Seconds that its access tokens live; `null`: the setting's", or_null(access_ttl())),
        may("not_before", "It is exchanged from then on", or_null(moment())),
        may("networks", "It is exchanged from these networks alone", list_or_null(networks())),
        may("networks_in_access_tokens", "Its access tokens hold in them alone, too", truth()),
        may("audiences", "Whom its access tokens are for", list_or_null(audiences())),
        may("max_exchanges", "It is exchanged so many times", or_null(whole(1, MAX_EXCHANGES))),
        may("may_delegate", "Its holder may issue refresh tokens under it", truth()),
        may("rotates_on_use", "Each exchange replaces it", truth()),
        may("note", "Why it is disabled", note()),
    ];
    members.extend(expiry());
    // What these are about an edit does not take.
    let others = [
        "idempotency-key-malformed",
        "idempotency-key-reused",
        "owner-malformed",
        "parent-malformed",
        "parent-not-found",
        "parent-ended",
        "too-deep",
        "delegation-not-allowed",
    ];
    Op::new(Method::PATCH, "/v1/refresh-tokens/{id}", TAG, "editRefreshToken", "Change what is sent, and leave the rest")
        .says("`null` takes away what can be taken away. What narrows it ends at once what is out; what has ended is not changed.")
        .path("id", "Its id", id())
        .if_match()
        .takes(object(members).into(), json!({ "enabled": false, "note": "may have leaked" }))
        .gives_such_as(200, "The record as it is then", named("RefreshToken"), example_record())
        .with_header(200, "ETag", "Its generation")
        .refused_by::<IssueRefusal>()
        .never(&others)
        .refused_by::<EditRefusal>()
        .refused_by::<CallError>()
}

fn delete() -> Op {
    Op::new(Method::DELETE, "/v1/refresh-tokens/{id}", TAG, "deleteRefreshToken", "End a refresh token")
        .says("With it end its children, and every access token that descends from it. The same again is 204, too.")
        .path("id", "Its id", id())
        .query("reason", "Why", reason())
        .query("note", "Why, in your own words", note())
        .gives_nothing(204, "It has ended, and nothing accepts what it gave out")
        .strict_query()
        .refuses(ProblemKind::InvalidInput, &["reason-unknown"])
        .refuses(ProblemKind::NotFound, &["no-such-token"])
        .refused_by::<DeleteRefusal>()
        .never(&["too-many", "owner-malformed", "no-such-owner", "jti-malformed"])
        .refused_by::<CallError>()
}

fn delete_many() -> Op {
    let why = || [may("reason", "Why", reason()), may("note", "Why, in your own words", note())];
    let cursor = || may("cursor", "The `next` of the step before", text());
    let by_ids = object([must("ids", "Which", list_of(text(), MAX_BATCH))].into_iter().chain(why()));
    let by_owner = object([must("owner", "Everything of this owner, by one cut", owner())].into_iter().chain(why()));
    let owners = object(
        [must("owner", "Whose would end", owner()), must("dry_run", "Nothing ends", only_true()), cursor()]
            .into_iter()
            .chain(why()),
    );
    let filter = || {
        must(
            "filter",
            "Those that `GET /v1/refresh-tokens` finds by this query string",
            text_of(1, usize::from(u16::MAX)),
        )
    };
    let by_filter = object([filter(), cursor(), may("dry_run", "Nothing ends", only_true())].into_iter().chain(why()));
    let body: Said = either([by_ids, by_owner, owners, by_filter].map(Into::into));
    let outcome = object([
        must("id", "As it was given", text()),
        must("result", "What became of it", one_of(["deleted", "already-deleted", "not-found"])),
    ]);
    let advanced = || {
        may(
            "advanced_epoch",
            "There was no room for so many cuts: this epoch began, and every access token is dead",
            super::schema::from(0),
        )
    };
    let batch = object([
        must("results", "One for each id, in their order", list(outcome)),
        may("next", "Of a filter: where the next step begins; `null`: this was the last", or_null(text())),
        advanced(),
    ]);
    let of_owner = object([must("owner", "Whose", text()), must("result", "", one_of(["deleted"])), advanced()]);
    let preview = object([
        must("matched", "How many living ones this step found", super::schema::from(0)),
        must("first", "The first 100 of them", list_of(named("RefreshToken"), 100)),
        must("next", "Where the next step begins; `null`: this was the last", or_null(text())),
    ]);
    let answer = either([batch, of_owner, preview].map(Into::into));
    Op::new(Method::POST, "/v1/refresh-tokens/delete", TAG, "deleteRefreshTokens", "End many: by their ids, of an owner, or by a filter")
        .says(format!("At most {MAX_BATCH} a call; a filter goes on by `cursor`. All that are known end, or none. With `dry_run` nothing ends."))
        .takes(body, json!({ "ids": ["7mH7s6lg79RIaS3eD7phsT"], "reason": "compromised", "note": "found in a log" }))
        .gives_such_as(200, "What became of them, or would", answer, json!({ "results": [{ "id": "7mH7s6lg79RIaS3eD7phsT", "result": "deleted" }] }))
        .refuses(ProblemKind::InvalidInput, &[
            "filter-malformed", "malformed-query", "unknown-parameter", "state-unknown", "sort-unknown", "time-malformed",
            "neither-true-nor-false",
        ])
        .refused_by::<ListRefusal>()
        .refused_by::<DeleteRefusal>()
        .never(&["jti-malformed"])
        .refused_by::<CallError>()
}

fn rotate() -> Op {
    let body = object([may(
        "overlap_seconds",
        "How long the old string is taken; without: it is dead",
        whole(0, MAX_OVERLAP.0),
    )]);
    Op::new(Method::POST, "/v1/refresh-tokens/{id}/rotate", TAG, "rotateRefreshToken", "Replace its string")
        .says("It keeps its id. Without overlap everything that the old string gave out is dead.")
        .path("id", "Its id", id())
        .if_match()
        .may_take(body.into(), json!({ "overlap_seconds": 3600 }))
        .gives(200, "The record and, this once, the new refresh token", named("RefreshTokenWithSecret"))
        .with_header(200, "ETag", "Its generation")
        .refused_by::<RotateRefusal>()
        .refused_by::<CallError>()
}

fn delete_access_token() -> Op {
    Op::new(Method::DELETE, "/v1/access-tokens/{jti}", TAG, "deleteAccessToken", "End one access token")
        .says("The same again is 204, too, and so is one that had expired.")
        .path("jti", "Its `jti`", jti())
        .query("reason", "Why", reason())
        .query("note", "Why, in your own words", note())
        .gives_nothing(204, "It has ended")
        .strict_query()
        .refuses(ProblemKind::InvalidInput, &["reason-unknown"])
        .refuses(ProblemKind::NotFound, &["no-such-token"])
        .refused_by::<DeleteRefusal>()
        .never(&["too-many", "owner-malformed", "no-such-owner"])
        .refused_by::<CallError>()
}
