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
    let orders = Orders::new();

    report.begins("tenants", Rows::COLUMNS);
    let mut rows = rows();
    let base = rows.base("1 tenant", one.hits(&runtime, &orders.same));
    for (name, filled, order) in [
        (
            "1,000 tenants, in turn",
            &thousand,
            &orders.thousand_in_turn,
        ),
        (
            "1,000 tenants, at random",
            &thousand,
            &orders.thousand_at_random,
        ),
        ("100,000 tenants, in turn", &many, &orders.many_in_turn),
        ("100,000 tenants, at random", &many, &orders.many_at_random),
    ] {
        rows.add(name, filled.hits(&runtime, order))
            .against(base)
            .at_most(3.0)
            .without_allocations();
    }
    rows.measure(report);

    report.begins("tenants: against memory alone", Rows::COLUMNS);
    let ideal = Ideal::new();
    let mut rows = self::rows();
    let base = rows.base(
        "floor: a line of the caller's, then one of the token's, out of 100,000",
        ideal.hits(&orders.many_at_random),
    );
    rows.add(
        "100,000 tenants, at random",
        many.hits(&runtime, &orders.many_at_random),
    )
    .against(base)
    .at_most(2.0);
    rows.measure(report);

    report_memory(&many, report);
}

/// Rounds long enough to come to each tenant more than once: a row must not pay for its neighbours.
fn rows<'a>() -> Rows<'a> {
    Rows::new(crate::count).rounds_of(Duration::from_millis(150))
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
                TokenRequest::new(Api::PartnerCenter).with_tenant(tenant)
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
    fn hits(&self, runtime: &Runtime, order: &[usize]) -> impl FnMut(u64) {
        let mut order = order.iter().cycle();
        move |calls| {
            runtime.block_on(async {
                for &place in order.by_ref().take(calls as usize) {
                    let _ = black_box(self.provider.token(&self.requests[place]).await);
                }
            });
        }
    }
}

/// In which order tenants are asked for. All are of one length, so that to read them costs the same.
struct Orders {
    same: Vec<usize>,
    thousand_in_turn: Vec<usize>,
    thousand_at_random: Vec<usize>,
    many_in_turn: Vec<usize>,
    many_at_random: Vec<usize>,
}

impl Orders {
    fn new() -> Self {
        let mut random = Random::new();
        let in_turn = |tenants| (0..SEQUENCE).map(|place| place % tenants).collect();
        Self {
            same: vec![0; SEQUENCE],
            thousand_in_turn: in_turn(1_000),
            thousand_at_random: random.below(1_000, SEQUENCE),
            many_in_turn: in_turn(MANY),
            many_at_random: random.below(MANY, SEQUENCE),
        }
    }
}

/// The least that a hit among many tenants touches, one after the other as every hit must: what the
/// caller asks with, and the counter of the token that it leads to. No hash, no map, no clock.
struct Ideal {
    /// As large as requests.
    asked: Vec<[usize; 13]>,
    /// As large as tokens without their texts.
    held: Vec<Arc<[usize; 21]>>,
}

impl Ideal {
    fn new() -> Self {
        Self {
            asked: (0..MANY).map(|place| [place; 13]).collect(),
            held: (0..MANY).map(|_| Arc::new([0; 21])).collect(),
        }
    }

    fn hits(&self, order: &[usize]) -> impl FnMut(u64) {
        let mut order = order.iter().cycle();
        let mut nothing = 0;
        move |calls| {
            for &place in order.by_ref().take(calls as usize) {
                // Each waits for the one before, as calls with other work between them do.
                let place = self.asked[place | nothing][0];
                let token = Arc::clone(&self.held[place]);
                nothing = token[0];
                let _ = black_box(token);
            }
        }
    }
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
