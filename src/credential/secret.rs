//! A key of an app registration.

use std::fmt;
use std::str::FromStr;

use super::{ClientCredential, ProofFuture, ProofRequest};
use crate::error::{ConfigError, Flaw};
use crate::id::{flaw_of, is_guid};
use crate::protocol::token_request::Proof;
use crate::secret::Secret;

/// A key of an app registration: the *value* that the portal shows once.
///
/// ```
/// # use partner_auth::ClientSecret;
/// let secret: ClientSecret = "Kx-8Q~0d3pT5vZ1uR6sW9yB2eH4jL7nM8oP0qA5c".parse()?;
/// assert_eq!(format!("{secret:?}"), "ClientSecret([redacted])");
///
/// // The key's id, from the column next to it:
/// assert!("0f9e8d7c-6b5a-4321-8765-4321fedcba98".parse::<ClientSecret>().is_err());
/// # Ok::<(), partner_auth::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct ClientSecret(Secret);

impl ClientSecret {
    /// Returns the key as a [`Secret`].
    pub(crate) fn secret(&self) -> &Secret {
        &self.0
    }
}

impl ClientCredential for ClientSecret {
    fn proof<'a>(&'a self, _: ProofRequest<'a>) -> ProofFuture<'a> {
        Box::pin(async { Ok(Proof::Secret(self.0.clone())) })
    }
}

impl TryFrom<Secret> for ClientSecret {
    type Error = ConfigError;

    fn try_from(secret: Secret) -> Result<Self, ConfigError> {
        match flaw(secret.expose()) {
            None => Ok(Self(secret)),
            Some(flaw) => Err(ConfigError::ClientSecret(flaw)),
        }
    }
}

impl FromStr for ClientSecret {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::try_from(Secret::new(text))
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret([redacted])")
    }
}

/// Entra's keys are printable ASCII; a key may hold quotes and braces, but not around it.
fn flaw(text: &str) -> Option<Flaw> {
    match flaw_of(text) {
        Some(Flaw::Placeholder) if !is_placeholder(text) => None,
        Some(flaw) => Some(flaw),
        None if is_guid(text) => Some(Flaw::KeyId),
        None if !text.bytes().all(|byte| byte.is_ascii_graphic()) => Some(Flaw::Unprintable),
        None => None,
    }
}

/// A key may hold braces and begin with any letters; a placeholder is bracketed, or is words alone.
fn is_placeholder(text: &str) -> bool {
    let is_bracketed = |open, close| text.starts_with(open) && text.ends_with(close);
    let is_words = text
        .bytes()
        .all(|byte| byte.is_ascii_alphabetic() || b"-_".contains(&byte));
    is_bracketed('<', '>') || is_bracketed('{', '}') || is_words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_pasted_wrongly_is_refused_with_what_is_wrong() {
        #[rustfmt::skip]
        let table = [
            ("",                                          Some(Flaw::Empty)),
            ("<client-secret>",                           Some(Flaw::Placeholder)),
            ("{client_secret}",                           Some(Flaw::Placeholder)),
            ("YOUR_CLIENT_SECRET_HERE",                   Some(Flaw::Placeholder)),
            ("your-secret",                               Some(Flaw::Placeholder)),
            ("\"Kx-8Q~0d3pT5vZ1uR6sW9yB2eH4jL7nM8oP0qA5c\"", Some(Flaw::Quoted)),
            ("Kx-8Q~0d3pT5vZ1uR6sW9yB2eH4jL7nM8oP0qA5c\n", Some(Flaw::WhiteSpace)),
            ("0f9e8d7c-6b5a-4321-8765-4321fedcba98",      Some(Flaw::KeyId)),
            ("00000000-0000-0000-0000-000000000000",      Some(Flaw::ZeroGuid)),
            ("https://vault.azure.net/secrets/x",         Some(Flaw::Url)),
            ("Kx-8Q~0d3pT5vZ1uR6sW9yB2eH4jL7nM8oP0qA5ü",  Some(Flaw::Unprintable)),
            ("Kx-8Q~0d3pT5vZ1uR6sW9yB2eH4jL7nM8oP0qA5c",  None),
            ("a{b}c<d>e[f]=@/:?&+%old-style-key",         None),
        ];
        for (text, expected) in table {
            assert_eq!(flaw(text), expected, "{text:?}");
        }
    }
}
