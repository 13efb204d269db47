//! The token endpoints of a fake Entra, version 1 and 2.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::super::chance::seconds;
use super::super::record::RecordedRequest;
use super::super::server::Reply;
use super::assertion::Shown;
use super::directory::{Directory, Proof, Tenant};
use super::mint::{Claims, Subject};
use super::refusal::Refusal;
use super::state::State;

/// Which of the two dialects is spoken: `scope` and numbers, or `resource` and strings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Version {
    V1,
    V2,
}

/// Answers a request to the token endpoint of `tenant`.
pub(super) fn answer(
    state: &State,
    origin: &str,
    tenant: &str,
    version: Version,
    request: &RecordedRequest,
) -> Result<Reply, Refusal> {
    if request.method() != http::Method::POST {
        return Err(Refusal::get_on_token());
    }
    let form = Form::of(request);
    let grant = form.needed("grant_type")?;
    let (client, proof) = form.client()?;

    let now = seconds(state.policy().clock.now().wall());
    let directory = state.directory();
    let tenant = directory
        .tenant(tenant)
        .ok_or_else(|| Refusal::unknown_tenant("invalid_request", tenant))?;
    match &*grant {
        "client_credentials" => {
            let resource = form.resource(version)?;
            let principal = tenant
                .principal(&client)
                .ok_or_else(|| Refusal::unknown_app(&client, tenant.name()))?;
            let endpoint = Endpoint {
                origin,
                tenant,
                now,
            };
            check(&directory, &endpoint, &client, proof)?;
            check_resource(&directory, tenant, &resource)?;

            let mut claims = Claims::new(&tenant.id, &client, &resource);
            claims.subject = Subject::App {
                principal: principal.to_owned(),
            };
            claims.capabilities = form.capabilities();
            drop(directory);
            Ok(Reply::json(200, &issue(state, version, &claims)))
        }
        other => Err(Refusal::unsupported_grant(other)),
    }
}

/// Where an application proves itself, and when.
struct Endpoint<'a> {
    origin: &'a str,
    tenant: &'a Tenant,
    now: u64,
}

impl Endpoint<'_> {
    /// Returns what an assertion may call its audience: both token endpoints, by any of the
    /// tenant's names.
    fn audiences(&self) -> Vec<String> {
        let origin = self.origin;
        self.tenant
            .names()
            .flat_map(|name| {
                ["oauth2/v2.0/token", "oauth2/token"].map(|path| format!("{origin}/{name}/{path}"))
            })
            .collect()
    }
}

fn check(
    directory: &Directory,
    endpoint: &Endpoint<'_>,
    client: &str,
    proof: ClientProof,
) -> Result<(), Refusal> {
    match proof {
        ClientProof::Assertion(text) => {
            let known = directory
                .known(client)
                .ok_or_else(Refusal::unknown_assertion)?;
            known.judge(&Shown {
                text: &text,
                client,
                audiences: &endpoint.audiences(),
                now: endpoint.now,
            })
        }
        ClientProof::Both => Err(Refusal::two_proofs()),
        ClientProof::Nothing => Err(Refusal::client_auth_missing()),
        ClientProof::Secret(secret) => match directory.prove(client, &secret) {
            Proof::Expired => Err(Refusal::expired_secret(client)),
            Proof::Good => Ok(()),
            Proof::Wrong => Err(Refusal::wrong_secret(client)),
        },
    }
}

fn check_resource(directory: &Directory, tenant: &Tenant, resource: &str) -> Result<(), Refusal> {
    let refusal = || Refusal::unknown_resource(resource, tenant.name());
    directory
        .knows_resource(resource)
        .then_some(())
        .ok_or_else(refusal)
}

