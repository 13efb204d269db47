//! The fake Partner Center.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use partner_auth::testing::{FakeCloud, ManualClock};
use partner_auth::{AccessToken, Api};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Answer, CENTER, Call, app_token, call, claims, get};

async fn customers(cloud: &FakeCloud, token: &AccessToken) -> Answer {
    get(&url(cloud, "/v1/customers")).token(token).send().await
}

fn url(cloud: &FakeCloud, path: &str) -> String {
    format!("{}{path}", cloud.partner_center().url())
}

#[tokio::test]
async fn a_token_of_the_fake_entra_opens_partner_center() {
    let cloud = FakeCloud::start().await;
    let token = app_token(&cloud, CENTER).await;
    let answer = get(&url(&cloud, "/v1/customers"))
        .token(&token)
        .header("MS-RequestId", "r-1")
        .header("MS-CorrelationId", "c-1")
        .send()
        .await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["totalCount"], 5);
    assert_eq!(answer.header("ms-requestid"), Some("r-1"));
    assert_eq!(answer.header("ms-correlationid"), Some("c-1"));

    let requests = cloud.partner_center().requests();
    assert_eq!((requests.len(), requests[0].path()), (1, "/v1/customers"));
    assert_eq!(requests[0].authorizations(), 1);
    assert!(requests[0].carries(&token));
    assert!(requests[0].header("authorization").is_none());
    assert!(!format!("{requests:?}").contains(token.secret()));
}

#[tokio::test]
async fn each_bad_token_is_refused_as_the_real_one_does() {
    let cloud = FakeCloud::start().await;
    let clock = ManualClock::new();
    cloud.use_clock(Arc::new(clock.clone()));
    let mint = || cloud.entra().app_token(&Api::PartnerCenter);
    let refused = |answer: &Answer| (answer.status, answer.json()["code"].clone());

    let nobody = get(&url(&cloud, "/v1/customers")).send().await;
    assert_eq!(refused(&nobody), (401, "800001".into()));
    let gibberish = AccessToken::new("a.b.c", clock_time()).unwrap();
    assert_eq!(
        refused(&customers(&cloud, &gibberish).await),
        (401, "800001".into())
    );

    let good = mint().mint();
    let (signed, _) = good.secret().rsplit_once('.').unwrap();
    let (_, claims) = signed.split_once('.').unwrap();
    let another = mint().mint();
    let (_, signature) = another.secret().rsplit_once('.').unwrap();
    let unsigned = URL_SAFE_NO_PAD.encode("{\"typ\":\"JWT\",\"alg\":\"none\"}");
    for forged in [
        format!("{signed}.{signature}"),
        format!("{unsigned}.{claims}."),
        format!("{signed}."),
    ] {
        let forged = AccessToken::new(&forged, clock_time()).unwrap();
        assert_eq!(
            refused(&customers(&cloud, &forged).await),
            (401, "800001".into())
        );
    }

    let stranger = mint()
        .tenant(&"bbbbcccc-1111-dddd-2222-eeee3333ffff".parse().unwrap())
        .mint();
    assert_eq!(
        refused(&customers(&cloud, &stranger).await),
        (401, "800001".into())
    );
    let early = mint().claim("nbf", "1767225601").mint();
    assert_eq!(
        refused(&customers(&cloud, &early).await),
        (401, "800001".into())
    );

    let retired = customers(&cloud, &mint().audience("https://graph.windows.net").mint()).await;
    assert_eq!(refused(&retired), (401, "900420".into()));
    assert!(
        retired.json()["description"]
            .as_str()
            .unwrap()
            .contains("https://graph.windows.net")
    );
    let slashed = customers(&cloud, &mint().audience(&format!("{CENTER}/")).mint()).await;
    assert_eq!(
        refused(&slashed),
        (401, "900420".into()),
        "an audience is taken to the letter"
    );

    let twice = get(&url(&cloud, "/v1/customers"))
        .token(&good)
        .token(&good)
        .send()
        .await;
    assert_eq!(refused(&twice), (401, "800001".into()));
    assert_eq!(
        cloud
            .partner_center()
            .requests()
            .last()
            .unwrap()
            .authorizations(),
        2
    );

    assert_eq!(customers(&cloud, &good).await.status, 200);
    clock.advance(Duration::from_secs(3_598));
    assert_eq!(customers(&cloud, &good).await.status, 200);
    clock.advance(Duration::from_secs(1));
    let expired = customers(&cloud, &good).await;
    assert_eq!(expired.status, 401);
    assert_eq!(
        expired.header("www-authenticate"),
        Some("Bearer error=\"invalid_token\"")
    );
}

