//! Whether the server lives and is ready, and this document.

use http::Method;
use serde_json::json;

use super::operation::Op;
use super::schema::{Said, anything, may, must, object, one_of, open_object, text};

const TAG: &str = super::SERVICE;

/// All of them.
pub(super) fn operations() -> Vec<Op> {
    vec![healthz(), readyz(), document()]
}

fn healthz() -> Op {
    Op::new(Method::GET, "/healthz", TAG, "health", "Whether the process lives").gives_such_as(
        200,
        "It does",
        object([must("status", "", one_of(["ok"]))]).into(),
        json!({ "status": "ok" }),
    )
}

/// How the checks went, under this status.
fn readiness(status: &'static str) -> Said {
    let checks = object([
        must("store", "", one_of(["ok", "unavailable", "unknown"])),
        must("policy", "", one_of(["ok", "overloaded", "failed", "out-of-service"])),
        must("live_set", "", one_of(["ok", "unavailable"])),
        must("clock", "`behind`: nothing is minted, and verification goes on", one_of(["ok", "behind", "unknown"])),
    ]);
    let advice = may("advice", "What to do, where only people can do it", text());
    object([must("status", "", one_of([status])), must("checks", "", checks), advice]).into()
}

fn readyz() -> Op {
    let checks = |store| json!({ "store": store, "policy": "ok", "live_set": "ok", "clock": "ok" });
    Op::new(Method::GET, "/readyz", TAG, "readiness", "Whether the server can do its work")
        .gives_such_as(200, "It can", readiness("ready"), json!({ "status": "ready", "checks": checks("ok") }))
        .gives_such_as(
            503,
            "It cannot",
            readiness("unready"),
            json!({ "status": "unready", "checks": checks("unavailable") }),
        )
}

fn document() -> Op {
    let schema =
        open_object([must("openapi", "", text()), must("info", "", anything()), must("paths", "", anything())]);
    Op::new(Method::GET, "/openapi.json", TAG, "document", "This document")
        .says("To be read as a page at `/console/api`.")
        .gives(200, "The document", schema.into())
}
