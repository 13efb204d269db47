//! Entra's refusals, in Entra's words.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::super::chance::{entra_date, guid};
use super::super::server::Reply;

/// What Entra answers instead of a token.
#[derive(Debug)]
pub(in super::super) struct Refusal {
    status: u16,
    error: String,
    aadsts: u32,
    text: String,
}

impl Refusal {
    pub(in super::super) fn new(
        status: u16,
        error: &str,
        aadsts: u32,
        text: impl Into<String>,
    ) -> Self {
        Self {
            status,
            error: error.to_owned(),
            aadsts,
            text: text.into(),
        }
    }

    pub(super) fn assertion_out_of_time() -> Self {
        let text = "Client assertion is not within its valid time range.";
        Self::new(401, "invalid_client", 700_024, text)
    }

    pub(super) fn client_auth_missing() -> Self {
        Self::new(
            401,
            "invalid_client",
            7_000_218,
            concat!(
                "The request body must contain the following parameter: ",
                "'client_assertion' or 'client_secret'.",
            ),
        )
    }

    pub(super) fn expired_secret(client: &str) -> Self {
        Self::new(
            401,
            "invalid_client",
            7_000_222,
            format!(
                "The provided client secret keys for app '{client}' are expired. Visit the Azure portal \
             to create new keys for your app: https://aka.ms/NewClientSecret, or consider using \
             certificate credentials for added security: https://aka.ms/certCreds.",
            ),
        )
    }

    pub(super) fn get_on_token() -> Self {
        let text = "The endpoint only accepts POST requests. Received a GET request.";
        Self::new(405, "invalid_request", 900_561, text)
    }

    pub(super) fn missing_parameter(name: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{name}'.");
        Self::new(400, "invalid_request", 900_144, text)
    }

    pub(super) fn no_federated_match() -> Self {
        let text = "No matching federated identity record found for presented assertion issuer.";
        Self::new(401, "invalid_client", 70_021, text)
    }

    pub(super) fn no_federated_subject(subject: &str) -> Self {
        let text = format!(
            "No matching federated identity record found for presented assertion subject '{subject}'."
        );
        Self::new(401, "invalid_client", 700_213, text)
    }

    pub(super) fn not_default_scope(scope: &str) -> Self {
        Self::new(
            400,
            "invalid_scope",
            1_002_012,
            format!(
                "The provided value for scope {scope} is not valid. Client credential flows must have a \
             scope value with /.default suffixed to the resource identifier (application ID URI).",
            ),
        )
    }

    pub(super) fn invalid_scope(scope: &str) -> Self {
        Self::new(
            400,
            "invalid_scope",
            70_011,
            format!(
                "The provided request must include a 'scope' input parameter. The provided value for the \
             input parameter 'scope' is not valid. The scope {scope} is not valid.",
            ),
        )
    }

    pub(super) fn unknown_app(client: &str, tenant: &str) -> Self {
        Self::new(
            400,
            "unauthorized_client",
            700_016,
            format!(
                "Application with identifier '{client}' was not found in the directory '{tenant}'. This \
             can happen if the application has not been installed by the administrator of the tenant \
             or consented to by any user in the tenant. You may have sent your authentication request \
             to the wrong tenant.",
            ),
        )
    }

    pub(super) fn unknown_assertion() -> Self {
        Self::new(
            401,
            "invalid_client",
            700_027,
            concat!(
                "The certificate with identifier used to sign the client assertion is not registered on ",
                "application.",
            ),
        )
    }

    pub(super) fn two_proofs() -> Self {
        let text = "The request holds both 'client_secret' and 'client_assertion'.";
        Self::new(400, "invalid_request", 900_144, text)
    }

    pub(super) fn unreadable_assertion() -> Self {
        let text =
            "Client assertion is malformed, or its issuer or subject is not the application.";
        Self::new(401, "invalid_client", 50_027, text)
    }

    pub(super) fn wrong_audience(audience: &str) -> Self {
        let text = format!("Client assertion contains an invalid audience '{audience}'.");
        Self::new(401, "invalid_client", 50_027, text)
    }

    pub(super) fn wrong_signature() -> Self {
        let text = "Client assertion failed signature validation.";
        Self::new(401, "invalid_client", 700_027, text)
    }

    pub(super) fn unknown_resource(resource: &str, tenant: &str) -> Self {
        Self::new(
            400,
            "invalid_resource",
            500_011,
            format!(
                "The resource principal named {resource} was not found in the tenant named {tenant}. This \
             can happen if the application has not been installed by the administrator of the tenant \
             or consented to by any user in the tenant. You might have sent your authentication \
             request to the wrong tenant.",
            ),
        )
    }

    pub(super) fn unknown_tenant(error: &str, tenant: &str) -> Self {
        Self::new(
            400,
            error,
            90_002,
            format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are \
             signing into the correct cloud. Check with your subscription administrator, this may \
             happen if there are no active subscriptions for the tenant.",
            ),
        )
    }

    pub(super) fn unsupported_grant(grant: &str) -> Self {
        let text = format!("The app requested an unsupported grant type '{grant}'.");
        Self::new(400, "unsupported_grant_type", 70_003, text)
    }

    pub(super) fn wrong_secret(client: &str) -> Self {
        Self::new(
            401,
            "invalid_client",
            7_000_215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client \
             secret value, not the client secret ID, for a secret added to app '{client}'.",
            ),
        )
    }

    /// Returns the body, in the form that every endpoint of Entra has.
    pub(in super::super) fn to_json(
        &self,
        at: SystemTime,
        trace: &str,
        correlation: &str,
    ) -> Value {
        let Self {
            error,
            aadsts,
            text,
            ..
        } = self;
        let timestamp = entra_date(at);
        json!({
            "error": error,
            "error_description": format!(
                "AADSTS{aadsts}: {text} Trace ID: {trace} Correlation ID: {correlation} \
                 Timestamp: {timestamp}",
            ),
            "error_codes": [aadsts],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={aadsts}"),
        })
    }

    pub(super) fn into_reply(
        self,
        at: SystemTime,
        trace: &str,
        correlation: Option<&str>,
    ) -> Reply {
        let correlation = correlation.map_or_else(guid, str::to_owned);
        Reply::json(self.status, &self.to_json(at, trace, &correlation))
    }
}
