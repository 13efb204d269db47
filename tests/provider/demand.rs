//! When the cached token will not do: a new one by force, by refusal, by challenge; and to forget.

use futures_util::poll;
use partner_auth::testing::{Answer, Gate, ManualClock, ScriptedTransport};
use partner_auth::{AccessToken, Api, ConfigError, TokenProvider, TokenRequest};
use serde_json::{Value, json};

use super::support::{SECOND, Scene, numbered, request, request_in, settle, settle_all, text};

const CHALLENGE: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1767225600"}}}"#;

fn tokens(count: usize) -> ScriptedTransport {
    let endpoint = ScriptedTransport::new();
    for number in 1..=count {
        endpoint.push(Answer::token(&format!("t-{number}"), 3_600));
    }
    endpoint
}

impl Scene {
    async fn with_demand(&self, request: &TokenRequest) -> String {
        text(&self.provider.token(request).await)
    }

    /// The `claims` of the last request.
    fn last_claims(&self) -> Option<Value> {
        let last = self.endpoint.requests().pop().unwrap();
        let claims = last.form_field("claims")?;
        Some(serde_json::from_str(&claims).unwrap())
    }
}

#[tokio::test]
async fn a_forced_refresh_asks_once_per_call_and_replaces_the_token() {
    let scene = Scene::new(&tokens(3));
    assert_eq!(scene.text().await, "t-1");
    assert_eq!(scene.with_demand(&request().force_refresh()).await, "t-2");
    assert_eq!(scene.text().await, "t-2");
    assert_eq!(scene.with_demand(&request().force_refresh()).await, "t-3");
    assert_eq!(scene.requests(), 3);
}

#[tokio::test]
async fn a_forced_refresh_that_fails_leaves_the_token_for_the_others() {
    let scene = Scene::new(&tokens(1));
    assert_eq!(scene.text().await, "t-1");
    scene.endpoint.push(Answer::status(429).retry_after("60"));
    assert_eq!(
        scene.with_demand(&request().force_refresh()).await,
        "Unavailable"
    );
    assert_eq!(scene.text().await, "t-1");
    assert_eq!(
        scene.with_demand(&request().force_refresh()).await,
        "Unavailable"
    );
    assert_eq!(scene.requests(), 2, "not even force breaks the rest");
}

#[tokio::test]
async fn a_thousand_callers_with_one_rejected_token_are_one_request() {
    let gate = Gate::new();
    let scene = Scene::new(&tokens(1));
    let rejected = scene.ask().await.unwrap();
    scene
        .endpoint
        .push(Answer::token("t-2", 3_600).held_by(&gate));

    let request = request().replacing(&rejected);
    let callers = scene.callers(1_000, &request);
    settle_all(1_000).await;
    assert_eq!(scene.requests(), 2);
    gate.open();
    assert!(
        callers
            .join_all()
            .await
            .iter()
            .all(|outcome| text(outcome) == "t-2")
    );

    // And those who come late with it.
    let late = scene.callers(1_000, &request).join_all().await;
    assert!(late.iter().all(|outcome| text(outcome) == "t-2"));
    assert_eq!(scene.requests(), 2);
}

#[tokio::test]
async fn a_token_that_is_no_longer_held_is_replaced_without_a_request() {
    let scene = Scene::new(&tokens(2));
    let old = scene.ask().await.unwrap();
    scene.with_demand(&request().force_refresh()).await;

    assert_eq!(scene.with_demand(&request().replacing(&old)).await, "t-2");
    let foreign = AccessToken::new("t-9", old.expires_on()).unwrap();
    assert_eq!(
        scene.with_demand(&request().replacing(&foreign)).await,
        "t-2"
    );
    assert_eq!(scene.requests(), 2);
}

#[tokio::test]
async fn a_rejected_token_is_not_given_out_again_when_its_replacement_fails() {
    let scene = Scene::new(&tokens(1));
    let rejected = scene.ask().await.unwrap();
    scene.endpoint.push(Answer::status(429).retry_after("60"));
    scene.endpoint.push(Answer::token("t-2", 3_600));
    let demand = request().replacing(&rejected);
    assert_eq!(scene.with_demand(&demand).await, "Unavailable");
    assert_eq!(scene.with_demand(&demand).await, "Unavailable");
    assert_eq!(scene.requests(), 2);
    scene.clock.advance(60 * SECOND);
    assert_eq!(scene.with_demand(&demand).await, "t-2");
}

