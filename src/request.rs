//! What a caller asks of a provider: [`TokenRequest`].

use std::fmt;
use std::sync::Arc;

use crate::api::Api;
use crate::cloud::Cloud;
use crate::error::ConfigError;
use crate::id::{CorrelationId, TenantId};
use crate::scope::ScopeSet;
use crate::token::AccessToken;

/// What a caller asks of a [`TokenProvider`](crate::TokenProvider).
///
/// Make one per API and tenant, keep it, and pass it by reference:
///
/// ```
/// # use partner_auth::{Api, TokenRequest};
/// let request = TokenRequest::new(Api::PartnerCenter);
/// let elsewhere = request.clone().with_tenant("fabrikam.onmicrosoft.com".parse()?);
/// # Ok::<(), partner_auth::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct TokenRequest {
    pub(crate) target: Target,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) claims: Option<Arc<str>>,
    /// Why the cached token will not do, if it will not.
    pub(crate) demand: Option<Arc<Demand>>,
    /// Boxed, for it is read when a call is made, not when a token is cached.
    pub(crate) correlation_id: Option<Box<CorrelationId>>,
}

/// What the token must be good for.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Api(Api),
    Scopes(ScopeSet),
}

/// Why the cached token will not do.
#[derive(Clone, Default)]
pub(crate) struct Demand {
    pub(crate) force_refresh: bool,
    pub(crate) rejected: Option<AccessToken>,
    pub(crate) challenge: Option<Box<str>>,
}

impl TokenRequest {
    /// Asks for a token of `api`, in the provider's cloud, with all that was granted.
    pub fn new(api: Api) -> Self {
        Self::of(Target::Api(api))
    }

    /// Asks for a token with these scopes.
    pub fn for_scopes(scopes: ScopeSet) -> Self {
        Self::of(Target::Scopes(scopes))
    }

    /// Asks in another tenant than the provider's own.
    pub fn with_tenant(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// Asks for a token that meets `claims`, a JSON object. Tokens with other claims, or none, are
    /// cached apart.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Claims`] when the text is not a JSON object.
    ///
    /// # Protocol
    ///
    /// [OpenID Connect Core §5.5](https://openid.net/specs/openid-connect-core-1_0.html#ClaimsParameter).
    pub fn with_claims(mut self, claims: &str) -> Result<Self, ConfigError> {
        self.claims = Some(json_object(claims)?.into());
        Ok(self)
    }

    /// Answers an API's claims challenge: asks Entra for a token that meets `claims`, which then
    /// takes the place of the cached one.
    ///
    /// Say with [`replacing`](Self::replacing) which token was challenged, so that of many callers
    /// with the same revoked token one alone asks Entra.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Claims`] when the text is not a JSON object.
    ///
    /// # Protocol
    ///
    /// [Claims challenges](https://learn.microsoft.com/entra/identity-platform/claims-challenge).
    pub fn with_challenge(mut self, claims: &str) -> Result<Self, ConfigError> {
        let claims = json_object(claims)?.into();
        self.demand().challenge = Some(claims);
        Ok(self)
    }

    /// Asks for another token than `rejected`, which an API has refused: a new one if the cache
    /// still holds it, else the one that took its place.
    pub fn replacing(mut self, rejected: &AccessToken) -> Self {
        self.demand().rejected = Some(rejected.clone());
        self
    }

    /// Asks Entra even if the cached token is good, unless a fetch is under way already: then its
    /// token will do. [`replacing`](Self::replacing) is what you want after a `401`.
    pub fn force_refresh(mut self) -> Self {
        self.demand().force_refresh = true;
        self
    }

    /// Names the call to Entra, if there has to be one. The default is a new id for each.
    pub fn with_correlation_id(mut self, id: CorrelationId) -> Self {
        self.correlation_id = Some(Box::new(id));
        self
    }

    /// Returns the API that the token is for, unless it was asked for by scopes.
    #[must_use]
    pub fn api(&self) -> Option<&Api> {
        match &self.target {
            Target::Api(api) => Some(api),
            Target::Scopes(_) => None,
        }
    }

    /// Returns the scopes to ask for in `cloud`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::ApiNotInCloud`] when the cloud does not have the API.
    pub fn scopes_in(&self, cloud: &Cloud) -> Result<ScopeSet, ConfigError> {
        match &self.target {
            Target::Api(api) => api.scopes_in_cloud(cloud),
            Target::Scopes(scopes) => Ok(scopes.clone()),
        }
    }

    /// Returns the tenant to ask, if it is not the provider's own.
    #[must_use]
    pub fn tenant(&self) -> Option<&TenantId> {
        self.tenant.as_ref()
    }

    /// Returns the claims that tell this token from others, as JSON text.
    #[must_use]
    pub fn claims(&self) -> Option<&str> {
        self.claims.as_deref()
    }

    /// Returns the claims that an API's challenge wants to see met, as JSON text.
    #[must_use]
    pub fn challenge(&self) -> Option<&str> {
        self.demand.as_ref()?.challenge.as_deref()
    }

    /// Returns the token that an API has refused: another one is wanted.
    #[must_use]
    pub fn rejected(&self) -> Option<&AccessToken> {
        self.demand.as_ref()?.rejected.as_ref()
    }

    /// Returns `true` when a remembered token will not do.
    #[must_use]
    pub fn is_forced(&self) -> bool {
        self.demand
            .as_ref()
            .is_some_and(|demand| demand.force_refresh)
    }

    /// Returns the id that names the call to Entra, if one was given.
    #[must_use]
    pub fn correlation_id(&self) -> Option<CorrelationId> {
        self.correlation_id.as_deref().copied()
    }

    /// Returns the same request without what made the cached token not do.
    pub(crate) fn plain(mut self) -> Self {
        self.demand = None;
        self
    }

    fn of(target: Target) -> Self {
        Self {
            target,
            tenant: None,
            claims: None,
            demand: None,
            correlation_id: None,
        }
    }

    fn demand(&mut self) -> &mut Demand {
        Arc::make_mut(self.demand.get_or_insert_default())
    }
}

/// Claims and challenges are for Entra and not for a log.
impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRequest")
            .field("target", &self.target)
            .field("tenant", &self.tenant)
            .field("has_claims", &self.claims.is_some())
            .field("demand", &self.demand)
            .field("correlation_id", &self.correlation_id)
            .finish()
    }
}

impl fmt::Debug for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Demand")
            .field("force_refresh", &self.force_refresh)
            .field("rejected", &self.rejected)
            .field("has_challenge", &self.challenge.is_some())
            .finish()
    }
}

fn json_object(text: &str) -> Result<&str, ConfigError> {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) {
        Ok(_) => Ok(text),
        Err(_) => Err(ConfigError::Claims),
    }
}
