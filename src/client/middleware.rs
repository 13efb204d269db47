//! The rules of `bearer`, as a layer of reqwest-middleware.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Extensions, HeaderMap, Method, StatusCode, Version};
use http_body::Frame;
use reqwest::{Body, Request, Response, ResponseBuilderExt};
use reqwest_middleware::{Middleware, Next};
use url::Url;

use super::api_error::{ApiError, LIMIT};
use super::bearer::{self, Names, Verdict};
use crate::api::{Api, ApiEndpoint};
use crate::clock::{Clock, SystemClock};
use crate::entropy::{IdSequence, SystemEntropy};
use crate::error::{ConfigError, Error, ErrorKind};
use crate::id::CorrelationId;
use crate::provider::TokenProvider;
use crate::request::TokenRequest;
use crate::token::AccessToken;

/// Attaches an API's token to every request, and does what the answers call for.
///
/// `PartnerClient` has one inside. Use it by itself to give an HTTP client of your own the same
/// manners:
///
/// ```no_run
/// # use partner_auth::{Api, BearerMiddleware, PartnerAuth};
/// let provider = PartnerAuth::from_env()?.app_only();
/// let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
/// let client = reqwest_middleware::ClientBuilder::new(http)
///     .with(BearerMiddleware::new(Api::PartnerCenter, provider)?)
///     .build();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// | An answer | What is done |
/// |---|---|
/// | `401`, the token expired or unknown | another token, one replay |
/// | `401` or `403` with a claims challenge | a token that meets the claims, one replay |
/// | `401`, MFA is missing | [`ErrorKind::MfaRequired`] at once |
/// | `401`, the token is of another API | [`ErrorKind::WrongAudience`] at once |
/// | `403` or `400`, no app-only tokens here | [`ErrorKind::AppOnlyNotSupported`] at once |
/// | `429` or `503` with `Retry-After`, to an idempotent method | waited for, within 30 seconds in all |
/// | anything else | the caller's |
///
/// Of many calls with the same refused token one alone asks Entra. A body that cannot be sent twice
/// is sent once, and its answer is the caller's. A request to any other origin than the API's own,
/// or one that has an `Authorization` header already, fails before anything is sent.
///
/// Layers outside of this one see one call; layers inside see every attempt. Switch redirects off
/// in the client underneath, as above: what a redirect does is decided below every layer.
///
/// Errors come as [`reqwest_middleware::Error::Middleware`] with an [`Error`] inside;
/// [`Error::of_middleware`] takes it out.
///
/// # Protocol
///
/// [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750),
/// [claims challenges](https://learn.microsoft.com/entra/identity-platform/claims-challenge).
#[derive(Clone)]
pub struct BearerMiddleware(Arc<Inner>);

struct Inner {
    api: Api,
    endpoint: ApiEndpoint,
    provider: Arc<dyn TokenProvider>,
    request: TokenRequest,
    ids: IdSequence,
    clock: Arc<dyn Clock>,
}

impl BearerMiddleware {
    /// Returns the layer that attaches `provider`'s tokens to the requests of `api`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::ApiNotInCloud`] when the provider's cloud does not have the API.
    pub fn new(api: Api, provider: impl TokenProvider + 'static) -> Result<Self, ConfigError> {
        let endpoint = api.in_cloud(&provider.cloud())?;
        Ok(Self(Arc::new(Inner {
            request: TokenRequest::new(api.clone()),
            api,
            endpoint,
            provider: Arc::new(provider),
            ids: IdSequence::seeded_from(&SystemEntropy),
            clock: Arc::new(SystemClock),
        })))
    }

    /// Waits for throttled calls on `clock`. The default is [`SystemClock`].
    #[must_use]
    pub fn with_clock(self, clock: impl Clock + 'static) -> Self {
        let Inner {
            api,
            endpoint,
            provider,
            request,
            ..
        } = &*self.0;
        Self(Arc::new(Inner {
            api: api.clone(),
            endpoint: endpoint.clone(),
            provider: Arc::clone(provider),
            request: request.clone(),
            ids: IdSequence::seeded_from(&SystemEntropy),
            clock: Arc::new(clock),
        }))
    }

    pub(crate) fn api(&self) -> &Api {
        &self.0.api
    }

    pub(crate) fn endpoint(&self) -> &ApiEndpoint {
        &self.0.endpoint
    }

    pub(crate) fn token_request(&self) -> &TokenRequest {
        &self.0.request
    }

    pub(crate) fn now(&self) -> std::time::SystemTime {
        self.0.clock.now().wall()
    }
}

