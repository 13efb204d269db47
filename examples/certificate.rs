//! A certificate in place of a secret: the private key never leaves the program.

use std::error::Error;

use partner_auth::testing::FakeCloud;
use partner_auth::{Api, ClientCertificate, PartnerAuth, TokenProvider, TokenRequest};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let fake = FakeCloud::start().await;

    // Yours comes from a file: `ClientCertificate::from_pem_file("/run/secrets/partner.pem")?`.
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
    let public = CertificateParams::new(["partner.example".to_owned()])?.self_signed(&key)?;
    let certificate =
        ClientCertificate::from_pem((key.serialize_pem() + &public.pem()).as_bytes())?;
    println!("thumbprint (SHA-256): {}", certificate.thumbprint());

    let provider = PartnerAuth::builder()
        .tenant(fake.tenant())
        .client(fake.client())
        .client_certificate(certificate)
        .cloud(fake.cloud())
        .app_only();
    let request = TokenRequest::new(Api::PartnerCenter);

    // Before the certificate is uploaded at the app registration, the error says what is missing.
    if let Err(error) = provider.token(&request).await {
        println!("\n{error}\n");
    }
    fake.entra()
        .add_certificate(&fake.client(), public.pem().as_bytes());
    provider.invalidate(&request); // else the refusal is remembered for a minute

    for api in [Api::PartnerCenter, Api::PartnerApi, Api::Graph] {
        let token = provider.token(&TokenRequest::new(api.clone())).await?;
        println!("{api}: {token:?}");
    }

    // What is no use is named with the cure.
    let error = ClientCertificate::from_pem(public.pem().as_bytes());
    println!("\nthe certificate alone: {error:?}");
    Ok(())
}
