//! All items of a collection, page by page.

use std::collections::HashSet;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use http::{Extensions, HeaderMap};
use serde::de::DeserializeOwned;
use url::Url;

use super::page::{Next, Page};
use super::partner::PartnerClient;
use crate::error::{Error, ErrorKind};

/// All items of a collection, page by page: a `Stream`, and [`next`](Self::next) for those who need
/// no more. Made by `PartnerRequest::items`.
///
/// Pages are asked for as their items are, each with a token of its own: a walk of hours outlives
/// many. After an error it ends. A link that leads away from the API, or back to a page that was
/// walked already, is an error.
#[must_use = "streams do nothing unless they are polled"]
pub struct Items<T> {
    client: PartnerClient,
    extensions: Extensions,
    /// What the first request carried, and every further one does.
    headers: HeaderMap,
    ready: std::vec::IntoIter<T>,
    state: State<T>,
    seen: HashSet<(Url, Option<String>)>,
}

enum State<T> {
    /// The next page's request.
    Known(Box<Result<reqwest::Request, Error>>),
    Asked(Pin<Box<dyn Future<Output = Result<Answer<T>, Error>> + Send>>),
    Ended,
}

struct Answer<T> {
    url: Url,
    page: Page<T>,
}

impl<T: DeserializeOwned + Send + 'static> Items<T> {
    pub(crate) fn new(
        client: PartnerClient,
        request: Result<reqwest::Request, Error>,
        extensions: Extensions,
    ) -> Self {
        let headers = request
            .as_ref()
            .map(|request| request.headers().clone())
            .unwrap_or_default();
        let first = request
            .as_ref()
            .ok()
            .map(|request| (request.url().clone(), None));
        Self {
            client,
            extensions,
            headers,
            ready: Vec::new().into_iter(),
            state: State::Known(Box::new(request)),
            seen: first.into_iter().collect(),
        }
    }

    /// Returns the next item, or `None` after the last.
    ///
    /// # Errors
    ///
    /// As `PartnerRequest::send` and `PartnerResponse::json`, and
    /// [`ErrorKind::Malformed`] when the pages lead in a circle.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the page under way is waited for by the next call.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    fn ask(&mut self, request: reqwest::Request) -> State<T> {
        let (client, extensions) = (self.client.clone(), self.extensions.clone());
        State::Asked(Box::pin(async move {
            let response = client.execute(request, extensions).await?;
            let url = response.url().clone();
            let by_header = Next::of_headers(response.headers());
            let mut page: Page<T> = response.json().await?;
            page.next = page.next.or(by_header);
            Ok(Answer { url, page })
        }))
    }

    /// Takes a page in, and returns what comes after it. An error there comes after the page's items.
    fn take(&mut self, answer: Answer<T>) -> State<T> {
        let Answer { url, page } = answer;
        self.ready = page.items.into_iter();
        match page.next {
            Some(next) => State::Known(Box::new(self.following(next, &url))),
            None => State::Ended,
        }
    }

    fn following(&mut self, next: Next, current: &Url) -> Result<reqwest::Request, Error> {
        let (url, headers) = next.request(current, self.client.endpoint())?;

        let token = headers
            .get("ms-continuationtoken")
            .and_then(|token| token.to_str().ok());
        if !self.seen.insert((url.clone(), token.map(str::to_owned))) {
            let text = "the link to the next page leads back to a page that was walked already";
            return Err(Error::new(ErrorKind::Malformed, text));
        }
        let mut request = reqwest::Request::new(http::Method::GET, url);
        request.headers_mut().clone_from(&self.headers);
        request.headers_mut().extend(headers);
        Ok(request)
    }
}

impl<T: DeserializeOwned + Send + 'static> Stream for Items<T> {
    type Item = Result<T, Error>;

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<T, Error>>> {
        let this = self.get_mut();
        loop {
            if let Some(item) = this.ready.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            let outcome = match std::mem::replace(&mut this.state, State::Ended) {
                State::Ended => return Poll::Ready(None),
                State::Known(request) => request.map(|request| this.ask(request)),
                State::Asked(mut answer) => match answer.as_mut().poll(context) {
                    Poll::Ready(answer) => answer.map(|answer| this.take(answer)),
                    Poll::Pending => {
                        this.state = State::Asked(answer);
                        return Poll::Pending;
                    }
                },
            };
            match outcome {
                Ok(state) => this.state = state,
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl<T> Unpin for Items<T> {}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("ready", &self.ready.len())
            .field("has_ended", &matches!(self.state, State::Ended))
            .finish_non_exhaustive()
    }
}
