//! The way to the token endpoint and back, which is the same for every grant.

use std::sync::Arc;

use http::Uri;
use zeroize::Zeroizing;

use crate::clock::{Clock, Timestamp};
use crate::cloud::Cloud;
use crate::credential::{ClientCredential, ProofRequest, hints_at_rotation};
use crate::entropy::{Entropy, IdSequence};
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
    pub(crate) credential: Arc<dyn ClientCredential>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
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
        let audience = self.cloud.token_endpoint(&ask.tenant);
        let endpoint: Uri = audience.parse().map_err(|error: http::uri::InvalidUri| {
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
        let send = |proof: Proof, refused: Option<&Proof>| {
            // A server may repeat any of what it was shown.
            let shown = refused.into_iter().chain([&proof]);
            let echoes: Vec<_> = shown.flat_map(Proof::echoes).collect();
            let call = TokenCall {
                endpoint: endpoint.clone(),
                client: &self.client,
                proof,
                grant,
                scopes: &ask.scopes,
                claims: claims.as_deref(),
                correlation_id,
            };
            self.send(call, echoes, transport)
        };

        let outcome = async {
            let proof = self.prove(&audience, ask, false).await?;
            let outcome = send(proof.clone(), None).await;
            let Err(refusal) = &outcome else {
                return outcome;
            };
            if !hints_at_rotation(refusal) {
                return outcome;
            }
            match self.prove(&audience, ask, true).await {
                Ok(other) if !other.is_same_as(&proof) => {
                    let tenant = &ask.tenant;
                    tracing::info!(%tenant, %correlation_id, "credential refused, trying its successor");
                    send(other, Some(&proof)).await
                }
                // Nothing new: the refusal says more than whatever kept the source from answering.
                Ok(_) | Err(_) => outcome,
            }
        };

        let (tenant, scopes) = (&ask.tenant, &ask.scopes);
        match outcome.await {
            Ok((asked_at, issued)) => {
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

    /// Asks the credential for what to show at `audience`.
    async fn prove(&self, audience: &str, ask: &Ask, is_repeated: bool) -> Result<Proof, Error> {
        let request = ProofRequest {
            audience,
            client: &self.client,
            tenant: &ask.tenant,
            now: self.clock.now(),
            entropy: &*self.entropy,
            is_repeated,
        };
        self.credential.proof(request).await
    }

    async fn send(
        &self,
        call: TokenCall<'_>,
        echoes: Vec<Zeroizing<String>>,
        transport: &dyn Transport,
    ) -> Result<(Timestamp, Issued), Error> {
        let correlation_id = call.correlation_id;
        let asked_at = self.clock.now();
        let answer = transport.send(call.into_http()).await;
        let answered_at = self.clock.now();
        match answer {
            Ok(answer) => {
                let echoes: Vec<&str> = echoes.iter().map(|echo| echo.as_str()).collect();
                match token_response::read(&answer, answered_at.wall(), &echoes) {
                    Ok(issued) => Ok((asked_at, issued)),
                    Err(error) => Err(error.or_correlation_id(correlation_id)),
                }
            }
            Err(error) => Err(unanswered(error, correlation_id)),
        }
    }
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
