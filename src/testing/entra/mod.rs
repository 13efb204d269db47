//! A Microsoft Entra ID of one's own: [`FakeEntra`].
//!
//! | Module | Knows |
//! |---|---|
//! | [`directory`] | tenants, applications, secrets, resources |
//! | [`assertion`] | certificates and trusted issuers, and whether an assertion is good |
//! | [`issuer`] | somebody else who signs |
//! | [`token`] | the token endpoints, v1 and v2 |
//! | [`metadata`] | OpenID metadata, JWKS, instance discovery |
//! | [`refusal`] | the error format, and each refusal's words |
//! | [`mint`] | what stands in a token |
//! | [`state`] | all that is remembered, and which tokens still count |

mod assertion;
pub(super) mod directory;
mod issuer;
mod metadata;
mod mint;
pub(super) mod refusal;
pub(super) mod state;
mod token;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use issuer::FakeIssuer;
pub use mint::TokenMint;

use self::assertion::Federated;
use self::mint::{Claims, Subject, audience_of};
use self::refusal::Refusal;
use self::state::State;
use self::token::Version;
use super::chance::guid;
use super::fault::{Fault, Style};
use super::record::RecordedRequest;
use super::server::{Reply, Server};
use crate::api::Api;
use crate::clock::Clock;
use crate::id::{ClientId, TenantId};

/// A Microsoft Entra ID on loopback, which issues real, signed tokens to the applications you
/// register.
///
/// It knows one tenant and one application from the start; ask [`FakeCloud`](super::FakeCloud) for
/// them. A clone is another handle to the same server, which stops with the last of them.
///
/// # What it does
///
/// - The token endpoints of v2.0 (`scope`) and v1.0 (`resource`) for client credentials: secret in
///   the body or in `Authorization: Basic`, or an assertion that is verified: signature (PS256,
///   RS256), thumbprint, audience, issuer, subject and times.
/// - The refusals of a wrong tenant, application, secret, scope or resource, in Entra's JSON with
///   Entra's AADSTS numbers.
/// - OpenID metadata, signing keys and instance discovery, for GUIDs, domains, `common` and
///   `organizations`.
/// - Whatever goes wrong, when you say so: see [`Fault`].
///
/// # What it does not
///
/// No sign-in pages, no conditional access, no directory limits, no TLS. A certificate is known by
/// its thumbprint only: `x5c` is not looked at. An assertion may be shown twice, as Microsoft's own
/// clients do.
#[derive(Clone, Debug)]
pub struct FakeEntra {
    state: Arc<State>,
    server: Arc<Server>,
}

impl FakeEntra {
    /// Starts a server with one tenant and one application in it.
    pub async fn start() -> Self {
        let state = Arc::new(State::new());
        let origin = Arc::new(OnceLock::new());
        let router = Router {
            state: Arc::clone(&state),
            origin: Arc::clone(&origin),
        };
        let server = Server::start(move |request| router.answer(&request)).await;
        origin.get_or_init(|| server.url().to_owned());

        let entra = Self {
            state,
            server: Arc::new(server),
        };
        entra.add_tenant(&parsed(TENANT), &[DOMAIN]);
        entra.add_app(&parsed(TENANT), &parsed(CLIENT));
        entra
    }

    /// Returns the authority's origin, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Registers a tenant, by its GUID, with its verified domains.
    ///
    /// # Panics
    ///
    /// When `id` is a domain, or one of the names is taken.
    pub fn add_tenant(&self, id: &TenantId, domains: &[&str]) {
        self.state.directory().add_tenant(id.as_str(), domains);
    }

    /// Registers an application in a tenant and returns its secret. One that is registered in
    /// another tenant keeps the secret it has.
    ///
    /// # Panics
    ///
    /// When there is no such tenant.
    pub fn add_app(&self, tenant: &TenantId, client: &ClientId) -> String {
        self.state
            .directory()
            .add_app(tenant.as_str(), client.as_str())
    }

    /// Registers a resource, by its App ID URI or GUID: an API that tokens can be asked for.
    pub fn add_resource(&self, audience: &str) {
        self.state.directory().add_resource(audience);
    }

    /// Removes a resource: its service principal is missing in all tenants (AADSTS500011).
    pub fn remove_resource(&self, audience: &str) {
        self.state.directory().remove_resource(audience);
    }

