//! No secret at all: a cluster or build service vouches for the application.

use std::error::Error;

use partner_auth::testing::FakeCloud;
use partner_auth::{
    Api, AssertionRequest, PartnerAuth, TokenProvider, TokenRequest, WorkloadIdentityFile,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let fake = FakeCloud::start().await;
    let subject = "system:serviceaccount:billing:partner-sync";
    let cluster = fake.entra().issuer("https://oidc.cluster.example");

    // In the cluster, `PartnerAuth::from_env()` finds the file in AZURE_FEDERATED_TOKEN_FILE.
    let name = format!("partner-auth-example-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, cluster.assertion(subject).expose())?;
    let provider = PartnerAuth::builder()
        .tenant(fake.tenant())
        .client(fake.client())
        .client_assertion(WorkloadIdentityFile::new(&path))
        .cloud(fake.cloud())
        .app_only();
    let request = TokenRequest::new(Api::PartnerCenter);

    // Until the app registration trusts the cluster, the error says which step is missing.
    if let Err(error) = provider.token(&request).await {
        println!("{error}\n");
    }
    fake.entra().trust(&fake.client(), &cluster, subject);
    provider.invalidate(&request); // else the refusal is remembered for a minute
    println!("from the file: {:?}", provider.token(&request).await?);
    std::fs::remove_file(path)?;

    // Any other source is a closure, asked for each token: a vault, a build service's endpoint.
    let provider = PartnerAuth::builder()
        .tenant(fake.tenant())
        .client(fake.client())
        .client_assertion(move |request: AssertionRequest| {
            let assertion = cluster.assertion(subject);
            async move {
                println!("asked for an assertion for {}", request.client());
                Ok::<_, std::io::Error>(assertion)
            }
        })
        .cloud(fake.cloud())
        .app_only();
    println!("from a closure: {:?}", provider.token(&request).await?);
    Ok(())
}
