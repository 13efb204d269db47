#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Here and not in the manifest: examples may talk.
#![deny(clippy::print_stderr, clippy::print_stdout)]

mod api;
mod builder;
mod cache;
#[cfg_attr(
    not(feature = "reqwest"),
    allow(dead_code, reason = "the rules stay; who carries them is off")
)]
mod client;
mod clock;
mod cloud;
mod credential;
#[cfg_attr(
    not(feature = "reqwest"),
    allow(
        dead_code,
        reason = "the services' texts are read by the HTTP client alone"
    )
)]
mod diagnosis;
mod entropy;
#[cfg_attr(
    not(feature = "reqwest"),
    allow(dead_code, reason = "some is made by the HTTP client alone")
)]
mod error;
mod flow;
mod id;
mod key;
#[cfg_attr(
    not(feature = "reqwest"),
    allow(dead_code, reason = "challenges are read by the HTTP client alone")
)]
mod protocol;
mod provider;
#[cfg_attr(
    not(feature = "reqwest"),
    allow(dead_code, reason = "the HTTP client alone repeats requests")
)]
mod request;
mod scope;
mod secret;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
mod token;
mod transport;

pub use api::{Api, ApiEndpoint, CustomApi};
pub use builder::{Builder, PartnerAuth, WantsAccess, WantsClient, WantsCredential, WantsTenant};
pub use client::api_error::ApiError;
pub use client::page::Page;
#[cfg(feature = "reqwest")]
#[cfg_attr(docsrs, doc(cfg(feature = "reqwest")))]
pub use client::{
    items::Items,
    middleware::BearerMiddleware,
    partner::{PartnerClient, PartnerClientBuilder},
    partner_request::PartnerRequest,
    partner_response::PartnerResponse,
};
pub use clock::{Clock, Sleep, SystemClock, Timestamp};
pub use cloud::{Cloud, CustomCloud};
#[cfg(feature = "certificate")]
#[cfg_attr(docsrs, doc(cfg(feature = "certificate")))]
pub use credential::ClientCertificate;
pub use credential::{
    AssertionFuture, AssertionRequest, AssertionSource, ClientSecret, WorkloadIdentityFile,
};
pub use diagnosis::{Diagnosis, SetupStep};
pub use entropy::{Entropy, SystemEntropy};
pub use error::{ConfigError, Error, ErrorKind, FileFlaw, Flaw};
pub use id::{ClientId, CorrelationId, TenantId};
pub use provider::{AppOnlyProvider, TokenFuture, TokenProvider};
pub use request::TokenRequest;
pub use scope::{Scope, ScopeSet};
pub use secret::{Secret, SecretBytes};
pub use token::AccessToken;
#[cfg(feature = "reqwest")]
#[cfg_attr(docsrs, doc(cfg(feature = "reqwest")))]
pub use transport::reqwest::{ReqwestTransport, ReqwestTransportBuilder};
pub use transport::retry::RetryPolicy;
pub use transport::{Transport, TransportError, TransportErrorKind, TransportFuture};
