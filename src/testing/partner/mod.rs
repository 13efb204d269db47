//! The Partner APIs of one's own: [`FakePartner`].
//!
//! | Module | Knows |
//! |---|---|
//! | [`api`] | what both have in common: tokens, faults, challenges |
//! | [`bearer`] | whether a token is good enough |
//! | [`center`] | Partner Center: customers, invoices |
//! | [`referrals`] | the Partner API: referrals |

mod api;
mod bearer;
mod center;
mod referrals;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use api::FakeApi;

use self::center::Center;
use self::referrals::Referrals;
use super::entra::FakeEntra;
use super::record::RecordedRequest;

/// Both Partner APIs on loopback, each at an origin of its own, with a few customers and referrals.
///
/// A clone is another handle to the same servers.
///
/// # What it does
///
/// - Refuses calls as the real ones do: no token, a token that expired or was revoked, one for
///   another API, one without a user or without MFA.
/// - Partner Center: `/v1/customers` with continuation paging, etags and an asynchronous batch;
///   `/v1/invoices` for users only.
/// - Partner API: `/v1.0/engagements/referrals` with OData paging and etags, for users only unless
///   you [allow](Self::allow_app_only) more.
/// - Whatever goes wrong, when you say so: see [`Fault`](super::Fault).
///
/// # What it does not
///
/// `$filter`, `$orderby`, `$select` and roles are ignored, bodies are hardly checked, and nothing
/// but the above is there.
#[derive(Clone, Debug)]
pub struct FakePartner {
    partner_center: FakeApi,
    partner_api: FakeApi,
    world: World,
}

impl FakePartner {
    /// Starts both APIs. They take the tokens of `entra`.
    pub async fn start(entra: &FakeEntra) -> Self {
        let world = World::default();
        let center = Center::new(world.clone());
        let referrals = Referrals::new(world.clone());
        Self {
            partner_center: FakeApi::start(center, CENTER_AUDIENCE, entra).await,
            partner_api: FakeApi::start(referrals, API_AUDIENCE, entra).await,
            world,
        }
    }

    /// Returns the Partner Center API: customers, invoices.
    #[must_use]
    pub fn partner_center(&self) -> &FakeApi {
        &self.partner_center
    }

    /// Returns the Partner API: referrals.
    #[must_use]
    pub fn partner_api(&self) -> &FakeApi {
        &self.partner_api
    }

    /// Returns all requests so far: those to Partner Center, then those to the Partner API, oldest
    /// first.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        let mut requests = self.partner_center.requests();
        requests.extend(self.partner_api.requests());
        requests
    }

    /// Adds a customer and returns its id. Five are there from the start.
    pub fn add_customer(&self, company: &str, domain: &str) -> String {
        self.world.lock().add_customer(company, domain)
    }

    /// Returns the ids of the customers, in the order they are listed.
    #[must_use]
    pub fn customers(&self) -> Vec<String> {
        self.world
            .lock()
            .customers
            .iter()
            .map(|customer| customer.id.clone())
            .collect()
    }

    /// Adds a referral and returns its id. Seven are there from the start.
    pub fn add_referral(&self, name: &str) -> String {
        self.world.lock().add_referral(name)
    }

    /// Returns the ids of the referrals, in the order they are listed.
    #[must_use]
    pub fn referrals(&self) -> Vec<String> {
        self.world
            .lock()
            .referrals
            .iter()
            .map(|referral| referral.id.clone())
            .collect()
    }

    /// Sets how many items a page has at most. The default is 100, as the real ones have.
    ///
    /// # Panics
    ///
    /// When `size` is zero.
    pub fn set_page_size(&self, size: usize) {
        assert!(size > 0, "a page has at least one item");
        self.world.lock().page_size = size;
    }

    /// Sets whether calls for a user need a token of a sign-in with MFA. The default is no.
    pub fn require_mfa(&self, is_required: bool) {
        self.world.lock().requires_mfa = is_required;
    }

    /// Sets whether the referrals take app-only tokens. The default is no, as it is in the real
    /// one.
    pub fn allow_app_only(&self, is_allowed: bool) {
        self.world.lock().allows_app_only = is_allowed;
    }

    /// Sets how often a batch job says that it is still running before it is done. The default is
    /// once.
    pub fn set_job_polls(&self, count: usize) {
        self.world.lock().job_polls = count;
    }
}

/// The data behind both APIs, and their rules.
#[derive(Clone, Debug, Default)]
struct World(Arc<Mutex<Data>>);

impl World {
    fn lock(&self) -> MutexGuard<'_, Data> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Data {
    allows_app_only: bool,
    customers: Vec<center::Customer>,
    job_polls: usize,
    page_size: usize,
    referrals: Vec<referrals::Referral>,
    requires_mfa: bool,
}

impl Data {
    fn add_customer(&mut self, company: &str, domain: &str) -> String {
        let customer = center::Customer::new(company, domain);
        let id = customer.id.clone();
        self.customers.push(customer);
        id
    }

    fn add_referral(&mut self, name: &str) -> String {
        let referral = referrals::Referral::new(name);
        let id = referral.id.clone();
        self.referrals.push(referral);
        id
    }
}

impl Default for Data {
    fn default() -> Self {
        let mut data = Self {
            allows_app_only: false,
            customers: Vec::new(),
            job_polls: 1,
            page_size: 100,
            referrals: Vec::new(),
            requires_mfa: false,
        };
        for company in ["Fabrikam", "Northwind", "Tailspin", "Wingtip", "Adatum"] {
            data.add_customer(
                company,
                &format!("{}.onmicrosoft.com", company.to_lowercase()),
            );
        }
        for number in 1..=7 {
            data.add_referral(&format!("Lead {number}"));
        }
        data
    }
}

const API_AUDIENCE: &str = "https://api.partner.microsoft.com";
const CENTER_AUDIENCE: &str = "https://api.partnercenter.microsoft.com";
