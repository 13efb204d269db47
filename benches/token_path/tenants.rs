//! A token from memory, among those of many tenants; and the memory that it takes.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use partner_auth::{Api, AppOnlyProvider, TokenProvider, TokenRequest};
use tokio::runtime::Runtime;

use crate::endpoint::{Endpoint, TOKEN_LENGTH};
use crate::measure::random::Random;
use crate::measure::report::{Goal, Report};
use crate::measure::rows::Rows;

pub(crate) fn measure(report: &mut Report) {
    if !report.options.wants("tenants") {
        return;
    }
    let runtime = crate::on_this_thread();
    let [one, thousand, many] = [1, 1_000, MANY].map(|tenants| Filled::new(&runtime, tenants));
    let lines: Vec<Arc<[u8]>> = (0..MANY)
        .map(|_| Arc::from(vec![0; TOKEN_LENGTH]))
        .collect();

    report.begins("tenants", Rows::COLUMNS);
    let mut random = Random::new();
    // Long enough to come to each tenant more than once: a row must not pay for its neighbours.
    let mut rows = Rows::new(crate::count).rounds_of(Duration::from_millis(150));
    let base = rows.base("1 tenant", one.hits(&runtime, random.below(1, SEQUENCE)));
    rows.add(
        "1,000 tenants, in turn",
        thousand.hits(&runtime, in_turn(1_000)),
    )
    .against(base)
    .at_most(3.0)
    .without_allocations();
    rows.add(
        "1,000 tenants, at random",
        thousand.hits(&runtime, random.below(1_000, SEQUENCE)),
    )
    .against(base)
    .at_most(3.0)
    .without_allocations();
    rows.add(
        "100,000 tenants, in turn",
        many.hits(&runtime, in_turn(MANY)),
    )
    .against(base)
    .at_most(3.0)
    .without_allocations();
    rows.add(
        "100,000 tenants, at random",
        many.hits(&runtime, random.below(MANY, SEQUENCE)),
    )
    .against(base)
    .at_most(3.0)
    .without_allocations();
    rows.add(
        "memory alone: read a request, clone one `Arc` of 100,000, at random",
        memory_alone(&many.requests, &lines, random.below(MANY, SEQUENCE)),
    )
    .against(base);
    rows.measure(report);

    report_memory(&many, report);
}

/// A provider that holds a token for each of many tenants.
struct Filled {
    provider: AppOnlyProvider,
    requests: Vec<TokenRequest>,
    held_bytes: i64,
    /// By how much the process has grown, if the system tells.
    resident_bytes: Option<i64>,
}

impl Filled {
    fn new(runtime: &Runtime, tenants: usize) -> Self {
        let requests: Vec<TokenRequest> = (0..tenants)
            .map(|number| {
                let tenant = format!("{number:08x}-bbbb-3333-cccc-4444dddd5555");
                let tenant = tenant.parse().expect("a tenant");
                TokenRequest::new(Api::PartnerCenter).tenant(tenant)
            })
            .collect();
        let endpoint = Endpoint::instant();
        let mut filled = None;
        let before = resident_bytes();
        let counted = crate::count(&mut || {
            let provider = crate::provider(&endpoint);
            runtime.block_on(async {
                for request in &requests {
                    let _ = provider.token(request).await.expect("the endpoint answers");
                }
            });
            filled = Some(provider);
        });
        let after = resident_bytes();
        assert_eq!(endpoint.asked(), tenants, "one request for each tenant");
        Self {
            provider: filled.expect("it was filled"),
            requests,
            held_bytes: counted.unwrap_or_default().held_bytes,
            resident_bytes: after.zip(before).map(|(after, before)| after - before),
        }
    }

    /// Returns a row that asks for the tenants in this order, over and over.
    fn hits(&self, runtime: &Runtime, order: Vec<usize>) -> impl FnMut(u64) {
        let mut at = 0;
        move |calls| {
            runtime.block_on(async {
                for _ in 0..calls {
                    let request = &self.requests[order[at]];
                    at = (at + 1) % SEQUENCE;
                    let _ = black_box(self.provider.token(request).await);
                }
            });
        }
    }
}

/// The least that a hit among many tenants touches: the caller's request and one token's counter.
fn memory_alone(
    requests: &[TokenRequest],
    lines: &[Arc<[u8]>],
    order: Vec<usize>,
) -> impl FnMut(u64) {
    let mut at = 0;
    move |calls| {
        for _ in 0..calls {
            let place = order[at];
            at = (at + 1) % SEQUENCE;
            let _ = black_box((requests[place].clone(), Arc::clone(&lines[place])));
        }
    }
}

fn in_turn(tenants: usize) -> Vec<usize> {
    (0..SEQUENCE).map(|place| place % tenants).collect()
}

fn report_memory(many: &Filled, report: &mut Report) {
    let per_tenant = |bytes: i64| bytes as f64 / MANY as f64 - TOKEN_LENGTH as f64;
    let held = per_tenant(many.held_bytes);
    report.begins("tenants: memory", &["bytes per tenant"]);
    report.row(
        "asked of the allocator, beside the token's text",
        &[format!("{held:.0}")],
        &[Goal::at_most("bytes", held, 400.0)],
    );
    if let Some(bytes) = many.resident_bytes {
        report.row(
            "grown by the process, beside the token's text",
            &[format!("{:.0}", per_tenant(bytes))],
            &[],
        );
    }
}

/// Returns how much memory the process has, if the system tells.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: i64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1_024)
}

const MANY: usize = 100_000;

/// How many calls are made before the order begins anew.
const SEQUENCE: usize = 1 << 20;
