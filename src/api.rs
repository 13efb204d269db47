//! What the tokens are for: [`Api`], and where it is in a cloud.

use std::fmt;
use std::sync::Arc;

use url::Url;

use crate::cloud::{Cloud, base_url_of_an_api, is_secure};
use crate::error::{ConfigError, Flaw};
use crate::scope::{Scope, ScopeSet};

/// An API that takes Entra's tokens.
///
/// The two Partner APIs are different audiences: a token for one is refused by the other.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Api {
    /// Azure Resource Manager.
    Arm,
    /// Any other API. Made by [`Api::custom`].
    Custom(CustomApi),
    /// Microsoft Graph.
    Graph,
    /// "Microsoft Partner", also listed as "Microsoft Dev Center": referrals, leads, price sheets.
    /// In the public cloud `https://api.partner.microsoft.com`.
    PartnerApi,
    /// "Microsoft Partner Center": customers, orders, invoices. In the public cloud
    /// `https://api.partnercenter.microsoft.com`.
    PartnerCenter,
}

impl Api {
    /// Returns an API of your own: its App ID URI, and the base URL that paths are joined to.
    ///
    /// It is the same in every cloud.
    ///
    /// ```
    /// # use partner_auth::{Api, Cloud};
    /// let api = Api::custom("api://contoso-orders", "https://orders.contoso.com/v2/")?;
    /// assert_eq!(api.in_cloud(&Cloud::Public)?.scopes().as_str(), "api://contoso-orders/.default");
    /// # Ok::<(), partner_auth::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError::Audience`] or [`ConfigError::Url`], with what to change.
    pub fn custom(audience: &str, base_url: &str) -> Result<Self, ConfigError> {
        let base_url = base_url_of_an_api(base_url)?;
        let scopes = default_scope(audience)?;
        let audience = audience.into();
        Ok(Self::Custom(CustomApi(Arc::new(Endpoint {
            audience,
            base_url,
            scopes,
        }))))
    }

    /// Returns where the API is in `cloud`, and what its tokens are asked for with.
    ///
    /// ```
    /// # use partner_auth::{Api, Cloud};
    /// let endpoint = Api::PartnerCenter.in_cloud(&Cloud::China)?;
    /// assert_eq!(endpoint.audience(), "https://partner.partnercenterapi.microsoftonline.cn");
    ///
    /// // Referrals and price sheets have no home in China, and the error says so.
    /// assert!(Api::PartnerApi.in_cloud(&Cloud::China).is_err());
    /// # Ok::<(), partner_auth::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError::ApiNotInCloud`] when the cloud does not have the API, with the reason.
    pub fn in_cloud(&self, cloud: &Cloud) -> Result<ApiEndpoint, ConfigError> {
        if let Self::Custom(custom) = self {
            return Ok(ApiEndpoint(Arc::clone(&custom.0)));
        }

        let audience = self.audience(cloud)?;
        let base_url = match cloud {
            Cloud::Custom(custom) => custom
                .base_url(self)
                .cloned()
                .ok_or_else(|| self.not_in(cloud, NOT_TOLD))?,
            _ => base_url_of_an_api(audience)?,
        };
        let scopes = default_scope(audience)?;
        Ok(ApiEndpoint(Arc::new(Endpoint {
            audience: audience.into(),
            base_url,
            scopes,
        })))
    }

    /// Returns what a token of the API is asked for with, wherever the API itself may be.
    pub(crate) fn scopes_in_cloud(&self, cloud: &Cloud) -> Result<ScopeSet, ConfigError> {
        match self {
            Self::Custom(custom) => Ok(custom.scopes().clone()),
            known => default_scope(known.audience(cloud)?),
        }
    }

    fn audience(&self, cloud: &Cloud) -> Result<&'static str, ConfigError> {
        let cloud_of_audience = match cloud {
            Cloud::Custom(_) => &Cloud::Public,
            known => known,
        };
        self.home(cloud_of_audience)
            .map_err(|reason| self.not_in(cloud, reason))
    }

    fn not_in(&self, cloud: &Cloud, reason: &'static str) -> ConfigError {
        ConfigError::ApiNotInCloud {
            api: self.to_string(),
            cloud: cloud.to_string(),
            reason,
        }
    }

    /// Returns the audience in a known cloud, which is the base URL too, or why there is none.
    fn home(&self, cloud: &Cloud) -> Result<&'static str, &'static str> {
        match (self, cloud) {
            (Self::Arm, Cloud::Public) => Ok("https://management.azure.com"),
            (Self::Arm, Cloud::UsGovernment) => Ok("https://management.usgovcloudapi.net"),
            (Self::Arm, Cloud::China) => Ok("https://management.chinacloudapi.cn"),
            (Self::Graph, Cloud::Public) => Ok("https://graph.microsoft.com"),
            (Self::Graph, Cloud::UsGovernment) => Ok("https://graph.microsoft.us"),
            (Self::Graph, Cloud::China) => Ok("https://microsoftgraph.chinacloudapi.cn"),
            // US Government partners call the worldwide hosts with tokens of their own authority.
            (Self::PartnerApi, Cloud::Public | Cloud::UsGovernment) => {
                Ok("https://api.partner.microsoft.com")
            }
            (Self::PartnerCenter, Cloud::Public | Cloud::UsGovernment) => {
                Ok("https://api.partnercenter.microsoft.com")
            }
            (Self::PartnerCenter, Cloud::China) => {
                Ok("https://partner.partnercenterapi.microsoftonline.cn")
            }
            (Self::PartnerApi, Cloud::China) => {
                Err("referrals and price sheets are not served by 21Vianet; use the public cloud")
            }
            (Self::PartnerApi | Self::PartnerCenter, _) => {
                Err("Microsoft publishes no Partner API there; use the public cloud")
            }
            _ => {
                Err("its host there is not published yet; use `Api::custom` with the host you know")
            }
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Arm => "Azure Resource Manager",
            Self::Custom(custom) => &custom.0.audience,
            Self::Graph => "Microsoft Graph",
            Self::PartnerApi => "the Partner API",
            Self::PartnerCenter => "Partner Center",
        })
    }
}

