//! Whoever gives tokens: the [`TokenProvider`] port, and the providers of this crate.

mod app_only;
mod future;

use std::fmt;
use std::sync::Arc;

pub(crate) use app_only::AppOnlyParts;
pub use app_only::AppOnlyProvider;
pub use future::TokenFuture;

use crate::cloud::Cloud;
use crate::request::TokenRequest;

/// Gives access tokens to whoever asks.
///
/// A port with one required method, so that your own provider is a few lines, and everything that
/// takes a provider takes it too:
///
/// ```
/// use partner_auth::{AccessToken, TokenFuture, TokenProvider, TokenRequest};
///
/// #[derive(Debug)]
/// struct Fixed(AccessToken);
///
/// impl TokenProvider for Fixed {
///     fn token<'a>(&'a self, _: &'a TokenRequest) -> TokenFuture<'a> {
///         TokenFuture::ready(Ok(self.0.clone()))
///     }
/// }
/// ```
///
/// A provider that wraps another forwards **all three** methods: with the default [`cloud`](Self::cloud)
/// a China provider's tokens would go to the public hosts.
///
/// The providers of this crate fetch on the caller's Tokio runtime, which must have its time enabled
/// (`#[tokio::main]` has).
pub trait TokenProvider: fmt::Debug + Send + Sync {
    /// Returns a token for `request`: from memory, at once, whenever one is still good.
    ///
    /// # Errors
    ///
    /// [`Error::kind`](crate::Error::kind) names the next step; see
    /// [`ErrorKind`](crate::ErrorKind). While a token still works, a failed renewal is not an error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: a fetch that has begun goes on, and its token serves the
    /// next caller.
    fn token<'a>(&'a self, request: &'a TokenRequest) -> TokenFuture<'a>;

    /// Forgets what is remembered for `request`: its token, and the memory of a failure.
    ///
    /// For the moment after a change that a held token does not show yet, such as a consent. A
    /// provider that remembers nothing has nothing to do.
    fn invalidate(&self, request: &TokenRequest) {
        let _ = request;
    }

    /// Returns the cloud that the tokens come from. It decides where their APIs are.
    fn cloud(&self) -> Cloud {
        Cloud::Public
    }
}

macro_rules! delegate {
    ($($pointer:ty),*) => {$(
        impl<P: TokenProvider + ?Sized> TokenProvider for $pointer {
            #[inline]
            fn token<'a>(&'a self, request: &'a TokenRequest) -> TokenFuture<'a> {
                (**self).token(request)
            }

            fn invalidate(&self, request: &TokenRequest) {
                (**self).invalidate(request);
            }

            fn cloud(&self) -> Cloud {
                (**self).cloud()
            }
        }
    )*};
}

delegate!(&P, Arc<P>, Box<P>);

/// The trait stays usable as an object.
const _: fn(&dyn TokenProvider) = |_| {};
