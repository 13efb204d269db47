//! Nothing: see `tests/both_backends.rs`.
