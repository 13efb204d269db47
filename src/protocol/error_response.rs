//! A refusal of the token endpoint, read.

use std::time::SystemTime;

use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, Response, StatusCode};
use serde::Deserialize;

use super::retry_after::retry_after;
use super::text::printable;
use super::token_request::CLIENT_REQUEST_ID;
use crate::diagnosis;
use crate::error::{Error, ErrorKind, Facts};
use crate::secret::SecretBytes;

/// Returns the error that an answer stands for. What its text holds of `secrets` is taken out.
///
/// Never fails on a body it does not know: proxies answer with HTML, throttles with plain text,
/// and other makers' servers with nothing at all.
pub(crate) fn read(answer: &Response<SecretBytes>, now: SystemTime, secrets: &[&str]) -> Error {
    let status = answer.status();
    let retry_after = retry_after(answer.headers(), now);
    let mut facts = facts_of_headers(answer, secrets);

    let Ok(wire) = serde_json::from_slice::<Wire>(answer.body().expose()) else {
        let kind = kind_of_status(status);
        return Error::new(kind, unreadable(status, answer.headers(), secrets))
            .with_facts(facts)
            .with_retry_after(retry_after);
    };

    let codes = wire.codes();
    let printable = |text: Option<String>| text.map(|text| printable(&text, secrets));
    facts.aadsts = codes.first().copied();
    facts.oauth_error = printable(wire.error);
    facts.suberror = printable(wire.suberror);
    facts.description = printable(wire.error_description).map(|text| without_ids(&text));
    facts.claims = wire.claims.map(Into::into);
    facts.correlation_id = printable(wire.correlation_id).or(facts.correlation_id);
    facts.trace_id = printable(wire.trace_id).or(facts.trace_id);

    let kind = kind_of(
        status,
        facts.oauth_error.as_deref(),
        facts.suberror.as_deref(),
    );
    let message = match kind {
        ErrorKind::Unavailable => "Entra is busy or down",
        ErrorKind::InteractionRequired => "Entra wants to see the user",
        _ => "Entra refused to issue a token",
    };
    let diagnosis = diagnosis::refusal(&codes, facts.oauth_error.as_deref());
    let is_explained = !codes.is_empty() || facts.oauth_error.is_some();
    let error = Error::new(kind, message)
        .with_facts(facts)
        .with_retry_after(retry_after);
    match is_explained {
        true => error.with_diagnosis(diagnosis),
        false => error,
    }
}

/// Returns what an answer tells without its body: the status, and the ids that support asks for.
pub(crate) fn facts_of_headers(answer: &Response<SecretBytes>, secrets: &[&str]) -> Facts {
    let id = |name: &str| {
        let value = answer.headers().get(name)?.to_str().ok()?;
        Some(printable(value, secrets))
    };
    Facts {
        status: Some(answer.status().as_u16()),
        correlation_id: id(CLIENT_REQUEST_ID.as_str()),
        trace_id: id("x-ms-request-id"),
        ..Facts::default()
    }
}

/// What follows from the OAuth code, never from an AADSTS number: those may change at any time.
fn kind_of(status: StatusCode, error: Option<&str>, suberror: Option<&str>) -> ErrorKind {
    let is_busy = status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
        || status.is_server_error();
    let asks_for_the_client = matches!(
        suberror,
        Some("client_mismatch" | "protection_policy_required")
    );

    match error {
        _ if is_busy => ErrorKind::Unavailable,
        Some("temporarily_unavailable" | "server_error" | "request_timeout") => {
            ErrorKind::Unavailable
        }
        Some("consent_required" | "interaction_required" | "login_required") => {
            ErrorKind::InteractionRequired
        }
        Some("invalid_grant") if !asks_for_the_client => ErrorKind::InteractionRequired,
        Some(_) => ErrorKind::Rejected,
        None => kind_of_status(status),
    }
}

fn kind_of_status(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        400 | 401 | 403 => ErrorKind::Rejected,
        408 | 429 | 500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Malformed,
    }
}

fn unreadable(status: StatusCode, headers: &HeaderMap, secrets: &[&str]) -> String {
    if status.is_redirection() {
        let target = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let origin = target.and_then(|text| url::Url::parse(text).ok());
        let host = origin
            .as_ref()
            .and_then(url::Url::host_str)
            .unwrap_or("another place");
        return format!(
            "the token endpoint answered {} towards {host}; redirects are not followed, for the body holds a secret",
            status.as_u16()
        );
    }
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    match kind.map(|kind| printable(kind, secrets)) {
        Some(kind) => {
            format!(
                "the token endpoint answered {} with {kind} instead of JSON",
                status.as_u16()
            )
        }
        None => format!(
            "the token endpoint answered {} with no body to read",
            status.as_u16()
        ),
    }
}

