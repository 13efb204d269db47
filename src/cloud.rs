//! Where Entra lives: [`Cloud`].

use std::fmt;
use std::sync::Arc;

use url::{Host, Url};

use crate::api::Api;
use crate::error::{ConfigError, Flaw};
use crate::id::TenantId;

/// A Microsoft cloud: which authority issues the tokens.
///
/// Tokens are not portable: authority, API host and audience change together, which is why all of
/// them are asked of one `Cloud`.
///
/// ```
/// # use partner_auth::Cloud;
/// assert_eq!(Cloud::default(), Cloud::Public);
/// assert_eq!(Cloud::UsGovernment.authority(), "https://login.microsoftonline.us");
/// ```
///
/// # Protocol
///
/// [National clouds](https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud).
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Cloud {
    /// China, operated by 21Vianet.
    China,
    /// An authority that is none of the others, such as a test double. See [`CustomCloud`].
    Custom(CustomCloud),
    /// The worldwide cloud.
    #[default]
    Public,
    /// Bleu, the sovereign cloud of France.
    SovereignFrance,
    /// Delos, the sovereign cloud of Germany.
    SovereignGermany,
    /// The sovereign cloud of the Government of Singapore.
    SovereignSingapore,
    /// The United States Government cloud.
    UsGovernment,
}

impl Cloud {
    /// Returns the origin of the authority, without a slash at the end.
    #[must_use]
    pub fn authority(&self) -> &str {
        match self {
            Self::China => "https://login.partner.microsoftonline.cn",
            Self::Custom(custom) => &custom.0.authority,
            Self::Public => "https://login.microsoftonline.com",
            Self::SovereignFrance => "https://login.sovcloud-identity.fr",
            Self::SovereignGermany => "https://login.sovcloud-identity.de",
            Self::SovereignSingapore => "https://login.sovcloud-identity.sg",
            Self::UsGovernment => "https://login.microsoftonline.us",
        }
    }

    /// Returns the cloud of an authority URL, as `AZURE_AUTHORITY_HOST` holds it.
    ///
    /// Known hosts and their aliases give the cloud they belong to; any other is a
    /// [`CustomCloud`].
    ///
    /// ```
    /// # use partner_auth::Cloud;
    /// assert_eq!(Cloud::of_authority("https://login.microsoftonline.us/")?, Cloud::UsGovernment);
    /// assert_eq!(Cloud::of_authority("login.chinacloudapi.cn")?, Cloud::China);
    /// # Ok::<(), partner_auth::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError::Url`] when the text is no `https` URL without a path.
    pub fn of_authority(text: &str) -> Result<Self, ConfigError> {
        let custom = match text.contains("://") {
            true => CustomCloud::new(text)?,
            false => CustomCloud::new(&format!("https://{text}"))?,
        };
        let host = custom
            .0
            .authority
            .strip_prefix("https://")
            .unwrap_or_default();
        Ok(match host {
            "login.microsoftonline.com"
            | "login.windows.net"
            | "login.microsoft.com"
            | "sts.windows.net" => Self::Public,
            "login.partner.microsoftonline.cn" | "login.chinacloudapi.cn" => Self::China,
            "login.microsoftonline.us" | "login.usgovcloudapi.net" => Self::UsGovernment,
            "login.sovcloud-identity.fr" => Self::SovereignFrance,
            "login.sovcloud-identity.de" => Self::SovereignGermany,
            "login.sovcloud-identity.sg" => Self::SovereignSingapore,
            _ => Self::Custom(custom),
        })
    }

    /// Returns the v2.0 token endpoint of `tenant`.
    ///
    /// A function of the two alone: a known authority needs no discovery request.
    #[must_use]
    pub fn token_endpoint(&self, tenant: &TenantId) -> String {
        format!("{}/{tenant}/oauth2/v2.0/token", self.authority())
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::China => "China (21Vianet)",
            Self::Custom(_) => "the custom cloud",
            Self::Public => "the public cloud",
            Self::SovereignFrance => "Bleu (France)",
            Self::SovereignGermany => "Delos (Germany)",
            Self::SovereignSingapore => "GovSG (Singapore)",
            Self::UsGovernment => "the US Government cloud",
        })
    }
}

