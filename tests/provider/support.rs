//! A provider at an endpoint from a script, on a clock that the test moves.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::poll;
use http::{Request, Response};
use partner_auth::testing::{Answer, ManualClock, ScriptedTransport};
use partner_auth::{
    AccessToken, Api, AppOnlyProvider, Builder, Clock, Entropy, Error, PartnerAuth, SecretBytes,
    TenantId, Timestamp, TokenProvider, TokenRequest, Transport, TransportFuture, WantsAccess,
};
use tokio::task::{JoinSet, yield_now};

pub(crate) const TENANT: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
pub(crate) const CLIENT: &str = "00001111-aaaa-2222-bbbb-3333cccc4444";
pub(crate) const SECRET: &str = "Kx-8Q~0d3pT5vZ1uR6sW9yB2eH4jL7nM8oP0qA5c";
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// A provider, its endpoint and its clock.
pub(crate) struct Scene {
    pub(crate) clock: ManualClock,
    pub(crate) endpoint: ScriptedTransport,
    pub(crate) provider: AppOnlyProvider,
}

impl Scene {
    /// Nothing is left to chance: every draw is the lowest.
    pub(crate) fn new(endpoint: &ScriptedTransport) -> Self {
        Self::with(ManualClock::new(), endpoint, |builder| builder)
    }

    /// The clock moves itself where the provider waits. For answers that come at once.
    pub(crate) fn hurried(endpoint: &ScriptedTransport) -> Self {
        Self::with(ManualClock::new().auto_advance(), endpoint, |builder| {
            builder
        })
    }

    pub(crate) fn with(
        clock: ManualClock,
        endpoint: &ScriptedTransport,
        settings: impl FnOnce(Builder<WantsAccess>) -> Builder<WantsAccess>,
    ) -> Self {
        let builder = builder()
            .clock(clock.clone())
            .entropy(Dice::LOW)
            .transport(endpoint.clone());
        Self {
            provider: settings(builder).app_only(),
            endpoint: endpoint.clone(),
            clock,
        }
    }

    pub(crate) async fn ask(&self) -> Result<AccessToken, Error> {
        self.provider.token(&request()).await
    }

    /// Asks, and says which token came.
    pub(crate) async fn text(&self) -> String {
        text(&self.ask().await)
    }

    /// Asks, and lets happen what the question set in motion.
    pub(crate) async fn text_and_settle(&self) -> String {
        let text = self.text().await;
        settle().await;
        text
    }

    pub(crate) fn requests(&self) -> usize {
        self.endpoint.request_count()
    }

    /// Lets `count` tasks ask at the same time.
    pub(crate) fn callers(
        &self,
        count: usize,
        request: &TokenRequest,
    ) -> JoinSet<Result<AccessToken, Error>> {
        let mut callers = JoinSet::new();
        for _ in 0..count {
            let (provider, request) = (self.provider.clone(), request.clone());
            callers.spawn(async move { provider.token(&request).await });
        }
        callers
    }
}

pub(crate) fn builder() -> Builder<WantsAccess> {
    PartnerAuth::builder()
        .tenant(tenant(TENANT))
        .client(CLIENT.parse().unwrap())
        .client_secret(SECRET.parse().unwrap())
}

pub(crate) fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

/// Tenants that differ in their number.
pub(crate) fn numbered(number: usize) -> TenantId {
    tenant(&format!("tenant{number}.example.com"))
}

pub(crate) fn request() -> TokenRequest {
    TokenRequest::new(Api::PartnerCenter)
}

pub(crate) fn request_in(tenant: &TenantId) -> TokenRequest {
    request().with_tenant(tenant.clone())
}

/// An answer with a token that the server wants renewed.
pub(crate) fn token_with_refresh(text: &str, expires_in: u64, refresh_in: u64) -> Answer {
    let body = format!(
        r#"{{"token_type":"Bearer","access_token":"{text}","expires_in":{expires_in},"refresh_in":{refresh_in}}}"#
    );
    Answer::json(200, &body)
}

/// The token's text, or the failure's.
pub(crate) fn text(outcome: &Result<AccessToken, Error>) -> String {
    match outcome {
        Ok(token) => token.secret().to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    }
}

