//! A call of the token endpoint, as bytes.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use url::form_urlencoded::Serializer;

use crate::id::{ClientId, CorrelationId};
use crate::scope::ScopeSet;
use crate::secret::{Secret, SecretBytes};

/// One call of the token endpoint, ready to become bytes.
pub(crate) struct TokenCall<'a> {
    pub(crate) endpoint: Uri,
    pub(crate) client: &'a ClientId,
    pub(crate) proof: Proof<'a>,
    pub(crate) grant: Grant,
    pub(crate) scopes: &'a ScopeSet,
    pub(crate) claims: Option<&'a str>,
    pub(crate) correlation_id: CorrelationId,
}

/// How the application proves itself.
pub(crate) enum Proof<'a> {
    /// `client_secret` ([RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1)).
    Secret(&'a Secret),
}

/// What is redeemed for a token.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Grant {
    /// Nothing but the application itself
    /// ([RFC 6749 §4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)).
    ClientCredentials,
}

impl TokenCall<'_> {
    /// Writes the request. Cannot fail: every part was checked when it was made.
    pub(crate) fn into_http(self) -> Request<SecretBytes> {
        let mut form = Serializer::new(String::with_capacity(512));
        form.append_pair("client_id", self.client.as_str());
        match self.proof {
            Proof::Secret(secret) => form.append_pair("client_secret", secret.expose()),
        };
        match self.grant {
            Grant::ClientCredentials => form.append_pair("grant_type", "client_credentials"),
        };
        form.append_pair("scope", self.scopes.as_str());
        if let Some(claims) = self.claims {
            form.append_pair("claims", claims);
        }

        let mut request = Request::new(SecretBytes::from(form.finish().into_bytes()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        headers.insert(CLIENT_REQUEST_ID, self.correlation_id.to_header());
        headers.insert(RETURN_CLIENT_REQUEST_ID, HeaderValue::from_static("true"));
        headers.insert(CLIENT_SKU, HeaderValue::from_static(env!("CARGO_PKG_NAME")));
        headers.insert(
            CLIENT_VERSION,
            HeaderValue::from_static(env!("CARGO_PKG_VERSION")),
        );
        headers.insert(CAPABILITY, HeaderValue::from_static("retry-after, h429"));
        request
    }
}

pub(crate) const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const RETURN_CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("return-client-request-id");
const CLIENT_SKU: HeaderName = HeaderName::from_static("x-client-sku");
const CLIENT_VERSION: HeaderName = HeaderName::from_static("x-client-ver");
/// Tells Entra that it may throttle with a `429` and a `Retry-After`.
const CAPABILITY: HeaderName = HeaderName::from_static("x-ms-lib-capability");
