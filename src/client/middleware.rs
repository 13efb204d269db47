//! The rules of `bearer`, as a layer of reqwest-middleware.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, Method, StatusCode};
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next};

use super::api_error::ApiError;
use super::bearer::{self, Names, Verdict};
use super::peek::peek;
use super::replay::{Call, Spare};
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
/// | `429` or `503` with `Retry-After`, to an idempotent method | waited for, up to 4 times and 30 seconds in all |
/// | anything else | the caller's |
///
/// Of many calls with the same refused token one alone asks Entra. A body that cannot be sent twice
/// is sent once, and its answer is the caller's. A request to any other origin than the API's own,
/// or one that has an `Authorization` header already, fails before anything is sent.
///
/// Layers outside of this one see one call; layers inside see every attempt. An outer layer that sends
/// a call once more keeps its request id, so that the API knows it again. Switch redirects off
/// in the client underneath, as above: what a redirect does is decided below every layer.
///
/// Errors come as [`reqwest_middleware::Error::Middleware`] with an [`Error`] inside;
/// [`Error::of_middleware`] takes it out.
///
/// # Cancel safety
///
/// Dropping a call gives the request up; it may have reached the API. A token fetch that has begun goes
/// on.
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

/// What takes a request further: the layers inside, or the HTTP client itself where there are none.
pub(super) trait Carrier: Send + Sync {
    fn carry(
        &self,
        request: Request,
        extensions: &mut Extensions,
    ) -> impl Future<Output = Result<Response, reqwest_middleware::Error>> + Send;
}

impl Carrier for Next<'_> {
    async fn carry(
        &self,
        request: Request,
        extensions: &mut Extensions,
    ) -> Result<Response, reqwest_middleware::Error> {
        self.clone().run(request, extensions).await
    }
}

impl Carrier for reqwest::Client {
    async fn carry(
        &self,
        request: Request,
        _: &mut Extensions,
    ) -> Result<Response, reqwest_middleware::Error> {
        Ok(self.execute(request).await?)
    }
}

impl BearerMiddleware {
    /// Sends a request by `carrier`, with the token, and does what the answers call for.
    pub(super) async fn send(
        &self,
        request: Request,
        extensions: &mut Extensions,
        carrier: &impl Carrier,
    ) -> Result<Response, reqwest_middleware::Error> {
        self.0.run(request, extensions, carrier).await
    }
}

impl Inner {
    async fn run(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        carrier: &impl Carrier,
    ) -> Result<Response, reqwest_middleware::Error> {
        // An outer layer that sends a call once more hands the same extensions in.
        let names = extensions.remove::<Names>().unwrap_or_else(|| {
            let tie = extensions.get::<CorrelationId>().copied();
            Names::new(request.headers(), &self.api, &self.ids, tie)
        });
        let call = Call {
            names,
            spare: Spare::of(&request),
            asked: extensions.get::<TokenRequest>().cloned(),
        };
        let first = match self.dress(&call, &mut request).await {
            Ok(token) => {
                let sent = carrier.carry(request, extensions).await;
                sent.map(|response| (response, token))
            }
            Err(error) => Err(raise(error)),
        };
        if let Ok((response, _)) = &first
            && response.status().is_success()
        {
            return first.map(|(response, _)| response);
        }

        // Boxed: what comes after a refusal is larger than all before, and rarely needed.
        let outcome = match first {
            Ok((response, token)) => {
                let response = remembering(response, &token);
                Box::pin(self.after_refusal(&call, token, response, extensions, carrier)).await
            }
            Err(error) => Err(error),
        };
        extensions.insert(call.names);
        outcome
    }

    /// Attaches a token, once it is sure that the request is for the API and the token too.
    async fn dress(&self, call: &Call, request: &mut Request) -> Result<AccessToken, Error> {
        bearer::guard(&self.endpoint, request.url(), request.headers())?;
        if let Some(asked) = &call.asked {
            bearer::guard_token(&self.api, &self.endpoint, &asked.target)?;
        }
        let token = self.provider.token(call.asked(&self.request)).await?;
        call.dress(request, &token);
        Ok(token)
    }