/// An API of your own. Made by [`Api::custom`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CustomApi(Arc<Endpoint>);

impl CustomApi {
    pub(crate) fn scopes(&self) -> &ScopeSet {
        &self.0.scopes
    }
}

/// An API in one cloud: its audience, its base URL, and the origin its tokens may go to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApiEndpoint(Arc<Endpoint>);

impl ApiEndpoint {
    /// Returns the App ID URI: what stands in a token's `aud`.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.0.audience
    }

    /// Returns the URL that relative paths are joined to. Its path ends in a slash.
    #[must_use]
    pub fn base_url(&self) -> &Url {
        &self.0.base_url
    }

    /// Returns `<audience>/.default`: all that an administrator has granted.
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.0.scopes
    }

    /// Returns `true` when a token of this API may be sent to `url`: the exact scheme, host and
    /// port of the base URL, and no user name in it.
    ///
    /// ```
    /// # use partner_auth::{Api, Cloud};
    /// let endpoint = Api::PartnerApi.in_cloud(&Cloud::Public)?;
    /// assert!(endpoint.allows(&"https://api.partner.microsoft.com/v1.0/x".parse().unwrap()));
    /// assert!(!endpoint.allows(&"https://api.partner.microsoft.com.evil.example/".parse().unwrap()));
    /// # Ok::<(), partner_auth::ConfigError>(())
    /// ```
    #[must_use]
    pub fn allows(&self, url: &Url) -> bool {
        let base = &self.0.base_url;
        base.scheme() == url.scheme()
            && base.host_str() == url.host_str()
            && base.port_or_known_default() == url.port_or_known_default()
            && url.username().is_empty()
            && url.password().is_none()
            && is_secure(url)
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Endpoint {
    audience: Box<str>,
    base_url: Url,
    scopes: ScopeSet,
}

fn default_scope(audience: &str) -> Result<ScopeSet, ConfigError> {
    if audience.is_empty() {
        return Err(ConfigError::Audience(Flaw::Empty));
    }
    match format!("{audience}/.default").parse::<Scope>() {
        Ok(scope) => Ok(scope.into()),
        Err(ConfigError::Scope(flaw)) => Err(ConfigError::Audience(flaw)),
        Err(other) => Err(other),
    }
}

const NOT_TOLD: &str = "say where it is with `CustomCloud::with_api`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_the_exact_origin_only() {
        let endpoint = Api::PartnerApi.in_cloud(&Cloud::Public).unwrap();
        #[rustfmt::skip]
        let table = [
            ("https://api.partner.microsoft.com/v1.0/x",              true),
            ("https://API.partner.microsoft.com:443/v1.0/x",          true),
            ("http://api.partner.microsoft.com/v1.0/x",               false),
            ("https://api.partner.microsoft.com:8443/",               false),
            ("https://api.partner.microsoft.com./",                   false),
            ("https://x.api.partner.microsoft.com/",                  false),
            ("https://partner.microsoft.com/",                        false),
            ("https://api.partner.microsoft.com.evil.example/",       false),
            ("https://api.partner.microsoft.com@evil.example/",       false),
            ("https://evil@api.partner.microsoft.com/",               false),
            ("https://:pass@api.partner.microsoft.com/",              false),
            ("https://api.partner.microsoft.com%2eevil.example/",     false),
            ("https://аpi.partner.microsoft.com/",                    false), // a Cyrillic letter
            ("https://api.partnercenter.microsoft.com/",              false),
            ("wss://api.partner.microsoft.com/",                      false),
        ];

        for (text, expected) in table {
            let actual = Url::parse(text).is_ok_and(|url| endpoint.allows(&url));
            assert_eq!(actual, expected, "{text}");
        }
    }

    #[test]
    fn an_api_that_a_cloud_lacks_is_refused_with_the_reason() {
        let clouds = [
            Cloud::China,
            Cloud::SovereignFrance,
            Cloud::SovereignGermany,
        ];
        for cloud in clouds {
            let error = Api::PartnerApi.in_cloud(&cloud).unwrap_err();
            assert!(
                error.to_string().contains("use the public cloud"),
                "{error}"
            );
        }
        let custom = Cloud::of_authority("https://login.example.com").unwrap();
        let error = Api::Graph.in_cloud(&custom).unwrap_err();
        assert!(error.to_string().contains("with_api"), "{error}");
    }
}
