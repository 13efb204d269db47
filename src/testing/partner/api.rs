//! One Partner API: [`FakeApi`], what both have in common.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::WWW_AUTHENTICATE;

use super::super::entra::FakeEntra;
use super::super::entra::state::State;
use super::super::fault::{Fault, Faults, Style};
use super::super::jwt;
use super::super::record::{Log, RecordedRequest};
use super::super::server::{Reply, Server};
use super::bearer::{self, Caller, Denial};

/// One of the two fake Partner APIs.
///
/// It takes tokens of its own audience only, signed by the fake Entra beside it. A clone is another
/// handle to the same server, which stops with the last of them.
#[derive(Clone, Debug)]
pub struct FakeApi {
    shared: Arc<Shared>,
    server: Arc<Server>,
}

impl FakeApi {
    /// Returns the API's origin, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Returns all requests so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.log.all()
    }

    /// Returns how many requests there were.
    #[must_use]
    pub fn request_count(&self) -> usize {
        self.shared.log.len()
    }

    /// Lets requests go wrong. Faults happen in the order they were added.
    pub fn fault(&self, fault: Fault) {
        self.shared.faults.add(fault);
    }

    /// Forgets the faults that are still to happen.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Refuses the next request with a claims challenge: 401, `error="insufficient_claims"`, and
    /// `claims`, a JSON object, in base64.
    ///
    /// # Protocol
    ///
    /// [Claims challenges](https://learn.microsoft.com/entra/identity-platform/claims-challenge).
    pub fn challenge_next(&self, claims: &str) {
        self.shared
            .intend(Intent::Deny(Denial::Challenged(claims.to_owned())));
    }

    /// Answers the next request with this, whatever it asks.
    ///
    /// # Panics
    ///
    /// When a header is none.
    pub fn refuse_next(&self, status: u16, body: &str, headers: &[(&str, &str)]) {
        let mut reply = Reply::empty(status);
        body.as_bytes().clone_into(&mut reply.body);
        for (name, value) in headers {
            reply = reply.header(*name, value);
        }
        self.shared.intend(Intent::Say(reply));
    }

    pub(super) async fn start(
        service: impl Service + 'static,
        audience: &'static str,
        entra: &FakeEntra,
    ) -> Self {
        let shared = Arc::new(Shared {
            audience,
            entra: Arc::clone(entra.state()),
            authority: entra.url().to_owned(),
            origin: OnceLock::new(),
            faults: Faults::default(),
            log: Log::default(),
            intents: Mutex::default(),
        });
        let answering = Arc::clone(&shared);
        let server = Server::start(move |request| answering.answer(&service, &request)).await;
        shared.origin.get_or_init(|| server.url().to_owned());
        Self {
            shared,
            server: Arc::new(server),
        }
    }
}

/// What the two APIs do differently.
pub(super) trait Service: Send + Sync {
    /// Answers a call of a good token. `origin` is the API's own.
    fn serve(&self, caller: Caller, request: &RecordedRequest, origin: &str) -> Reply;

    /// Refuses a call. The challenge of the answer, if there is one, comes from elsewhere.
    fn deny(&self, denial: &Denial) -> Reply;

    /// Adds the ids of the call.
    fn sign(&self, request: &RecordedRequest, reply: Reply) -> Reply;
}

#[derive(Debug)]
struct Shared {
    audience: &'static str,
    entra: Arc<State>,
    authority: String,
    origin: OnceLock<String>,
    faults: Faults,
    log: Log,
    intents: Mutex<VecDeque<Intent>>,
}

/// What the test wants the next answer to be.
#[derive(Debug)]
enum Intent {
    Deny(Denial),
    Say(Reply),
}

impl Shared {
    fn answer(&self, service: &impl Service, request: &RecordedRequest) -> Reply {
        self.log.add(request.clone());
        let right = || self.right(service, request);
        let fault = self.faults.next(|tenant| {
            let claims = bearer::token_of(request).and_then(jwt::read);
            let name = claims
                .as_ref()
                .and_then(|claims| claims.get("tid")?.as_str());
            name.is_some_and(|name| self.entra.is_same_tenant(tenant, name))
        });
        let reply = match fault {
            Some(fault) => fault.spoil(Style::ApiManagement, right),
            None => right(),
        };
        service.sign(request, reply)
    }

    fn right(&self, service: &impl Service, request: &RecordedRequest) -> Reply {
        let intent = self
            .intents
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let denial = match intent {
            Some(Intent::Say(reply)) => return reply,
            Some(Intent::Deny(denial)) => denial,
            None => match bearer::judge(request, &self.entra, self.audience) {
                Ok(caller) => {
                    let origin = self.origin.get().map_or("", String::as_str);
                    return service.serve(caller, request, origin);
                }
                Err(denial) => denial,
            },
        };
        let reply = service.deny(&denial);
        match denial {
            Denial::Challenged(claims) => reply.header(WWW_AUTHENTICATE, &self.challenge(&claims)),
            Denial::Expired => reply.header(WWW_AUTHENTICATE, INVALID_TOKEN),
            Denial::Invalid | Denial::WrongAudience(_) => reply,
        }
    }

    fn challenge(&self, claims: &str) -> String {
        let authority = &self.authority;
        let claims = STANDARD.encode(claims);
        format!(
            "Bearer realm=\"\", authorization_uri=\"{authority}/common/oauth2/authorize\", \
             error=\"insufficient_claims\", claims=\"{claims}\"",
        )
    }

    fn intend(&self, intent: Intent) {
        self.intents
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(intent);
    }
}

/// The challenge that comes with an expired token, and with one that lacks MFA.
pub(super) const INVALID_TOKEN: &str = "Bearer error=\"invalid_token\"";
