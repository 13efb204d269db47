//! Ids with a check at the door: [`TenantId`], [`ClientId`], [`CorrelationId`].

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;

use crate::error::{ConfigError, Flaw};

/// A tenant (directory), by GUID or by verified domain.
///
/// Kept in lower case, so two spellings of one tenant share one cache entry. A GUID is stored
/// inline: to clone one is to copy 40 bytes.
///
/// `common`, `organizations` and `consumers` are refused: they name no tenant, and app-only access
/// needs one.
///
/// ```
/// # use partner_auth::TenantId;
/// let tenant: TenantId = "Contoso.OnMicrosoft.com".parse()?;
/// assert_eq!(tenant.as_str(), "contoso.onmicrosoft.com");
///
/// assert!("common".parse::<TenantId>().is_err());
/// assert!("<tenant-id>".parse::<TenantId>().is_err());
/// assert!("contoso.com/../evil".parse::<TenantId>().is_err());
/// # Ok::<(), partner_auth::ConfigError>(())
/// ```
///
/// # Protocol
///
/// [Client credentials, request parameters](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#get-a-token):
/// `tenant` is "the directory tenant the application plans to operate against, in GUID or
/// domain-name format".
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct TenantId(Name);

impl TenantId {
    /// Returns the tenant as it stands in URLs, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Guid(guid) => guid.as_str(),
            Name::Domain(domain) => domain,
        }
    }
}

impl FromStr for TenantId {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        parse_tenant(text).map(Self).map_err(ConfigError::Tenant)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantId({self})")
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An application (client) id: the GUID of an app registration.
///
/// ```
/// # use partner_auth::ClientId;
/// let client: ClientId = "11112222-BBBB-3333-CCCC-4444DDDD5555".parse()?;
/// assert_eq!(client.as_str(), "11112222-bbbb-3333-cccc-4444dddd5555");
///
/// assert!("00000000-0000-0000-0000-000000000000".parse::<ClientId>().is_err());
/// assert!("my-app".parse::<ClientId>().is_err());
/// # Ok::<(), partner_auth::ConfigError>(())
/// ```
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct ClientId(Guid);

impl ClientId {
    /// Returns the id in lower case, with hyphens.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for ClientId {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let guid = match flaw_of(text) {
            Some(flaw) => Err(flaw),
            None => Guid::parse(text).ok_or(Flaw::NotAGuid),
        };
        guid.map(Self).map_err(ConfigError::Client)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientId({self})")
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A GUID that names one call, in our logs and in Microsoft's.
///
/// Give it to support together with the time of the failure.
///
/// ```
/// # use partner_auth::CorrelationId;
/// let id: CorrelationId = "8bc54b2c-2d5b-4f5b-9c1e-6f2b1a3c4d5e".parse()?;
/// assert_eq!(id.to_string(), "8bc54b2c-2d5b-4f5b-9c1e-6f2b1a3c4d5e");
/// # Ok::<(), partner_auth::ConfigError>(())
/// ```
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct CorrelationId(Guid);

impl CorrelationId {
    /// Returns random bits as a version 4 GUID (RFC 9562 §5.4).
    pub(crate) fn from_random(bits: u128) -> Self {
        const VERSION: u128 = 0xf << 76;
        const VARIANT: u128 = 0b11 << 62;
        Self(Guid::from_bits(
            bits & !(VERSION | VARIANT) | 4 << 76 | 0b10 << 62,
        ))
    }

    pub(crate) fn to_header(self) -> HeaderValue {
        let [value] = Self::to_headers([self]);
        value
    }

    /// Returns the ids as header values, all in one piece of memory.
    pub(crate) fn to_headers<const N: usize>(ids: [Self; N]) -> [HeaderValue; N] {
        let texts: [[u8; 36]; N] = ids.map(|id| id.0.0);
        let bytes = Bytes::from_owner(Texts(texts));
        std::array::from_fn(|at| {
            HeaderValue::from_maybe_shared(bytes.slice(at * 36..(at + 1) * 36))
                .unwrap_or_else(|_| HeaderValue::from_static(""))
        })
    }
}

impl FromStr for CorrelationId {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Guid::parse(text)
            .map(Self)
            .ok_or(ConfigError::CorrelationId(Flaw::NotAGuid))
    }
}

impl fmt::Debug for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CorrelationId({self})")
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// Returns what is wrong with a value that somebody pasted, or `None`.
///
/// Only what is wrong whatever the value stands for: placeholders, quotes, white space, URLs.
pub(crate) fn flaw_of(text: &str) -> Option<Flaw> {
    let is_quote = |c: char| matches!(c, '"' | '\'' | '`' | '“' | '”' | '‘' | '’');
    let lower = text.to_ascii_lowercase();
    let is_template = text.contains(['<', '>', '{', '}'])
        || (!text.contains('.') && (lower.starts_with("your") || lower.starts_with("replace")))
        || lower.starts_with("xxxxxxxx")
        || matches!(
            lower.as_str(),
            "tenant-id" | "client-id" | "changeme" | "todo"
        );

    if text.trim().is_empty() {
        Some(Flaw::Empty)
    } else if text.starts_with(is_quote) || text.ends_with(is_quote) {
        Some(Flaw::Quoted)
    } else if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Some(Flaw::WhiteSpace)
    } else if text.contains("://") || lower.starts_with("login.microsoftonline.") {
        Some(Flaw::Url)
    } else if is_template {
        Some(Flaw::Placeholder)
    } else if Guid::parse(text).is_some_and(Guid::is_zero) {
        Some(Flaw::ZeroGuid)
    } else {
        None
    }
}

