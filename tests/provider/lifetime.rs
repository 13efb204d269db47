//! Lives that no token should have: none, a second, for ever.

use std::time::{Duration, SystemTime};

use partner_auth::Clock;
use partner_auth::testing::{Answer, ManualClock, ScriptedTransport};

use super::support::{Dice, Echo, SECOND, Scene, settle, token_with_refresh};

const WEEK: Duration = Duration::from_secs(7 * 86_400);

#[tokio::test]
async fn a_token_without_a_life_is_used_once_and_asked_for_once_per_call() {
    for draw in [Dice::LOW, Dice::HIGH] {
        let endpoint = ScriptedTransport::new();
        let scene = Scene::with(ManualClock::new(), &endpoint, |builder| {
            builder.entropy(draw)
        });
        for call in 1..=20 {
            endpoint.push(Answer::token(&format!("t-{call}"), 0));
            assert_eq!(scene.text_and_settle().await, format!("t-{call}"));
            assert_eq!(scene.requests(), call);
        }
    }
}

#[tokio::test]
async fn a_short_life_never_loops() {
    for draw in [Dice::LOW, Dice::HIGH] {
        for (expires_in, renewed_after) in [(1, 700), (2, 1_400), (10, 7_000), (30, 21_000)] {
            let clock = ManualClock::new();
            let endpoint = Echo::new(&clock, expires_in);
            let scene = Scene::with(clock.clone(), &ScriptedTransport::new(), |builder| {
                builder.transport(endpoint.clone()).entropy(draw)
            });
            for _ in 0..100 {
                scene.text_and_settle().await;
            }
            assert_eq!(endpoint.count(), 1, "{expires_in} s: used while it is good");

            for _ in 0..1_200 {
                let token = scene.ask().await.unwrap();
                assert!(token.expires_on() > clock.now().wall(), "{expires_in} s");
                settle().await;
                clock.advance(SECOND / 10);
            }
            let longest = 120_000 / renewed_after + 2;
            assert!(
                endpoint.count() <= longest,
                "{expires_in} s: {} requests",
                endpoint.count()
            );
        }
    }
}

#[tokio::test]
async fn a_life_without_end_is_taken_for_a_week() {
    let table = [
        "604801",
        "18446744073709551615",
        "1e300",
        "1e19",
        "\"99999999999999999999999999\"",
        "9007199254740993",
    ];
    for expires_in in table {
        let body = format!(
            r#"{{"token_type":"Bearer","access_token":"t-1","expires_in":{expires_in},"refresh_in":{expires_in}}}"#
        );
        let endpoint = ScriptedTransport::new()
            .answer(Answer::json(200, &body))
            .answer(Answer::token("t-2", 3_600));
        let scene = Scene::new(&endpoint);
        let token = scene.ask().await.unwrap();
        assert_eq!(
            token.expires_on(),
            scene.clock.now().wall() + WEEK,
            "{expires_in}"
        );
        scene.clock.advance(WEEK / 2);
        assert_eq!(scene.text_and_settle().await, "t-1", "{expires_in}");
        assert_eq!(scene.requests(), 1);
        scene.clock.advance(WEEK / 2);
        assert_eq!(scene.text().await, "t-2", "{expires_in}");
    }
}

#[tokio::test]
async fn time_near_the_end_of_the_clock_is_no_trouble() {
    let year_2554 = SystemTime::UNIX_EPOCH + Duration::from_secs(18_446_700_000);
    for wall in [SystemTime::UNIX_EPOCH, year_2554] {
        let endpoint = ScriptedTransport::new()
            .answer(Answer::token("t", 604_800))
            .repeat_last();
        let scene = Scene::with(ManualClock::at(wall), &endpoint, |builder| builder);
        for _ in 0..10 {
            assert_eq!(scene.text_and_settle().await, "t");
        }
        assert_eq!(scene.requests(), 1);
    }
}

#[tokio::test]
async fn a_server_that_wants_renewal_at_once_is_not_asked_at_every_call() {
    #[rustfmt::skip]
    let table = [
        // expires_in, refresh_in
        (3_600,  0),
        (3_600,  60),
        (86_400, 3_600),
    ];
    for (expires_in, refresh_in) in table {
        for draw in [Dice::LOW, Dice::HIGH] {
            let endpoint = ScriptedTransport::new()
                .answer(token_with_refresh("t", expires_in, refresh_in))
                .repeat_last();
            let scene = Scene::with(ManualClock::new(), &endpoint, |builder| {
                builder.entropy(draw)
            });
            for _ in 0..100 {
                assert_eq!(scene.text_and_settle().await, "t");
            }
            assert_eq!(scene.requests(), 1, "{expires_in} {refresh_in} {draw:?}");
        }
    }
}
