//! RS256 tokens: sign, publish the key, verify.
//!
//! Straight on aws-lc-rs. The `jsonwebtoken` crate keeps its cryptography in a process-wide default
//! that panics at first use where somebody else's dependency turned on its second backend; a test
//! double must not fail for what else is in the tree (`tests/both-backends`).

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// A key that tokens are signed with, known to the world by its id.
#[derive(Debug)]
pub(super) struct SigningKey {
    id: String,
    pair: KeyPair,
    public: RsaPublicKeyComponents<Vec<u8>>,
}

impl SigningKey {
    /// Returns the process's key number `index`: made at first use, then shared, for making one
    /// costs more than all else a fake does.
    pub(super) fn numbered(index: usize) -> Arc<Self> {
        static KEYS: Mutex<Vec<Arc<SigningKey>>> = Mutex::new(Vec::new());

        let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
        while keys.len() <= index {
            keys.push(Arc::new(Self::generate()));
        }
        Arc::clone(&keys[index])
    }

    /// Returns a key that nobody else has.
    pub(super) fn generate() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("an RSA key can be made");
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        let id = encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &public.n).as_ref());
        Self { id, pair, public }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Returns the compact form of a token with `claims`, as Entra makes them: with `kid` and `x5t`.
    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = json!({ "typ": "JWT", "alg": "RS256", "x5t": self.id, "kid": self.id });
        let mut token = format!(
            "{}.{}",
            encode(header.to_string()),
            encode(claims.to_string())
        );

        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                token.as_bytes(),
                &mut signature,
            )
            .expect("an RSA key signs");
        token.push('.');
        token.push_str(&encode(signature));
        token
    }

    /// Returns the public half as an entry of a JWKS.
    pub(super) fn to_jwk(&self) -> Value {
        json!({
            "kty": "RSA",
            "use": "sig",
            "kid": self.id,
            "x5t": self.id,
            "n": encode(&self.public.n),
            "e": encode(&self.public.e),
        })
    }
}

/// Returns the claims of `token` if one of `keys` signed it with RS256.
pub(super) fn verify(token: &str, keys: &[Arc<SigningKey>]) -> Option<Map<String, Value>> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;

    let header = object(header)?;
    if header.get("alg")?.as_str()? != "RS256" {
        return None;
    }
    let id = header.get("kid")?.as_str()?;
    let key = keys.iter().find(|key| key.id() == id)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    key.public
        .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature)
        .ok()?;
    object(claims)
}

/// Returns the claims of `token`, whoever made it.
pub(super) fn read(token: &str) -> Option<Map<String, Value>> {
    object(token.split('.').nth(1)?)
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
