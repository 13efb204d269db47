//! Partner Center: customers, a batch job, invoices.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{LOCATION, WWW_AUTHENTICATE};
use serde_json::{Map, Value, json};

use super::super::chance::guid;
use super::super::record::RecordedRequest;
use super::super::server::Reply;
use super::World;
use super::api::{INVALID_TOKEN, Service};
use super::bearer::{Caller, Denial};

pub(super) struct Center {
    world: World,
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    /// By job id: how often it will still say that it runs.
    jobs: HashMap<String, usize>,
    /// By `MS-RequestId`: what a call that changed something was answered with.
    done: HashMap<String, Reply>,
}

impl Center {
    pub(super) fn new(world: World) -> Self {
        Self {
            world,
            notes: Mutex::default(),
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn route(&self, caller: Caller, request: &RecordedRequest) -> Reply {
        let is_app_only = caller == Caller::App;
        match (request.method().as_str(), &*request.segments()) {
            ("GET", ["v1", "customers"]) => self.list(request),
            ("POST", ["v1", "customers"]) => self.once(request, || self.create(request)),
            ("GET", ["v1", "customers", id]) => {
                self.with_customer(id, |customer| Reply::json(200, &customer.to_json()))
            }
            ("PATCH" | "PUT", ["v1", "customers", id]) => {
                self.with_customer(id, |customer| customer.change(request))
            }
            ("POST", ["v1", "customers", id, "batch"]) => self.once(request, || self.start_job(id)),
            ("GET", ["v1", "customers", _, "batchJobStatus", job]) => self.poll_job(job),
            ("GET", ["v1", "invoices"]) if is_app_only => app_only_refused(),
            ("GET", ["v1", "invoices"]) => Reply::json(200, &invoices()),
            _ => fault(404, NOT_FOUND, "The resource was not found."),
        }
    }

    /// A page by continuation token, in the form that the published samples have: the link to the
    /// next one is relative, lacks `/v1`, and has two question marks.
    fn list(&self, request: &RecordedRequest) -> Reply {
        let data = self.world.lock();
        let asked = request.query("size").map(|size| digits(&size));
        let size = asked
            .filter(|&size| size > 0)
            .unwrap_or(data.page_size)
            .min(data.page_size);

        let continues = request
            .url()
            .query()
            .is_some_and(|query| query.contains("seekOperation"));
        let start = match (continues, request.header(CONTINUATION)) {
            (false, _) => 0,
            (true, Some(token)) => match Continuation::read(token) {
                Some(Continuation { start }) => start,
                None => return fault(400, BAD_REQUEST, "The continuation token is not valid."),
            },
            (true, None) => return fault(400, BAD_REQUEST, "The continuation token is missing."),
        };

        let all = &data.customers;
        let end = (start + size).min(all.len());
        let items: Vec<Value> = all[start.min(end)..end]
            .iter()
            .map(Customer::to_json)
            .collect();
        let mut links = json!({ "self": link(&format!("/customers?size={size}"), json!([])) });
        if end < all.len() {
            let token = Continuation { start: end }.write();
            let headers = json!([{ "key": CONTINUATION, "value": token }]);
            links["next"] = link(
                &format!("/customers?size={size}?seekOperation=Next"),
                headers,
            );
        }
        Reply::json(
            200,
            &json!({
                "totalCount": all.len(),
                "items": items,
                "links": links,
                "attributes": { "objectType": "Collection" },
            }),
        )
    }

    fn create(&self, request: &RecordedRequest) -> Reply {
        let Ok(body) = serde_json::from_slice::<Value>(request.body()) else {
            return fault(400, BAD_REQUEST, "The body is not JSON.");
        };
        let text = |pointer| {
            body.pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (company, domain) = (
            text("/companyProfile/companyName"),
            text("/companyProfile/domain"),
        );
        if domain.is_empty() {
            return fault(400, BAD_REQUEST, "The companyProfile has no domain.");
        }
        let mut data = self.world.lock();
        let id = data.add_customer(company, domain);
        let created = data.customers.iter().find(|customer| customer.id == id);
        Reply::json(201, &created.map(Customer::to_json).unwrap_or_default())
    }

    fn with_customer(&self, id: &str, answer: impl FnOnce(&mut Customer) -> Reply) -> Reply {
        let mut data = self.world.lock();
        match data
            .customers
            .iter_mut()
            .find(|customer| customer.id.eq_ignore_ascii_case(id))
        {
            Some(customer) => answer(customer),
            None => fault(404, NOT_FOUND, "The customer was not found."),
        }
    }

    fn start_job(&self, customer: &str) -> Reply {
        let (job, polls) = (guid(), self.world.lock().job_polls);
        self.with_customer(customer, |customer| {
            self.notes().jobs.insert(job.clone(), polls);
            let location = format!("/customers/{}/batchJobStatus/{job}", customer.id);
            Reply::empty(202).header(LOCATION, &location)
        })
    }

    fn poll_job(&self, job: &str) -> Reply {
        let mut notes = self.notes();
        let Some(polls) = notes.jobs.get_mut(job) else {
            return fault(404, NOT_FOUND, "The job was not found.");
        };
        let status = if *polls > 0 {
            "Processing"
        } else {
            "Completed"
        };
        *polls = polls.saturating_sub(1);
        Reply::json(
            200,
            &json!({
                "id": job,
                "status": status,
                "attributes": { "objectType": "BatchJobStatus" },
            }),
        )
    }

    /// Does something once per `MS-RequestId`: a retry after a lost answer gets that answer.
    fn once(&self, request: &RecordedRequest, act: impl FnOnce() -> Reply) -> Reply {
        let Some(id) = request.header(REQUEST_ID) else {
            return act();
        };
        if let Some(done) = self.notes().done.get(id) {
            return done.clone();
        }
        let reply = act();
        self.notes().done.insert(id.to_owned(), reply.clone());
        reply
    }
}

impl Service for Center {
    fn serve(&self, caller: Caller, request: &RecordedRequest, _origin: &str) -> Reply {
        let is_compliant = caller != Caller::User { mfa: false };
        if !is_compliant && self.world.lock().requires_mfa {
            let text = "The token has no claim of multi-factor authentication (MFA required).";
            return fault(401, "900421", text).header(WWW_AUTHENTICATE, INVALID_TOKEN);
        }
        let reply = self.route(caller, request);
        match request.header("validatemfa") {
            Some("true") => reply.header(
                "isMfaCompliant",
                if is_compliant { "true" } else { "false" },
            ),
            _ => reply,
        }
    }

    fn deny(&self, denial: &Denial) -> Reply {
        match denial {
            Denial::WrongAudience(audience) => fault(
                401,
                "900420",
                &format!(
                    "The audience '{audience}' in the token is invalid and is no longer supported in \
                 Partner Center API.",
                ),
            ),
            Denial::Challenged(_) | Denial::Expired | Denial::Invalid => {
                fault(401, "800001", "Partner Token missing in request context.")
            }
        }
    }

    fn sign(&self, request: &RecordedRequest, reply: Reply) -> Reply {
        let echoed = |name| request.header(name).map_or_else(guid, str::to_owned);
        reply
            .header(REQUEST_ID, &echoed(REQUEST_ID))
            .header(CORRELATION_ID, &echoed(CORRELATION_ID))
            .header("ms-cv", "fake.0")
            .header("ms-serverid", "fake")
    }
}

/// A customer. Its etag counts its changes.
#[derive(Debug)]
pub(super) struct Customer {
    pub(super) id: String,
    body: Map<String, Value>,
    version: usize,
}

impl Customer {
    pub(super) fn new(company: &str, domain: &str) -> Self {
        let id = guid();
        let body = json!({
            "commerceId": guid(),
            "companyProfile": {
                "tenantId": id,
                "domain": domain,
                "companyName": company,
                "attributes": { "objectType": "CustomerCompanyProfile" },
            },
            "relationshipToPartner": "reseller",
        });
        Self {
            id,
            body: body.as_object().cloned().unwrap_or_default(),
            version: 1,
        }
    }

    fn etag(&self) -> String {
        STANDARD.encode(format!("{}/{}", self.id, self.version))
    }

    fn to_json(&self) -> Value {
        let mut customer = self.body.clone();
        customer.insert("id".to_owned(), self.id.clone().into());
        let own = link(&format!("/customers/{}", self.id), json!([]));
        customer.insert("links".to_owned(), json!({ "self": own }));
        let attributes = json!({ "etag": self.etag(), "objectType": "Customer" });
        customer.insert("attributes".to_owned(), attributes);
        customer.into()
    }

    fn change(&mut self, request: &RecordedRequest) -> Reply {
        let wanted = request
            .header("if-match")
            .map(|etag| etag.trim_matches('"'));
        if wanted.is_some_and(|etag| etag != "*" && etag != self.etag()) {
            return fault(412, PRECONDITION_FAILED, "The etag is not the current one.");
        }
        let Ok(changes) = serde_json::from_slice::<Map<String, Value>>(request.body()) else {
            return fault(400, BAD_REQUEST, "The body is not a JSON object.");
        };
        let is_data = |name: &str| !matches!(name, "attributes" | "id" | "links");
        self.body
            .extend(changes.into_iter().filter(|(name, _)| is_data(name)));
        self.version += 1;
        Reply::json(200, &self.to_json())
    }
}

/// Where the next page begins, in a form that says nothing.
struct Continuation {
    start: usize,
}

impl Continuation {
    fn read(token: &str) -> Option<Self> {
        let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
        Some(Self {
            start: text.strip_prefix("from ")?.parse().ok()?,
        })
    }

    fn write(&self) -> String {
        STANDARD.encode(format!("from {}", self.start))
    }
}

fn app_only_refused() -> Reply {
    fault(
        403,
        "900329",
        "This resource doesn't support application-only authentication.",
    )
}

/// Returns Partner Center's own error format.
fn fault(status: u16, code: &str, description: &str) -> Reply {
    let source = "PartnerApiServiceCore";
    let body = json!({ "code": code, "description": description, "data": [], "source": source });
    Reply::json(status, &body)
}

fn link(uri: &str, headers: Value) -> Value {
    let mut link = json!({ "uri": uri, "method": Method::GET.as_str() });
    link["headers"] = headers;
    link
}

fn invoices() -> Value {
    json!({
        "totalCount": 1,
        "items": [{
            "id": "G000024135",
            "invoiceDate": "2026-01-05T00:00:00Z",
            "totalCharges": 1_234.56,
            "currencyCode": "USD",
            "attributes": { "objectType": "Invoice" },
        }],
        "links": { "self": link("/invoices?size=200&offset=0", json!([])) },
        "attributes": { "objectType": "Collection" },
    })
}

/// Returns the number that a text begins with: the malformed link makes `2?seekOperation=Next` a
/// size.
fn digits(text: &str) -> usize {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().unwrap_or_default()
}

const CONTINUATION: &str = "MS-ContinuationToken";
const CORRELATION_ID: &str = "ms-correlationid";
const REQUEST_ID: &str = "ms-requestid";

/// Codes of refusals that have nothing to do with tokens. Microsoft's table of them is long and
/// changes; these are the fake's own.
const BAD_REQUEST: &str = "2000";
const NOT_FOUND: &str = "2001";
const PRECONDITION_FAILED: &str = "2002";
