//! Callers that go away: what they set in motion goes on.

use std::task::{Context, Poll, Waker};

use partner_auth::TokenProvider;
use partner_auth::testing::{Answer, Gate, ManualClock, ScriptedTransport};

use super::support::{SECOND, Scene, request, settle};

/// What happens to a call on its way, in order: two failed attempts, two waits, an answer.
const EVENTS: usize = 5;

#[tokio::test]
async fn a_caller_may_go_away_at_any_point_and_the_next_finds_the_token() {
    for polls in 1..=EVENTS {
        let gates = [Gate::new(), Gate::new(), Gate::new()];
        let endpoint = ScriptedTransport::new()
            .answer(Answer::status(503).held_by(&gates[0]))
            .answer(Answer::status(503).held_by(&gates[1]))
            .answer(Answer::token("t-1", 3_600).held_by(&gates[2]));
        let scene = Scene::new(&endpoint);
        let happen = async |event: usize| {
            match event {
                0 | 2 | 4 => gates[event / 2].open(),
                _ => scene.clock.advance(SECOND),
            }
            settle().await;
        };

        let request = request();
        let mut call = Box::pin(scene.provider.token(&request));
        for event in 0..polls {
            let poll = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(poll, Poll::Pending), "before event {event}");
            settle().await;
            if event + 1 < polls {
                happen(event).await;
            }
        }
        drop(call);
        for event in polls - 1..EVENTS {
            happen(event).await;
        }

        assert_eq!(scene.requests(), 3, "dropped after {polls} polls");
        assert_eq!(scene.text().await, "t-1");
        assert_eq!(scene.requests(), 3, "the next caller asks nobody");
    }
}

#[tokio::test]
async fn a_call_that_was_never_polled_has_asked_nobody() {
    let endpoint = ScriptedTransport::new().answer(Answer::token("t-1", 3_600));
    let scene = Scene::new(&endpoint);
    drop(scene.provider.token(&request()));
    settle().await;
    assert_eq!(scene.requests(), 0);
    assert_eq!(scene.text().await, "t-1");
}

#[tokio::test]
async fn of_many_waiters_any_may_go() {
    let gate = Gate::new();
    let endpoint = ScriptedTransport::new().answer(Answer::token("t-1", 3_600).held_by(&gate));
    let scene = Scene::new(&endpoint);
    let mut first = scene.callers(1, &request());
    settle().await;
    let others = scene.callers(100, &request());
    settle().await;
    first.abort_all();
    settle().await;
    gate.open();
    assert!(first.join_next().await.unwrap().unwrap_err().is_cancelled());
    assert!(others.join_all().await.iter().all(Result::is_ok));
    assert_eq!(scene.requests(), 1);
}

#[tokio::test]
async fn a_provider_may_go_before_its_request_is_answered() {
    let gate = Gate::new();
    let endpoint = ScriptedTransport::new().answer(Answer::token("t-1", 3_600).held_by(&gate));
    let Scene { provider, .. } = Scene::with(ManualClock::new(), &endpoint, |builder| builder);
    let request = request();
    let mut call = provider.token(&request);
    assert!(futures_util::poll!(&mut call).is_pending());
    drop(call);
    drop(provider);
    endpoint.until_requests(1).await;
    gate.open();
    settle().await;
    assert_eq!(endpoint.request_count(), 1);
}
