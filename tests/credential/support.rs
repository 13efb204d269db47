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

/// A key and a certificate, made at run time.
pub(crate) struct Pair {
    pub(crate) key: rcgen::KeyPair,
    pub(crate) certificate: rcgen::Certificate,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self::of(&rcgen::PKCS_RSA_SHA256)
    }

    pub(crate) fn of(algorithm: &'static rcgen::SignatureAlgorithm) -> Self {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let params = rcgen::CertificateParams::new(["partner.example".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { key, certificate }
    }

    /// Returns key and certificate as one PEM text.
    pub(crate) fn pem(&self) -> String {
        self.key.serialize_pem() + &self.certificate.pem()
    }

    /// Returns the key in the older form: the inner part of PKCS#8.
    pub(crate) fn pkcs1(&self) -> Vec<u8> {
        self.key.serialize_der()[26..].to_vec()
    }
}

/// Returns the pair that is made once: an RSA key takes a while.
pub(crate) fn pair() -> &'static Pair {
    static PAIR: std::sync::LazyLock<Pair> = std::sync::LazyLock::new(Pair::new);
    &PAIR
}

/// Returns `der` as a section of a PEM text.
pub(crate) fn section(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;

    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).collect();
    let lines = String::from_utf8(lines.join(&b'\n')).unwrap();
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}
