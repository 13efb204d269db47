//! What a token is for, which is also what it is filed under: [`Key`].

use std::sync::Arc;

use crate::id::TenantId;
use crate::scope::ScopeSet;

/// Tenant, scopes and claims. A cache belongs to one provider, hence to one cloud and one client.
///
/// Compared member by member, never by hash alone: two keys that collide are two entries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Key {
    pub(crate) tenant: TenantId,
    pub(crate) scopes: ScopeSet,
    pub(crate) claims: Option<Arc<str>>,
}

impl Key {
    #[inline]
    pub(crate) fn view(&self) -> KeyRef<'_> {
        KeyRef {
            tenant: &self.tenant,
            scopes: &self.scopes,
            claims: self.claims.as_deref(),
        }
    }
}

/// A [`Key`] that owns nothing, to look one up.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct KeyRef<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) scopes: &'a ScopeSet,
    pub(crate) claims: Option<&'a str>,
}

impl KeyRef<'_> {
    pub(crate) fn to_owned(self) -> Key {
        Key {
            tenant: self.tenant.clone(),
            scopes: self.scopes.clone(),
            claims: self.claims.map(Into::into),
        }
    }
}
