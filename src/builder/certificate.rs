//! The builder's question about the credential, answered with a certificate.

use std::sync::Arc;

use super::{Builder, WantsAccess, WantsCredential};
use crate::credential::{ClientCertificate, Signer};

impl Builder<WantsCredential> {
    /// Sets the certificate with which the application proves itself.
    ///
    /// One signature serves a tenant for eight minutes, whatever the number of APIs. Entra learns
    /// the thumbprint and never the key, and an assertion is good for its own token endpoint only.
    ///
    /// # Protocol
    ///
    /// [Certificate credentials](https://learn.microsoft.com/entra/identity-platform/certificate-credentials),
    /// [RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2).
    #[cfg_attr(docsrs, doc(cfg(feature = "certificate")))]
    pub fn client_certificate(self, certificate: ClientCertificate) -> Builder<WantsAccess> {
        self.credential(Arc::new(Signer::new(certificate)))
    }
}