impl Inner {
    async fn run(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, reqwest_middleware::Error> {
        bearer::guard(&self.endpoint, request.url(), request.headers()).map_err(raise)?;
        let tie = extensions.get::<CorrelationId>().copied();
        let call = Call {
            names: Names::new(request.headers(), &self.api, &self.ids, tie),
            spare: Spare::of(&request),
            asked: extensions.get::<TokenRequest>().cloned(),
        };
        let token = self
            .provider
            .token(call.asked(&self.request))
            .await
            .map_err(raise)?;
        call.dress(&mut request, &token);
        let response = next.clone().run(request, extensions).await?;
        let response = remembering(response, &token);

        match is_refusal(response.status()) {
            false => Ok(response),
            // Boxed: what comes after a refusal is larger than all before, and rarely needed.
            true => Box::pin(self.after_refusal(call, token, response, extensions, next)).await,
        }
    }

    async fn after_refusal(
        &self,
        call: Call,
        mut token: AccessToken,
        mut response: Response,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, reqwest_middleware::Error> {
        let asked = call.asked(&self.request);
        let mut renewed = false;
        let mut waited = Duration::ZERO;

        while is_refusal(response.status()) {
            let (answer, refusal) = self.read_refusal(response, &token).await;
            let Some(mut replay) = call.spare.again() else {
                return last_word(&call.spare.method, answer, refusal);
            };
            match verdict(&call.spare.method, &answer, &refusal) {
                Verdict::Pass => return Ok(answer),
                Verdict::Refuse(kind) => return Err(raise(refusal.into_error(kind))),
                Verdict::Renew(Some(claims)) if renewed => {
                    // The claims cannot be met by asking again.
                    let error = refusal.into_error(ErrorKind::InteractionRequired);
                    return Err(raise(error.with_claims(claims)));
                }
                Verdict::Renew(None) if renewed => return Ok(answer),
                Verdict::Renew(claims) => {
                    match self.another_token(asked, &token, claims.as_deref()).await? {
                        Some(other) => token = other,
                        None => return Ok(answer),
                    }
                    renewed = true;
                }
                Verdict::Wait(wait) => {
                    let wait = wait.max(SHORTEST_WAIT);
                    if waited + wait > LONGEST_WAIT {
                        return Ok(answer);
                    }
                    tracing::debug!(
                        ?wait,
                        status = answer.status().as_u16(),
                        "the API asks to wait"
                    );
                    drop(answer);
                    self.clock.sleep(wait).await;
                    waited += wait;
                    token = self.provider.token(asked).await.map_err(raise)?;
                }
            }
            call.dress(&mut replay, &token);
            let answer = next.clone().run(replay, extensions).await?;
            response = remembering(answer, &token);
        }
        Ok(response)
    }

    /// A token in place of the refused one, or `None` when the provider has no other.
    async fn another_token(
        &self,
        asked: &TokenRequest,
        refused: &AccessToken,
        claims: Option<&str>,
    ) -> Result<Option<AccessToken>, reqwest_middleware::Error> {
        let request = asked.clone().replacing(refused);
        let request = match claims {
            None => request,
            Some(claims) => request.challenge(claims).map_err(|error| {
                raise(Error::config("the API's claims challenge cannot be read").caused_by(error))
            })?,
        };
        let token = self.provider.token(&request).await.map_err(raise)?;
        Ok((!token.is_same_as(refused)).then_some(token))
    }

    /// Reads what is needed to judge a refusal, and puts it back in front of the rest.
    async fn read_refusal(&self, response: Response, token: &AccessToken) -> (Response, ApiError) {
        let status = response.status();
        let (response, seen) = match bearer::needs_body(status) {
            true => peek(response).await,
            false => (response, Bytes::new()),
        };
        let now = self.clock.now().wall();
        let refusal = ApiError::read_at(
            &self.api,
            status,
            response.headers(),
            &seen,
            now,
            &[token.secret()],
        );
        (response, refusal)
    }
}

#[async_trait::async_trait]
impl Middleware for BearerMiddleware {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, reqwest_middleware::Error> {
        self.0.run(request, extensions, next).await
    }
}

impl fmt::Debug for BearerMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            endpoint, provider, ..
        } = &*self.0;
        f.debug_struct("BearerMiddleware")
            .field("base_url", &endpoint.base_url().as_str())
            .field("provider", provider)
            .finish_non_exhaustive()
    }
}

impl Error {
    /// Returns the error inside an error of reqwest-middleware, whichever layer it comes from.
    ///
    /// What is not this crate's becomes [`ErrorKind::Network`], without its URL.
    #[must_use]
    pub fn of_middleware(error: reqwest_middleware::Error) -> Self {
        match error {
            reqwest_middleware::Error::Middleware(inner) => {
                inner.downcast::<Self>().unwrap_or_else(|other| {
                    Self::new(
                        ErrorKind::Network,
                        format!("a layer of the client failed: {other}"),
                    )
                })
            }
            reqwest_middleware::Error::Reqwest(error) => {
                Self::new(ErrorKind::Network, "the API gave no answer")
                    .caused_by(error.without_url())
            }
        }
    }
}

/// The verdict on the answer to a request that cannot be sent twice: what no token can mend is
/// still told at once, all else is the caller's.
fn last_word(
    method: &Method,
    answer: Response,
    refusal: ApiError,
) -> Result<Response, reqwest_middleware::Error> {
    match verdict(method, &answer, &refusal) {
        Verdict::Refuse(kind) => Err(raise(refusal.into_error(kind))),
        _ => Ok(answer),
    }
}

fn verdict(method: &Method, answer: &Response, refusal: &ApiError) -> Verdict {
    bearer::verdict(
        method,
        answer.status(),
        answer.headers(),
        refusal,
        reason_of(answer),
    )
}

