//! What administrators do beside refresh tokens: settings, epoch, policy, explanations, the audit log, export and import.

use http::Method;
use jeton_policy::authority::{
    ACCESS_TOKEN_EXPIRATION, MAX_ANCESTORS, MAX_CATALOGUE, MAX_IMPORTED, MAX_PAGE, REFRESH_TOKEN_EXPIRATION,
    TOMBSTONE_RETENTION,
};
use jeton_policy::scope::MAX_SCOPE_LENGTH;
use jeton_policy::seconds::Seconds;
use jeton_runtime::CallError;
use jeton_runtime::wit::configuration::SettingsRefusal;
use jeton_runtime::wit::epochs::EpochRefusal;
use jeton_runtime::wit::explanations::ExplainRefusal;
use jeton_runtime::wit::transfer::{ExportRefusal, ImportRefusal};
use serde_json::json;
use utoipa::openapi::schema::ObjectBuilder;

use super::components::{page, policy, sha256};
use super::operation::Op;
use super::schema::{
    either, from, id, jti, list, list_of, list_or_null, may, moment, must, named, number, object, one_of, or_null,
    text, text_of, truth, whole,
};
use crate::algorithm::Algorithm;
use crate::api::limits::{IMPORT_BODY_BYTES, PAGE_ITEMS, PRESENTED_TOKEN_BYTES};
use crate::api::problem::ProblemKind;
use crate::notices::notice::Kind;

const TAG: &str = super::ADMINISTRATION;

/// All of them.
pub(super) fn operations() -> Vec<Op> {
    vec![
        show_self(),
        explain(),
        explain_token(),
        settings(),
        change_settings(),
        epoch(),
        advance(),
        show_policy(),
        load_policy(),
        audit(),
        notices(),
        export(),
        import(),
    ]
}

fn show_self() -> Op {
    Op::new(Method::GET, "/v1/self", TAG, "showSelf", "What the presented access token is")
        .says("Any living access token may ask about itself, whatever its scopes.")
        .gives(200, "Its claims, and when it ends", named("Claims"))
}

fn explained(op: Op) -> Op {
    op.gives(200, "Why it is dead, or that it is alive", named("Explanation"))
        .refused_by::<ExplainRefusal>()
        .refused_by::<CallError>()
}

fn explain() -> Op {
    let op = Op::new(Method::GET, "/v1/explain", TAG, "explainById", "Why a token is dead or alive, by its id")
        .says("Asks about one: `token_id` or `jti`. Asking changes nothing.")
        .query("token_id", "The id of a refresh token", id())
        .query("jti", "The `jti` of an access token", jti())
        .strict_query()
        .refuses(ProblemKind::InvalidInput, &["one-subject"]);
    explained(op)
}

fn explain_token() -> Op {
    let body = object([must(
        "token",
        "A refresh or access token, which is repeated nowhere",
        text_of(1, PRESENTED_TOKEN_BYTES),
    )]);
    let op =
        Op::new(Method::POST, "/v1/explain", TAG, "explainToken", "Why a token is dead or alive, by the token itself")
            .says("Asking changes nothing, not even with a spent secret.")
            .takes(body.into(), json!({ "token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSJ9..." }));
    explained(op)
}

fn settings() -> Op {
    Op::new(Method::GET, "/v1/settings", TAG, "showSettings", "The settings in force")
        .gives(200, "The settings", named("Settings"))
        .with_header(200, "ETag", "Their generation")
        .refuses(ProblemKind::Unavailable, &["unavailable"])
        .refused_by::<CallError>()
}

fn seconds(bounds: &core::ops::RangeInclusive<Seconds>) -> ObjectBuilder {
    whole(bounds.start().0, bounds.end().0)
}

