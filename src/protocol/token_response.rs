//! An answer of the token endpoint, read.

use std::time::{Duration, SystemTime};

use http::Response;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use zeroize::Zeroizing;

use super::error_response;
use crate::error::{Error, ErrorKind};
use crate::secret::SecretBytes;

/// A token that was just issued.
pub(crate) struct Issued {
    pub(crate) access_token: Zeroizing<String>,
    /// How long it lives, from the moment it was asked for.
    pub(crate) lifetime: Duration,
    /// When the server wants it renewed, from the same moment.
    pub(crate) refresh_in: Option<Duration>,
}

/// Reads an answer that arrived at `now`. What a refusal's text holds of `secrets` is taken out.
///
/// # Errors
///
/// The refusal, or [`ErrorKind::Malformed`] when the answer is neither a token nor a refusal.
pub(crate) fn read(
    answer: &Response<SecretBytes>,
    now: SystemTime,
    secrets: &[&str],
) -> Result<Issued, Error> {
    if !answer.status().is_success() {
        return Err(error_response::read(answer, now, secrets));
    }

    let malformed = |what: String| {
        let facts = error_response::facts_of_headers(answer, secrets);
        Error::new(
            ErrorKind::Malformed,
            format!("the token endpoint's answer {what}"),
        )
        .with_facts(facts)
    };
    let wire: Wire = match serde_json::from_slice(answer.body().expose()) {
        Ok(wire) => wire,
        // The parser's own text may quote a value; the kind of trouble and the place never do.
        Err(error) => {
            let what = match error.classify() {
                serde_json::error::Category::Eof => "ends too early".to_owned(),
                serde_json::error::Category::Data => {
                    format!(
                        "has a member that cannot be read, at column {}",
                        error.column()
                    )
                }
                _ => format!(
                    "is not JSON (content type {})",
                    content_type(answer, secrets)
                ),
            };
            return Err(malformed(what));
        }
    };

    // Some servers say no with a 200.
    if wire.error.is_some() {
        return Err(error_response::read(answer, now, secrets));
    }
    let Some(access_token) = wire.access_token else {
        return Err(malformed("has no access_token".into()));
    };
    if access_token.is_empty() || !access_token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(malformed(
            "holds a token that cannot stand in a header".into(),
        ));
    }
    match wire.token_type {
        Some(kind) if kind.eq_ignore_ascii_case("bearer") => {}
        Some(_) => return Err(malformed("holds a token that is not of type Bearer".into())),
        None => return Err(malformed("has no token_type".into())),
    }
    let lifetime = match (wire.expires_in, wire.expires_on) {
        (Some(Number(seconds)), _) => whole_seconds(seconds),
        (None, Some(Number(epoch))) => whole_seconds(epoch).and_then(|epoch| {
            let expires_on = SystemTime::UNIX_EPOCH.checked_add(epoch)?;
            Some(expires_on.duration_since(now).unwrap_or_default())
        }),
        (None, None) => return Err(malformed("does not say when the token expires".into())),
    };
    let Some(lifetime) = lifetime else {
        return Err(malformed("gives the token a negative life".into()));
    };

    Ok(Issued {
        access_token,
        lifetime: lifetime.min(LONGEST),
        refresh_in: wire
            .refresh_in
            .and_then(|Number(seconds)| whole_seconds(seconds)),
    })
}

/// The members that are read. Whatever else comes is ignored; a member that comes twice is refused.
#[derive(Deserialize)]
struct Wire {
    #[serde(default, deserialize_with = "secret")]
    access_token: Option<Zeroizing<String>>,
    token_type: Option<String>,
    expires_in: Option<Number>,
    expires_on: Option<Number>,
    refresh_in: Option<Number>,
    error: Option<de::IgnoredAny>,
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Zeroizing<String>>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Zeroizing::new))
}

/// A number, or a number in a string: v1.0 endpoints send the latter.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        #[allow(clippy::cast_precision_loss)] // seconds beyond 2^53 are capped anyway
        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, or a string that holds one")
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Number, E> {
                Ok(Number(number))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                let number = text
                    .trim()
                    .parse::<f64>()
                    .ok()
                    .filter(|number| number.is_finite());
                number.map(Number).ok_or_else(|| E::custom("not a number"))
            }
        }

        from.deserialize_any(NumberVisitor)
    }
}

fn whole_seconds(seconds: f64) -> Option<Duration> {
    match seconds {
        seconds if seconds < 0.0 => None,
        seconds => Some(Duration::try_from_secs_f64(seconds.floor()).unwrap_or(Duration::MAX)),
    }
}

