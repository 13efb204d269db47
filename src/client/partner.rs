//! The HTTP client of an API: [`PartnerClient`].

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::api_error::ApiError;
use super::items::Items;
use super::middleware::BearerMiddleware;
use crate::api::{Api, ApiEndpoint};
use crate::error::{ConfigError, Error, ErrorKind};
use crate::id::{CorrelationId, TenantId};
use crate::provider::TokenProvider;
use crate::request::TokenRequest;
use crate::token::AccessToken;

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
/// about refusals stands with [`BearerMiddleware`]; redirects are not followed.
#[derive(Clone)]
pub struct PartnerClient(Arc<Inner>);

struct Inner {
    bearer: BearerMiddleware,
    http: ClientWithMiddleware,
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
        PartnerRequest {
            client: self.clone(),
            request,
            extensions: Extensions::new(),
        }
    }

    pub(crate) async fn execute(
        &self,
        request: reqwest::Request,
        mut extensions: Extensions,
    ) -> Result<PartnerResponse, Error> {
        let sent = self
            .0
            .http
            .execute_with_extensions(request, &mut extensions)
            .await;
        let response = sent.map_err(Error::of_middleware)?;
        Ok(PartnerResponse {
            response,
            bearer: self.0.bearer.clone(),
        })
    }
}

impl fmt::Debug for PartnerClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartnerClient")
            .field("bearer", &self.0.bearer)
            .finish_non_exhaustive()
    }
}

/// Builds a [`PartnerClient`]. Made by [`PartnerClient::builder`].
#[must_use]
pub struct PartnerClientBuilder {
    bearer: BearerMiddleware,
    http: Option<reqwest::Client>,
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

    /// Adds a layer outside of the token's: it sees one call, however often that is sent.
    pub fn outer(mut self, layer: impl Middleware) -> Self {
        self.outer.push(Arc::new(layer));
        self
    }

    /// Adds a layer inside of the token's: it sees every attempt, with the token attached.
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
            outer,
            inner,
        } = self;
        let http = match http {
            Some(http) => http,
            None => default_client(bearer.endpoint())?,
        };
        let layers = outer
            .into_iter()
            .chain([Arc::new(bearer.clone()) as _])
            .chain(inner);
        let http = layers
            .fold(ClientBuilder::new(http), ClientBuilder::with_arc)
            .build();
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

fn default_client(endpoint: &ApiEndpoint) -> Result<reqwest::Client, ConfigError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("partner-auth/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // Price sheets come as archives that call themselves encoded; another crate in the tree may
        // have switched the decoders on for everybody.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd();
    if endpoint.base_url().scheme() == "http" {
        builder = builder.no_proxy(); // loopback: nobody between us and the test double
    }
    builder
        .build()
        .map_err(|error| ConfigError::HttpClient(error.without_url().to_string()))
}

/// A request to be sent. Made by [`PartnerClient::get`] and its kin.
///
/// What cannot be sent is told by [`send`](Self::send), so that the chain stays one.
#[must_use = "a request does nothing until it is sent"]
pub struct PartnerRequest {
    client: PartnerClient,
    request: Result<reqwest::Request, Error>,
    extensions: Extensions,
}

impl PartnerRequest {
    /// Adds pairs to the query, percent-encoded.
    ///
    /// ```no_run
    /// # async fn call(client: partner_auth::PartnerClient) -> Result<(), partner_auth::Error> {
    /// let request = client.get("v1.0/engagements/referrals").query([("$filter", "status eq 'New'")]);
    /// # Ok(()) }
    /// ```
    pub fn query<K: AsRef<str>, V: AsRef<str>>(
        self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.edit(|request| {
            request.url_mut().query_pairs_mut().extend_pairs(pairs);
            Ok(())
        })
    }