#[tokio::test]
async fn some_calls_want_a_user_and_some_users_want_mfa() {
    let cloud = FakeCloud::start().await;
    let invoices = url(&cloud, "/v1/invoices");
    let app = cloud.entra().app_token(&Api::PartnerCenter).mint();
    let user = cloud.entra().user_token(&Api::PartnerCenter).mint();
    let weak = cloud
        .entra()
        .user_token(&Api::PartnerCenter)
        .without_mfa()
        .mint();

    let refused = get(&invoices).token(&app).send().await;
    assert_eq!(
        (refused.status, refused.json()["code"].clone()),
        (403, "900329".into())
    );
    assert_eq!(get(&invoices).token(&user).send().await.status, 200);

    let told = get(&invoices)
        .token(&weak)
        .header("ValidateMfa", "true")
        .send()
        .await;
    assert_eq!(
        (told.status, told.header("ismfacompliant")),
        (200, Some("false"))
    );

    cloud.partner().require_mfa(true);
    let refused = get(&invoices).token(&weak).send().await;
    assert_eq!(
        (refused.status, refused.json()["code"].clone()),
        (401, "900421".into())
    );
    assert_eq!(
        refused.header("www-authenticate"),
        Some("Bearer error=\"invalid_token\"")
    );
    assert_eq!(get(&invoices).token(&user).send().await.status, 200);
    assert_eq!(
        customers(&cloud, &app).await.status,
        200,
        "an app has no second factor"
    );
}

#[tokio::test]
async fn a_revoked_token_is_refused_with_a_challenge_until_another_is_issued() {
    let cloud = FakeCloud::start().await;
    let clock = ManualClock::new();
    cloud.use_clock(Arc::new(clock.clone()));
    let old = app_token(&cloud, CENTER).await;
    cloud.entra().revoke_tokens();

    let refused = customers(&cloud, &old).await;
    assert_eq!(refused.status, 401);
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer realm=\"\""), "{challenge}");
    assert!(
        challenge.contains("error=\"insufficient_claims\""),
        "{challenge}"
    );
    let claims = challenge
        .split("claims=\"")
        .nth(2)
        .or(challenge.rsplit("claims=\"").next())
        .unwrap();
    let claims = STANDARD.decode(claims.trim_end_matches('"')).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(
        claims["access_token"]["nbf"],
        json!({ "essential": true, "value": "1767225600" })
    );

    let new = app_token(&cloud, CENTER).await;
    assert_eq!(
        customers(&cloud, &new).await.status,
        200,
        "issued in the same second, yet after"
    );
}

#[tokio::test]
async fn the_next_answer_can_be_a_challenge_or_anything() {
    let cloud = FakeCloud::start().await;
    let token = cloud.entra().app_token(&Api::PartnerCenter).mint();
    cloud
        .partner_center()
        .challenge_next("{\"access_token\":{\"acrs\":{\"essential\":true}}}");
    cloud
        .partner_center()
        .refuse_next(403, "no", &[("x-why", "because")]);

    let challenged = customers(&cloud, &token).await;
    assert!(
        challenged
            .header("www-authenticate")
            .unwrap()
            .contains("insufficient_claims")
    );
    let refused = customers(&cloud, &token).await;
    assert_eq!(
        (refused.status, &*refused.text, refused.header("x-why")),
        (403, "no", Some("because"))
    );
    assert_eq!(customers(&cloud, &token).await.status, 200);
}

