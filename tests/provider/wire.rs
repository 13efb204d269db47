//! What goes over the wire, to the letter, and what comes back in errors.

use http::Response;
use partner_auth::testing::{Answer, ManualClock, RecordedRequest, ScriptedTransport};
use partner_auth::{
    Api, Cloud, CorrelationId, ErrorKind, TokenProvider, TokenRequest, TransportErrorKind,
};

use super::support::{CLIENT, SECRET, Scene, TENANT, request, request_in, tenant};

async fn sent(request: &TokenRequest, cloud: Cloud) -> RecordedRequest {
    let endpoint = ScriptedTransport::new().answer(Answer::token("t-1", 3_600));
    let scene = Scene::with(ManualClock::new(), &endpoint, |builder| {
        builder.cloud(cloud)
    });
    scene.provider.token(request).await.unwrap();
    let mut requests = endpoint.requests();
    assert_eq!(requests.len(), 1, "no discovery before it");
    requests.remove(0)
}

fn names(fields: &[(String, String)]) -> Vec<&str> {
    fields.iter().map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn a_token_request_is_one_post_of_four_fields() {
    let sent = sent(&request(), Cloud::Public).await;
    assert_eq!(sent.method(), http::Method::POST);
    assert_eq!(
        sent.url().as_str(),
        format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token")
    );
    let form = sent.form();
    let mut fields = names(&form);
    fields.sort_unstable();
    assert_eq!(
        fields,
        ["client_id", "client_secret", "grant_type", "scope"]
    );
    for (name, value) in [
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("grant_type", "client_credentials"),
        ("scope", "https://api.partnercenter.microsoft.com/.default"),
    ] {
        assert_eq!(sent.form_field(name).as_deref(), Some(value), "{name}");
    }
}

#[tokio::test]
async fn a_token_request_says_who_calls_and_carries_no_more() {
    let sent = sent(&request(), Cloud::Public).await;
    #[rustfmt::skip]
    let table = [
        ("accept",                   "application/json"),
        ("content-type",             "application/x-www-form-urlencoded"),
        ("return-client-request-id", "true"),
        ("x-client-sku",             "partner-auth"),
        ("x-client-ver",             env!("CARGO_PKG_VERSION")),
        ("x-ms-lib-capability",      "retry-after, h429"),
    ];
    for (name, value) in table {
        assert_eq!(sent.header(name), Some(value), "{name}");
    }
    let id = sent.header("client-request-id").unwrap();
    assert!(id.parse::<CorrelationId>().is_ok(), "{id}");
    assert_eq!(sent.headers().len(), table.len() + 1);
    assert_eq!(sent.authorizations(), 0, "the secret is in the body");
    assert_eq!(sent.url().query(), None);
}

#[tokio::test]
async fn the_path_names_the_tenant_that_was_asked_for() {
    #[rustfmt::skip]
    let table = [
        (request(),                                   TENANT),
        (request_in(&tenant("Fabrikam.example.com")), "fabrikam.example.com"),
        (request_in(&tenant("11112222-BBBB-3333-CCCC-4444DDDD5555")), "11112222-bbbb-3333-cccc-4444dddd5555"),
    ];
    for (request, tenant) in table {
        let sent = sent(&request, Cloud::Public).await;
        assert_eq!(sent.path(), format!("/{tenant}/oauth2/v2.0/token"));
    }
}

#[tokio::test]
async fn every_cloud_has_its_authority_and_its_audiences() {
    #[rustfmt::skip]
    let table = [
        (Cloud::Public,             Api::PartnerApi,    "login.microsoftonline.com",          "https://api.partner.microsoft.com/.default"),
        (Cloud::Public,             Api::Graph,         "login.microsoftonline.com",          "https://graph.microsoft.com/.default"),
        (Cloud::Public,             Api::Arm,           "login.microsoftonline.com",          "https://management.azure.com/.default"),
        (Cloud::China,              Api::PartnerCenter, "login.partner.microsoftonline.cn",   "https://partner.partnercenterapi.microsoftonline.cn/.default"),
        (Cloud::UsGovernment,       Api::PartnerCenter, "login.microsoftonline.us",           "https://api.partnercenter.microsoft.com/.default"),
        (Cloud::UsGovernment,       Api::Graph,         "login.microsoftonline.us",           "https://graph.microsoft.us/.default"),
        (Cloud::SovereignFrance,    Api::custom("api://x", "https://x.example").unwrap(), "login.sovcloud-identity.fr", "api://x/.default"),
        (Cloud::SovereignGermany,   Api::custom("api://x", "https://x.example").unwrap(), "login.sovcloud-identity.de", "api://x/.default"),
        (Cloud::SovereignSingapore, Api::custom("api://x", "https://x.example").unwrap(), "login.sovcloud-identity.sg", "api://x/.default"),
        (Cloud::of_authority("https://login.example.com").unwrap(), Api::PartnerCenter, "login.example.com", "https://api.partnercenter.microsoft.com/.default"),
    ];
    for (cloud, api, host, scope) in table {
        let sent = sent(&TokenRequest::new(api.clone()), cloud.clone()).await;
        assert_eq!(sent.url().host_str(), Some(host), "{cloud} {api}");
        assert_eq!(
            sent.form_field("scope").as_deref(),
            Some(scope),
            "{cloud} {api}"
        );
    }
}

#[tokio::test]
async fn scopes_go_as_they_were_named_and_in_one_order() {
    let request = TokenRequest::for_scopes("https://b/y api://a/x https://b/y".parse().unwrap());
    let sent = sent(&request, Cloud::Public).await;
    assert_eq!(
        sent.form_field("scope").as_deref(),
        Some("api://a/x https://b/y")
    );
}

#[tokio::test]
async fn a_secret_of_odd_characters_arrives_whole() {
    let secret = "a+b&c=d%20e/f?g#h~i:j;k,l!m@n$o^p*q(r)s";
    let endpoint = ScriptedTransport::new().answer(Answer::token("t-1", 3_600));
    let provider = partner_auth::PartnerAuth::builder()
        .tenant(tenant(TENANT))
        .client(CLIENT.parse().unwrap())
        .client_secret(secret.parse().unwrap())
        .transport(endpoint.clone())
        .app_only();
    provider.token(&request()).await.unwrap();
    assert_eq!(
        endpoint.requests()[0]
            .form_field("client_secret")
            .as_deref(),
        Some(secret)
    );
}

const OURS: &str = "8bc54b2c-2d5b-4f5b-9c1e-6f2b1a3c4d5e";

#[tokio::test]
async fn the_callers_id_names_the_call_and_is_found_again_in_its_error() {
    #[rustfmt::skip]
    let table = [
        Answer::status(404).header("client-request-id", OURS),
        Answer::html_page(404),                             // a proxy that knows no ids
        Answer::status(429).retry_after("3600"),
        Answer::json(400, r#"{"error":"invalid_request"}"#),
        Answer::json(200, "{}"),
        Answer::fail(TransportErrorKind::TooLarge),
        Answer::fail(TransportErrorKind::Connect),
    ];
    for answer in table {
        let row = format!("{answer:?}");
        let endpoint = ScriptedTransport::new().answer(answer).repeat_last();
        let scene = Scene::hurried(&endpoint);
        let request = request().with_correlation_id(OURS.parse().unwrap());
        let error = scene.provider.token(&request).await.unwrap_err();
        assert_eq!(
            endpoint.requests()[0].header("client-request-id"),
            Some(OURS)
        );
        assert_eq!(error.correlation_id(), Some(OURS), "{row}: {error}");
        assert!(error.to_string().contains(OURS), "{row}: {error}");
    }
}

#[tokio::test]
async fn an_error_has_the_servers_ids_from_the_body_or_from_the_headers() {
    let body = r#"{"error":"invalid_request","error_codes":[900144],"trace_id":"trace-of-body","correlation_id":"id-of-body"}"#;
    #[rustfmt::skip]
    let table = [
        (Answer::json(400, body),                                             "id-of-body",    Some("trace-of-body"), Some(900_144)),
        (Answer::json(400, body).header("x-ms-request-id", "trace-of-header")
            .header("client-request-id", "id-of-header"),                     "id-of-body",    Some("trace-of-body"), Some(900_144)),
        (Answer::status(400).header("x-ms-request-id", "trace-of-header")
            .header("client-request-id", "id-of-header"),                     "id-of-header",  Some("trace-of-header"), None),
        (Answer::status(400),                                                 OURS,            None,                  None),
    ];
    for (answer, id, trace, aadsts) in table {
        let scene = Scene::hurried(&ScriptedTransport::new().answer(answer));
        let request = request().with_correlation_id(OURS.parse().unwrap());
        let error = scene.provider.token(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(
            (error.correlation_id(), error.trace_id(), error.aadsts()),
            (Some(id), trace, aadsts)
        );
    }
}

#[tokio::test]
async fn calls_without_an_id_get_one_each() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::token("t", 0))
        .repeat_last();
    let scene = Scene::new(&endpoint);
    for _ in 0..100 {
        scene.text().await;
    }
    let requests = endpoint.requests();
    let ids: std::collections::HashSet<_> = requests
        .iter()
        .map(|request| request.header("client-request-id").unwrap())
        .collect();
    assert_eq!(ids.len(), 100);
}

#[tokio::test]
async fn no_error_says_the_secret_even_if_the_server_does() {
    let body = format!(
        r#"{{"error":"invalid_client","error_description":"AADSTS7000215: not {SECRET}, is it?","suberror":"{SECRET}","trace_id":"{SECRET}","correlation_id":"{SECRET}"}}"#
    );
    let mut html = Response::new(format!("<p>{SECRET}</p>").into_bytes());
    *html.status_mut() = http::StatusCode::BAD_REQUEST;
    for answer in [Answer::json(401, &body), html.into()] {
        let scene = Scene::hurried(&ScriptedTransport::new().answer(answer));
        let error = scene.ask().await.unwrap_err();
        let told = format!("{error} {error:?} {error:#?} {:?}", error.diagnosis());
        assert!(!told.contains("0d3pT5vZ1uR6"), "{told}");
    }
}
