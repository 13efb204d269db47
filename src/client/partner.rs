//! The HTTP client of an API: [`PartnerClient`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, Method};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware};

use super::middleware::BearerMiddleware;
use super::partner_request::PartnerRequest;
use super::partner_response::PartnerResponse;
use crate::api::{Api, ApiEndpoint};
use crate::error::{ConfigError, Error};
use crate::provider::TokenProvider;
use crate::transport::reqwest::hardened;

/// Calls one API, with a token on every request.
///
/// ```no_run
/// # use partner_auth::{Api, Error, Page, PartnerAuth, PartnerClient};
/// # #[derive(serde::Deserialize)] struct Customer { id: String }
/// # async fn call() -> Result<(), Box<dyn std::error::Error>> {
/// let provider = PartnerAuth::from_env()?.app_only();
/// let client = PartnerClient::new(Api::PartnerCenter, provider)?;
///
/// let customers: Page<Customer> = client.get("v1/customers").send().await?.json().await?;
/// # Ok(()) }
/// ```
///
/// Takes any [`TokenProvider`]. A clone is one counter, and clones share connections. What is done
/// about refusals stands with [`BearerMiddleware`]; redirects are not followed. A connection may take 5
/// seconds to come up, and the API 100 seconds between two pieces of an answer.
#[derive(Clone)]
pub struct PartnerClient(Arc<Inner>);

struct Inner {
    bearer: BearerMiddleware,
    http: Http,
}

/// The way to the API. Most clients have no layers, and need none of the boxes that layers cost.
enum Http {
    Bare(reqwest::Client),
    Layered(ClientWithMiddleware),
}

impl PartnerClient {
    /// Returns a client of `api` in the provider's cloud.
    ///
    /// # Errors
    ///
    /// [`ConfigError::ApiNotInCloud`] when the provider's cloud does not have the API;
    /// [`ConfigError::HttpClient`] when no HTTP client can be made.
    pub fn new(api: Api, provider: impl TokenProvider + 'static) -> Result<Self, ConfigError> {
        Self::builder(api, provider)?.build()
    }

    /// Returns a builder, to bring an HTTP client or layers of your own.
    ///
    /// # Errors
    ///
    /// [`ConfigError::ApiNotInCloud`] when the provider's cloud does not have the API.
    pub fn builder(
        api: Api,
        provider: impl TokenProvider + 'static,
    ) -> Result<PartnerClientBuilder, ConfigError> {
        let bearer = BearerMiddleware::new(api, provider)?;
        Ok(PartnerClientBuilder {
            bearer,
            http: None,
            configure: None,
            outer: Vec::new(),
            inner: Vec::new(),
        })
    }

    /// Returns where the API is.
    #[must_use]
    pub fn endpoint(&self) -> &ApiEndpoint {
        self.0.bearer.endpoint()
    }

    /// Begins a `GET` of a path below the base URL, or of a URL of the API's own.
    pub fn get(&self, path: &str) -> PartnerRequest {
        self.request(Method::GET, path)
    }

    /// Begins a `POST`.
    pub fn post(&self, path: &str) -> PartnerRequest {
        self.request(Method::POST, path)
    }

    /// Begins a `PUT`.
    pub fn put(&self, path: &str) -> PartnerRequest {
        self.request(Method::PUT, path)
    }

    /// Begins a `PATCH`.
    pub fn patch(&self, path: &str) -> PartnerRequest {
        self.request(Method::PATCH, path)
    }

    /// Begins a `DELETE`.
    pub fn delete(&self, path: &str) -> PartnerRequest {
        self.request(Method::DELETE, path)
    }

    /// Begins a request of any method.
    ///
    /// A relative path is joined to the base URL: `v1/customers` and `/v1/customers` are the same.
    /// A URL of any other origin is refused when the request is sent, before anything leaves.
    pub fn request(&self, method: Method, path: &str) -> PartnerRequest {
        let base = self.endpoint().base_url();
        let has_authority = path.starts_with("//") || path.starts_with('\\');
        let url = match has_authority || has_scheme(path) {
            true => base.join(path),
            false => base.join(path.trim_start_matches('/')),
        };
        let request = url
            .map(|url| reqwest::Request::new(method, url))
            .map_err(|error| Error::config("the path does not make a URL").caused_by(error));
        PartnerRequest::new(self.clone(), request)
    }

    pub(crate) fn bearer(&self) -> &BearerMiddleware {
        &self.0.bearer
    }

