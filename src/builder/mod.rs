//! From answers to a provider: [`PartnerAuth`] and its [`Builder`].

#[cfg(feature = "certificate")]
mod certificate;
mod env;
mod settings;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use self::settings::Settings;
use crate::cache::TokenCache;
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::credential::{
    AssertionSource, ClientCredential, ClientSecret, FromSource, SecretSource,
};
use crate::entropy::{Entropy, IdSequence};
use crate::error::ConfigError;
use crate::flow::Exchange;
use crate::id::{ClientId, TenantId};
use crate::provider::{AppOnlyParts, AppOnlyProvider};
use crate::transport::Transport;
use crate::transport::retry::{Retry, RetryPolicy};

/// Where every provider begins.
///
/// ```
/// # use partner_auth::PartnerAuth;
/// let provider = PartnerAuth::builder()
///     .tenant("contoso.onmicrosoft.com".parse()?)
///     .client("11112222-bbbb-3333-cccc-4444dddd5555".parse()?)
///     .client_secret("Kx-8Q~0d3pT5vZ1uR6sW9yB2eH4jL7nM8oP0qA5c".parse()?)
///     .app_only();
/// # Ok::<(), partner_auth::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PartnerAuth;

impl PartnerAuth {
    /// Returns a builder that asks for the tenant first.
    pub fn builder() -> Builder<WantsTenant> {
        Builder {
            state: WantsTenant(()),
            settings: Settings::default(),
        }
    }

    /// Returns a builder that has its answers from the environment.
    ///
    /// | Variable | Holds |
    /// |---|---|
    /// | `AZURE_TENANT_ID` | the directory (tenant) id, or a verified domain |
    /// | `AZURE_CLIENT_ID` | the application (client) id |
    /// | `AZURE_CLIENT_SECRET` | the key's value |
    /// | `AZURE_CLIENT_CERTIFICATE_PATH` | or a PEM file with key and certificate (feature `certificate`) |
    /// | `AZURE_CLIENT_SEND_CERTIFICATE_CHAIN` | `1` or `true` to send the certificates along |
    /// | `AZURE_FEDERATED_TOKEN_FILE` | or the token file of a workload |
    /// | `AZURE_AUTHORITY_HOST` | the authority, when it is not the public cloud's |
    ///
    /// Of several credentials the first in this order is taken, as by Azure's own libraries; one that
    /// cannot be used is an error and not passed over. A certificate is read now, a token file when
    /// a token is asked for.
    ///
    /// # Errors
    ///
    /// [`ConfigError::MissingVariable`] and [`ConfigError::Variable`] name the variable to set or
    /// to change. No value is ever repeated.
    pub fn from_env() -> Result<Builder<WantsAccess>, ConfigError> {
        env::from_process()
    }

