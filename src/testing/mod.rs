//! A cloud of your own, to test services that use this crate. Behind the feature `testing`.
//!
//! | You test | Take |
//! |---|---|
//! | a service as a whole: tokens, calls, refusals, over HTTP | [`FakeCloud`] |
//! | what happens between requests, exactly | [`ScriptedTransport`] |
//! | what happens as time goes by | [`ManualClock`] |
//! | what happens when something breaks | [`Fault`], [`Answer`] |
//!
//! ```
//! use partner_auth::testing::{Fault, FakeCloud};
//! use partner_auth::{Api, PartnerClient};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let fake = FakeCloud::start().await;
//! let client = PartnerClient::new(Api::PartnerCenter, fake.builder().app_only())?;
//!
//! fake.entra().fault(Fault::status(503)); // the first answer of Entra
//! let customers = client.get("v1/customers").send().await?;
//!
//! assert!(customers.status().is_success());
//! assert_eq!(fake.entra().token_requests(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! Nothing leaves loopback, and nothing is shared between two clouds but the key that signs their
//! tokens. All servers run on threads of their own, so a test may block.
//!
//! The doubles are strict where Microsoft is strict: a token for one Partner API is refused by the
//! other, an app-only token by what needs a user, a page link without its headers by the server.
//! What a double does not do is said on its type.

// A tester's mistake is best told by a panic that names it; nothing here runs in production.
#![allow(clippy::expect_used, clippy::panic)]
// What is added has an id, which a test may not care for.
#![allow(clippy::must_use_candidate)]

mod chance;
mod clock;
mod cloud;
mod entra;
mod fault;
mod front;
mod jwt;
mod partner;
mod record;
mod server;
mod transport;

pub use clock::ManualClock;
pub use cloud::FakeCloud;
pub use entra::{FakeEntra, FakeIssuer, TokenMint};
pub use fault::Fault;
pub use partner::{FakeApi, FakePartner};
pub use record::RecordedRequest;
pub use transport::{Answer, Gate, ScriptedTransport};
