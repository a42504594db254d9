//! Makes components of the contract's worlds whose functions misbehave.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    GlobalSection, GlobalType, ImportSection, Instruction as I, MemArg, MemorySection, MemoryType, Module, TypeSection,
    ValType,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, WasmExport, WasmExportKind, WorldItem};

/// The sequence that [`Behaviour::Holds`] claims: later than any that a test commits.
pub(crate) const SEQUENCE: u64 = 1_000_000_000;

/// So long is a token that no [`Behaviour::OnShort`] minds.
pub(crate) const SHORT: usize = 8;

/// What a function does.
#[derive(Clone, Copy)]
pub(crate) enum Behaviour {
    Traps,
    Loops,
    /// Takes memory until it gets no more; traps unless it has exactly so many bytes then, and answers `ok` of zeros.
    GrowsTo(u32),
    /// Takes so many bytes of memory more and answers `ok` of zeros; traps where it gets none.
    Leaks(u32),
    /// A `load` that claims to hold [`SEQUENCE`], whatever it is given.
    Holds,
    /// A `verify` that traps when the token is empty and finds any other malformed.
    TrapsOnNothing,
    /// Calls itself, until there is no room on the stack.
    Recurses,
    /// Answers `ok` of zeros: an empty list of bytes; a verdict that everything is well.
    Zeros,
    /// Answers `ok` of a list that is longer than its memory.
    AnswersBeyondItsMemory,
    /// Finds whatever it is asked about malformed.
    Refuses,
    /// Asks the store for nothing, for ever.
    Reads,
    /// A `verify` or `exchange` that does this where the token is shorter than [`SHORT`], and refuses any other.
    OnShort(&'static Behaviour),
    /// A `load` that counts so far and then claims what [`Behaviour::Holds`] does.
    HoldsAfter(u32),
}

/// A component to be made.
#[derive(Clone, Copy)]
pub(crate) struct Forgery<'a> {
    pub(crate) world: &'a str,
    /// Functions that are not named trap.
    pub(crate) behaviours: &'a [(&'a str, Behaviour)],
    /// The epoch that [`Behaviour::Holds`] claims.
    pub(crate) epoch: u64,
    /// Whether it imports a function that no world of the contract has.
    pub(crate) opens_sockets: bool,
}

/// Where answers lie in memory: `ok` of zeros, `ok(held)`, and `err` of the first case.
const ZEROS: i32 = 1024;
const HELD: i32 = 1152;
const REFUSED: i32 = 1280;
/// `ok` of a list that begins at 0 and has two gigabytes.
const ENDLESS: i32 = 1408;
/// Where arguments are put.
const ARGUMENTS: i32 = 64 * 1024;
/// 1 MiB: a live document and some tokens.
const PAGES: u64 = 16;
const PAGE: u32 = 64 * 1024;

/// A component of `world`. Functions that are not named trap.
pub(crate) fn component(world: &str, behaviours: &[(&str, Behaviour)]) -> Vec<u8> {
    forge(Forgery { world, behaviours, epoch: 1, opens_sockets: false })
}

/// Makes a component.
pub(crate) fn forge(Forgery { world, behaviours, epoch, opens_sockets }: Forgery<'_>) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit")).unwrap();
    let mut guest = Guest::default();
    let world = if opens_sockets {
        resolve.push_str("sockets.wit", SOCKETS).unwrap();
        let package = resolve.push_str("other.wit", OTHER).unwrap();
        guest.import("wasi:sockets/instance-network@0.2.0", "instance-network", &[], &[ValType::I32]);
        resolve.select_world(&[package], Some("other")).unwrap()
    } else {
        resolve.select_world(&[package], Some(world)).unwrap()
    };
    if behaviours.iter().any(|(_, behaviour)| matches!(behaviour, Behaviour::Reads)) {
        guest.import("jeton:policy/store@0.1.0", "read", &[ValType::I32; 4], &[]);
    }

    guest.add("cabi_realloc", &[ValType::I32; 4], &[ValType::I32], allocate());
    for (key, item) in &resolve.worlds[world].exports {
        let WorldItem::Interface { id, .. } = item else { continue };
        for func in resolve.interfaces[*id].functions.values() {
            let export = WasmExport::Func { interface: Some(key), func, kind: WasmExportKind::Normal };
            let name = resolve.wasm_export_name(ManglingAndAbi::Legacy(LiftLowerAbi::Sync), export);
            let signature = resolve.wasm_signature(AbiVariant::GuestExport, func);
            let behaviour =
                behaviours.iter().find(|(named, _)| *named == name).map_or(Behaviour::Traps, |(_, found)| *found);
            let body = body(behaviour, guest.next(), u32::try_from(signature.params.len()).unwrap());
            guest.add(&name, &types(&signature.params), &types(&signature.results), body);
        }
    }

    let mut module = guest.finish(epoch);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

/// An interface that is lent to nobody, and a world that has it.
const SOCKETS: &str = "package wasi:sockets@0.2.0; interface instance-network { instance-network: func() -> u32; }";
const OTHER: &str = "package test:other; \
    world other { import wasi:sockets/instance-network@0.2.0; export jeton:policy/verification@0.1.0; }";

/// What the function of this number does, which has so many parameters.
fn body(behaviour: Behaviour, number: u32, params: u32) -> Vec<I<'static>> {
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
        Behaviour::Leaks(bytes) => vec![
            I::I32Const(i32::try_from(bytes / PAGE).unwrap()),
            I::MemoryGrow(0),
            I::I32Const(-1),
            I::I32Eq,
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
        Behaviour::Recurses => {
            let given = (0..params).map(I::LocalGet);
            given.chain([I::Call(number)]).collect()
        }
        Behaviour::Zeros => forgetting(ZEROS),
        Behaviour::AnswersBeyondItsMemory => forgetting(ENDLESS),
        Behaviour::Refuses => forgetting(REFUSED),
        Behaviour::Reads => vec![
            I::Loop(BlockType::Empty),
            I::I32Const(0),
            I::I32Const(0),
            I::I32Const(0),
            I::I32Const(HELD),
            I::Call(0),
            // What the host put into memory for the answer is forgotten.
            I::I32Const(ARGUMENTS),
            I::GlobalSet(0),
            I::Br(0),
            I::End,
            I::Unreachable,
        ],
        Behaviour::OnShort(harm) => on_short(body(*harm, number, params)),
        Behaviour::HoldsAfter(count) => [counting(count), vec![I::I32Const(HELD)]].concat(),
    }
}

