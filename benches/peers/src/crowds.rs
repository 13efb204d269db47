//! What a crowd gets, and what the endpoint gets of it.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::client::{Client, Scope};
use crate::measure::report::{Goal, Report};
use crate::server::{Answer, Server};
use crate::{Azure, Ours};

pub(crate) fn measure(server: &Server, report: &mut Report) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let milliseconds = Duration::from_millis;

    let columns = [
        "ok / failed / out of time",
        "token requests",
        "wall ms",
        "ratio",
    ];
    if report.begins("crowd", &columns) {
        for case in [
            Case {
                name: "1,000 callers, no token, 50 ms",
                callers: 1_000,
                held: None,
                answer: Answer::token().after(milliseconds(50)),
                expected: Expected::AllOk,
            },
            Case {
                name: "100 callers, no token, `400 invalid_client` after 20 ms",
                callers: 100,
                held: None,
                answer: Answer::error(400, "invalid_client").after(milliseconds(20)),
                expected: Expected::AllRefused,
            },
            Case {
                name: "100 callers, the token is due but valid, `503`",
                callers: 100,
                held: Some(Answer::due_token()),
                answer: Answer::error(503, "temporarily_unavailable"),
                expected: Expected::AllOk,
            },
            Case {
                name: "100 callers, the token is due but valid, `503` with `Retry-After: 30`",
                callers: 100,
                held: Some(Answer::due_token()),
                answer: Answer::error(503, "temporarily_unavailable").retry_after(30),
                expected: Expected::AllOk,
            },
        ] {
            let azure = case.run::<Azure>(server, &runtime);
            let ours = case.run::<Ours>(server, &runtime);
            let ratio = ours.wall / azure.wall;
            let goals = case.goals(&ours);
            report.row(&case.row_name::<Azure>(), &azure.cells(None), &[]);
            report.row(&case.row_name::<Ours>(), &ours.cells(Some(ratio)), &goals);
        }
    }

    if report.begins(
        "beside a fetch: scope A from memory, while scope B takes 400 ms",
        &["wait for A, ms", "ratio"],
    ) {
        let azure = wait_beside_a_fetch::<Azure>(server, &runtime);
        let ours = wait_beside_a_fetch::<Ours>(server, &runtime);
        report.row(Azure::NAME, &[format!("{azure:.3}"), String::new()], &[]);
        report.row(
            Ours::NAME,
            &[format!("{ours:.3}"), format!("{:.5}", ours / azure)],
            &[Goal::at_most("ms", ours, 1.0)],
        );
    }
}

/// A crowd, and an endpoint that answers in one way.
struct Case {
    name: &'static str,
    callers: usize,
    /// The token that is there before the crowd comes.
    held: Option<Answer>,
    answer: Answer,
    expected: Expected,
}

/// What every caller should get.
#[derive(Clone, Copy)]
enum Expected {
    AllOk,
    AllRefused,
}

/// A little more than the `refresh_in` of a due token.
const UNTIL_DUE: Duration = Duration::from_millis(1_100);

#[derive(Default)]
struct Seen {
    ok: usize,
    failed: usize,
    out_of_time: usize,
    requests: usize,
    /// Milliseconds.
    wall: f64,
}

impl Case {
    fn run<C: Client>(&self, server: &Server, runtime: &Runtime) -> Seen {
        let client = C::new(server);
        if let Some(held) = &self.held {
            server.answer(held.clone());
            runtime
                .block_on(client.token(Scope::A))
                .expect("the endpoint answers");
            std::thread::sleep(UNTIL_DUE);
        }
        server.answer(self.answer.clone());

        let mut seen = Seen::default();
        let start = Instant::now();
        let outcomes = runtime.block_on(async {
            let mut callers = JoinSet::new();
            for _ in 0..self.callers {
                let client = client.clone();
                callers.spawn(async move {
                    tokio::time::timeout(PATIENCE, client.token(Scope::A)).await
                });
            }
            callers.join_all().await
        });
        seen.wall = start.elapsed().as_secs_f64() * 1e3;
        for outcome in outcomes {
            match outcome {
                Ok(Ok(())) => seen.ok += 1,
                Ok(Err(_)) => seen.failed += 1,
                Err(_) => seen.out_of_time += 1,
            }
        }
        std::thread::sleep(SETTLING); // for requests that go on without their callers
        seen.requests = server.asked();
        seen
    }

    fn row_name<C: Client>(&self) -> String {
        format!("{}: {}", self.name, C::NAME)
    }

    fn goals(&self, seen: &Seen) -> [Goal; 2] {
        let by_outcome = match self.expected {
            Expected::AllOk => Goal::exactly("ok", seen.ok, self.callers),
            Expected::AllRefused => Goal::exactly("failed", seen.failed, self.callers),
        };
        [by_outcome, Goal::exactly("requests", seen.requests, 1)]
    }
}

impl Seen {
    fn cells(&self, ratio: Option<f64>) -> [String; 4] {
        [
            format!("{} / {} / {}", self.ok, self.failed, self.out_of_time),
            self.requests.to_string(),
            format!("{:.1}", self.wall),
            ratio.map_or_else(String::new, |ratio| format!("{ratio:.4}")),
        ]
    }
}

/// Returns how long a caller waits for a cached token while another one is being fetched, in
/// milliseconds.
fn wait_beside_a_fetch<C: Client>(server: &Server, runtime: &Runtime) -> f64 {
    let client = C::new(server);
    server.answer(Answer::token());
    runtime
        .block_on(client.token(Scope::A))
        .expect("the endpoint answers");
    server.answer(Answer::token().after(Duration::from_millis(400)));
    runtime.block_on(async {
        let fetching = tokio::spawn({
            let client = client.clone();
            async move { client.token(Scope::B).await }
        });
        while server.asked() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let start = Instant::now();
        client.token(Scope::A).await.expect("a cached token");
        let wait = start.elapsed();
        let _ = fetching.await;
        wait.as_secs_f64() * 1e3
    })
}

/// How long a caller waits.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long the endpoint is watched after the last caller has gone.
const SETTLING: Duration = Duration::from_millis(200);