#[tokio::test]
async fn a_challenge_is_answered_with_its_claims_and_the_token_serves_all() {
    for is_continuous in [false, true] {
        let endpoint = tokens(2);
        let scene = Scene::with(ManualClock::new(), &endpoint, |builder| {
            builder.continuous_access_evaluation(is_continuous)
        });
        let rejected = scene.ask().await.unwrap();
        let plain = scene.last_claims();
        let capabilities = json!({ "access_token": { "xms_cc": { "values": ["cp1"] } } });
        assert_eq!(plain, is_continuous.then_some(capabilities));

        let demand = request()
            .replacing(&rejected)
            .with_challenge(CHALLENGE)
            .unwrap();
        assert_eq!(scene.with_demand(&demand).await, "t-2");
        let mut expected: Value = serde_json::from_str(CHALLENGE).unwrap();
        if is_continuous {
            expected["access_token"]["xms_cc"] = json!({ "values": ["cp1"] });
        }
        assert_eq!(scene.last_claims(), Some(expected));

        assert_eq!(
            scene.text().await,
            "t-2",
            "it takes the place of the cached one"
        );
        assert_eq!(
            scene.with_demand(&demand).await,
            "t-2",
            "the challenge is met already"
        );
        assert_eq!(scene.requests(), 2);
    }
}

#[tokio::test]
async fn a_challenge_adds_to_the_claims_that_the_caller_wants() {
    let scene = Scene::new(&tokens(2));
    let own = r#"{"access_token":{"acrs":{"values":["c1"]}},"id_token":{"x":null}}"#;
    let request = request().with_claims(own).unwrap();
    let rejected = scene.provider.token(&request).await.unwrap();
    assert_eq!(
        scene.last_claims(),
        Some(serde_json::from_str(own).unwrap())
    );

    let demand = request
        .clone()
        .replacing(&rejected)
        .with_challenge(CHALLENGE)
        .unwrap();
    assert_eq!(scene.with_demand(&demand).await, "t-2");
    assert_eq!(
        scene.last_claims().unwrap(),
        json!({
            "access_token": {
                "acrs": { "values": ["c1"] },
                "nbf": { "essential": true, "value": "1767225600" },
            },
            "id_token": { "x": null },
        })
    );
    assert_eq!(scene.with_demand(&request).await, "t-2");
}

#[tokio::test]
async fn a_challenge_alone_is_a_question_to_entra() {
    let scene = Scene::new(&tokens(2));
    assert_eq!(scene.text().await, "t-1");
    let demand = request().with_challenge(CHALLENGE).unwrap();
    assert_eq!(
        scene.with_demand(&demand).await,
        "t-2",
        "the cached token was challenged"
    );
    assert_eq!(
        scene.last_claims(),
        Some(serde_json::from_str(CHALLENGE).unwrap())
    );
}

#[tokio::test]
async fn a_challenge_is_not_answered_by_a_renewal_that_knows_nothing_of_it() {
    let gate = Gate::new();
    let scene = Scene::new(&tokens(1));
    let rejected = scene.ask().await.unwrap();
    scene
        .endpoint
        .push(Answer::token("t-2", 3_600).held_by(&gate));
    scene.endpoint.push(Answer::token("t-3", 3_600));
    scene.clock.advance(3_000 * SECOND);
    assert_eq!(scene.text_and_settle().await, "t-1");
    assert_eq!(scene.requests(), 2, "the renewal is under way");

    let demand = request()
        .replacing(&rejected)
        .with_challenge(CHALLENGE)
        .unwrap();
    let callers = scene.callers(100, &demand);
    settle().await;
    gate.open();
    let outcomes = callers.join_all().await;
    assert!(
        outcomes.iter().all(|outcome| text(outcome) == "t-3"),
        "{:?}",
        text(&outcomes[0])
    );
    assert_eq!(
        scene.last_claims(),
        Some(serde_json::from_str(CHALLENGE).unwrap())
    );
    assert_eq!(scene.requests(), 3);
}

