//! Credentials that change while the program runs.

use std::sync::atomic::{AtomicUsize, Ordering};

use partner_auth::testing::{Answer, FakeCloud, ScriptedTransport};
use partner_auth::{ClientSecret, ConfigError, ErrorKind, Secret, TokenProvider};

use super::support::{builder, request};

#[tokio::test]
async fn a_secret_rotated_in_the_vault_costs_no_failed_call() {
    let fake = FakeCloud::start().await;
    let vault = fake.clone();
    // The program's own copy is old until it is asked again.
    let (old, asked) = (fake.client_secret(), AtomicUsize::new(0));
    let provider = partner_auth::PartnerAuth::builder()
        .tenant(fake.tenant())
        .client(fake.client())
        .client_secret_source(move || {
            let current = match asked.fetch_add(1, Ordering::SeqCst) {
                0 => old.clone(),
                _ => vault.client_secret(),
            };
            async move { current.parse::<ClientSecret>() }
        })
        .cloud(fake.cloud())
        .app_only();
    fake.entra().rotate_secret(&fake.client());

    provider.token(&request()).await.unwrap();

    assert_eq!(fake.entra().token_requests(), 2);
}

#[tokio::test]
async fn only_a_refusal_that_smells_of_rotation_asks_the_source_again_and_only_once() {
    #[rustfmt::skip]
    let table = [
        // AADSTS number, requests
        (7_000_215, 2), (7_000_222, 2), (700_027, 2), (700_024, 2),
        (700_016,   1), (53_003,    1),
    ];
    for (number, requests) in table {
        let transport = ScriptedTransport::new()
            .answer(Answer::refusal(401, "invalid_client", number))
            .repeat_last();
        let asked = AtomicUsize::new(0);
        let provider = builder()
            .client_assertion(move |request: partner_auth::AssertionRequest| {
                let number = asked.fetch_add(1, Ordering::SeqCst);
                assert_eq!(request.is_repeated(), number == 1);
                async move { Ok::<_, ConfigError>(Secret::new(format!("e30.e30.{number}"))) }
            })
            .transport(transport.clone())
            .app_only();

        let error = provider.token(&request()).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(transport.request_count(), requests, "AADSTS{number}");
    }
}

#[tokio::test]
async fn a_source_with_nothing_new_is_not_tried_twice() {
    let transport =
        ScriptedTransport::new().answer(Answer::refusal(401, "invalid_client", 700_027));
    let provider = builder()
        .client_assertion(|_| async { Ok::<_, ConfigError>(Secret::new("e30.e30.c2ln")) })
        .transport(transport.clone())
        .app_only();

    let error = provider.token(&request()).await.unwrap_err();

    assert_eq!(error.aadsts(), Some(700_027));
    assert_eq!(transport.request_count(), 1);
}

#[tokio::test]
async fn both_secrets_of_a_rotation_stay_out_of_the_error() {
    let body = r#"{"error":"invalid_client","error_codes":[7000215],"error_description":"not AAAA8Q~aaaaaaaaaaaa, not BBBB8Q~bbbbbbbbbbbb"}"#;
    let [first, second] = ["AAAA8Q~aaaaaaaaaaaa", "BBBB8Q~bbbbbbbbbbbb"];
    let transport = ScriptedTransport::new()
        .answer(Answer::json(401, body))
        .repeat_last();
    let asked = AtomicUsize::new(0);
    let provider = builder()
        .client_secret_source(move || {
            let current = [first, second][asked.fetch_add(1, Ordering::SeqCst).min(1)];
            async move { current.parse::<ClientSecret>() }
        })
        .transport(transport.clone())
        .app_only();

    let error = provider.token(&request()).await.unwrap_err();
    assert_eq!(
        transport.requests()[1]
            .form_field("client_secret")
            .as_deref(),
        Some(second)
    );
    let shown = format!("{error} {error:#?}");
    assert!(!shown.contains(first) && !shown.contains(second), "{shown}");
}