fn change_settings() -> Op {
    let (access, refresh) = (|| seconds(&ACCESS_TOKEN_EXPIRATION), || seconds(&REFRESH_TOKEN_EXPIRATION));
    let levels = u64::try_from(MAX_ANCESTORS).unwrap_or(u64::MAX);
    let scope = text_of(1, MAX_SCOPE_LENGTH);
    let body = object([
        may(
            "access_token_expiration",
            "Seconds that an access token lives where its refresh token does not say",
            access(),
        ),
        may("access_token_minimum", "The least that a refresh token may say", access()),
        may("access_token_maximum", "The most", access()),
        may("refresh_token_expiration", "Seconds that a refresh token lives where nothing else is said", refresh()),
        may("refresh_token_maximum", "The most that one lives; `null`: any time", or_null(refresh())),
        may("never_allowed", "Whether a new one may be without an end", truth()),
        may("unique_names", "Whether a new one must have a name of its own", truth()),
        may(
            "scopes",
            "The scopes that exist beside the `jeton:` ones; `null`: any",
            list_or_null(list_of(scope, MAX_CATALOGUE)),
        ),
        may("delegation_levels", "How many levels a new one may lie below another", whole(0, levels)),
        may("holder_delegation", "Whether holders may issue refresh tokens under theirs", truth()),
        may("tombstone_retention", "Seconds that is kept what remains of dead ones", seconds(&TOMBSTONE_RETENTION)),
    ]);
    let dry_run = object([
        must("settings", "As they would be", named("Settings")),
        must("affected", "How many refresh tokens would live shorter or be granted less", from(0)),
        must("first", "The first 100 of them, as they are now", list_of(named("RefreshToken"), 100)),
        must("examined", "How many were looked at", from(0)),
        must("complete", "Whether those were all", truth()),
        must("as_of", "When it was begun", moment()),
    ]);
    Op::new(Method::PATCH, "/v1/settings", TAG, "changeSettings", "Change settings, or see whom a change would hit")
        .query("dry_run", "Nothing changes, and the answer says whom it would hit", truth())
        .query("apply", "`at_once` ends what is out, too, by a new epoch", one_of(["next_exchange", "at_once"]))
        .if_match()
        .takes(body.into(), json!({ "access_token_expiration": 600 }))
        .gives(
            200,
            "The settings in force then, or what the change would do",
            either([named("Settings"), dry_run.into()]),
        )
        .with_header(200, "ETag", "Their generation")
        .strict_query()
        .refuses(ProblemKind::InvalidInput, &["neither-true-nor-false", "apply-unknown"])
        .refused_by::<SettingsRefusal>()
        .refused_by::<CallError>()
}

fn epoch() -> Op {
    Op::new(Method::GET, "/v1/epoch", TAG, "showEpoch", "The epoch in force")
        .gives(200, "The epoch", named("Epoch"))
        .refused_by::<EpochRefusal>()
        .refused_by::<CallError>()
}

fn advance() -> Op {
    let body = object([may(
        "alg",
        "What its tokens are signed with; without: as before",
        one_of(Algorithm::ALL.map(Algorithm::name)),
    )]);
    Op::new(Method::POST, "/v1/epoch/advance", TAG, "advanceEpoch", "Begin a new epoch")
        .says("Every access token is dead when this answers, the caller's own too. Refresh tokens live on.")
        .may_take(body.into(), json!({ "alg": "EdDSA" }))
        .gives(200, "The new epoch", named("Epoch"))
        .refused_by::<EpochRefusal>()
        .refused_by::<CallError>()
}

fn show_policy() -> Op {
    Op::new(Method::GET, "/v1/policy", TAG, "showPolicy", "The policy in force").gives(
        200,
        "The policy",
        named("Policy"),
    )
}

fn load_policy() -> Op {
    let body = object([may("sha256", "What one of the files must be", sha256())]);
    let answer =
        || object(policy().into_iter().chain([must("replaced", "`false`: the files are what is in force", truth())]));
    Op::new(Method::POST, "/v1/policy", TAG, "loadPolicy", "Load the files of `--policy` anew")
        .says(
            "They are tried first, which takes seconds. What fails is not put in force. \
             After 202 the order goes on, and `last_order` of the policy tells what came of it.",
        )
        .may_take(body.into(), json!({}))
        .gives(200, "The policy in force then", answer().into())
        .gives(202, "It takes longer: the policy that is still in force", answer().into())
        .refuses(
            ProblemKind::Conflict,
            &["no-policy-files", "another-policy-file", "policy-unreadable", "policy-unfit", "policy-refused"],
        )
}