    async fn after_refusal(
        &self,
        call: &Call,
        mut token: AccessToken,
        mut response: Response,
        extensions: &mut Extensions,
        carrier: &impl Carrier,
    ) -> Result<Response, reqwest_middleware::Error> {
        // What made the cached token not do counts once, not at every attempt.
        let asked = call.asked(&self.request).clone().plain();
        let (mut is_renewed, mut is_challenged) = (false, false);
        let (mut waits, mut waited) = (0, Duration::ZERO);

        while is_refusal(response.status()) {
            let (answer, refusal) = self.read_refusal(response, &token).await;
            let Some(mut replay) = call.spare.again() else {
                return last_word(&call.spare.method, answer, refusal);
            };
            match verdict(&call.spare.method, &answer, &refusal) {
                Verdict::Pass => return Ok(answer),
                Verdict::Refuse(kind) => return Err(raise(refusal.into_error(kind))),
                Verdict::Renew(Some(claims)) if is_challenged => {
                    // The claims cannot be met by asking again.
                    let error = refusal.into_error(ErrorKind::InteractionRequired);
                    return Err(raise(error.with_claims(claims)));
                }
                Verdict::Renew(None) if is_renewed || is_challenged => return Ok(answer),
                Verdict::Renew(claims) => {
                    match self
                        .another_token(&asked, &token, claims.as_deref())
                        .await?
                    {
                        Some(other) => token = other,
                        None => return Ok(answer),
                    }
                    is_renewed = true;
                    is_challenged = claims.is_some();
                }
                Verdict::Wait(wait) => {
                    let wait = wait.max(SHORTEST_WAIT * 2_u32.pow(waits));
                    if waits >= MOST_WAITS || waited + wait > LONGEST_WAIT {
                        return Ok(answer);
                    }
                    let status = answer.status().as_u16();
                    tracing::debug!(?wait, status, "the API asks to wait");
                    drop(answer);
                    self.clock.sleep(wait).await;
                    (waits, waited) = (waits + 1, waited + wait);
                    token = self.provider.token(&asked).await.map_err(raise)?;
                }
            }
            call.dress(&mut replay, &token);
            let answer = carrier.carry(replay, extensions).await?;
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
            Some(claims) => request.with_challenge(claims).map_err(|error| {
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
        let outcome = self.send(request, extensions, &next).await;
        // A layer outside may wrap the error in one of its own, which hides its kind.
        if let Err(reqwest_middleware::Error::Middleware(error)) = &outcome
            && let Some(error) = error.downcast_ref::<Error>()
        {
            extensions.insert(error.clone());
        }
        outcome
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
    /// What is not this crate's becomes [`ErrorKind::Network`], without its URL, or
    /// [`ErrorKind::Config`] when a layer failed by itself.
    #[must_use]
    pub fn of_middleware(error: reqwest_middleware::Error) -> Self {
        match error {
            reqwest_middleware::Error::Middleware(inner) => {
                inner.downcast::<Self>().unwrap_or_else(|other| {
                    let is_network = other.chain().any(<dyn StdError>::is::<reqwest::Error>);
                    let kind = if is_network {
                        ErrorKind::Network
                    } else {
                        ErrorKind::Config
                    };
                    Self::new(kind, format!("a layer of the client failed: {other}"))
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

/// Only this crate can take it out again.
#[derive(Clone)]
pub(super) struct AskedWith(pub(super) AccessToken);

/// Tells an answer that is no success with which token it was asked for, so that whoever reads it can
/// take that out: some servers repeat what they refuse.
fn remembering(mut response: Response, token: &AccessToken) -> Response {
    if !response.status().is_success() {
        response.extensions_mut().insert(AskedWith(token.clone()));
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

/// How long throttled attempts of one call may wait in all.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// `Retry-After: 0` is no reason for a storm. Doubles with each wait.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
const MOST_WAITS: u32 = 4;
