//! The rules of a bearer token: where it may go, what goes with it, what an answer calls for.
//!
//! Pure: nothing here sends anything.

use std::time::Duration;

use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use url::Url;

use super::api_error::ApiError;
use crate::api::{Api, ApiEndpoint};
use crate::entropy::IdSequence;
use crate::error::{Error, ErrorKind};
use crate::id::CorrelationId;
use crate::protocol::challenge::Challenge;
use crate::request::Target;
use crate::token::AccessToken;

/// Refuses a URL that is not the API's own, before anything is sent.
pub(crate) fn guard(endpoint: &ApiEndpoint, url: &Url, headers: &HeaderMap) -> Result<(), Error> {
    if !endpoint.allows(url) {
        let base = endpoint.base_url();
        let origin = url.origin().ascii_serialization();
        let text =
            format!("the token of {base} is not sent to {origin}, nor with a user name in the URL");
        return Err(Error::new(ErrorKind::OriginRefused, text));
    }
    if headers.contains_key(AUTHORIZATION) {
        return Err(Error::config(
            "the request has an Authorization header already; leave it out, the client attaches its own",
        ));
    }
    if headers.contains_key(HOST) {
        return Err(Error::new(
            ErrorKind::OriginRefused,
            "the request has a Host header of its own, which could send the token elsewhere; leave it out",
        ));
    }
    Ok(())
}

/// Refuses to send a token of one API to another, before it is even asked for.
pub(crate) fn guard_token(api: &Api, endpoint: &ApiEndpoint, target: &Target) -> Result<(), Error> {
    let is_own = match target {
        Target::Api(other) => other == api,
        Target::Scopes(scopes) => {
            let is_own = |scope: &str| {
                let permission = scope.strip_prefix(endpoint.audience());
                let is_bare = !scope.contains('/');
                // A bare name is a permission of Graph's, but for the words of OpenID Connect.
                permission.is_some_and(|permission| permission.starts_with('/'))
                    || (is_bare && (*api == Api::Graph || OPENID.contains(&scope)))
            };
            scopes.as_str().split(' ').all(is_own)
        }
    };
    match is_own {
        true => Ok(()),
        false => {
            let text =
                format!("the token that was asked for is not one of {api}; nothing was sent");
            Err(Error::new(ErrorKind::WrongAudience, text))
        }
    }
}

/// Writes the token into a request.
pub(crate) fn attach(headers: &mut HeaderMap, token: &AccessToken) {
    headers.insert(AUTHORIZATION, token.authorization().clone());
}

/// The names of a call: of the request itself, and of what ties it to others. A replay keeps both,
/// so that the server knows it for one. What the caller has named already is left alone.
#[derive(Clone)]
pub(crate) struct Names {
    ids: [CorrelationId; 2],
    /// The headers that take them, as far as they are the API's and not the caller's.
    headers: [Option<HeaderName>; 2],
}

impl Names {
    pub(crate) fn new(
        given: &HeaderMap,
        api: &Api,
        ids: &IdSequence,
        tie: Option<CorrelationId>,
    ) -> Self {
        let (request, correlation) = match api {
            Api::PartnerCenter => (Some(MS_REQUEST_ID), MS_CORRELATION_ID),
            Api::Arm => (None, X_MS_CORRELATION_ID),
            Api::Custom(_) | Api::Graph | Api::PartnerApi => (None, CLIENT_REQUEST_ID),
        };
        let is_open = |name: &HeaderName| !given.contains_key(name);
        Self {
            ids: [ids.next(), tie.unwrap_or_else(|| ids.next())],
            headers: [request, Some(correlation)].map(|name| name.filter(is_open)),
        }
    }

    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let values = CorrelationId::to_headers(self.ids);
        for (name, value) in self.headers.iter().zip(values) {
            if let Some(name) = name {
                headers.insert(name, value);
            }
        }
    }
}

/// What an answer calls for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// It is the caller's.
    Pass,
    /// Another token may help: one that meets these claims, or simply a newer one.
    Renew(Option<String>),
    /// No token that this provider has can help. The kind says what does.
    Refuse(ErrorKind),
    /// The same call may succeed after this long.
    Wait(Duration),
}

/// `true` when the verdict on an answer depends on its body.
pub(crate) fn needs_body(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 401 | 403)
}

