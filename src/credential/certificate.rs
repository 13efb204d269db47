//! A certificate and its private key: [`ClientCertificate`].

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use zeroize::Zeroizing;

use super::{ClientCredential, ProofFuture, ProofRequest, file};
use crate::clock::Timestamp;
use crate::error::{ConfigError, Error, FileFlaw};
use crate::id::{CorrelationId, TenantId};
use crate::protocol::client_assertion::{self, Algorithm, ClientAssertion};
use crate::protocol::token_request::Proof;
use crate::secret::Secret;

/// A certificate of an app registration, with its RSA private key.
///
/// The certificate is uploaded at the app registration; the key never leaves this program. `Debug`
/// shows the thumbprint, which the portal shows too, and nothing of the key.
///
/// ```no_run
/// # use partner_auth::{ClientCertificate, PartnerAuth};
/// let provider = PartnerAuth::builder()
///     .tenant("contoso.onmicrosoft.com".parse()?)
///     .client("11112222-bbbb-3333-cccc-4444dddd5555".parse()?)
///     .client_certificate(ClientCertificate::from_pem_file("/run/secrets/partner.pem")?)
///     .app_only();
/// # Ok::<(), partner_auth::ConfigError>(())
/// ```
///
/// # Protocol
///
/// [Certificate credentials](https://learn.microsoft.com/entra/identity-platform/certificate-credentials),
/// [RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2).
#[derive(Clone)]
pub struct ClientCertificate {
    material: Arc<Material>,
    /// Where to look for its successor.
    path: Option<Arc<Path>>,
    algorithm: Algorithm,
    sends_chain: bool,
}

/// What a PEM text holds.
struct Material {
    key: KeyPair,
    /// The DER of each certificate, that of the key first.
    chain: Vec<Vec<u8>>,
    thumbprint: [u8; 32],
}

impl ClientCertificate {
    /// Reads a private key and its certificate, in any order, from PEM text.
    ///
    /// The key is PKCS#8 (`BEGIN PRIVATE KEY`) or PKCS#1 (`BEGIN RSA PRIVATE KEY`), RSA of 2048 to
    /// 8192 bits, not encrypted. Of several certificates the key's own is found by itself; the
    /// others are its chain. Text outside the sections is skipped.
    ///
    /// # Errors
    ///
    /// [`ConfigError::CredentialFile`] says what is missing or wrong, and what to do.
    pub fn from_pem(pem: &[u8]) -> Result<Self, ConfigError> {
        match pem.len() {
            0 => Err(FileFlaw::Empty),
            length if length > LIMIT => Err(FileFlaw::TooLarge),
            _ => Material::from_pem(pem),
        }
        .map(|material| Self::new(material, None))
        .map_err(|flaw| ConfigError::CredentialFile {
            file: "the PEM text of the client certificate".into(),
            flaw,
        })
    }

    /// Reads a file as [`from_pem`](Self::from_pem) does, 1 MiB at the most.
    ///
    /// When Entra refuses the certificate, the file is read again before the call fails, so that a
    /// renewed one needs no restart.
    ///
    /// # Errors
    ///
    /// [`ConfigError::CredentialFile`] names the file, what is wrong with it, and what to do.
    pub fn from_pem_file(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let path: PathBuf = path.into();
        match Material::from_file(&path) {
            Ok(material) => Ok(Self::new(material, Some(path.into()))),
            Err(flaw) => Err(file::unusable(&path, flaw)),
        }
    }

    /// Signs with RS256 instead of PS256, for an authority that takes nothing newer.
    #[must_use]
    pub fn with_rs256(mut self) -> Self {
        self.algorithm = Algorithm::Rs256;
        self
    }

    /// Sends the certificates along (`x5c`), for an app registration that trusts a subject name and
    /// issuer instead of one certificate. The default sends the thumbprint only.
    #[must_use]
    pub fn with_x5c(mut self) -> Self {
        self.sends_chain = true;
        self
    }

