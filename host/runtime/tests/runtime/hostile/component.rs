//! Makes components of the contract's worlds whose functions misbehave.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function, FunctionSection,
    GlobalSection, GlobalType, Instruction as I, MemorySection, MemoryType, Module, TypeSection, ValType,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, WasmExport, WasmExportKind, WorldItem};

/// The sequence that [`Behaviour::Holds`] claims: later than any that a test commits.
pub(crate) const SEQUENCE: u64 = 1_000_000_000;

/// What a function does.
#[derive(Clone, Copy)]
pub(crate) enum Behaviour {
    Traps,
    Loops,
    /// Takes memory until it gets no more; traps unless it has exactly so many bytes then, and answers `ok` of zeros.
    GrowsTo(u32),
    /// A `load` that claims to hold [`SEQUENCE`], whatever it is given.
    Holds,
    /// A `verify` that traps when the token is empty and finds any other malformed.
    TrapsOnNothing,
}

/// Where answers lie in memory: `ok` of zeros, `ok(held)`, and `err` of the first case.
const ZEROS: i32 = 1024;
const HELD: i32 = 1152;
const REFUSED: i32 = 1280;
/// Where arguments are put.
const ARGUMENTS: i32 = 64 * 1024;
/// 1 MiB: a live document and some tokens.
const PAGES: u64 = 16;
const PAGE: u32 = 64 * 1024;

/// A component of `world`. Functions that are not named trap.
pub(crate) fn component(world: &str, behaviours: &[(&str, Behaviour)]) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit")).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();

    let mut guest = Guest::default();
    guest.add("cabi_realloc", &[ValType::I32; 4], &[ValType::I32], allocate());
    for (key, item) in &resolve.worlds[world].exports {
        let WorldItem::Interface { id, .. } = item else { continue };
        for func in resolve.interfaces[*id].functions.values() {
            let export = WasmExport::Func { interface: Some(key), func, kind: WasmExportKind::Normal };
            let name = resolve.wasm_export_name(ManglingAndAbi::Legacy(LiftLowerAbi::Sync), export);
            let signature = resolve.wasm_signature(AbiVariant::GuestExport, func);
            let behaviour =
                behaviours.iter().find(|(named, _)| *named == name).map_or(Behaviour::Traps, |(_, found)| *found);
            guest.add(&name, &types(&signature.params), &types(&signature.results), body(behaviour));
        }
    }

    let mut module = guest.finish();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

fn body(behaviour: Behaviour) -> Vec<I<'static>> {
    match behaviour {
        Behaviour::Traps => vec![I::Unreachable],
        Behaviour::Loops => vec![I::Loop(BlockType::Empty), I::Br(0), I::End, I::Unreachable],
        Behaviour::GrowsTo(bytes) => vec![
            I::Loop(BlockType::Empty),
            I::I32Const(1),
            I::MemoryGrow(0),
            I::I32Const(-1),
            I::I32Ne,
            I::BrIf(0),
            I::End,
            I::MemorySize(0),
            I::I32Const(i32::try_from(bytes / PAGE).unwrap()),
            I::I32Ne,
            I::If(BlockType::Empty),
            I::Unreachable,
            I::End,
            I::I32Const(ZEROS),
        ],
        Behaviour::Holds => vec![I::I32Const(HELD)],
        Behaviour::TrapsOnNothing => vec![
            // The second parameter is the length of the token.
            I::LocalGet(1),
            I::I32Eqz,
            I::If(BlockType::Empty),
            I::Unreachable,
            I::End,
            // Forgets its argument, so that it can be called for ever.
            I::I32Const(ARGUMENTS),
            I::GlobalSet(0),
            I::I32Const(REFUSED),
        ],
    }
}

/// Gives the next free bytes and takes none back: an instance of a test does not live long.
fn allocate() -> Vec<I<'static>> {
    vec![
        I::GlobalGet(0),
        I::GlobalGet(0),
        I::LocalGet(3),
        I::I32Add,
        // To the next multiple of eight.
        I::I32Const(7),
        I::I32Add,
        I::I32Const(-8),
        I::I32And,
        I::GlobalSet(0),
    ]
}

fn types(types: &[WasmType]) -> Vec<ValType> {
    types
        .iter()
        .map(|of| match of {
            WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
            WasmType::F32 => ValType::F32,
            WasmType::F64 => ValType::F64,
            WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
        })
        .collect()
}

/// A core module in the making.
#[derive(Default)]
struct Guest {
    types: TypeSection,
    functions: FunctionSection,
    exports: ExportSection,
    code: CodeSection,
}

impl Guest {
    fn add(&mut self, name: &str, params: &[ValType], results: &[ValType], body: Vec<I<'static>>) {
        let index = self.functions.len();
        self.types.ty().function(params.iter().copied(), results.iter().copied());
        self.functions.function(index);
        self.exports.export(name, ExportKind::Func, index);
        let mut function = Function::new([]);
        for instruction in &body {
            function.instruction(instruction);
        }
        function.instruction(&I::End);
        self.code.function(&function);
    }

    fn finish(mut self) -> Vec<u8> {
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: PAGES,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        self.exports.export("memory", ExportKind::Memory, 0);
        let mut globals = GlobalSection::new();
        globals.global(
            GlobalType { val_type: ValType::I32, mutable: true, shared: false },
            &ConstExpr::i32_const(ARGUMENTS),
        );
        let mut data = DataSection::new();
        // `result` begins with its case; what it holds begins at the next multiple of eight.
        let held = [&[0; 8][..], &SEQUENCE.to_le_bytes(), &1_u64.to_le_bytes(), &0_u32.to_le_bytes()].concat();
        data.active(0, &ConstExpr::i32_const(HELD), held);
        data.active(0, &ConstExpr::i32_const(REFUSED), [1]);

        let mut module = Module::new();
        module
            .section(&self.types)
            .section(&self.functions)
            .section(&memories)
            .section(&globals)
            .section(&self.exports)
            .section(&self.code)
            .section(&data);
        module.finish()
    }
}
