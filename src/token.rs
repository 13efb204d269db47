//! What a provider gives: [`AccessToken`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::id::TenantId;
use crate::key::{Key, KeyRef};
use crate::scope::ScopeSet;

/// An access token, ready to be sent.
///
/// Opaque: nothing in this crate reads what is in it, and neither should you
/// ([RFC 6749 §1.4](https://www.rfc-editor.org/rfc/rfc6749#section-1.4)). `Debug` never shows it. A
/// clone is one counter, and the `Authorization` header is made once per token, not once per
/// request. The memory is wiped when the last clone goes.
///
/// ```
/// # use partner_auth::AccessToken;
/// # use std::time::{Duration, SystemTime, UNIX_EPOCH};
/// let token = AccessToken::new("eyJ0eXAi", UNIX_EPOCH + Duration::from_secs(1_800_000_000))?;
/// assert_eq!(token.secret(), "eyJ0eXAi");
/// assert_eq!(token.authorization(), "Bearer eyJ0eXAi");
/// assert!(!format!("{token:?}").contains("eyJ0eXAi"));
/// # Ok::<(), partner_auth::Error>(())
/// ```
#[derive(Clone)]
pub struct AccessToken(Arc<Inner>);

/// All that a hit of the cache reads, side by side: among many tenants it is the lines that cost.
struct Inner {
    life: Life,
    /// What the token is for, if a provider of this crate got it.
    key: Option<Key>,
    /// `Bearer <token>`, marked sensitive.
    authorization: HeaderValue,
    /// Set whenever the cache gives the token out, taken back at each look of its eviction.
    used: AtomicBool,
}

/// When a token is renewed, and when it is no longer given out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) renewal: Timestamp,
    pub(crate) death: Timestamp,
    pub(crate) expiry: Timestamp,
}

impl AccessToken {
    /// Returns a token of your own provider's, which expires at `expires_on`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] when the text cannot stand in a header: it is empty, or has spaces,
    /// control characters or characters beyond ASCII. Check where it came from.
    pub fn new(text: &str, expires_on: SystemTime) -> Result<Self, Error> {
        // No monotonic clock is asked here: whoever made the token decides how long it serves.
        let expiry = Timestamp::new(expires_on, Duration::MAX);
        let life = Life {
            renewal: expiry,
            death: expiry,
            expiry,
        };
        Blank::new().fill(text, None, life)
    }

    /// Returns the token's text. Keep what it is passed to on a short list.
    #[must_use]
    pub fn secret(&self) -> &str {
        self.0
            .authorization
            .to_str()
            .ok()
            .and_then(|text| text.strip_prefix(SCHEME))
            .unwrap_or_default()
    }

    /// Returns the value of an `Authorization` header with this token, marked sensitive.
    ///
    /// # Protocol
    ///
    /// [RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1).
    #[must_use]
    pub fn authorization(&self) -> &HeaderValue {
        &self.0.authorization
    }

    /// Returns when the token expires. It may be revoked before.
    #[must_use]
    pub fn expires_on(&self) -> SystemTime {
        self.0.life.expiry.wall()
    }

    /// Returns when a provider of this crate begins to renew the token, in the background.
    #[must_use]
    pub fn refresh_on(&self) -> SystemTime {
        self.0.life.renewal.wall()
    }

    /// Returns the tenant that was asked for the token, if a provider of this crate got it.
    #[must_use]
    pub fn tenant(&self) -> Option<&TenantId> {
        self.0.key.as_ref().map(|key| &key.tenant)
    }

    /// Returns the scopes that the token was asked with, if a provider of this crate got it.
    #[must_use]
    pub fn scopes(&self) -> Option<&ScopeSet> {
        self.0.key.as_ref().map(|key| &key.scopes)
    }

    /// Returns `true` when both are the same token.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.authorization == other.0.authorization
    }

    #[inline]
    pub(crate) fn life(&self) -> &Life {
        &self.0.life
    }

    #[inline]
    pub(crate) fn is_for(&self, key: KeyRef<'_>) -> bool {
        self.0.key.as_ref().is_some_and(|own| own.view() == key)
    }

    /// Writes once, not at every hit: a line that everybody writes is a line that everybody waits
    /// for.
    #[inline]
    pub(crate) fn mark_used(&self) {
        if !self.0.used.load(Ordering::Relaxed) {
            self.0.used.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn take_used(&self) -> bool {
        self.0.used.swap(false, Ordering::Relaxed)
    }
}

/// A token yet to be written.
///
/// Blanks made one after the other lie side by side in memory. A cache of many tenants makes them
/// so: strewn among the tokens' texts, each would cost a hit two more misses of the CPU's caches.
pub(crate) struct Blank(Arc<Inner>);

impl Blank {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            life: Life {
                renewal: Timestamp::BEGINNING,
                death: Timestamp::BEGINNING,
                expiry: Timestamp::BEGINNING,
            },
            key: None,
            authorization: HeaderValue::from_static(""),
            used: AtomicBool::new(false),
        }))
    }

    /// Returns the token, or [`ErrorKind::Malformed`] when the text cannot stand in a header.
    pub(crate) fn fill(
        mut self,
        text: &str,
        key: Option<Key>,
        life: Life,
    ) -> Result<AccessToken, Error> {
        let authorization = bearer(text).ok_or_else(|| {
            Error::new(
                ErrorKind::Malformed,
                "the access token cannot stand in a header",
            )
        })?;
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            *inner = Inner {
                life,
                key,
                authorization,
                used: AtomicBool::new(false),
            };
        }
        Ok(AccessToken(self.0))
    }
}

/// The header's value, or `None` when the text cannot stand in a header.
fn bearer(text: &str) -> Option<HeaderValue> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut header = Zeroizing::new(Vec::with_capacity(SCHEME.len() + text.len()));
    header.extend_from_slice(SCHEME.as_bytes());
    header.extend_from_slice(text.as_bytes());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(header)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires_on", &self.expires_on())
            .finish_non_exhaustive()
    }
}

const SCHEME: &str = "Bearer ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_could_break_a_header_is_refused() {
        let later = SystemTime::UNIX_EPOCH + Duration::from_secs(9);
        for text in ["", "a b", "a\r\nx: y", "a\tb", "tökén", "a\0"] {
            assert!(AccessToken::new(text, later).is_err(), "{text:?}");
        }
        assert!(
            AccessToken::new("not.a.jwt", later).is_ok(),
            "a token is opaque"
        );
    }

    #[test]
    fn the_header_is_marked_sensitive() {
        let token = AccessToken::new("t", SystemTime::UNIX_EPOCH).unwrap();
        assert!(token.authorization().is_sensitive());
        assert_eq!(format!("{:?}", token.authorization()), "Sensitive");
    }
}
