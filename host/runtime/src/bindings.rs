//! What `bindgen!` makes of the contract. Private: [`crate::wit`] shows the parts that callers need.
//!
//! One world is enough: the verifier exports the authority's `verification` interface, and the indices generated for an
//! interface find it in whatever component exports it. So both give the same types.

#![allow(missing_docs, unreachable_pub, reason = "generated; the contract documents its own items")]

wasmtime::component::bindgen!({
    world: "authority",
    path: "../../wit",
    // A lent function traps where the guest breaks a published bound.
    imports: { default: trappable },
});
