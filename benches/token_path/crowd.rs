//! Many callers at once who find no token, or one that is due to be renewed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use partner_auth::{Api, AppOnlyProvider, TokenProvider, TokenRequest};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::endpoint::Endpoint;
use crate::measure::report::{Goal, Report};
use crate::measure::rows::quantile;

pub(crate) fn measure(report: &mut Report) {
    let columns = ["token requests", "wall ms", "wait p50 ms", "wait p99 ms"];
    if !report.begins("crowd: an endpoint that takes 50 ms", &columns) {
        return;
    }
    let runtime = crate::on_two_threads();
    for (name, callers) in [
        ("1,000 callers, no token", 1_000),
        ("10,000 callers, no token", 10_000),
    ] {
        let endpoint = Endpoint::slow(LATENCY);
        let seen = ask(&runtime, &crate::provider(&endpoint), callers);
        let goal = Goal::exactly("requests", endpoint.asked(), 1);
        report.row(name, &seen.cells(endpoint.asked()), &[goal]);
    }

    let endpoint = Endpoint::slow_and_due(LATENCY);
    let provider = crate::provider(&endpoint);
    ask(&runtime, &provider, 1);
    runtime.block_on(async { tokio::time::sleep(UNTIL_DUE).await });
    let seen = ask(&runtime, &provider, 1_000);
    runtime.block_on(async { tokio::time::sleep(LATENCY * 3).await }); // the renewal ends
    let renewals = endpoint.asked() - 1;
    let goals = [
        Goal::exactly("requests", renewals, 1),
        Goal::at_most("p99 ms", seen.wait(0.99), 1.0),
    ];
    report.row(
        "1,000 callers, the token is due to be renewed",
        &seen.cells(renewals),
        &goals,
    );
}

/// A little more than the endpoint's `refresh_in`.
const UNTIL_DUE: Duration = Duration::from_millis(1_100);

struct Seen {
    wall: Duration,
    /// Milliseconds, caller by caller.
    waits: Vec<f64>,
}

/// Asks from as many tasks.
fn ask(runtime: &Runtime, provider: &AppOnlyProvider, callers: usize) -> Seen {
    let request = Arc::new(TokenRequest::new(Api::PartnerCenter));
    let start = Instant::now();
    let waits = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let (provider, request) = (provider.clone(), Arc::clone(&request));
            tasks.spawn(async move {
                let start = Instant::now();
                let _ = provider
                    .token(&request)
                    .await
                    .expect("the endpoint answers");
                start.elapsed().as_secs_f64() * 1e3
            });
        }
        tasks.join_all().await
    });
    Seen {
        wall: start.elapsed(),
        waits,
    }
}

impl Seen {
    fn wait(&self, part: f64) -> f64 {
        quantile(&self.waits, part)
    }

    fn cells(&self, requests: usize) -> [String; 4] {
        [
            requests.to_string(),
            format!("{:.1}", self.wall.as_secs_f64() * 1e3),
            format!("{:.4}", self.wait(0.5)),
            format!("{:.4}", self.wait(0.99)),
        ]
    }
}

const LATENCY: Duration = Duration::from_millis(50);
