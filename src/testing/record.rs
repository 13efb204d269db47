//! What a fake was asked: [`RecordedRequest`].

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use url::{Url, form_urlencoded};

use crate::secret::SecretBytes;
use crate::token::AccessToken;

/// A request as it arrived.
///
/// `Debug` shows the method, the path, the names of the headers and form fields, and the values of
/// those form fields that are no secrets. It never shows a token, a client secret or a body.
#[derive(Clone)]
pub struct RecordedRequest {
    method: Method,
    url: Url,
    headers: HeaderMap,
    authorization: Vec<HeaderValue>,
    body: SecretBytes,
}

impl RecordedRequest {
    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the whole URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the path, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// Returns all headers but `Authorization`.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns a header's first value, if it is text. Not for `Authorization`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns how many `Authorization` headers there were.
    #[must_use]
    pub fn authorizations(&self) -> usize {
        self.authorization.len()
    }

    /// Returns `true` when the one `Authorization` header held this very token.
    #[must_use]
    pub fn carries(&self, token: &AccessToken) -> bool {
        matches!(&*self.authorization, [only] if only == token.authorization())
    }

    /// Returns the fields of a form body, decoded, in the order they came in.
    ///
    /// Secrets are among them: do not print it.
    #[must_use]
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.body.expose())
            .into_owned()
            .collect()
    }

    /// Returns the value of a form field, decoded. The first, if it came more than once.
    #[must_use]
    pub fn form_field(&self, name: &str) -> Option<String> {
        self.form()
            .into_iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value)
    }

    /// Returns the body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body.expose()
    }

    pub(super) fn new(method: Method, url: Url, mut headers: HeaderMap, body: &[u8]) -> Self {
        let mut authorization: Vec<HeaderValue> =
            headers.get_all(AUTHORIZATION).iter().cloned().collect();
        for value in &mut authorization {
            value.set_sensitive(true);
        }
        headers.remove(AUTHORIZATION);
        Self {
            method,
            url,
            headers,
            authorization,
            body: SecretBytes::from(body.to_vec()),
        }
    }

    /// Returns the value of the only `Authorization` header.
    pub(super) fn authorization(&self) -> Option<&str> {
        match &*self.authorization {
            [only] => only.to_str().ok(),
            _ => None,
        }
    }

    pub(super) fn query(&self, name: &str) -> Option<String> {
        let pair = self.url.query_pairs().find(|(key, _)| key == name);
        pair.map(|(_, value)| value.into_owned())
    }

    /// Returns the path's segments, decoded no further than they came.
    pub(super) fn segments(&self) -> Vec<&str> {
        self.path()
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect()
    }

    fn is_form(&self) -> bool {
        self.header("content-type")
            .is_some_and(|mime| mime.starts_with(FORM))
    }
}

impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = match self.is_form() {
            true => self.form(),
            false => Vec::new(),
        };
        let shown: Vec<String> = fields
            .into_iter()
            .map(|(name, value)| match PLAIN_FIELDS.contains(&&*name) {
                true => format!("{name}={value}"),
                false => format!("{name}=[redacted]"),
            })
            .collect();

        let mut debug = f.debug_struct("RecordedRequest");
        debug
            .field("method", &self.method)
            .field("path", &self.path());
        let names: Vec<&str> = self.headers.keys().map(http::HeaderName::as_str).collect();
        debug
            .field("headers", &names)
            .field("authorizations", &self.authorizations());
        debug
            .field("form", &shown)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// The requests that a fake has seen, oldest first.
#[derive(Debug, Default)]
pub(super) struct Log(Mutex<Vec<RecordedRequest>>);

impl Log {
    pub(super) fn add(&self, request: RecordedRequest) {
        self.lock().push(request);
    }

    pub(super) fn all(&self) -> Vec<RecordedRequest> {
        self.lock().clone()
    }

    pub(super) fn count(&self, is_wanted: impl Fn(&RecordedRequest) -> bool) -> usize {
        self.lock()
            .iter()
            .filter(|request| is_wanted(request))
            .count()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RecordedRequest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Form fields that may be printed. Whatever is not on this list may not.
const PLAIN_FIELDS: [&str; 8] = [
    "client_assertion_type",
    "client_id",
    "grant_type",
    "redirect_uri",
    "requested_token_use",
    "resource",
    "response_type",
    "scope",
];

const FORM: &str = "application/x-www-form-urlencoded";
