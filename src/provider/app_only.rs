//! App-only access: the client-credentials flow with the cache in front.

use std::fmt;
use std::sync::Arc;

use super::{TokenFuture, TokenProvider};
use crate::api::Api;
use crate::cache::{Fetch, Fetched, TokenCache, Urgency};
use crate::cloud::Cloud;
use crate::error::{ConfigError, Error, ErrorKind};
use crate::flow::{Ask, Exchange};
use crate::id::TenantId;
use crate::key::KeyRef;
use crate::protocol::token_request::Grant;
use crate::request::{Demand, Target, TokenRequest};
use crate::scope::ScopeSet;
use crate::transport::Transport;

/// Gives tokens of the application itself, with no user behind them.
///
/// Made by [`Builder::app_only`](crate::Builder::app_only). One serves every API and every tenant;
/// a clone is one counter, and clones share one cache.
///
/// | | |
/// |---|---|
/// | a token is given | from memory, without a lock or an allocation |
/// | it is renewed | in the background, from the server's `refresh_in` or four fifths of its life on |
/// | many callers, no token | one request; all get its token, or its failure |
/// | the endpoint is down | the token is given out until 30 seconds before it expires |
/// | a renewal failed | the next attempt after 10, 20, 40, 60 seconds, or when the server says |
/// | a fetch failed | callers get the same failure for 1, 2, 4 … 30 seconds |
/// | the credential is refused | callers get the same refusal for a minute, or until [`invalidate`](TokenProvider::invalidate) |
///
/// # Protocol
///
/// [RFC 6749 §4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4),
/// [Entra's client credentials flow](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
#[derive(Clone)]
pub struct AppOnlyProvider(Arc<Inner>);

struct Inner {
    tenant: TenantId,
    known: KnownScopes,
    cache: TokenCache,
    parts: AppOnlyParts,
}

/// What the builder hands over.
pub(crate) struct AppOnlyParts {
    pub(crate) exchange: Exchange,
    /// For callers that wait.
    pub(crate) patient: Box<dyn Transport>,
    /// For renewals ahead of time: one attempt.
    pub(crate) hasty: Box<dyn Transport>,
}

impl AppOnlyProvider {
    pub(crate) fn new(tenant: TenantId, cache: TokenCache, parts: AppOnlyParts) -> Self {
        let known = KnownScopes::of(&parts.exchange.cloud);
        Self(Arc::new(Inner {
            tenant,
            known,
            cache,
            parts,
        }))
    }

    /// Returns the tenant that is asked unless a request names another.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.0.tenant
    }

    /// Forgets all tokens and failures of `tenant`, for every API.
    ///
    /// For the moment after a consent or a change of roles there, which the held tokens do not show.
    pub fn invalidate_tenant(&self, tenant: &TenantId) {
        self.0.cache.forget_tenant(tenant);
    }
}

impl TokenProvider for AppOnlyProvider {
    #[inline]
    fn token<'a>(&'a self, request: &'a TokenRequest) -> TokenFuture<'a> {
        let inner = &*self.0;
        let key = match inner.key(request) {
            Ok(key) => key,
            Err(error) => return TokenFuture::ready(Err(error)),
        };
        if request.demand.is_none()
            && let Some(token) = inner.cache.fresh(key)
        {
            return TokenFuture::ready(Ok(token));
        }
        self.token_by_fetch(key, request)
    }

    fn invalidate(&self, request: &TokenRequest) {
        if let Ok(key) = self.0.key(request) {
            self.0.cache.forget(key);
        }
    }

    fn cloud(&self) -> Cloud {
        self.0.parts.exchange.cloud.clone()
    }
}