#[tokio::test]
async fn a_walk_over_the_pages_meets_every_customer_once() {
    let cloud = FakeCloud::start().await;
    cloud.partner().set_page_size(2);
    let last = cloud.partner().add_customer("Litware", "litware.com");
    cloud.partner().add_customer("Proseware", "proseware.com");
    let token = cloud.entra().app_token(&Api::PartnerCenter).mint();

    let mut met = Vec::new();
    let mut next: Call = get(&url(&cloud, "/v1/customers"));
    let mut pages = 0;
    loop {
        let page = next.token(&token).send().await.json();
        pages += 1;
        assert_eq!(page["totalCount"], 7);
        assert_eq!(page["attributes"]["objectType"], "Collection");
        let items = page["items"].as_array().unwrap();
        met.extend(
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        let Some(link) = page["links"].get("next") else {
            break;
        };
        assert_eq!(link["uri"], "/customers?size=2?seekOperation=Next");
        assert_eq!(link["method"], "GET");
        let header = &link["headers"][0];
        assert_eq!(header["key"], "MS-ContinuationToken");
        next = get(&url(
            &cloud,
            &format!("/v1{}", link["uri"].as_str().unwrap()),
        ))
        .header(
            header["key"].as_str().unwrap(),
            header["value"].as_str().unwrap(),
        );
    }
    assert_eq!((met.clone(), pages), (cloud.partner().customers(), 4));
    assert_eq!(met[5], last);

    let bare = get(&url(&cloud, "/v1/customers?size=2?seekOperation=Next"))
        .token(&token)
        .send()
        .await;
    assert_eq!(
        bare.status, 400,
        "the link without its header leads nowhere"
    );
    let no_version = get(&url(&cloud, "/customers?size=2"))
        .token(&token)
        .send()
        .await;
    assert_eq!(no_version.status, 404, "the link's path lacks the version");
}

#[tokio::test]
async fn a_change_meets_the_etag_or_fails() {
    let cloud = FakeCloud::start().await;
    let token = cloud.entra().app_token(&Api::PartnerCenter).mint();
    let customer = url(
        &cloud,
        &format!("/v1/customers/{}", cloud.partner().customers()[0]),
    );
    let etag = |answer: &Answer| {
        answer.json()["attributes"]["etag"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let change = |etag: &str| {
        let call = call(Method::PATCH, &customer)
            .token(&token)
            .header("if-match", etag);
        call.body("{\"relationshipToPartner\":\"none\"}").send()
    };

    let old = etag(&get(&customer).token(&token).send().await);
    let changed = change(&format!("\"{old}\"")).await;
    assert_eq!(
        (
            changed.status,
            changed.json()["relationshipToPartner"].clone()
        ),
        (200, "none".into())
    );
    assert_ne!(etag(&changed), old);
    assert_eq!(change(&old).await.status, 412);
    assert_eq!(
        get(&url(&cloud, "/v1/customers/nobody"))
            .token(&token)
            .send()
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_repeated_request_id_creates_once() {
    let cloud = FakeCloud::start().await;
    let token = cloud.entra().app_token(&Api::PartnerCenter).mint();
    let create = |id: &str| {
        let call = call(Method::POST, &url(&cloud, "/v1/customers"))
            .token(&token)
            .header("MS-RequestId", id);
        call.body("{\"companyProfile\":{\"companyName\":\"Litware\",\"domain\":\"litware.com\"}}")
            .send()
    };
    let (one, again, other) = (
        create("r-1").await,
        create("r-1").await,
        create("r-2").await,
    );
    assert_eq!((one.status, again.status, other.status), (201, 201, 201));
    assert_eq!(one.json()["id"], again.json()["id"]);
    assert_ne!(one.json()["id"], other.json()["id"]);
    assert_eq!(cloud.partner().customers().len(), 7);
}

#[tokio::test]
async fn a_batch_is_polled_until_it_is_done() {
    let cloud = FakeCloud::start().await;
    cloud.partner().set_job_polls(2);
    let token = cloud.entra().app_token(&Api::PartnerCenter).mint();
    let customer = cloud.partner().customers().remove(0);
    let batch = url(&cloud, &format!("/v1/customers/{customer}/batch"));

    let accepted = call(Method::POST, &batch).token(&token).send().await;
    assert_eq!(accepted.status, 202);
    let location = accepted.header("location").unwrap();
    assert!(
        location.starts_with(&format!("/customers/{customer}/batchJobStatus/")),
        "{location}"
    );

    let poll = async || {
        get(&url(&cloud, &format!("/v1{location}")))
            .token(&token)
            .send()
            .await
            .json()["status"]
            .clone()
    };
    assert_eq!(poll().await, "Processing");
    assert_eq!(poll().await, "Processing");
    assert_eq!(poll().await, "Completed");
}

#[tokio::test]
async fn a_rotated_key_is_taken_at_once() {
    let cloud = FakeCloud::start().await;
    let old = app_token(&cloud, CENTER).await;
    cloud.entra().rotate_key();
    let new = app_token(&cloud, CENTER).await;
    assert_ne!(claims(old.secret())["uti"], claims(new.secret())["uti"]);
    assert_eq!(customers(&cloud, &old).await.status, 200);
    assert_eq!(customers(&cloud, &new).await.status, 200);
}

fn clock_time() -> std::time::SystemTime {
    std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_229_200)
}