/// Lets every task go as far as it can without the clock. For runtimes of one thread.
pub(crate) async fn settle() {
    for _ in 0..64 {
        yield_now().await;
    }
}

/// The same with `count` tasks, of which each gets its turns.
pub(crate) async fn settle_all(count: usize) {
    for _ in 0..=count / 8 {
        settle().await;
    }
}

/// Moves the clock step by step until `future` ends. For runtimes of one thread.
pub(crate) async fn moving<T>(
    clock: &ManualClock,
    step: Duration,
    future: impl Future<Output = T>,
) -> T {
    let mut future = pin!(future);
    loop {
        for _ in 0..64 {
            if let Poll::Ready(outcome) = poll!(&mut future) {
                return outcome;
            }
            yield_now().await;
        }
        clock.advance(step);
    }
}

/// Draws one number again and again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice(u8);

impl Dice {
    pub(crate) const HIGH: Self = Self(0xff);
    pub(crate) const LOW: Self = Self(0);
}

impl Entropy for Dice {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        bytes.fill(self.0);
        Ok(())
    }
}

/// An endpoint that says in the token what was asked for, and keeps when it was.
#[derive(Clone, Debug)]
pub(crate) struct Echo(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: ManualClock,
    expires_in: u64,
    issued: Mutex<Vec<Issued>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) tenant: String,
    pub(crate) at: Timestamp,
}

impl Echo {
    pub(crate) fn new(clock: &ManualClock, expires_in: u64) -> Self {
        Self(Arc::new(Shared {
            clock: clock.clone(),
            expires_in,
            issued: Mutex::default(),
        }))
    }

    pub(crate) fn issued(&self) -> Vec<Issued> {
        self.0
            .issued
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.issued().len()
    }

    pub(crate) fn count_of(&self, tenant: &TenantId) -> usize {
        let issued = self.issued();
        issued
            .iter()
            .filter(|issued| issued.tenant == tenant.as_str())
            .count()
    }

    /// What stands in a token for this, before its number.
    pub(crate) fn marker(tenant: &str, scope: &str, claims: Option<&str>) -> String {
        let claims = claims.unwrap_or("none");
        format!("{tenant}!{scope}!{claims}!").replace(' ', "+")
    }

    fn answer(&self, request: &Request<SecretBytes>) -> Response<SecretBytes> {
        let tenant = request.uri().path().split('/').nth(1).unwrap().to_owned();
        let form: Vec<(String, String)> = url::form_urlencoded::parse(request.body().expose())
            .into_owned()
            .collect();
        let field = |name: &str| {
            let pair = form.iter().find(|(field, _)| field == name);
            pair.map(|(_, value)| value.as_str())
        };
        let marker = Self::marker(&tenant, field("scope").unwrap(), field("claims"));

        let mut issued = self.0.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let at = self.0.clock.now();
        issued.push(Issued { tenant, at });
        let body = serde_json::json!({
            "token_type": "Bearer",
            "expires_in": self.0.expires_in,
            "access_token": format!("{marker}{}", issued.len()),
        });
        Response::new(SecretBytes::from(body.to_string().into_bytes()))
    }
}

impl Transport for Echo {
    fn send(&self, request: Request<SecretBytes>) -> TransportFuture<'_> {
        Box::pin(async move {
            // Now and then the others go first.
            for _ in 0..request.body().expose().len() % 7 {
                yield_now().await;
            }
            Ok(self.answer(&request))
        })
    }
}

/// An endpoint that another takes the place of.
#[derive(Clone, Debug)]
pub(crate) struct Switch(Arc<Mutex<ScriptedTransport>>);

impl Switch {
    pub(crate) fn new(first: &ScriptedTransport) -> Self {
        Self(Arc::new(Mutex::new(first.clone())))
    }

    pub(crate) fn turn_to(&self, next: &ScriptedTransport) {
        *self.0.lock().unwrap() = next.clone();
    }
}

impl Transport for Switch {
    fn send(&self, request: Request<SecretBytes>) -> TransportFuture<'_> {
        let current = self.0.lock().unwrap().clone();
        Box::pin(async move { current.send(request).await })
    }
}
