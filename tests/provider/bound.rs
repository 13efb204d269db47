//! How much is kept: no more than was asked for, and what is used stays.

use partner_auth::TokenProvider;
use partner_auth::testing::{Answer, Gate, ManualClock, ScriptedTransport};

use super::support::{Echo, Scene, builder, numbered, request_in, settle, text};

/// How many of these tenants are still in the cache, asked without a change to it.
fn held(provider: &impl TokenProvider, tenants: std::ops::Range<usize>) -> usize {
    let hits = tenants.filter(|&number| {
        let request = request_in(&numbered(number));
        let call = provider.token(&request);
        // The future of a hit says so before it is polled.
        format!("{call:?}").contains("ready")
    });
    hits.count()
}

#[tokio::test]
async fn no_more_tokens_are_kept_than_was_said() {
    for bound in [1, 2, 10, 400] {
        let endpoint = Echo::new(&ManualClock::new(), 3_600);
        let provider = builder()
            .transport(endpoint.clone())
            .max_cached_tokens(bound)
            .app_only();
        for number in 0..1_000 {
            provider
                .token(&request_in(&numbered(number)))
                .await
                .unwrap();
        }
        assert_eq!(endpoint.count(), 1_000);
        let held = held(&provider, 0..1_000);
        assert!(held <= bound && held * 10 >= bound * 9, "{held} of {bound}");
    }
}

#[tokio::test]
async fn a_bound_of_zero_still_serves() {
    let endpoint = Echo::new(&ManualClock::new(), 3_600);
    let provider = builder()
        .transport(endpoint.clone())
        .max_cached_tokens(0)
        .app_only();
    for number in [0, 0, 1, 0] {
        let token = provider
            .token(&request_in(&numbered(number)))
            .await
            .unwrap();
        assert_eq!(token.tenant(), Some(&numbered(number)));
    }
    assert!(endpoint.count() <= 4);
}

#[tokio::test]
async fn what_is_used_stays_and_what_is_not_goes() {
    for bound in [8, 64, 160] {
        let endpoint = Echo::new(&ManualClock::new(), 3_600);
        let provider = builder()
            .transport(endpoint.clone())
            .max_cached_tokens(bound)
            .app_only();
        let hot = 0..bound / 4;
        for number in hot.clone().chain(10_000..10_000 + 5 * bound) {
            provider
                .token(&request_in(&numbered(number)))
                .await
                .unwrap();
            for used in hot.clone().filter(|&used| used < number) {
                provider.token(&request_in(&numbered(used))).await.unwrap();
            }
        }
        for number in hot {
            assert_eq!(
                endpoint.count_of(&numbered(number)),
                1,
                "tenant {number} of {bound}"
            );
        }

        let first = request_in(&numbered(10_000));
        provider.token(&first).await.unwrap();
        assert_eq!(
            endpoint.count_of(&numbered(10_000)),
            2,
            "long gone, and asked for again"
        );
    }
}

#[tokio::test]
async fn what_is_being_fetched_is_delivered_however_full_the_cache() {
    let gate = Gate::new();
    let endpoint = ScriptedTransport::new()
        .answer(Answer::token("held", 3_600).held_by(&gate))
        .repeat_last();
    let scene = Scene::with(ManualClock::new(), &endpoint, |builder| {
        builder.max_cached_tokens(4)
    });
    let mut callers = Vec::new();
    for number in 0..100 {
        callers.push(scene.callers(5, &request_in(&numbered(number))));
    }
    settle().await;
    assert_eq!(
        scene.requests(),
        100,
        "one per tenant, however many are in flight"
    );
    gate.open();
    for callers in callers {
        assert!(
            callers
                .join_all()
                .await
                .iter()
                .all(|outcome| text(outcome) == "held")
        );
    }
    assert_eq!(scene.requests(), 100);
    let held = held(&scene.provider, 0..100);
    assert!((1..=4).contains(&held), "{held}");
}

#[tokio::test]
async fn refusals_are_bounded_too_and_go_before_tokens_do() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::token("good", 3_600))
        .answer(Answer::refusal(400, "unauthorized_client", 700_016))
        .repeat_last();
    let scene = Scene::with(ManualClock::new(), &endpoint, |builder| {
        builder.max_cached_tokens(8)
    });
    let good = request_in(&numbered(0));
    assert_eq!(text(&scene.provider.token(&good).await), "good");
    for number in 1..500 {
        let outcome = scene.provider.token(&request_in(&numbered(number))).await;
        assert_eq!(text(&outcome), "Rejected");
    }
    assert_eq!(text(&scene.provider.token(&good).await), "good");
    assert_eq!(scene.requests(), 500);
    let shown = format!("{:?}", scene.provider);
    assert!(shown.contains("TokenCache { tokens: 8"), "{shown}");
}
