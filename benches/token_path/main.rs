//! What a token costs whoever asks for it: from memory, among many tenants, and when it is not there.
//!
//! ```text
//! cargo bench --bench token_path                      all parts, about a minute
//! cargo bench --bench token_path -- tenants           one part
//! cargo bench --bench token_path -- --quick --check   seconds; fails when a goal is missed
//! ```
//!
//! | Part | Answers |
//! |---|---|
//! | [`hit`] | what a cached token costs, against the least it could cost |
//! | [`tenants`] | what it costs among 100,000, and what each of them costs in memory |
//! | [`tasks`] | whether it scales over tasks and threads |
//! | [`miss`] | what a fetch costs beside the endpoint's own time |
//! | [`crowd`] | how many requests a crowd makes, and who waits |

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
#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot go on has nothing to report"
)]
#![allow(clippy::print_stdout, reason = "the report goes to standard output")]

#[path = "../measure/mod.rs"]
mod measure;

mod crowd;
mod endpoint;
mod hit;
mod miss;
mod tasks;
mod tenants;

use std::process::ExitCode;
use std::sync::Arc;

use partner_auth::{AppOnlyProvider, PartnerAuth};
use tokio::runtime::{Builder, Runtime};

use endpoint::Endpoint;
use measure::allocations::Allocations;
use measure::options::Options;
use measure::report::Report;

fn main() -> ExitCode {
    let mut report = Report::new(Options::from_args());
    hit::measure(&mut report);
    tenants::measure(&mut report);
    tasks::measure(&mut report);
    miss::measure(&mut report);
    crowd::measure(&mut report);
    report.finish()
}

/// Returns a provider that asks `endpoint`.
fn provider(endpoint: &Arc<Endpoint>) -> AppOnlyProvider {
    PartnerAuth::builder()
        .tenant("contoso.onmicrosoft.com".parse().expect("a tenant"))
        .client(
            "11112222-bbbb-3333-cccc-4444dddd5555"
                .parse()
                .expect("a client"),
        )
        .client_secret(
            "Kx-8Q~0d3pT5vZ1uR6sW9yB2eH4jL7nM8oP0qA5c"
                .parse()
                .expect("a secret"),
        )
        .transport(Arc::clone(endpoint))
        .app_only()
}

/// Returns a runtime on this thread alone: its CPU time is all the CPU time there is.
fn on_this_thread() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
}

/// Returns a runtime of two threads.
fn on_two_threads() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime")
}

#[allow(
    clippy::unnecessary_wraps,
    reason = "other benchmarks may be built without a counter"
)]
fn count(calls: &mut dyn FnMut()) -> Option<Allocations> {
    let counted = allocation_counter::measure(calls);
    Some(Allocations {
        count: counted.count_total,
        bytes: counted.bytes_total,
        held_bytes: counted.bytes_current,
    })
}
