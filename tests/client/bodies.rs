//! What a replay keeps, and what cannot be replayed.

use std::collections::HashSet;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use partner_auth::CorrelationId;
use partner_auth::testing::{Fault, RecordedRequest};
use serde_json::json;

use crate::support::house::House;

/// A body that can be sent once, as a file or another service's answer.
struct Once(Option<Bytes>);

impl http_body::Body for Once {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }
}

fn stream() -> reqwest::Body {
    reqwest::Body::wrap(Once(Some(Bytes::from_static(b"{\"a\":1}"))))
}

fn ids(request: &RecordedRequest) -> [Option<String>; 3] {
    ["ms-requestid", "ms-correlationid", "client-request-id"]
        .map(|name| request.header(name).map(str::to_owned))
}

#[tokio::test]
async fn a_replay_keeps_body_headers_and_ids() {
    let house = House::open().await;
    let body = json!({ "companyProfile": { "domain": "litware.com" }, "name": "Litware" });
    for (client, api, path) in [
        (house.center(), house.cloud.partner_center(), "v1/customers"),
        (
            house.partner_api(),
            house.cloud.partner_api(),
            "v1.0/engagements/referrals",
        ),
    ] {
        api.refuse_next(401, "", &[]);
        let call = client.post(path).header("x-locale", "de-CH").json(&body);
        assert_eq!(call.send().await.unwrap().status(), 201);

        let [first, again] = &api.requests()[..] else {
            panic!("two requests")
        };
        assert_eq!(first.body(), serde_json::to_vec(&body).unwrap());
        assert_eq!(first.body(), again.body());
        assert_eq!(ids(first), ids(again));
        assert!(ids(first).iter().flatten().count() >= 1);
        for name in ["x-locale", "content-type", "content-length"] {
            assert!(first.header(name).is_some(), "{name}");
            assert_eq!(first.header(name), again.header(name), "{name}");
        }
        assert_eq!((first.authorizations(), again.authorizations()), (1, 1));
    }
}

#[tokio::test]
async fn a_lost_answer_that_is_asked_for_again_creates_once() {
    let house = House::open().await;
    let (client, before) = (house.center(), house.cloud.partner().customers().len());
    let call = || {
        let body =
            json!({ "companyProfile": { "companyName": "Litware", "domain": "litware.com" } });
        client
            .post("v1/customers")
            .header("MS-RequestId", "11112222-bbbb-3333-cccc-4444dddd5555")
            .json(&body)
    };
    house
        .cloud
        .partner_center()
        .fault(Fault::dropped_connection());
    let error = call().send().await.unwrap_err();
    assert_eq!(error.kind(), partner_auth::ErrorKind::Network);
    assert_eq!(call().send().await.unwrap().status(), 201);
    assert_eq!(house.cloud.partner().customers().len(), before + 1);
}

#[tokio::test]
async fn a_body_that_cannot_be_sent_twice_is_sent_once() {
    let house = House::open().await;
    let client = house.center();
    let path = format!("v1/customers/{}", house.cloud.partner().customers()[0]);
    assert_eq!(
        client
            .put(&path)
            .body(stream())
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        house.cloud.partner_center().requests()[0].body(),
        b"{\"a\":1}"
    );

    house.cloud.entra().revoke_tokens();
    let answer = client.put(&path).body(stream()).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert!(
        answer.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .contains("insufficient_claims")
    );
    assert_eq!((house.calls(), house.token_requests()), (2, 1));

    house.cloud.partner_center().fault(Fault::throttled("1"));
    assert_eq!(
        client
            .put(&path)
            .body(stream())
            .send()
            .await
            .unwrap()
            .status(),
        429
    );
    assert_eq!((house.calls(), house.token_requests()), (3, 1));
}

#[tokio::test]
async fn each_call_has_ids_of_its_own() {
    let house = House::open().await;
    for _ in 0..20 {
        house.center().get("v1/customers").send().await.unwrap();
        house
            .partner_api()
            .get("v1.0/engagements/referrals")
            .send()
            .await
            .unwrap();
    }
    let mut seen = HashSet::new();
    for request in house.cloud.partner_center().requests() {
        let [request_id, correlation_id, client_request_id] = ids(&request);
        assert_eq!(client_request_id, None);
        for id in [request_id, correlation_id] {
            assert!(id.as_deref().unwrap().parse::<CorrelationId>().is_ok());
            assert!(seen.insert(id), "an id came twice");
        }
    }
    for request in house.cloud.partner_api().requests() {
        let [request_id, correlation_id, client_request_id] = ids(&request);
        assert_eq!((request_id, correlation_id), (None, None));
        assert!(
            client_request_id
                .as_deref()
                .unwrap()
                .parse::<CorrelationId>()
                .is_ok()
        );
        assert!(seen.insert(client_request_id), "an id came twice");
    }
    assert_eq!(seen.len(), 60);
}

#[tokio::test]
async fn ids_of_the_callers_own_are_kept() {
    let house = House::open().await;
    let id: CorrelationId = "11112222-bbbb-3333-cccc-4444dddd5555".parse().unwrap();
    let client = house.center();
    client
        .get("v1/customers")
        .correlation_id(id)
        .send()
        .await
        .unwrap();
    client
        .get("v1/customers")
        .header("MS-RequestId", "r-1")
        .header("MS-CorrelationId", "c-1")
        .send()
        .await
        .unwrap();
    house
        .partner_api()
        .get("v1.0/engagements/referrals")
        .correlation_id(id)
        .send()
        .await
        .unwrap();
    house
        .partner_api()
        .get("v1.0/engagements/referrals")
        .header("client-request-id", "c-2")
        .send()
        .await
        .unwrap();

    let center = house.cloud.partner_center().requests();
    assert_eq!(center[0].header("ms-correlationid"), Some(&*id.to_string()));
    assert_eq!(
        (
            center[1].header("ms-requestid"),
            center[1].header("ms-correlationid")
        ),
        (Some("r-1"), Some("c-1"))
    );
    let referrals = house.cloud.partner_api().requests();
    assert_eq!(
        referrals[0].header("client-request-id"),
        Some(&*id.to_string())
    );
    assert_eq!(referrals[1].header("client-request-id"), Some("c-2"));
}