/// Issues a token and returns the body that carries it.
fn issue(state: &State, version: Version, claims: &Claims) -> Value {
    let policy = state.policy();
    let now = policy.clock.now().wall();
    let token = state.issue(claims, policy.lifetime);
    let lifetime = policy.lifetime.as_secs();
    let mut body = match version {
        Version::V1 => json!({
            "token_type": "Bearer",
            "expires_in": lifetime.to_string(),
            "ext_expires_in": lifetime.to_string(),
            "expires_on": (seconds(now) + lifetime).to_string(),
            "not_before": seconds(now).saturating_sub(300).to_string(),
            "resource": claims.audience,
            "access_token": token,
        }),
        Version::V2 => json!({
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": token,
        }),
    };
    if let Some(refresh_in) = policy.refresh_in {
        body["refresh_in"] = match version {
            Version::V1 => refresh_in.as_secs().to_string().into(),
            Version::V2 => refresh_in.as_secs().into(),
        };
    }
    body
}

/// How an application proves itself.
enum ClientProof {
    Assertion(String),
    Both,
    Nothing,
    Secret(String),
}

/// The fields of a token request, and the `Authorization` header that may stand for two of them.
struct Form<'a> {
    fields: Vec<(String, String)>,
    request: &'a RecordedRequest,
}

impl<'a> Form<'a> {
    fn of(request: &'a RecordedRequest) -> Self {
        Self {
            fields: request.form(),
            request,
        }
    }

    /// Returns a field's value. An empty field counts as none.
    fn get(&self, name: &str) -> Option<&str> {
        let field = self
            .fields
            .iter()
            .find(|(field, value)| field == name && !value.is_empty());
        field.map(|(_, value)| value.as_str())
    }

    fn needed(&self, name: &str) -> Result<String, Refusal> {
        self.get(name)
            .map(str::to_owned)
            .ok_or_else(|| Refusal::missing_parameter(name))
    }

    fn client(&self) -> Result<(String, ClientProof), Refusal> {
        if let Some((client, secret)) = self.basic() {
            return Ok((client.to_ascii_lowercase(), ClientProof::Secret(secret)));
        }
        let proof = match (self.get("client_secret"), self.get("client_assertion")) {
            (Some(_), Some(_)) => ClientProof::Both,
            (Some(secret), None) => ClientProof::Secret(secret.to_owned()),
            (None, Some(assertion)) => {
                if self.needed("client_assertion_type")? != JWT_BEARER {
                    return Err(Refusal::unreadable_assertion());
                }
                ClientProof::Assertion(assertion.to_owned())
            }
            (None, None) => ClientProof::Nothing,
        };
        Ok((self.needed("client_id")?.to_ascii_lowercase(), proof))
    }

    /// Returns id and secret of `Authorization: Basic` (RFC 6749 §2.3.1: each is form-encoded).
    fn basic(&self) -> Option<(String, String)> {
        let (scheme, value) = self.request.authorization()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
        let (client, secret) = text.split_once(':')?;
        Some((form_decoded(client), form_decoded(secret)))
    }

    /// Returns the one resource that is asked for.
    fn resource(&self, version: Version) -> Result<String, Refusal> {
        if version == Version::V1 {
            return self.needed("resource");
        }
        let scope = self.needed("scope")?;
        let is_oidc = |word: &&str| matches!(*word, "openid" | "offline_access" | "profile");
        let words: Vec<&str> = scope
            .split_ascii_whitespace()
            .filter(|word| !is_oidc(word))
            .collect();
        match *words {
            [only] => match only.strip_suffix("/.default") {
                Some("") => Err(Refusal::invalid_scope(only)),
                Some(resource) => Ok(resource.to_owned()),
                None => Err(Refusal::not_default_scope(only)),
            },
            _ => Err(Refusal::invalid_scope(&scope)),
        }
    }

    /// Returns what the client says it can do: `access_token.xms_cc.values` of `claims`.
    fn capabilities(&self) -> Option<Value> {
        let claims: Value = serde_json::from_str(self.get("claims")?).ok()?;
        claims.pointer("/access_token/xms_cc/values").cloned()
    }
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn form_decoded(text: &str) -> String {
    // A form of one field without a name.
    let form = format!("={text}");
    form_urlencoded::parse(form.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}
