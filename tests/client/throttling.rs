//! `Retry-After`: who waits, and for how long.

use std::time::{Duration, UNIX_EPOCH};

use http::Method;
use partner_auth::testing::Fault;
use partner_auth::{ErrorKind, PartnerResponse};

use crate::support::house::House;

/// Sends a call and moves its clock by each of `waits`, as soon as it waits.
async fn send(house: &House, method: Method, waits: &[u64]) -> PartnerResponse {
    let client = house.center();
    let id = house.cloud.partner().customers().remove(0);
    let call = client
        .request(method, &format!("v1/customers/{id}"))
        .json(&serde_json::json!({}));
    let time = async {
        for wait in waits {
            house.waits.until_sleeping(1).await;
            let before = house.calls();
            house.waits.advance(Duration::from_millis(wait * 1_000 - 1));
            tokio::task::yield_now().await;
            let still = (house.calls(), house.waits.sleeping());
            assert_eq!(still, (before, 1), "nothing is sent early");
            house.waits.advance(Duration::from_millis(1));
            while house.waits.sleeping() > 0 {
                tokio::task::yield_now().await;
            }
        }
        house.waits.until_sleeping(1).await;
    };
    tokio::select! {
        biased;
        answer = call.send() => answer.unwrap(),
        () = time => panic!("a wait of which the test knows nothing"),
    }
}

#[tokio::test]
async fn a_throttled_call_that_may_be_repeated_waits_as_it_is_told() {
    let house = House::open().await;
    for (method, status) in [
        (Method::GET, 429),
        (Method::GET, 503),
        (Method::PUT, 429),
        (Method::PUT, 503),
    ] {
        let before = house.calls();
        house
            .cloud
            .partner_center()
            .fault(Fault::status(status).retry_after("7"));
        house
            .cloud
            .partner_center()
            .fault(Fault::status(status).retry_after("2"));
        let answer = send(&house, method.clone(), &[7, 2]).await;
        assert_eq!(answer.status(), 200, "{method} {status}");
        assert_eq!(house.calls() - before, 3);

        let sent = house.cloud.partner_center().requests().split_off(before);
        for name in ["ms-requestid", "ms-correlationid"] {
            assert!(
                sent.iter()
                    .all(|one| one.header(name) == sent[0].header(name)),
                "{name}"
            );
        }
        assert!(sent.iter().all(|one| one.authorizations() == 1));
    }
    assert_eq!(house.token_requests(), 1);
}

#[tokio::test]
async fn a_throttled_call_that_may_not_be_repeated_is_the_callers() {
    let house = House::open().await;
    for method in [Method::POST, Method::PATCH] {
        for status in [429, 503] {
            let before = house.calls();
            house
                .cloud
                .partner_center()
                .fault(Fault::status(status).retry_after("7"));
            let answer = send(&house, method.clone(), &[]).await;
            assert_eq!(answer.status().as_u16(), status);
            assert_eq!(answer.headers()["retry-after"], "7");
            assert_eq!(house.calls() - before, 1, "{method}");
            let error = answer.ok().await.unwrap_err();
            assert_eq!(
                (error.kind(), error.retry_after()),
                (ErrorKind::Unavailable, Some(Duration::from_secs(7)))
            );
        }
    }
}

#[tokio::test]
async fn a_wait_beyond_thirty_seconds_in_all_is_the_callers() {
    let house = House::open().await;
    let table: [(&[&str], &[u64]); 4] = [
        (&["31"], &[]),
        (&["3600"], &[]),
        (&["20", "11"], &[20]),
        (&["10", "10", "10", "1"], &[10, 10, 10]),
    ];
    for (asked, waited) in table {
        let before = house.calls();
        for wait in asked {
            house.cloud.partner_center().fault(Fault::throttled(wait));
        }
        let answer = send(&house, Method::GET, waited).await;
        assert_eq!(answer.status(), 429, "{asked:?}");
        assert_eq!(house.calls() - before, asked.len(), "{asked:?}");
        let error = answer.ok().await.unwrap_err();
        let last: u64 = asked.last().unwrap().parse().unwrap();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(last)));
        assert!(error.is_transient());
    }

    house.cloud.partner_center().fault(Fault::throttled("30"));
    assert_eq!(
        send(&house, Method::GET, &[30]).await.status(),
        200,
        "thirty are still waited for"
    );
}

#[tokio::test]
async fn a_wait_is_told_as_a_date_too() {
    let house = House::open().await;
    // The clock of these waits shows 2026-01-01 00:00:00.
    house
        .cloud
        .partner_center()
        .fault(Fault::throttled("Thu, 01 Jan 2026 00:00:09 GMT"));
    assert_eq!(send(&house, Method::GET, &[9]).await.status(), 200);
    assert_eq!(
        partner_auth::Clock::now(&house.waits).wall(),
        UNIX_EPOCH + Duration::from_secs(1_767_225_609)
    );
}

#[tokio::test]
async fn a_throttle_that_names_no_time_is_the_callers() {
    let house = House::open().await;
    let faults = [
        Fault::status(429),
        Fault::status(503),
        Fault::status(429).retry_after("soon"),
        Fault::status(429).retry_after("-1"),
        Fault::status(500).retry_after("1"),
    ];
    for fault in faults {
        let before = house.calls();
        house.cloud.partner_center().fault(fault.clone());
        assert!(
            !send(&house, Method::GET, &[]).await.status().is_success(),
            "{fault:?}"
        );
        assert_eq!(house.calls() - before, 1, "{fault:?}");
    }
}

#[tokio::test]
async fn no_wait_at_all_is_still_a_short_one() {
    let house = House::open().await;
    house
        .cloud
        .partner_center()
        .fault(Fault::status(503).retry_after("0"));
    let client = house.center();
    let time = async {
        house.waits.until_sleeping(1).await;
        house.waits.advance(Duration::from_millis(100));
    };
    let (answer, ()) = tokio::join!(client.get("v1/customers").send(), time);
    assert_eq!((answer.unwrap().status().as_u16(), house.calls()), (200, 2));
}
