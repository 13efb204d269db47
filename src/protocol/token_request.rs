//! A call of the token endpoint, as bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

use crate::id::{ClientId, CorrelationId};
use crate::scope::ScopeSet;
use crate::secret::{Secret, SecretBytes};

/// One call of the token endpoint, ready to become bytes.
pub(crate) struct TokenCall<'a> {
    pub(crate) endpoint: Uri,
    pub(crate) client: &'a ClientId,
    pub(crate) proof: Proof,
    pub(crate) grant: Grant,
    pub(crate) scopes: &'a ScopeSet,
    pub(crate) claims: Option<&'a str>,
    pub(crate) correlation_id: CorrelationId,
}

/// How the application proves itself: one of the two, never both.
#[derive(Clone, Debug)]
pub(crate) enum Proof {
    /// `client_assertion` ([RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2)).
    Assertion(Secret),
    /// `client_secret` ([RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1)).
    Secret(Secret),
}

impl Proof {
    /// Returns `true` when both are of the same text.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.text() == other.text()
    }

    /// Returns the texts that no log may show, in the forms in which a server may repeat them.
    pub(crate) fn echoes(&self) -> Vec<Zeroizing<String>> {
        let text = self.text();
        let telling = match self {
            // A signature without what it signs is as good as the whole to whoever saw the rest.
            Self::Assertion(_) => text.rsplit('.').next().unwrap_or_default(),
            Self::Secret(_) => text,
        };
        let digits =
            |byte: u8| [byte >> 4, byte & 0xf].map(|half| char::from_digit(half.into(), 16));
        [
            text.to_owned(),
            telling.to_owned(),
            byte_serialize(telling.as_bytes()).collect(),
            STANDARD_NO_PAD.encode(telling),
            telling.bytes().flat_map(digits).flatten().collect(),
        ]
        .map(Zeroizing::new)
        .into()
    }

    fn text(&self) -> &str {
        match self {
            Self::Assertion(text) | Self::Secret(text) => text.expose(),
        }
    }
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
        // Enough for all of it: growing would leave a copy of the proof in memory that nobody wipes.
        let claims = self.claims.unwrap_or_default();
        let room = 512 + 3 * (self.proof.text().len() + self.scopes.as_str().len() + claims.len());
        let mut form = Serializer::new(String::with_capacity(room));
        form.append_pair("client_id", self.client.as_str());
        match &self.proof {
            Proof::Assertion(assertion) => form
                .append_pair("client_assertion_type", JWT_BEARER)
                .append_pair("client_assertion", assertion.expose()),
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

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(crate) const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const RETURN_CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("return-client-request-id");
const CLIENT_SKU: HeaderName = HeaderName::from_static("x-client-sku");
const CLIENT_VERSION: HeaderName = HeaderName::from_static("x-client-ver");
/// Tells Entra that it may throttle with a `429` and a `Retry-After`.
const CAPABILITY: HeaderName = HeaderName::from_static("x-ms-lib-capability");
