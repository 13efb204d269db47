//! Runtimes that come and go: a flight belongs to one of them, a token to all.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures_util::{FutureExt as _, poll};
use partner_auth::testing::{Answer, Gate, ScriptedTransport};
use partner_auth::{ErrorKind, TokenProvider};
use tokio::runtime::{Builder, Runtime};

use super::support::{HOUR, SECOND, Scene, request, settle, text};

fn one_thread() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn two_threads() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap()
}

/// Runs on a thread of its own, so that a standstill is a failure and not a test that never ends.
fn at_once<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || done.send(work()));
    outcome
        .recv_timeout(Duration::from_secs(20))
        .expect("it came to a standstill, or panicked")
}

#[test]
fn a_provider_needs_no_runtime_to_be_built_and_serves_any() {
    let endpoint = ScriptedTransport::new().answer(Answer::token("t-1", 3_600));
    let scene = Scene::new(&endpoint);
    for runtime in [one_thread(), two_threads(), one_thread()] {
        assert_eq!(runtime.block_on(scene.text()), "t-1");
    }
    assert_eq!(scene.requests(), 1);
}

#[test]
fn a_cached_token_needs_no_runtime() {
    let endpoint = ScriptedTransport::new().answer(Answer::token("t-1", 3_600));
    let scene = Scene::new(&endpoint);
    one_thread().block_on(scene.text());
    assert_eq!(text(&scene.ask().now_or_never().unwrap()), "t-1");
    scene.clock.advance(3_000 * SECOND);
    assert_eq!(
        text(&scene.ask().now_or_never().unwrap()),
        "t-1",
        "due, and still good"
    );
    assert_eq!(scene.requests(), 1, "nothing to renew it on");
}

#[test]
fn a_fetch_outside_a_runtime_is_a_typed_error_and_no_lasting_one() {
    let endpoint = ScriptedTransport::new().answer(Answer::token("t-1", 3_600));
    let scene = Scene::new(&endpoint);
    for _ in 0..3 {
        let error = scene.ask().now_or_never().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("Tokio runtime"), "{error}");
    }
    assert_eq!(scene.requests(), 0);
    assert_eq!(one_thread().block_on(scene.text()), "t-1");
}

#[test]
fn a_runtime_that_goes_takes_its_flight_along_but_not_the_provider() {
    for runtime in [one_thread(), two_threads()] {
        let gate = Gate::new();
        let endpoint = ScriptedTransport::new()
            .answer(Answer::token("t-1", 3_600).held_by(&gate))
            .answer(Answer::token("t-2", 3_600));
        let scene = Scene::new(&endpoint);
        runtime.block_on(async {
            let request = request();
            let mut call = scene.provider.token(&request);
            assert!(poll!(&mut call).is_pending());
            endpoint.until_requests(1).await;
        });
        drop(runtime);

        assert_eq!(at_once(move || one_thread().block_on(scene.text())), "t-2");
        assert_eq!(endpoint.request_count(), 2);
    }
}

#[test]
fn who_waits_on_another_runtime_for_a_flight_that_vanished_starts_its_own() {
    let gate = Gate::new();
    let endpoint = ScriptedTransport::new()
        .answer(Answer::token("t-1", 3_600).held_by(&gate))
        .answer(Answer::token("t-2", 3_600));
    let scene = Scene::new(&endpoint);
    let doomed = one_thread();
    doomed.block_on(async {
        let request = request();
        let mut call = scene.provider.token(&request);
        assert!(poll!(&mut call).is_pending());
        endpoint.until_requests(1).await;
    });

    let (is_waiting, wait) = mpsc::channel();
    let provider = scene.provider.clone();
    let waiter = thread::spawn(move || {
        one_thread().block_on(async {
            let request = request();
            let mut calls: Vec<_> = (0..50).map(|_| provider.token(&request)).collect();
            for call in &mut calls {
                assert!(poll!(call).is_pending());
            }
            is_waiting.send(()).unwrap();
            futures_util::future::join_all(calls).await
        })
    });
    wait.recv().unwrap();
    drop(doomed);
    let outcomes = at_once(move || waiter.join().unwrap());
    assert!(outcomes.iter().all(|outcome| text(outcome) == "t-2"));
    assert_eq!(endpoint.request_count(), 2);
}

#[test]
fn a_renewal_that_vanished_with_its_runtime_is_begun_again() {
    let gate = Gate::new();
    let endpoint = ScriptedTransport::new()
        .answer(Answer::token("t-1", 3_600))
        .answer(Answer::token("lost", 3_600).held_by(&gate))
        .answer(Answer::token("t-2", 3_600));
    let scene = Scene::new(&endpoint);
    let doomed = one_thread();
    doomed.block_on(async {
        scene.text().await;
        scene.clock.advance(3_000 * SECOND);
        assert_eq!(scene.text_and_settle().await, "t-1");
    });
    drop(doomed);
    one_thread().block_on(async {
        assert_eq!(scene.text_and_settle().await, "t-1");
        assert_eq!(scene.text().await, "t-2");
    });
}

#[test]
fn a_runtime_that_is_shut_down_gives_a_typed_error_and_spoils_nothing() {
    for is_one_thread in [true, false] {
        let runtime = if is_one_thread {
            one_thread()
        } else {
            two_threads()
        };
        let gone = runtime.handle().clone();
        drop(runtime);
        let endpoint = ScriptedTransport::new()
            .answer(Answer::token("t-1", 3_600))
            .answer(Answer::token("t-2", 3_600));
        let scene = Scene::new(&endpoint);

        // The whole way on a thread of its own, for a lock that is held would stop all of it.
        at_once(move || {
            let error = gone.block_on(scene.ask()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            assert_eq!(one_thread().block_on(scene.text()), "t-1");

            scene.clock.advance(3_000 * SECOND);
            assert_eq!(gone.block_on(scene.text()), "t-1", "due, and still good");
            scene.clock.advance(HOUR);
            assert_eq!(gone.block_on(scene.text()), "Config");
            assert_eq!(one_thread().block_on(scene.text()), "t-2");
        });
        assert_eq!(endpoint.request_count(), 2);
    }
}

#[test]
fn many_runtimes_at_once_are_one_request() {
    let gate = Gate::new();
    let endpoint = ScriptedTransport::new().answer(Answer::token("t-1", 3_600).held_by(&gate));
    let scene = Scene::new(&endpoint);
    let (is_waiting, wait) = mpsc::channel();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (provider, is_waiting) = (scene.provider.clone(), is_waiting.clone());
            thread::spawn(move || {
                one_thread().block_on(async {
                    let request = request();
                    let mut call = provider.token(&request);
                    assert!(poll!(&mut call).is_pending());
                    settle().await;
                    is_waiting.send(()).unwrap();
                    call.await.unwrap()
                })
            })
        })
        .collect();
    for _ in &threads {
        wait.recv().unwrap();
    }
    gate.open();
    let tokens = at_once(move || {
        let tokens = threads.into_iter().map(|thread| thread.join().unwrap());
        tokens.collect::<Vec<_>>()
    });
    assert!(tokens.iter().all(|token| token.is_same_as(&tokens[0])));
    assert_eq!(endpoint.request_count(), 1);
}
