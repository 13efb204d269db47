//! One provider serves every API and every customer tenant, and says what to do when it cannot.

use std::error::Error;

use partner_auth::testing::FakeCloud;
use partner_auth::{Api, PartnerAuth, TokenProvider, TokenRequest};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let fake = FakeCloud::start().await;
    let customer = "fabrikam.onmicrosoft.com".parse()?;
    fake.entra().add_tenant(
        &"99998888-7777-6666-5555-444433332222".parse()?,
        &["fabrikam.onmicrosoft.com"],
    );

    // Against the real cloud: `PartnerAuth::from_env()?.app_only()`.
    let provider = PartnerAuth::builder()
        .tenant(fake.tenant())
        .client(fake.client())
        .client_secret(fake.client_secret().parse()?)
        .cloud(fake.cloud())
        .app_only();

    for api in [Api::PartnerApi, Api::PartnerCenter, Api::Graph] {
        let token = provider.token(&TokenRequest::new(api.clone())).await?;
        println!("{api}: {token:?}");
    }

    // The application is not known in the customer's tenant yet, and the error says what to do.
    let there = TokenRequest::new(Api::Graph).with_tenant(customer);
    match provider.token(&there).await {
        Ok(_) => println!("the customer has consented"),
        Err(error) => {
            println!("\n{error}\n");
            println!(
                "kind {:?}, step {}, see {}",
                error.kind(),
                error.diagnosis().step,
                error.diagnosis().docs
            );
        }
    }
    Ok(())
}
