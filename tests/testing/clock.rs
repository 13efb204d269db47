//! The clock that a test moves.

use std::time::Duration;

use futures_util::{FutureExt as _, poll};
use partner_auth::Clock;
use partner_auth::testing::ManualClock;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_sleeper_wakes_when_its_time_has_come_and_not_before() {
    let clock = ManualClock::new();
    let mut sleep = clock.sleep(10 * SECOND);
    assert_eq!(clock.sleeping(), 0, "nobody waits yet");
    assert!(poll!(&mut sleep).is_pending());
    assert_eq!(clock.sleeping(), 1);

    clock.advance(9 * SECOND);
    assert!(poll!(&mut sleep).is_pending());
    clock.advance(SECOND);
    assert!(poll!(&mut sleep).is_ready());
    drop(sleep);
    assert_eq!(clock.sleeping(), 0);
}

#[tokio::test]
async fn a_test_can_wait_for_the_moment_to_move_the_clock() {
    let clock = ManualClock::new();
    let sleeping = {
        let clock = clock.clone();
        async move { tokio::join!(clock.sleep(SECOND), clock.sleep(2 * SECOND)) }
    };
    let test = async {
        clock.until_sleeping(2).await;
        clock.advance(2 * SECOND);
    };
    tokio::join!(sleeping, test);
}

#[test]
fn the_two_clocks_can_disagree() {
    let clock = ManualClock::new();
    let before = clock.now();
    let shift = |clock: &ManualClock| {
        let now = clock.now();
        (
            now.wall().duration_since(before.wall()).unwrap(),
            now.monotonic().saturating_sub(before.monotonic()),
        )
    };
    clock.suspend(SECOND);
    assert_eq!(shift(&clock), (SECOND, Duration::ZERO));
    clock.jump_wall_forward(SECOND);
    assert_eq!(shift(&clock), (2 * SECOND, Duration::ZERO));
    clock.advance(SECOND);
    assert_eq!(shift(&clock), (3 * SECOND, SECOND));
    clock.jump_wall_back(3 * SECOND);
    assert_eq!(shift(&clock), (Duration::ZERO, SECOND));
    clock.jump_wall_back(Duration::MAX);
    assert_eq!(clock.now().wall(), std::time::UNIX_EPOCH);
}

#[test]
fn a_wall_clock_that_jumps_wakes_nobody() {
    let clock = ManualClock::new();
    let mut sleep = clock.sleep(SECOND);
    clock.jump_wall_forward(10 * SECOND);
    assert!((&mut sleep).now_or_never().is_none());
}

#[test]
fn a_sleep_can_move_the_clock_itself_but_not_for_ever() {
    let clock = ManualClock::new().auto_advance();
    let before = clock.now();
    assert!(clock.sleep(900 * SECOND).now_or_never().is_some());
    assert_eq!(clock.now().monotonic(), before.monotonic() + 900 * SECOND);
    assert!(clock.sleep(Duration::MAX).now_or_never().is_none());
}
