//! A plain HTTP client, and how to ask for a token with it.

use std::time::Duration;

use partner_auth::testing::FakeCloud;
use partner_auth::{AccessToken, TenantId};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use serde_json::Value;
use url::form_urlencoded::Serializer;

pub(crate) const CENTER: &str = "https://api.partnercenter.microsoft.com";
pub(crate) const PARTNER: &str = "https://api.partner.microsoft.com";

/// A call in the making.
pub(crate) struct Call(reqwest::RequestBuilder);

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

pub(crate) fn call(method: Method, url: &str) -> Call {
    // No roots: nothing here speaks TLS, and to read the system's takes longer than a test.
    let client = Client::builder()
        .tls_certs_only([])
        .redirect(Policy::none())
        .build()
        .unwrap();
    Call(client.request(method, url))
}

pub(crate) fn get(url: &str) -> Call {
    call(Method::GET, url)
}

pub(crate) fn post_form(url: &str, fields: &[(&str, &str)]) -> Call {
    let body = Serializer::new(String::new()).extend_pairs(fields).finish();
    call(Method::POST, url)
        .header(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")
        .body(body)
}

impl Call {
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    pub(crate) fn body(self, body: impl Into<String>) -> Self {
        Self(self.0.body(body.into()))
    }

    pub(crate) fn token(self, token: &AccessToken) -> Self {
        Self(
            self.0
                .header("authorization", token.authorization().clone()),
        )
    }

    pub(crate) fn patience(self, limit: Duration) -> Self {
        Self(self.0.timeout(limit))
    }

    pub(crate) async fn attempt(self) -> Result<Answer, reqwest::Error> {
        let response = self.0.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer {
            status,
            headers,
            text: response.text().await?,
        })
    }

    pub(crate) async fn send(self) -> Answer {
        self.attempt().await.unwrap()
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub(crate) fn token_url(cloud: &FakeCloud, tenant: &TenantId) -> String {
    cloud.cloud().token_endpoint(tenant)
}

/// Asks for an app-only token at the v2.0 endpoint.
pub(crate) fn token_call(cloud: &FakeCloud, audience: &str) -> Call {
    post_form(
        &token_url(cloud, &cloud.tenant()),
        &[
            ("grant_type", "client_credentials"),
            ("client_id", cloud.client().as_str()),
            ("client_secret", &cloud.client_secret()),
            ("scope", &format!("{audience}/.default")),
        ],
    )
}

/// Returns an app-only token as Entra gave it.
pub(crate) async fn app_token(cloud: &FakeCloud, audience: &str) -> AccessToken {
    let answer = token_call(cloud, audience).send().await.json();
    let later = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    AccessToken::new(answer["access_token"].as_str().unwrap(), later).unwrap()
}

/// Returns the claims of a token, without a look at its signature.
pub(crate) fn claims(token: &str) -> Value {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let payload = URL_SAFE_NO_PAD
        .decode(token.split('.').nth(1).unwrap())
        .unwrap();
    serde_json::from_slice(&payload).unwrap()
}
