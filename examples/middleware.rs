//! The bearer layer among other layers of reqwest-middleware: what sees a call, and what an attempt.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Extensions;
use partner_auth::testing::FakeCloud;
use partner_auth::{Api, BearerMiddleware};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Middleware, Next};

/// Stands where `reqwest-tracing` or `reqwest-retry` would.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

#[async_trait::async_trait]
impl Middleware for Count {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        self.0.fetch_add(1, Ordering::Relaxed);
        next.run(request, extensions).await
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let fake = FakeCloud::start().await;
    let provider = fake.builder().app_only();

    let (calls, attempts) = (Count::default(), Count::default());
    let no_redirects = reqwest::redirect::Policy::none();
    let http = reqwest::Client::builder().redirect(no_redirects).build()?;
    let client = ClientBuilder::new(http)
        .with(calls.clone()) // retries and spans of whole calls: outside
        .with(BearerMiddleware::new(Api::PartnerCenter, provider)?)
        .with(attempts.clone()) // spans of single attempts: inside
        .build();

    let url = format!("{}/v1/customers", fake.partner_center().url());
    println!("first: {}", client.get(&url).send().await?.status());
    fake.entra().revoke_tokens();
    let after = client.get(&url).send().await?.status();
    println!("after the token was revoked: {after}");

    let seen = |count: &Count| count.0.load(Ordering::Relaxed);
    let tokens = fake.entra().token_requests();
    println!(
        "{} calls took {} attempts and {tokens} tokens",
        seen(&calls),
        seen(&attempts)
    );
    Ok(())
}
