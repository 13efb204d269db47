//! The doubles where both backends of `jsonwebtoken` are compiled in.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use partner_auth::testing::FakeCloud;
use partner_auth::{Api, ClientCertificate, PartnerAuth, TokenProvider, TokenRequest};

#[tokio::test]
async fn the_fake_cloud_signs_and_verifies() {
    let cloud = FakeCloud::start().await;
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope={}",
        cloud.client(),
        cloud.client_secret(),
        "https%3A%2F%2Fapi.partnercenter.microsoft.com%2F.default",
    );
    let http = reqwest::Client::new();
    let answer = http
        .post(cloud.cloud().token_endpoint(&cloud.tenant()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let answer: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();

    let customers = http
        .get(format!("{}/v1/customers", cloud.partner_center().url()))
        .bearer_auth(answer["access_token"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(customers.status(), 200);
}

#[tokio::test]
async fn a_client_certificate_signs() {
    let cloud = FakeCloud::start().await;
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let params = rcgen::CertificateParams::new(["partner.example".to_owned()]).unwrap();
    let pem = key.serialize_pem() + &params.self_signed(&key).unwrap().pem();
    cloud
        .entra()
        .add_certificate(&cloud.client(), pem.as_bytes());

    let provider = PartnerAuth::builder()
        .tenant(cloud.tenant())
        .client(cloud.client())
        .client_certificate(ClientCertificate::from_pem(pem.as_bytes()).unwrap())
        .cloud(cloud.cloud())
        .app_only();
    let token = provider.token(&TokenRequest::new(Api::PartnerCenter)).await;
    assert!(token.is_ok(), "{token:?}");
}

/// What the doubles would do here if they signed with `jsonwebtoken::encode`: it asks for a
/// process-wide backend, finds two, and panics rather than choose.
#[test]
#[should_panic(expected = "Could not automatically determine the process-level CryptoProvider")]
fn plain_jsonwebtoken_panics() {
    let key = EncodingKey::from_secret(b"secret");
    let _ = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &1, &key);
}
