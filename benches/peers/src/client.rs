//! The clients, each used as its documentation says: [`Ours`] and [`Azure`].

use std::hint::black_box;
use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::{ClientOptions, Transport};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use partner_auth::{
    AppOnlyProvider, Cloud, CustomCloud, PartnerAuth, ReqwestTransport, ReqwestTransportBuilder,
    TokenProvider, TokenRequest,
};

use crate::server::Server;

/// What every client can do.
pub(crate) trait Client: Clone + Send + Sync + 'static {
    const NAME: &'static str;

    /// Returns a client with an empty cache, which asks `server`.
    fn new(server: &Server) -> Self;

    /// Asks for a token with a scope.
    fn token(&self, scope: Scope) -> impl Future<Output = Result<(), String>> + Send;
}

/// Two things to ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    A = 0,
    B = 1,
}

/// This project's client.
#[derive(Clone)]
pub(crate) struct Ours {
    provider: AppOnlyProvider,
    requests: Arc<[TokenRequest; 2]>,
}

impl Client for Ours {
    const NAME: &'static str = "partner-auth";

    fn new(server: &Server) -> Self {
        let transport = ReqwestTransport::builder()
            .root_certificates_pem(server.certificate().as_bytes())
            .and_then(ReqwestTransportBuilder::build)
            .expect("the transport takes the certificate");
        let cloud = CustomCloud::new(server.origin()).expect("the origin is https");
        let provider = PartnerAuth::builder()
            .tenant(TENANT.parse().expect("a tenant"))
            .client(CLIENT.parse().expect("a client"))
            .client_secret(SECRET.parse().expect("a secret"))
            .cloud(Cloud::Custom(cloud))
            .transport(transport)
            .app_only();
        let requests = SCOPES.map(|scope| {
            let scopes = scope.parse().expect("a scope");
            TokenRequest::for_scopes(scopes)
        });
        Self {
            provider,
            requests: Arc::new(requests),
        }
    }

    async fn token(&self, scope: Scope) -> Result<(), String> {
        let token = self.provider.token(&self.requests[scope as usize]).await;
        token
            .map(|token| drop(black_box(token)))
            .map_err(|error| error.to_string())
    }
}

/// `ClientSecretCredential` of azure_identity.
#[derive(Clone)]
pub(crate) struct Azure(Arc<ClientSecretCredential>);

impl Client for Azure {
    const NAME: &'static str = "azure_identity";

    fn new(server: &Server) -> Self {
        let certificate = reqwest::Certificate::from_pem(server.certificate().as_bytes());
        let client = reqwest::Client::builder()
            .add_root_certificate(certificate.expect("the certificate is PEM"))
            .build()
            .expect("a client");
        let mut cloud = CustomConfiguration::default();
        server.origin().clone_into(&mut cloud.authority_host);
        let options = ClientSecretCredentialOptions {
            client_options: ClientOptions {
                cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
                transport: Some(Transport::new(Arc::new(client))),
                ..ClientOptions::default()
            },
        };
        let secret = Secret::new(SECRET);
        let credential =
            ClientSecretCredential::new(TENANT, CLIENT.to_owned(), secret, Some(options));
        Self(credential.expect("a credential"))
    }

    async fn token(&self, scope: Scope) -> Result<(), String> {
        let token = self.0.get_token(&[SCOPES[scope as usize]], None).await;
        token
            .map(|token| drop(black_box(token)))
            .map_err(|error| error.to_string())
    }
}

const TENANT: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
const CLIENT: &str = "11112222-bbbb-3333-cccc-4444dddd5555";
const SECRET: &str = "Kx-8Q~0d3pT5vZ1uR6sW9yB2eH4jL7nM8oP0qA5c";
const SCOPES: [&str; 2] = [
    "https://api.partnercenter.microsoft.com/.default",
    "https://graph.microsoft.com/.default",
];
