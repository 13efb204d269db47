//! Text that must not reach a log: [`Secret`], and [`SecretBytes`] for whole messages.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use zeroize::Zeroizing;

/// A client secret, access token, refresh token or other text that must not reach a log.
///
/// `Debug` prints `Secret([redacted])`; there is no `Display`, no `Serialize` and no `PartialEq`.
/// The memory is wiped when the last clone goes. A clone is one counter, not a copy of the text.
///
/// ```
/// # use partner_auth::Secret;
/// let secret = Secret::new("hunter2");
/// assert_eq!(format!("{secret:?}"), "Secret([redacted])");
/// assert_eq!(secret.expose(), "hunter2");
/// ```
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Returns a secret that owns `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(text.into())))
    }

    /// Returns the text itself. Keep what it is passed to on a short list.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

/// The body of a message to or from a token endpoint: bytes that may hold secrets.
///
/// `Debug` prints the length only, and the memory is wiped when the last clone goes.
///
/// ```
/// # use partner_auth::SecretBytes;
/// let body = SecretBytes::from(b"client_secret=hunter2".to_vec());
/// assert_eq!(format!("{body:?}"), "SecretBytes([redacted; 21 bytes])");
/// ```
#[derive(Clone, Default)]
pub struct SecretBytes(Bytes);

impl SecretBytes {
    /// Returns the bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Returns the bytes as a shared buffer, without a copy. It still wipes itself at the end.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Bytes::from_owner(Zeroizing::new(bytes)))
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes([redacted; {} bytes])", self.0.len())
    }
}
