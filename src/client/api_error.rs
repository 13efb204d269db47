//! The refusals of the Partner APIs, Microsoft Graph and their kin, read.

use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::api::Api;
use crate::clock::{Clock, SystemClock};
use crate::diagnosis::{self, Diagnosis, SetupStep};
use crate::error::{Error, ErrorKind, Facts};
use crate::protocol::retry_after::retry_after;
use crate::protocol::text::printable;

/// What an API said when it refused a call.
///
/// Six shapes of body are understood, and none is needed: a refusal with a body of no known shape,
/// or with none, is an `ApiError` too. Codes are texts here even where an API sends numbers.
///
/// | Who answers so | Shape |
/// |---|---|
/// | Partner Center | `{"code","description","data","source"}` |
/// | Partner API, Graph, ARM | `{"error":{"code","message","target","innerError":{…}}}` |
/// | API Management | `{"statusCode","message"}` |
/// | Entra | `{"error","error_description","error_codes",…}` |
/// | anybody | plain text, HTML, nothing |
/// | jobs, with status 200 | `{"status":"failed","error":{"code","message"}}` |
///
/// # Protocol
///
/// [Partner Center error codes](https://learn.microsoft.com/partner-center/developer/error-codes).
#[derive(Clone, Debug)]
pub struct ApiError {
    status: u16,
    /// From the outermost to the innermost.
    codes: Vec<Box<str>>,
    message: Option<Box<str>>,
    target: Option<Box<str>>,
    request_id: Option<Box<str>>,
    correlation_id: Option<Box<str>>,
    retry_after: Option<Duration>,
    diagnosis: Option<Diagnosis>,
}

impl ApiError {
    /// Returns the refusal that an answer of `api` stands for. Never fails.
    ///
    /// For answers that did not come through a `PartnerClient`, which does this by itself, and for
    /// the reports of failed jobs, which come with status 200.
    ///
    /// ```
    /// # use http::{HeaderMap, StatusCode};
    /// # use partner_auth::{Api, ApiError, SetupStep};
    /// let body = br#"{"code":"900421","description":"MFA required"}"#;
    /// let error = ApiError::read(&Api::PartnerCenter, StatusCode::UNAUTHORIZED, &HeaderMap::new(), body);
    ///
    /// assert_eq!(error.code(), Some("900421"));
    /// assert_eq!(error.diagnosis().map(|diagnosis| diagnosis.step), Some(SetupStep::UserMfa));
    /// ```
    #[must_use]
    pub fn read(api: &Api, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        Self::read_at(api, status, headers, body, SystemClock.now().wall(), &[])
    }

    /// As [`read`](Self::read), at a time against which a `Retry-After` date is understood. What the
    /// answer holds of `secrets` is taken out.
    pub(crate) fn read_at(
        api: &Api,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        now: SystemTime,
        secrets: &[&str],
    ) -> Self {
        let id = |names: &[&str]| {
            let value = names
                .iter()
                .find_map(|name| headers.get(*name)?.to_str().ok())?;
            Some(printable(value, secrets))
        };
        let mut error = Self {
            status: status.as_u16(),
            codes: Vec::new(),
            message: None,
            target: None,
            request_id: id(&REQUEST_IDS),
            correlation_id: id(&CORRELATION_IDS),
            retry_after: retry_after(headers, now),
            diagnosis: None,
        };

        let body = &body[..body.len().min(LIMIT)];
        match serde_json::from_slice::<Value>(body) {
            Ok(json) => error.read_json(&json, secrets),
            Err(_) => error.read_text(body, secrets),
        }
        error.diagnosis = error.diagnose(api, &String::from_utf8_lossy(body));
        error
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the innermost error code: the one that says most.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.codes.last().map(|code| &**code)
    }

