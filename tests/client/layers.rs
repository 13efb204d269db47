//! The bearer layer among other layers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Extensions;
use partner_auth::testing::Fault;
use partner_auth::{Api, BearerMiddleware, Error, ErrorKind};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Middleware, Next};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;

use crate::support::house::{House, http};

/// A layer that writes down what goes by.
#[derive(Clone, Default)]
struct Watch(Arc<Mutex<Vec<Seen>>>);

#[derive(Clone, Debug, PartialEq)]
struct Seen {
    authorizations: usize,
    is_sensitive: bool,
    status: u16,
}

impl Watch {
    fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl Middleware for Watch {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let values: Vec<_> = request
            .headers()
            .get_all("authorization")
            .iter()
            .cloned()
            .collect();
        let answer = next.run(request, extensions).await?;
        self.0.lock().unwrap().push(Seen {
            authorizations: values.len(),
            is_sensitive: values.iter().all(http::HeaderValue::is_sensitive),
            status: answer.status().as_u16(),
        });
        Ok(answer)
    }
}

#[tokio::test]
async fn layers_outside_see_calls_and_layers_inside_see_attempts() {
    let house = House::open().await;
    let (outer, inner) = (Watch::default(), Watch::default());
    let client = house.builder(Api::PartnerCenter, house.provider.clone());
    let client = client
        .outer(outer.clone())
        .inner(inner.clone())
        .build()
        .unwrap();
    house.cloud.partner_center().refuse_next(401, "", &[]);
    client.get("v1/customers").send().await.unwrap();

    let seen = |authorizations, status| Seen {
        authorizations,
        is_sensitive: true,
        status,
    };
    assert_eq!(outer.seen(), [seen(0, 200)]);
    assert_eq!(inner.seen(), [seen(1, 401), seen(1, 200)]);
}

#[tokio::test]
async fn the_layer_serves_a_client_of_the_callers_own() {
    let house = House::open().await;
    let bearer = BearerMiddleware::new(Api::PartnerCenter, house.provider.clone()).unwrap();
    let inner = Watch::default();
    let client = ClientBuilder::new(http())
        .with(bearer)
        .with(inner.clone())
        .build();
    let url = format!("{}/v1/customers", house.cloud.partner_center().url());
    house.cloud.partner_center().refuse_next(401, "", &[]);
    assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
    assert_eq!(inner.seen().len(), 2);

    let elsewhere = client
        .get("https://contoso.example/")
        .send()
        .await
        .unwrap_err();
    assert_eq!(
        Error::of_middleware(elsewhere).kind(),
        ErrorKind::OriginRefused
    );
    let own = client
        .get(&url)
        .header("authorization", "Basic x")
        .send()
        .await
        .unwrap_err();
    assert_eq!(Error::of_middleware(own).kind(), ErrorKind::Config);
    assert_eq!((inner.seen().len(), house.calls()), (2, 2));
}

#[tokio::test]
async fn a_header_that_is_the_clients_own_is_refused_before_anything_is_sent() {
    let house = House::open().await;
    let table = [
        ("Authorization", "Bearer mine", ErrorKind::Config),
        ("authorization", "", ErrorKind::Config),
        ("Host", "contoso.example", ErrorKind::OriginRefused),
    ];
    for (name, value, kind) in table {
        for method in [http::Method::GET, http::Method::POST] {
            let call = house
                .center()
                .request(method, "v1/customers")
                .header(name, value);
            let error = call.send().await.unwrap_err();
            assert_eq!(error.kind(), kind, "{name}");
            assert!(error.is_config(), "{name}");
        }
        let mut items = house
            .center()
            .get("v1/customers")
            .header(name, value)
            .items::<serde_json::Value>();
        assert_eq!(items.next().await.unwrap().unwrap_err().kind(), kind);
        assert!(items.next().await.is_none());
    }
    assert_eq!((house.calls(), house.token_requests()), (0, 0));
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_an_error_and_not_a_panic() {
    let house = House::open().await;
    for (name, value) in [
        ("a b", "x"),
        ("", "x"),
        ("x-a", "a\r\nhost: contoso.example"),
        ("x-a", "\0"),
    ] {
        let error = house
            .center()
            .get("v1/customers")
            .header(name, value)
            .send()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{name:?}: {value:?}");
    }
    assert_eq!((house.calls(), house.token_requests()), (0, 0));
}

#[tokio::test]
async fn a_failing_layer_is_told_apart() {
    struct Failing;

    #[async_trait::async_trait]
    impl Middleware for Failing {
        async fn handle(
            &self,
            _: Request,
            _: &mut Extensions,
            _: Next<'_>,
        ) -> reqwest_middleware::Result<Response> {
            Err(reqwest_middleware::Error::middleware(
                std::io::Error::other("the fuse blew"),
            ))
        }
    }

    let house = House::open().await;
    let client = house
        .builder(Api::PartnerCenter, house.provider.clone())
        .inner(Failing)
        .build()
        .unwrap();
    let error = client.get("v1/customers").send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("the fuse blew"), "{error}");
}

/// The layer that most people put outside of the token's.
fn three_times() -> RetryTransientMiddleware<ExponentialBackoff> {
    let policy = ExponentialBackoff::builder()
        .retry_bounds(Duration::ZERO, Duration::ZERO)
        .build_with_max_retries(2);
    RetryTransientMiddleware::new_with_policy(policy)
}

#[tokio::test]
async fn a_call_that_an_outer_layer_repeats_keeps_its_request_id() {
    let house = House::open().await;
    let client = house
        .builder(Api::PartnerCenter, house.provider.clone())
        .outer(three_times())
        .build()
        .unwrap();
    let center = house.cloud.partner_center();
    center.fault(Fault::status(500).times(2));

    let answer = client.get("v1/customers").send().await.unwrap();

    assert!(answer.status().is_success());
    let requests = center.requests();
    let ids = |name| -> Vec<_> {
        requests
            .iter()
            .map(|request| request.header(name))
            .collect()
    };
    for name in ["ms-requestid", "ms-correlationid"] {
        let ids = ids(name);
        assert_eq!(ids.len(), 3);
        assert!(
            ids.iter().all(|id| id.is_some() && *id == ids[0]),
            "{ids:?}"
        );
    }
    assert!(client.get("v1/customers").send().await.is_ok());
    assert_ne!(
        center.requests()[3].header("ms-requestid"),
        ids("ms-requestid")[0]
    );
}

#[tokio::test]
async fn an_outer_layer_that_wraps_errors_does_not_hide_the_next_step() {
    let house = House::open().await;
    let client = house
        .builder(Api::PartnerCenter, house.provider.clone())
        .outer(three_times())
        .build()
        .unwrap();
    let mfa = r#"{"code":"900421","description":"MFA required"}"#;
    house.cloud.partner_center().refuse_next(401, mfa, &[]);

    let error = client.get("v1/customers").send().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::MfaRequired);
    assert_eq!(house.cloud.partner_center().request_count(), 1);
}
