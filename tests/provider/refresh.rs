//! Renewal ahead of time: in the background, and never at the callers' expense.

use std::time::Duration;

use futures_util::FutureExt as _;
use partner_auth::testing::{Answer, Gate, ManualClock, ScriptedTransport};
use partner_auth::{Clock, ErrorKind, RetryPolicy, TransportErrorKind};

use super::support::{
    Dice, HOUR, SECOND, Scene, Switch, moving, request, settle, text, token_with_refresh,
};

#[tokio::test]
async fn a_renewal_is_due_from_refresh_in_or_four_fifths_of_the_life_on() {
    #[rustfmt::skip]
    let table = [
        // expires_in, refresh_in,  draw,        due
        (3_600,        None,        Dice::LOW,   2_880),
        (3_600,        None,        Dice::HIGH,  2_520),
        (3_600,        Some(1_800), Dice::LOW,   1_800),
        (3_600,        Some(1_800), Dice::HIGH,  1_440),
        (86_400,       Some(43_200), Dice::LOW,  43_200),
        (3_600,        Some(9_999), Dice::LOW,   2_880), // later than its end: not obeyed
        (600,          None,        Dice::LOW,   480),
    ];
    for (expires_in, refresh_in, draw, due) in table {
        let first = match refresh_in {
            Some(refresh_in) => token_with_refresh("t-1", expires_in, refresh_in),
            None => Answer::token("t-1", expires_in),
        };
        let endpoint = ScriptedTransport::new()
            .answer(first)
            .answer(Answer::token("t-2", 3_600));
        let scene = Scene::with(ManualClock::new(), &endpoint, |builder| {
            builder.entropy(draw)
        });
        let row = format!("{expires_in} {refresh_in:?} {draw:?}");

        assert_eq!(scene.text().await, "t-1", "{row}");
        scene.clock.advance(Duration::from_secs(due - 1));
        assert_eq!(scene.text_and_settle().await, "t-1", "{row}");
        assert_eq!(scene.requests(), 1, "{row}: not before it is due");

        scene.clock.advance(2 * SECOND);
        assert_eq!(scene.text_and_settle().await, "t-1", "{row}: nobody waits");
        assert_eq!(scene.requests(), 2, "{row}: when it is due");
        assert_eq!(scene.text().await, "t-2", "{row}");
    }
}

#[tokio::test]
async fn nothing_is_renewed_that_nobody_asks_for() {
    let endpoint = ScriptedTransport::new().answer(Answer::token("t-1", 3_600));
    let scene = Scene::new(&endpoint);
    assert_eq!(scene.text().await, "t-1");
    scene.clock.advance(3_000 * SECOND);
    settle().await;
    assert_eq!((scene.requests(), scene.clock.sleeping()), (1, 0));
}

#[tokio::test]
async fn a_thousand_callers_in_the_window_are_answered_at_once_by_one_request() {
    let gate = Gate::new();
    let endpoint = ScriptedTransport::new()
        .answer(Answer::token("t-1", 3_600))
        .answer(Answer::token("t-2", 3_600).held_by(&gate));
    let scene = Scene::new(&endpoint);
    assert_eq!(scene.text().await, "t-1");
    scene.clock.advance(3_000 * SECOND);

    for round in 0..10 {
        for _ in 0..100 {
            let outcome = scene.ask().now_or_never();
            assert_eq!(text(&outcome.unwrap()), "t-1", "round {round}");
        }
        settle().await;
    }
    let at_once = scene.callers(1_000, &request()).join_all().await;
    assert!(at_once.iter().all(|outcome| text(outcome) == "t-1"));
    assert_eq!(scene.requests(), 2);

    gate.open();
    settle().await;
    assert_eq!(text(&scene.ask().now_or_never().unwrap()), "t-2");
    assert_eq!(scene.requests(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_on_many_threads_renew_once_per_window() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::token("t", 3_600))
        .repeat_last();
    let scene = Scene::new(&endpoint);
    for window in 1..200 {
        let outcomes = scene.callers(64, &request()).join_all().await;
        assert!(outcomes.iter().all(|outcome| text(outcome) == "t"));
        endpoint.until_requests(window).await;
        assert_eq!(scene.requests(), window);
        // The renewal has landed when the next question finds the token young again.
        while scene.ask().await.unwrap().refresh_on() <= scene.clock.now().wall() {
            tokio::task::yield_now().await;
        }
        assert_eq!(scene.requests(), window);
        scene.clock.advance(3_000 * SECOND);
    }
}

#[tokio::test]
async fn a_failed_renewal_never_displaces_a_working_token_and_rests_before_the_next() {
    let start = ManualClock::new().now().wall();
    let date = httpdate::fmt_http_date(start + Duration::from_secs(30_000));
    #[rustfmt::skip]
    let table = [
        // the failure,                                 the rests after it, in seconds
        (Answer::status(503),                           [10, 20, 40, 60, 60]),
        (Answer::html_page(502),                        [10, 20, 40, 60, 60]),
        (Answer::status(429),                           [10, 20, 40, 60, 60]),
        (Answer::json(200, "{"),                        [10, 20, 40, 60, 60]),
        (Answer::fail(TransportErrorKind::Interrupted), [10, 20, 40, 60, 60]),
        (Answer::status(503).retry_after("120"),        [120, 120, 120, 120, 120]),
        (Answer::status(429).retry_after("3600"),       [3_600, 3_600, 3_600, 3_600, 3_600]),
        (Answer::status(429).retry_after("0"),          [1, 1, 1, 1, 1]),
        (Answer::status(503).retry_after(&date),        [3_600, 3_600, 2_800, 1, 1]), // an hour at the most
        (Answer::refusal(400, "invalid_grant", 53_003), [60, 60, 60, 60, 60]),
        (Answer::refusal(401, "invalid_client", 7_000_222), [60, 60, 60, 60, 60]),
    ];
    for (failure, rests) in table {
        let endpoint = ScriptedTransport::new()
            .answer(token_with_refresh("t-1", 86_400, 20_000))
            .answer(failure.clone())
            .repeat_last();
        let scene = Scene::new(&endpoint);
        assert_eq!(scene.text().await, "t-1");
        scene.clock.advance(Duration::from_secs(20_000));

        for (before, rest) in rests.into_iter().enumerate() {
            let rest = Duration::from_secs(rest);
            assert_eq!(scene.text_and_settle().await, "t-1");
            assert_eq!(scene.requests(), before + 2, "{failure:?}: one attempt");
            scene.clock.advance(rest.checked_sub(SECOND / 10).unwrap());
            for _ in 0..100 {
                assert_eq!(scene.text_and_settle().await, "t-1");
            }
            assert_eq!(
                scene.requests(),
                before + 2,
                "{failure:?}: {rest:?} of rest"
            );
            scene.clock.advance(SECOND / 10);
        }
    }
}

#[tokio::test]
async fn a_rest_is_drawn_longer_but_never_shorter() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::token("t-1", 3_600))
        .answer(Answer::status(503))
        .repeat_last();
    let scene = Scene::with(ManualClock::new(), &endpoint, |builder| {
        builder.entropy(Dice::HIGH)
    });
    scene.text().await;
    scene.clock.advance(3_000 * SECOND);
    scene.text_and_settle().await;
    scene.clock.advance(Duration::from_millis(12_400));
    scene.text_and_settle().await;
    assert_eq!(scene.requests(), 2);
    scene.clock.advance(Duration::from_millis(100));
    scene.text_and_settle().await;
    assert_eq!(scene.requests(), 3);
}

