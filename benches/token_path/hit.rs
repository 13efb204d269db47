//! A token from memory, against the least it could cost.

use std::hint::black_box;
use std::sync::Arc;

use arc_swap::ArcSwap;
use partner_auth::{Api, Clock, SystemClock, TokenProvider, TokenRequest};

use crate::endpoint::Endpoint;
use crate::measure::report::Report;
use crate::measure::rows::Rows;

pub(crate) fn measure(report: &mut Report) {
    if !report.begins("hit", Rows::COLUMNS) {
        return;
    }
    let runtime = crate::on_this_thread();
    let provider = crate::provider(&Endpoint::instant());
    let request = TokenRequest::new(Api::PartnerCenter);
    let token = runtime
        .block_on(provider.token(&request))
        .expect("the endpoint answers");

    let shared = ArcSwap::from_pointee(token);
    let clock: Arc<dyn Clock> = black_box(Arc::new(SystemClock));
    let dynamic: Arc<dyn TokenProvider> = black_box(Arc::new(provider.clone()));

    let mut rows = Rows::new(crate::count);
    let floor = rows.base("floor: arc-swap guard, both clocks, one `Arc`", |calls| {
        for _ in 0..calls {
            let now = clock.now();
            black_box((now, Arc::clone(&shared.load())));
        }
    });
    rows.add("cached `provider.token(&request).await`", |calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                let _ = black_box(provider.token(&request).await);
            }
        });
    })
    .against(floor)
    .at_most(1.5)
    .without_allocations();
    rows.add("the same through `dyn TokenProvider`", |calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                let _ = black_box(dynamic.token(&request).await);
            }
        });
    })
    .against(floor)
    .without_allocations();
    rows.add("the same, and a clone of its header value", |calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                let token = provider.token(&request).await.expect("a cached token");
                black_box(token.authorization().clone());
            }
        });
    })
    .against(floor)
    .without_allocations();
    rows.measure(report);
}
