//! A client assertion of our own, as bytes to sign.
//!
//! The form is the one that Entra documents, to the letter: numbers are integers, base64url has no
//! padding, `aud` is one string, `x5c` is an array of unbroken base64. Entra is known to take other
//! forms too, and promises none of them.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;

use crate::error::Error;
use crate::id::{ClientId, CorrelationId};
use crate::secret::Secret;

/// A client assertion ([RFC 7523 §3](https://www.rfc-editor.org/rfc/rfc7523#section-3),
/// [Entra's certificate credentials](https://learn.microsoft.com/entra/identity-platform/certificate-credentials)).
pub(crate) struct ClientAssertion<'a> {
    pub(crate) algorithm: Algorithm,
    /// The SHA-256 of the certificate's DER.
    pub(crate) thumbprint: &'a [u8; 32],
    /// The certificates' DER, that of the key first; empty to send the thumbprint only.
    pub(crate) chain: &'a [Vec<u8>],
    pub(crate) audience: &'a str,
    pub(crate) client: &'a ClientId,
    pub(crate) issued_at: SystemTime,
    pub(crate) id: CorrelationId,
}

/// How an assertion is signed. There is no other: no `none`, no shared key.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Algorithm {
    /// RSASSA-PSS with SHA-256, as Entra recommends.
    #[default]
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl ClientAssertion<'_> {
    /// Returns header and claims as they are signed.
    pub(crate) fn signing_input(&self) -> Result<String, Error> {
        let issued_at = self.issued_at.duration_since(SystemTime::UNIX_EPOCH);
        let issued_at = issued_at.unwrap_or_default().as_secs();
        let header = Header {
            alg: match self.algorithm {
                Algorithm::Ps256 => "PS256",
                Algorithm::Rs256 => "RS256",
            },
            typ: "JWT",
            thumbprint: URL_SAFE_NO_PAD.encode(self.thumbprint),
            x5c: self.chain.iter().map(|der| STANDARD.encode(der)).collect(),
        };
        let claims = Claims {
            aud: self.audience,
            iss: self.client.as_str(),
            sub: self.client.as_str(),
            jti: self.id.to_string(),
            nbf: issued_at,
            iat: issued_at,
            exp: issued_at.saturating_add(LIFE.as_secs()),
        };
        Ok(format!("{}.{}", part(&header)?, part(&claims)?))
    }
}

/// Returns the assertion that `signature` completes.
pub(crate) fn compact(signing_input: &str, signature: &[u8]) -> Secret {
    let signature = URL_SAFE_NO_PAD.encode(signature);
    Secret::new(format!("{signing_input}.{signature}"))
}

fn part(of: &impl Serialize) -> Result<String, Error> {
    let json = serde_json::to_vec(of).map_err(|error| {
        Error::config("the client assertion cannot be written").caused_by(error)
    })?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// How long an assertion is good for.
pub(crate) const LIFE: Duration = Duration::from_secs(10 * 60);

#[derive(Serialize)]
struct Header {
    alg: &'static str,
    typ: &'static str,
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    x5c: Vec<String>,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    iss: &'a str,
    sub: &'a str,
    jti: String,
    nbf: u64,
    iat: u64,
    exp: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assertion_has_entras_documented_form_to_the_letter() {
        let client = "11112222-bbbb-3333-cccc-4444dddd5555".parse().unwrap();
        let assertion = ClientAssertion {
            algorithm: Algorithm::Ps256,
            thumbprint: &[0xfb; 32],
            chain: &[vec![0xfb, 0xff], vec![1]],
            audience: "https://login.microsoftonline.com/t/oauth2/v2.0/token",
            client: &client,
            issued_at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_600_900),
            id: CorrelationId::from_random(0),
        };
        let input = assertion.signing_input().unwrap();
        let parts: Vec<String> = input
            .split('.')
            .map(|part| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
            .collect();

        assert_eq!(
            parts[0],
            r#"{"alg":"PS256","typ":"JWT","x5t#S256":"-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s","x5c":["+/8=","AQ=="]}"#
        );
        assert_eq!(
            parts[1],
            concat!(
                r#"{"aud":"https://login.microsoftonline.com/t/oauth2/v2.0/token","#,
                r#""iss":"11112222-bbbb-3333-cccc-4444dddd5555","sub":"11112222-bbbb-3333-cccc-4444dddd5555","#,
                r#""jti":"00000000-0000-4000-8000-000000000000","#,
                r#""nbf":1767225600,"iat":1767225600,"exp":1767226200}"#
            )
        );
        assert_eq!(compact("a.b", &[0xff]).expose(), "a.b._w");
    }
}
