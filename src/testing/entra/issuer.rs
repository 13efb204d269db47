//! Somebody else who signs: [`FakeIssuer`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::super::chance::{guid, seconds};
use super::super::jwt::SigningKey;
use super::state::State;
use crate::secret::Secret;

/// An OpenID issuer that a fake Entra may be told to trust: a cluster, a build service.
///
/// Made by [`FakeEntra::issuer`](super::FakeEntra::issuer). Its key is its own, so Entra refuses
/// its assertions until [`trust`](super::FakeEntra::trust) names issuer, subject and audience.
#[derive(Clone)]
pub struct FakeIssuer {
    state: Arc<State>,
    url: String,
    key: Arc<SigningKey>,
}

impl FakeIssuer {
    /// Returns the issuer's name, which its assertions have as `iss`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns an assertion for `subject` that lives for an hour from now, meant for Entra
    /// (`api://AzureADTokenExchange`).
    #[must_use]
    pub fn assertion(&self, subject: &str) -> Secret {
        self.assertion_for(subject, EXCHANGE, Duration::from_secs(3_600))
    }

    /// Returns an assertion for `subject`, meant for `audience`, that lives for `lifetime`.
    #[must_use]
    pub fn assertion_for(&self, subject: &str, audience: &str, lifetime: Duration) -> Secret {
        let now = seconds(self.state.policy().clock.now().wall());
        Secret::new(self.key.sign(&json!({
            "aud": audience,
            "iss": self.url,
            "sub": subject,
            "jti": guid(),
            "nbf": now,
            "iat": now,
            "exp": now + lifetime.as_secs(),
        })))
    }

    pub(super) fn new(state: Arc<State>, url: &str) -> Self {
        let key = Arc::new(SigningKey::generate());
        Self {
            state,
            url: url.to_owned(),
            key,
        }
    }

    pub(super) fn key(&self) -> Arc<SigningKey> {
        Arc::clone(&self.key)
    }
}

impl fmt::Debug for FakeIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeIssuer")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// The audience of assertions that are meant for Entra.
pub(super) const EXCHANGE: &str = "api://AzureADTokenExchange";
