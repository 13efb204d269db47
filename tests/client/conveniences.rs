//! Queries, JSON, entity tags, other tenants, jobs.

use futures_util::StreamExt as _;
use partner_auth::{Api, Error, ErrorKind, TenantId, TokenRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::house::House;

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
}

#[tokio::test]
async fn a_query_is_encoded_and_json_is_typed() {
    let house = House::open().await;
    let id = house.cloud.partner().customers().remove(2);
    let filter = [("$filter", "name eq 'A&B=C#D?é+'"), ("size", "9")];
    let call = house
        .center()
        .get(&format!("/v1/customers/{id}"))
        .query(filter)
        .query([("x", "")]);
    let customer: Named = call.send().await.unwrap().json().await.unwrap();
    assert_eq!(customer.id, id);

    let request = house.cloud.partner_center().requests().pop().unwrap();
    let pairs: Vec<(String, String)> = request.url().query_pairs().into_owned().collect();
    let expected =
        [filter[0], filter[1], ("x", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(pairs, expected);
    assert_eq!(request.path(), format!("/v1/customers/{id}"));
}

#[tokio::test]
async fn a_slash_at_the_beginning_of_a_path_makes_no_difference() {
    let house = House::open().await;
    let base = format!("{}/below/", house.cloud.partner_center().url());
    let api = Api::custom("https://api.partnercenter.microsoft.com", &base).unwrap();
    let client = house.builder(api, house.provider.clone()).build().unwrap();
    let back = "v1/customers?back=https://contoso.example/";
    for (path, expected) in [
        ("v1/customers", "/below/v1/customers"),
        ("/v1/customers", "/below/v1/customers"),
        (back, "/below/v1/customers"),
        (&format!("/{back}"), "/below/v1/customers"),
        ("", "/below/"),
        ("/", "/below/"),
    ] {
        client.get(path).send().await.unwrap();
        assert_eq!(
            house
                .cloud
                .partner_center()
                .requests()
                .pop()
                .unwrap()
                .path(),
            expected,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_change_of_a_referral_meets_its_etag_or_fails() {
    let house = House::open().await;
    let client = house.partner_api();
    let path = format!(
        "v1.0/engagements/referrals/{}",
        house.cloud.partner().referrals()[0]
    );
    let shown = client.get(&path).send().await.unwrap();
    let etag = shown.etag().unwrap().to_owned();
    let body: Value = shown.json().await.unwrap();
    assert_eq!(body["eTag"], etag, "with its quotation marks");

    let change = |etag: &str| {
        let steps = json!([{ "op": "replace", "path": "/status", "value": "Active" }]);
        client.patch(&path).if_match(etag).json(&steps).send()
    };
    let changed = change(etag.trim_matches('"')).await.unwrap();
    assert_eq!(changed.status(), 204);
    let newer = changed.etag().unwrap().to_owned();
    for stale in [&*etag, etag.trim_matches('"')] {
        let error = change(stale).await.unwrap().ok().await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Api, Some(412)));
        assert!(error.api_error().unwrap().has_code("PreconditionFailed"));
    }
    assert_eq!(
        client
            .put(&path)
            .if_match(&newer)
            .json(&body)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        client
            .put(&path)
            .if_match("*")
            .json(&body)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        client.put(&path).json(&body).send().await.unwrap().status(),
        400,
        "If-Match is required"
    );

    let sent: Vec<_> = house.cloud.partner_api().requests();
    let if_match: Vec<_> = sent
        .iter()
        .filter_map(|one| one.header("if-match"))
        .collect();
    assert_eq!(if_match, [&*etag, &*etag, &*etag, &*newer, "*"]);
}

#[tokio::test]
async fn a_change_of_a_customer_meets_its_etag_or_fails() {
    let house = House::open().await;
    let client = house.center();
    let path = format!("v1/customers/{}", house.cloud.partner().customers()[0]);
    let customer: Value = client
        .get(&path)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let etag = customer["attributes"]["etag"].as_str().unwrap();
    let change = || {
        client
            .patch(&path)
            .if_match(etag)
            .json(&json!({ "a": 1 }))
            .send()
    };
    assert_eq!(change().await.unwrap().status(), 200);
    let error = change().await.unwrap().ok().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Api, Some(412)));
}

#[tokio::test]
async fn a_call_in_another_tenant_has_a_token_of_that_tenant() {
    let house = House::open().await;
    let other: TenantId = "bbbbcccc-1111-dddd-2222-eeee3333ffff".parse().unwrap();
    house
        .cloud
        .entra()
        .add_tenant(&other, &["fabrikam.onmicrosoft.com"]);
    house.cloud.entra().add_app(&other, &house.cloud.client());
    let client = house.center();
    for _ in 0..3 {
        assert_eq!(
            client.get("v1/customers").send().await.unwrap().status(),
            200
        );
        assert_eq!(
            client
                .get("v1/customers")
                .tenant(other.clone())
                .send()
                .await
                .unwrap()
                .status(),
            200
        );
    }
    assert_eq!(house.cloud.entra().token_requests_of(&other), 1);
    assert_eq!(
        house.cloud.entra().token_requests_of(&house.cloud.tenant()),
        1
    );

    house.cloud.entra().revoke_tokens();
    let request = TokenRequest::new(Api::PartnerCenter).with_tenant(other.clone());
    assert_eq!(
        client
            .get("v1/customers")
            .token_request(request)
            .items::<Value>()
            .count()
            .await,
        5
    );
    assert_eq!(
        house.cloud.entra().token_requests_of(&other),
        2,
        "the replay stays in the tenant"
    );
    assert_eq!(
        house.cloud.entra().token_requests_of(&house.cloud.tenant()),
        1
    );
}

#[tokio::test]
async fn a_job_is_accepted_and_polled_until_it_is_done() {
    let house = House::open().await;
    let client = house.center();
    let customer = house.cloud.partner().customers().remove(0);
    let accepted = client
        .post(&format!("v1/customers/{customer}/batch"))
        .send()
        .await
        .unwrap();
    assert_eq!(accepted.status(), 202);
    let accepted = accepted.ok().await.unwrap();
    let location = accepted.headers()["location"].to_str().unwrap().to_owned();
    let mut states = Vec::new();
    for _ in 0..2 {
        let job: Value = client
            .get(&format!("v1{location}"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        states.push(job["status"].as_str().unwrap().to_owned());
    }
    assert_eq!(states, ["Processing", "Completed"]);
}

#[tokio::test]
async fn a_body_that_is_no_json_and_a_path_that_is_no_url_are_errors_and_not_panics() {
    let house = House::open().await;
    let unwritable = std::collections::HashMap::from([((1, 2), 3)]);
    let calls = [
        house.center().post("v1/customers").json(&unwritable),
        house.center().get("http://[::1"),
        house.center().get("http://:x/"),
        house.center().get("//"),
    ];
    for call in calls {
        let error: Error = call.query([("a", "b")]).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    }
    assert_eq!((house.calls(), house.token_requests()), (0, 0));
}
