//! How the engine is configured: one text for the build script, which precompiles, and for the runtime, which runs.
//!
//! Precompiled code is accepted only by an engine whose settings for compilation are the same, so neither side may have
//! settings of its own. The number of instances is a limit of the allocator and does not reach the compiled code.

use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

/// The most bytes of linear memory that an instance may have, in all its memories together. A full live set (100,000 cuts of 16 bytes), the memo of
/// verified tokens and a document of the same size while it is loaded fit several times over.
pub(crate) const MAX_MEMORY: usize = 64 << 20;

/// Memories that one component may have: ours has one, and rules of a house's own that lie over it, in another language, bring
/// that language's.
const MEMORIES_PER_COMPONENT: u32 = 2;

/// Core instances that one component may consist of: the guest, and the shims that its encoding adds.
const CORE_INSTANCES_PER_COMPONENT: u32 = 8;

/// Tables that one component may have: function pointers of the guest and of those shims.
const TABLES_PER_COMPONENT: u32 = 4;

/// The configuration for an engine that holds at most `instances` component instances at a time.
pub(crate) fn engine_config(instances: u32) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_COMPONENT))
        .total_memories(instances.saturating_mul(MEMORIES_PER_COMPONENT))
        .total_tables(instances.saturating_mul(TABLES_PER_COMPONENT))
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .max_memories_per_component(MEMORIES_PER_COMPONENT)
        // What an instance has in all is counted by its store.
        .max_memory_size(MAX_MEMORY);

    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // Signatures are computed as fast as natively with it, and at less than half that speed without.
        .wasm_wide_arithmetic(true)
        // Its results may differ between processors; a verdict may not.
        .wasm_relaxed_simd(false)
        // The only way to stop a guest that computes for ever.
        .epoch_interruption(true)
        // No function of the contract is asynchronous, and without it a call costs half.
        .concurrency_support(false)
        .parallel_compilation(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}
