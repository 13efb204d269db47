//! A token endpoint in this process: [`Endpoint`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use partner_auth::{SecretBytes, Transport, TransportFuture};

/// Answers every request with a token of [`TOKEN_LENGTH`] bytes, and counts them.
#[derive(Debug)]
pub(crate) struct Endpoint {
    latency: Duration,
    first: Vec<u8>,
    others: Vec<u8>,
    asked: AtomicUsize,
}

impl Endpoint {
    /// Returns an endpoint that answers at once.
    pub(crate) fn instant() -> Arc<Self> {
        Self::new(Duration::ZERO, "")
    }

    /// Returns an endpoint that answers after `latency`.
    pub(crate) fn slow(latency: Duration) -> Arc<Self> {
        Self::new(latency, "")
    }

    /// Returns an endpoint that answers after `latency`, and wants its first token renewed after a
    /// second.
    pub(crate) fn slow_and_due(latency: Duration) -> Arc<Self> {
        Self::new(latency, r#""refresh_in":1,"#)
    }

    /// Returns how many requests have come.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn new(latency: Duration, first: &str) -> Arc<Self> {
        let answer = |more: &str| {
            let token = "x".repeat(TOKEN_LENGTH);
            let text = format!(
                r#"{{"token_type":"Bearer","expires_in":3600,{more}"access_token":"{token}"}}"#
            );
            text.into_bytes()
        };
        Arc::new(Self {
            latency,
            first: answer(first),
            others: answer(""),
            asked: AtomicUsize::new(0),
        })
    }
}

impl Transport for Endpoint {
    fn send(&self, _: Request<SecretBytes>) -> TransportFuture<'_> {
        Box::pin(async {
            let answer = match self.asked.fetch_add(1, Ordering::SeqCst) {
                0 => &self.first,
                _ => &self.others,
            };
            if !self.latency.is_zero() {
                tokio::time::sleep(self.latency).await;
            }
            Ok(Response::new(SecretBytes::from(answer.clone())))
        })
    }
}

/// As long as the access tokens that Entra issues for the Partner APIs.
pub(crate) const TOKEN_LENGTH: usize = 1_500;