    /// Returns all error codes, from the outermost to the innermost.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.codes.iter().map(|code| &**code)
    }

    /// Returns `true` when `code` is among the codes, in any case: the APIs' own documentation
    /// spells them in several ways.
    #[must_use]
    pub fn has_code(&self, code: &str) -> bool {
        self.codes().any(|known| known.eq_ignore_ascii_case(code))
    }

    /// Returns what the API says to people. Do not match on it.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Returns the part of the request that is meant, where the API names one.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// Returns the id of the request. Give it to support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Returns the id that ties the request to others. Give it to support.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.correlation_id.as_deref()
    }

    /// Returns how long the API asks to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns which setup step is missing, if this refusal is known to mean that.
    #[must_use]
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        self.diagnosis.as_ref()
    }

    /// Returns the refusal as an error whose kind names the next step.
    pub(crate) fn into_error(self, kind: ErrorKind) -> Error {
        let kind = match (kind, self.status) {
            (ErrorKind::Api, 408 | 429 | 500 | 502..=504) => ErrorKind::Unavailable,
            (ErrorKind::Api, 401) => ErrorKind::Rejected,
            (kind, _) => kind,
        };
        let facts = Facts {
            status: Some(self.status),
            correlation_id: self.correlation_id.clone(),
            trace_id: self.request_id.clone(),
            ..Facts::default()
        };
        let error = Error::new(kind, self.to_string())
            .with_facts(facts)
            .with_retry_after(self.retry_after);
        let error = match &self.diagnosis {
            Some(diagnosis) => error.with_diagnosis(diagnosis.clone()),
            None if kind == ErrorKind::Rejected => error.with_diagnosis(Diagnosis::of_kind(
                SetupStep::UserRole,
                "Entra issued the token, but the API does not take it.",
                "Check that the application, or the user, is known to the API and has the role that the call needs.",
                false,
            )),
            None => error,
        };
        error.caused_by(self)
    }

    fn read_json(&mut self, json: &Value, secrets: &[&str]) {
        let text = |value: &Value, names: &[&str]| {
            names.iter().find_map(|name| match value.get(*name)? {
                Value::String(text) => Some(printable(text, secrets)),
                Value::Number(number) => Some(number.to_string().into()),
                _ => None,
            })
        };

        match &json["error"] {
            Value::Object(_) => {
                let mut inner = &json["error"];
                for _ in 0..DEEPEST {
                    self.codes.extend(text(inner, &["code"]));
                    self.target = text(inner, &["target"]).or(self.target.take());
                    self.message = self.message.take().or_else(|| text(inner, &["message"]));
                    inner = match (&inner["innerError"], &inner["innererror"]) {
                        (Value::Object(_), _) => &inner["innerError"],
                        (_, Value::Object(_)) => &inner["innererror"],
                        _ => break,
                    };
                }
            }
            Value::String(error) => {
                self.codes.push(printable(error, secrets));
                self.message = text(json, &["error_description"]);
            }
            _ => {
                self.codes.extend(text(json, &["code", "errorCode"]));
                self.message = text(json, &["description", "message", "errorMessage"]);
            }
        }
        self.request_id = self.request_id.take().or_else(|| text(json, &["trace_id"]));
        self.correlation_id = self
            .correlation_id
            .take()
            .or_else(|| text(json, &["correlation_id"]));
        if let Value::String(text) = json {
            self.message = Some(printable(text, secrets));
        }
    }

    fn read_text(&mut self, body: &[u8], secrets: &[&str]) {
        let text = String::from_utf8_lossy(body);
        let is_markup = text.trim_start().starts_with('<');
        let text = printable(&text, secrets);
        if !text.is_empty() && !is_markup {
            self.message = Some(text);
        }
    }

    fn diagnose(&self, api: &Api, body: &str) -> Option<Diagnosis> {
        let service = match api {
            Api::PartnerApi => "api.partner.microsoft.com",
            Api::PartnerCenter => "api.partnercenter.microsoft.com",
            Api::Graph => "graph",
            _ => return None,
        };
        diagnosis::service(service, Some(self.status), body).or_else(|| {
            body.contains("AADSTS")
                .then(|| Diagnosis::explain(body))
                .flatten()
        })
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the API answered {}", self.status)?;
        let mut codes = self.codes().peekable();
        if codes.peek().is_some() {
            let codes: Vec<&str> = codes.collect();
            write!(f, " {}", codes.join(" > "))?;
        }
        match self.message() {
            Some(message) => write!(f, " \"{message}\""),
            None => Ok(()),
        }
    }
}

