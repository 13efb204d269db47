//! A transport of the user's that panics: an error for who asked, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response};
use partner_auth::testing::ManualClock;
use partner_auth::{ErrorKind, SecretBytes, TokenProvider, Transport, TransportFuture};
use tokio::task::{JoinSet, yield_now};

use super::support::{SECOND, builder, numbered, request_in, settle, text};

/// Panics when the first tenant is asked for, the first few times: at once, or on the way.
#[derive(Clone, Debug)]
struct Panics {
    left: Arc<AtomicUsize>,
    at_once: bool,
    issued: Arc<AtomicUsize>,
}

impl Panics {
    fn new(left: &Arc<AtomicUsize>, at_once: bool) -> Self {
        Self {
            left: Arc::clone(left),
            at_once,
            issued: Arc::default(),
        }
    }

    fn strike(&self, request: &Request<SecretBytes>) {
        let is_marked = request.uri().path().starts_with("/tenant0.");
        let fewer = |left: usize| left.checked_sub(1);
        let has_struck = is_marked
            && self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer)
                .is_ok();
        assert!(!has_struck, "the transport is broken (a test wants it so)");
    }
}

impl Transport for Panics {
    fn send(&self, request: Request<SecretBytes>) -> TransportFuture<'_> {
        if self.at_once {
            self.strike(&request);
        }
        Box::pin(async move {
            yield_now().await;
            self.strike(&request);
            let number = self.issued.fetch_add(1, Ordering::SeqCst);
            let body = format!(
                r#"{{"token_type":"Bearer","access_token":"t-{number}","expires_in":3600}}"#
            );
            Ok(Response::new(SecretBytes::from(body.into_bytes())))
        })
    }
}

#[tokio::test]
async fn a_panic_is_an_error_for_those_who_waited_and_over_after_a_rest() {
    for at_once in [true, false] {
        let clock = ManualClock::new();
        let left = Arc::new(AtomicUsize::new(2));
        let transport = Panics::new(&left, at_once);
        let provider = builder()
            .clock(clock.clone())
            .transport(transport)
            .app_only();
        let (marked, other) = (request_in(&numbered(0)), request_in(&numbered(1)));

        for panics_left in [1, 0] {
            let mut callers = JoinSet::new();
            for _ in 0..100 {
                let (provider, marked) = (provider.clone(), marked.clone());
                callers.spawn(async move { provider.token(&marked).await });
            }
            for outcome in callers.join_all().await {
                let error = outcome.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Config);
                assert!(error.to_string().contains("panicked"), "{error}");
            }
            assert_eq!(
                left.load(Ordering::SeqCst),
                panics_left,
                "one attempt for all"
            );
            assert_eq!(
                text(&provider.token(&other).await),
                "t-0",
                "others never notice"
            );

            let rest = provider
                .token(&marked)
                .await
                .unwrap_err()
                .retry_after()
                .unwrap();
            assert!(rest >= SECOND / 2 && rest <= 2 * SECOND, "{rest:?}");
            clock.advance(rest);
        }
        assert_eq!(text(&provider.token(&marked).await), "t-1");
    }
}

#[tokio::test]
async fn a_panic_in_a_renewal_leaves_the_token_where_it_is() {
    let clock = ManualClock::new();
    let left = Arc::new(AtomicUsize::new(0));
    let transport = Panics::new(&left, false);
    let provider = builder()
        .clock(clock.clone())
        .transport(transport)
        .app_only();
    let marked = request_in(&numbered(0));
    let old = provider.token(&marked).await.unwrap();

    left.store(1, Ordering::SeqCst);
    clock.advance(3_000 * SECOND);
    for _ in 0..10 {
        assert!(provider.token(&marked).await.unwrap().is_same_as(&old));
        settle().await;
    }
    assert_eq!(left.load(Ordering::SeqCst), 0);
    clock.advance(2 * SECOND);
    assert!(provider.token(&marked).await.unwrap().is_same_as(&old));
    settle().await;
    assert!(!provider.token(&marked).await.unwrap().is_same_as(&old));
}