#[tokio::test]
async fn a_renewal_that_hangs_holds_nobody_up_and_ends_with_the_budget() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::token("t-1", 3_600))
        .answer(Answer::hang())
        .answer(Answer::token("t-2", 3_600));
    let scene = Scene::new(&endpoint);
    scene.text().await;
    scene.clock.advance(3_000 * SECOND);

    for _ in 0..30 {
        assert_eq!(text(&scene.ask().now_or_never().unwrap()), "t-1");
        settle().await;
        assert_eq!(scene.requests(), 2);
        scene.clock.advance(SECOND);
    }
    settle().await;
    for _ in 0..10 {
        assert_eq!(text(&scene.ask().now_or_never().unwrap()), "t-1");
        settle().await;
        assert_eq!(scene.requests(), 2, "a rest of ten seconds");
        scene.clock.advance(SECOND);
    }
    assert_eq!(scene.text_and_settle().await, "t-1");
    assert_eq!(scene.text().await, "t-2");
}

#[tokio::test]
async fn a_token_is_given_out_until_30_seconds_before_its_end() {
    for (expires_in, last) in [(3_600, 30), (600, 30), (300, 30), (100, 10)] {
        let endpoint = ScriptedTransport::new()
            .answer(Answer::token("t-1", expires_in))
            .answer(Answer::status(503))
            .repeat_last();
        let scene = Scene::with(ManualClock::new(), &endpoint, |builder| {
            builder.retry(RetryPolicy::never())
        });
        assert_eq!(scene.text().await, "t-1");
        let dead_in = Duration::from_secs(expires_in - last);
        scene.clock.advance(dead_in - Duration::from_nanos(1));
        assert_eq!(scene.text_and_settle().await, "t-1", "{expires_in}");
        let attempts = scene.requests();

        scene.clock.advance(Duration::from_nanos(1));
        let error = scene.ask().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{expires_in}");
        assert_eq!(
            scene.requests(),
            attempts + 1,
            "a caller's need is no renewal"
        );
    }
}

#[tokio::test]
async fn an_outage_longer_than_the_life_heals_by_itself() {
    #[rustfmt::skip]
    let table = [
        Answer::status(503),
        Answer::status(503).retry_after("7"),
        Answer::fail(TransportErrorKind::Connect),
        Answer::refusal(400, "invalid_grant", 53_003),
    ];
    for failure in table {
        let endpoint = Switch::new(&ScriptedTransport::new().answer(Answer::token("t-1", 3_600)));
        let scene = Scene::with(ManualClock::new(), &ScriptedTransport::new(), |builder| {
            builder.transport(endpoint.clone())
        });
        assert_eq!(scene.text().await, "t-1");
        endpoint.turn_to(
            &ScriptedTransport::new()
                .answer(failure.clone())
                .repeat_last(),
        );

        let mut last_error = None;
        while scene.clock.now().monotonic() < ManualClock::new().now().monotonic() + HOUR {
            let outcome = moving(&scene.clock, SECOND / 10, scene.ask()).await;
            settle().await;
            match outcome {
                Ok(token) => {
                    assert_eq!(token.secret(), "t-1");
                    assert!(last_error.is_none(), "{failure:?}: no error while it works");
                }
                Err(error) => last_error = Some(error),
            }
            scene.clock.advance(SECOND);
        }
        assert!(last_error.is_some(), "{failure:?}");

        endpoint.turn_to(&ScriptedTransport::new().answer(Answer::token("t-2", 3_600)));
        if let Err(error) = scene.ask().await {
            scene.clock.advance(error.retry_after().unwrap());
        }
        assert_eq!(scene.text().await, "t-2", "{failure:?}");
    }
}
