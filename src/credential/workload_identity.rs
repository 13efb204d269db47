//! The token file of a workload: [`WorkloadIdentityFile`].

use std::path::{Path, PathBuf};

use super::assertion::{AssertionFuture, AssertionRequest, AssertionSource, LIMIT, is_compact_jwt};
use super::file;
use crate::error::FileFlaw;
use crate::secret::Secret;

/// The file in which Kubernetes keeps a workload's own token fresh.
///
/// It is read again for each token that is fetched: a kubelet replaces its content after four
/// fifths of an hour.
///
/// ```
/// # use partner_auth::{PartnerAuth, WorkloadIdentityFile};
/// let provider = PartnerAuth::builder()
///     .tenant("contoso.onmicrosoft.com".parse()?)
///     .client("11112222-bbbb-3333-cccc-4444dddd5555".parse()?)
///     .client_assertion(WorkloadIdentityFile::new(
///         "/var/run/secrets/azure/tokens/azure-identity-token",
///     ))
///     .app_only();
/// # Ok::<(), partner_auth::ConfigError>(())
/// ```
///
/// [`PartnerAuth::from_env`](crate::PartnerAuth::from_env) takes the path from
/// `AZURE_FEDERATED_TOKEN_FILE`.
///
/// # Protocol
///
/// [Azure Workload Identity](https://learn.microsoft.com/azure/aks/workload-identity-overview).
#[derive(Clone, Debug)]
pub struct WorkloadIdentityFile(PathBuf);

impl WorkloadIdentityFile {
    /// Returns a source that reads `path`. Nothing is read yet.
    ///
    /// A file of more than 64 KiB, an empty one, and one that holds no JWT are
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when a token is asked for; a line break at
    /// the end does no harm.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Returns the path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn read(&self) -> Result<Secret, FileFlaw> {
        let bytes = file::read(&self.0, LIMIT)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| FileFlaw::NotAToken)?;
        match text.trim_ascii_end() {
            text if is_compact_jwt(text) => Ok(Secret::new(text)),
            _ => Err(FileFlaw::NotAToken),
        }
    }
}

impl AssertionSource for WorkloadIdentityFile {
    fn assertion<'a>(&'a self, _: &'a AssertionRequest) -> AssertionFuture<'a> {
        AssertionFuture::new(
            async move { self.read().map_err(|flaw| file::unusable(&self.0, flaw)) },
        )
    }
}
