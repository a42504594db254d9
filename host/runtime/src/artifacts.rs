//! The guests that this binary carries, and what a component says of itself.

use sha2::{Digest, Sha256};
use wasmparser::{
    Parser, Payload, Validator, WasmFeatures,
    component_types::{ComponentEntityType, ComponentItem},
    types::TypesRef,
};

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
    let broken = |error: wasmparser::Error| InspectError::Broken(error.to_string());
    let types = Validator::new_with_features(WasmFeatures::all()).validate_all(bytes).map_err(broken)?;
    let types = types.as_ref();
    let (imports, exports) = names(bytes).map_err(broken)?;
    let is_type = |name: &&str| matches!(types.component_item_for_export(name), Some(item) if is_type(item));
    if imports.is_empty() && !exports.is_empty() && exports.iter().all(is_type) {
        return Err(InspectError::WitPackage);
    }
    let with_functions = |names: Vec<&str>, item: fn(TypesRef<'_>, &str) -> bool| {
        names.into_iter().filter(|name| item(types, name)).map(str::to_owned).collect()
    };
    Ok(World {
        imports: with_functions(imports, |types, name| has_functions(types, types.component_item_for_import(name))),
        exports: with_functions(exports, |types, name| has_functions(types, types.component_item_for_export(name))),
        size: bytes.len(),
        sha256: digest(bytes),
    })
}

/// What a component imports and exports, by name, without what the components and modules in it do.
fn names(component: &[u8]) -> Result<(Vec<&str>, Vec<&str>), wasmparser::Error> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import?.name.name);
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export?.name.name);
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

fn is_type(item: &ComponentItem) -> bool {
    matches!(item.ty, ComponentEntityType::Type { .. })
}

fn has_functions(types: TypesRef<'_>, item: Option<&ComponentItem>) -> bool {
    match item.map(|item| item.ty) {
        Some(ComponentEntityType::Func(_)) => true,
        Some(ComponentEntityType::Instance(id)) => {
            types.get(id).is_some_and(|instance| instance.exports.values().any(|item| has_functions(types, Some(item))))
        }
        _ => false,
    }
}

/// SHA-256 of a component, in hexadecimal.
#[must_use]
pub fn digest(component: &[u8]) -> String {
    Sha256::digest(component).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use wasm_encoder::{
        Alias, ComponentBuilder, ComponentExportKind, ComponentOuterAliasKind, ComponentTypeRef, ComponentValType,
        InstanceType, PrimitiveValType, TypeBounds,
    };

    use super::*;

    /// A component that imports three interfaces; each takes a type of the one before it.
    fn importing_in_a_row(interfaces: [&str; 3]) -> Vec<u8> {
        let mut component = ComponentBuilder::default();
        let mut before = None;
        for interface in interfaces {
            let mut instance = InstanceType::new();
            match before {
                Some(index) => {
                    instance.alias(Alias::Outer { kind: ComponentOuterAliasKind::Type, count: 1, index });
                }
                None => {
                    instance.ty().defined_type().record([("it", ComponentValType::Primitive(PrimitiveValType::U32))])
                }
            }
            instance.export("it", ComponentTypeRef::Type(TypeBounds::Eq(0)));
            instance.ty().function().params([("it", ComponentValType::Type(1))]).result(None);
            instance.export("take", ComponentTypeRef::Func(2));
            let instance = component.type_instance(None, &instance);
            let instance = component.import(interface, ComponentTypeRef::Instance(instance));
            before = Some(component.alias_export(instance, "it", ComponentExportKind::Type));
        }
        component.finish()
    }

    #[test]
    fn packages_that_need_each_other_are_told_like_others() {
        let interfaces = ["house:a/first@1.0.0", "house:b/second@1.0.0", "house:a/third@1.0.0"];
        let world = inspect(&importing_in_a_row(interfaces)).unwrap();
        assert_eq!((world.imports, world.exports), (interfaces.map(str::to_owned).to_vec(), Vec::new()));
    }

    #[test]
    fn a_file_that_is_no_component_is_refused_with_the_reason() {
        assert!(matches!(inspect(b""), Err(InspectError::NotWasm)));
        assert!(matches!(inspect(b"#!/bin/sh"), Err(InspectError::NotWasm)));
        assert!(matches!(inspect(b"\0asm\x01\0\0\0"), Err(InspectError::CoreModule)));
        assert!(matches!(inspect(b"\0asm\x0d\0\x07\0"), Err(InspectError::Broken(_))));
        assert!(matches!(inspect(b"\0asm\x0d\0\x01\0 and then something else"), Err(InspectError::Broken(_))));
    }
}
