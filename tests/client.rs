//! `PartnerClient` and `BearerMiddleware`, seen from outside, against the fake cloud.

#![cfg(all(feature = "reqwest", feature = "testing"))]
#![allow(clippy::panic, clippy::unwrap_used)] // helpers of tests are tests

mod support;

mod client {
    mod bodies;
    mod calls;
    mod conveniences;
    mod errors;
    mod layers;
    mod paging;
    mod refusals;
    mod throttling;
}