    /// Returns the SHA-256 thumbprint of the certificate, in upper-case hexadecimal.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        use fmt::Write as _;

        let mut text = String::with_capacity(64);
        for byte in self.material.thumbprint {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02X}");
        }
        text
    }

    fn new(material: Material, path: Option<Arc<Path>>) -> Self {
        Self {
            material: Arc::new(material),
            path,
            algorithm: Algorithm::default(),
            sends_chain: false,
        }
    }

    fn sign(&self, ask: ProofRequest<'_>) -> Result<Secret, Error> {
        let mut drawn = [0; 16];
        ask.entropy.fill(&mut drawn)?;
        let Material {
            key,
            chain,
            thumbprint,
        } = &*self.material;
        let input = ClientAssertion {
            algorithm: self.algorithm,
            thumbprint,
            chain: if self.sends_chain { chain } else { &[] },
            audience: ask.audience,
            client: ask.client,
            issued_at: ask.now.wall(),
            id: CorrelationId::from_random(u128::from_le_bytes(drawn)),
        }
        .signing_input()?;

        let scheme: &'static dyn RsaEncoding = match self.algorithm {
            Algorithm::Ps256 => &RSA_PSS_SHA256,
            Algorithm::Rs256 => &RSA_PKCS1_SHA256,
        };
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(
            scheme,
            &SystemRandom::new(),
            input.as_bytes(),
            &mut signature,
        )
        .map_err(|error| Error::config("the client assertion cannot be signed").caused_by(error))?;
        Ok(client_assertion::compact(&input, &signature))
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("path", &self.path)
            .field("thumbprint", &self.thumbprint())
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Material {
    fn from_file(path: &Path) -> Result<Self, FileFlaw> {
        Self::from_pem(&file::read(path, LIMIT)?)
    }

    fn from_pem(pem: &[u8]) -> Result<Self, FileFlaw> {
        let (mut keys, mut chain, mut others) = (Vec::new(), Vec::new(), 0);
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
            // The reader skips kinds it does not know, but not headers within those it does.
            let (kind, der) = section.map_err(|_| match is_encrypted(pem) {
                true => FileFlaw::EncryptedKey,
                false => FileFlaw::NotPem,
            })?;
            match kind {
                SectionKind::Certificate => chain.push(der),
                SectionKind::EcPrivateKey
                | SectionKind::PrivateKey
                | SectionKind::RsaPrivateKey => keys.push((kind, Zeroizing::new(der))),
                _ => others += 1,
            }
        }

        let (kind, der) = match &*keys {
            [one] => one,
            [_, _, ..] => return Err(FileFlaw::SeveralKeys),
            [] if is_encrypted(pem) => return Err(FileFlaw::EncryptedKey),
            [] if chain.is_empty() && others == 0 => return Err(FileFlaw::NotPem),
            [] => return Err(FileFlaw::NoPrivateKey),
        };
        let key = match kind {
            SectionKind::RsaPrivateKey => KeyPair::from_der(der),
            SectionKind::PrivateKey if names_rsa(der) => KeyPair::from_pkcs8(der),
            _ => return Err(FileFlaw::KeyNotRsa),
        };
        let key = key.map_err(|_| FileFlaw::UnusableKey)?;

        if chain.is_empty() {
            return Err(FileFlaw::NoCertificate);
        }
        // A certificate holds its public key in the one form that DER allows, as it stands here.
        let own = chain
            .iter()
            .position(|certificate| contains(certificate, key.public_key().as_ref()))
            .ok_or(FileFlaw::KeyMismatch)?;
        chain[..=own].rotate_right(1);

        let mut thumbprint = [0; 32];
        thumbprint.copy_from_slice(digest(&SHA256, &chain[0]).as_ref());
        Ok(Self {
            key,
            chain,
            thumbprint,
        })
    }
}

