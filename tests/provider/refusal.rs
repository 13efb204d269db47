//! Refusals that cannot heal by themselves: remembered for a minute.

use std::time::Duration;

use partner_auth::testing::{Answer, ManualClock, ScriptedTransport};
use partner_auth::{ErrorKind, TokenProvider};

use super::support::{Dice, MINUTE, SECOND, Scene, numbered, request, request_in, settle};

#[tokio::test]
async fn a_wrong_secret_is_tried_once_a_minute_however_many_ask() {
    for (draw, rest) in [(Dice::LOW, 60), (Dice::HIGH, 75)] {
        let endpoint = ScriptedTransport::new()
            .answer(Answer::refusal(401, "invalid_client", 7_000_215))
            .repeat_last();
        let scene = Scene::with(ManualClock::new(), &endpoint, |builder| {
            builder.entropy(draw)
        });
        let rest = Duration::from_secs(rest);
        for minute in 1..=3 {
            let first = scene.ask().await.unwrap_err();
            for call in 1..=99 {
                assert_eq!(scene.requests(), minute, "call {call}");
                let error = scene.ask().await.unwrap_err();
                assert_eq!(
                    (
                        error.kind(),
                        error.aadsts(),
                        error.oauth_error(),
                        error.status()
                    ),
                    (
                        ErrorKind::Rejected,
                        Some(7_000_215),
                        Some("invalid_client"),
                        Some(401)
                    )
                );
                assert_eq!(error.to_string(), first.to_string());
                let left = error.retry_after().unwrap();
                assert!(
                    left <= rest && left + SECOND >= rest - (call - 1) * (SECOND / 2),
                    "{left:?}"
                );
                scene.clock.advance(SECOND / 2);
            }
            scene.clock.advance(rest - 99 * (SECOND / 2));
        }
    }
}

#[tokio::test]
async fn every_kind_of_refusal_is_remembered() {
    #[rustfmt::skip]
    let table = [
        (400, "invalid_grant",       53_003),
        (400, "unauthorized_client", 700_016),
        (400, "invalid_request",     90_002),
        (400, "invalid_scope",       70_011),
        (400, "interaction_required", 50_076),
        (401, "invalid_client",      7_000_222),
        (403, "access_denied",       0),
    ];
    for (status, oauth, aadsts) in table {
        let endpoint = ScriptedTransport::new()
            .answer(Answer::refusal(status, oauth, aadsts))
            .answer(Answer::token("t-1", 3_600));
        let scene = Scene::new(&endpoint);
        for _ in 0..10 {
            let error = scene.ask().await.unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::Rejected,
                "{oauth}: there is no user to ask"
            );
            assert!(!error.is_transient());
        }
        scene.clock.advance(MINUTE - SECOND);
        assert!(scene.ask().await.is_err());
        assert_eq!(scene.requests(), 1, "{oauth}");
        scene.clock.advance(SECOND);
        assert_eq!(scene.text().await, "t-1", "{oauth}");
    }
}

#[tokio::test]
async fn to_invalidate_lifts_a_refusal() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::refusal(401, "invalid_client", 7_000_215))
        .answer(Answer::refusal(401, "invalid_client", 7_000_215))
        .answer(Answer::token("t-1", 3_600));
    let scene = Scene::new(&endpoint);
    assert!(scene.ask().await.is_err());
    scene.provider.invalidate(&request());
    assert!(scene.ask().await.is_err());
    scene.provider.invalidate_tenant(scene.provider.tenant());
    assert_eq!(scene.text().await, "t-1");
    assert_eq!(scene.requests(), 3);
}

#[tokio::test]
async fn a_refusal_in_one_tenant_says_nothing_of_another() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::refusal(400, "unauthorized_client", 700_016))
        .answer(Answer::token("t-1", 3_600));
    let scene = Scene::new(&endpoint);
    assert!(scene.ask().await.is_err());
    let elsewhere = scene.provider.token(&request_in(&numbered(1))).await;
    assert_eq!(elsewhere.unwrap().secret(), "t-1");
}

#[tokio::test]
async fn a_secret_that_expires_is_found_by_the_renewal_and_told_when_the_token_is_dead() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::token("t-1", 3_600))
        .answer(Answer::refusal(401, "invalid_client", 7_000_222))
        .repeat_last();
    let scene = Scene::new(&endpoint);
    scene.text().await;
    scene.clock.advance(3_569 * SECOND);
    assert_eq!(scene.text_and_settle().await, "t-1");
    assert_eq!(scene.requests(), 2);
    scene.clock.advance(SECOND);
    for _ in 0..10 {
        let error = scene.ask().await.unwrap_err();
        assert_eq!(
            (error.aadsts(), error.retry_after()),
            (Some(7_000_222), Some(59 * SECOND))
        );
        settle().await;
    }
    assert_eq!(scene.requests(), 2, "the renewal's refusal counts for all");
}
