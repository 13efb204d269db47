//! The fake Entra verifies what it is shown.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use partner_auth::testing::{FakeCloud, ManualClock};
use partner_auth::{
    AppOnlyProvider, AssertionSource, ClientCertificate, ConfigError, PartnerAuth, Secret,
    TokenProvider,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::support::{Folder, Pair, pair, request};

fn builder(fake: &FakeCloud) -> partner_auth::Builder<partner_auth::WantsCredential> {
    PartnerAuth::builder()
        .tenant(fake.tenant())
        .client(fake.client())
        .cloud(fake.cloud())
}

fn federated(fake: &FakeCloud, source: impl AssertionSource + 'static) -> AppOnlyProvider {
    builder(fake).client_assertion(source).app_only()
}

fn always(assertion: Secret) -> impl AssertionSource + 'static {
    move |_| {
        let assertion = assertion.clone();
        async move { Ok::<_, ConfigError>(assertion) }
    }
}

async fn number(provider: &AppOnlyProvider) -> Option<u32> {
    match provider.token(&request()).await {
        Ok(_) => None,
        Err(error) => Some(error.aadsts().unwrap_or_else(|| panic!("{error}"))),
    }
}

#[tokio::test]
async fn a_registered_certificate_is_good_with_both_algorithms_and_by_both_names_of_a_tenant() {
    let fake = FakeCloud::start().await;
    let pem = pair().pem();
    let certificate = ClientCertificate::from_pem(pem.as_bytes()).unwrap();
    let provider = builder(&fake)
        .client_certificate(certificate.clone())
        .app_only();
    assert_eq!(number(&provider).await, Some(700_027), "not registered yet");
    assert_eq!(fake.entra().token_requests(), 2);

    fake.entra()
        .add_certificate(&fake.client(), pair().certificate.der());
    provider.invalidate(&request());
    assert_eq!(number(&provider).await, None);
    for certificate in [certificate.clone().with_rs256(), certificate.with_x5c()] {
        let provider = PartnerAuth::builder()
            .tenant(fake.domain())
            .client(fake.client())
            .client_certificate(certificate)
            .cloud(fake.cloud())
            .app_only();
        assert_eq!(number(&provider).await, None);
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_found_on_disk_without_a_failed_call() {
    let (fake, folder) = (FakeCloud::start().await, Folder::new());
    let path = folder.write("partner.pem", pair().pem());
    let certificate = ClientCertificate::from_pem_file(path).unwrap();
    let provider = builder(&fake).client_certificate(certificate).app_only();

    let renewed = Pair::new();
    fake.entra()
        .add_certificate(&fake.client(), renewed.pem().as_bytes());
    folder.write("partner.pem", renewed.pem());

    assert_eq!(number(&provider).await, None);
    assert_eq!(fake.entra().token_requests(), 2);
}

/// Signs what it is told to, as another client would.
fn signed(algorithm: Algorithm, thumbprint: (&str, &str), claims: &Value) -> Secret {
    let header =
        json!({ "alg": format!("{algorithm:?}"), "typ": "JWT", thumbprint.0: thumbprint.1 });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(&header), part(claims));
    let key = EncodingKey::from_rsa_der(&pair().pkcs1());
    let signature = jsonwebtoken::crypto::sign(input.as_bytes(), &key, algorithm).unwrap();
    Secret::new(format!("{input}.{signature}"))
}

#[tokio::test]
async fn the_forms_of_microsofts_own_clients_are_good_and_wrong_claims_are_not() {
    let (fake, clock) = (FakeCloud::start().await, ManualClock::new());
    fake.use_clock(Arc::new(clock));
    fake.entra()
        .add_certificate(&fake.client(), pair().certificate.der());
    let der = pair().certificate.der();
    let (sha1, sha256) = (digest(&SHA1_FOR_LEGACY_USE_ONLY, der), digest(&SHA256, der));
    let (padded, standard) = (URL_SAFE.encode(sha256), STANDARD.encode(sha256));
    let plain = URL_SAFE_NO_PAD.encode(sha256);
    let (old, old_standard) = (URL_SAFE.encode(sha1), STANDARD.encode(sha1));
    let (ps, rs) = (Algorithm::PS256, Algorithm::RS256);
    let client = fake.client().to_string();
    let aud = fake.cloud().token_endpoint(&fake.tenant());
    let now = 1_767_225_600_u64;
    let claims = |change: &dyn Fn(&mut Value)| {
        let mut claims = json!({
            "aud": aud, "iss": client, "sub": client, "jti": "1", "iat": now, "exp": now + 600,
        });
        change(&mut claims);
        claims
    };
    let good = claims(&|_| ());
    let name = "x5t#S256";
    #[rustfmt::skip]
    let table = [
        (ps, (name, &*plain),         good.clone(),                                         None),
        (ps, (name, &*padded),        claims(&|c| c["exp"] = json!(1_767_226_200.5)),       None),
        (rs, (name, &*standard),      good.clone(),                                         None),
        (rs, ("x5t", &*old),          good.clone(),                                         None),
        (rs, ("x5t", &*old_standard), claims(&|c| c["exp"] = json!("1767226200")),          None),
        (ps, (name, &*plain),         claims(&|c| c["exp"] = json!(now - 299)),             None),
        (ps, (name, &*plain),         claims(&|c| c["exp"] = json!(now - 300)),             Some(700_024)),
        (ps, (name, &*plain),         claims(&|c| c["nbf"] = json!(now + 300)),             None),
        (ps, (name, &*plain),         claims(&|c| c["nbf"] = json!(now + 301)),             Some(700_024)),
        (ps, (name, "AAAA"),          good.clone(),                                         Some(700_027)),
        (Algorithm::RS512, (name, &*plain), good.clone(),                                   Some(50_027)),
        (ps, (name, &*plain),         claims(&|c| c["aud"] = json!("https://evil.example")), Some(50_027)),
        (ps, (name, &*plain),         claims(&|c| c["aud"] = json!([aud])),                 Some(50_027)),
        (ps, (name, &*plain),         claims(&|c| c["sub"] = json!("another")),             Some(50_027)),
        (ps, (name, &*plain),         claims(&|c| c["iss"] = json!("another")),             Some(70_021)),
        (ps, (name, &*plain),         claims(&|c| c["exp"] = json!(null)),                  Some(50_027)),
    ];
    for (algorithm, thumbprint, claims, expected) in table {
        let provider = federated(&fake, always(signed(algorithm, thumbprint, &claims)));
        assert_eq!(number(&provider).await, expected, "{thumbprint:?} {claims}");
    }

    let mut forged = signed(ps, (name, &plain), &good).expose().to_owned();
    forged.truncate(forged.len() - 4);
    let provider = federated(&fake, always(Secret::new(forged + "AAAA")));
    assert_eq!(number(&provider).await, Some(700_027));
}

#[tokio::test]
async fn a_federated_credential_matches_issuer_subject_and_audience() {
    let (fake, clock) = (FakeCloud::start().await, ManualClock::new());
    fake.use_clock(Arc::new(clock.clone()));
    let hub = fake
        .entra()
        .issuer("https://token.actions.githubusercontent.com");
    let pretender = fake.entra().issuer(hub.url());
    let stranger = fake.entra().issuer("https://ci.example");
    let subject = "repo:contoso/partner:ref:refs/heads/main";
    fake.entra().trust(&fake.client(), &hub, subject);

    let short = Duration::from_secs(60);
    #[rustfmt::skip]
    let table = [
        (hub.assertion(subject),                                None),
        (hub.assertion("repo:contoso/partner:pull_request"),    Some(700_213)),
        (hub.assertion_for(subject, "api://another", short),    Some(700_213)),
        (pretender.assertion(subject),                          Some(700_027)),
        (stranger.assertion(subject),                           Some(70_021)),
    ];
    for (assertion, expected) in table {
        let provider = federated(&fake, always(assertion));
        assert_eq!(number(&provider).await, expected);
    }

    let old = hub.assertion(subject);
    clock.advance(Duration::from_secs(2 * 3_600));
    assert_eq!(number(&federated(&fake, always(old))).await, Some(700_024));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_see_no_failure_when_the_certificate_is_replaced() {
    let (fake, folder) = (FakeCloud::start().await, Folder::new());
    let clock = ManualClock::new();
    fake.use_clock(Arc::new(clock.clone()));
    let path = folder.write("partner.pem", pair().pem());
    fake.entra()
        .add_certificate(&fake.client(), pair().certificate.der());
    let provider = builder(&fake)
        .client_certificate(ClientCertificate::from_pem_file(path).unwrap())
        .clock(clock.clone())
        .app_only();
    assert_eq!(number(&provider).await, None);

    let renewed = Pair::new();
    fake.entra().remove_certificates(&fake.client());
    fake.entra()
        .add_certificate(&fake.client(), renewed.certificate.der());
    folder.write("partner.pem", renewed.pem());
    clock.advance(Duration::from_secs(2 * 3_600));

    let mut callers = JoinSet::new();
    for _ in 0..1_000 {
        let provider = provider.clone();
        callers.spawn(async move { number(&provider).await });
    }
    for failure in callers.join_all().await {
        assert_eq!(failure, None);
    }
    assert_eq!(fake.entra().token_requests(), 3, "one refused, one more");
}