    /// Registers a certificate of an application: its DER, or PEM with or without a key beside it.
    /// Assertions signed with another key are refused (AADSTS700027).
    ///
    /// # Panics
    ///
    /// When there is no such application, or no certificate with an RSA key.
    pub fn add_certificate(&self, client: &ClientId, pem_or_der: &[u8]) {
        self.state
            .directory()
            .known_mut(client.as_str())
            .add_certificate(pem_or_der);
    }

    /// Removes all certificates of an application.
    ///
    /// # Panics
    ///
    /// When there is no such application.
    pub fn remove_certificates(&self, client: &ClientId) {
        self.state
            .directory()
            .known_mut(client.as_str())
            .remove_certificates();
    }

    /// Returns an issuer with a key of its own, which nobody trusts yet.
    #[must_use]
    pub fn issuer(&self, url: &str) -> FakeIssuer {
        FakeIssuer::new(Arc::clone(&self.state), url)
    }

    /// Adds a federated credential to an application: assertions of `issuer` for `subject`, meant
    /// for `api://AzureADTokenExchange`, stand for it from now on. Others of that issuer are refused
    /// (AADSTS700213), and those of other issuers (AADSTS70021).
    ///
    /// # Panics
    ///
    /// When there is no such application.
    pub fn trust(&self, client: &ClientId, issuer: &FakeIssuer, subject: &str) {
        let federated = Federated {
            issuer: issuer.url().to_owned(),
            subject: subject.to_owned(),
            audience: issuer::EXCHANGE.to_owned(),
            key: issuer.key(),
        };
        self.state
            .directory()
            .known_mut(client.as_str())
            .add_federated(federated);
    }

    /// Gives an application another secret and returns it. The others stay good.
    ///
    /// # Panics
    ///
    /// When there is no such application.
    pub fn add_secret(&self, client: &ClientId) -> String {
        self.state.directory().add_secret(client.as_str())
    }

    /// Replaces an application's secrets by a new one and returns it. The others are refused from
    /// now on (AADSTS7000215).
    ///
    /// # Panics
    ///
    /// When there is no such application.
    pub fn rotate_secret(&self, client: &ClientId) -> String {
        self.state.directory().rotate_secret(client.as_str())
    }

    /// Lets all secrets of an application expire (AADSTS7000222).
    ///
    /// # Panics
    ///
    /// When there is no such application.
    pub fn expire_secret(&self, client: &ClientId) {
        self.state.directory().expire_secrets(client.as_str());
    }

    /// Signs from now on with another key. The old one stays published, and its tokens stay good.
    pub fn rotate_key(&self) {
        self.state.rotate_key();
    }

    /// Lets both Partner APIs refuse all tokens issued so far, with a claims challenge. A token
    /// issued from now on is good.
    pub fn revoke_tokens(&self) {
        self.state.revoke_tokens();
    }

    /// Sets how long tokens live from now on. The default is 3599 seconds.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.state.set_policy(|policy| policy.lifetime = lifetime);
    }

    /// Sets `refresh_in` of the answers from now on. The default is none.
    pub fn set_refresh_in(&self, refresh_in: Option<Duration>) {
        self.state
            .set_policy(|policy| policy.refresh_in = refresh_in);
    }

    /// Sets how much real time a token request takes from now on. The default is none.
    pub fn set_latency(&self, latency: Duration) {
        self.state.set_policy(|policy| policy.latency = latency);
    }

    /// Takes the time from `clock`: for what is written in tokens, and for the Partner APIs' view
    /// of whether one has expired. Latency is always real time.
    pub fn use_clock(&self, clock: Arc<dyn Clock>) {
        self.state.set_policy(|policy| policy.clock = clock);
    }

    /// Lets token requests go wrong. Faults happen in the order they were added.
    pub fn fault(&self, fault: Fault) {
        self.state.faults.add(fault);
    }

    /// Forgets the faults that are still to happen.
    pub fn clear_faults(&self) {
        self.state.faults.clear();
    }

    /// Returns how many token requests there were, answered or not.
    #[must_use]
    pub fn token_requests(&self) -> usize {
        self.state.log.count(is_token_request)
    }

    /// Returns how many token requests there were to the endpoints of a tenant, by any of its
    /// names.
    #[must_use]
    pub fn token_requests_of(&self, tenant: &TenantId) -> usize {
        let is_its = |name: &&str| self.state.is_same_tenant(tenant, name);
        self.state.log.count(|request| {
            is_token_request(request) && request.segments().first().is_some_and(is_its)
        })
    }

    /// Returns all requests so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.state.log.all()
    }

    /// Returns a mint for tokens of a user (`scp: user_impersonation`) who signed in with MFA.
    ///
    /// # Panics
    ///
    /// When the API has no home in the public cloud.
    pub fn user_token(&self, api: &Api) -> TokenMint {
        self.app_token(api).upn(&format!("adele@{DOMAIN}"))
    }

    /// Returns a mint for tokens of the application alone.
    ///
    /// # Panics
    ///
    /// When the API has no home in the public cloud.
    pub fn app_token(&self, api: &Api) -> TokenMint {
        let mut claims = Claims::new(TENANT, CLIENT, &audience_of(api));
        if let Some(principal) = self.principal() {
            claims.subject = Subject::App { principal };
        }
        TokenMint::new(Arc::clone(&self.state), claims)
    }

    pub(super) fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// Returns the newest secret of the registered application.
    pub(super) fn newest_secret(&self) -> String {
        self.add_app(&parsed(TENANT), &parsed(CLIENT))
    }

    fn principal(&self) -> Option<String> {
        self.state
            .directory()
            .tenant(TENANT)?
            .principal(CLIENT)
            .map(str::to_owned)
    }
}

