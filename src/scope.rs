//! What a token is good for: [`Scope`] and [`ScopeSet`].

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use foldhash::quality::FixedState;

use crate::error::{ConfigError, Flaw};

/// One scope: a permission of one API, such as `https://api.partner.microsoft.com/.default`.
///
/// ```
/// # use partner_auth::Scope;
/// let scope: Scope = "https://api.partner.microsoft.com/.default".parse()?;
/// assert_eq!(scope.as_str(), "https://api.partner.microsoft.com/.default");
/// assert!("two scopes".parse::<Scope>().is_err());
/// # Ok::<(), partner_auth::ConfigError>(())
/// ```
///
/// # Protocol
///
/// [RFC 6749 §3.3](https://www.rfc-editor.org/rfc/rfc6749#section-3.3): printable ASCII without
/// space, `"` and `\`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Scope(Arc<str>);

impl Scope {
    /// Returns the scope as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let is_scope_char = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        let flaw = if text.is_empty() {
            Flaw::Empty
        } else if text.starts_with('"') || text.starts_with('\'') {
            Flaw::Quoted
        } else if text.contains(char::is_whitespace) {
            Flaw::WhiteSpace
        } else if text.contains(['<', '>', '{', '}']) {
            Flaw::Placeholder
        } else if !text.bytes().all(is_scope_char) {
            Flaw::NotAScope
        } else {
            return Ok(Self(text.into()));
        };
        Err(ConfigError::Scope(flaw))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The scopes of one token: sorted, each once. A clone is one counter.
///
/// The order in which scopes are given does not matter, to Entra or to the cache:
///
/// ```
/// # use partner_auth::ScopeSet;
/// let one: ScopeSet = "https://graph.microsoft.com/User.Read offline_access".parse()?;
/// let two: ScopeSet = "offline_access https://graph.microsoft.com/User.Read".parse()?;
/// assert_eq!(one, two);
/// # Ok::<(), partner_auth::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct ScopeSet(Arc<Joined>);

struct Joined {
    text: Box<str>,
    /// Of `text`, so that a cache look-up does not read it again.
    hash: u64,
}

impl ScopeSet {
    /// Returns the set of `scopes`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Scope`] when there are none. Name at least one.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Result<Self, ConfigError> {
        let mut scopes: Vec<Scope> = scopes.into_iter().collect();
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            return Err(ConfigError::Scope(Flaw::Empty));
        }

        let words: Vec<&str> = scopes.iter().map(Scope::as_str).collect();
        let text = words.join(" ").into_boxed_str();
        let hash = FixedState::with_seed(0).hash_one(&text);
        Ok(Self(Arc::new(Joined { text, hash })))
    }

    /// Returns the scopes as they are sent: sorted, with one space between.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }
}

impl From<Scope> for ScopeSet {
    fn from(scope: Scope) -> Self {
        let text = Box::from(scope.as_str());
        let hash = FixedState::with_seed(0).hash_one(&text);
        Self(Arc::new(Joined { text, hash }))
    }
}

impl FromStr for ScopeSet {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let scopes: Result<Vec<Scope>, ConfigError> =
            text.split_ascii_whitespace().map(Scope::from_str).collect();
        Self::new(scopes?)
    }
}

impl PartialEq for ScopeSet {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.text == other.0.text
    }
}

impl Eq for ScopeSet {}

impl Hash for ScopeSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScopeSet({})", self.as_str())
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
