//! Assertions of another issuer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use partner_auth::testing::{Answer, ManualClock, ScriptedTransport};
use partner_auth::{
    AssertionFuture, AssertionRequest, AssertionSource, ErrorKind, Secret, TokenProvider,
};

use super::support::{CLIENT, TENANT, builder, request};

#[tokio::test]
async fn an_assertion_is_sent_in_place_of_a_secret() {
    let transport = ScriptedTransport::new().answer(Answer::token("t-1", 3_599));
    let provider = builder()
        .client_assertion(|_| async { Ok::<_, std::io::Error>(Secret::new("e30.e30.c2ln")) })
        .transport(transport.clone())
        .app_only();

    provider.token(&request()).await.unwrap();

    let sent = &transport.requests()[0];
    assert_eq!(
        sent.form_field("client_assertion").as_deref(),
        Some("e30.e30.c2ln")
    );
    assert_eq!(
        sent.form_field("client_assertion_type").as_deref(),
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
    );
    assert_eq!(sent.form_field("client_secret"), None);
}

#[tokio::test]
async fn the_source_is_asked_for_each_token_and_told_for_whom() {
    #[derive(Default)]
    struct Counting(AtomicUsize);
    impl AssertionSource for Arc2 {
        fn assertion<'a>(&'a self, request: &'a AssertionRequest) -> AssertionFuture<'a> {
            AssertionFuture::new(async move {
                assert_eq!(request.client().as_str(), CLIENT);
                assert_eq!(request.tenant().as_str(), TENANT);
                assert_eq!(
                    request.token_endpoint(),
                    "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token"
                );
                assert!(!request.is_repeated());
                let number = self.0.0.fetch_add(1, Ordering::SeqCst);
                Ok::<_, std::io::Error>(Secret::new(format!("e30.e30.{number}")))
            })
        }
    }
    struct Arc2(Arc<Counting>);

    let transport = ScriptedTransport::new()
        .answer(Answer::token("t-1", 60))
        .answer(Answer::token("t-2", 3_599));
    let (clock, source) = (ManualClock::new(), Arc::new(Counting::default()));
    let provider = builder()
        .client_assertion(Arc2(Arc::clone(&source)))
        .transport(transport.clone())
        .clock(clock.clone())
        .app_only();

    provider.token(&request()).await.unwrap();
    provider.token(&request()).await.unwrap();
    assert_eq!(source.0.load(Ordering::SeqCst), 1, "the token was held");

    clock.advance(std::time::Duration::from_secs(61));
    provider.token(&request()).await.unwrap();
    let sent = &transport.requests()[1];
    assert_eq!(
        sent.form_field("client_assertion").as_deref(),
        Some("e30.e30.1")
    );
}

#[tokio::test]
async fn nothing_is_sent_when_the_source_fails() {
    let transport = ScriptedTransport::new();
    let provider = builder()
        .client_assertion(|_| async {
            Err::<Secret, _>(std::io::Error::other("the vault is sealed"))
        })
        .transport(transport.clone())
        .app_only();

    let error = provider.token(&request()).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_transient());
    assert!(format!("{error:?}").contains("the vault is sealed"));
    assert!(error.to_string().contains("app.credential"), "{error}");
    assert_eq!(transport.request_count(), 0);
}

#[tokio::test]
async fn what_is_no_jwt_is_not_sent_and_not_shown() {
    for text in ["", "Bearer e30.e30.c2ln", "hunter2-hunter2", "a.b.c.d"] {
        let transport = ScriptedTransport::new();
        let provider = builder()
            .client_assertion(move |_| async move { Ok::<_, std::io::Error>(Secret::new(text)) })
            .transport(transport.clone())
            .app_only();

        let error = provider.token(&request()).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Config, "{text}");
        let shown = format!("{error:?} {error:#?}");
        assert!(text.is_empty() || !shown.contains(text), "{shown}");
        assert_eq!(transport.request_count(), 0);
    }
}

#[tokio::test]
async fn an_assertion_that_the_server_repeats_is_taken_out_of_the_error() {
    let body = r#"{"error":"invalid_request","error_description":"bad: e30.e30.VmVyeVNlY3JldA, signature VmVyeVNlY3JldA"}"#;
    let transport = ScriptedTransport::new().answer(Answer::json(400, body));
    let provider = builder()
        .client_assertion(|_| async {
            Ok::<_, std::io::Error>(Secret::new("e30.e30.VmVyeVNlY3JldA"))
        })
        .transport(transport)
        .app_only();

    let error = provider.token(&request()).await.unwrap_err();
    let shown = format!("{error} {error:?} {error:#?} {provider:?}");
    assert!(shown.contains("[redacted]"), "{shown}");
    assert!(!shown.contains("VmVyeVNlY3JldA"), "{shown}");
}
