//! A provider in the making, and a folder for its files.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use partner_auth::{Api, Builder, PartnerAuth, TokenRequest, WantsCredential};

pub(crate) const TENANT: &str = "contoso.onmicrosoft.com";
pub(crate) const CLIENT: &str = "11112222-bbbb-3333-cccc-4444dddd5555";

pub(crate) fn builder() -> Builder<WantsCredential> {
    PartnerAuth::builder()
        .tenant(TENANT.parse().unwrap())
        .client(CLIENT.parse().unwrap())
}

pub(crate) fn request() -> TokenRequest {
    TokenRequest::new(Api::PartnerCenter)
}

/// A folder of a test's own, removed with it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("partner-auth-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
