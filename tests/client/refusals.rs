//! Refusals that no refresh can heal.

use partner_auth::{AccessToken, Api, Cloud, CustomCloud, Error, ErrorKind, PartnerClient};

use crate::support::house::{Fixed, House, http};
use crate::support::raw::{Raw, answer};

const CLAIMS: &str = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;

async fn refused(client: &PartnerClient, path: &str) -> Error {
    match client.get(path).send().await {
        Ok(answer) => panic!("{path} was answered with {}", answer.status()),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_second_challenge_in_a_row_wants_the_user() {
    let house = House::open().await;
    for (client, api, path) in [
        (house.center(), house.cloud.partner_center(), "v1/customers"),
        (
            house.partner_api(),
            house.cloud.partner_api(),
            "v1.0/engagements/referrals",
        ),
    ] {
        let (calls, tokens) = (house.calls(), house.token_requests());
        api.challenge_next(CLAIMS);
        api.challenge_next(CLAIMS);

        let error = refused(&client, path).await;
        assert_eq!(error.kind(), ErrorKind::InteractionRequired);
        assert!(error.needs_interaction() && !error.is_transient());
        assert_eq!(error.claims(), Some(CLAIMS));
        assert_eq!(error.status(), Some(401));
        assert!(error.api_error().is_some() && error.correlation_id().is_some());
        assert_eq!(
            (house.calls() - calls, house.token_requests() - tokens),
            (2, 2)
        );
        let asked = house.cloud.entra().requests().pop().unwrap();
        assert_eq!(asked.form_field("claims").as_deref(), Some(CLAIMS));
    }
}

#[tokio::test]
async fn a_challenge_with_403_is_met_and_the_call_is_replayed() {
    let house = House::open().await;
    let client = house.partner_api();
    for spelling in ["insufficient_claims", "insufficent_claims"] {
        let challenge = format!(r#"Bearer error="{spelling}", claims="eyJhIjp7ImIiOm51bGx9fQ""#);
        house
            .cloud
            .partner_api()
            .refuse_next(403, "", &[("www-authenticate", &challenge)]);
        let answer = client
            .get("v1.0/engagements/referrals")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        let asked = house.cloud.entra().requests().pop().unwrap();
        assert_eq!(
            asked.form_field("claims").as_deref(),
            Some(r#"{"a":{"b":null}}"#)
        );
    }
    assert_eq!((house.calls(), house.token_requests()), (4, 3));
}

#[tokio::test]
async fn a_challenge_that_cannot_be_read_wants_the_user_at_once() {
    let house = House::open().await;
    let client = house.partner_api();
    for claims in [
        "",
        r#", claims="%%%""#,
        r#", claims="W10=""#,
        r#", claims="bm90IGpzb24=""#,
    ] {
        let challenge = format!(r#"Bearer error="insufficient_claims"{claims}"#);
        house
            .cloud
            .partner_api()
            .refuse_next(403, "", &[("www-authenticate", &challenge)]);
        let error = refused(&client, "v1.0/engagements/referrals").await;
        assert_eq!(
            (error.kind(), error.claims()),
            (ErrorKind::InteractionRequired, None)
        );
    }
    assert_eq!((house.calls(), house.token_requests()), (4, 1));
}

#[tokio::test]
async fn a_token_without_mfa_is_refused_at_once_and_not_renewed() {
    let house = House::open().await;
    house.cloud.partner().require_mfa(true);
    let weak = house
        .cloud
        .entra()
        .user_token(&Api::PartnerCenter)
        .without_mfa()
        .mint();
    let (client, fixed) = house.client_with(Api::PartnerCenter, weak);

    let error = refused(&client, "v1/customers").await;
    assert_eq!(error.kind(), ErrorKind::MfaRequired);
    assert!(error.needs_interaction());
    assert_eq!(error.diagnosis().step, partner_auth::SetupStep::UserMfa);
    assert_eq!(error.api_error().unwrap().code(), Some("900421"));
    assert_eq!((house.calls(), fixed.asked()), (1, 1));
}

#[tokio::test]
async fn every_form_of_missing_mfa_is_known() {
    let house = House::open().await;
    let client = house.center();
    let expired = ("www-authenticate", r#"Bearer error="invalid_token""#);
    for body in [
        r#"{"code":"900421","description":"x"}"#,
        r#"{"code":900421}"#,
        r#"{"error":{"code":"unauthorized","innerError":{"code":"900421"}}}"#,
        r#"{"code":"10001"}"#,
        "Authentication failed. MFA required. (10001)",
    ] {
        house
            .cloud
            .partner_center()
            .refuse_next(401, body, &[expired]);
        let error = refused(&client, "v1/customers").await;
        assert_eq!(error.kind(), ErrorKind::MfaRequired, "{body}");
    }
    assert_eq!((house.calls(), house.token_requests()), (5, 1));
}

#[tokio::test]
async fn missing_mfa_is_known_by_the_reason_phrase_alone() {
    let headers = "www-authenticate: Bearer error=\"invalid_token\"\r\n";
    let api = Raw::saying(answer("401 Unauthorized - MFA required", headers, ""));
    let cloud = CustomCloud::new("http://127.0.0.1:9").unwrap();
    let cloud = cloud.with_api(&Api::PartnerCenter, &api.url()).unwrap();
    let later = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
    let token = AccessToken::new("a.b.c", later).unwrap();
    let fixed = Fixed::new(token, Cloud::Custom(cloud));
    let client = PartnerClient::builder(Api::PartnerCenter, fixed.clone()).unwrap();
    let client = client.http_client(http()).build().unwrap();

    let error = refused(&client, "v1/customers").await;
    assert_eq!(error.kind(), ErrorKind::MfaRequired);
    assert_eq!((api.requests().len(), fixed.asked()), (1, 1));
}

#[tokio::test]
async fn a_token_of_the_other_api_is_refused_at_once_by_both() {
    let house = House::open().await;
    for (api, other, path) in [
        (Api::PartnerCenter, Api::PartnerApi, "v1/customers"),
        (
            Api::PartnerApi,
            Api::PartnerCenter,
            "v1.0/engagements/referrals",
        ),
    ] {
        let before = house.calls();
        let token = house.cloud.entra().user_token(&other).mint();
        let (client, fixed) = house.client_with(api.clone(), token);
        let error = refused(&client, path).await;
        assert_eq!(error.kind(), ErrorKind::WrongAudience, "{api}");
        assert!(error.is_config() && !error.is_transient());
        assert_eq!((house.calls() - before, fixed.asked()), (1, 1), "{api}");
    }
}

#[tokio::test]
async fn an_app_only_token_where_a_user_is_wanted_is_refused_at_once_by_both() {
    let house = House::open().await;
    house.cloud.partner().allow_app_only(false);
    for (client, path, status) in [
        (house.center(), "v1/invoices", 403),
        (house.partner_api(), "v1.0/engagements/referrals", 400),
    ] {
        let before = (house.calls(), house.token_requests());
        let error = refused(&client, path).await;
        assert_eq!(
            (error.kind(), error.status()),
            (ErrorKind::AppOnlyNotSupported, Some(status))
        );
        assert!(error.is_config());
        assert_eq!(
            (house.calls(), house.token_requests()),
            (before.0 + 1, before.1 + 1)
        );
    }
}

#[tokio::test]
async fn a_refusal_of_the_call_itself_leaves_the_token_alone() {
    let house = House::open().await;
    let client = house.center();
    let table = [
        (
            403,
            r#"{"code":"900308","description":"insufficient privileges"}"#,
        ),
        (403, ""),
        (404, ""),
        (409, r#"{"code":"600009"}"#),
        (500, "oops"),
    ];
    for (status, body) in table {
        house.cloud.partner_center().refuse_next(status, body, &[]);
        let answer = client.get("v1/customers").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(
            &answer.into_inner().bytes().await.unwrap()[..],
            body.as_bytes()
        );
    }
    assert_eq!((house.calls(), house.token_requests()), (table.len(), 1));
}
