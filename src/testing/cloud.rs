//! All of Microsoft that a test needs: [`FakeCloud`].

use std::sync::Arc;

use super::entra::{CLIENT, DOMAIN, FakeEntra, TENANT, parsed};
use super::partner::{FakeApi, FakePartner};
use crate::api::Api;
use crate::builder::{Builder, PartnerAuth, WantsAccess};
use crate::clock::Clock;
use crate::cloud::{Cloud, CustomCloud};
use crate::id::{ClientId, TenantId};

/// A fake Entra and the two fake Partner APIs that take its tokens, on loopback.
///
/// One tenant, one application, five customers and seven referrals are there from the start. A
/// clone is another handle to the same servers, which stop with the last of them.
///
/// ```
/// # use partner_auth::Api;
/// # use partner_auth::testing::FakeCloud;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), partner_auth::ConfigError> {
/// let cloud = FakeCloud::start().await;
///
/// // The audience is the real one; only the host is on loopback.
/// let endpoint = Api::PartnerCenter.in_cloud(&cloud.cloud())?;
/// assert_eq!(endpoint.audience(), "https://api.partnercenter.microsoft.com");
/// assert_eq!(endpoint.base_url().host_str(), Some("127.0.0.1"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FakeCloud {
    entra: FakeEntra,
    partner: FakePartner,
}

impl FakeCloud {
    /// Starts all servers.
    pub async fn start() -> Self {
        let entra = FakeEntra::start().await;
        let partner = FakePartner::start(&entra).await;
        Self { entra, partner }
    }

    /// Returns the cloud to give to what you test.
    ///
    /// It knows the two Partner APIs. Tokens for Microsoft Graph and Azure Resource Manager are
    /// issued when they are asked for by scope, but there is nothing to call with them.
    ///
    /// # Panics
    ///
    /// Never: an origin on loopback is a good URL.
    #[must_use]
    pub fn cloud(&self) -> Cloud {
        let cloud = CustomCloud::new(self.entra.url())
            .and_then(|cloud| cloud.with_api(&Api::PartnerApi, self.partner_api().url()))
            .and_then(|cloud| cloud.with_api(&Api::PartnerCenter, self.partner_center().url()));
        Cloud::Custom(cloud.expect("an origin on loopback is a good URL"))
    }

    /// Returns a builder with everything answered: the fake's cloud, tenant, application and secret.
    ///
    /// ```
    /// # use partner_auth::testing::FakeCloud;
    /// # use partner_auth::{Api, TokenProvider, TokenRequest};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), partner_auth::Error> {
    /// let fake = FakeCloud::start().await;
    /// let provider = fake.builder().app_only();
    /// provider.token(&TokenRequest::new(Api::PartnerCenter)).await?;
    /// assert_eq!(fake.entra().token_requests(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Never: the fake's own secret is a good one.
    pub fn builder(&self) -> Builder<WantsAccess> {
        let secret = self.client_secret().parse();
        PartnerAuth::builder()
            .tenant(self.tenant())
            .client(self.client())
            .client_secret(secret.expect("the fake's own secret is a good one"))
            .cloud(self.cloud())
    }

    /// Returns the registered tenant, by its GUID.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        parsed(TENANT)
    }

    /// Returns the registered tenant, by its verified domain.
    #[must_use]
    pub fn domain(&self) -> TenantId {
        parsed(DOMAIN)
    }

    /// Returns the registered application.
    #[must_use]
    pub fn client(&self) -> ClientId {
        parsed(CLIENT)
    }

    /// Returns the newest secret of the registered application: 40 random characters, other ones
    /// in every cloud.
    #[must_use]
    pub fn client_secret(&self) -> String {
        self.entra.newest_secret()
    }

    /// Returns the fake Entra.
    #[must_use]
    pub fn entra(&self) -> &FakeEntra {
        &self.entra
    }

    /// Returns the fake Partner APIs, with their data and rules.
    #[must_use]
    pub fn partner(&self) -> &FakePartner {
        &self.partner
    }

    /// Returns the fake Partner API: referrals.
    #[must_use]
    pub fn partner_api(&self) -> &FakeApi {
        self.partner.partner_api()
    }

    /// Returns the fake Partner Center: customers, invoices.
    #[must_use]
    pub fn partner_center(&self) -> &FakeApi {
        self.partner.partner_center()
    }

    /// Lets all servers take the time from `clock`. Latency is always real time.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use partner_auth::testing::{FakeCloud, ManualClock};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let clock = ManualClock::new();
    /// let cloud = FakeCloud::start().await;
    /// cloud.use_clock(Arc::new(clock.clone()));
    /// # }
    /// ```
    pub fn use_clock(&self, clock: Arc<dyn Clock>) {
        self.entra.use_clock(clock);
    }
}
