//! Many callers, no token: one request, one outcome for all.

use partner_auth::testing::{Answer, Gate, ManualClock, ScriptedTransport};
use partner_auth::{AccessToken, Error, ErrorKind, RetryPolicy, TransportErrorKind};

use super::support::{SECOND, Scene, moving, request, settle_all, text};

#[tokio::test]
async fn any_number_of_cold_callers_are_one_request_and_share_its_token() {
    for count in [1, 2, 1_000, 10_000] {
        let gate = Gate::new();
        let endpoint = ScriptedTransport::new().answer(Answer::token("t-1", 3_600).held_by(&gate));
        let scene = Scene::new(&endpoint);

        let callers = scene.callers(count, &request());
        settle_all(count).await;
        assert_eq!(scene.requests(), 1, "{count} callers wait for one request");
        gate.open();

        let tokens: Vec<AccessToken> = callers
            .join_all()
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(tokens.len(), count);
        assert!(tokens.iter().all(|token| token.is_same_as(&tokens[0])));
        assert_eq!((scene.requests(), tokens[0].secret()), (1, "t-1"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_on_many_threads_are_one_request_too() {
    for _ in 0..20 {
        let endpoint = ScriptedTransport::new().answer(Answer::token("t-1", 3_600));
        let scene = Scene::new(&endpoint);
        let tokens = scene.callers(1_000, &request()).join_all().await;
        let first = tokens[0].as_ref().unwrap();
        assert!(
            tokens
                .iter()
                .all(|token| token.as_ref().unwrap().is_same_as(first))
        );
        assert_eq!(scene.requests(), 1);
    }
}

#[tokio::test]
async fn callers_of_a_failing_endpoint_share_one_chain_of_attempts_and_its_failure() {
    #[rustfmt::skip]
    let table = [
        (Answer::status(503),                        ErrorKind::Unavailable, 3),
        (Answer::html_page(502),                     ErrorKind::Unavailable, 3),
        (Answer::fail(TransportErrorKind::Connect),  ErrorKind::Network,     3),
        (Answer::status(429),                        ErrorKind::Unavailable, 1),
        (Answer::json(200, "{"),                     ErrorKind::Malformed,   1),
        (Answer::refusal(400, "invalid_scope", 70_011), ErrorKind::Rejected, 1),
    ];
    for (answer, kind, attempts) in table {
        let gate = Gate::new();
        let endpoint = ScriptedTransport::new()
            .answer(answer.clone().held_by(&gate))
            .repeat_last();
        let scene = Scene::new(&endpoint);
        let callers = scene.callers(1_000, &request());
        settle_all(1_000).await;
        gate.open();

        let outcomes = moving(&scene.clock, SECOND / 10, callers.join_all()).await;
        let errors: Vec<Error> = outcomes.into_iter().map(Result::unwrap_err).collect();
        assert_eq!(errors.len(), 1_000);
        let alike = |error: &Error| {
            error.kind() == kind
                && error.to_string() == errors[0].to_string()
                && error.correlation_id() == errors[0].correlation_id()
        };
        assert!(errors.iter().all(alike), "{answer:?}: {}", errors[0]);
        assert_eq!(scene.requests(), attempts, "{answer:?}");
        assert!(scene.requests() <= RetryPolicy::default().attempts() as usize);
    }
}

#[tokio::test]
async fn a_failing_endpoint_is_left_alone_for_longer_each_time() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::status(503))
        .repeat_last();
    let scene = Scene::with(ManualClock::new(), &endpoint, |builder| {
        builder.retry(RetryPolicy::never())
    });

    for (before, rest) in [1, 2, 4, 8, 16, 30, 30, 30].into_iter().enumerate() {
        assert_eq!(scene.text().await, "Unavailable");
        assert_eq!(scene.requests(), before + 1, "one attempt after the rest");

        let rest = rest * SECOND;
        let step = rest / 4;
        for quarter in 0..4 {
            for _ in 0..25 {
                let error = scene.ask().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unavailable);
                assert_eq!(error.retry_after(), Some(rest - quarter * step));
            }
            scene.clock.advance(step);
        }
        assert_eq!(scene.requests(), before + 1, "nobody asks in the rest");
    }
}

#[tokio::test]
async fn the_first_success_forgets_all_failures_before_it() {
    let endpoint = ScriptedTransport::new();
    let scene = Scene::with(ManualClock::new(), &endpoint, |builder| {
        builder.retry(RetryPolicy::never())
    });
    for rest in [1, 2, 4] {
        endpoint.push(Answer::status(503));
        assert_eq!(scene.text().await, "Unavailable");
        scene.clock.advance(rest * SECOND);
    }
    endpoint.push(Answer::token("t-1", 100));
    assert_eq!(scene.text().await, "t-1");
    scene.clock.advance(100 * SECOND);

    endpoint.push(Answer::status(503));
    endpoint.push(Answer::token("t-2", 100));
    assert_eq!(scene.text().await, "Unavailable");
    scene.clock.advance(SECOND);
    assert_eq!(scene.text().await, "t-2", "the rest is a second again");
}

#[tokio::test]
async fn a_thousand_callers_after_the_rest_are_one_attempt_again() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::status(503))
        .repeat_last();
    let scene = Scene::hurried(&endpoint);
    assert_eq!(scene.text().await, "Unavailable");
    let chain = scene.requests();

    let remembered = scene.callers(1_000, &request()).join_all().await;
    assert!(
        remembered
            .iter()
            .all(|outcome| text(outcome) == "Unavailable")
    );
    assert_eq!(scene.requests(), chain, "the failure is remembered");

    scene.clock.advance(SECOND);
    let outcomes = scene.callers(1_000, &request()).join_all().await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| text(outcome) == "Unavailable")
    );
    assert_eq!(scene.requests(), 2 * chain);
}

#[tokio::test]
async fn a_throttled_endpoint_is_left_alone_for_as_long_as_it_says() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::status(429).retry_after("300"))
        .answer(Answer::token("t-1", 3_600));
    let scene = Scene::new(&endpoint);
    assert_eq!(
        scene.ask().await.unwrap_err().retry_after(),
        Some(300 * SECOND)
    );
    scene.clock.advance(299 * SECOND);
    let error = scene.ask().await.unwrap_err();
    assert_eq!(
        (error.retry_after(), error.status()),
        (Some(SECOND), Some(429))
    );
    assert_eq!(scene.requests(), 1);
    scene.clock.advance(SECOND);
    assert_eq!(scene.text().await, "t-1");
}
