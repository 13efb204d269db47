//! Reading the beginning of a body, and putting it back.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::Frame;
use reqwest::{Body, Response, ResponseBuilderExt};
use url::Url;

use super::api_error::LIMIT;

/// Reads the beginning of a body, and returns the response as if nobody had.
pub(super) async fn peek(mut response: Response) -> (Response, Bytes) {
    let mut seen = BytesMut::new();
    let mut failed = None;
    let mut has_more = false;
    while !has_more && failed.is_none() {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                seen.extend_from_slice(&chunk);
                has_more = seen.len() >= LIMIT;
            }
            Ok(None) => break,
            Err(error) => failed = Some(error),
        }
    }

    let seen = seen.freeze();
    let (status, version) = (response.status(), response.version());
    let headers = std::mem::take(response.headers_mut());
    let extensions = std::mem::take(response.extensions_mut());
    let url = response.url().clone();
    let rest = (has_more || failed.is_some()).then(|| Body::from(response));
    let body = Body::wrap(Rejoined {
        seen: Some(seen.clone()),
        failed,
        rest,
    });

    let mut whole = http::Response::new(body);
    *whole.status_mut() = status;
    *whole.version_mut() = version;
    *whole.headers_mut() = headers;
    *whole.extensions_mut() = extensions;
    (with_url(whole, url), seen)
}

/// reqwest keeps a response's URL among its extensions, which only its own builder can write.
fn with_url(response: http::Response<Body>, url: Url) -> Response {
    let (parts, body) = response.into_parts();
    let mut rebuilt = match http::Response::builder().url(url).body(body) {
        Ok(rebuilt) => rebuilt,
        // A builder that was given nothing but a URL does not fail.
        Err(_) => http::Response::new(Body::default()),
    };
    *rebuilt.status_mut() = parts.status;
    *rebuilt.version_mut() = parts.version;
    *rebuilt.headers_mut() = parts.headers;
    rebuilt.extensions_mut().extend(parts.extensions);
    rebuilt.into()
}

/// The beginning of a body that was read, and what follows it.
struct Rejoined {
    seen: Option<Bytes>,
    failed: Option<reqwest::Error>,
    rest: Option<Body>,
}

impl http_body::Body for Rejoined {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        if let Some(seen) = self.seen.take().filter(|seen| !seen.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(seen))));
        }
        if let Some(error) = self.failed.take() {
            self.rest = None;
            return Poll::Ready(Some(Err(error)));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(context),
            None => Poll::Ready(None),
        }
    }
}
