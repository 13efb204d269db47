//! An API's answer: [`PartnerResponse`].

use std::fmt;

use bytes::Bytes;
use http::header::ETAG;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use super::api_error::ApiError;
use super::middleware::AskedWith;
use super::partner::PartnerClient;
use crate::diagnosis::{Diagnosis, SetupStep};
use crate::error::{Error, ErrorKind};

/// An API's answer.
pub struct PartnerResponse {
    response: reqwest::Response,
    client: PartnerClient,
}

impl PartnerResponse {
    pub(super) fn new(response: reqwest::Response, client: PartnerClient) -> Self {
        Self { response, client }
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Returns the URL that answered.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.response.url()
    }

    /// Returns the entity tag of the header, which the Partner API sends and Partner Center does not (its
    /// own is in the body, as `attributes.etag`), for [`PartnerRequest::if_match`](crate::PartnerRequest::if_match).
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.headers().get(ETAG)?.to_str().ok()
    }

    /// Returns the answer if its status is a success.
    ///
    /// # Errors
    ///
    /// What the API said, as [`Error::api_error`]; the kind names the next step.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the answer up; the call itself has been made.
    pub async fn ok(self) -> Result<Self, Error> {
        match self.status().is_success() {
            true => Ok(self),
            false => Err(self.into_api_error().await.into_error(ErrorKind::Api)),
        }
    }

    /// Returns what the JSON body holds. No body at all, as with `204`, reads as `null`: take it as
    /// `Option<T>` or `()`.
    ///
    /// # Errors
    ///
    /// As [`ok`](Self::ok) when the status is not a success; [`ErrorKind::Malformed`] when the body
    /// is not the JSON of a `T`; [`ErrorKind::Network`] when it broke off.
    ///
    /// # Cancel safety
    ///
    /// As [`ok`](Self::ok).
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let body = self.bytes().await?;
        let json: &[u8] = if body.is_empty() { b"null" } else { &body };
        // Without the parser's own text, which quotes values: they may be secrets.
        serde_json::from_slice(json).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let what = match error.classify() {
                serde_json::error::Category::Data => "is not of the shape that was expected",
                serde_json::error::Category::Eof => "ends too early",
                _ => "is not JSON",
            };
            let text = format!("the API's answer {what}, at line {line}, column {column}");
            Error::new(ErrorKind::Malformed, text).with_diagnosis(Diagnosis::of_kind(
                SetupStep::Request,
                "The call itself was made.",
                "Compare the type that you read with what the API documents.",
                false,
            ))
        })
    }

    /// Returns the body.
    ///
    /// # Errors
    ///
    /// As [`ok`](Self::ok) when the status is not a success; [`ErrorKind::Network`] when the body
    /// broke off.
    ///
    /// # Cancel safety
    ///
    /// As [`ok`](Self::ok).
    pub async fn bytes(self) -> Result<Bytes, Error> {
        let whole = self.ok().await?.response.bytes().await;
        whole.map_err(|error| {
            Error::new(ErrorKind::Network, "the API's answer broke off")
                .caused_by(error.without_url())
        })
    }

    /// Returns the answer as reqwest's own, to read it in parts.
    #[must_use]
    pub fn into_inner(mut self) -> reqwest::Response {
        self.response.extensions_mut().remove::<AskedWith>();
        self.response
    }

    async fn into_api_error(self) -> ApiError {
        let (status, headers) = (self.status(), self.headers().clone());
        let (api, now) = (
            self.client.bearer().api().clone(),
            self.client.bearer().now(),
        );
        let mut response = self.response;
        let token = response.extensions_mut().remove::<AskedWith>();
        let secrets = token.as_ref().map(|AskedWith(token)| token.secret());
        let mut body = Vec::new();
        // A refusal that breaks off is still a refusal.
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() >= super::api_error::LIMIT {
                break;
            }
        }
        ApiError::read_at(&api, status, &headers, &body, now, secrets.as_slice())
    }
}

impl fmt::Debug for PartnerResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartnerResponse")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