    pub(crate) async fn execute(
        self,
        request: reqwest::Request,
        mut extensions: Extensions,
    ) -> Result<PartnerResponse, Error> {
        let Inner { bearer, http } = &*self.0;
        let sent = match http {
            Http::Bare(http) => bearer.send(request, &mut extensions, http).await,
            Http::Layered(http) => http.execute_with_extensions(request, &mut extensions).await,
        };
        let response = sent.map_err(|error| {
            // The bearer layer's own error, whatever an outer layer has made of it.
            let own = extensions.remove::<Error>();
            own.unwrap_or_else(|| Error::of_middleware(error))
        })?;
        Ok(PartnerResponse::new(response, self))
    }
}

impl fmt::Debug for PartnerClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartnerClient")
            .field("bearer", &self.0.bearer)
            .finish_non_exhaustive()
    }
}

type Configure = Box<dyn FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder>;

/// Builds a [`PartnerClient`]. Made by [`PartnerClient::builder`].
#[must_use]
pub struct PartnerClientBuilder {
    bearer: BearerMiddleware,
    http: Option<reqwest::Client>,
    configure: Option<Configure>,
    outer: Vec<Arc<dyn Middleware>>,
    inner: Vec<Arc<dyn Middleware>>,
}

impl PartnerClientBuilder {
    /// Sets the HTTP client underneath, to share its connections and settings.
    ///
    /// Make it with `redirect(Policy::none())`, as the default one is: what a redirect does is
    /// decided there, below the guard that keeps the token with the API. And leave
    /// `connection_verbose` off: it writes every byte, tokens too, to the log.
    pub fn http_client(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// Changes the settings of the default HTTP client: a root certificate, a proxy, other timeouts.
    ///
    /// ```no_run
    /// # use partner_auth::{Api, PartnerAuth, PartnerClient};
    /// # use std::time::Duration;
    /// let provider = PartnerAuth::from_env()?.app_only();
    /// let client = PartnerClient::builder(Api::PartnerCenter, provider)?
    ///     .configure(|http| http.read_timeout(Duration::from_secs(300)))
    ///     .build()?;
    /// # Ok::<(), partner_auth::ConfigError>(())
    /// ```
    pub fn configure(
        mut self,
        settings: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder + 'static,
    ) -> Self {
        self.configure = Some(Box::new(settings));
        self
    }

    /// Adds a layer outside of the token's: it sees one call, however often that is sent. The
    /// first added is the outermost.
    pub fn outer(mut self, layer: impl Middleware) -> Self {
        self.outer.push(Arc::new(layer));
        self
    }

    /// Adds a layer inside of the token's: it sees every attempt, with the token attached. The
    /// last added is the innermost.
    pub fn inner(mut self, layer: impl Middleware) -> Self {
        self.inner.push(Arc::new(layer));
        self
    }

    /// Waits for throttled calls on `clock`. The default is [`SystemClock`](crate::SystemClock).
    pub fn clock(mut self, clock: impl crate::Clock + 'static) -> Self {
        self.bearer = self.bearer.with_clock(clock);
        self
    }

    /// Returns the client.
    ///
    /// # Errors
    ///
    /// [`ConfigError::HttpClient`] when no HTTP client can be made.
    pub fn build(self) -> Result<PartnerClient, ConfigError> {
        let Self {
            bearer,
            http,
            configure,
            outer,
            inner,
        } = self;
        let http = match http {
            Some(http) => http,
            None => default_client(bearer.endpoint(), configure)?,
        };
        let http = match outer.is_empty() && inner.is_empty() {
            true => Http::Bare(http),
            false => {
                let own = Arc::new(bearer.clone()) as Arc<dyn Middleware>;
                let layers = outer.into_iter().chain([own]).chain(inner);
                let builder = layers.fold(ClientBuilder::new(http), ClientBuilder::with_arc);
                Http::Layered(builder.build())
            }
        };
        Ok(PartnerClient(Arc::new(Inner { bearer, http })))
    }
}

impl fmt::Debug for PartnerClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartnerClientBuilder")
            .field("bearer", &self.bearer)
            .finish_non_exhaustive()
    }
}

/// `https://…`, and not a path whose query holds a URL.
fn has_scheme(path: &str) -> bool {
    let scheme = path.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Price sheets are put together while one waits.
const READ_TIMEOUT: Duration = Duration::from_secs(100);

fn default_client(
    endpoint: &ApiEndpoint,
    configure: Option<Configure>,
) -> Result<reqwest::Client, ConfigError> {
    let mut builder = hardened()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT);
    if endpoint.base_url().scheme() == "http" {
        builder = builder.no_proxy(); // loopback: nobody between us and the test double
    }
    if let Some(configure) = configure {
        builder = configure(builder);
    }
    builder
        .build()
        .map_err(|error| ConfigError::HttpClient(error.without_url().to_string()))
}
