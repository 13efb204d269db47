//! A small harness: rows that are measured in turn, in many short rounds, against one another.
//!
//! One round measures every row once. Whatever else the machine does then hits all rows alike, and
//! the ratio of two rows of one round says more than either number. Rows are timed by the CPU time
//! of the thread that runs them, so waiting for a turn on a busy machine is not counted.
//!
//! | Module | Knows |
//! |---|---|
//! | [`allocations`] | how often a closure asks for memory |
//! | [`cpu`] | the CPU time of this thread |
//! | [`options`] | `--quick`, `--check`, a part's name |
//! | [`random`] | numbers that no prefetcher guesses |
//! | [`report`] | lines, goals, and the exit code |
//! | [`rows`] | the rounds |

#![allow(dead_code, reason = "each benchmark uses a part of it")]

pub(crate) mod allocations;
pub(crate) mod cpu;
pub(crate) mod options;
pub(crate) mod random;
pub(crate) mod report;
pub(crate) mod rows;
