//! The same over HTTP: the default transport against the fake cloud.

use std::sync::Arc;

use futures_util::FutureExt as _;
use partner_auth::testing::{FakeCloud, Fault, ManualClock};
use partner_auth::{
    Api, AppOnlyProvider, Builder, ErrorKind, PartnerAuth, TokenProvider, TokenRequest, WantsAccess,
};
use tokio::task::{JoinSet, yield_now};

use super::support::{MINUTE, SECOND, request, request_in, tenant, text};

/// A fake cloud and the provider's clock are one.
async fn start() -> (ManualClock, FakeCloud) {
    let (clock, cloud) = (ManualClock::new(), FakeCloud::start().await);
    cloud.use_clock(Arc::new(clock.clone()));
    (clock, cloud)
}

fn builder(clock: &ManualClock, cloud: &FakeCloud) -> Builder<WantsAccess> {
    PartnerAuth::builder()
        .tenant(cloud.tenant())
        .client(cloud.client())
        .client_secret(cloud.client_secret().parse().unwrap())
        .cloud(cloud.cloud())
        .clock(clock.clone())
}

/// Lets a second pass, but not while a request is on its way: that takes real time.
async fn pass(clock: &ManualClock) {
    yield_now().await;
    if clock.sleeping() == 0 {
        clock.advance(SECOND);
    }
}

/// Lets `count` tasks ask at the same time, and returns what came.
async fn ask(provider: &AppOnlyProvider, count: usize, request: &TokenRequest) -> Vec<String> {
    let mut callers = JoinSet::new();
    for _ in 0..count {
        let (provider, request) = (provider.clone(), request.clone());
        callers.spawn(async move { text(&provider.token(&request).await) });
    }
    callers.join_all().await
}

#[tokio::test]
async fn a_thousand_cold_callers_are_one_request_over_http() {
    let (clock, cloud) = start().await;
    let provider = builder(&clock, &cloud).app_only();
    let texts = ask(&provider, 1_000, &request()).await;
    assert!(
        texts
            .iter()
            .all(|text| *text == texts[0] && text.starts_with("eyJ")),
        "{}",
        texts[0]
    );
    assert_eq!(cloud.entra().token_requests(), 1);
    assert_eq!(cloud.entra().requests().len(), 1, "no discovery");
}

#[tokio::test]
async fn a_wrong_secret_is_one_request_a_minute_until_it_is_put_right() {
    let (clock, cloud) = start().await;
    let provider = builder(&clock, &cloud).app_only();
    let right = cloud.client_secret();
    cloud.entra().rotate_secret(&cloud.client());
    for _ in 0..100 {
        let error = provider.token(&request()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.aadsts()),
            (ErrorKind::Rejected, Some(7_000_215))
        );
        assert!(!format!("{error} {error:?}").contains(&right));
        let sent = cloud.entra().requests().pop().unwrap();
        assert_eq!(error.correlation_id(), sent.header("client-request-id"));
        assert!(error.trace_id().is_some());
    }
    assert_eq!(cloud.entra().token_requests(), 1);
    clock.advance(MINUTE + MINUTE / 4);
    assert!(provider.token(&request()).await.is_err());
    assert_eq!(cloud.entra().token_requests(), 2);
}

#[tokio::test]
async fn a_tenant_that_hangs_leaves_the_others_alone() {
    let (clock, cloud) = start().await;
    let slow = tenant("11112222-bbbb-3333-cccc-4444dddd5555");
    cloud.entra().add_tenant(&slow, &["slow.example.com"]);
    cloud.entra().add_app(&slow, &cloud.client());
    cloud.entra().fault(Fault::hang().always().in_tenant(&slow));

    let provider = builder(&clock, &cloud).app_only();
    provider.token(&request()).await.unwrap();
    let waiting = {
        let provider = provider.clone();
        let request = request_in(&slow);
        let mut callers = JoinSet::new();
        callers.spawn(async move { text(&provider.token(&request).await) });
        callers
    };
    while cloud.entra().token_requests_of(&slow) == 0 {
        yield_now().await;
    }
    assert!(
        provider.token(&request()).now_or_never().unwrap().is_ok(),
        "a hit"
    );
    assert!(
        provider
            .token(&TokenRequest::new(Api::PartnerApi))
            .await
            .is_ok(),
        "a miss"
    );

    clock.advance(30 * SECOND);
    assert_eq!(waiting.join_all().await, ["Network"]);
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_not_noticed_while_the_token_is_good() {
    let (clock, cloud) = start().await;
    let provider = builder(&clock, &cloud).app_only();
    let old = text(&provider.token(&request()).await);
    let faults = [
        Fault::status(503),
        Fault::throttled("20"),
        Fault::html_page(502),
        Fault::torn_body(),
        Fault::dropped_connection(),
        Fault::body("{\"access_token\":"),
    ];
    clock.advance(3_000 * SECOND);
    for (before, fault) in faults.into_iter().enumerate() {
        cloud.entra().fault(fault);
        while cloud.entra().token_requests() < before + 2 {
            let outcome = provider.token(&request()).now_or_never();
            assert_eq!(text(&outcome.unwrap()), old);
            pass(&clock).await;
        }
    }
    cloud.entra().clear_faults();
    while text(&provider.token(&request()).await) == old {
        pass(&clock).await;
    }
}