    /// Returns what [`from_env`](Self::from_env) does, of variables that `variable` looks up.
    ///
    /// ```
    /// # use partner_auth::{ConfigError, PartnerAuth};
    /// let error = PartnerAuth::from_variables(|name| match name {
    ///     "AZURE_TENANT_ID" => Some("<tenant-id>".into()),
    ///     _ => None,
    /// });
    /// assert!(error.unwrap_err().to_string().contains("AZURE_TENANT_ID cannot be used: the tenant is still a placeholder"));
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    pub fn from_variables(
        variable: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Builder<WantsAccess>, ConfigError> {
        env::from_variables(variable)
    }
}

/// Builds a token provider, one required answer at a time.
///
/// The type parameter is the next question, and holds the answers given so far. The decisions, in
/// order: [`tenant`](Builder::tenant), [`client`](Builder::client), the credential
/// ([`client_secret`](Builder::client_secret) and the others beside it), the kind of access
/// ([`app_only`](Builder::app_only)). A chain that skips one does not compile:
///
/// ```compile_fail,E0599
/// # use partner_auth::PartnerAuth;
/// // no method named `client` found for struct `Builder<WantsTenant>`
/// PartnerAuth::builder().client("11112222-bbbb-3333-cccc-4444dddd5555".parse().unwrap());
/// ```
///
/// ```compile_fail,E0599
/// # use partner_auth::{ClientSecret, PartnerAuth, TenantId};
/// # let (tenant, secret): (TenantId, ClientSecret) = todo!();
/// // no method named `client_secret` found for struct `Builder<WantsClient>`
/// PartnerAuth::builder().tenant(tenant).client_secret(secret);
/// ```
///
/// ```compile_fail,E0599
/// # use partner_auth::{ClientId, PartnerAuth, TenantId};
/// # let (tenant, client): (TenantId, ClientId) = todo!();
/// // no method named `app_only` found for struct `Builder<WantsCredential>`
/// PartnerAuth::builder().tenant(tenant).client(client).app_only();
/// ```
///
/// ```compile_fail,E0599
/// # use partner_auth::{ClientId, ClientSecret, PartnerAuth, TenantId};
/// # let (tenant, client, secret): (TenantId, ClientId, ClientSecret) = todo!();
/// // One credential, not two: no method named `client_secret` found for struct `Builder<WantsAccess>`
/// let builder = PartnerAuth::builder().tenant(tenant).client(client).client_secret(secret.clone());
/// builder.client_secret(secret);
/// ```
///
/// ```compile_fail,E0599
/// # use partner_auth::{ClientId, ClientSecret, PartnerAuth, TenantId, WorkloadIdentityFile};
/// # let (tenant, client, secret): (TenantId, ClientId, ClientSecret) = todo!();
/// // no method named `client_secret` found for struct `Builder<WantsAccess>`
/// let builder = PartnerAuth::builder().tenant(tenant).client(client);
/// builder.client_assertion(WorkloadIdentityFile::new("token")).client_secret(secret);
/// ```
///
/// Everything else has a default and may be set at any point of the chain.
#[must_use = "a builder does nothing until its last step, such as `app_only`"]
pub struct Builder<State> {
    state: State,
    settings: Settings,
}

/// The next question: which tenant? Answered by [`Builder::tenant`].
#[derive(Debug)]
pub struct WantsTenant(());

/// The next question: which app registration? Answered by [`Builder::client`].
#[derive(Debug)]
pub struct WantsClient {
    tenant: TenantId,
}

/// The next question: how does the application prove itself? Answered by
/// [`Builder::client_assertion`], [`Builder::client_secret`] or [`Builder::client_secret_source`].
#[derive(Debug)]
pub struct WantsCredential {
    tenant: TenantId,
    client: ClientId,
}

/// The next question: on whose behalf? Answered by [`Builder::app_only`].
#[derive(Debug)]
pub struct WantsAccess {
    tenant: TenantId,
    client: ClientId,
    credential: Arc<dyn ClientCredential>,
}

impl Builder<WantsTenant> {
    /// Sets the tenant that issues the tokens. A request may name another.
    pub fn tenant(self, tenant: TenantId) -> Builder<WantsClient> {
        Builder {
            state: WantsClient { tenant },
            settings: self.settings,
        }
    }
}

impl Builder<WantsClient> {
    /// Sets the app registration to act as.
    pub fn client(self, client: ClientId) -> Builder<WantsCredential> {
        let WantsClient { tenant } = self.state;
        Builder {
            state: WantsCredential { tenant, client },
            settings: self.settings,
        }
    }
}

impl Builder<WantsCredential> {
    /// Takes assertions of another issuer, so that there is no secret to keep: one is asked of
    /// `source` for each token that is fetched.
    ///
    /// See [`AssertionSource`] for a closure, [`WorkloadIdentityFile`](crate::WorkloadIdentityFile)
    /// for Kubernetes.
    ///
    /// # Protocol
    ///
    /// [RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2),
    /// [workload identity federation](https://learn.microsoft.com/entra/workload-id/workload-identity-federation).
    pub fn client_assertion(self, source: impl AssertionSource + 'static) -> Builder<WantsAccess> {
        self.credential(Arc::new(FromSource(source)))
    }

    /// Sets the key with which the application proves itself.
    pub fn client_secret(self, secret: ClientSecret) -> Builder<WantsAccess> {
        self.credential(Arc::new(secret))
    }

    /// Asks `source` for the key, for each token that is fetched: a key that is replaced needs no
    /// restart.
    ///
    /// When Entra refuses a key as wrong or expired, `source` is asked once more at once, and
    /// another key of it tried. Give it a time limit of its own, and let it remember the key if
    /// looking it up is dear.
    ///
    /// ```
    /// # use partner_auth::PartnerAuth;
    /// # async fn from_the_vault() -> Result<String, std::io::Error> { Ok(String::new()) }
    /// # type AnyError = Box<dyn std::error::Error + Send + Sync>;
    /// let provider = PartnerAuth::builder()
    ///     .tenant("contoso.onmicrosoft.com".parse()?)
    ///     .client("11112222-bbbb-3333-cccc-4444dddd5555".parse()?)
    ///     .client_secret_source(|| async { Ok::<_, AnyError>(from_the_vault().await?.parse()?) })
    ///     .app_only();
    /// # Ok::<(), partner_auth::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What `source` fails with becomes [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable),
    /// which is tried again by itself; a [`ConfigError`] becomes
    /// [`ErrorKind::Config`](crate::ErrorKind::Config).
    pub fn client_secret_source<F, Fut, E>(self, source: F) -> Builder<WantsAccess>
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<ClientSecret, E>> + Send,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.credential(Arc::new(SecretSource(source)))
    }

