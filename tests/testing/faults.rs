//! What goes wrong on purpose.

use std::time::{Duration, Instant};

use partner_auth::Api;
use partner_auth::testing::{FakeCloud, Fault};

use super::support::{CENTER, PARTNER, get, post_form, token_call, token_url};

#[tokio::test]
async fn a_status_comes_as_often_as_the_test_says() {
    let cloud = FakeCloud::start().await;
    cloud
        .entra()
        .fault(Fault::status(503).retry_after("2").times(2));
    for _ in 0..2 {
        let answer = token_call(&cloud, CENTER).send().await;
        assert_eq!(
            (answer.status, answer.header("retry-after"), &*answer.text),
            (503, Some("2"), "")
        );
    }
    assert_eq!(token_call(&cloud, CENTER).send().await.status, 200);

    cloud.entra().fault(Fault::html_page(502).always());
    for _ in 0..3 {
        let answer = token_call(&cloud, CENTER).send().await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (502, Some("text/html"))
        );
        assert!(answer.text.starts_with("<html>"), "{answer:?}");
    }
    cloud.entra().clear_faults();
    assert_eq!(token_call(&cloud, CENTER).send().await.status, 200);
}

#[tokio::test]
async fn faults_happen_in_the_order_they_were_added() {
    let cloud = FakeCloud::start().await;
    cloud.entra().fault(Fault::status(500));
    cloud.entra().fault(Fault::throttled("60"));
    assert_eq!(token_call(&cloud, CENTER).send().await.status, 500);
    let throttled = token_call(&cloud, CENTER).send().await;
    assert_eq!(
        (throttled.status, throttled.header("retry-after")),
        (429, Some("60"))
    );
    assert!(
        serde_json::from_str::<serde_json::Value>(&throttled.text).is_err(),
        "{throttled:?}"
    );
}

#[tokio::test]
async fn one_tenants_trouble_is_not_anothers() {
    let cloud = FakeCloud::start().await;
    let other = "bbbbcccc-1111-dddd-2222-eeee3333ffff".parse().unwrap();
    cloud.entra().add_tenant(&other, &["fabrikam.com"]);
    cloud.entra().fault(
        Fault::status(503)
            .always()
            .in_tenant(&"fabrikam.com".parse().unwrap()),
    );

    assert_eq!(token_call(&cloud, CENTER).send().await.status, 200);
    assert_eq!(
        post_form(&token_url(&cloud, &other), &[])
            .send()
            .await
            .status,
        503
    );

    cloud
        .partner_center()
        .fault(Fault::status(503).in_tenant(&cloud.tenant()));
    let url = format!("{}/v1/customers", cloud.partner_center().url());
    let mint = || cloud.entra().app_token(&Api::PartnerCenter);
    assert_eq!(
        get(&url)
            .token(&mint().tenant(&other).mint())
            .send()
            .await
            .status,
        200
    );
    assert_eq!(get(&url).token(&mint().mint()).send().await.status, 503);
}

#[tokio::test]
async fn a_silent_server_is_left_by_a_client_with_a_time_limit() {
    let cloud = FakeCloud::start().await;
    cloud.entra().fault(Fault::hang());
    let error = token_call(&cloud, CENTER)
        .patience(Duration::from_millis(40))
        .attempt()
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(
        token_call(&cloud, CENTER).send().await.status,
        200,
        "one silence blocks nobody else"
    );
}

#[tokio::test]
#[allow(clippy::disallowed_methods)] // latency is real time
async fn a_slow_server_takes_real_time() {
    let cloud = FakeCloud::start().await;
    cloud.entra().set_latency(Duration::from_millis(20));
    cloud
        .entra()
        .fault(Fault::latency(Duration::from_millis(20)));
    let begun = Instant::now();
    assert_eq!(token_call(&cloud, CENTER).send().await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(40));
}

#[tokio::test]
async fn a_torn_body_arrives_as_half_an_answer() {
    let cloud = FakeCloud::start().await;
    cloud.entra().fault(Fault::torn_body());
    let error = token_call(&cloud, CENTER).attempt().await.unwrap_err();
    // The head was there, and so the status; the body ended too early.
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert!(!error.is_connect() && !error.is_timeout(), "{error:?}");

    cloud.partner_center().fault(Fault::torn_body());
    let url = format!("{}/v1/customers", cloud.partner_center().url());
    let token = cloud.entra().app_token(&Api::PartnerCenter).mint();
    let error = get(&url).token(&token).attempt().await.unwrap_err();
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert_eq!(get(&url).token(&token).send().await.status, 200);
}

#[tokio::test]
async fn a_dropped_connection_gives_no_answer_at_all() {
    let cloud = FakeCloud::start().await;
    cloud.entra().fault(Fault::dropped_connection());
    let error = token_call(&cloud, CENTER).attempt().await.unwrap_err();
    assert!(error.is_request(), "{error:?}");
    assert_eq!(cloud.entra().token_requests(), 1, "the request had arrived");
}

#[tokio::test]
async fn the_answers_form_can_be_spoilt() {
    let cloud = FakeCloud::start().await;
    cloud.entra().fault(Fault::wrong_content_type());
    cloud.entra().fault(Fault::body("{\"access_token\":"));
    cloud
        .entra()
        .fault(Fault::answer(403, "application/json", "{}"));

    let answer = token_call(&cloud, CENTER).send().await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/plain"))
    );
    assert!(answer.json()["access_token"].is_string());
    let answer = token_call(&cloud, CENTER).send().await;
    assert_eq!((answer.status, &*answer.text), (200, "{\"access_token\":"));
    let answer = token_call(&cloud, CENTER).send().await;
    assert_eq!((answer.status, &*answer.text), (403, "{}"));
}

#[tokio::test]
async fn an_api_throttles_with_the_gateways_body() {
    let cloud = FakeCloud::start().await;
    cloud.partner_api().fault(Fault::throttled("57"));
    let url = format!("{}/v1.0/engagements/referrals", cloud.partner_api().url());
    let token = cloud.entra().user_token(&Api::PartnerApi).mint();
    let call = || {
        get(&url)
            .token(&token)
            .header("client-request-id", "c")
            .send()
    };

    let throttled = call().await;
    assert_eq!(
        (throttled.status, throttled.header("retry-after")),
        (429, Some("57"))
    );
    assert_eq!(throttled.json()["statusCode"], 429);
    assert_eq!(
        throttled.json()["message"],
        "Rate limit is exceeded. Try again in 57 seconds."
    );
    assert_eq!(call().await.status, 200);
}

#[tokio::test]
async fn metadata_is_spared_by_faults() {
    let cloud = FakeCloud::start().await;
    cloud.entra().fault(Fault::status(503));
    let url = format!("{}/common/discovery/v2.0/keys", cloud.entra().url());
    assert_eq!(get(&url).send().await.status, 200);
    assert_eq!(token_call(&cloud, PARTNER).send().await.status, 503);
}
