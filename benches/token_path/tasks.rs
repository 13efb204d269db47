//! One provider, asked from many tasks and from two threads at once.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use partner_auth::{
    AccessToken, Api, AppOnlyProvider, Clock, SystemClock, TokenProvider, TokenRequest,
};
use tokio::runtime::Runtime;

use crate::endpoint::Endpoint;
use crate::measure::cpu::thread_time;
use crate::measure::report::Report;
use crate::measure::rows::median;

pub(crate) fn measure(report: &mut Report) {
    if !report.options.wants("tasks") {
        return;
    }
    let (rounds, length) = match report.options.quick {
        false => (9, Duration::from_millis(200)),
        true => (3, Duration::from_millis(20)),
    };
    let runtime = crate::on_two_threads();
    let provider = crate::provider(&Endpoint::instant());
    let request = Arc::new(TokenRequest::new(Api::PartnerCenter));
    let token = runtime
        .block_on(provider.token(&request))
        .expect("the endpoint answers");
    let floor = Floor {
        token: ArcSwap::from_pointee(token).into(),
        clock: Arc::new(SystemClock),
    };
    let cached = Cached { provider, request };

    let mut pairs = Vec::new();
    for _ in 0..rounds {
        pairs.push((
            over_tasks(&runtime, &floor, length),
            over_tasks(&runtime, &cached, length),
        ));
    }
    report.begins(
        "tasks: 64 on 2 worker threads, one yield after each call",
        &["million calls per second, in all", "time, as a ratio"],
    );
    report_pairs(report, &pairs, |calls| calls / 1e6, |pair| pair.0 / pair.1);

    for (part, threads) in [
        ("tasks: one thread", 1),
        ("tasks: two threads, the same token", 2),
    ] {
        let mut pairs = Vec::new();
        for _ in 0..rounds {
            pairs.push((
                over_threads(&floor, threads, length),
                over_threads(&cached, threads, length),
            ));
        }
        report.begins(part, &["CPU ns per call", "ratio"]);
        report_pairs(report, &pairs, |nanos| nanos, |pair| pair.1 / pair.0);
    }
}

/// One call, from wherever.
trait Call: Clone + Send + Sync + 'static {
    fn call(&self) -> impl Future<Output = ()> + Send;
}

#[derive(Clone)]
struct Floor {
    token: Arc<ArcSwap<AccessToken>>,
    clock: Arc<dyn Clock>,
}

impl Call for Floor {
    async fn call(&self) {
        let now = self.clock.now();
        black_box((now, Arc::clone(&self.token.load())));
    }
}

#[derive(Clone)]
struct Cached {
    provider: AppOnlyProvider,
    request: Arc<TokenRequest>,
}

impl Call for Cached {
    async fn call(&self) {
        let _ = black_box(self.provider.token(&self.request).await);
    }
}

/// Returns how many calls a second all tasks make together.
fn over_tasks(runtime: &Runtime, call: &impl Call, length: Duration) -> f64 {
    let is_over = Arc::new(AtomicBool::new(false));
    let start = Instant::now();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let (call, is_over) = (call.clone(), Arc::clone(&is_over));
                tokio::spawn(async move {
                    let mut calls = 0_u64;
                    while !is_over.load(Ordering::Relaxed) {
                        call.call().await;
                        calls += 1;
                        tokio::task::yield_now().await;
                    }
                    calls
                })
            })
            .collect();
        tokio::time::sleep(length).await;
        is_over.store(true, Ordering::Relaxed);
        let mut calls = 0;
        for task in tasks {
            calls += task.await.expect("the task ends");
        }
        calls as f64 / start.elapsed().as_secs_f64()
    })
}

/// Returns the CPU time of a call in nanoseconds, while all threads make calls.
fn over_threads(call: &impl Call, threads: usize, length: Duration) -> f64 {
    let is_over = AtomicBool::new(false);
    let barrier = Barrier::new(threads + 1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let runtime = crate::on_this_thread();
                    barrier.wait();
                    runtime.block_on(async {
                        let (mut calls, start) = (0_u64, thread_time());
                        while !is_over.load(Ordering::Relaxed) {
                            for _ in 0..64 {
                                call.call().await;
                            }
                            calls += 64;
                        }
                        (thread_time().saturating_sub(start), calls)
                    })
                })
            })
            .collect();
        barrier.wait();
        std::thread::sleep(length);
        is_over.store(true, Ordering::Relaxed);
        let (mut time, mut calls) = (Duration::ZERO, 0);
        for thread in threads {
            let (own_time, own_calls) = thread.join().expect("the thread ends");
            time += own_time;
            calls += own_calls;
        }
        time.as_secs_f64() * 1e9 / calls as f64
    })
}

fn report_pairs(
    report: &mut Report,
    pairs: &[(f64, f64)],
    shown: impl Fn(f64) -> f64,
    ratio: impl Fn(&(f64, f64)) -> f64,
) {
    let (floors, cached): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let ratios: Vec<f64> = pairs.iter().map(ratio).collect();
    let cell = |values: &[f64]| format!("{:.1}", shown(median(values)));
    report.row("floor", &[cell(&floors), String::new()], &[]);
    let cells = [cell(&cached), format!("{:.2}", median(&ratios))];
    report.row("cached token", &cells, &[]);
}
