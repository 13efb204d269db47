//! How often a closure asks for memory.

/// What a closure asked for, on this thread.
#[derive(Clone, Copy, Default)]
pub(crate) struct Allocations {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    /// What it has not given back.
    pub(crate) held_bytes: i64,
}

/// Counts the allocations of a closure, or returns `None` when the allocator does not count.
pub(crate) type Counter = fn(&mut dyn FnMut()) -> Option<Allocations>;