#[test]
fn claims_that_are_no_object_are_refused_at_the_door() {
    for claims in ["", "null", "[]", "\"x\"", "{", "eyJ4IjoxfQ"] {
        assert_eq!(
            request().with_claims(claims).unwrap_err(),
            ConfigError::Claims,
            "{claims}"
        );
        assert_eq!(
            request().with_challenge(claims).unwrap_err(),
            ConfigError::Claims,
            "{claims}"
        );
    }
}

#[tokio::test]
async fn what_is_invalidated_is_asked_for_again_and_nothing_else() {
    let scene = Scene::new(&tokens(5));
    let graph = TokenRequest::new(Api::Graph);
    let elsewhere = request_in(&numbered(1));
    for (request, expected) in [(&request(), "t-1"), (&graph, "t-2"), (&elsewhere, "t-3")] {
        assert_eq!(scene.with_demand(request).await, expected);
    }

    scene.provider.invalidate(&request());
    scene.provider.invalidate(&request_in(&numbered(7))); // never heard of
    assert_eq!(scene.requests(), 3, "to forget is no request");
    assert_eq!(scene.with_demand(&graph).await, "t-2");
    assert_eq!(scene.text().await, "t-4");

    scene.provider.invalidate_tenant(&numbered(1));
    assert_eq!(scene.text().await, "t-4");
    assert_eq!(scene.with_demand(&elsewhere).await, "t-5");
}

#[tokio::test]
async fn a_tenant_is_forgotten_with_all_its_apis_and_claims() {
    let scene = Scene::new(&tokens(8));
    let requests = [
        request(),
        TokenRequest::new(Api::PartnerApi),
        TokenRequest::for_scopes("a b".parse().unwrap()),
        request().with_claims("{}").unwrap(),
    ];
    for request in &requests {
        scene.provider.token(request).await.unwrap();
    }
    scene.provider.invalidate_tenant(scene.provider.tenant());
    for request in &requests {
        scene.provider.token(request).await.unwrap();
    }
    assert_eq!(scene.requests(), 8);
}

#[tokio::test]
async fn a_flight_from_before_an_invalidation_serves_its_waiters_and_nobody_else() {
    type Forget = fn(&Scene);
    let ways: [Forget; 2] = [
        |scene| scene.provider.invalidate(&request()),
        |scene| scene.provider.invalidate_tenant(scene.provider.tenant()),
    ];
    for forget in ways {
        for is_old_last in [false, true] {
            let (old, new) = (Gate::new(), Gate::new());
            let endpoint = ScriptedTransport::new()
                .answer(Answer::token("old", 3_600).held_by(&old))
                .answer(Answer::token("new", 3_600).held_by(&new));
            let scene = Scene::new(&endpoint);
            let before = scene.callers(10, &request());
            settle().await;
            forget(&scene);
            let after = scene.callers(10, &request());
            settle().await;
            assert_eq!(
                scene.requests(),
                2,
                "those who come after it do not wait for the old"
            );

            let order = if is_old_last {
                [&new, &old]
            } else {
                [&old, &new]
            };
            for gate in order {
                gate.open();
                settle().await;
            }
            assert!(
                before
                    .join_all()
                    .await
                    .iter()
                    .all(|outcome| text(outcome) == "old")
            );
            assert!(
                after
                    .join_all()
                    .await
                    .iter()
                    .all(|outcome| text(outcome) == "new")
            );
            assert_eq!(scene.text().await, "new");
            assert_eq!(scene.requests(), 2);
        }
    }
}

#[tokio::test]
async fn a_failure_from_before_an_invalidation_is_not_remembered_after_it() {
    let gate = Gate::new();
    let endpoint = ScriptedTransport::new()
        .answer(Answer::refusal(401, "invalid_client", 7_000_215).held_by(&gate))
        .answer(Answer::token("t-1", 3_600));
    let scene = Scene::new(&endpoint);
    let request = request();
    let mut before = scene.provider.token(&request);
    assert!(poll!(&mut before).is_pending());
    settle().await;
    scene.provider.invalidate(&request);
    gate.open();
    assert_eq!(text(&before.await), "Rejected");
    assert_eq!(scene.text().await, "t-1");
}
