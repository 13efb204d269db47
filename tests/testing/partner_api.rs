//! The fake Partner API.

use partner_auth::testing::FakeCloud;
use partner_auth::{AccessToken, Api};
use reqwest::Method;

use super::support::{Call, PARTNER, app_token, call, get};

const REFERRALS: &str = "/v1.0/engagements/referrals";

fn url(cloud: &FakeCloud, path: &str) -> String {
    format!("{}{path}", cloud.partner_api().url())
}

fn asked(cloud: &FakeCloud, path: &str, token: &AccessToken) -> Call {
    get(&url(cloud, path))
        .token(token)
        .header("client-request-id", "c-1")
}

#[tokio::test]
async fn each_bad_call_is_refused_as_the_real_one_does() {
    let cloud = FakeCloud::start().await;
    let app = app_token(&cloud, PARTNER).await;
    let user = cloud.entra().user_token(&Api::PartnerApi).mint();
    let foreign = cloud.entra().user_token(&Api::PartnerCenter).mint();
    let weak = cloud
        .entra()
        .user_token(&Api::PartnerApi)
        .without_mfa()
        .mint();

    let nobody = get(&url(&cloud, REFERRALS)).send().await;
    assert_eq!(
        (nobody.status, &*nobody.text),
        (401, "Unauthorized: Invalid Authorization header")
    );
    let foreign = asked(&cloud, REFERRALS, &foreign).send().await;
    assert_eq!(
        (foreign.status, &*foreign.text),
        (401, "Invalid Authorization header, incorrect audience")
    );
    let app_only = asked(&cloud, REFERRALS, &app).send().await;
    assert_eq!(
        (app_only.status, &*app_only.text),
        (400, "Authorization header token missing user information")
    );
    let nameless = get(&url(&cloud, REFERRALS)).token(&user).send().await;
    assert_eq!(
        (
            nameless.status,
            nameless.json()["error"]["innerError"]["code"].clone()
        ),
        (400, "invalidRequest".into())
    );

    assert_eq!(asked(&cloud, REFERRALS, &weak).send().await.status, 200);
    cloud.partner().require_mfa(true);
    let refused = asked(&cloud, REFERRALS, &weak).send().await;
    assert_eq!(
        (refused.status, &*refused.text),
        (401, ""),
        "the least helpful form there is"
    );

    cloud.partner().allow_app_only(true);
    assert_eq!(asked(&cloud, REFERRALS, &app).send().await.status, 200);

    cloud.entra().revoke_tokens();
    let revoked = asked(&cloud, REFERRALS, &user).send().await;
    assert_eq!(revoked.json()["error"]["code"], "unauthenticated");
    assert!(
        revoked
            .header("www-authenticate")
            .unwrap()
            .contains("insufficient_claims")
    );
}

#[tokio::test]
async fn a_walk_over_the_pages_meets_every_referral_once() {
    let cloud = FakeCloud::start().await;
    let token = cloud.entra().user_token(&Api::PartnerApi).mint();
    for (first, pages) in [("", 1), ("?$top=3", 3), ("?$top=7", 1), ("?$top=1000", 1)] {
        let mut met = Vec::new();
        let mut next = url(&cloud, &format!("{REFERRALS}{first}"));
        let mut walked = 0;
        loop {
            let answer = get(&next)
                .token(&token)
                .header("client-request-id", "c-1")
                .send()
                .await;
            assert_eq!(answer.header("client-request-id"), Some("c-1"));
            assert!(answer.header("request-id").is_some());
            let page = answer.json();
            walked += 1;
            assert_eq!(page["@odata.count"], 7);
            let items = page["value"].as_array().unwrap();
            met.extend(
                items
                    .iter()
                    .map(|item| item["id"].as_str().unwrap().to_owned()),
            );
            let Some(link) = page.get("@odata.nextLink") else {
                break;
            };
            next = link.as_str().unwrap().to_owned();
            let start = url(&cloud, "/v1.0/referrals?");
            assert!(
                next.starts_with(&start) && next.contains("$skiptoken="),
                "{next}"
            );
        }
        assert_eq!(
            (met, walked),
            (cloud.partner().referrals(), pages),
            "{first}"
        );
    }
}

#[tokio::test]
async fn a_page_is_no_larger_than_the_test_says() {
    let cloud = FakeCloud::start().await;
    cloud.partner().set_page_size(2);
    let token = cloud.entra().user_token(&Api::PartnerApi).mint();
    let page = asked(&cloud, &format!("{REFERRALS}?$top=50&$skip=1"), &token)
        .send()
        .await
        .json();
    assert_eq!(page["value"].as_array().unwrap().len(), 2);
    assert_eq!(page["value"][0]["id"], cloud.partner().referrals()[1]);
    let wrong = asked(&cloud, &format!("{REFERRALS}?$top=many"), &token)
        .send()
        .await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn a_change_meets_the_etag_or_fails() {
    let cloud = FakeCloud::start().await;
    let token = cloud.entra().user_token(&Api::PartnerApi).mint();
    let place = format!("{REFERRALS}/{}", cloud.partner().add_referral("Litware"));
    let shown = asked(&cloud, &place, &token).send().await;
    let etag = shown.json()["eTag"].as_str().unwrap().to_owned();
    assert_eq!(shown.header("etag"), Some(&*etag));
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");

    let patch = |etag: &str| {
        let call = call(Method::PATCH, &url(&cloud, &place))
            .token(&token)
            .header("client-request-id", "c-2");
        call.header("if-match", etag)
            .body("[{\"op\":\"replace\",\"path\":\"/status\",\"value\":\"Active\"}]")
    };
    let changed = patch(&etag)
        .header("prefer", "return=representation")
        .send()
        .await;
    assert_eq!(
        (changed.status, changed.json()["status"].clone()),
        (200, "Active".into())
    );
    let stale = patch(&etag).send().await;
    assert_eq!(
        (stale.status, stale.json()["error"]["code"].clone()),
        (412, "preconditionFailed".into())
    );
    assert_eq!(
        patch(changed.header("etag").unwrap()).send().await.status,
        204
    );

    let put = call(Method::PUT, &url(&cloud, &place))
        .token(&token)
        .header("client-request-id", "c-3");
    assert_eq!(
        put.body("{}").send().await.status,
        400,
        "a replacement needs If-Match"
    );
    assert_eq!(
        asked(&cloud, &format!("{REFERRALS}/nobody"), &token)
            .send()
            .await
            .status,
        404
    );
}
