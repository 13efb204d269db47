//! Who and what a fake Entra knows: tenants, applications, resources.

use std::collections::{HashMap, HashSet};

use super::super::chance::{client_secret, guid};
use super::assertion::Known;
use crate::id::is_guid;

#[derive(Debug, Default)]
pub(in super::super) struct Directory {
    tenants: Vec<Tenant>,
    apps: HashMap<String, App>,
    resources: HashSet<String>,
}

/// A tenant: its GUID, its verified domains, and the apps that have a service principal there.
#[derive(Debug)]
pub(in super::super) struct Tenant {
    pub(in super::super) id: String,
    domains: Vec<String>,
    /// By client id: the object id of the service principal.
    principals: HashMap<String, String>,
}

impl Tenant {
    /// Returns the name that errors call the tenant by.
    pub(super) fn name(&self) -> &str {
        self.domains.first().unwrap_or(&self.id)
    }

    /// Returns all names that URLs call the tenant by.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let domains = self.domains.iter().map(String::as_str);
        [&*self.id].into_iter().chain(domains)
    }

    /// Returns the object id of the app in this tenant.
    pub(super) fn principal(&self, client: &str) -> Option<&str> {
        self.principals.get(client).map(String::as_str)
    }
}

#[derive(Default)]
struct App {
    keys: Vec<Key>,
    known: Known,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("keys", &self.keys.len())
            .field("known", &self.known)
            .finish()
    }
}

struct Key {
    value: String,
    is_expired: bool,
}

/// What a secret is to an app.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Proof {
    Expired,
    Good,
    Wrong,
}

impl Directory {
    pub(super) fn with_microsofts_own() -> Self {
        let resources = RESOURCES.iter().map(|&name| name.to_owned()).collect();
        Self {
            resources,
            ..Self::default()
        }
    }

    /// Returns the tenant of a name as it stands in URLs: GUID or domain.
    pub(in super::super) fn tenant(&self, name: &str) -> Option<&Tenant> {
        let name = name.to_ascii_lowercase();
        self.tenants
            .iter()
            .find(|tenant| tenant.id == name || tenant.domains.contains(&name))
    }

    pub(super) fn add_tenant(&mut self, id: &str, domains: &[&str]) {
        assert!(
            is_guid(id),
            "a tenant is registered by its GUID; {id} may be one of its domains"
        );
        for name in domains.iter().chain([&id]) {
            assert!(
                self.tenant(name).is_none(),
                "a tenant {name} is registered already"
            );
        }
        let domains = domains
            .iter()
            .map(|domain| domain.to_ascii_lowercase())
            .collect();
        self.tenants.push(Tenant {
            id: id.to_owned(),
            domains,
            principals: HashMap::new(),
        });
    }

    /// Gives `client` a service principal in `tenant`; a new app gets its first secret.
    pub(super) fn add_app(&mut self, tenant: &str, client: &str) -> String {
        let known = self
            .tenant(tenant)
            .unwrap_or_else(|| panic!("no tenant {tenant} is registered"));
        let id = known.id.clone();
        for tenant in self.tenants.iter_mut().filter(|tenant| tenant.id == id) {
            tenant
                .principals
                .entry(client.to_owned())
                .or_insert_with(guid);
        }

        let app = self.apps.entry(client.to_owned()).or_default();
        if app.keys.is_empty() {
            app.keys.push(Key {
                value: client_secret(),
                is_expired: false,
            });
        }
        app.keys.last().expect("an app has a key").value.clone()
    }

    pub(super) fn rotate_secret(&mut self, client: &str) -> String {
        let value = client_secret();
        self.app(client).keys = vec![Key {
            value: value.clone(),
            is_expired: false,
        }];
        value
    }

    pub(super) fn add_secret(&mut self, client: &str) -> String {
        let value = client_secret();
        self.app(client).keys.push(Key {
            value: value.clone(),
            is_expired: false,
        });
        value
    }

    pub(super) fn expire_secrets(&mut self, client: &str) {
        self.app(client)
            .keys
            .iter_mut()
            .for_each(|key| key.is_expired = true);
    }

    pub(super) fn prove(&self, client: &str, secret: &str) -> Proof {
        let keys = self.apps.get(client).map_or(&[][..], |app| &app.keys);
        match keys.iter().find(|key| key.value == secret) {
            Some(Key {
                is_expired: true, ..
            }) => Proof::Expired,
            Some(_) => Proof::Good,
            None => Proof::Wrong,
        }
    }

    /// Returns what an application is known by, other than secrets.
    pub(super) fn known(&self, client: &str) -> Option<&Known> {
        self.apps.get(client).map(|app| &app.known)
    }

    pub(super) fn known_mut(&mut self, client: &str) -> &mut Known {
        &mut self.app(client).known
    }

    pub(super) fn add_resource(&mut self, audience: &str) {
        self.resources.insert(without_slash(audience).to_owned());
    }

    pub(super) fn remove_resource(&mut self, audience: &str) {
        self.resources.remove(without_slash(audience));
    }

    pub(super) fn knows_resource(&self, audience: &str) -> bool {
        self.resources.contains(without_slash(audience))
    }

    fn app(&mut self, client: &str) -> &mut App {
        self.apps
            .get_mut(client)
            .unwrap_or_else(|| panic!("no application {client} is registered"))
    }
}

/// `https://graph.microsoft.com/` names the same resource as without its slash.
fn without_slash(audience: &str) -> &str {
    audience.strip_suffix('/').unwrap_or(audience)
}

const RESOURCES: [&str; 7] = [
    "https://api.partner.microsoft.com",
    "https://api.partnercenter.microsoft.com",
    "https://graph.microsoft.com",
    "https://graph.windows.net",
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://partner.partnercenterapi.microsoftonline.cn",
];
