//! The future of a token: known already, or on its way.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::Error;
use crate::token::AccessToken;

/// The future of a token. A named type, so that a cached token costs no allocation.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct TokenFuture<'a>(State<'a>);

enum State<'a> {
    Ready(Option<Result<AccessToken, Error>>),
    Pending(Pin<Box<dyn Future<Output = Result<AccessToken, Error>> + Send + 'a>>),
}

impl<'a> TokenFuture<'a> {
    /// Returns a future that is ready at its first poll.
    #[inline]
    pub fn ready(outcome: Result<AccessToken, Error>) -> Self {
        Self(State::Ready(Some(outcome)))
    }

    /// Returns a future that ends as `future` does.
    pub fn pending(future: impl Future<Output = Result<AccessToken, Error>> + Send + 'a) -> Self {
        Self(State::Pending(Box::pin(future)))
    }
}

impl Future for TokenFuture<'_> {
    type Output = Result<AccessToken, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(outcome) => match outcome.take() {
                Some(outcome) => Poll::Ready(outcome),
                None => Poll::Ready(Err(Error::config(
                    "a token future was polled after its end",
                ))),
            },
            State::Pending(future) => future.as_mut().poll(context),
        }
    }
}

impl fmt::Debug for TokenFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Ready(_) => "TokenFuture(ready)",
            State::Pending(_) => "TokenFuture(pending)",
        })
    }
}
