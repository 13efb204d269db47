//! Whether a call's bearer token is good enough, and for whom it speaks.

use serde_json::Value;

use super::super::entra::state::{Flaw, State};
use super::super::record::RecordedRequest;

/// Whom a good token speaks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Caller {
    App,
    User { mfa: bool },
}

/// Why a call is refused before anybody looks at what it wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Denial {
    /// A claims challenge with this JSON.
    Challenged(String),
    Expired,
    /// No `Authorization: Bearer`, more than one, or no token of this cloud's.
    Invalid,
    WrongAudience(String),
}

/// Returns who calls, by the `Authorization` header.
pub(super) fn judge(
    request: &RecordedRequest,
    entra: &State,
    audience: &str,
) -> Result<Caller, Denial> {
    let token = token_of(request).ok_or(Denial::Invalid)?;
    let claims = entra.judge(token).map_err(|flaw| match flaw {
        Flaw::Expired => Denial::Expired,
        Flaw::Revoked => Denial::Challenged(entra.revocation_challenge()),
        Flaw::Unreadable => Denial::Invalid,
    })?;
    let claim = |name: &str| claims.get(name).and_then(Value::as_str);

    match claim("aud") {
        Some(right) if right == audience => {}
        other => return Err(Denial::WrongAudience(other.unwrap_or_default().to_owned())),
    }
    let methods = claims.get("amr").and_then(Value::as_array);
    let mfa = methods.is_some_and(|methods| methods.iter().any(|method| method == "mfa"));
    Ok(match claim("scp") {
        Some(_) => Caller::User { mfa },
        None => Caller::App,
    })
}

/// Returns the token of the one `Authorization: Bearer` header.
pub(super) fn token_of(request: &RecordedRequest) -> Option<&str> {
    let (scheme, token) = request.authorization()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}
