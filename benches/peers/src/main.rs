//! partner-auth beside azure_identity: the same questions, in one run, against one server.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --check
//! cargo run --release --manifest-path benches/peers/Cargo.toml --features allocations -- cached
//! ```
//!
//! The server is in this process, on a thread of its own, and speaks TLS with a certificate made
//! for the run: azure_identity asks no other. The first word that is no flag names a part.
//!
//! | Part | Asks |
//! |---|---|
//! | [`cached`] | what a token from memory costs |
//! | [`crowds`] | what a crowd gets, and what the endpoint gets of it |

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "measurements are rounded anyway"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark reads time and starts tasks itself"
)]

#[path = "../../measure/mod.rs"]
mod measure;

mod cached;
mod client;
mod crowds;
mod server;

use std::process::ExitCode;

use client::{Azure, Ours};
use measure::allocations::Allocations;
use measure::options::Options;
use measure::report::Report;
use server::Server;

fn main() -> ExitCode {
    let mut report = Report::new(Options::from_args());
    let server = Server::start();
    cached::measure(&server, &mut report);
    crowds::measure(&server, &mut report);
    report.finish()
}

#[cfg(feature = "allocations")]
#[allow(clippy::unnecessary_wraps, reason = "the other one returns nothing")]
fn count(calls: &mut dyn FnMut()) -> Option<Allocations> {
    let counted = allocation_counter::measure(calls);
    Some(Allocations {
        count: counted.count_total,
        bytes: counted.bytes_total,
        held_bytes: counted.bytes_current,
    })
}

#[cfg(not(feature = "allocations"))]
fn count(_: &mut dyn FnMut()) -> Option<Allocations> {
    None
}
