//! What a fake does wrong on purpose: [`Fault`].

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::json;

use super::server::{Broken, FOREVER, Reply};
use crate::id::TenantId;

/// Something that goes wrong on purpose, once if you do not say otherwise.
///
/// ```
/// # use partner_auth::testing::FakeCloud;
/// # use partner_auth::testing::Fault;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let cloud = FakeCloud::start().await;
/// cloud.entra().fault(Fault::status(503).retry_after("2").times(3));
/// cloud.partner_api().fault(Fault::throttled("57"));
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Fault {
    kind: Kind,
    retry_after: Option<String>,
    /// `None` is for ever.
    times: Option<usize>,
    tenant: Option<TenantId>,
}

impl Fault {
    /// Returns a fault that answers with `status` and no body.
    pub fn status(status: u16) -> Self {
        Self::of(Kind::Instead {
            status,
            content_type: None,
            body: Vec::new(),
        })
    }

    /// Returns a fault that answers with `status` and this body.
    pub fn answer(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let content_type = Some(content_type.to_owned());
        Self::of(Kind::Instead {
            status,
            content_type,
            body: body.into(),
        })
    }

    /// Returns a fault that answers with `status` and a page for people, as a proxy does.
    pub fn html_page(status: u16) -> Self {
        Self::answer(status, "text/html", html(status))
    }

    /// Returns a fault that answers 429 with `Retry-After`: seconds, or a date in the format of
    /// HTTP. The body is Azure API Management's at the Partner APIs, and plain text at Entra.
    pub fn throttled(retry_after: &str) -> Self {
        Self::of(Kind::Throttled).retry_after(retry_after)
    }

    /// Returns a fault that gives the right answer after `latency` of real time.
    pub fn latency(latency: Duration) -> Self {
        Self::of(Kind::Latency(latency))
    }

    /// Returns a fault that never answers. The connection stays open.
    pub fn hang() -> Self {
        Self::latency(FOREVER)
    }

    /// Returns a fault that sends the head and half the body of the right answer, then closes the
    /// connection.
    ///
    /// What it stands for has happened: the token was issued, the customer was created.
    pub fn torn_body() -> Self {
        Self::of(Kind::Broken(Broken::Torn))
    }

    /// Returns a fault that closes the connection without a word.
    ///
    /// What it stands for has happened: the token was issued, the customer was created.
    pub fn dropped_connection() -> Self {
        Self::of(Kind::Broken(Broken::Dropped))
    }

    /// Returns a fault that gives the right answer and calls it `text/plain`.
    pub fn wrong_content_type() -> Self {
        Self::of(Kind::ContentType)
    }

    /// Returns a fault that gives the status and headers of the right answer, with this body.
    pub fn body(body: impl Into<Vec<u8>>) -> Self {
        Self::of(Kind::Body(body.into()))
    }

    /// Adds `Retry-After` to the answer: seconds, or a date in the format of HTTP.
    pub fn retry_after(mut self, value: &str) -> Self {
        self.retry_after = Some(value.to_owned());
        self
    }

    /// Lets it happen to the next `count` requests instead of one.
    pub fn times(mut self, count: usize) -> Self {
        self.times = Some(count);
        self
    }

    /// Lets it happen until `clear_faults` is called.
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Lets it happen to requests of one tenant only, by whichever of its names you say. At Entra
    /// that is the tenant of the URL, at the Partner APIs the tenant of the token.
    pub fn in_tenant(mut self, tenant: &TenantId) -> Self {
        self.tenant = Some(tenant.clone());
        self
    }

    fn of(kind: Kind) -> Self {
        Self {
            kind,
            retry_after: None,
            times: Some(1),
            tenant: None,
        }
    }

    /// Returns what is sent instead of, or made of, the right answer.
    pub(super) fn spoil(self, style: Style, right: impl FnOnce() -> Reply) -> Reply {
        let reply = match self.kind {
            Kind::Body(body) => Reply { body, ..right() },
            Kind::Broken(broken) => Reply {
                broken: Some(broken),
                ..right()
            },
            Kind::ContentType => right().header(CONTENT_TYPE, "text/plain"),
            Kind::Instead {
                status,
                content_type,
                body,
            } => {
                let reply = Reply {
                    body,
                    ..Reply::empty(status)
                };
                match content_type {
                    Some(content_type) => reply.header(CONTENT_TYPE, &content_type),
                    None => reply,
                }
            }
            Kind::Latency(latency) => right().delayed(latency),
            Kind::Throttled => style.throttled(self.retry_after.as_deref().unwrap_or_default()),
        };
        match self.retry_after {
            Some(value) => reply.header(RETRY_AFTER, &value),
            None => reply,
        }
    }
}

#[derive(Clone, Debug)]
enum Kind {
    Body(Vec<u8>),
    Broken(Broken),
    ContentType,
    Instead {
        status: u16,
        content_type: Option<String>,
        body: Vec<u8>,
    },
    Latency(Duration),
    Throttled,
}

/// Who throttles: the bodies differ.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style {
    ApiManagement,
    Entra,
}

impl Style {
    fn throttled(self, retry_after: &str) -> Reply {
        match self {
            Self::ApiManagement => {
                let message =
                    format!("Rate limit is exceeded. Try again in {retry_after} seconds.");
                Reply::json(429, &json!({ "statusCode": 429, "message": message }))
            }
            Self::Entra => Reply::text(429, "Too many requests."),
        }
    }
}

/// The faults that are still to happen, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<VecDeque<Fault>>);

impl Faults {
    pub(super) fn add(&self, fault: Fault) {
        if fault.times != Some(0) {
            self.lock().push_back(fault);
        }
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// Returns the fault that happens to a request of the tenant that `is_tenant` knows.
    pub(super) fn next(&self, is_tenant: impl Fn(&TenantId) -> bool) -> Option<Fault> {
        let mut faults = self.lock();
        let concerns = |fault: &Fault| fault.tenant.as_ref().is_none_or(&is_tenant);
        let place = faults.iter().position(concerns)?;

        let fault = &mut faults[place];
        if let Some(times) = &mut fault.times {
            *times -= 1;
            if *times == 0 {
                return faults.remove(place);
            }
        }
        Some(faults[place].clone())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the page of a proxy.
pub(super) fn html(status: u16) -> String {
    format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body><center><h1>{status}</h1></center>\
         <hr><center>proxy.contoso.com</center></body>\r\n</html>\r\n"
    )
}
