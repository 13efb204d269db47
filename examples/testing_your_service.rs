//! How to test a service of yours: the fake cloud in place of Microsoft's, faults included.

use std::error::Error;

use partner_auth::testing::{FakeCloud, Fault};
use partner_auth::{Api, ErrorKind, Page, PartnerClient};

/// What you test: your code, over a client that it is given.
async fn count_customers(client: &PartnerClient) -> Result<usize, partner_auth::Error> {
    let customers: Page<serde_json::Value> =
        client.get("v1/customers").send().await?.json().await?;
    Ok(customers.items.len())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let fake = FakeCloud::start().await;
    let provider = fake.builder().app_only();
    let client = PartnerClient::new(Api::PartnerCenter, provider)?;

    // It works.
    assert_eq!(count_customers(&client).await?, 5);

    // It survives a revoked token, with one more request to Entra.
    fake.entra().revoke_tokens();
    assert_eq!(count_customers(&client).await?, 5);
    assert_eq!(fake.entra().token_requests(), 2);

    // It survives a throttle of the API.
    fake.partner_center().fault(Fault::throttled("0"));
    assert_eq!(count_customers(&client).await?, 5);

    // It tells a missing MFA from an expired token.
    fake.partner_center().refuse_next(
        401,
        r#"{"code":"900421","description":"MFA required"}"#,
        &[],
    );
    let error = count_customers(&client)
        .await
        .err()
        .ok_or("MFA is missing")?;
    assert_eq!(error.kind(), ErrorKind::MfaRequired);
    println!("{error}");
    Ok(())
}
