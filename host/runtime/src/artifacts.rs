//! The guests that this binary carries, and what a component says of itself.

use sha2::{Digest, Sha256};
use wit_component::DecodedWasm;
use wit_parser::{WorldItem, WorldKey};

/// The portable authority component, for other runtimes.
pub const AUTHORITY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/portable-authority.wasm"));

/// The portable verifier component, for other runtimes.
pub const VERIFIER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/portable-verifier.wasm"));

/// The verifier as a filter for Envoy: a core module of proxy-wasm.
pub const ENVOY_FILTER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/envoy.wasm"));

/// The authority component that this host runs. It needs an engine with wide arithmetic.
pub const WIDE_AUTHORITY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/wide-authority.wasm"));

/// The verifier component that this host runs. It needs an engine with wide arithmetic.
pub const WIDE_VERIFIER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/wide-verifier.wasm"));

/// [`WIDE_AUTHORITY`] as machine code for the machine that built it.
pub(crate) const COMPILED_AUTHORITY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/authority.cwasm"));

/// [`WIDE_VERIFIER`] as machine code for the machine that built it.
pub(crate) const COMPILED_VERIFIER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/verifier.cwasm"));

/// What a component needs and gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// Imported interfaces that have functions, by full name (`jeton:policy/store@0.1.0`), and functions imported directly.
    /// An interface of types alone lends nothing and is left out.
    pub imports: Vec<String>,
    /// Exported interfaces and functions, by full name.
    pub exports: Vec<String>,
    /// Bytes of the component.
    pub size: usize,
    /// SHA-256 of the component, in hexadecimal.
    pub sha256: String,
}

/// Why a file is not a component.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// It does not begin as WebAssembly does.
    #[error("not WebAssembly: it does not begin with `\\0asm`")]
    NotWasm,
    /// It is a core module: `wasm-tools component new` or `wit-component` makes a component of one.
    #[error("a core WebAssembly module, not a component")]
    CoreModule,
    /// It holds an interface and no code.
    #[error("a WIT package, not a component")]
    WitPackage,
    /// It begins as a component, and then breaks its form.
    #[error("a broken component: {0}")]
    Broken(String),
}

/// Says what a component imports and exports, without running it.
///
/// # Errors
/// [`InspectError`] when the bytes are not a whole component.
pub fn inspect(bytes: &[u8]) -> Result<World, InspectError> {
    match bytes {
        // The preamble: magic, version, layer (WebAssembly component model, binary format).
        [b'\0', b'a', b's', b'm', _, _, 0, 0, ..] => return Err(InspectError::CoreModule),
        [b'\0', b'a', b's', b'm', _, _, 1, 0, ..] => {}
        [b'\0', b'a', b's', b'm', ..] => return Err(InspectError::Broken("its preamble is unknown".to_owned())),
        _ => return Err(InspectError::NotWasm),
    }
    let decoded = wit_component::decode(bytes).map_err(|error| InspectError::Broken(format!("{error:#}")))?;
    let DecodedWasm::Component(resolve, id) = decoded else { return Err(InspectError::WitPackage) };
    let world = resolve.worlds.get(id).ok_or_else(|| InspectError::Broken("it has no world".to_owned()))?;

    let with_functions = |(key, item): (&WorldKey, &WorldItem)| match item {
        WorldItem::Interface { id, .. } => resolve
            .interfaces
            .get(*id)
            .is_some_and(|interface| !interface.functions.is_empty())
            .then(|| resolve.name_world_key(key)),
        WorldItem::Function(_) => Some(resolve.name_world_key(key)),
        WorldItem::Type { .. } => None,
    };
    Ok(World {
        imports: world.imports.iter().filter_map(with_functions).collect(),
        exports: world.exports.iter().filter_map(with_functions).collect(),
        size: bytes.len(),
        sha256: digest(bytes),
    })
}

/// SHA-256 of a component, in hexadecimal.
#[must_use]
pub fn digest(component: &[u8]) -> String {
    Sha256::digest(component).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_component_is_refused_with_the_reason() {
        assert!(matches!(inspect(b""), Err(InspectError::NotWasm)));
        assert!(matches!(inspect(b"#!/bin/sh"), Err(InspectError::NotWasm)));
        assert!(matches!(inspect(b"\0asm\x01\0\0\0"), Err(InspectError::CoreModule)));
        assert!(matches!(inspect(b"\0asm\x0d\0\x07\0"), Err(InspectError::Broken(_))));
        assert!(matches!(inspect(b"\0asm\x0d\0\x01\0 and then something else"), Err(InspectError::Broken(_))));
    }
}
