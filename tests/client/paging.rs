//! Collections, page by page.

use std::time::Duration;

use futures_util::StreamExt as _;
use partner_auth::testing::{FakeApi, Fault};
use partner_auth::{Error, ErrorKind, Items, Page, PartnerClient};
use serde_json::{Value, json};

use crate::support::house::House;
use crate::support::raw::Raw;

async fn ids(items: Items<Value>) -> Vec<String> {
    let ids = items.map(|item| item.unwrap()["id"].as_str().unwrap().to_owned());
    ids.collect().await
}

/// Walks to the first error, and sees that nothing comes after it.
async fn error_of(mut items: Items<Value>) -> (usize, Error) {
    let mut walked = 0;
    while let Some(item) = items.next().await {
        match item {
            Ok(_) => walked += 1,
            Err(error) => {
                assert!(items.next().await.is_none(), "the walk ends with the error");
                return (walked, error);
            }
        }
    }
    panic!("no error after {walked} items");
}

struct Side<'a> {
    client: PartnerClient,
    api: &'a FakeApi,
    path: &'static str,
}

fn sides(house: &House) -> [Side<'_>; 2] {
    [
        Side {
            client: house.center(),
            api: house.cloud.partner_center(),
            path: "v1/customers",
        },
        Side {
            client: house.partner_api(),
            api: house.cloud.partner_api(),
            path: "v1.0/engagements/referrals",
        },
    ]
}

#[tokio::test]
async fn a_walk_meets_every_item_once_in_order() {
    let house = House::open().await;
    let (customers, referrals) = (
        house.cloud.partner().customers(),
        house.cloud.partner().referrals(),
    );
    for size in [1, 2, 3, 7, 100] {
        house.cloud.partner().set_page_size(size);
        let [center, api] = sides(&house);
        assert_eq!(ids(center.client.get(center.path).items()).await, customers);
        assert_eq!(ids(api.client.get(api.path).items()).await, referrals);

        let (mut items, mut met) = (center.client.get(center.path).items::<Value>(), Vec::new());
        while let Some(item) = items.next().await {
            met.push(item.unwrap()["id"].as_str().unwrap().to_owned());
        }
        assert_eq!(met, customers, "the same without `Stream`");
    }
    assert_eq!(house.token_requests(), 2);
}

#[tokio::test]
async fn every_page_carries_the_callers_headers_and_ids_of_its_own() {
    let house = House::open().await;
    house.cloud.partner().set_page_size(2);
    for side in sides(&house) {
        let walked = side
            .client
            .get(side.path)
            .header("x-locale", "de-CH")
            .items::<Value>()
            .count()
            .await;
        assert!(walked >= 5);
        let requests = side.api.requests();
        assert!(requests.len() >= 3);
        for (place, request) in requests.iter().enumerate() {
            assert_eq!(
                (request.header("x-locale"), request.authorizations()),
                (Some("de-CH"), 1)
            );
            let name = if request.header("ms-correlationid").is_some() {
                "ms-correlationid"
            } else {
                "client-request-id"
            };
            let others = requests[..place]
                .iter()
                .filter(|other| other.header(name) == request.header(name));
            assert_eq!(others.count(), 0, "{name}");
        }
    }
}

#[tokio::test]
async fn an_empty_collection_has_no_items() {
    let house = House::open().await;
    for body in [
        r#"{"items":[]}"#,
        r#"{"value":[],"@odata.count":0}"#,
        "[]",
        r#"{"totalCount":0,"items":[],"links":{}}"#,
    ] {
        house.cloud.partner_center().fault(Fault::body(body));
        assert_eq!(
            house
                .center()
                .get("v1/customers")
                .items::<Value>()
                .count()
                .await,
            0,
            "{body}"
        );
    }
    let page: Page<Value> = house
        .center()
        .get("v1/customers")
        .query([("size", "2")])
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (page.items.len(), page.total, page.has_next()),
        (2, Some(5), true)
    );
}

#[tokio::test]
async fn a_token_that_expires_on_the_way_is_replaced() {
    let house = House::open().await;
    house.cloud.partner().set_page_size(1);
    for side in sides(&house) {
        let tokens = house.token_requests();
        let mut items = side.client.get(side.path).items::<Value>();
        for _ in 0..3 {
            assert!(items.next().await.unwrap().is_ok());
            house.clock.advance(Duration::from_secs(3_600));
        }
        let rest = items.count().await;
        assert!(rest >= 2);
        assert_eq!(house.token_requests() - tokens, 4, "one for each hour");
    }
}

#[tokio::test]
async fn a_token_that_is_revoked_on_the_way_is_replaced() {
    let house = House::open().await;
    house.cloud.partner().set_page_size(2);
    let [_, side] = sides(&house);
    let mut items = side.client.get(side.path).items::<Value>();
    assert!(items.next().await.unwrap().is_ok());
    house.cloud.entra().revoke_tokens();
    assert_eq!(items.count().await, 6);
    assert_eq!(house.token_requests(), 2);
}