/// Does one thing where the token, whose length is the second parameter, is short, and refuses it otherwise.
fn on_short(harm: Vec<I<'static>>) -> Vec<I<'static>> {
    let short = i32::try_from(SHORT).unwrap();
    let mut body = vec![I::LocalGet(1), I::I32Const(short), I::I32LtU, I::If(BlockType::Empty)];
    body.extend(harm);
    body.extend([I::Return, I::End]);
    body.extend(forgetting(REFUSED));
    body
}

/// Counts down in the first bytes of memory, where nothing else lies.
fn counting(from: u32) -> Vec<I<'static>> {
    let at = MemArg { offset: 0, align: 2, memory_index: 0 };
    vec![
        I::I32Const(0),
        I::I32Const(from.cast_signed()),
        I::I32Store(at),
        I::Loop(BlockType::Empty),
        I::I32Const(0),
        I::I32Const(0),
        I::I32Load(at),
        I::I32Const(1),
        I::I32Sub,
        I::I32Store(at),
        I::I32Const(0),
        I::I32Load(at),
        I::BrIf(0),
        I::End,
    ]
}

/// Answers what lies there, and forgets its arguments, so that it can be called for ever.
fn forgetting(answer: i32) -> Vec<I<'static>> {
    vec![I::I32Const(ARGUMENTS), I::GlobalSet(0), I::I32Const(answer)]
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
    imports: ImportSection,
    functions: FunctionSection,
    exports: ExportSection,
    code: CodeSection,
}

impl Guest {
    /// The number of the next function.
    fn next(&self) -> u32 {
        self.imports.len() + self.functions.len()
    }

    /// Before anything is added.
    fn import(&mut self, module: &str, name: &str, params: &[ValType], results: &[ValType]) {
        let of = self.types.len();
        self.types.ty().function(params.iter().copied(), results.iter().copied());
        self.imports.import(module, name, EntityType::Function(of));
    }

    fn add(&mut self, name: &str, params: &[ValType], results: &[ValType], body: Vec<I<'static>>) {
        let index = self.next();
        let of = self.types.len();
        self.types.ty().function(params.iter().copied(), results.iter().copied());
        self.functions.function(of);
        self.exports.export(name, ExportKind::Func, index);
        let mut function = Function::new([]);
        for instruction in &body {
            function.instruction(instruction);
        }
        function.instruction(&I::End);
        self.code.function(&function);
    }

    fn finish(mut self, epoch: u64) -> Vec<u8> {
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
        let held = [&[0; 8][..], &SEQUENCE.to_le_bytes(), &epoch.to_le_bytes(), &0_u32.to_le_bytes()].concat();
        data.active(0, &ConstExpr::i32_const(HELD), held);
        data.active(0, &ConstExpr::i32_const(REFUSED), [1]);
        data.active(0, &ConstExpr::i32_const(ENDLESS), [[0; 8], [0, 0, 0, 127, 0, 0, 0, 0]].concat());

        let mut module = Module::new();
        module
            .section(&self.types)
            .section(&self.imports)
            .section(&self.functions)
            .section(&memories)
            .section(&globals)
            .section(&self.exports)
            .section(&self.code)
            .section(&data);
        module.finish()
    }
}
