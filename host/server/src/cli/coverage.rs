//! Every operation of the API has a command, or a reason why not; every command has `--json`, or a reason why not.

use std::collections::BTreeSet;

use super::tests::every_command;
use crate::api::document;

/// How an operation is had on the command line.
enum Way {
    /// By this command.
    By(&'static str),
    /// Not, since.
    Not(&'static str),
}

use Way::{By, Not};

const GATEWAY: Way =
    Not("gateways ask it, in the place of whom they guard; `jeton introspect` says the same of a token");

const OPERATIONS: &[(&str, Way)] = &[
    ("POST /oauth2/token", By("exchange")),
    ("POST /iwc/api/security/oauth/token", Not("the same as the one before, for scripts that know no other path")),
    ("POST /oauth2/revoke", By("revoke")),
    ("POST /oauth2/introspect", By("introspect")),
    ("GET /.well-known/oauth-authorization-server", By("server metadata")),
    (
        "GET /.well-known/oauth-authorization-server/{issuer_path}",
        Not("the same as the one before, where a gateway strips no path"),
    ),
    ("GET /.well-known/jwks.json", By("server keys")),
    ("GET /healthz", By("server health")),
    ("GET /readyz", By("server ready")),
    ("GET /openapi.json", By("server document")),
    ("GET /v1/live", By("server live")),
    ("OPTIONS /v1/live", Not("a browser's question before another")),
    ("GET /v1/self", By("verify")),
    ("GET /v1/refresh-tokens", By("token list")),
    ("POST /v1/refresh-tokens", By("token create")),
    ("POST /v1/refresh-tokens/delete", By("token delete")),
    ("GET /v1/refresh-tokens/{id}", By("token show")),
    ("PATCH /v1/refresh-tokens/{id}", By("token edit")),
    ("DELETE /v1/refresh-tokens/{id}", Not("`jeton token delete` ends one as it ends many")),
    ("POST /v1/refresh-tokens/{id}/rotate", By("token rotate")),
    ("DELETE /v1/access-tokens/{jti}", By("token revoke-access")),
    ("GET /v1/explain", By("explain")),
    ("POST /v1/explain", By("explain")),
    ("GET /v1/settings", By("settings get")),
    ("PATCH /v1/settings", By("settings set")),
    ("GET /v1/export", By("token export")),
    ("POST /v1/import", By("token import")),
    ("GET /v1/policy", By("policy status")),
    ("POST /v1/policy", By("policy load")),
    ("GET /v1/audit", By("audit list")),
    ("GET /v1/notices", By("notices list")),
    ("GET /v1/epoch", By("epoch show")),
    ("POST /v1/epoch/advance", By("epoch advance")),
];

/// Commands that do not take `--json`.
const WITHOUT_JSON: &[(&str, &str)] = &[
    ("serve", "it gives no data"),
    ("login", "it gives no data"),
    ("logout", "it gives no data"),
    ("token export", "its lines are JSON"),
    ("audit export", "its lines are JSON"),
    ("verify", "its claims are JSON"),
    ("root-key", "its data are 32 raw bytes"),
    ("man", "its data are names of files, one a line"),
    ("policy compose", "its data are a sentence and the name of a file"),
    ("policy export", "its data are names of files, one a line"),
    ("completions", "its data are a script"),
];

#[test]
fn every_operation_of_the_api_has_a_command_or_a_reason_why_not() {
    let commands: BTreeSet<String> = every_command().into_iter().map(|(path, _)| path).collect();
    for (operation, way) in OPERATIONS {
        match way {
            By(command) => assert!(commands.contains(*command), "{operation}: there is no `jeton {command}`"),
            Not(reason) => assert!(!reason.is_empty(), "{operation}"),
        }
    }
    let told: BTreeSet<String> = OPERATIONS.iter().map(|(operation, _)| (*operation).to_owned()).collect();
    let routes = document::routes().map(|(path, method)| (format!("{method} {path}"), path));
    let of_gateways = |path: &str| matches!(GATEWAY, Not(_)) && path.starts_with("/forward-auth");
    let routes: BTreeSet<String> =
        routes.filter(|(_, path)| !of_gateways(path)).map(|(operation, _)| operation).collect();
    assert_eq!(told, routes);
}

#[test]
fn every_command_gives_json_or_has_a_reason_why_not() {
    let mut without = BTreeSet::new();
    for (path, command) in every_command() {
        let is_leaf = command.get_subcommands().next().is_none();
        if is_leaf && !command.get_arguments().any(|argument| argument.get_id() == "json") {
            without.insert(path);
        }
    }
    let excused: BTreeSet<String> = WITHOUT_JSON.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(without, excused);
}
