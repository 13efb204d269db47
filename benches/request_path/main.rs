//! What a token adds to a request: the same `GET`, bare and through the layers, to the same server.
//!
//! ```text
//! cargo bench --bench request_path
//! ```
//!
//! The base is the bare request, without a token. The second row says how much of the rest is what the
//! token weighs on the wire, 1.5 KB, whoever attaches it.
//!
//! Client and server are threads of their own, on one core; only the client's CPU time and allocations
//! count.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "measurements are rounded anyway"
)]
#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot go on has nothing to report"
)]
#![allow(clippy::print_stdout, reason = "the report goes to standard output")]

#[path = "../measure/mod.rs"]
mod measure;
mod server;

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use http::Extensions;
use http::header::AUTHORIZATION;
use partner_auth::{
    AccessToken, Api, BearerMiddleware, Cloud, CustomCloud, PartnerClient, TokenFuture,
    TokenProvider, TokenRequest,
};
use reqwest::{Client, Request, Response};
use reqwest_middleware::{ClientBuilder, Middleware, Next};
use tokio::runtime::Builder;

use measure::allocations::Allocations;
use measure::options::Options;
use measure::report::Report;
use measure::rows::Rows;

fn main() -> ExitCode {
    let mut report = Report::new(Options::from_args());
    if report.begins("request", Rows::COLUMNS) {
        measure(&mut report);
    }
    report.finish()
}

/// Keeps this thread, and those it starts, on one core: on two, a request costs what it costs the
/// machine to wake the other one, which is most of it and differs from one moment to the next.
#[cfg(target_os = "linux")]
fn stay_on_one_core() {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let held = sched_getaffinity(None).and_then(|allowed| {
        let mut one = CpuSet::new();
        let last = (0..CpuSet::MAX_CPU)
            .rev()
            .find(|&core| allowed.is_set(core));
        one.set(last.unwrap_or_default());
        sched_setaffinity(None, &one)
    });
    if let Err(error) = held {
        println!("not held on one core, so the times mean little: {error}");
    }
}

#[cfg(not(target_os = "linux"))]
fn stay_on_one_core() {}

fn measure(report: &mut Report) {
    stay_on_one_core();
    let origin = server::start();
    let url = format!("{origin}/v1/customers");
    let provider = Fixed::new(&origin);
    let header = provider.token.authorization().clone();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");

    let client = || Client::builder().no_proxy().build().expect("a client");
    let bare = client();
    let layered = ClientBuilder::new(client()).with(NoOp).build();
    let bearer = BearerMiddleware::new(Api::PartnerCenter, provider.clone()).expect("a layer");
    let bearer = ClientBuilder::new(client()).with(bearer).build();
    let partner = PartnerClient::builder(Api::PartnerCenter, provider).expect("an API");
    let partner = partner.http_client(client()).build().expect("a client");

    let mut rows = Rows::new(count).rounds_of(Duration::from_millis(100));
    let alone = rows.base("bare reqwest", |calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                let answer = bare.get(&url).send().await.expect("an answer");
                answer.bytes().await.expect("a body");
            }
        });
    });
    rows.add("bare reqwest, the same header set by hand", |calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                let request = bare.get(&url).header(AUTHORIZATION, header.clone());
                let answer = request.send().await.expect("an answer");
                answer.bytes().await.expect("a body");
            }
        });
    })
    .against(alone);
    rows.add("a layer that does nothing", |calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                let answer = layered.get(&url).send().await.expect("an answer");
                answer.bytes().await.expect("a body");
            }
        });
    })
    .against(alone);
    rows.add("`BearerMiddleware`", |calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                let answer = bearer.get(&url).send().await.expect("an answer");
                answer.bytes().await.expect("a body");
            }
        });
    })
    .against(alone);
    rows.add("`PartnerClient`", |calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                let answer = partner.get("v1/customers").send().await.expect("an answer");
                answer.bytes().await.expect("a body");
            }
        });
    })
    .against(alone)
    .at_most_above(800.0, 6.0);
    rows.measure(report);
}

/// Stands for any layer: what the layers themselves cost is not ours.
struct NoOp;

#[async_trait::async_trait]
impl Middleware for NoOp {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        next.run(request, extensions).await
    }
}

/// A token that is there: what it costs to get one is the other benchmark's.
#[derive(Clone, Debug)]
struct Fixed {
    token: AccessToken,
    cloud: Cloud,
}

impl Fixed {
    fn new(origin: &str) -> Self {
        let cloud = CustomCloud::new(origin)
            .and_then(|cloud| cloud.with_api(&Api::PartnerCenter, origin))
            .expect("a loopback origin");
        let token = AccessToken::new(&"t".repeat(1_500), SystemTime::UNIX_EPOCH).expect("a token");
        Self {
            token,
            cloud: Cloud::Custom(cloud),
        }
    }
}

impl TokenProvider for Fixed {
    fn token<'a>(&'a self, _: &'a TokenRequest) -> TokenFuture<'a> {
        TokenFuture::ready(Ok(self.token.clone()))
    }

    fn cloud(&self) -> Cloud {
        self.cloud.clone()
    }
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
