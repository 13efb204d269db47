//! A fetch, beside the endpoint's own time.

use std::hint::black_box;

use partner_auth::{Api, TokenProvider, TokenRequest};

use crate::endpoint::Endpoint;
use crate::measure::report::Report;
use crate::measure::rows::Rows;

pub(crate) fn measure(report: &mut Report) {
    if !report.begins("miss", Rows::COLUMNS) {
        return;
    }
    let runtime = crate::on_this_thread();
    let provider = crate::provider(&Endpoint::instant());
    let request = TokenRequest::new(Api::PartnerCenter);
    let forced = request.clone().force_refresh();

    let mut rows = Rows::new(crate::count);
    let task = rows.base("floor: one task, awaited", |calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                let _ = black_box(tokio::spawn(async {}).await);
            }
        });
    });
    rows.add("a fetch from an endpoint that answers at once", |calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                black_box(provider.token(&forced).await.expect("the endpoint answers"));
            }
        });
    })
    .against(task);
    rows.add("the same after `invalidate`", |calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                provider.invalidate(&request);
                black_box(
                    provider
                        .token(&request)
                        .await
                        .expect("the endpoint answers"),
                );
            }
        });
    })
    .against(task);
    rows.measure(report);
}
