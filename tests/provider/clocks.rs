//! Clocks that lie: a wall clock that is set, a monotonic clock that sleeps.

use std::time::Duration;

use partner_auth::testing::{Answer, Gate, ManualClock, ScriptedTransport};
use partner_auth::{Clock, RetryPolicy};

use super::support::{Echo, HOUR, MINUTE, SECOND, Scene, YEAR, settle};

type Shift = fn(&ManualClock);

/// What happens to the clock, and whether a token of an hour must be given up.
const SHIFTS: [(&str, bool, Shift); 8] = [
    ("a minute forward", false, |clock| {
        clock.jump_wall_forward(MINUTE);
    }),
    ("an hour forward", true, |clock| {
        clock.jump_wall_forward(HOUR);
    }),
    ("a year forward", true, |clock| {
        clock.jump_wall_forward(YEAR);
    }),
    ("an hour back", false, |clock| {
        clock.jump_wall_back(HOUR);
    }),
    ("a year back", false, |clock| {
        clock.jump_wall_back(YEAR);
    }),
    ("to 1970", false, |clock| {
        clock.jump_wall_back(Duration::MAX);
    }),
    ("asleep for ten minutes", false, |clock| {
        clock.suspend(10 * MINUTE);
    }),
    ("asleep for two hours", true, |clock| {
        clock.suspend(2 * HOUR);
    }),
];

#[tokio::test]
async fn a_jump_costs_one_refresh_at_most_and_lets_no_expired_token_through() {
    for (name, is_dead, shift) in SHIFTS {
        let clock = ManualClock::new();
        let endpoint = Echo::new(&clock, 3_600);
        let scene = Scene::with(clock.clone(), &ScriptedTransport::new(), |builder| {
            builder.transport(endpoint.clone())
        });
        let old = scene.ask().await.unwrap();
        clock.advance(10 * MINUTE);
        assert!(scene.ask().await.unwrap().is_same_as(&old));

        shift(&clock);
        for _ in 0..50 {
            let token = scene.ask().await.unwrap();
            assert_eq!(!token.is_same_as(&old), is_dead, "{name}");
            settle().await;
        }
        assert_eq!(endpoint.count(), 1 + usize::from(is_dead), "{name}");

        // The hours after it are hours like others, whatever the clock shows.
        for _ in 0..6 * 60 {
            scene.ask().await.unwrap();
            settle().await;
            let now = clock.now();
            let newest = endpoint.issued().last().unwrap().at;
            assert!(now.monotonic() - newest.monotonic() < HOUR, "{name}");
            clock.advance(MINUTE);
        }
        assert!(endpoint.count() <= 2 + 8, "{name}: {}", endpoint.count());
    }
}

#[tokio::test]
async fn a_clock_that_jumps_to_and_fro_costs_one_refresh_per_jump_at_most() {
    let clock = ManualClock::new();
    let endpoint = Echo::new(&clock, 3_600);
    let scene = Scene::with(clock.clone(), &ScriptedTransport::new(), |builder| {
        builder.transport(endpoint.clone())
    });
    scene.text().await;
    for jump in 1..=40 {
        match jump % 4 {
            0 => clock.jump_wall_back(3 * HOUR),
            1 => clock.jump_wall_forward(2 * HOUR),
            2 => clock.jump_wall_back(2 * HOUR),
            _ => clock.suspend(3 * HOUR),
        }
        for _ in 0..5 {
            scene.ask().await.unwrap();
            settle().await;
        }
        assert!(endpoint.count() <= 1 + jump);
    }
}

#[tokio::test]
async fn a_token_that_is_dead_on_either_clock_is_not_given_out() {
    for is_monotonic in [true, false] {
        let endpoint = ScriptedTransport::new()
            .answer(Answer::token("t-1", 3_600))
            .answer(Answer::token("t-2", 3_600));
        let scene = Scene::new(&endpoint);
        scene.text().await;
        scene.clock.advance(HOUR);
        match is_monotonic {
            true => scene.clock.jump_wall_back(HOUR), // the wall clock says it is new
            false => scene.clock.suspend(HOUR),
        }
        assert_eq!(scene.text().await, "t-2");
    }
}

#[tokio::test]
async fn a_rest_ends_when_either_clock_says_so() {
    for (name, _, shift) in SHIFTS {
        let endpoint = ScriptedTransport::new()
            .answer(Answer::status(503).retry_after("60"))
            .answer(Answer::token("t-1", 3_600));
        let scene = Scene::with(ManualClock::new(), &endpoint, |builder| {
            builder.retry(RetryPolicy::never())
        });
        assert_eq!(scene.text().await, "Unavailable");
        shift(&scene.clock);
        if let Err(error) = scene.ask().await {
            assert!(error.retry_after().unwrap() <= MINUTE, "{name}");
            assert_eq!(scene.requests(), 1, "{name}");
        }
        scene.clock.advance(MINUTE);
        assert_eq!(
            scene.text().await,
            "t-1",
            "{name}: never silenced by a jump"
        );
    }
}

#[tokio::test]
async fn a_jump_in_mid_flight_neither_loses_nor_prolongs_a_token() {
    for (name, is_dead, shift) in SHIFTS {
        let gate = Gate::new();
        let endpoint = ScriptedTransport::new()
            .answer(Answer::token("t-1", 3_600).held_by(&gate))
            .answer(Answer::token("t-2", 3_600));
        let scene = Scene::new(&endpoint);
        let (first, ()) = tokio::join!(scene.text(), async {
            endpoint.until_requests(1).await;
            shift(&scene.clock);
            gate.open();
        });
        assert_eq!(first, "t-1", "{name}: who waited gets what came");
        let next = if is_dead { "t-2" } else { "t-1" };
        assert_eq!(
            scene.text().await,
            next,
            "{name}: a life begins when it was asked for"
        );
    }
}

#[tokio::test]
async fn a_jump_between_two_attempts_ends_in_time() {
    for (name, _, shift) in SHIFTS {
        let endpoint = ScriptedTransport::new()
            .answer(Answer::status(503))
            .repeat_last();
        let scene = Scene::new(&endpoint);
        let begin = scene.clock.now().monotonic();
        let (outcome, ()) = tokio::join!(scene.text(), async {
            for _ in 0..100 {
                settle().await;
                if scene.clock.sleeping() > 0 {
                    shift(&scene.clock);
                    scene.clock.advance(SECOND);
                }
            }
        });
        assert_eq!(outcome, "Unavailable", "{name}");
        assert!(
            scene.clock.now().monotonic() - begin <= 30 * SECOND,
            "{name}"
        );
        assert!(scene.requests() <= 3, "{name}");
    }
}