/// Returns what an answer calls for. `reason` is the reason phrase, where HTTP/1.1 has one.
pub(crate) fn verdict(
    method: &Method,
    status: StatusCode,
    headers: &HeaderMap,
    refusal: &ApiError,
    reason: Option<&str>,
) -> Verdict {
    let says = |words: &[&str]| {
        let texts = [refusal.message(), reason].into_iter().flatten();
        let mut texts = texts.map(str::to_ascii_lowercase);
        texts.any(|text| words.iter().any(|words| text.contains(words)))
    };
    let is_coded = |codes: &[&str]| codes.iter().any(|code| refusal.has_code(code));

    match status.as_u16() {
        400 if says(&["token missing user information"]) => {
            Verdict::Refuse(ErrorKind::AppOnlyNotSupported)
        }
        401 | 403 => {
            let challenge = Challenge::of(headers);
            if challenge.wants_claims() && challenge.claims.is_some() {
                return Verdict::Renew(challenge.claims);
            }
            if challenge.wants_claims() {
                return Verdict::Refuse(ErrorKind::InteractionRequired);
            }
            if is_coded(&["900329"]) || says(&["application-only", "app-only authentication"]) {
                return Verdict::Refuse(ErrorKind::AppOnlyNotSupported);
            }
            if is_coded(&["900421", "10001"]) || says(&["mfa required"]) {
                return Verdict::Refuse(ErrorKind::MfaRequired);
            }
            if is_coded(&["900420"])
                || says(&["incorrect audience", "invalid authorization header"])
            {
                return Verdict::Refuse(ErrorKind::WrongAudience);
            }
            match status {
                StatusCode::UNAUTHORIZED => Verdict::Renew(None),
                _ => Verdict::Pass,
            }
        }
        429 | 503 if method.is_idempotent() => {
            refusal.retry_after().map_or(Verdict::Pass, Verdict::Wait)
        }
        _ => Verdict::Pass,
    }
}

const OPENID: [&str; 4] = ["email", "offline_access", "openid", "profile"];
const MS_REQUEST_ID: HeaderName = HeaderName::from_static("ms-requestid");
const MS_CORRELATION_ID: HeaderName = HeaderName::from_static("ms-correlationid");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const X_MS_CORRELATION_ID: HeaderName = HeaderName::from_static("x-ms-correlation-request-id");

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(method: &Method, status: u16, header: Option<(&str, &str)>, body: &str) -> Verdict {
        let status = StatusCode::from_u16(status).unwrap();
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        let refusal = ApiError::read(&Api::PartnerCenter, status, &headers, body.as_bytes());
        verdict(method, status, &headers, &refusal, None)
    }

    #[test]
    fn an_answer_calls_for_one_thing() {
        use ErrorKind::{AppOnlyNotSupported, InteractionRequired, MfaRequired, WrongAudience};
        use Verdict::{Pass, Refuse, Renew, Wait};
        let claims = Some((
            "www-authenticate",
            r#"Bearer error="insufficient_claims", claims="eyJhIjoxfQ==""#,
        ));
        let bare = Some(("www-authenticate", r#"Bearer error="insufficent_claims""#));
        let expired = Some(("www-authenticate", r#"Bearer error="invalid_token""#));
        let wait = Some(("retry-after", "7"));
        #[rustfmt::skip]
        let table = [
            // method, status, header, body, verdict
            (Method::GET,  200, None,    "",                                           Pass),
            (Method::GET,  401, None,    "",                                           Renew(None)),
            (Method::GET,  401, expired, r#"{"code":"800001"}"#,                       Renew(None)),
            (Method::POST, 401, expired, "",                                           Renew(None)),
            (Method::GET,  401, claims,  "",                                           Renew(Some(r#"{"a":1}"#.into()))),
            (Method::GET,  403, claims,  "",                                           Renew(Some(r#"{"a":1}"#.into()))),
            (Method::GET,  403, bare,    "",                                           Refuse(InteractionRequired)),
            (Method::GET,  401, expired, r#"{"code":"900421"}"#,                       Refuse(MfaRequired)),
            (Method::GET,  401, expired, r#"{"code":900421,"description":"x"}"#,       Refuse(MfaRequired)),
            (Method::GET,  401, None,    "Authentication failed. MFA required. (10001)", Refuse(MfaRequired)),
            (Method::GET,  401, None,    r#"{"code":"900420"}"#,                       Refuse(WrongAudience)),
            (Method::GET,  401, None,    "Unauthorized: Invalid Authorization header", Refuse(WrongAudience)),
            (Method::GET,  403, None,    r#"{"code":"900329"}"#,                       Refuse(AppOnlyNotSupported)),
            (Method::GET,  400, None,    "Authorization header token missing user information", Refuse(AppOnlyNotSupported)),
            (Method::GET,  400, None,    r#"{"code":"900329"}"#,                       Pass),
            (Method::GET,  403, None,    r#"{"code":"900308"}"#,                       Pass),
            (Method::GET,  404, None,    "",                                           Pass),
            (Method::GET,  429, wait,    "",                                           Wait(Duration::from_secs(7))),
            (Method::PUT,  503, wait,    "",                                           Wait(Duration::from_secs(7))),
            (Method::GET,  429, None,    "",                                           Pass),
            (Method::POST, 429, wait,    "",                                           Pass),
            (Method::PATCH, 503, wait,   "",                                           Pass),
            (Method::GET,  500, wait,    "",                                           Pass),
        ];
        for (method, status, header, body, expected) in table {
            assert_eq!(
                judge(&method, status, header, body),
                expected,
                "{method} {status} {body}"
            );
        }
    }

    #[test]
    fn the_reason_phrase_counts_where_there_is_one() {
        let (status, headers) = (StatusCode::UNAUTHORIZED, HeaderMap::new());
        let refusal = ApiError::read(&Api::PartnerCenter, status, &headers, b"");
        let reason = Some("Unauthorized - MFA required");
        let verdict = verdict(&Method::GET, status, &headers, &refusal, reason);
        assert_eq!(verdict, Verdict::Refuse(ErrorKind::MfaRequired));
    }
}