    fn credential(self, credential: Arc<dyn ClientCredential>) -> Builder<WantsAccess> {
        let WantsCredential { tenant, client } = self.state;
        Builder {
            state: WantsAccess {
                tenant,
                client,
                credential,
            },
            settings: self.settings,
        }
    }
}

impl Builder<WantsAccess> {
    /// Returns a provider of tokens of the application itself, with no user behind them.
    ///
    /// Nothing is sent, spawned or read: the first request for a token does that.
    ///
    /// App-only is right for Partner Center's catalogue, customers, orders and subscriptions, and
    /// for marketplace submissions. Referrals and price sheets take app + user tokens only, and
    /// answer [`ErrorKind::AppOnlyNotSupported`](crate::ErrorKind::AppOnlyNotSupported).
    #[must_use]
    pub fn app_only(self) -> AppOnlyProvider {
        let WantsAccess {
            tenant,
            client,
            credential,
        } = self.state;
        let Settings {
            cloud,
            transport,
            clock,
            entropy,
            retry,
            bound,
            continuous_access,
        } = self.settings;
        let with_policy = |policy: RetryPolicy| {
            let inner = Arc::clone(&transport);
            let (clock, entropy) = (Arc::clone(&clock), Arc::clone(&entropy));
            Box::new(Retry {
                inner,
                policy,
                clock,
                entropy,
            })
        };
        let parts = AppOnlyParts {
            patient: with_policy(retry),
            hasty: with_policy(retry.with_attempts(1)),
            exchange: Exchange {
                cloud,
                client,
                credential,
                clock: Arc::clone(&clock),
                entropy: Arc::clone(&entropy),
                ids: IdSequence::seeded_from(&*entropy),
                continuous_access,
            },
        };
        AppOnlyProvider::new(tenant, TokenCache::new(bound, clock, entropy), parts)
    }
}

impl<State> Builder<State> {
    /// Sets the cloud. The default is [`Cloud::Public`].
    pub fn cloud(mut self, cloud: Cloud) -> Self {
        self.settings.cloud = cloud;
        self
    }

    /// Sets what carries the requests to Entra. The default is a `ReqwestTransport` of the provider's
    /// own; without the feature `reqwest` there is none.
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.settings.transport = Arc::new(transport);
        self
    }

    /// Sets how often a request to Entra is tried, and for how long. The default is
    /// [`RetryPolicy::default`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// Sets how many tokens are kept, over all tenants and APIs. The default is 131,072, which at
    /// 2 KB a token is 256 MB when full. Above it, tokens that were not used lately go first.
    pub fn max_cached_tokens(mut self, bound: usize) -> Self {
        self.settings.bound = bound;
        self
    }

    /// Tells Entra that the caller handles claims challenges, as `PartnerClient` does. The default
    /// is `false`.
    ///
    /// APIs with continuous access evaluation, such as Microsoft Graph, then get tokens that live
    /// a day instead of an hour, and may be revoked at any moment.
    ///
    /// # Protocol
    ///
    /// [Client capabilities](https://learn.microsoft.com/entra/identity-platform/claims-challenge#client-capabilities).
    pub fn continuous_access_evaluation(mut self, is_handled: bool) -> Self {
        self.settings.continuous_access = is_handled;
        self
    }

    /// Sets the clock. The default is [`SystemClock`](crate::SystemClock); a test takes a
    /// `ManualClock`.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.settings.clock = Arc::new(clock);
        self
    }

    /// Sets the source of randomness. The default is [`SystemEntropy`](crate::SystemEntropy).
    pub fn entropy(mut self, entropy: impl Entropy + 'static) -> Self {
        self.settings.entropy = Arc::new(entropy);
        self
    }
}

impl<State: fmt::Debug> fmt::Debug for Builder<State> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
