//! The refusals of the APIs, as the caller sees them.

use http::{HeaderMap, StatusCode};
use partner_auth::testing::Fault;
use partner_auth::{Api, ApiError, ErrorKind};
use serde_json::Value;

use crate::support::house::House;

#[tokio::test]
async fn every_shape_of_a_refusal_arrives_with_its_ids() {
    let house = House::open().await;
    #[rustfmt::skip]
    let table = [
        // status, body, code, message, kind
        (409, r#"{"code":"600009","description":"The customer exists.","data":["a"],"source":"PC"}"#,         Some("600009"), Some("The customer exists."), ErrorKind::Api),
        (404, r#"{"error":{"code":"itemNotFound","message":"none","target":"referrals","innerError":{"code":"gone","message":"y"}}}"#, Some("gone"), Some("none"), ErrorKind::Api),
        (404, r#"{"error":{"code":"itemNotFound","innererror":{"code":"gone","message":"y"}}}"#,              Some("gone"), Some("y"), ErrorKind::Api),
        (429, r#"{"statusCode":429,"message":"Rate limit is exceeded. Try again in 57 seconds."}"#,           None, Some("Rate limit is exceeded. Try again in 57 seconds."), ErrorKind::Unavailable),
        (403, r#"{"error":"invalid_grant","error_description":"AADSTS65001: no consent","error_codes":[65001],"suberror":"x"}"#, Some("invalid_grant"), Some("AADSTS65001: no consent"), ErrorKind::Api),
        (422, "the meter does not exist",                                                                     None, Some("the meter does not exist"), ErrorKind::Api),
        (403, "",                                                                                             None, None, ErrorKind::Api),
        (500, r#"{"status":"failed","error":{"code":"jobFailed","message":"job"}}"#,                          Some("jobFailed"), Some("job"), ErrorKind::Unavailable),
    ];
    for (client, api, names, path) in [
        (
            house.center(),
            house.cloud.partner_center(),
            ["ms-requestid", "ms-correlationid"],
            "v1/customers",
        ),
        (
            house.partner_api(),
            house.cloud.partner_api(),
            ["request-id", "client-request-id"],
            "v1.0/engagements/referrals",
        ),
    ] {
        for (status, body, code, message, kind) in table {
            for reader in ["json", "ok", "bytes"] {
                api.refuse_next(status, body, &[]);
                let answer = client.get(path).send().await.unwrap();
                let ids = names.map(|name| answer.headers()[name].to_str().unwrap().to_owned());
                let error = match reader {
                    "json" => answer.json::<Value>().await.unwrap_err(),
                    "ok" => answer.ok().await.unwrap_err(),
                    _ => answer.bytes().await.unwrap_err(),
                };
                assert_eq!(
                    (error.kind(), error.status()),
                    (kind, Some(status)),
                    "{reader} {body}"
                );
                assert_eq!(
                    (error.trace_id(), error.correlation_id()),
                    (Some(&*ids[0]), Some(&*ids[1]))
                );
                let refusal = error.api_error().unwrap();
                assert_eq!(
                    (refusal.code(), refusal.message(), refusal.status()),
                    (code, message, status),
                    "{body}"
                );
                assert_eq!(
                    (refusal.request_id(), refusal.correlation_id()),
                    (Some(&*ids[0]), Some(&*ids[1]))
                );
                assert!(error.to_string().contains(&ids[1]), "{error}");
                assert_eq!(error.to_string().lines().count(), 2, "{error}");
            }
        }
    }
}

#[test]
fn a_failed_job_with_status_200_is_read_by_hand() {
    let body = br#"{"status":"failed","error":{"code":"2000","message":"The export failed."}}"#;
    let error = ApiError::read(&Api::PartnerCenter, StatusCode::OK, &HeaderMap::new(), body);
    assert_eq!(
        (error.code(), error.message()),
        (Some("2000"), Some("The export failed."))
    );
}

#[tokio::test]
async fn odd_refusals_are_refusals() {
    let house = House::open().await;
    let client = house.center();
    let deep = r#"{"error":"#.repeat(1_000) + "1" + &"}".repeat(1_000);
    let brackets = "[".repeat(100_000);
    let bodies: Vec<Vec<u8>> = vec![
        b"<!DOCTYPE html><html><body>\x1b[31mForbidden\x1b[0m</body></html>".to_vec(),
        b"\xff\xfe\x00broken \xc3\x28 text".to_vec(),
        b"{\"code\":\"\xff\"}".to_vec(),
        b"{\"code\":".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{\"error\":{\"code\":{},\"message\":[]}}".to_vec(),
        b"{\"code\":null,\"description\":7}".to_vec(),
        b"\x1b]0;title\x07\r\nX: y\xe2\x80\xae".to_vec(),
        deep.into_bytes(),
        brackets.into_bytes(),
        vec![b'x'; 300_000],
        vec![0; 300_000],
        Vec::new(),
    ];
    for status in [400, 401, 403, 404, 500] {
        for body in &bodies {
            // The token is renewed after a 401, and refused again.
            let times = if status == 401 { 2 } else { 1 };
            let fault = Fault::answer(status, "application/json", body.clone()).times(times);
            house.cloud.partner_center().fault(fault);
            let error = client
                .get("v1/customers")
                .send()
                .await
                .unwrap()
                .json::<Value>()
                .await
                .unwrap_err();
            let kind = match status {
                401 => ErrorKind::Rejected,
                500 => ErrorKind::Unavailable,
                _ => ErrorKind::Api,
            };
            assert_eq!((error.kind(), error.status()), (kind, Some(status)));
            let text = error.to_string();
            assert!(text.len() < 4_000, "{}", text.len());
            assert!(
                !text.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'),
                "{text:?}"
            );
        }
    }
    assert_eq!(
        client.get("v1/customers").send().await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn a_large_refusal_reaches_the_caller_whole() {
    let house = House::open().await;
    let token = house.cloud.entra().app_token(&Api::PartnerCenter).mint();
    let (client, _) = house.client_with(Api::PartnerCenter, token);
    for size in [0, 1, 65_535, 65_536, 65_537, 131_072, 3_000_000] {
        let body: Vec<u8> = (0..size)
            .map(|place: u32| place.to_le_bytes()[place as usize % 4])
            .collect();
        for status in [400, 401, 403] {
            house
                .cloud
                .partner_center()
                .fault(Fault::answer(status, "text/x-odd", body.clone()));
            let answer = client
                .get("v1/customers")
                .query([("a", "b c")])
                .send()
                .await
                .unwrap();
            let url = format!("{}/v1/customers?a=b+c", house.cloud.partner_center().url());
            assert_eq!(answer.url().as_str(), url);
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()["content-type"]),
                (status, &"text/x-odd".parse::<http::HeaderValue>().unwrap())
            );
            let inner = answer.into_inner();
            assert_eq!(
                (inner.url().as_str(), inner.version()),
                (&*url, http::Version::HTTP_11)
            );
            assert!(
                inner.bytes().await.unwrap() == body,
                "{status}, {size} bytes"
            );
        }
    }
}

#[tokio::test]
async fn a_refusal_that_breaks_off_is_still_a_refusal() {
    let house = House::open().await;
    let client = house.center();
    let path = "v1/customers/nobody";
    house.cloud.partner_center().fault(Fault::torn_body());
    let error = client
        .get(path)
        .send()
        .await
        .unwrap()
        .json::<Value>()
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Api, Some(404)));
    assert!(error.correlation_id().is_some());

    house.cloud.partner().allow_app_only(false);
    house.cloud.partner_center().fault(Fault::torn_body());
    let torn = client.get("v1/invoices").send().await.unwrap();
    assert_eq!(torn.status(), 403);
    assert!(
        torn.into_inner().bytes().await.is_err(),
        "the caller sees that it broke off"
    );
}

#[tokio::test]
async fn a_success_that_is_no_json_or_breaks_off_is_told_apart() {
    let house = House::open().await;
    let client = house.center();
    let table = [
        (Fault::body("<html>"), ErrorKind::Malformed),
        (
            Fault::body(b"{\"a\":\"\xff\"}".to_vec()),
            ErrorKind::Malformed,
        ),
        (Fault::torn_body(), ErrorKind::Network),
    ];
    for (fault, kind) in table {
        house.cloud.partner_center().fault(fault.clone());
        let error = client
            .get("v1/customers")
            .send()
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{fault:?}");
    }
    house
        .cloud
        .partner_center()
        .fault(Fault::dropped_connection().times(2));
    let error = client.post("v1/customers").send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
}

#[tokio::test]
async fn an_answer_without_a_body_reads_as_nothing() {
    let house = House::open().await;
    house.cloud.partner_center().fault(Fault::status(204));
    let answer = house.center().get("v1/customers").send().await.unwrap();
    let nothing: Option<Value> = answer.json().await.unwrap();
    assert_eq!(nothing, None);
}

#[tokio::test]
async fn a_body_of_another_shape_is_not_repeated_in_the_error() {
    let house = House::open().await;
    let secret = r#"{"secretText":"canary-in-the-body"}"#;
    house.cloud.partner_center().fault(Fault::body(secret));
    let answer = house.center().get("v1/customers").send().await.unwrap();
    let error = answer
        .json::<std::collections::HashMap<String, u32>>()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(
        !format!("{error:?} {error:#?}").contains("canary"),
        "{error:?}"
    );
}
