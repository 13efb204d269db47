//! What a fake Entra remembers, and the judge of the tokens it gave.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::chance::seconds;
use super::super::fault::Faults;
use super::super::jwt::{self, SigningKey};
use super::super::record::Log;
use super::directory::Directory;
use super::mint::{Claims, serial_of};
use crate::clock::{Clock, SystemClock};
use crate::id::{TenantId, is_guid};

pub(in super::super) struct State {
    pub(super) faults: Faults,
    pub(super) log: Log,
    directory: Mutex<Directory>,
    policy: Mutex<Policy>,
    keys: Mutex<Vec<Arc<SigningKey>>>,
    /// How many tokens were issued, and how many of those no longer count.
    issued: AtomicU64,
    revoked: AtomicU64,
}

/// How a fake Entra issues tokens.
#[derive(Clone, Debug)]
pub(in super::super) struct Policy {
    pub(in super::super) clock: Arc<dyn Clock>,
    pub(super) latency: Duration,
    pub(super) lifetime: Duration,
    pub(super) refresh_in: Option<Duration>,
}

impl State {
    pub(super) fn new() -> Self {
        let policy = Policy {
            clock: Arc::new(SystemClock),
            latency: Duration::ZERO,
            lifetime: Duration::from_secs(3_599),
            refresh_in: None,
        };
        Self {
            faults: Faults::default(),
            log: Log::default(),
            directory: Mutex::new(Directory::with_microsofts_own()),
            policy: Mutex::new(policy),
            keys: Mutex::new(vec![SigningKey::numbered(0)]),
            issued: AtomicU64::new(0),
            revoked: AtomicU64::new(0),
        }
    }

    pub(in super::super) fn directory(&self) -> MutexGuard<'_, Directory> {
        lock(&self.directory)
    }

    pub(in super::super) fn policy(&self) -> Policy {
        lock(&self.policy).clone()
    }

    pub(super) fn set_policy(&self, change: impl FnOnce(&mut Policy)) {
        change(&mut lock(&self.policy));
    }

    /// Returns the keys that are published, the current one last.
    pub(super) fn keys(&self) -> Vec<Arc<SigningKey>> {
        lock(&self.keys).clone()
    }

    pub(super) fn rotate_key(&self) {
        let mut keys = lock(&self.keys);
        let next = SigningKey::numbered(keys.len());
        keys.push(next);
    }

    pub(super) fn issue(&self, claims: &Claims, lifetime: Duration) -> String {
        let serial = self.issued.fetch_add(1, Ordering::SeqCst);
        let now = seconds(self.policy().clock.now().wall());
        let keys = self.keys();
        let key = keys.last().expect("there is always a key");
        key.sign(&claims.to_payload(now, lifetime.as_secs(), serial))
    }

    pub(super) fn revoke_tokens(&self) {
        self.revoked
            .store(self.issued.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Returns the claims that an API asks for when a token was revoked: one issued from now on.
    pub(in super::super) fn revocation_challenge(&self) -> String {
        let now = seconds(self.policy().clock.now().wall()).to_string();
        json!({ "access_token": { "nbf": { "essential": true, "value": now } } }).to_string()
    }

    /// Returns the GUID of a tenant by any of its names; of a GUID that nobody registered, itself.
    pub(super) fn tenant_guid(&self, tenant: &TenantId) -> String {
        match self.directory().tenant(tenant.as_str()) {
            Some(known) => known.id.clone(),
            None if is_guid(tenant.as_str()) => tenant.to_string(),
            None => panic!("no tenant {tenant} is registered"),
        }
    }

    /// Returns `true` when both name one tenant.
    pub(in super::super) fn is_same_tenant(&self, tenant: &TenantId, name: &str) -> bool {
        let directory = self.directory();
        match (directory.tenant(tenant.as_str()), directory.tenant(name)) {
            (Some(one), Some(other)) => one.id == other.id,
            _ => tenant.as_str().eq_ignore_ascii_case(name),
        }
    }

    /// Returns the claims of a token that this Entra stands by.
    pub(in super::super) fn judge(&self, token: &str) -> Result<Map<String, Value>, Flaw> {
        let claims = jwt::verify(token, &self.keys()).ok_or(Flaw::Unreadable)?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| claims.get(name).and_then(Value::as_u64).unwrap_or_default();

        let now = seconds(self.policy().clock.now().wall());
        let tenant = text("tid");
        let is_known = self.directory().tenant(tenant).is_some();
        if !is_known || text("iss") != format!("https://sts.windows.net/{tenant}/") {
            return Err(Flaw::Unreadable);
        }
        if now < number("nbf") {
            return Err(Flaw::Unreadable);
        }
        if now >= number("exp") {
            return Err(Flaw::Expired);
        }
        match serial_of(text("uti")) {
            Some(serial) if serial >= self.revoked.load(Ordering::SeqCst) => Ok(claims),
            _ => Err(Flaw::Revoked),
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("policy", &self.policy())
            .finish_non_exhaustive()
    }
}

/// Why a token is not good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) enum Flaw {
    Expired,
    Revoked,
    /// No JWT, not signed by this Entra, of a tenant it does not have, or not valid yet.
    Unreadable,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