/// An authority of your own choice, and where the APIs are that take its tokens.
///
/// ```
/// # use partner_auth::{Api, Cloud, CustomCloud};
/// let cloud = CustomCloud::new("https://login.example.com")?
///     .with_api(&Api::PartnerCenter, "https://partner.example.com")?;
///
/// let endpoint = Api::PartnerCenter.in_cloud(&Cloud::Custom(cloud))?;
/// assert_eq!(endpoint.audience(), "https://api.partnercenter.microsoft.com");
/// assert_eq!(endpoint.base_url().as_str(), "https://partner.example.com/");
/// # Ok::<(), partner_auth::ConfigError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CustomCloud(Arc<Custom>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Custom {
    authority: Box<str>,
    apis: Vec<(Api, Url)>,
}

impl CustomCloud {
    /// Returns the cloud of `authority`, which knows no API yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Url`] when `authority` is not an `https` origin. `http` is taken on loopback
    /// only, for tests.
    pub fn new(authority: &str) -> Result<Self, ConfigError> {
        const WHAT: &str = "authority";
        let url = secure_url(WHAT, authority)?;
        if url.path() != "/" {
            return Err(ConfigError::Url {
                what: WHAT,
                flaw: Flaw::Path,
            });
        }
        let authority = url.as_str().trim_end_matches('/').into();
        Ok(Self(Arc::new(Custom {
            authority,
            apis: Vec::new(),
        })))
    }

    /// Adds an API that takes this authority's tokens, with its usual audience, at `base_url`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Url`] when `base_url` is not an `https` URL. `http` is taken on loopback
    /// only, for tests.
    pub fn with_api(mut self, api: &Api, base_url: &str) -> Result<Self, ConfigError> {
        let base_url = base_url_of_an_api(base_url)?;
        let custom = Arc::make_mut(&mut self.0);
        custom.apis.retain(|(known, _)| known != api);
        custom.apis.push((api.clone(), base_url));
        Ok(self)
    }

    pub(crate) fn base_url(&self, api: &Api) -> Option<&Url> {
        self.0
            .apis
            .iter()
            .find(|(known, _)| known == api)
            .map(|(_, url)| url)
    }
}

/// Returns the URL that an API's paths are joined to: its own path ends in a slash.
pub(crate) fn base_url_of_an_api(text: &str) -> Result<Url, ConfigError> {
    let mut url = secure_url("base URL of the API", text)?;
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// Returns the URL of `text` if a token or a secret may be sent there.
pub(crate) fn secure_url(what: &'static str, text: &str) -> Result<Url, ConfigError> {
    let refuse = |flaw| Err(ConfigError::Url { what, flaw });
    if text.is_empty() {
        return refuse(Flaw::Empty);
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return refuse(Flaw::WhiteSpace);
    }
    let Ok(url) = Url::parse(text) else {
        return refuse(Flaw::NotAUrl);
    };
    if !is_secure(&url) {
        return refuse(Flaw::NotHttps);
    }
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    match is_plain {
        true => Ok(url),
        false => refuse(Flaw::UrlParts),
    }
}

/// `https`, or `http` to a host that never leaves this machine.
pub(crate) fn is_secure(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_https_or_loopback_and_an_origin() {
        #[rustfmt::skip]
        let table = [
            ("https://login.example.com",            None),
            ("https://login.example.com/",           None),
            ("http://127.0.0.1:8080",                None),
            ("http://localhost:8080",                None),
            ("http://[::1]:8080",                    None),
            ("http://login.microsoftonline.com",     Some(Flaw::NotHttps)),
            ("http://127.0.0.1.evil.example",        Some(Flaw::NotHttps)),
            ("http://localhost.evil.example",        Some(Flaw::NotHttps)),
            ("ftp://localhost",                      Some(Flaw::NotHttps)),
            ("https://user@login.example.com",       Some(Flaw::UrlParts)),
            ("https://login.example.com/?a",         Some(Flaw::UrlParts)),
            ("https://login.example.com/#a",         Some(Flaw::UrlParts)),
            ("https://login.example.com/tenant",     Some(Flaw::Path)),
            ("login",                                Some(Flaw::NotAUrl)),
            ("",                                     Some(Flaw::Empty)),
            (" https://login.example.com",           Some(Flaw::WhiteSpace)),
        ];

        for (text, expected) in table {
            let actual = match CustomCloud::new(text) {
                Ok(_) => None,
                Err(ConfigError::Url { flaw, .. }) => Some(flaw),
                Err(other) => panic!("{text}: {other}"),
            };
            assert_eq!(actual, expected, "{text}");
        }
    }
}
