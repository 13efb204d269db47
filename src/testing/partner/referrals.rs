//! The Partner API: referrals.

use http::header::{ETAG, LOCATION, WWW_AUTHENTICATE};
use serde_json::{Map, Value, json};

use super::super::chance::guid;
use super::super::record::RecordedRequest;
use super::super::server::Reply;
use super::World;
use super::api::{INVALID_TOKEN, Service};
use super::bearer::{Caller, Denial};

pub(super) struct Referrals {
    world: World,
}

impl Referrals {
    pub(super) fn new(world: World) -> Self {
        Self { world }
    }

    fn route(&self, request: &RecordedRequest, origin: &str) -> Reply {
        let segments = request.segments();
        // The link to the next page leads to the shorter path, in the published sample too.
        let (["v1.0", "engagements", "referrals", path @ ..] | ["v1.0", "referrals", path @ ..]) =
            &*segments
        else {
            return refusal(404, "itemNotFound", "There is nothing here.");
        };
        match (request.method().as_str(), path) {
            ("GET", []) => self.list(request, origin),
            ("POST", []) => self.create(request),
            ("GET", [id]) => self.with_referral(id, |referral| referral.shown(200)),
            ("PATCH", [id]) => self.with_referral(id, |referral| referral.patch(request)),
            ("PUT", [id]) => self.with_referral(id, |referral| referral.replace(request)),
            _ => refusal(405, "invalidRequest", "The method is not allowed here."),
        }
    }

    /// A page by OData. `$top` is the size of a page, and stays so in the link to the next.
    fn list(&self, request: &RecordedRequest, origin: &str) -> Reply {
        let number = |name| request.query(name).map(|text| text.parse::<usize>());
        let (Ok(top), Ok(skip), Ok(token)) = (
            number("$top").transpose(),
            number("$skip").transpose(),
            number("$skiptoken").transpose(),
        ) else {
            return refusal(400, "invalidRequest", "A query option is not a number.");
        };

        let data = self.world.lock();
        let all = &data.referrals;
        let size = top.unwrap_or(data.page_size).min(data.page_size);
        let start = token.or(skip).unwrap_or_default().min(all.len());
        let end = (start + size).min(all.len());
        let value: Vec<Value> = all[start..end].iter().map(Referral::to_item).collect();
        let mut page = json!({
            "@odata.context": format!("{origin}/v1.0/$metadata#referrals"),
            "@odata.count": all.len(),
            "value": value,
        });
        if end < all.len() && size > 0 {
            let top = top.map(|top| format!("$top={top}&")).unwrap_or_default();
            page["@odata.nextLink"] =
                format!("{origin}/v1.0/referrals?{top}$skiptoken={end}").into();
        }
        Reply::json(200, &page)
    }

    fn create(&self, request: &RecordedRequest) -> Reply {
        let Ok(body) = serde_json::from_slice::<Value>(request.body()) else {
            return refusal(400, "invalidRequest", "The body is not JSON.");
        };
        let name = body
            .pointer("/name")
            .or_else(|| body.pointer("/customerProfile/name"));
        let mut data = self.world.lock();
        let id = data.add_referral(name.and_then(Value::as_str).unwrap_or_default());
        let created = data.referrals.iter().find(|referral| referral.id == id);
        let reply = created.map_or_else(|| Reply::empty(500), |referral| referral.shown(201));
        reply.header(LOCATION, &format!("/v1.0/engagements/referrals/{id}"))
    }

    fn with_referral(&self, id: &str, answer: impl FnOnce(&mut Referral) -> Reply) -> Reply {
        let mut data = self.world.lock();
        match data
            .referrals
            .iter_mut()
            .find(|referral| referral.id.eq_ignore_ascii_case(id))
        {
            Some(referral) => answer(referral),
            None => refusal(404, "itemNotFound", "The referral was not found."),
        }
    }
}

impl Service for Referrals {
    fn serve(&self, caller: Caller, request: &RecordedRequest, origin: &str) -> Reply {
        let (requires_mfa, allows_app_only) = {
            let data = self.world.lock();
            (data.requires_mfa, data.allows_app_only)
        };
        match caller {
            Caller::App if !allows_app_only => {
                Reply::text(400, "Authorization header token missing user information")
            }
            Caller::User { mfa: false } if requires_mfa => {
                Reply::empty(401).header(WWW_AUTHENTICATE, INVALID_TOKEN)
            }
            _ if request.header(CLIENT_REQUEST_ID).is_none() => refusal(
                400,
                "invalidRequest",
                "The header client-request-id is required.",
            ),
            Caller::App | Caller::User { .. } => self.route(request, origin),
        }
    }