impl AppOnlyProvider {
    /// The way of a call that the cache alone cannot answer.
    #[cold]
    fn token_by_fetch<'a>(&'a self, key: KeyRef<'a>, request: &'a TokenRequest) -> TokenFuture<'a> {
        let fetch = AppOnlyFetch {
            inner: Arc::clone(&self.0),
            ask: Arc::new(Ask {
                tenant: key.tenant.clone(),
                scopes: key.scopes.clone(),
                claims: request.claims.clone(),
                challenge: request
                    .demand
                    .as_ref()
                    .and_then(|demand| demand.challenge.clone()),
                correlation_id: request.correlation_id.as_deref().copied(),
            }),
        };
        let cache = &self.0.cache;
        match &request.demand {
            None => {
                if let Some(token) = cache.ageing(key, &fetch) {
                    return TokenFuture::ready(Ok(token));
                }
                TokenFuture::pending(cache.get(key, &PLAIN, fetch))
            }
            Some(demand) => TokenFuture::pending(cache.get(key, demand, fetch)),
        }
    }
}

impl Inner {
    #[inline]
    fn key<'a>(&'a self, request: &'a TokenRequest) -> Result<KeyRef<'a>, Error> {
        let scopes = match &request.target {
            Target::Api(api) => self.known.scopes(api)?,
            Target::Scopes(scopes) => scopes,
        };
        let tenant = request.tenant.as_ref().unwrap_or(&self.tenant);
        Ok(KeyRef {
            tenant,
            scopes,
            claims: request.claims.as_deref(),
        })
    }
}

impl fmt::Debug for AppOnlyProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            tenant,
            cache,
            parts,
            ..
        } = &*self.0;
        f.debug_struct("AppOnlyProvider")
            .field("cloud", &parts.exchange.cloud)
            .field("tenant", tenant)
            .field("client", &parts.exchange.client)
            .field("cache", cache)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct AppOnlyFetch {
    inner: Arc<Inner>,
    ask: Arc<Ask>,
}

impl Fetch for AppOnlyFetch {
    async fn fetch(self, urgency: Urgency) -> Result<Fetched, Error> {
        let AppOnlyParts {
            exchange,
            patient,
            hasty,
        } = &self.inner.parts;
        let transport = match urgency {
            Urgency::Ahead => hasty,
            Urgency::Now => patient,
        };
        let redeemed = exchange
            .redeem(Grant::ClientCredentials, &self.ask, &**transport)
            .await;
        let (asked_at, issued) = redeemed.map_err(Error::with_no_user_to_ask)?;
        Ok(Fetched {
            text: issued.access_token,
            asked_at,
            lifetime: issued.lifetime,
            refresh_in: issued.refresh_in,
        })
    }
}

impl Error {
    /// There is no user in this flow: what would be a sign-in elsewhere is a refusal here.
    fn with_no_user_to_ask(self) -> Self {
        match self.kind() {
            ErrorKind::InteractionRequired => self.with_kind(ErrorKind::Rejected),
            _ => self,
        }
    }
}

/// The default scope of each known API in the provider's cloud, or why the cloud lacks it.
struct KnownScopes([Result<ScopeSet, ConfigError>; 4]);

impl KnownScopes {
    fn of(cloud: &Cloud) -> Self {
        // In the order of `place`.
        let apis = [Api::PartnerCenter, Api::PartnerApi, Api::Graph, Api::Arm];
        Self(apis.map(|api| api.scopes_in_cloud(cloud)))
    }

    #[inline]
    fn scopes<'a>(&'a self, api: &'a Api) -> Result<&'a ScopeSet, Error> {
        let place = match api {
            Api::PartnerCenter => 0,
            Api::PartnerApi => 1,
            Api::Graph => 2,
            Api::Arm => 3,
            Api::Custom(custom) => return Ok(custom.scopes()),
        };
        match &self.0[place] {
            Ok(scopes) => Ok(scopes),
            Err(error) => Err(Error::config(error.to_string())),
        }
    }
}

const PLAIN: Demand = Demand {
    force_refresh: false,
    rejected: None,
    challenge: None,
};
