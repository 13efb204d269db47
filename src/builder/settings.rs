//! What has a default.

use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::cloud::Cloud;
use crate::entropy::{Entropy, SystemEntropy};
use crate::transport::Transport;
use crate::transport::retry::RetryPolicy;

pub(super) struct Settings {
    pub(super) cloud: Cloud,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) retry: RetryPolicy,
    pub(super) bound: usize,
    pub(super) continuous_access: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cloud: Cloud::default(),
            transport: default_transport(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            retry: RetryPolicy::default(),
            bound: 131_072,
            continuous_access: false,
        }
    }
}

#[cfg(feature = "reqwest")]
fn default_transport() -> Arc<dyn Transport> {
    Arc::new(crate::transport::reqwest::ReqwestTransport::default())
}

#[cfg(not(feature = "reqwest"))]
fn default_transport() -> Arc<dyn Transport> {
    Arc::new(crate::transport::NoTransport)
}
