//! One call, several attempts: what is tried again, how often, and for how long.

use std::time::Duration;

use partner_auth::testing::{Answer, Gate, ManualClock, ScriptedTransport};
use partner_auth::{Clock, ErrorKind, RetryPolicy, TransportErrorKind};

use super::support::{Dice, SECOND, Scene, moving, request, settle, settle_all, text};

const MILLISECOND: Duration = Duration::from_millis(1);

#[tokio::test]
async fn what_may_heal_in_a_moment_is_tried_again_and_nothing_else() {
    let good = || Answer::token("t-1", 3_600);
    let fail = Answer::fail;
    #[rustfmt::skip]
    let table = [
        // the answers in turn,                                        what comes,    attempts
        (vec![Answer::status(503), Answer::status(503), good()],       "t-1",         3),
        (vec![Answer::status(500), Answer::html_page(502), good()],    "t-1",         3),
        (vec![Answer::status(504), Answer::status(408), good()],       "t-1",         3),
        (vec![fail(TransportErrorKind::Connect), good()],              "t-1",         2),
        (vec![fail(TransportErrorKind::Interrupted), good()],          "t-1",         2),
        (vec![fail(TransportErrorKind::Timeout), good()],              "t-1",         2),
        (vec![Answer::status(503), fail(TransportErrorKind::Connect), Answer::status(503)], "Unavailable", 3),
        (vec![fail(TransportErrorKind::Connect), fail(TransportErrorKind::Connect), fail(TransportErrorKind::Connect)], "Network", 3),
        (vec![Answer::status(429).retry_after("1"), good()],           "t-1",         2),
        (vec![Answer::status(503).retry_after("29"), good()],          "t-1",         2),
        (vec![Answer::status(503).retry_after("0"), good()],           "t-1",         2),
        (vec![Answer::status(503).retry_after("30")],                  "Unavailable", 1),
        (vec![Answer::status(429).retry_after("3600")],                "Unavailable", 1),
        (vec![Answer::status(429)],                                    "Unavailable", 1),
        (vec![Answer::status(501)],                                    "Unavailable", 1),
        (vec![fail(TransportErrorKind::Config)],                       "Config",      1),
        (vec![fail(TransportErrorKind::TooLarge)],                     "Malformed",   1),
        (vec![Answer::json(200, "{")],                                 "Malformed",   1),
        (vec![Answer::status(302)],                                    "Malformed",   1),
        (vec![Answer::status(404)],                                    "Malformed",   1),
        (vec![Answer::refusal(400, "invalid_grant", 53_003)],          "Rejected",    1),
        (vec![Answer::refusal(400, "temporarily_unavailable", 90_033)], "Unavailable", 1),
    ];
    for (answers, expected, attempts) in table {
        let row = format!("{answers:?}");
        let endpoint = ScriptedTransport::new();
        for answer in answers {
            endpoint.push(answer);
        }
        let scene = Scene::hurried(&endpoint);
        assert_eq!(scene.text().await, expected, "{row}");
        assert_eq!(scene.requests(), attempts, "{row}");
    }
}

#[tokio::test]
async fn a_wait_that_does_not_fit_is_told_to_the_caller() {
    #[rustfmt::skip]
    let table = [
        (Answer::status(429).retry_after("3600"), 3_600),
        (Answer::status(503).retry_after("90"),   90),
        (Answer::status(429).retry_after("1000000"), 3_600), // no server silences us for longer
    ];
    for (answer, seconds) in table {
        let scene = Scene::hurried(&ScriptedTransport::new().answer(answer));
        let begin = scene.clock.now();
        let error = scene.ask().await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds)));
        assert!(error.is_transient());
        assert_eq!(scene.clock.now(), begin, "nobody waited");
    }
}

#[tokio::test]
async fn the_wait_doubles_and_is_drawn_from_its_upper_half() {
    for (draw, waits) in [
        (Dice::LOW, [125, 250, 500, 1_000]),
        (Dice::HIGH, [250, 500, 1_000, 2_000]),
    ] {
        let endpoint = ScriptedTransport::new()
            .answer(Answer::status(503))
            .repeat_last();
        let scene = Scene::with(ManualClock::new(), &endpoint, |builder| {
            let policy = RetryPolicy::default().with_attempts(5);
            builder.entropy(draw).retry(policy)
        });
        let (outcome, ()) = tokio::join!(scene.text(), async {
            for (before, wait) in waits.into_iter().enumerate() {
                settle().await;
                assert_eq!((scene.requests(), scene.clock.sleeping()), (before + 1, 1));
                scene.clock.advance((wait - 1) * MILLISECOND);
                settle().await;
                assert_eq!(scene.requests(), before + 1, "not before {wait} ms");
                scene.clock.advance(MILLISECOND);
            }
        });
        assert_eq!((outcome.as_str(), scene.requests()), ("Unavailable", 5));
    }
}

