//! How the application proves itself: a secret, a certificate, or somebody else's assertion.
//!
//! | Module | Proof |
//! |---|---|
//! | `secret` | the value of a key |
//! | `secret_source` | the same, asked of the program for each token |
//! | `assertion` | a JWT that another issuer signed, asked of the program for each token |
//! | `certificate` | a JWT that the certificate's own key signs |
//! | `workload_identity` | the same, from a file that somebody else keeps fresh |
//! | `file` | how a credential's file is read |
//! | `rotation` | which refusals are worth one more look at the credential |

mod assertion;
#[cfg(feature = "certificate")]
mod certificate;
mod file;
mod rotation;
mod secret;
mod secret_source;
mod workload_identity;

use std::fmt;
use std::pin::Pin;

pub(crate) use assertion::FromSource;
pub use assertion::{AssertionFuture, AssertionRequest, AssertionSource};
#[cfg(feature = "certificate")]
pub use certificate::ClientCertificate;
#[cfg(feature = "certificate")]
pub(crate) use certificate::Signer;
pub(crate) use rotation::hints_at_rotation;
pub use secret::ClientSecret;
pub(crate) use secret_source::SecretSource;
pub use workload_identity::WorkloadIdentityFile;

use crate::clock::Timestamp;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::id::{ClientId, TenantId};
use crate::protocol::token_request::Proof;

/// Whatever an application can prove itself with. Asked once for each token that is fetched, so
/// that what changes outside needs no restart.
pub(crate) trait ClientCredential: fmt::Debug + Send + Sync {
    fn proof<'a>(&'a self, ask: ProofRequest<'a>) -> ProofFuture<'a>;
}

pub(crate) type ProofFuture<'a> = Pin<Box<dyn Future<Output = Result<Proof, Error>> + Send + 'a>>;

/// To whom the application proves itself, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProofRequest<'a> {
    /// The token endpoint of the configured cloud and tenant, and of nothing that a server said:
    /// an assertion for another audience could be used there (CVE-2025-27370).
    pub(crate) audience: &'a str,
    pub(crate) client: &'a ClientId,
    pub(crate) tenant: &'a TenantId,
    #[cfg_attr(not(feature = "certificate"), allow(dead_code))] // only who signs needs it
    pub(crate) now: Timestamp,
    #[cfg_attr(not(feature = "certificate"), allow(dead_code))] // only who signs needs it
    pub(crate) entropy: &'a dyn Entropy,
    /// The proof given last was refused: look again.
    pub(crate) is_repeated: bool,
}
