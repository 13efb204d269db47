//! What a fake Entra publishes about itself: OpenID metadata, keys, instance discovery.

use serde_json::{Value, json};
use url::Url;

use super::super::record::RecordedRequest;
use super::super::server::Reply;
use super::refusal::Refusal;
use super::state::State;
use super::token::Version;

/// Answers `/{tenant}[/v2.0]/.well-known/openid-configuration`.
pub(super) fn openid(
    state: &State,
    origin: &str,
    name: &str,
    version: Version,
) -> Result<Reply, Refusal> {
    let tenant = issuer_tenant(state, name)?;
    let (issuer, path) = match version {
        Version::V1 => (format!("https://sts.windows.net/{tenant}/"), "oauth2"),
        Version::V2 => (format!("{origin}/{tenant}/v2.0"), "oauth2/v2.0"),
    };
    let keys = match version {
        Version::V1 => "discovery/keys",
        Version::V2 => "discovery/v2.0/keys",
    };
    // The URLs repeat the tenant as it was asked for; the issuer has its GUID.
    Ok(Reply::json(
        200,
        &json!({
            "token_endpoint": format!("{origin}/{name}/{path}/token"),
            "token_endpoint_auth_methods_supported":
                ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": format!("{origin}/{name}/{keys}"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": issuer,
            "request_uri_parameter_supported": false,
            "authorization_endpoint": format!("{origin}/{name}/{path}/authorize"),
            "device_authorization_endpoint": format!("{origin}/{name}/{path}/devicecode"),
            "http_logout_supported": true,
            "frontchannel_logout_supported": true,
            "end_session_endpoint": format!("{origin}/{name}/{path}/logout"),
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "tid"],
            "tenant_region_scope": "EU",
            "cloud_instance_name": authority_of(origin),
        }),
    ))
}

/// Answers `/{tenant}/discovery[/v2.0]/keys`.
pub(super) fn keys(
    state: &State,
    origin: &str,
    name: &str,
    version: Version,
) -> Result<Reply, Refusal> {
    let tenant = issuer_tenant(state, name)?;
    let keys: Vec<Value> = state
        .keys()
        .iter()
        .map(|key| {
            let mut jwk = key.to_jwk();
            if version == Version::V2 {
                jwk["issuer"] = format!("{origin}/{tenant}/v2.0").into();
            }
            jwk
        })
        .collect();
    Ok(Reply::json(200, &json!({ "keys": keys })))
}

/// Answers `/common/discovery/instance`.
pub(super) fn instance(origin: &str, request: &RecordedRequest) -> Result<Reply, Refusal> {
    let asked = request.query("authorization_endpoint").unwrap_or_default();
    let asked = Url::parse(&asked).ok();
    let (Some(asked), Ok(own)) = (asked, Url::parse(origin)) else {
        return Err(Refusal::missing_parameter("authorization_endpoint"));
    };
    if asked.authority() != own.authority() {
        let text = "Unknown or invalid instance.";
        return Err(Refusal::new(400, "invalid_instance", 50_049, text));
    }
    let tenant = asked
        .path_segments()
        .and_then(|mut path| path.next())
        .unwrap_or("common");
    let host = own.authority();
    Ok(Reply::json(
        200,
        &json!({
            "tenant_discovery_endpoint":
                format!("{origin}/{tenant}/v2.0/.well-known/openid-configuration"),
            "api-version": "1.1",
            "metadata": [{ "preferred_network": host, "preferred_cache": host, "aliases": [host] }],
        }),
    ))
}

/// Returns what stands for the tenant in an issuer: a GUID, or Entra's placeholder for all.
fn issuer_tenant(state: &State, name: &str) -> Result<String, Refusal> {
    if matches!(name, "common" | "organizations") {
        return Ok("{tenantid}".to_owned());
    }
    match state.directory().tenant(name) {
        Some(tenant) => Ok(tenant.id.clone()),
        None => Err(Refusal::unknown_tenant("invalid_tenant", name)),
    }
}

fn authority_of(origin: &str) -> &str {
    origin.strip_prefix("http://").unwrap_or(origin)
}
