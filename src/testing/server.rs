//! One listening fake: a wiremock server that asks a function for every answer, behind a [`Front`].

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName};
use serde_json::Value;
use url::Url;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::front::{Front, MARK};
use super::record::RecordedRequest;

/// A server on loopback, which stops when it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    front: Front,
    /// Kept for its `Drop`.
    _mock: MockServer,
}

impl Server {
    /// Starts a server that answers with what `answer` returns, whatever it is asked.
    pub(super) async fn start(
        answer: impl Fn(RecordedRequest) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let mock = MockServer::builder()
            .disable_request_recording()
            .start()
            .await;
        let front = Front::of(*mock.address());
        let origin: Url = front.url().parse().expect("an origin is a URL");
        let respond = move |request: &Request| {
            let mut url = origin.clone();
            url.set_path(request.url.path());
            url.set_query(request.url.query());
            let headers = request.headers.clone();
            let record = RecordedRequest::new(request.method.clone(), url, headers, &request.body);
            answer(record).into_template()
        };
        Mock::given(any()).respond_with(respond).mount(&mock).await;
        Self { front, _mock: mock }
    }

    /// Returns the origin, without a slash at the end.
    pub(super) fn url(&self) -> &str {
        self.front.url()
    }
}

/// What a fake answers.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) delay: Duration,
    pub(super) broken: Option<Broken>,
}

/// How the connection fails while an answer is on its way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Broken {
    Dropped,
    Torn,
}

impl Reply {
    pub(super) fn empty(status: u16) -> Self {
        let (headers, body) = (HeaderMap::new(), Vec::new());
        Self {
            status,
            headers,
            body,
            delay: Duration::ZERO,
            broken: None,
        }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self {
            body: body.to_string().into_bytes(),
            ..Self::empty(status)
        }
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
    }

    pub(super) fn text(status: u16, body: &str) -> Self {
        Self {
            body: body.as_bytes().to_vec(),
            ..Self::empty(status)
        }
        .header(CONTENT_TYPE, "text/plain; charset=utf-8")
    }

    /// Sets a header, in place of any of that name.
    pub(super) fn header(mut self, name: impl TryInto<HeaderName>, value: &str) -> Self {
        let name = name.try_into().ok().expect("the name of a header");
        self.headers
            .insert(name, value.parse().expect("the value of a header"));
        self
    }

    /// Adds to the time that the answer takes.
    pub(super) fn delayed(mut self, delay: Duration) -> Self {
        self.delay = self.delay.saturating_add(delay).min(FOREVER);
        self
    }

    fn into_template(self) -> ResponseTemplate {
        let template = ResponseTemplate::new(self.status)
            .append_headers(self.headers.iter())
            .set_body_bytes(self.body)
            .set_delay(self.delay);
        match self.broken {
            Some(Broken::Dropped) => template.insert_header(MARK, "dropped"),
            Some(Broken::Torn) => template.insert_header(MARK, "torn"),
            None => template,
        }
    }
}

/// Longer than any test.
pub(super) const FOREVER: Duration = Duration::from_secs(86_400);