/// From a request to an answer.
struct Router {
    state: Arc<State>,
    origin: Arc<OnceLock<String>>,
}

impl Router {
    fn answer(&self, request: &RecordedRequest) -> Reply {
        let origin = self.origin.get().map_or("", String::as_str);
        let trace = guid();
        let correlation = request.header("client-request-id").map(str::to_owned);
        let wants_correlation = request
            .header("return-client-request-id")
            .is_some_and(|text| text == "true");
        self.state.log.add(request.clone());

        let right = || {
            let answer = self.route(origin, request);
            answer.unwrap_or_else(|refusal| {
                let now = self.state.policy().clock.now().wall();
                refusal.into_reply(now, &trace, correlation.as_deref())
            })
        };
        let is_its = |tenant: &TenantId| {
            let segments = request.segments();
            segments
                .first()
                .is_some_and(|name| self.state.is_same_tenant(tenant, name))
        };
        let is_token_request = is_token_request(request);
        let fault = is_token_request
            .then(|| self.state.faults.next(is_its))
            .flatten();
        let reply = match fault {
            Some(fault) => fault.spoil(Style::Entra, right),
            None => right(),
        };

        let mut reply = reply
            .header("x-ms-request-id", &trace)
            .header("x-ms-ests-server", "2.1.0 - FAKE")
            .header("cache-control", "no-store, no-cache")
            .header("pragma", "no-cache");
        if let Some(correlation) = correlation.filter(|_| wants_correlation) {
            reply = reply.header("client-request-id", &correlation);
        }
        if is_token_request {
            reply = reply.delayed(self.state.policy().latency);
        }
        reply
    }

    fn route(&self, origin: &str, request: &RecordedRequest) -> Result<Reply, Refusal> {
        let state = &self.state;
        match *request.segments() {
            [tenant, "oauth2", "v2.0", "token"] => {
                token::answer(state, origin, tenant, Version::V2, request)
            }
            [tenant, "oauth2", "token"] => {
                token::answer(state, origin, tenant, Version::V1, request)
            }
            [tenant, "v2.0", ".well-known", "openid-configuration"] => {
                metadata::openid(state, origin, tenant, Version::V2)
            }
            [tenant, ".well-known", "openid-configuration"] => {
                metadata::openid(state, origin, tenant, Version::V1)
            }
            ["common", "discovery", "instance"] => metadata::instance(origin, request),
            [tenant, "discovery", "v2.0", "keys"] => {
                metadata::keys(state, origin, tenant, Version::V2)
            }
            [tenant, "discovery", "keys"] => metadata::keys(state, origin, tenant, Version::V1),
            _ => Ok(Reply::empty(404)),
        }
    }
}

fn is_token_request(request: &RecordedRequest) -> bool {
    request.method() == http::Method::POST
        && matches!(
            *request.segments(),
            [_, "oauth2", "v2.0", "token"] | [_, "oauth2", "token"]
        )
}

/// Returns a name of this file as an id.
pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("the fake's own names are well-formed")
}

/// The ids that Microsoft's documentation uses.
pub(super) const TENANT: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
pub(super) const CLIENT: &str = "00001111-aaaa-2222-bbbb-3333cccc4444";
pub(super) const DOMAIN: &str = "contoso.onmicrosoft.com";
