//! A provider behind a pointer is a provider, and does all that it does.

use std::sync::Arc;

use partner_auth::testing::{Answer, ManualClock, ScriptedTransport};
use partner_auth::{AppOnlyProvider, Cloud, TokenFuture, TokenProvider};

use super::support::{Scene, request};

/// Takes a provider by value, as everything that is built on one does.
async fn exercise<P: TokenProvider + 'static>(provider: P) {
    let request = request();
    let first = provider.token(&request).await.unwrap();
    assert!(provider.token(&request).await.unwrap().is_same_as(&first));
    provider.invalidate(&request);
    assert!(!provider.token(&request).await.unwrap().is_same_as(&first));
    assert_eq!(provider.cloud(), Cloud::China);
    assert!(
        format!("{provider:?}").starts_with("AppOnlyProvider"),
        "{provider:?}"
    );
}

fn scene() -> Scene {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::token("t-1", 3_600))
        .answer(Answer::token("t-2", 3_600));
    Scene::with(ManualClock::new(), &endpoint, |builder| {
        builder.cloud(Cloud::China)
    })
}

#[tokio::test]
async fn every_pointer_to_a_provider_is_one() {
    exercise(scene().provider).await;
    exercise(Arc::new(scene().provider)).await;
    exercise(Box::new(scene().provider)).await;
    exercise(Arc::new(scene().provider) as Arc<dyn TokenProvider>).await;
    exercise(Box::new(scene().provider) as Box<dyn TokenProvider>).await;
    exercise(Arc::new(
        Box::new(scene().provider) as Box<dyn TokenProvider>
    ))
    .await;
    let forever: &'static AppOnlyProvider = Box::leak(Box::new(scene().provider));
    exercise(forever).await;
    let forever: &'static dyn TokenProvider = Box::leak(Box::new(scene().provider));
    exercise(forever).await;
}

#[tokio::test]
async fn clones_share_one_cache() {
    let scene = scene();
    let clone = scene.provider.clone();
    let first = scene.ask().await.unwrap();
    assert!(clone.token(&request()).await.unwrap().is_same_as(&first));
    clone.invalidate(&request());
    assert!(!scene.ask().await.unwrap().is_same_as(&first));
    assert_eq!(scene.requests(), 2);
}

#[test]
fn a_provider_and_its_futures_may_go_to_other_threads() {
    fn is_shared<T: Send + Sync + 'static>() {}
    fn is_sent<T: Send>() {}
    is_shared::<AppOnlyProvider>();
    is_shared::<Arc<dyn TokenProvider>>();
    is_sent::<TokenFuture<'_>>();
}

#[tokio::test]
async fn a_future_that_is_polled_after_its_end_is_an_error_and_no_panic() {
    let scene = scene();
    scene.text().await;
    let request = request();
    let mut call = scene.provider.token(&request);
    assert!((&mut call).await.is_ok());
    assert!((&mut call).await.is_err());
}
