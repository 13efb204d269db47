//! Client assertions, judged as Entra judges them: strict in what counts, and lenient in the forms
//! that Microsoft's own clients send.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::super::jwt::{self, SigningKey};
use super::refusal::Refusal;

/// What an application registered to be known by, other than secrets.
#[derive(Debug, Default)]
pub(super) struct Known {
    certificates: Vec<Certificate>,
    federated: Vec<Federated>,
}

/// A certificate, as far as it matters here.
#[derive(Debug)]
struct Certificate {
    sha1: Vec<u8>,
    sha256: Vec<u8>,
    /// `RSAPublicKey`, in DER.
    key: Vec<u8>,
}

/// Whose assertions stand for the application.
#[derive(Debug)]
pub(super) struct Federated {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) audience: String,
    pub(super) key: Arc<SigningKey>,
}

/// An assertion and where it came in.
pub(super) struct Shown<'a> {
    pub(super) text: &'a str,
    pub(super) client: &'a str,
    /// The names of the token endpoint that are good as `aud`.
    pub(super) audiences: &'a [String],
    pub(super) now: u64,
}

impl Known {
    pub(super) fn add_certificate(&mut self, pem_or_der: &[u8]) {
        let der = der_of(pem_or_der);
        let key = public_key(&der).expect("a certificate with an RSA key, in DER or PEM");
        self.certificates.push(Certificate {
            sha1: digest(&SHA1_FOR_LEGACY_USE_ONLY, &der).as_ref().to_vec(),
            sha256: digest(&SHA256, &der).as_ref().to_vec(),
            key: key.to_vec(),
        });
    }

    pub(super) fn remove_certificates(&mut self) {
        self.certificates.clear();
    }

    pub(super) fn add_federated(&mut self, federated: Federated) {
        self.federated.push(federated);
    }

    pub(super) fn judge(&self, shown: &Shown<'_>) -> Result<(), Refusal> {
        let (header, claims) = parts(shown.text).ok_or_else(Refusal::unreadable_assertion)?;
        let issuer = text(&claims, "iss");
        match issuer.eq_ignore_ascii_case(shown.client) {
            true => self.judge_own(shown, &header, &claims),
            false => self.judge_federated(shown, issuer, &claims),
        }
    }

    /// An assertion that the application signed itself.
    fn judge_own(
        &self,
        shown: &Shown<'_>,
        header: &Map<String, Value>,
        claims: &Map<String, Value>,
    ) -> Result<(), Refusal> {
        let thumbprint = |name| bytes(text(header, name));
        let is_named = |certificate: &&Certificate| {
            thumbprint("x5t#S256").is_some_and(|named| named == certificate.sha256)
                || thumbprint("x5t").is_some_and(|named| named == certificate.sha1)
        };
        let certificate = self
            .certificates
            .iter()
            .find(is_named)
            .ok_or_else(Refusal::unknown_assertion)?;
        let algorithm = match text(header, "alg") {
            "PS256" => &RSA_PSS_2048_8192_SHA256,
            "RS256" => &RSA_PKCS1_2048_8192_SHA256,
            _ => return Err(Refusal::unreadable_assertion()),
        };
        let (signed, signature) = shown.text.rsplit_once('.').unwrap_or_default();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        UnparsedPublicKey::new(algorithm, &certificate.key)
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| Refusal::wrong_signature())?;

        judge_times(shown, claims)?;
        let is_ours = |audience: &String| audience == text(claims, "aud");
        if !shown.audiences.iter().any(is_ours) {
            return Err(Refusal::wrong_audience(text(claims, "aud")));
        }
        if !text(claims, "sub").eq_ignore_ascii_case(shown.client) {
            return Err(Refusal::unreadable_assertion());
        }
        Ok(())
    }

    /// An assertion that somebody else signed.
    fn judge_federated(
        &self,
        shown: &Shown<'_>,
        issuer: &str,
        claims: &Map<String, Value>,
    ) -> Result<(), Refusal> {
        let of_issuer = || self.federated.iter().filter(|known| known.issuer == issuer);
        if of_issuer().next().is_none() {
            return Err(Refusal::no_federated_match());
        }
        let keys: Vec<_> = of_issuer().map(|known| Arc::clone(&known.key)).collect();
        if jwt::verify(shown.text, &keys).is_none() {
            return Err(Refusal::wrong_signature());
        }
        judge_times(shown, claims)?;
        let (subject, audience) = (text(claims, "sub"), text(claims, "aud"));
        let is_it = |known: &Federated| known.subject == subject && known.audience == audience;
        match of_issuer().any(is_it) {
            true => Ok(()),
            false => Err(Refusal::no_federated_subject(subject)),
        }
    }
}

/// Entra allows clocks to differ by five minutes.
fn judge_times(shown: &Shown<'_>, claims: &Map<String, Value>) -> Result<(), Refusal> {
    let end = seconds(claims, "exp").ok_or_else(Refusal::unreadable_assertion)?;
    let beginning = seconds(claims, "nbf").unwrap_or_default();
    match shown.now < end + SKEW && beginning <= shown.now + SKEW {
        true => Ok(()),
        false => Err(Refusal::assertion_out_of_time()),
    }
}

fn parts(assertion: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let mut parts = assertion.splitn(3, '.');
    let mut object = || serde_json::from_slice(&bytes(parts.next()?)?).ok();
    Some((object()?, object()?))
}

fn text<'a>(of: &'a Map<String, Value>, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Integers, floats and strings: all three are sent by one of Microsoft's clients.
fn seconds(claims: &Map<String, Value>, name: &str) -> Option<u64> {
    let number = match claims.get(name)? {
        Value::String(text) => text.parse().ok()?,
        value => value.as_f64()?,
    };
    std::time::Duration::try_from_secs_f64(number)
        .ok()
        .map(|since_1970| since_1970.as_secs())
}

/// base64url or base64, with or without padding.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let text = text
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_");
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn der_of(pem_or_der: &[u8]) -> Vec<u8> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";

    let section = std::str::from_utf8(pem_or_der)
        .ok()
        .and_then(|text| text.split_once(BEGIN)?.1.split_once(END));
    match section {
        None => pem_or_der.to_vec(),
        Some((body, _)) => {
            let body: String = body.split_whitespace().collect();
            STANDARD.decode(body).expect("PEM holds base64")
        }
    }
}

/// Returns the public key of a certificate: the seventh thing in it that has to be there
/// ([RFC 5280 §4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)).
fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut rest, _) = element(certificate)?;
    if let (VERSION, _, after) = element(rest)? {
        rest = after;
    }
    for _ in ["serial", "signature", "issuer", "validity", "subject"] {
        rest = element(rest)?.2;
    }
    let (_, info, _) = element(rest)?;
    let (_, _, key) = element(info)?;
    // A bit string begins with the number of bits that are too many: none.
    element(key)?.1.strip_prefix(&[0])
}

/// Returns tag, content and what comes after the first element of DER.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, length], rest) = der.split_first_chunk()?;
    let (length, rest) = match length {
        0..0x80 => (usize::from(length), rest),
        _ => {
            let (octets, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            let length = octets.iter().try_fold(0_usize, |length, &octet| {
                Some(length.checked_mul(256)? + usize::from(octet))
            })?;
            (length, rest)
        }
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

const VERSION: u8 = 0xa0;
const SKEW: u64 = 300;