#[tokio::test]
async fn a_circle_is_an_error() {
    let house = House::open().await;
    let [center, api] = sides(&house);
    let own = format!("{}/v1.0/engagements/referrals", api.api.url());
    let second = format!("{own}?p=2");
    let page =
        |link: &str| Fault::body(json!({ "value": [{}], "@odata.nextLink": link }).to_string());

    for (circle, walked) in [
        (vec![&own], 1),
        (vec![&second, &second], 2),
        (vec![&second, &own], 2),
    ] {
        for link in circle {
            api.api.fault(page(link));
        }
        let (met, error) = error_of(api.client.get(api.path).items()).await;
        assert_eq!((met, error.kind()), (walked, ErrorKind::Malformed));
        api.api.clear_faults();
    }

    let same = json!({ "items": [{}], "continuationToken": "AAA" }).to_string();
    center.api.fault(Fault::body(same).always());
    let (walked, error) = error_of(center.client.get(center.path).items()).await;
    assert_eq!((walked, error.kind()), (2, ErrorKind::Malformed));
    assert_eq!(
        center.api.requests()[1].header("ms-continuationtoken"),
        Some("AAA")
    );
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_is_refused_and_nothing_is_sent_there() {
    let house = House::open().await;
    let trap = Raw::trap();
    for side in sides(&house) {
        let port = trap.port();
        let authority = side.api.url().strip_prefix("http://").unwrap();
        let links = [
            format!("{}/v1/customers", trap.url()),
            format!("http://localhost:{port}/v1/customers"),
            format!("http://{authority}@127.0.0.1:{port}/"),
            format!("http://x@{authority}/"),
            format!("https://127.0.0.1:{port}/"),
            format!("//127.0.0.1:{port}/v1/customers"),
            "javascript:alert(1)".to_owned(),
            "file:///etc/passwd".to_owned(),
            "http://".to_owned(),
        ];
        for link in links {
            let calls = side.api.request_count();
            for body in [
                json!({ "value": [{}], "@odata.nextLink": link }),
                json!({ "value": [{}], "nextLink": link }),
                json!({ "items": [{}], "links": { "next": { "uri": link, "method": "GET", "headers": [] } } }),
            ] {
                side.api.fault(Fault::body(body.to_string()));
                let (walked, error) = error_of(side.client.get(side.path).items()).await;
                let is_right = matches!(
                    error.kind(),
                    ErrorKind::OriginRefused | ErrorKind::Malformed
                );
                assert!(is_right && walked == 1, "{link}: {error:?}");
            }
            assert_eq!(side.api.request_count() - calls, 3, "{link}");
        }
    }
    assert_eq!((trap.connections(), trap.bytes().len()), (0, 0));
}

#[tokio::test]
async fn a_page_sets_no_headers_but_those_of_paging() {
    let house = House::open().await;
    let [center, _] = sides(&house);
    let headers = json!([
        { "key": "Authorization", "value": "Bearer theirs" },
        { "key": "Host", "value": "contoso.example" },
        { "key": "Content-Length", "value": "5" },
        { "key": "Transfer-Encoding", "value": "chunked" },
        { "key": "Cookie", "value": "a=b" },
        { "key": "MS-ContinuationToken", "value": "AAA" },
    ]);
    let body = json!({ "items": [{}], "links": { "next": { "uri": "/customers?size=9", "headers": headers } } });
    center.api.fault(Fault::body(body.to_string()));
    assert_eq!(
        center
            .client
            .get(center.path)
            .items::<Value>()
            .count()
            .await,
        1 + 5
    );

    let next = center.api.requests().pop().unwrap();
    assert_eq!((next.path(), next.authorizations()), ("/v1/customers", 1));
    assert_eq!(next.header("ms-continuationtoken"), Some("AAA"));
    assert_eq!(
        next.header("host"),
        center.api.url().strip_prefix("http://")
    );
    for name in ["cookie", "content-length", "transfer-encoding"] {
        assert_eq!(next.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_read_ends_the_walk() {
    let house = House::open().await;
    house.cloud.partner().set_page_size(2);
    let [center, _] = sides(&house);
    let table = [
        (Fault::status(404), ErrorKind::Api),
        (Fault::status(500), ErrorKind::Unavailable),
        (Fault::body("<html>"), ErrorKind::Malformed),
        (Fault::body(r#"{"code":"x"}"#), ErrorKind::Malformed),
        (Fault::torn_body(), ErrorKind::Network),
        (Fault::dropped_connection().times(9), ErrorKind::Network),
    ];
    for (fault, kind) in table {
        let mut items = center.client.get(center.path).items::<Value>();
        assert!(items.next().await.unwrap().is_ok());
        center.api.fault(fault.clone());
        let (walked, error) = error_of(items).await;
        assert_eq!((walked, error.kind()), (1, kind), "{fault:?}");
        center.api.clear_faults();
    }
}
