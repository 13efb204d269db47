//! A key that the program looks up for each token.

use std::error::Error as StdError;
use std::fmt;

use super::assertion::failed_source;
use super::{ClientCredential, ClientSecret, ProofFuture, ProofRequest};
use crate::protocol::token_request::Proof;

/// A function that returns the current key.
pub(crate) struct SecretSource<F>(pub(crate) F);

impl<F, Fut, E> ClientCredential for SecretSource<F>
where
    F: Fn() -> Fut + Send + Sync,
    Fut: Future<Output = Result<ClientSecret, E>> + Send,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    fn proof<'a>(&'a self, _: ProofRequest<'a>) -> ProofFuture<'a> {
        Box::pin(async move {
            match (self.0)().await {
                Ok(secret) => Ok(Proof::Secret(secret.secret().clone())),
                Err(error) => Err(failed_source(error.into())),
            }
        })
    }
}

impl<F> fmt::Debug for SecretSource<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretSource")
    }
}