fn audit() -> Op {
    let most = u64::from(crate::api::audit::MAX_ITEMS);
    Op::new(Method::GET, "/v1/audit", TAG, "listAudit", "Who did what")
        .says("In the order of their numbers. A page looks at a bounded number of entries.")
        .query("after", "Goes on behind the entry of this number", number())
        .query("newest_first", "From the last one back", truth())
        .query("limit", "Entries of a page", whole(1, most).default(Some(json!(PAGE_ITEMS))))
        .query("actor", "Those of this one", text())
        .query("act", "Those of this act, or of those that begin with this before a dot", text())
        .query("target", "Those about this: the id of a refresh token, a `jti`, an owner, an account", text())
        .query("since", "From then on", moment())
        .query("until", "Before then", moment())
        .gives(200, "A page", page(named("AuditEntry"), or_null(from(0))).into())
        .strict_query()
        .refuses(
            ProblemKind::InvalidInput,
            &["number-malformed", "limit-out-of-range", "time-malformed", "neither-true-nor-false"],
        )
}

fn notices() -> Op {
    let most = u64::from(crate::api::notices::MAX_ITEMS);
    let kinds = Kind::ALL.map(Kind::word);
    Op::new(Method::GET, "/v1/notices", TAG, "listNotices", "What somebody should know before it hurts")
        .says("Newest first. Who sees her own tokens alone is told of them alone.")
        .query("kind", "Those of this kind", one_of(kinds))
        .query("limit", "Notices of a page", whole(1, most).default(Some(json!(PAGE_ITEMS))))
        .query("cursor", "The `next` of the page before", text())
        .gives(200, "A page", page(named("Notice"), or_null(text())).into())
        .strict_query()
        .refuses(ProblemKind::InvalidInput, &["kind-unknown", "limit-out-of-range", "cursor-invalid"])
}

fn export() -> Op {
    Op::new(Method::GET, "/v1/export", TAG, "export", "Every refresh token, as an import takes it")
        .says("Oldest first, parents before their children. Hashes, and no secret.")
        .query("limit", "Items of a page", whole(1, MAX_PAGE.into()).default(Some(json!(PAGE_ITEMS))))
        .query("cursor", "The `next` of the page before", text())
        .gives(200, "A page", page(named("ExportedToken"), or_null(text())).into())
        .strict_query()
        .refused_by::<ExportRefusal>()
        .refused_by::<CallError>()
}

fn import() -> Op {
    let fate = object([
        must("result", "What became of it", one_of(["imported", "already-there", "differs", "refused"])),
        may("code", "Which rule it breaks", text()),
        may("detail", "The rule", text()),
    ]);
    // An item that breaks a rule is refused by itself, and spoils no other.
    let items = list_of(super::schema::anything(), MAX_IMPORTED);
    let body = object([must("items", "Each as an export writes it (`ExportedToken`)", items)]);
    let item = json!({
        "id": "7mH7s6lg79RIaS3eD7phsT", "name": "nightly job", "created_at": "2027-01-31T12:00:00Z", "created_by": "machine",
        "expires_at": null, "secret_sha256": "9f2b0d4f7c1e6a5b8d3c2f1e0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b",
    });
    Op::new(Method::POST, "/v1/import", TAG, "import", "Take refresh tokens of another authority")
        .says("Each is taken whole or not at all, and a refused one spoils no other; the same again does no harm.")
        .takes_up_to(IMPORT_BODY_BYTES, body.into(), json!({ "items": [item] }))
        .gives_such_as(
            200,
            "What became of each, in the order of the items",
            object([must("results", "", list(fate))]).into(),
            json!({ "results": [{ "result": "imported" }] }),
        )
        .refused_by::<ImportRefusal>()
        .refused_by::<CallError>()
}
