//! A fake cloud, a provider of its tokens, and clients of both APIs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use partner_auth::testing::{FakeCloud, ManualClock};
use partner_auth::{
    AccessToken, Api, AppOnlyProvider, Cloud, PartnerAuth, PartnerClient, PartnerClientBuilder,
    ReqwestTransport, TokenFuture, TokenProvider, TokenRequest,
};

/// One cloud with everything that a test of the client needs.
pub(crate) struct House {
    pub(crate) cloud: FakeCloud,
    /// The provider's time, and the fake cloud's.
    pub(crate) clock: ManualClock,
    /// What throttled calls wait on.
    pub(crate) waits: ManualClock,
    pub(crate) provider: AppOnlyProvider,
}

impl House {
    pub(crate) async fn open() -> Self {
        let cloud = FakeCloud::start().await;
        cloud.partner().allow_app_only(true);
        let clock = ManualClock::new();
        cloud.use_clock(Arc::new(clock.clone()));
        let provider = PartnerAuth::builder()
            .tenant(cloud.tenant())
            .client(cloud.client())
            .client_secret(cloud.client_secret().parse().unwrap())
            .cloud(cloud.cloud())
            .clock(clock.clone())
            .app_only();
        let waits = ManualClock::new();
        Self {
            cloud,
            clock,
            waits,
            provider,
        }
    }

    pub(crate) fn center(&self) -> PartnerClient {
        self.builder(Api::PartnerCenter, self.provider.clone())
            .build()
            .unwrap()
    }

    pub(crate) fn partner_api(&self) -> PartnerClient {
        self.builder(Api::PartnerApi, self.provider.clone())
            .build()
            .unwrap()
    }

    /// Returns a client of `api` that always has this token.
    pub(crate) fn client_with(&self, api: Api, token: AccessToken) -> (PartnerClient, Fixed) {
        let fixed = Fixed::new(token, self.cloud.cloud());
        (self.builder(api, fixed.clone()).build().unwrap(), fixed)
    }

    pub(crate) fn builder(
        &self,
        api: Api,
        provider: impl TokenProvider + 'static,
    ) -> PartnerClientBuilder {
        let builder = PartnerClient::builder(api, provider).unwrap();
        builder.http_client(http()).clock(self.waits.clone())
    }

    pub(crate) fn token_requests(&self) -> usize {
        self.cloud.entra().token_requests()
    }

    /// Returns how often the two APIs were called.
    pub(crate) fn calls(&self) -> usize {
        self.cloud.partner().requests().len()
    }
}

/// A provider that has one token and no other, and counts how often it is asked.
#[derive(Clone, Debug)]
pub(crate) struct Fixed {
    token: AccessToken,
    cloud: Cloud,
    asked: Arc<AtomicUsize>,
}

impl Fixed {
    pub(crate) fn new(token: AccessToken, cloud: Cloud) -> Self {
        Self {
            token,
            cloud,
            asked: Arc::default(),
        }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl TokenProvider for Fixed {
    fn token<'a>(&'a self, _: &'a TokenRequest) -> TokenFuture<'a> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        TokenFuture::ready(Ok(self.token.clone()))
    }

    fn cloud(&self) -> Cloud {
        self.cloud.clone()
    }
}

/// Returns an HTTP client like the default one, without the time that it takes to read the
/// system's roots: nothing here speaks TLS.
pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .tls_certs_only([])
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// Returns the default transport, one per test: to read the system's roots takes longer than most.
pub(crate) fn transport() -> Arc<ReqwestTransport> {
    thread_local! {
        static TRANSPORT: Arc<ReqwestTransport> = Arc::default();
    }
    TRANSPORT.with(Arc::clone)
}
