//! A request to an API: [`PartnerRequest`].

use std::fmt;

use http::header::{CONTENT_TYPE, IF_MATCH};
use http::{Extensions, HeaderName, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::items::Items;
use super::partner::PartnerClient;
use super::partner_response::PartnerResponse;
use crate::error::Error;
use crate::id::{CorrelationId, TenantId};
use crate::request::TokenRequest;

/// A request to be sent. Made by [`PartnerClient::get`] and its kin.
///
/// What cannot be sent is told by [`send`](Self::send), so that the chain stays one.
#[must_use = "a request does nothing until it is sent"]
pub struct PartnerRequest {
    client: PartnerClient,
    request: Result<reqwest::Request, Error>,
    extensions: Extensions,
}

impl PartnerRequest {
    pub(super) fn new(client: PartnerClient, request: Result<reqwest::Request, Error>) -> Self {
        Self {
            client,
            request,
            extensions: Extensions::new(),
        }
    }

    /// Adds pairs to the query, percent-encoded.
    ///
    /// ```no_run
    /// # async fn call(client: partner_auth::PartnerClient) -> Result<(), partner_auth::Error> {
    /// let request = client.get("v1.0/engagements/referrals").query([("$filter", "status eq 'New'")]);
    /// # Ok(()) }
    /// ```
    pub fn query<K: AsRef<str>, V: AsRef<str>>(
        self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.edit(|request| {
            request.url_mut().query_pairs_mut().extend_pairs(pairs);
            Ok(())
        })
    }

    /// Sets a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.edit(|request| {
            let name: HeaderName = name.parse().map_err(|error| {
                Error::config("a header's name cannot be sent").caused_by(error)
            })?;
            let value = HeaderValue::from_str(value).map_err(|error| {
                Error::config(format!("the header {name} cannot be sent")).caused_by(error)
            })?;
            request.headers_mut().insert(name, value);
            Ok(())
        })
    }

    /// Sets `If-Match`: the change is made only if nobody has made one since.
    ///
    /// Takes an entity tag as the API gave it, with its quotation marks or without.
    pub fn if_match(self, etag: &str) -> Self {
        let is_quoted = etag.starts_with('"') || etag.starts_with("W/\"") || etag == "*";
        match is_quoted {
            true => self.header(IF_MATCH.as_str(), etag),
            false => self.header(IF_MATCH.as_str(), &format!("\"{etag}\"")),
        }
    }

    /// Sets the body to the JSON of `value`.
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Self {
        self.edit(|request| {
            let json = serde_json::to_vec(value).map_err(|error| {
                Error::config("the body cannot be written as JSON").caused_by(error)
            })?;
            *request.body_mut() = Some(json.into());
            let headers = request.headers_mut();
            headers
                .entry(CONTENT_TYPE)
                .or_insert(HeaderValue::from_static("application/json"));
            Ok(())
        })
    }

    /// Sets the body. One that cannot be sent twice, such as a stream, is sent once: a refused
    /// token is then the caller's to deal with.
    pub fn body(self, body: impl Into<reqwest::Body>) -> Self {
        self.edit(|request| {
            *request.body_mut() = Some(body.into());
            Ok(())
        })
    }

    /// Calls with a token of another tenant than the provider's own.
    pub fn tenant(self, tenant: TenantId) -> Self {
        let request = self
            .client
            .bearer()
            .token_request()
            .clone()
            .with_tenant(tenant);
        self.token_request(request)
    }

    /// Calls with the token that `request` asks for, which must be one of this API's.
    pub fn token_request(mut self, request: TokenRequest) -> Self {
        self.extensions.insert(request);
        self
    }

    /// Ties the call to others of yours. The default is a new id for each call.
    pub fn correlation_id(mut self, id: CorrelationId) -> Self {
        self.extensions.insert(id);
        self
    }

    /// Sends the request and returns its answer, whatever the status.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::OriginRefused`](crate::ErrorKind::OriginRefused) when the URL is not the API's own; nothing was sent.
    /// - [`ErrorKind::MfaRequired`](crate::ErrorKind::MfaRequired), [`ErrorKind::WrongAudience`](crate::ErrorKind::WrongAudience),
    ///   [`ErrorKind::AppOnlyNotSupported`](crate::ErrorKind::AppOnlyNotSupported) and [`ErrorKind::InteractionRequired`](crate::ErrorKind::InteractionRequired) when no token of
    ///   this provider can help.
    /// - [`ErrorKind::Network`](crate::ErrorKind::Network) when no answer arrived.
    /// - [`ErrorKind::Config`](crate::ErrorKind::Config) when the request cannot be sent as it is.
    /// - Whatever the provider fails with.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the request up; it may have reached the API. A token fetch that
    /// has begun goes on.
    pub async fn send(self) -> Result<PartnerResponse, Error> {
        let Self {
            client,
            request,
            extensions,
        } = self;
        client.execute(request?, extensions).await
    }

    /// Returns all items of the collection that the request begins, page by page, as a stream.
    ///
    /// ```no_run
    /// # #[derive(serde::Deserialize)] struct Customer { id: String }
    /// # async fn call(client: partner_auth::PartnerClient) -> Result<(), partner_auth::Error> {
    /// let mut customers = client.get("v1/customers").items::<Customer>();
    /// while let Some(customer) = customers.next().await {
    ///     println!("{}", customer?.id);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn items<T: DeserializeOwned + Send + 'static>(self) -> Items<T> {
        let Self {
            client,
            request,
            extensions,
        } = self;
        Items::new(client, request, extensions)
    }

    fn edit(mut self, change: impl FnOnce(&mut reqwest::Request) -> Result<(), Error>) -> Self {
        self.request = self
            .request
            .and_then(|mut request| change(&mut request).map(|()| request));
        self
    }
}

impl fmt::Debug for PartnerRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.request.as_ref().map(|request| request.url().path());
        f.debug_struct("PartnerRequest")
            .field("path", &url)
            .finish_non_exhaustive()
    }
}
