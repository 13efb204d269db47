//! The doubles of the feature `testing`, seen from outside with a plain HTTP client.

#![cfg(all(feature = "reqwest", feature = "testing"))]
#![allow(clippy::panic, clippy::unwrap_used)] // helpers of tests are tests

mod testing {
    pub(crate) mod support;

    mod clock;
    mod entra;
    mod faults;
    mod partner_api;
    mod partner_center;
    mod transport;
}