    /// Sets a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.edit(|request| {
            let name: HeaderName = name.parse().map_err(|error| {
                Error::config("a header's name cannot be sent").caused_by(error)
            })?;
            let value = HeaderValue::from_str(value).map_err(|error| {
                Error::config(format!("the header {name} cannot be sent")).caused_by(error)
            })?;
            request.headers_mut().insert(name, value);
            Ok(())
        })
    }

    /// Sets `If-Match`: the change is made only if nobody has made one since.
    ///
    /// Takes an entity tag as the API gave it, with its quotation marks or without.
    pub fn if_match(self, etag: &str) -> Self {
        let is_quoted = etag.starts_with('"') || etag.starts_with("W/\"") || etag == "*";
        match is_quoted {
            true => self.header(IF_MATCH.as_str(), etag),
            false => self.header(IF_MATCH.as_str(), &format!("\"{etag}\"")),
        }
    }

    /// Sets the body to the JSON of `value`.
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Self {
        self.edit(|request| {
            let json = serde_json::to_vec(value).map_err(|error| {
                Error::config("the body cannot be written as JSON").caused_by(error)
            })?;
            *request.body_mut() = Some(json.into());
            let headers = request.headers_mut();
            headers
                .entry(CONTENT_TYPE)
                .or_insert(HeaderValue::from_static("application/json"));
            Ok(())
        })
    }

    /// Sets the body. One that cannot be sent twice, such as a stream, is sent once: a refused
    /// token is then the caller's to deal with.
    pub fn body(self, body: impl Into<reqwest::Body>) -> Self {
        self.edit(|request| {
            *request.body_mut() = Some(body.into());
            Ok(())
        })
    }

    /// Calls with a token of another tenant than the provider's own.
    pub fn tenant(self, tenant: TenantId) -> Self {
        let request = self.client.0.bearer.token_request().clone().tenant(tenant);
        self.token_request(request)
    }

    /// Calls with the token that `request` asks for.
    pub fn token_request(mut self, request: TokenRequest) -> Self {
        self.extensions.insert(request);
        self
    }

    /// Ties the call to others of yours. The default is a new id for each call.
    pub fn correlation_id(mut self, id: CorrelationId) -> Self {
        self.extensions.insert(id);
        self
    }

    /// Sends the request and returns its answer, whatever the status.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::OriginRefused`] when the URL is not the API's own; nothing was sent.
    /// - [`ErrorKind::MfaRequired`], [`ErrorKind::WrongAudience`],
    ///   [`ErrorKind::AppOnlyNotSupported`] and [`ErrorKind::InteractionRequired`] when no token of
    ///   this provider can help.
    /// - [`ErrorKind::Network`] when no answer arrived.
    /// - Whatever the provider fails with.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the request up; it may have reached the API. A token fetch that
    /// has begun goes on.
    pub async fn send(self) -> Result<PartnerResponse, Error> {
        let Self {
            client,
            request,
            extensions,
        } = self;
        client.execute(request?, extensions).await
    }

    /// Returns all items of the collection that the request begins, page by page, as a stream.
    ///
    /// ```no_run
    /// # #[derive(serde::Deserialize)] struct Customer { id: String }
    /// # async fn call(client: partner_auth::PartnerClient) -> Result<(), partner_auth::Error> {
    /// let mut customers = client.get("v1/customers").items::<Customer>();
    /// while let Some(customer) = customers.next().await {
    ///     println!("{}", customer?.id);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn items<T: DeserializeOwned + Send + 'static>(self) -> Items<T> {
        let Self {
            client,
            request,
            extensions,
        } = self;
        Items::new(client, request, extensions)
    }

    fn edit(mut self, change: impl FnOnce(&mut reqwest::Request) -> Result<(), Error>) -> Self {
        self.request = self
            .request
            .and_then(|mut request| change(&mut request).map(|()| request));
        self
    }
}

impl fmt::Debug for PartnerRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.request.as_ref().map(|request| request.url().path());
        f.debug_struct("PartnerRequest")
            .field("path", &url)
            .finish_non_exhaustive()
    }
}

/// An API's answer.
pub struct PartnerResponse {
    response: reqwest::Response,
    bearer: BearerMiddleware,
}

impl PartnerResponse {
    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Returns the URL that answered.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.response.url()
    }

    /// Returns the entity tag, for [`PartnerRequest::if_match`].
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.headers().get(ETAG)?.to_str().ok()
    }

    /// Returns the answer if its status is a success.
    ///
    /// # Errors
    ///
    /// What the API said, as [`Error::api_error`]; the kind names the next step.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the answer up; the call itself has been made.
    pub async fn ok(self) -> Result<Self, Error> {
        match self.status().is_success() {
            true => Ok(self),
            false => Err(self.into_api_error().await.into_error(ErrorKind::Api)),
        }
    }

    /// Returns what the JSON body holds.
    ///
    /// # Errors
    ///
    /// As [`ok`](Self::ok) when the status is not a success; [`ErrorKind::Malformed`] when the body
    /// is not the JSON of a `T`; [`ErrorKind::Network`] when it broke off.
    ///
    /// # Cancel safety
    ///
    /// As [`ok`](Self::ok).
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let body = self.bytes().await?;
        serde_json::from_slice(&body).map_err(|error| {
            Error::new(
                ErrorKind::Malformed,
                "the API's answer is not what was expected",
            )
            .caused_by(error)
        })
    }

    /// Returns the body.
    ///
    /// # Errors
    ///
    /// As [`ok`](Self::ok) when the status is not a success; [`ErrorKind::Network`] when the body
    /// broke off.
    ///
    /// # Cancel safety
    ///
    /// As [`ok`](Self::ok).
    pub async fn bytes(self) -> Result<Bytes, Error> {
        let whole = self.ok().await?.response.bytes().await;
        whole.map_err(|error| {
            Error::new(ErrorKind::Network, "the API's answer broke off")
                .caused_by(error.without_url())
        })
    }

    /// Returns the answer as reqwest's own, to read it in parts.
    #[must_use]
    pub fn into_inner(self) -> reqwest::Response {
        self.response
    }

    async fn into_api_error(self) -> ApiError {
        let (status, headers) = (self.status(), self.headers().clone());
        let (api, now) = (self.bearer.api().clone(), self.bearer.now());
        let mut response = self.response;
        let token = response.extensions().get::<AccessToken>().cloned();
        let secrets = token.as_ref().map(AccessToken::secret);
        let mut body = Vec::new();
        // A refusal that breaks off is still a refusal.
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() >= super::api_error::LIMIT {
                break;
            }
        }
        ApiError::read_at(&api, status, &headers, &body, now, secrets.as_slice())
    }
}

impl fmt::Debug for PartnerResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartnerResponse")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