/// What every attempt of one call has in common.
struct Call {
    names: Names,
    spare: Spare,
    asked: Option<TokenRequest>,
}

impl Call {
    fn asked<'a>(&'a self, default: &'a TokenRequest) -> &'a TokenRequest {
        self.asked.as_ref().unwrap_or(default)
    }

    fn dress(&self, request: &mut Request, token: &AccessToken) {
        self.names.write(request.headers_mut());
        bearer::attach(request.headers_mut(), token);
    }
}

/// What is kept of a request to send it again.
struct Spare {
    method: Method,
    kept: Kept,
}

enum Kept {
    /// A request without a body, in parts: `Request::try_clone` would cost three allocations more.
    Head {
        url: Url,
        headers: HeaderMap,
        timeout: Option<Duration>,
        version: Version,
    },
    Whole(Box<Request>),
    /// The body cannot be sent twice.
    Nothing,
}

impl Spare {
    /// Taken before anything is attached, while the headers are few.
    fn of(request: &Request) -> Self {
        let kept = match request.body() {
            None => Kept::Head {
                url: request.url().clone(),
                headers: request.headers().clone(),
                timeout: request.timeout().copied(),
                version: request.version(),
            },
            Some(_) => request
                .try_clone()
                .map_or(Kept::Nothing, |whole| Kept::Whole(Box::new(whole))),
        };
        Self {
            method: request.method().clone(),
            kept,
        }
    }

    fn again(&self) -> Option<Request> {
        match &self.kept {
            Kept::Nothing => None,
            Kept::Whole(request) => request.try_clone(),
            Kept::Head {
                url,
                headers,
                timeout,
                version,
            } => {
                let mut request = Request::new(self.method.clone(), url.clone());
                request.headers_mut().clone_from(headers);
                if timeout.is_some() {
                    *request.timeout_mut() = *timeout;
                }
                *request.version_mut() = *version;
                Some(request)
            }
        }
    }
}

/// Tells an answer that is no success with which token it was asked for, so that whoever reads it can
/// take that out: some servers repeat what they refuse.
fn remembering(mut response: Response, token: &AccessToken) -> Response {
    if !response.status().is_success() {
        response.extensions_mut().insert(token.clone());
    }
    response
}

fn raise(error: Error) -> reqwest_middleware::Error {
    reqwest_middleware::Error::middleware(error)
}

fn is_refusal(status: StatusCode) -> bool {
    bearer::needs_body(status) || matches!(status.as_u16(), 429 | 503)
}

fn reason_of(response: &Response) -> Option<&str> {
    let reason = response.extensions().get::<hyper::ext::ReasonPhrase>()?;
    std::str::from_utf8(reason.as_bytes()).ok()
}

/// Reads the beginning of a body, and returns the response as if nobody had.
async fn peek(mut response: Response) -> (Response, Bytes) {
    let mut seen = BytesMut::new();
    let mut failed = None;
    let mut has_more = false;
    while !has_more && failed.is_none() {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                seen.extend_from_slice(&chunk);
                has_more = seen.len() >= LIMIT;
            }
            Ok(None) => break,
            Err(error) => failed = Some(error),
        }
    }

    let seen = seen.freeze();
    let (status, version) = (response.status(), response.version());
    let headers = std::mem::take(response.headers_mut());
    let extensions = std::mem::take(response.extensions_mut());
    let url = response.url().clone();
    let rest = (has_more || failed.is_some()).then(|| Body::from(response));
    let body = Body::wrap(Rejoined {
        seen: Some(seen.clone()),
        failed,
        rest,
    });

    let mut whole = http::Response::new(body);
    *whole.status_mut() = status;
    *whole.version_mut() = version;
    *whole.headers_mut() = headers;
    *whole.extensions_mut() = extensions;
    (with_url(whole, url), seen)
}

/// reqwest keeps a response's URL among its extensions, which only its own builder can write.
fn with_url(response: http::Response<Body>, url: Url) -> Response {
    let (parts, body) = response.into_parts();
    let mut rebuilt = match http::Response::builder().url(url).body(body) {
        Ok(rebuilt) => rebuilt,
        // A builder that was given nothing but a URL does not fail.
        Err(_) => http::Response::new(Body::default()),
    };
    *rebuilt.status_mut() = parts.status;
    *rebuilt.version_mut() = parts.version;
    *rebuilt.headers_mut() = parts.headers;
    rebuilt.extensions_mut().extend(parts.extensions);
    rebuilt.into()
}

/// The beginning of a body that was read, and what follows it.
struct Rejoined {
    seen: Option<Bytes>,
    failed: Option<reqwest::Error>,
    rest: Option<Body>,
}

impl http_body::Body for Rejoined {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        if let Some(seen) = self.seen.take().filter(|seen| !seen.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(seen))));
        }
        if let Some(error) = self.failed.take() {
            self.rest = None;
            return Poll::Ready(Some(Err(error)));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(context),
            None => Poll::Ready(None),
        }
    }
}

/// How long throttled attempts of one call may wait in all.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// `Retry-After: 0` is no reason for a storm.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