impl StdError for ApiError {}

impl Error {
    /// Returns what the API said, when it was an API that refused.
    #[must_use]
    pub fn api_error(&self) -> Option<&ApiError> {
        StdError::source(self)?.downcast_ref()
    }
}

/// A refusal is short. What comes after this is not read.
pub(crate) const LIMIT: usize = 256 * 1_024;
const DEEPEST: usize = 16;
const REQUEST_IDS: [&str; 3] = ["ms-requestid", "request-id", "x-ms-request-id"];
const CORRELATION_IDS: [&str; 3] = [
    "ms-correlationid",
    "client-request-id",
    "x-ms-correlation-request-id",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> ApiError {
        let status = StatusCode::from_u16(status).unwrap();
        ApiError::read(
            &Api::PartnerCenter,
            status,
            &HeaderMap::new(),
            body.as_bytes(),
        )
    }

    #[test]
    fn every_shape_of_a_refusal_is_understood() {
        #[rustfmt::skip]
        let table = [
            (r#"{"code":"900308","description":"no","data":[],"source":"PC"}"#,                       Some("900308"), Some("no")),
            (r#"{"code":900308,"description":"no"}"#,                                                 Some("900308"), Some("no")),
            (r#"{"error":{"code":"unAuthorized","message":"no","target":"t"}}"#,                      Some("unAuthorized"), Some("no")),
            (r#"{"error":{"code":"a","message":"no","innerError":{"code":"b","innererror":{"code":"c"}}}}"#, Some("c"), Some("no")),
            (r#"{"statusCode":429,"message":"Rate limit is exceeded."}"#,                             None, Some("Rate limit is exceeded.")),
            (r#"{"error":"invalid_grant","error_description":"AADSTS50076: x","error_codes":[50076]}"#, Some("invalid_grant"), Some("AADSTS50076: x")),
            (r#"{"status":"failed","error":{"code":"x","message":"job"}}"#,                           Some("x"), Some("job")),
            ("Unauthorized: Invalid Authorization header",                                            None, Some("Unauthorized: Invalid Authorization header")),
            (r#""just text""#,                                                                        None, Some("just text")),
            ("",                                                                                      None, None),
            ("<html>no</html>",                                                                       None, None),
            ("[1,2]",                                                                                 None, None),
            (r#"{"error":{}}"#,                                                                       None, None),
            (r#"{"error":[]}"#,                                                                       None, None),
            ("\u{0}\u{1}",                                                                            None, Some("\u{fffd}\u{fffd}")),
        ];
        for (body, code, message) in table {
            let error = read(400, body);
            assert_eq!((error.code(), error.message()), (code, message), "{body}");
        }
    }

    #[test]
    fn a_refusal_without_end_is_read_to_a_limit() {
        let nested = r#"{"error":"#.to_owned()
            + &r#"{"code":"x","innerError":"#.repeat(100)
            + "null"
            + &"}".repeat(101);
        assert!(read(400, &nested).codes().count() <= DEEPEST);
        assert!(read(400, &"x".repeat(10_000_000)).message().unwrap().len() < 2_000);
    }

    #[test]
    fn codes_are_compared_in_any_case() {
        assert!(read(403, r#"{"error":{"code":"unAuthorized"}}"#).has_code("Unauthorized"));
    }

    #[test]
    fn an_error_keeps_what_the_api_said() {
        let error = read(403, r#"{"code":"900308","description":"no"}"#).into_error(ErrorKind::Api);
        assert_eq!(error.api_error().and_then(ApiError::code), Some("900308"));
        assert_eq!(error.status(), Some(403));
        assert!(error.to_string().contains("403 900308 \"no\""), "{error}");
    }
}