/// PKCS#8's own section, or the header of older forms ([RFC 1421](https://www.rfc-editor.org/rfc/rfc1421)).
fn is_encrypted(pem: &[u8]) -> bool {
    contains(pem, b"BEGIN ENCRYPTED PRIVATE KEY") || contains(pem, b"Proc-Type: 4,ENCRYPTED")
}

/// Returns `true` when a PKCS#8 key says that it is RSA: its algorithm stands at the beginning.
fn names_rsa(pkcs8: &[u8]) -> bool {
    const RSA_ENCRYPTION: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
    contains(&pkcs8[..pkcs8.len().min(32)], RSA_ENCRYPTION)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A certificate as the credential it is: signs, and reuses what it signed.
///
/// A signature is the dearest part of a token request, so one serves a tenant for eight of its ten
/// minutes, whatever the number of APIs.
pub(crate) struct Signer {
    certificate: Mutex<ClientCertificate>,
    signed: Mutex<HashMap<TenantId, Arc<Slot>>>,
}

/// The assertion of one tenant. Its own lock, so that two tenants sign at the same time.
type Slot = Mutex<Option<Signed>>;

struct Signed {
    assertion: Secret,
    until: Timestamp,
}

impl Signer {
    pub(crate) fn new(certificate: ClientCertificate) -> Self {
        Self {
            certificate: Mutex::new(certificate),
            signed: Mutex::default(),
        }
    }

    fn assertion(&self, ask: ProofRequest<'_>) -> Result<Secret, Error> {
        if ask.is_repeated {
            self.look_again();
        }
        let slot = self.slot(ask.tenant);
        let mut slot = lock(&slot);
        match &*slot {
            Some(signed) if !ask.is_repeated && !ask.now.has_reached(signed.until) => {
                return Ok(signed.assertion.clone());
            }
            _ => *slot = None,
        }
        let certificate = lock(&self.certificate).clone();
        let assertion = certificate.sign(ask)?;
        *slot = Some(Signed {
            assertion: assertion.clone(),
            until: ask.now.after(client_assertion::LIFE.saturating_sub(MARGIN)),
        });
        Ok(assertion)
    }

    fn slot(&self, tenant: &TenantId) -> Arc<Slot> {
        let mut signed = lock(&self.signed);
        if signed.len() >= MOST_TENANTS && !signed.contains_key(tenant) {
            // Each is good for minutes only; to sign some again is cheaper than to keep book.
            signed.clear();
        }
        Arc::clone(signed.entry(tenant.clone()).or_default())
    }

    /// Takes a renewed certificate from the file. One that cannot be read changes nothing.
    fn look_again(&self) {
        let mut certificate = lock(&self.certificate);
        let Some(path) = certificate.path.clone() else {
            return;
        };
        match Material::from_file(&path) {
            Ok(material) if material.thumbprint != certificate.material.thumbprint => {
                certificate.material = Arc::new(material);
                let thumbprint = certificate.thumbprint();
                drop(certificate);
                lock(&self.signed).clear();
                tracing::info!(%thumbprint, "client certificate read again");
            }
            Ok(_) => {}
            Err(flaw) => {
                tracing::warn!(file = %path.display(), %flaw, "client certificate cannot be read again");
            }
        }
    }
}

impl ClientCredential for Signer {
    fn proof<'a>(&'a self, ask: ProofRequest<'a>) -> ProofFuture<'a> {
        Box::pin(async move { self.assertion(ask).map(Proof::Assertion) })
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lock(&self.certificate).fmt(f)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long before its end an assertion is used no more: clocks differ, and a request may wait.
const MARGIN: std::time::Duration = std::time::Duration::from_secs(2 * 60);

/// For so many tenants an assertion is kept, at 1 KB each.
const MOST_TENANTS: usize = 4_096;

/// No key with its chain is longer: a certificate is 2 KB.
const LIMIT: usize = 1024 * 1024;
