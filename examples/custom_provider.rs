//! A provider of your own, in ten lines: here, tokens that a platform hands to the process.

use std::error::Error;
use std::time::Duration;

use partner_auth::testing::FakeCloud;
use partner_auth::{AccessToken, Api, Clock, Cloud, PartnerClient, SystemClock};
use partner_auth::{TokenFuture, TokenProvider, TokenRequest};

#[derive(Debug)]
struct FromThePlatform {
    fake: FakeCloud,
}

impl TokenProvider for FromThePlatform {
    fn token<'a>(&'a self, _: &'a TokenRequest) -> TokenFuture<'a> {
        TokenFuture::pending(async {
            let text = fetch_from_the_platform(&self.fake).await;
            AccessToken::new(&text, SystemClock.now().wall() + Duration::from_secs(300))
        })
    }

    fn cloud(&self) -> Cloud {
        self.fake.cloud()
    }
}

/// Whatever the platform offers: a socket, a file, a sidecar.
async fn fetch_from_the_platform(fake: &FakeCloud) -> String {
    tokio::task::yield_now().await;
    fake.entra()
        .user_token(&Api::PartnerApi)
        .mint()
        .secret()
        .to_owned()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let fake = FakeCloud::start().await;
    let client = PartnerClient::new(Api::PartnerApi, FromThePlatform { fake })?;

    let referrals = client.get("v1.0/engagements/referrals").send().await?;
    println!("GET {} -> {}", referrals.url().path(), referrals.status());
    Ok(())
}
