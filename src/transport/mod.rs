//! How bytes get to a token endpoint and back: the [`Transport`] port, and what is put around it.
//!
//! | Module | Does |
//! |---|---|
//! | [`retry`] | a transport around a transport: tries again, inside one budget |
//! | `reqwest` | the default, behind the feature `reqwest` |

#[cfg(feature = "reqwest")]
pub(crate) mod reqwest;
pub(crate) mod retry;

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use http::{Request, Response};

use crate::secret::SecretBytes;

/// Sends one request to a token endpoint and returns its answer, whatever the status.
///
/// A port: bring your own to share a client, to go through something special, or to answer from a
/// script in a test. An implementation must not follow redirects (the body holds a secret), must
/// bound the size of an answer, and must end by itself.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends `request`.
    ///
    /// # Errors
    ///
    /// A [`TransportError`] when no complete answer arrived.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the request up; it may have reached the server.
    fn send(&self, request: Request<SecretBytes>) -> TransportFuture<'_>;
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(&self, request: Request<SecretBytes>) -> TransportFuture<'_> {
        (**self).send(request)
    }
}

/// The future of an answer.
pub type TransportFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Response<SecretBytes>, TransportError>> + Send + 'a>>;

/// Why no complete answer arrived.
#[derive(Clone, Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    message: String,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl TransportError {
    /// Returns an error whose text says what happened. It must hold no secret.
    pub fn new(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// Adds the error that caused this one. It must hold no secret.
    #[must_use]
    pub fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Returns what happened.
    #[must_use]
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

/// Stands where the feature `reqwest` is off and the builder was given no transport.
#[cfg(not(feature = "reqwest"))]
#[derive(Debug)]
pub(crate) struct NoTransport;

#[cfg(not(feature = "reqwest"))]
impl Transport for NoTransport {
    fn send(&self, _: Request<SecretBytes>) -> TransportFuture<'_> {
        let text = "there is no transport: enable the feature `reqwest`, or set one with `Builder::transport`";
        Box::pin(async move { Err(TransportError::new(TransportErrorKind::Config, text)) })
    }
}

/// What kept an answer from arriving.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TransportErrorKind {
    /// No connection: name resolution, a refused port, TLS. Tried again.
    Connect,
    /// The transport cannot be used as it is set up. Not tried again.
    Config,
    /// The connection broke, before or within the answer. Tried again.
    Interrupted,
    /// The time was up. Tried again.
    Timeout,
    /// The answer is larger than a token answer can be. Not tried again.
    TooLarge,
}
