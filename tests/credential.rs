//! How an application proves itself, seen from outside.

#![cfg(all(feature = "certificate", feature = "reqwest", feature = "testing"))]
#![allow(clippy::panic, clippy::unwrap_used)] // helpers of tests are tests

mod credential {
    pub(crate) mod support;

    mod assertion;
    mod certificate;
    mod environment;
    mod fake;
    mod rotation;
    mod workload_identity;
}
