//! A transport that answers from a script: [`ScriptedTransport`].

use std::collections::VecDeque;
use std::fmt;
use std::future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use serde_json::json;
use tokio::sync::{Notify, watch};
use url::Url;

use super::clock::NEW_YEAR;
use super::entra::refusal::Refusal;
use super::record::{Log, RecordedRequest};
use crate::secret::SecretBytes;
use crate::transport::{Transport, TransportError, TransportErrorKind, TransportFuture};

/// A transport that gives answers in the order you put them, and keeps what it was asked.
///
/// No socket is opened and nothing waits, so a test of what happens between requests is exact. All
/// clones are one transport.
///
/// ```
/// # use partner_auth::testing::{Answer, ScriptedTransport};
/// let transport = ScriptedTransport::new()
///     .answer(Answer::status(503).retry_after("2"))
///     .answer(Answer::token("t-1", 3_599));
/// assert_eq!(transport.requests().len(), 0);
/// ```
///
/// A request beyond the script's end fails with [`TransportErrorKind::Config`] and a text that
/// says so, unless the script ends with [`repeat_last`](Self::repeat_last).
#[derive(Clone, Debug, Default)]
pub struct ScriptedTransport(Arc<Shared>);

impl ScriptedTransport {
    /// Returns a transport with an empty script.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an answer to the script's end.
    #[must_use]
    pub fn answer(self, answer: impl Into<Answer>) -> Self {
        self.push(answer);
        self
    }

    /// Lets the last answer of the script serve all requests that come after it.
    #[must_use]
    pub fn repeat_last(self) -> Self {
        self.0.lock().repeats_last = true;
        self
    }

    /// Adds an answer to the end of a script that is in use.
    pub fn push(&self, answer: impl Into<Answer>) {
        self.0.lock().answers.push_back(answer.into());
    }

    /// Returns the requests so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.0.log.all()
    }

    /// Returns how many requests there were.
    #[must_use]
    pub fn request_count(&self) -> usize {
        self.0.log.len()
    }

    /// Waits until there were at least `count` requests, answered or not.
    pub async fn until_requests(&self, count: usize) {
        loop {
            let asked = self.0.asked.notified();
            if self.request_count() >= count {
                return;
            }
            asked.await;
        }
    }
}

impl Transport for ScriptedTransport {
    fn send(&self, request: Request<SecretBytes>) -> TransportFuture<'_> {
        let (parts, body) = request.into_parts();
        let target = format!("{} {}", parts.method, parts.uri);
        let Ok(url) = Url::parse(&parts.uri.to_string()) else {
            return refuse(format!("{target}: not an absolute URL"));
        };
        let record = RecordedRequest::new(parts.method, url, parts.headers, body.expose());
        self.0.log.add(record);
        let next = self.0.lock().next();
        self.0.asked.notify_waiters();

        match next {
            Some(answer) => Box::pin(answer.give()),
            None => refuse(format!(
                "the script of ScriptedTransport has no answer to request {} ({target}): \
                 add one with `answer`, or end the script with `repeat_last`",
                self.request_count(),
            )),
        }
    }
}

/// One entry of a [`ScriptedTransport`]'s script.
#[derive(Clone, Debug)]
#[must_use]
pub struct Answer {
    outcome: Outcome,
    gate: Option<Gate>,
}

impl Answer {
    /// Returns the answer of a token endpoint that gives the token `text`, good for `expires_in`
    /// seconds.
    pub fn token(text: &str, expires_in: u64) -> Self {
        let body = json!({
            "token_type": "Bearer",
            "expires_in": expires_in,
            "ext_expires_in": expires_in,
            "access_token": text,
        });
        Self::json(200, &body.to_string())
    }

    /// Returns a refusal in Entra's format: the HTTP status, the OAuth `error`, an AADSTS number.
    pub fn refusal(status: u16, error: &str, aadsts: u32) -> Self {
        let at = SystemTime::UNIX_EPOCH + NEW_YEAR;
        let refusal = Refusal::new(status, error, aadsts, "A scripted refusal.");
        Self::json(
            status,
            &refusal.to_json(at, SCRIPTED_ID, SCRIPTED_ID).to_string(),
        )
    }

