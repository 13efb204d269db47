//! Tokens made to measure: [`TokenMint`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::super::chance::{bytes, guid, moment, seconds};
use super::state::State;
use crate::api::Api;
use crate::cloud::Cloud;
use crate::id::{ClientId, TenantId};
use crate::token::AccessToken;

/// Makes an access token that a sign-in would have given, without the sign-in.
///
/// Made by [`FakeEntra::user_token`](super::FakeEntra::user_token) and
/// [`FakeEntra::app_token`](super::FakeEntra::app_token). It counts as no token request.
///
/// ```
/// # use partner_auth::Api;
/// # use partner_auth::testing::FakeCloud;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let cloud = FakeCloud::start().await;
/// let token = cloud.entra().user_token(&Api::PartnerCenter).without_mfa().mint();
/// assert_eq!(cloud.entra().token_requests(), 0);
/// # }
/// ```
#[must_use]
pub struct TokenMint {
    state: Arc<State>,
    claims: Claims,
    lifetime: Option<Duration>,
}

impl TokenMint {
    /// Sets the tenant. The default is the registered one.
    ///
    /// # Panics
    ///
    /// When no such tenant is registered and the name is not a GUID.
    pub fn tenant(mut self, tenant: &TenantId) -> Self {
        self.claims.tenant = self.state.tenant_guid(tenant);
        self
    }

    /// Sets the application. The default is the registered one.
    pub fn client(mut self, client: &ClientId) -> Self {
        client.as_str().clone_into(&mut self.claims.client);
        self
    }

    /// Sets the user's name, and makes it a token of a user.
    pub fn upn(mut self, upn: &str) -> Self {
        let mfa = !matches!(self.claims.subject, Subject::User { mfa: false, .. });
        self.claims.subject = Subject::User {
            upn: upn.to_owned(),
            object: guid(),
            mfa,
        };
        self
    }

    /// Leaves multi-factor authentication out of a user's `amr`.
    pub fn without_mfa(mut self) -> Self {
        if let Subject::User { mfa, .. } = &mut self.claims.subject {
            *mfa = false;
        }
        self
    }

    /// Sets `aud`, in place of the API's own.
    pub fn audience(mut self, audience: &str) -> Self {
        audience.clone_into(&mut self.claims.audience);
        self
    }

    /// Sets how long the token lives from now. The default is the fake Entra's.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Sets a claim to a JSON value, in place of what would be there.
    ///
    /// # Panics
    ///
    /// When `value` is not JSON. A text needs its quotation marks.
    pub fn claim(mut self, name: &str, value: &str) -> Self {
        let value = serde_json::from_str(value).unwrap_or_else(|_| panic!("{value} is not JSON"));
        self.claims.others.insert(name.to_owned(), value);
        self
    }

    /// Returns the token.
    ///
    /// # Panics
    ///
    /// Never: a JWT can stand in a header.
    #[must_use]
    pub fn mint(self) -> AccessToken {
        let policy = self.state.policy();
        let lifetime = self.lifetime.unwrap_or(policy.lifetime);
        let expires_on = moment(seconds(policy.clock.now().wall()) + lifetime.as_secs());
        let text = self.state.issue(&self.claims, lifetime);
        AccessToken::new(&text, expires_on).expect("a JWT can stand in a header")
    }

    pub(super) fn new(state: Arc<State>, claims: Claims) -> Self {
        Self {
            state,
            claims,
            lifetime: None,
        }
    }
}

impl fmt::Debug for TokenMint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenMint")
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

/// What is said in a token.
#[derive(Clone, Debug)]
pub(super) struct Claims {
    pub(super) tenant: String,
    pub(super) client: String,
    pub(super) audience: String,
    pub(super) subject: Subject,
    pub(super) capabilities: Option<Value>,
    others: Map<String, Value>,
}

/// On whose behalf.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    App {
        principal: String,
    },
    User {
        upn: String,
        object: String,
        mfa: bool,
    },
}

impl Claims {
    pub(super) fn new(tenant: &str, client: &str, audience: &str) -> Self {
        Self {
            tenant: tenant.to_owned(),
            client: client.to_owned(),
            audience: audience.to_owned(),
            subject: Subject::App { principal: guid() },
            capabilities: None,
            others: Map::new(),
        }
    }

    /// Returns the payload of a v1.0 token, which is what both Partner APIs take.
    ///
    /// `serial` is kept in `uti`, so that a token tells when it was issued without a list of all.
    pub(super) fn to_payload(&self, now: u64, lifetime: u64, serial: u64) -> Value {
        let Self {
            tenant,
            client,
            audience,
            ..
        } = self;
        let issuer = format!("https://sts.windows.net/{tenant}/");
        let mut payload = json!({
            "aud": audience,
            "iss": issuer,
            "iat": now.saturating_sub(CLOCK_SKEW),
            "nbf": now.saturating_sub(CLOCK_SKEW),
            "exp": now + lifetime,
            "appid": client,
            "appidacr": "1",
            "idp": issuer,
            "tid": tenant,
            "uti": to_uti(serial),
            "ver": "1.0",
        });
        let subject = match &self.subject {
            Subject::App { principal } => {
                json!({ "idtyp": "app", "oid": principal, "sub": principal })
            }
            Subject::User { upn, object, mfa } => json!({
                "acr": "1",
                "amr": if *mfa { json!(["pwd", "mfa"]) } else { json!(["pwd"]) },
                "name": upn.split('@').next(),
                "oid": object,
                "scp": "user_impersonation",
                "sub": to_uti(u64::from_le_bytes(bytes())),
                "unique_name": upn,
                "upn": upn,
            }),
        };
        let all = payload.as_object_mut().expect("an object");
        all.extend(subject.as_object().cloned().unwrap_or_default());
        all.extend(
            self.capabilities
                .clone()
                .map(|value| ("xms_cc".to_owned(), value)),
        );
        all.extend(self.others.clone());
        payload
    }
}

/// Returns the audience of an API in the public cloud, whatever it is in others.
pub(super) fn audience_of(api: &Api) -> String {
    match api.in_cloud(&Cloud::Public) {
        Ok(endpoint) => endpoint.audience().to_owned(),
        Err(error) => panic!("{error}"),
    }
}

fn to_uti(serial: u64) -> String {
    let mut uti = [0; 16];
    uti[..8].copy_from_slice(&serial.to_be_bytes());
    uti[8..].copy_from_slice(&bytes::<8>());
    URL_SAFE_NO_PAD.encode(uti)
}

/// Returns when a token was issued, as a count of the tokens before it.
pub(super) fn serial_of(uti: &str) -> Option<u64> {
    let uti = URL_SAFE_NO_PAD.decode(uti).ok()?;
    Some(u64::from_be_bytes(uti.get(..8)?.try_into().ok()?))
}

/// Entra dates its tokens back by five minutes.
const CLOCK_SKEW: u64 = 300;
