//! An assertion that somebody else signed: [`AssertionSource`].

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{ClientCredential, ProofFuture, ProofRequest};
use crate::diagnosis::{Diagnosis, SetupStep};
use crate::error::{ConfigError, Error, ErrorKind};
use crate::id::{ClientId, TenantId};
use crate::protocol::token_request::Proof;
use crate::secret::Secret;

/// Where assertions come from that another issuer signed: a cluster, a build service, a vault.
///
/// Asked for each token that is fetched, never ahead and never from memory, so an assertion that
/// lives five minutes is good enough. A closure is one:
///
/// ```
/// use partner_auth::{AssertionRequest, PartnerAuth, Secret};
///
/// # async fn ask_the_vault(_: &str) -> Result<String, std::io::Error> { Ok(String::new()) }
/// let provider = PartnerAuth::builder()
///     .tenant("contoso.onmicrosoft.com".parse()?)
///     .client("11112222-bbbb-3333-cccc-4444dddd5555".parse()?)
///     .client_assertion(|request: AssertionRequest| async move {
///         let jwt = ask_the_vault(request.token_endpoint()).await?;
///         Ok::<_, std::io::Error>(Secret::new(jwt))
///     })
///     .app_only();
/// # Ok::<(), partner_auth::ConfigError>(())
/// ```
///
/// # Protocol
///
/// [RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2),
/// [workload identity federation](https://learn.microsoft.com/entra/workload-id/workload-identity-federation).
pub trait AssertionSource: Send + Sync {
    /// Returns the assertion to show to Entra now: a compact JWT.
    ///
    /// Give it a time limit of its own: callers without a token wait for it.
    ///
    /// # Errors
    ///
    /// Any. An [`Error`] keeps its kind and a [`ConfigError`] stays one; any other becomes
    /// [`ErrorKind::Unavailable`], which is tried again by itself.
    ///
    /// # Cancel safety
    ///
    /// The future runs to its end though all callers are gone, unless the runtime ends.
    fn assertion<'a>(&'a self, request: &'a AssertionRequest) -> AssertionFuture<'a>;
}

impl<F, Fut, E> AssertionSource for F
where
    F: Fn(AssertionRequest) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Secret, E>> + Send,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    fn assertion<'a>(&'a self, request: &'a AssertionRequest) -> AssertionFuture<'a> {
        AssertionFuture::new(async move { self(request.clone()).await })
    }
}

/// The trait stays usable as an object.
const _: fn(&dyn AssertionSource) = |_| {};

/// For whom an assertion is wanted.
#[derive(Clone, Debug)]
pub struct AssertionRequest {
    client: ClientId,
    endpoint: Box<str>,
    is_repeated: bool,
    tenant: TenantId,
}

impl AssertionRequest {
    /// Returns the application that the assertion stands for.
    #[must_use]
    pub fn client(&self) -> &ClientId {
        &self.client
    }

    /// Returns `true` when Entra refused the assertion given last, in words that a key replaced
    /// meanwhile would explain. An answer other than that one is tried, once.
    #[must_use]
    pub fn is_repeated(&self) -> bool {
        self.is_repeated
    }

    /// Returns the tenant whose token is wanted.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Returns the token endpoint of the configured cloud and tenant: the `aud` of an assertion
    /// that the application signs itself. A federated one has `api://AzureADTokenExchange` there.
    #[must_use]
    pub fn token_endpoint(&self) -> &str {
        &self.endpoint
    }
}

/// The future of an assertion. A named type, so that [`AssertionSource`] stays usable as an object.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct AssertionFuture<'a>(Pin<Box<dyn Future<Output = Result<Secret, Error>> + Send + 'a>>);

impl<'a> AssertionFuture<'a> {
    /// Returns a future that ends as `future` does.
    pub fn new<E>(future: impl Future<Output = Result<Secret, E>> + Send + 'a) -> Self
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Self(Box::pin(async move {
            future.await.map_err(|error| failed_source(error.into()))
        }))
    }
}

impl Future for AssertionFuture<'_> {
    type Output = Result<Secret, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for AssertionFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AssertionFuture")
    }
}

/// A source, as the credential it is.
pub(crate) struct FromSource<S>(pub(crate) S);

impl<S: AssertionSource> ClientCredential for FromSource<S> {
    fn proof<'a>(&'a self, ask: ProofRequest<'a>) -> ProofFuture<'a> {
        let request = AssertionRequest {
            client: ask.client.clone(),
            endpoint: ask.audience.into(),
            is_repeated: ask.is_repeated,
            tenant: ask.tenant.clone(),
        };
        Box::pin(async move {
            let assertion = self.0.assertion(&request).await?;
            match is_compact_jwt(assertion.expose()) {
                true => Ok(Proof::Assertion(assertion)),
                false => Err(Error::config(
                    "the assertion source gave something that is no compact JWT: three parts with dots between, and nothing around",
                )),
            }
        })
    }
}

impl<S> fmt::Debug for FromSource<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AssertionSource")
    }
}

/// Returns `true` for what can be the compact form of a signed JWT. Its content is Entra's to judge.
pub(super) fn is_compact_jwt(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'='))
    };
    // One part more than there may be is enough to know: the text may be all dots.
    text.len() <= LIMIT
        && text.splitn(4, '.').filter(|part| is_part(part)).count() == 3
        && text.splitn(4, '.').count() == 3
}

/// Returns the failure of a source in the program's own hands.
pub(super) fn failed_source(error: Box<dyn StdError + Send + Sync>) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    match error.downcast::<ConfigError>() {
        Ok(error) => Error::config(error.to_string()),
        Err(error) => Error::new(
            ErrorKind::Unavailable,
            "no token was asked for: the program's own source of the credential failed",
        )
        .with_diagnosis(Diagnosis::of_kind(
            SetupStep::AppCredential,
            "What should prove the application could not be had.",
            "Look at the cause, in the service or file that the credential comes from.",
            true,
        ))
        .caused_by_any(error),
    }
}

/// No assertion is longer: Kubernetes' are 1 KB, those of build services 2 KB.
pub(super) const LIMIT: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_a_jwt_is_sent() {
        let dots = ".".repeat(LIMIT + 1);
        let long = format!("a.b.{}", "c".repeat(LIMIT));
        #[rustfmt::skip]
        let table = [
            ("eyJ0.eyJp.c2ln",    true),
            ("a-b_.c=.d",         true),
            ("",                  false),
            ("a.b",               false),
            ("a.b.",              false),
            ("a.b.c.d",           false),
            ("a.b.c.",            false),
            (" a.b.c",            false),
            ("a.b.c\n",           false),
            ("Bearer a.b.c",      false),
            ("{\"a\":1}",         false),
            (&dots,               false),
            (&long,               false),
        ];
        for (text, expected) in table {
            assert_eq!(is_compact_jwt(text), expected, "{text:.40}");
        }
    }
}
