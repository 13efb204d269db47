//! The main job, step by step: a token from Entra, kept fresh, and a Partner Center call with it.
//!
//! Runs against the fake cloud, unless `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and
//! `AZURE_CLIENT_SECRET` are set: then against the real one.

use std::error::Error;

use partner_auth::testing::FakeCloud;
use partner_auth::{Api, ConfigError, PartnerAuth, PartnerClient, TokenProvider, TokenRequest};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let fake = FakeCloud::start().await;
    let provider = match PartnerAuth::from_env() {
        Err(ConfigError::MissingVariable {
            name: "AZURE_TENANT_ID",
            ..
        }) => {
            println!("1. AZURE_TENANT_ID is not set: using the fake cloud.");
            PartnerAuth::builder()
                .tenant(fake.tenant())
                .client(fake.client())
                .client_secret(fake.client_secret().parse()?)
                .cloud(fake.cloud())
                .app_only()
        }
        found => {
            println!("1. Using the application that the AZURE_* variables name.");
            found?.app_only()
        }
    };
    println!(
        "2. Tokens come from {}, tenant {}.",
        provider.cloud().authority(),
        provider.tenant()
    );

    let request = TokenRequest::new(Api::PartnerCenter);
    let token = provider.token(&request).await?;
    println!(
        "3. Entra issued a token for {}.",
        token.scopes().ok_or("no scopes")?
    );

    let again = provider.token(&request).await?;
    println!(
        "4. Asked again: the same token, from memory: {}.",
        again.is_same_as(&token)
    );

    let client = PartnerClient::new(Api::PartnerCenter, provider)?;
    let mut customers = client.get("v1/customers").items::<serde_json::Value>();
    println!("5. Customers at {}:", client.endpoint().base_url());
    while let Some(customer) = customers.next().await {
        println!("   - {}", customer?["companyProfile"]["companyName"]);
    }
    Ok(())
}
