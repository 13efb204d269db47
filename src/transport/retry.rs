//! A transport around a transport: tries again, inside one budget.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::{Request, Response, StatusCode};

use super::{Transport, TransportError, TransportErrorKind, TransportFuture};
use crate::clock::Clock;
use crate::entropy::{Entropy, fraction};
use crate::protocol::retry_after::retry_after;
use crate::secret::SecretBytes;

/// How often a call to the token endpoint is tried, and for how long in all.
///
/// ```
/// # use partner_auth::RetryPolicy;
/// # use std::time::Duration;
/// let policy = RetryPolicy::default();
/// assert_eq!(policy.attempts(), 3);
/// assert_eq!(policy.budget(), Duration::from_secs(30));
/// assert_eq!(policy.first_wait(), Duration::from_millis(250));
/// ```
///
/// The wait doubles from one attempt to the next and is drawn from the upper half of its range.
/// A `Retry-After` that fits into the budget is obeyed; one that does not ends the call at once,
/// and the cache rests for as long as it says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub struct RetryPolicy {
    attempts: u32,
    budget: Duration,
    first_wait: Duration,
}

impl RetryPolicy {
    /// One attempt, as long as the default budget at the most.
    pub fn never() -> Self {
        Self::default().with_attempts(1)
    }

    /// Sets how many times a call is sent at the most; `0` counts as `1`.
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets how long all attempts and waits may take together.
    pub fn with_budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// Sets the wait after the first failed attempt.
    pub fn with_first_wait(mut self, first_wait: Duration) -> Self {
        self.first_wait = first_wait;
        self
    }

    /// Returns how many times a call is sent at the most.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Returns how long all attempts and waits may take together.
    #[must_use]
    pub fn budget(&self) -> Duration {
        self.budget
    }

    /// Returns the wait after the first failed attempt.
    #[must_use]
    pub fn first_wait(&self) -> Duration {
        self.first_wait
    }

    /// The wait after the failed attempt with this number, counted from 1.
    pub(crate) fn wait(&self, attempt: u32, entropy: &dyn Entropy) -> Duration {
        let doublings = attempt.saturating_sub(1).min(10);
        let longest = self.first_wait.saturating_mul(1 << doublings);
        longest.mul_f64(0.5 + fraction(entropy) / 2.0)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 3,
            budget: Duration::from_secs(30),
            first_wait: Duration::from_millis(250),
        }
    }
}

/// Sends each request by another transport, again when that may help.
pub(crate) struct Retry {
    pub(crate) inner: Arc<dyn Transport>,
    pub(crate) policy: RetryPolicy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Retry {
    async fn send_again(
        &self,
        request: Request<SecretBytes>,
    ) -> Result<Response<SecretBytes>, TransportError> {
        let deadline = self.clock.now().after(self.policy.budget);
        let mut attempt = 1;
        loop {
            let left = self.clock.now().until(deadline);
            let outcome = self.send_within(left, request.clone()).await;

            let Some(wait) = self.wait_after(&outcome, attempt) else {
                return outcome;
            };
            let left = self.clock.now().until(deadline);
            if attempt >= self.policy.attempts || wait >= left {
                return outcome;
            }
            tracing::debug!(
                attempt,
                ?wait,
                "the token endpoint is asked again after a wait"
            );
            self.clock.sleep(wait).await;
            attempt += 1;
        }
    }

    /// Ends in time even if the transport does not.
    async fn send_within(
        &self,
        limit: Duration,
        request: Request<SecretBytes>,
    ) -> Result<Response<SecretBytes>, TransportError> {
        let mut answer = self.inner.send(request);
        let mut alarm = pin!(self.clock.sleep(limit));
        poll_fn(|context| {
            if let Poll::Ready(outcome) = answer.as_mut().poll(context) {
                return Poll::Ready(outcome);
            }
            alarm.as_mut().poll(context).map(|()| {
                let text = format!("no answer within {limit:?}");
                Err(TransportError::new(TransportErrorKind::Timeout, text))
            })
        })
        .await
    }

    /// The wait before another attempt, or `None` when none can help.
    fn wait_after(
        &self,
        outcome: &Result<Response<SecretBytes>, TransportError>,
        attempt: u32,
    ) -> Option<Duration> {
        let own = || self.policy.wait(attempt, &*self.entropy);
        match outcome {
            Ok(answer) => {
                let asked = retry_after(answer.headers(), self.clock.now().wall());
                match answer.status() {
                    // A throttle that names no time is left to the cache's rest.
                    StatusCode::TOO_MANY_REQUESTS => asked.map(|asked| asked.max(own())),
                    StatusCode::REQUEST_TIMEOUT
                    | StatusCode::INTERNAL_SERVER_ERROR
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT => Some(asked.unwrap_or_default().max(own())),
                    _ => None,
                }
            }
            Err(error) => match error.kind() {
                TransportErrorKind::Connect
                | TransportErrorKind::Interrupted
                | TransportErrorKind::Timeout => Some(own()),
                TransportErrorKind::Config | TransportErrorKind::TooLarge => None,
            },
        }
    }
}

impl Transport for Retry {
    fn send(&self, request: Request<SecretBytes>) -> TransportFuture<'_> {
        Box::pin(self.send_again(request))
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("policy", &self.policy)
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