    fn deny(&self, denial: &Denial) -> Reply {
        match denial {
            Denial::Challenged(_) | Denial::Expired => refusal(
                401,
                "unauthenticated",
                "The access token is not valid any more.",
            ),
            Denial::Invalid => Reply::text(401, "Unauthorized: Invalid Authorization header"),
            Denial::WrongAudience(_) => {
                Reply::text(401, "Invalid Authorization header, incorrect audience")
            }
        }
    }

    fn sign(&self, request: &RecordedRequest, reply: Reply) -> Reply {
        let reply = reply
            .header("request-id", &guid())
            .header("x-ms-ags-diagnostic", "{}");
        match request.header(CLIENT_REQUEST_ID) {
            Some(id) => reply.header(CLIENT_REQUEST_ID, id),
            None => reply,
        }
    }
}

/// A referral. Its etag is drawn anew at each change.
#[derive(Debug)]
pub(super) struct Referral {
    pub(super) id: String,
    body: Map<String, Value>,
    etag: String,
}

impl Referral {
    pub(super) fn new(name: &str) -> Self {
        let body = json!({
            "engagementId": guid(),
            "organizationId": guid(),
            "organizationName": "Contoso",
            "name": name,
            "createdDateTime": "2026-01-01T00:00:00Z",
            "updatedDateTime": "2026-01-01T00:00:00Z",
            "status": "New",
            "substatus": "Pending",
            "qualification": "Direct",
            "type": "Independent",
            "direction": "Incoming",
            "customerProfile": { "name": name },
            "consent": { "consentToToShareInfoWithOthers": true },
            "details": { "notes": "", "dealValue": 1_000.0, "currency": "USD" },
        });
        let body = body.as_object().cloned().unwrap_or_default();
        Self {
            id: guid(),
            body,
            etag: new_etag(),
        }
    }

    /// Returns the referral as it stands in a list.
    fn to_item(&self) -> Value {
        let mut item = self.body.clone();
        item.insert("id".to_owned(), self.id.clone().into());
        item.into()
    }

    /// Answers with the referral alone, where it has its etag: in the body and in a header.
    fn shown(&self, status: u16) -> Reply {
        let mut body = self.to_item();
        body["eTag"] = self.etag.clone().into();
        Reply::json(status, &body).header(ETAG, &self.etag)
    }

    /// Applies a JSON Patch of `add` and `replace` at the top level.
    fn patch(&mut self, request: &RecordedRequest) -> Reply {
        if let Some(refused) = self.precondition(request) {
            return refused;
        }
        let Ok(Value::Array(steps)) = serde_json::from_slice(request.body()) else {
            return refusal(400, "invalidRequest", "The body is not a JSON Patch.");
        };
        for step in steps {
            let operation = step["op"].as_str().unwrap_or_default();
            let field = step["path"]
                .as_str()
                .unwrap_or_default()
                .trim_start_matches('/');
            if !matches!(operation, "add" | "replace") || field.is_empty() || field.contains('/') {
                return refusal(
                    400,
                    "invalidRequest",
                    "Only fields can be added or replaced.",
                );
            }
            self.body.insert(field.to_owned(), step["value"].clone());
        }
        self.etag = new_etag();
        match request.header("prefer") {
            Some("return=representation") => self.shown(200),
            _ => Reply::empty(204).header(ETAG, &self.etag),
        }
    }

    fn replace(&mut self, request: &RecordedRequest) -> Reply {
        if request.header("if-match").is_none() {
            return refusal(400, "invalidRequest", "The header If-Match is required.");
        }
        if let Some(refused) = self.precondition(request) {
            return refused;
        }
        let Ok(body) = serde_json::from_slice::<Map<String, Value>>(request.body()) else {
            return refusal(400, "invalidRequest", "The body is not a JSON object.");
        };
        let is_data = |name: &str| !matches!(name, "eTag" | "id" | "links");
        self.body = body.into_iter().filter(|(name, _)| is_data(name)).collect();
        self.etag = new_etag();
        self.shown(200)
    }

    /// Returns the refusal of a change to something that has changed.
    fn precondition(&self, request: &RecordedRequest) -> Option<Reply> {
        let wanted = request.header("if-match")?;
        let is_current = wanted == "*" || wanted == self.etag;
        (!is_current).then(|| {
            refusal(
                412,
                "preconditionFailed",
                "The etag is not the current one.",
            )
        })
    }
}

/// Returns the Partner API's own error format.
fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({
            "error": {
                "code": code,
                "message": message,
                "target": "referrals",
                "innerError": { "code": code, "message": message },
            },
        }),
    )
}

/// The quotation marks are part of an etag, in the body too.
fn new_etag() -> String {
    format!("\"{}\"", guid())
}

const CLIENT_REQUEST_ID: &str = "client-request-id";
