//! The transport that answers from a script.

use futures_util::{FutureExt as _, poll};
use http::{Request, Response};
use partner_auth::testing::{Answer, Gate, ScriptedTransport};
use partner_auth::{SecretBytes, Transport, TransportErrorKind};
use serde_json::Value;

fn request() -> Request<SecretBytes> {
    Request::post("https://login.example.com/t/oauth2/v2.0/token")
        .header("authorization", "Basic c2VjcmV0")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(SecretBytes::from(
            b"grant_type=client_credentials&client_secret=hunter%202".to_vec(),
        ))
        .unwrap()
}

fn json(response: Response<SecretBytes>) -> Value {
    serde_json::from_slice(response.into_body().expose()).unwrap()
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_script() {
    let transport = ScriptedTransport::new()
        .answer(Answer::status(503).retry_after("2"))
        .answer(Answer::refusal(401, "invalid_client", 7_000_215))
        .answer(Answer::fail(TransportErrorKind::Timeout))
        .answer(Answer::html_page(502))
        .answer(Response::builder().status(204).body(Vec::new()).unwrap())
        .answer(Answer::token("t-1", 3_599));

    let busy = transport.send(request()).await.unwrap();
    assert_eq!(
        (
            busy.status().as_u16(),
            busy.headers()["retry-after"].as_bytes()
        ),
        (503, &b"2"[..])
    );
    let refused = transport.send(request()).await.unwrap();
    assert_eq!(refused.status(), 401);
    let refused = json(refused);
    assert_eq!(
        (refused["error"].clone(), refused["error_codes"][0].clone()),
        ("invalid_client".into(), 7_000_215.into())
    );
    assert_eq!(
        transport.send(request()).await.unwrap_err().kind(),
        TransportErrorKind::Timeout
    );
    assert_eq!(
        transport.send(request()).await.unwrap().headers()["content-type"],
        "text/html"
    );
    assert_eq!(transport.send(request()).await.unwrap().status(), 204);
    assert_eq!(
        json(transport.send(request()).await.unwrap())["access_token"],
        "t-1"
    );
    assert_eq!(transport.request_count(), 6);
}

#[tokio::test]
async fn beyond_its_end_a_script_says_so_or_repeats_itself() {
    let transport = ScriptedTransport::new();
    let error = transport.send(request()).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Config);
    assert!(
        error
            .to_string()
            .contains("no answer to request 1 (POST https://login.example.com/"),
        "{error}"
    );
    assert!(error.to_string().contains("repeat_last"), "{error}");

    let transport = ScriptedTransport::new()
        .answer(Answer::status(500))
        .answer(Answer::token("t", 1))
        .repeat_last();
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(transport.send(request()).await.unwrap().status().as_u16());
    }
    assert_eq!(seen, [500, 200, 200, 200]);
}

#[tokio::test]
async fn requests_are_kept_without_a_word_of_their_secrets() {
    let transport = ScriptedTransport::new().answer(Answer::token("t-1", 1));
    transport.send(request()).await.unwrap();
    let requests = transport.requests();
    assert_eq!(
        requests[0].form_field("client_secret").as_deref(),
        Some("hunter 2")
    );
    assert_eq!(
        requests[0].url().as_str(),
        "https://login.example.com/t/oauth2/v2.0/token"
    );
    assert_eq!(requests[0].authorizations(), 1);

    let text = format!("{requests:?} {transport:?}");
    assert!(text.contains("grant_type=client_credentials"), "{text}");
    for secret in ["hunter", "c2VjcmV0", "t-1"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_gate_holds_an_answer_until_the_test_lets_it_go() {
    let gate = Gate::new();
    let transport = ScriptedTransport::new().answer(Answer::token("t", 1).held_by(&gate));
    let mut held = transport.send(request());
    transport.until_requests(1).await;
    assert!(poll!(&mut held).is_pending());
    gate.open();
    assert_eq!(held.await.unwrap().status(), 200);
}

#[test]
fn silence_lasts() {
    let transport = ScriptedTransport::new().answer(Answer::hang());
    assert!(transport.send(request()).now_or_never().is_none());
}
