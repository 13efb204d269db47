//! What a token from memory costs.

use tokio::runtime::Runtime;

use crate::client::{Client, Scope};
use crate::measure::report::Report;
use crate::measure::rows::Rows;
use crate::server::{Answer, Server};
use crate::{Azure, Ours};

pub(crate) fn measure(server: &Server, report: &mut Report) {
    if !report.begins("cached", Rows::COLUMNS) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut rows = Rows::new(crate::count);
    let azure = rows.base(Azure::NAME, hits::<Azure>(server, &runtime));
    rows.add(Ours::NAME, hits::<Ours>(server, &runtime))
        .against(azure)
        .at_most(1.0 / 3.0)
        .without_allocations();
    rows.measure(report);
    assert_eq!(server.asked(), 1, "all but the first came from memory");
}

fn hits<C: Client>(server: &Server, runtime: &Runtime) -> impl FnMut(u64) {
    server.answer(Answer::token());
    let client = C::new(server);
    runtime
        .block_on(client.token(Scope::A))
        .expect("the endpoint answers");
    move |calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                client.token(Scope::A).await.expect("a cached token");
            }
        });
    }
}