    /// Returns an answer with a JSON body.
    ///
    /// # Panics
    ///
    /// When `status` is no HTTP status.
    pub fn json(status: u16, body: &str) -> Self {
        let mut answer =
            Self::status(status).header("content-type", "application/json; charset=utf-8");
        if let Outcome::Response(response) = &mut answer.outcome {
            *response.body_mut() = body.as_bytes().to_vec();
        }
        answer
    }

    /// Returns an answer of a proxy or a load balancer: a page for people.
    ///
    /// # Panics
    ///
    /// When `status` is no HTTP status.
    pub fn html_page(status: u16) -> Self {
        let mut response = Response::new(super::fault::html(status).into_bytes());
        *response.status_mut() = status_code(status);
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        response.into()
    }

    /// Returns an answer without a body.
    ///
    /// # Panics
    ///
    /// When `status` is no HTTP status.
    pub fn status(status: u16) -> Self {
        let mut response = Response::new(Vec::new());
        *response.status_mut() = status_code(status);
        response.into()
    }

    /// Returns a failure to get an answer at all.
    pub fn fail(kind: TransportErrorKind) -> Self {
        Self {
            outcome: Outcome::Failure(kind),
            gate: None,
        }
    }

    /// Returns silence: the request is never answered.
    pub fn hang() -> Self {
        Self {
            outcome: Outcome::Silence,
            gate: None,
        }
    }

    /// Adds a header.
    ///
    /// # Panics
    ///
    /// When the two cannot stand in a header, or there is no answer to add it to.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let Outcome::Response(response) = &mut self.outcome else {
            panic!("{:?} has no headers", self.outcome);
        };
        let name: HeaderName = name.parse().expect("the name of a header");
        response
            .headers_mut()
            .append(name, value.parse().expect("the value of a header"));
        self
    }

    /// Adds `Retry-After`: seconds, or a date in the format of HTTP.
    ///
    /// # Panics
    ///
    /// When the value cannot stand in a header, or there is no answer to add it to.
    pub fn retry_after(self, value: &str) -> Self {
        self.header(RETRY_AFTER.as_str(), value)
    }

    /// Holds the answer back until `gate` is opened.
    pub fn held_by(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    async fn give(self) -> Result<Response<SecretBytes>, TransportError> {
        if let Some(gate) = &self.gate {
            gate.passed().await;
        }
        match self.outcome {
            Outcome::Failure(kind) => Err(TransportError::new(
                kind,
                format!("a scripted failure ({kind:?})"),
            )),
            Outcome::Response(response) => Ok(response.map(SecretBytes::from)),
            Outcome::Silence => future::pending().await,
        }
    }
}

impl From<Response<Vec<u8>>> for Answer {
    fn from(response: Response<Vec<u8>>) -> Self {
        Self {
            outcome: Outcome::Response(response),
            gate: None,
        }
    }
}

/// Holds answers back until the test lets them go. All clones are one gate.
///
/// ```
/// # use partner_auth::testing::{Answer, Gate, ScriptedTransport};
/// let gate = Gate::new();
/// let transport = ScriptedTransport::new().answer(Answer::token("t-1", 3_599).held_by(&gate));
/// // Let many callers ask, then:
/// gate.open();
/// ```
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// Returns a closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Lets all pass that wait here, and all that come later.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    async fn passed(&self) {
        // The sender is held by `self`, so the wait cannot fail.
        let _ = self.0.subscribe().wait_for(|is_open| *is_open).await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Clone)]
enum Outcome {
    Failure(TransportErrorKind),
    Response(Response<Vec<u8>>),
    Silence,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failure(kind) => write!(f, "Failure({kind:?})"),
            Self::Response(response) => write!(f, "Response({})", response.status()),
            Self::Silence => f.write_str("Silence"),
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    script: Mutex<Script>,
    log: Log,
    asked: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<Answer>,
    repeats_last: bool,
}

impl Script {
    fn next(&mut self) -> Option<Answer> {
        match self.repeats_last && self.answers.len() == 1 {
            true => self.answers.front().cloned(),
            false => self.answers.pop_front(),
        }
    }
}

fn refuse<'a>(message: String) -> TransportFuture<'a> {
    Box::pin(future::ready(Err(TransportError::new(
        TransportErrorKind::Config,
        message,
    ))))
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("an HTTP status")
}

const SCRIPTED_ID: &str = "00000000-0000-4000-8000-000000000000";