pub(crate) fn is_guid(text: &str) -> bool {
    Guid::parse(text).is_some()
}

#[derive(Clone, Eq, Hash, PartialEq)]
enum Name {
    Domain(Arc<str>),
    Guid(Guid),
}

fn parse_tenant(text: &str) -> Result<Name, Flaw> {
    if let Some(flaw) = flaw_of(text) {
        return Err(flaw);
    }
    if let Some(guid) = Guid::parse(text) {
        return Ok(Name::Guid(guid));
    }

    let domain = text.to_ascii_lowercase();
    if matches!(domain.as_str(), "common" | "consumers" | "organizations") {
        return Err(Flaw::NamesNoTenant);
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_domain = domain.contains('.') && domain.len() <= 253 && domain.split('.').all(is_label);
    match is_domain {
        true => Ok(Name::Domain(domain.into())),
        false => Err(Flaw::NotATenant),
    }
}

/// The 36 characters of a GUID, in lower case.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
struct Guid([u8; 36]);

impl Guid {
    fn parse(text: &str) -> Option<Self> {
        let mut guid = [0; 36];
        if text.len() != guid.len() {
            return None;
        }
        for (index, byte) in text.bytes().enumerate() {
            let is_hyphen_place = HYPHENS.contains(&index);
            guid[index] = match byte {
                b'-' if is_hyphen_place => byte,
                _ if !is_hyphen_place && byte.is_ascii_hexdigit() => byte.to_ascii_lowercase(),
                _ => return None,
            };
        }
        Some(Self(guid))
    }

    fn from_bits(bits: u128) -> Self {
        let mut guid = [b'-'; 36];
        for (byte, place) in bits.to_be_bytes().into_iter().zip(PLACES) {
            guid[place] = DIGITS[usize::from(byte >> 4)];
            guid[place + 1] = DIGITS[usize::from(byte & 0xf)];
        }
        Self(guid)
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    fn is_zero(self) -> bool {
        self.0.iter().all(|&byte| matches!(byte, b'0' | b'-'))
    }
}

/// Texts side by side, as `Bytes` wants to own them.
struct Texts<const N: usize>([[u8; 36]; N]);

impl<const N: usize> AsRef<[u8]> for Texts<N> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_flattened()
    }
}

const HYPHENS: [usize; 4] = [8, 13, 18, 23];
/// Where the two digits of each byte go.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const DIGITS: [u8; 16] = *b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_pasted_wrongly_is_refused_with_what_is_wrong() {
        #[rustfmt::skip]
        let table = [
            ("",                                        Flaw::Empty),
            ("   ",                                     Flaw::Empty),
            ("\"contoso.com\"",                         Flaw::Quoted),
            ("'contoso.com",                            Flaw::Quoted),
            ("“contoso.com”",                           Flaw::Quoted),
            (" contoso.com",                            Flaw::WhiteSpace),
            ("contoso.com\n",                           Flaw::WhiteSpace),
            ("https://contoso.com",                     Flaw::Url),
            ("login.microsoftonline.com/contoso.com",   Flaw::Url),
            ("<tenant-id>",                             Flaw::Placeholder),
            ("{tenant}",                                Flaw::Placeholder),
            ("your-tenant-id",                          Flaw::Placeholder),
            ("YOUR_TENANT",                             Flaw::Placeholder),
            ("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",    Flaw::Placeholder),
            ("00000000-0000-0000-0000-000000000000",    Flaw::ZeroGuid),
            ("common",                                  Flaw::NamesNoTenant),
            ("Organizations",                           Flaw::NamesNoTenant),
            ("consumers",                               Flaw::NamesNoTenant),
            ("contoso",                                 Flaw::NotATenant),
            ("contoso.com/x",                           Flaw::NotATenant),
            ("contoso.com?x",                           Flaw::NotATenant),
            ("contoso.com#x",                           Flaw::NotATenant),
            ("contoso%2ecom.x",                         Flaw::NotATenant),
            ("user@contoso.com",                        Flaw::NotATenant),
            ("contoso..com",                            Flaw::NotATenant),
            ("../contoso.com",                          Flaw::NotATenant),
            ("-contoso.com",                            Flaw::NotATenant),
            ("cöntoso.com",                             Flaw::NotATenant),
            ("contoso\\x.com",                          Flaw::NotATenant),
        ];

        for (text, expected) in table {
            assert_eq!(parse_tenant(text).err(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn an_id_is_kept_in_lower_case() {
        let upper: TenantId = "11112222-BBBB-3333-CCCC-4444DDDD5555".parse().unwrap();
        let lower: TenantId = "11112222-bbbb-3333-cccc-4444dddd5555".parse().unwrap();
        assert_eq!(upper, lower);
    }

    #[test]
    fn a_client_is_a_guid_and_nothing_else() {
        for text in [
            "contoso.com",
            "11112222bbbb3333cccc4444dddd5555",
            "11112222-bbbb",
        ] {
            assert!(text.parse::<ClientId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_random_id_is_a_version_4_guid() {
        for bits in [0, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let text = CorrelationId::from_random(bits).to_string();
            assert_eq!(&text[14..15], "4", "{text}");
            assert!("89ab".contains(&text[19..20]), "{text}");
            assert_eq!(text.parse::<CorrelationId>().unwrap().to_string(), text);
        }
    }
}
