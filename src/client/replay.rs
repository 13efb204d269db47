//! What is kept of a call, to send it once more.

use std::time::Duration;

use http::{HeaderMap, Method, Version};
use reqwest::Request;
use url::Url;

use super::bearer::{self, Names};
use crate::request::TokenRequest;
use crate::token::AccessToken;

/// What every attempt of one call has in common.
pub(super) struct Call {
    pub(super) names: Names,
    pub(super) spare: Spare,
    pub(super) asked: Option<TokenRequest>,
}

impl Call {
    pub(super) fn asked<'a>(&'a self, default: &'a TokenRequest) -> &'a TokenRequest {
        self.asked.as_ref().unwrap_or(default)
    }

    pub(super) fn dress(&self, request: &mut Request, token: &AccessToken) {
        self.names.write(request.headers_mut());
        bearer::attach(request.headers_mut(), token);
    }
}

/// What is kept of a request to send it again.
pub(super) struct Spare {
    pub(super) method: Method,
    kept: Kept,
}

enum Kept {
    /// A request without a body, in parts: `Request::try_clone` would cost three allocations more.
    Head {
        url: Url,
        headers: HeaderMap,
        timeout: Option<Duration>,
        version: Version,
    },
    Whole(Box<Request>),
    /// The body cannot be sent twice.
    Nothing,
}

impl Spare {
    /// Taken before anything is attached, while the headers are few.
    pub(super) fn of(request: &Request) -> Self {
        let kept = match request.body() {
            None => Kept::Head {
                url: request.url().clone(),
                headers: request.headers().clone(),
                timeout: request.timeout().copied(),
                version: request.version(),
            },
            Some(_) => request
                .try_clone()
                .map_or(Kept::Nothing, |whole| Kept::Whole(Box::new(whole))),
        };
        Self {
            method: request.method().clone(),
            kept,
        }
    }

    pub(super) fn again(&self) -> Option<Request> {
        match &self.kept {
            Kept::Nothing => None,
            Kept::Whole(request) => request.try_clone(),
            Kept::Head {
                url,
                headers,
                timeout,
                version,
            } => {
                let mut request = Request::new(self.method.clone(), url.clone());
                request.headers_mut().clone_from(headers);
                if timeout.is_some() {
                    *request.timeout_mut() = *timeout;
                }
                *request.version_mut() = *version;
                Some(request)
            }
        }
    }
}