/// Entra writes the number before its text, and the ids and the time behind; they have places of
/// their own.
fn without_ids(description: &str) -> Box<str> {
    let end = description.find(" Trace ID:").unwrap_or(description.len());
    let text = description[..end].trim();
    match text.split_once(": ") {
        Some((number, text)) if number.starts_with("AADSTS") => text.into(),
        _ => text.into(),
    }
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default, deserialize_with = "lenient")]
    error: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    error_description: Option<String>,
    #[serde(default)]
    error_codes: serde_json::Value,
    #[serde(default, deserialize_with = "lenient")]
    suberror: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    claims: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    correlation_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    trace_id: Option<String>,
}

impl Wire {
    /// The AADSTS numbers, from their own member or else from the text.
    fn codes(&self) -> Vec<u32> {
        let listed = self.error_codes.as_array().into_iter().flatten();
        let codes: Vec<u32> = listed
            .filter_map(|code| u32::try_from(code.as_u64()?).ok())
            .take(8)
            .collect();
        if !codes.is_empty() {
            return codes;
        }
        let description = self.error_description.as_deref().unwrap_or_default();
        let named = description.split("AADSTS").nth(1).unwrap_or_default();
        let end = named
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(named.len());
        named[..end].parse().into_iter().collect()
    }
}

/// A member of another type than string is as good as absent: the refusal itself still counts.
fn lenient<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(from)? {
        serde_json::Value::String(text) => Some(text),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_next_step() {
        use ErrorKind::{InteractionRequired, Malformed, Rejected, Unavailable};
        #[rustfmt::skip]
        let table = [
            // status, error, suberror, next step
            (400, Some("invalid_grant"),          None,                    InteractionRequired),
            (400, Some("invalid_grant"),          Some("client_mismatch"), Rejected),
            (400, Some("interaction_required"),   None,                    InteractionRequired),
            (400, Some("consent_required"),       None,                    InteractionRequired),
            (401, Some("invalid_client"),         None,                    Rejected),
            (400, Some("unauthorized_client"),    None,                    Rejected),
            (400, Some("invalid_scope"),          None,                    Rejected),
            (400, Some("of_another_world"),       None,                    Rejected),
            (400, Some("temporarily_unavailable"), None,                   Unavailable),
            (429, Some("invalid_grant"),          None,                    Unavailable),
            (503, Some("anything"),               None,                    Unavailable),
            (408, None,                           None,                    Unavailable),
            (403, None,                           None,                    Rejected),
            (404, None,                           None,                    Malformed),
            (302, None,                           None,                    Malformed),
        ];
        for (status, error, suberror, expected) in table {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                kind_of(status, error, suberror),
                expected,
                "{status} {error:?}"
            );
        }
    }

    #[test]
    fn entras_own_members_are_kept_for_support() {
        let body = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided, not hunter2. Trace ID: t Correlation ID: c Timestamp: 2026-01-01 00:00:00Z","error_codes":[7000215],"timestamp":"2026-01-01 00:00:00Z","trace_id":"t-1","correlation_id":"c-1","error_uri":"https://login.microsoftonline.com/error?code=7000215"}"#;
        let mut answer = Response::new(SecretBytes::from(body.as_bytes().to_vec()));
        *answer.status_mut() = StatusCode::UNAUTHORIZED;

        let error = read(&answer, SystemTime::UNIX_EPOCH, &["hunter2"]);

        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(error.aadsts(), Some(7_000_215));
        assert_eq!(error.correlation_id(), Some("c-1"));
        assert_eq!(error.trace_id(), Some("t-1"));
        let text = error.to_string();
        assert!(text.contains("not [redacted]."), "{text}");
        assert!(
            !text.contains("hunter2") && !text.contains("Timestamp"),
            "{text}"
        );
    }

    #[test]
    fn odd_members_do_not_hide_the_refusal() {
        #[rustfmt::skip]
        let table = [
            (r#"{"error":"invalid_client","error_codes":"x","claims":7,"trace_id":{}}"#, None),
            (r#"{"error":"invalid_client","error_description":"AADSTS700016: x"}"#,     Some(700_016)),
            (r#"{"error":"invalid_client","error_codes":[-1, 4294967296, 65001]}"#,      Some(65_001)),
            (r#"{"error":"invalid_client","error_description":"AADSTS: x"}"#,            None),
        ];
        for (body, aadsts) in table {
            let mut answer = Response::new(SecretBytes::from(body.as_bytes().to_vec()));
            *answer.status_mut() = StatusCode::BAD_REQUEST;
            let error = read(&answer, SystemTime::UNIX_EPOCH, &[]);
            assert_eq!(
                (error.oauth_error(), error.aadsts()),
                (Some("invalid_client"), aadsts),
                "{body}"
            );
        }
    }
}