#[tokio::test]
async fn a_servers_date_is_a_wait_too() {
    let clock = ManualClock::new();
    let date = httpdate::fmt_http_date(clock.now().wall() + 5 * SECOND);
    let endpoint = ScriptedTransport::new()
        .answer(Answer::status(503).retry_after(&date))
        .answer(Answer::token("t-1", 3_600));
    let scene = Scene::with(clock.auto_advance(), &endpoint, |builder| builder);
    let begin = scene.clock.now().monotonic();
    assert_eq!(scene.text().await, "t-1");
    assert_eq!(scene.clock.now().monotonic() - begin, 5 * SECOND);
}

#[tokio::test]
async fn the_budget_ends_the_attempts_however_many_there_could_be() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::status(503).retry_after("7"))
        .repeat_last();
    let scene = Scene::with(ManualClock::new().auto_advance(), &endpoint, |builder| {
        builder.retry(RetryPolicy::default().with_attempts(100))
    });
    let begin = scene.clock.now().monotonic();
    assert_eq!(scene.text().await, "Unavailable");
    assert_eq!(scene.requests(), 5, "at 0, 7, 14, 21 and 28 seconds");
    assert!(scene.clock.now().monotonic() - begin <= 30 * SECOND);
}

#[tokio::test]
async fn silence_ends_in_a_network_error_when_the_budget_does() {
    for (policy, limit) in [
        (RetryPolicy::default(), 30),
        (RetryPolicy::default().with_budget(4 * SECOND), 4),
        (RetryPolicy::never(), 30),
    ] {
        let endpoint = ScriptedTransport::new()
            .answer(Answer::hang())
            .repeat_last();
        let scene = Scene::with(ManualClock::new(), &endpoint, |builder| {
            builder.retry(policy)
        });
        let begin = scene.clock.now().monotonic();
        let error = moving(&scene.clock, SECOND, scene.ask()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network);
        assert!(error.correlation_id().is_some());
        let took = scene.clock.now().monotonic() - begin;
        assert_eq!(took, Duration::from_secs(limit), "{policy:?}");
    }
}

#[tokio::test]
async fn silence_after_a_failure_ends_with_the_same_budget() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::status(503).retry_after("20"))
        .answer(Answer::hang());
    let scene = Scene::new(&endpoint);
    let begin = scene.clock.now().monotonic();
    let error = moving(&scene.clock, SECOND, scene.ask()).await.unwrap_err();
    assert_eq!((error.kind(), scene.requests()), (ErrorKind::Network, 2));
    assert_eq!(scene.clock.now().monotonic() - begin, 30 * SECOND);
}

#[tokio::test]
async fn every_attempt_of_a_call_has_the_calls_id_and_every_call_its_own() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::status(503))
        .answer(Answer::fail(TransportErrorKind::Connect))
        .answer(Answer::token("t-1", 0))
        .answer(Answer::token("t-2", 0));
    let scene = Scene::hurried(&endpoint);
    scene.text().await;
    scene.text().await;
    let requests = endpoint.requests();
    let ids: Vec<_> = requests
        .iter()
        .map(|request| request.header("client-request-id").unwrap())
        .collect();
    assert_eq!((ids[0], ids[1]), (ids[1], ids[2]));
    assert_ne!(ids[2], ids[3]);
    assert!(
        requests[..3]
            .iter()
            .all(|request| request.body() == requests[0].body())
    );
}

#[tokio::test]
async fn a_renewal_is_one_attempt_for_nobody_waits() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::token("t-1", 3_600))
        .answer(Answer::status(503))
        .repeat_last();
    let scene = Scene::hurried(&endpoint);
    scene.text().await;
    scene.clock.advance(3_000 * SECOND);
    assert_eq!(scene.text_and_settle().await, "t-1");
    assert_eq!(scene.requests(), 2);
    // A caller who needs a token is worth the whole chain.
    scene.clock.advance(600 * SECOND);
    assert_eq!(scene.text().await, "Unavailable");
    assert_eq!(scene.requests(), 5);
}

#[tokio::test]
async fn who_joins_a_renewal_that_fails_gets_attempts_of_his_own() {
    let gate = Gate::new();
    let endpoint = ScriptedTransport::new()
        .answer(Answer::token("t-1", 3_600))
        .answer(Answer::status(503).held_by(&gate))
        .answer(Answer::status(503))
        .answer(Answer::token("t-2", 3_600));
    let scene = Scene::new(&endpoint);
    scene.text().await;
    scene.clock.advance(3_569 * SECOND);
    assert_eq!(scene.text_and_settle().await, "t-1");
    scene.clock.advance(SECOND); // dead, while its renewal is on the way
    let callers = scene.callers(1_000, &request());
    settle_all(1_000).await;
    assert_eq!(scene.requests(), 2);
    gate.open();
    let outcomes = moving(&scene.clock, SECOND / 10, callers.join_all()).await;
    assert!(outcomes.iter().all(|outcome| text(outcome) == "t-2"));
    assert_eq!(scene.requests(), 4);
}