fn content_type(answer: &Response<SecretBytes>, secrets: &[&str]) -> String {
    let value = answer
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    super::text::printable(value.unwrap_or("not given"), secrets)
        .chars()
        .take(80)
        .collect()
}

/// No token is taken to live longer than this, whatever the server says. Entra's live 28 hours at
/// the most.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Response<SecretBytes> {
        Response::new(SecretBytes::from(body.as_bytes().to_vec()))
    }

    fn outcome(body: &str) -> Result<u64, String> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        match read(&answer(body), now, &[]) {
            Ok(issued) => Ok(issued.lifetime.as_secs()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn lifetimes_come_as_numbers_and_as_strings() {
        #[rustfmt::skip]
        let table = [
            (r#""expires_in":3599"#,                              3_599),
            (r#""expires_in":"3599""#,                            3_599),
            (r#""expires_in":" 3599 ""#,                          3_599),
            (r#""expires_in":3599.9"#,                            3_599),
            (r#""expires_in":"3599.9""#,                          3_599),
            (r#""expires_in":0"#,                                 0),
            (r#""expires_in":1e3"#,                               1_000),
            (r#""expires_in":604801"#,                            604_800),
            (r#""expires_in":18446744073709551615"#,              604_800),
            (r#""expires_in":1e300"#,                             604_800),
            (r#""expires_in":"99999999999999999999999""#,         604_800),
            (r#""expires_on":"4599""#,                            3_599),
            (r#""expires_on":4599"#,                              3_599),
            (r#""expires_on":1"#,                                 0),
            (r#""expires_in":"5","expires_on":"9999","x":{}"#,    5),
        ];
        for (members, expected) in table {
            let body = format!(r#"{{"token_type":"bearer","access_token":"t",{members}}}"#);
            assert_eq!(outcome(&body), Ok(expected), "{body}");
        }
    }

    #[test]
    fn an_answer_that_is_not_a_token_is_told_apart() {
        #[rustfmt::skip]
        let table = [
            (r#"{"token_type":"Bearer","access_token":"t","expires_in":-1}"#,                 "negative life"),
            (r#"{"token_type":"Bearer","access_token":"t"}"#,                                 "when the token expires"),
            (r#"{"token_type":"Bearer","access_token":"t","expires_in":"soon"}"#,             "cannot be read"),
            (r#"{"token_type":"Bearer","access_token":"t","expires_in":"NaN"}"#,              "cannot be read"),
            (r#"{"token_type":"Bearer","access_token":"t","expires_in":[]}"#,                 "cannot be read"),
            (r#"{"token_type":"Bearer","expires_in":1}"#,                                     "no access_token"),
            (r#"{"token_type":"Bearer","access_token":null,"expires_in":1}"#,                 "no access_token"),
            (r#"{"token_type":"Bearer","access_token":"","expires_in":1}"#,                   "cannot stand in a header"),
            (r#"{"token_type":"Bearer","access_token":"a b","expires_in":1}"#,                "cannot stand in a header"),
            (r#"{"access_token":"t","expires_in":1}"#,                                        "no token_type"),
            (r#"{"token_type":"mac","access_token":"t","expires_in":1}"#,                     "not of type Bearer"),
            (r#"{"token_type":"Bearer","access_token":"t","access_token":"u","expires_in":1}"#, "cannot be read"),
            (r#"{"token_type":"Bearer","access_token":"t","expires_in":1"#,                   "ends too early"),
            ("",                                                                              "ends too early"),
            ("<html>",                                                                        "is not JSON"),
            ("[]",                                                                            "cannot be read"),
        ];
        for (body, expected) in table {
            let error = outcome(body).unwrap_err();
            assert!(error.contains(expected), "{body}: {error}");
            assert!(!error.contains("\"t\""), "{error}");
        }
    }

    #[test]
    fn text_that_is_not_utf_8_is_malformed() {
        let body =
            b"{\"token_type\":\"Bearer\",\"expires_in\":1,\"access_token\":\"\xff\"}".to_vec();
        let answer = Response::new(SecretBytes::from(body));
        let error = read(&answer, SystemTime::UNIX_EPOCH, &[]).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Malformed);
    }

    #[test]
    fn a_refusal_with_status_200_is_a_refusal() {
        let error = read(
            &answer(r#"{"error":"invalid_client"}"#),
            SystemTime::UNIX_EPOCH,
            &[],
        )
        .err()
        .unwrap();
        assert_eq!(error.oauth_error(), Some("invalid_client"));
    }
}
