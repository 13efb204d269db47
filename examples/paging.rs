//! All items of a collection, whichever way the API pages: continuation headers or next links.

use std::error::Error;

use futures_util::TryStreamExt;
use partner_auth::testing::FakeCloud;
use partner_auth::{Api, PartnerClient};

#[derive(Debug, serde::Deserialize)]
struct Item {
    id: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let fake = FakeCloud::start().await;
    fake.partner().allow_app_only(true); // the real referrals take app + user tokens only
    fake.partner().set_page_size(2);
    let provider = fake.builder().app_only();

    // Partner Center: the next page is a link and a header.
    let center = PartnerClient::new(Api::PartnerCenter, provider.clone())?;
    let mut customers = center.get("v1/customers").items::<Item>();
    while let Some(customer) = customers.next().await {
        println!("customer {}", customer?.id);
    }

    // Partner API: the next page is an OData link. The same, as a `Stream`.
    let partner = PartnerClient::new(Api::PartnerApi, provider)?;
    let referrals = partner
        .get("v1.0/engagements/referrals")
        .query([("$orderby", "createdDateTime desc")]);
    let referrals: Vec<Item> = referrals.items().try_collect().await?;
    println!(
        "{} referrals in {} requests",
        referrals.len(),
        fake.partner_api().request_count()
    );
    Ok(())
}
