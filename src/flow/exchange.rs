//! The way to the token endpoint and back, which is the same for every grant.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::clock::{Clock, Timestamp};
use crate::cloud::Cloud;
use crate::credential::ClientSecret;
use crate::entropy::IdSequence;
use crate::error::{Error, ErrorKind, Facts};
use crate::id::{ClientId, CorrelationId, TenantId};
use crate::protocol::claims;
use crate::protocol::token_request::{Grant, Proof, TokenCall};
use crate::protocol::token_response::{self, Issued};
use crate::scope::ScopeSet;
use crate::transport::{Transport, TransportError, TransportErrorKind};

/// One application at one authority.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) cloud: Cloud,
    pub(crate) client: ClientId,
    pub(crate) secret: ClientSecret,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: IdSequence,
    /// Tell Entra that claims challenges are understood.
    pub(crate) continuous_access: bool,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) tenant: TenantId,
    pub(crate) scopes: ScopeSet,
    pub(crate) claims: Option<Arc<str>>,
    pub(crate) challenge: Option<Box<str>>,
    pub(crate) correlation_id: Option<CorrelationId>,
}

impl Exchange {
    /// Redeems `grant` over `transport`; the moment is when it was asked for.
    pub(crate) async fn redeem(
        &self,
        grant: Grant,
        ask: &Ask,
        transport: &dyn Transport,
    ) -> Result<(Timestamp, Issued), Error> {
        let endpoint = self.cloud.token_endpoint(&ask.tenant);
        let endpoint = endpoint.parse().map_err(|error: http::uri::InvalidUri| {
            Error::config("the token endpoint is no URL").caused_by(error)
        })?;
        let capabilities = self
            .continuous_access
            .then_some(claims::CLIENT_CAPABILITIES);
        let claims = claims::merge(
            [
                capabilities,
                ask.claims.as_deref(),
                ask.challenge.as_deref(),
            ]
            .into_iter()
            .flatten(),
        );
        let correlation_id = ask.correlation_id.unwrap_or_else(|| self.ids.next());
        let call = TokenCall {
            endpoint,
            client: &self.client,
            proof: Proof::Secret(self.secret.secret()),
            grant,
            scopes: &ask.scopes,
            claims: claims.as_deref(),
            correlation_id,
        };

        let asked_at = self.clock.now();
        let answer = transport.send(call.into_http()).await;
        let answered_at = self.clock.now();
        let outcome = match answer {
            Ok(answer) => {
                let echoes = echoes_of(self.secret.secret().expose());
                let echoes: Vec<&str> = echoes.iter().map(|echo| echo.as_str()).collect();
                token_response::read(&answer, answered_at.wall(), &echoes)
                    .map_err(|error| error.or_correlation_id(correlation_id))
            }
            Err(error) => Err(unanswered(error, correlation_id)),
        };

        let (tenant, scopes) = (&ask.tenant, &ask.scopes);
        match outcome {
            Ok(issued) => {
                let lifetime = issued.lifetime;
                tracing::debug!(%tenant, %scopes, %correlation_id, ?lifetime, "token issued");
                Ok((asked_at, issued))
            }
            Err(error) => {
                let (kind, status, aadsts) = (error.kind(), error.status(), error.aadsts());
                tracing::warn!(%tenant, %scopes, %correlation_id, ?kind, status, aadsts, "no token issued");
                Err(error)
            }
        }
    }
}

/// The forms in which a server may repeat what it was sent.
fn echoes_of(secret: &str) -> [Zeroizing<String>; 4] {
    let digits = |byte: u8| [byte >> 4, byte & 0xf].map(|half| char::from_digit(half.into(), 16));
    let hex = secret.bytes().flat_map(digits).flatten().collect();
    [
        secret.to_owned(),
        form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        STANDARD_NO_PAD.encode(secret),
        hex,
    ]
    .map(Zeroizing::new)
}

fn unanswered(error: TransportError, correlation_id: CorrelationId) -> Error {
    let kind = match error.kind() {
        TransportErrorKind::Config => ErrorKind::Config,
        TransportErrorKind::TooLarge => ErrorKind::Malformed,
        _ => ErrorKind::Network,
    };
    let facts = Facts {
        correlation_id: Some(correlation_id.to_string().into()),
        ..Facts::default()
    };
    Error::new(kind, format!("no token: {error}"))
        .with_facts(facts)
        .caused_by(error)
}
