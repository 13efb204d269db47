//! The app-only provider, seen from outside: what it asks of Entra, when, and what callers get.

#![cfg(feature = "testing")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // helpers of tests are tests
#![allow(clippy::unchecked_time_subtraction)] // a test that comes below zero has failed

mod provider {
    pub(crate) mod support;

    mod bound;
    mod cancel;
    mod clocks;
    mod cold;
    mod demand;
    #[cfg(feature = "reqwest")]
    mod fake_cloud;
    mod isolation;
    mod lifetime;
    mod panicking;
    mod pointers;
    mod refresh;
    mod refusal;
    mod retry;
    mod runtimes;
    mod variables;
    mod wire;
}
