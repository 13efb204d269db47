//! Calls with good, revoked and expired tokens, and what they cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use http::Extensions;
use partner_auth::testing::{Answer, Fault, ScriptedTransport};
use partner_auth::{
    Api, AppOnlyProvider, ErrorKind, PartnerAuth, PartnerClient, TokenProvider as _, TokenRequest,
};
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next};

use crate::support::house::House;

async fn status(client: &PartnerClient, path: &str) -> u16 {
    client.get(path).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_call_carries_one_token_and_both_apis_answer() {
    let house = House::open().await;
    assert_eq!(status(&house.center(), "v1/customers").await, 200);
    assert_eq!(
        status(&house.partner_api(), "/v1.0/engagements/referrals").await,
        200
    );

    for request in house.cloud.partner().requests() {
        assert_eq!(request.authorizations(), 1);
        assert!(request.header("cookie").is_none() && request.header("referer").is_none());
    }
    assert_eq!(
        (house.calls(), house.token_requests()),
        (2, 2),
        "one token per audience"
    );

    let center = TokenRequest::new(Api::PartnerCenter);
    let token = house.provider.token(&center).await.unwrap();
    assert!(house.cloud.partner_center().requests()[0].carries(&token));
    assert!(!house.cloud.partner_api().requests()[0].carries(&token));
}

#[tokio::test]
async fn five_calls_in_a_row_with_a_revoked_token_cost_one_token_request() {
    for api in [Api::PartnerCenter, Api::PartnerApi] {
        let house = House::open().await;
        let (client, path) = match api {
            Api::PartnerCenter => (house.center(), "v1/customers"),
            _ => (house.partner_api(), "v1.0/engagements/referrals"),
        };
        assert_eq!(status(&client, path).await, 200);
        house.cloud.entra().revoke_tokens();

        for _ in 0..5 {
            assert_eq!(status(&client, path).await, 200);
        }
        assert_eq!(house.token_requests(), 2, "the first, and one more");
        assert_eq!(house.calls(), 1 + 5 + 1, "one alone is replayed");
        let last = house.cloud.entra().requests().pop().unwrap();
        let claims = last.form_field("claims").unwrap();
        assert!(
            claims.contains(r#""nbf":{"#),
            "the challenge is met: {claims}"
        );
    }
}

#[tokio::test]
async fn five_calls_at_once_with_a_revoked_token_cost_one_token_request() {
    let house = House::open().await;
    let client = house.center();
    assert_eq!(status(&client, "v1/customers").await, 200);
    house.cloud.entra().revoke_tokens();

    let statuses = join_all((0..5).map(|_| status(&client, "v1/customers"))).await;
    assert_eq!(statuses, [200; 5]);
    assert_eq!(house.token_requests(), 2);
    assert_eq!(house.calls(), 1 + 5 * 2, "each is replayed once");
}

/// An API in place of the network: it takes every token but the first.
#[derive(Clone, Default)]
struct Revoking {
    calls: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    challenge: Option<&'static str>,
    /// Who renews the token behind the caller's back, before the refusal is out.
    meddler: Option<AppOnlyProvider>,
}

#[async_trait::async_trait]
impl Middleware for Revoking {
    async fn handle(
        &self,
        request: Request,
        _: &mut Extensions,
        _: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let is_old = request.headers()["authorization"] == "Bearer the-old-token";
        let answer = http::Response::builder().status(if is_old { 401 } else { 200 });
        if !is_old {
            return Ok(answer.body("").unwrap().into());
        }
        self.refused.fetch_add(1, Ordering::SeqCst);
        if let Some(provider) = &self.meddler {
            let request = TokenRequest::new(Api::PartnerCenter).force_refresh();
            provider.token(&request).await.unwrap();
        }
        let answer = match self.challenge {
            Some(challenge) => answer.header("www-authenticate", challenge),
            None => answer,
        };
        Ok(answer.body("").unwrap().into())
    }
}

fn scripted() -> (ScriptedTransport, AppOnlyProvider) {
    let transport = ScriptedTransport::new()
        .answer(Answer::token("the-old-token", 3_599))
        .answer(Answer::token("the-new-token", 3_599));
    let provider = PartnerAuth::builder()
        .tenant("contoso.onmicrosoft.com".parse().unwrap())
        .client("00001111-aaaa-2222-bbbb-3333cccc4444".parse().unwrap())
        .client_secret("Kx-8Q~0d3pT5vZ1uR6sW9yB2eH4jL7nM8oP0qA5c".parse().unwrap())
        .transport(transport.clone())
        .app_only();
    (transport, provider)
}

#[tokio::test]
async fn a_thousand_calls_with_one_refused_token_cost_one_token_request() {
    let challenge = r#"Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ==""#;
    for challenge in [
        Some(challenge),
        Some(r#"Bearer error="invalid_token""#),
        None,
    ] {
        let (transport, provider) = scripted();
        provider
            .token(&TokenRequest::new(Api::PartnerCenter))
            .await
            .unwrap();
        let api = Revoking {
            challenge,
            ..Revoking::default()
        };
        let client = PartnerClient::builder(Api::PartnerCenter, provider).unwrap();
        let client = client.http_client(crate::support::house::http());
        let client = client.inner(api.clone()).build().unwrap();

        let statuses = join_all((0..1_000).map(|_| status(&client, "v1/customers"))).await;
        assert!(statuses.iter().all(|status| *status == 200));
        assert_eq!(transport.request_count(), 2, "the first, and one more");
        assert_eq!(api.refused.load(Ordering::SeqCst), 1_000);
        assert_eq!(
            api.calls.load(Ordering::SeqCst),
            2_000,
            "each replayed once"
        );
    }
}

#[tokio::test]
async fn a_token_that_was_renewed_meanwhile_is_not_renewed_again() {
    let (transport, provider) = scripted();
    let api = Revoking {
        meddler: Some(provider.clone()),
        ..Revoking::default()
    };
    let client = PartnerClient::builder(Api::PartnerCenter, provider).unwrap();
    let client = client.http_client(crate::support::house::http());
    let client = client.inner(api.clone()).build().unwrap();

    assert_eq!(status(&client, "v1/customers").await, 200);
    assert_eq!(transport.request_count(), 2, "the first, and the meddler's");
    assert_eq!(api.calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_expired_token_is_replaced_once() {
    let house = House::open().await;
    let client = house.center();
    assert_eq!(status(&client, "v1/customers").await, 200);
    // Two hours pass for the cloud, none for the provider, which holds its token for good.
    let ahead = partner_auth::testing::ManualClock::new();
    ahead.advance(Duration::from_secs(7_200));
    house.cloud.use_clock(Arc::new(ahead));

    assert_eq!(status(&client, "v1/customers").await, 200);
    assert_eq!((house.calls(), house.token_requests()), (3, 2));
    assert_eq!(status(&client, "v1/customers").await, 200);
    assert_eq!((house.calls(), house.token_requests()), (4, 2));
}

#[tokio::test]
async fn an_unknown_token_is_replaced_once_and_then_the_refusal_is_the_callers() {
    let house = House::open().await;
    let client = house.center();
    let unknown = r#"{"code":"800001","description":"Partner Token missing in request context."}"#;
    house.cloud.partner_center().refuse_next(401, unknown, &[]);
    assert_eq!(status(&client, "v1/customers").await, 200);
    assert_eq!((house.calls(), house.token_requests()), (2, 2));

    house.cloud.partner_center().refuse_next(401, unknown, &[]);
    house.cloud.partner_center().refuse_next(401, unknown, &[]);
    let error = client
        .get("v1/customers")
        .send()
        .await
        .unwrap()
        .ok()
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (partner_auth::ErrorKind::Rejected, Some(401))
    );
    assert_eq!(error.api_error().unwrap().code(), Some("800001"));
    assert_eq!((house.calls(), house.token_requests()), (4, 3));
}

#[tokio::test]
async fn a_provider_that_has_no_other_token_leaves_the_refusal_to_the_caller() {
    let house = House::open().await;
    let token = house.cloud.entra().app_token(&Api::PartnerCenter).mint();
    for revoke in [false, true] {
        let (client, fixed) = house.client_with(Api::PartnerCenter, token.clone());
        let before = house.calls();
        match revoke {
            true => house.cloud.entra().revoke_tokens(),
            false => house.cloud.partner_center().refuse_next(401, "", &[]),
        }
        assert_eq!(status(&client, "v1/customers").await, 401);
        assert_eq!((house.calls() - before, fixed.asked()), (1, 2), "sent once");
    }
    assert_eq!(house.token_requests(), 0);
}

#[tokio::test]
async fn a_refusal_of_entra_on_the_way_to_another_token_is_the_calls() {
    let house = House::open().await;
    let client = house.center();
    assert_eq!(status(&client, "v1/customers").await, 200);
    house.cloud.entra().revoke_tokens();
    house.cloud.entra().expire_secret(&house.cloud.client());

    let error = client.get("v1/customers").send().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.aadsts()),
        (partner_auth::ErrorKind::Rejected, Some(7_000_222))
    );
    assert_eq!(
        house.calls(),
        2,
        "nothing is replayed with the refused token"
    );
}

#[tokio::test]
async fn an_api_that_refuses_every_token_does_not_cost_a_token_per_call() {
    let house = House::open().await;
    let client = house.center();
    house
        .cloud
        .partner_center()
        .fault(Fault::answer(401, "application/json", r#"{"code":"400"}"#).always());
    for _ in 0..100 {
        let answer = client.get("v1/customers").send().await.unwrap();
        assert_eq!(answer.status(), 401);
    }
    assert!(house.cloud.entra().token_requests() <= 21);
}

#[tokio::test]
async fn a_token_of_another_api_is_refused_before_it_is_asked_for() {
    let house = House::open().await;
    let client = house.center();
    let graph = "https://graph.microsoft.com/.default".parse().unwrap();
    let bare = "User.Read offline_access".parse().unwrap();
    for other in [
        TokenRequest::new(Api::Arm),
        TokenRequest::new(Api::PartnerApi),
        TokenRequest::for_scopes(graph),
        TokenRequest::for_scopes(bare),
    ] {
        let call = client.get("v1/customers").token_request(other);
        let error = call.send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongAudience);
    }
    assert_eq!(house.cloud.entra().token_requests(), 0);
    assert_eq!(house.cloud.partner_center().request_count(), 0);

    let own = "https://api.partnercenter.microsoft.com/.default"
        .parse()
        .unwrap();
    let call = client
        .get("v1/customers")
        .token_request(TokenRequest::for_scopes(own));
    assert!(call.send().await.unwrap().status().is_success());
}
