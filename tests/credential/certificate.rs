//! Client certificates, their assertions read by `jsonwebtoken`.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use partner_auth::testing::{Answer, ManualClock, ScriptedTransport};
use partner_auth::{
    Api, AppOnlyProvider, ClientCertificate, Cloud, CustomCloud, Entropy, ErrorKind, SystemEntropy,
    TokenProvider, TokenRequest,
};
use serde_json::Value;

use super::support::{CLIENT, Folder, Pair, builder, pair, request, section};

const ENDPOINT: &str =
    "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token";

fn certificate() -> ClientCertificate {
    ClientCertificate::from_pem(pair().pem().as_bytes()).unwrap()
}

fn tokens() -> ScriptedTransport {
    ScriptedTransport::new()
        .answer(Answer::token("t", 3_599))
        .repeat_last()
}

fn provider(certificate: ClientCertificate, transport: &ScriptedTransport) -> AppOnlyProvider {
    builder()
        .client_certificate(certificate)
        .transport(transport.clone())
        .app_only()
}

fn assertions(transport: &ScriptedTransport) -> Vec<String> {
    transport
        .requests()
        .iter()
        .map(|request| request.form_field("client_assertion").unwrap())
        .collect()
}

/// Returns the claims, verified by a library that is not ours.
fn verified(assertion: &str, algorithm: Algorithm, pair: &Pair) -> Value {
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[ENDPOINT]);
    validation.set_issuer(&[CLIENT]);
    validation.set_required_spec_claims(&["aud", "exp", "iss", "nbf", "sub"]);
    validation.sub = Some(CLIENT.to_owned());
    validation.validate_nbf = true;
    let key = DecodingKey::from_rsa_der(pair.key.public_key_raw());
    decode(assertion, &key, &validation).unwrap().claims
}

fn header(assertion: &str) -> Value {
    let part = assertion.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn an_independent_reader_accepts_both_algorithms_and_neither_as_the_other() {
    for (certificate, algorithm, other) in [
        (certificate(), Algorithm::PS256, Algorithm::RS256),
        (
            certificate().with_rs256(),
            Algorithm::RS256,
            Algorithm::PS256,
        ),
    ] {
        let transport = tokens();
        provider(certificate, &transport)
            .token(&request())
            .await
            .unwrap();
        let assertion = &assertions(&transport)[0];

        let claims = verified(assertion, algorithm, pair());
        assert_eq!(claims["aud"], ENDPOINT, "one string, not a list");
        let number = |name: &str| claims[name].as_u64().unwrap();
        assert_eq!(number("exp") - number("nbf"), 600);
        assert_eq!(number("iat"), number("nbf"));
        assert_eq!(decode_header(assertion).unwrap().typ.unwrap(), "JWT");

        let key = DecodingKey::from_rsa_der(pair().key.public_key_raw());
        assert!(decode::<Value>(assertion, &key, &Validation::new(other)).is_err());
        let sent = &transport.requests()[0];
        assert_eq!(sent.form_field("client_secret"), None);
    }
}

#[tokio::test]
async fn the_thumbprint_is_the_sha_256_of_the_certificate() {
    let transport = tokens();
    provider(certificate(), &transport)
        .token(&request())
        .await
        .unwrap();

    let thumbprint = digest(&SHA256, pair().certificate.der());
    let header = header(&assertions(&transport)[0]);
    assert_eq!(header["x5t#S256"], URL_SAFE_NO_PAD.encode(thumbprint));
    assert_eq!(header.get("x5c"), None, "sent on request only");
    assert_eq!(header.get("x5t"), None, "no SHA-1");
    assert_eq!(certificate().thumbprint().len(), 64);
}

#[tokio::test]
async fn the_chain_is_sent_on_request_with_the_keys_own_certificate_first() {
    let other = Pair::of(&rcgen::PKCS_ECDSA_P256_SHA256);
    let wrong_order = other.certificate.pem() + &pair().pem();
    let certificate = ClientCertificate::from_pem(wrong_order.as_bytes()).unwrap();
    let transport = tokens();
    provider(certificate.with_x5c(), &transport)
        .token(&request())
        .await
        .unwrap();

    let header = header(&assertions(&transport)[0]);
    let chain = [&pair().certificate, &other.certificate].map(|one| STANDARD.encode(one.der()));
    assert_eq!(header["x5c"], serde_json::json!(chain));
}

/// Counts how often randomness is drawn for a `jti`, which is once for each signature.
#[derive(Debug)]
struct Counting(Arc<AtomicUsize>);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), partner_auth::Error> {
        if bytes.len() == 16 {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        SystemEntropy.fill(bytes)
    }
}

#[tokio::test]
async fn one_signature_serves_a_tenant_for_eight_minutes() {
    let (clock, transport) = (ManualClock::new(), tokens());
    let drawn = Arc::new(AtomicUsize::new(0));
    let provider = builder()
        .client_certificate(certificate())
        .transport(transport.clone())
        .clock(clock.clone())
        .entropy(Counting(Arc::clone(&drawn)))
        .app_only();
    let before = drawn.load(Ordering::SeqCst); // what the builder itself drew
    let signatures = || drawn.load(Ordering::SeqCst) - before;
    let ask = |api| provider.token_of(api);

    for api in [Api::PartnerCenter, Api::PartnerApi, Api::Graph] {
        ask(api).await;
    }
    assert_eq!((signatures(), transport.request_count()), (1, 3));

    clock.advance(Duration::from_secs(479));
    ask(Api::Arm).await;
    assert_eq!(signatures(), 1);
    clock.advance(Duration::from_secs(1));
    provider.invalidate(&TokenRequest::new(Api::Arm));
    ask(Api::Arm).await;
    assert_eq!(signatures(), 2);

    let there =
        TokenRequest::new(Api::Graph).with_tenant("fabrikam.onmicrosoft.com".parse().unwrap());
    provider.token(&there).await.unwrap();
    assert_eq!(signatures(), 3, "another tenant is another audience");

    let sent = assertions(&transport);
    assert_eq!(sent.iter().collect::<HashSet<_>>().len(), 3);
    let audience = partner_claims(&sent[5])["aud"].clone();
    assert_eq!(
        audience,
        "https://login.microsoftonline.com/fabrikam.onmicrosoft.com/oauth2/v2.0/token"
    );
}

trait TokenOf {
    async fn token_of(&self, api: Api);
}

impl TokenOf for AppOnlyProvider {
    async fn token_of(&self, api: Api) {
        self.token(&TokenRequest::new(api)).await.unwrap();
    }
}

fn partner_claims(assertion: &str) -> Value {
    let part = assertion.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn each_signature_has_an_id_of_its_own() {
    let (clock, transport) = (ManualClock::at(SystemTime::UNIX_EPOCH), tokens());
    let provider = builder()
        .client_certificate(certificate())
        .transport(transport.clone())
        .clock(clock.clone())
        .app_only();
    for _ in 0..50 {
        provider.token_of(Api::Graph).await;
        clock.advance(Duration::from_secs(3_600));
    }
    let ids: HashSet<String> = assertions(&transport)
        .iter()
        .map(|assertion| partner_claims(assertion)["jti"].to_string())
        .collect();
    assert_eq!(ids.len(), 50);
}

#[tokio::test]
async fn no_answer_steers_the_audience() {
    let trap = r#"{"error":"invalid_client","error_codes":[700027],"token_endpoint":"https://evil.example/token","cloud_instance_host_name":"evil.example"}"#;
    let transport = ScriptedTransport::new()
        .answer(Answer::json(401, trap).header("location", "https://evil.example/token"))
        .answer(Answer::json(307, trap).header("location", "https://evil.example/token"))
        .answer(Answer::token("t", 3_599));
    let provider = provider(certificate(), &transport);

    provider.token(&request()).await.unwrap_err();
    provider.invalidate(&request());
    provider.token(&request()).await.unwrap();

    let sent = assertions(&transport);
    assert_eq!(sent.len(), 3);
    for (assertion, request) in sent.iter().zip(transport.requests()) {
        assert_eq!(partner_claims(assertion)["aud"], ENDPOINT);
        assert_eq!(request.url().as_str(), ENDPOINT);
    }
}

#[tokio::test]
async fn the_audience_is_that_of_the_configured_cloud() {
    let custom = CustomCloud::new("https://login.example.com").unwrap();
    #[rustfmt::skip]
    let table = [
        (Cloud::UsGovernment,   "https://login.microsoftonline.us/contoso.onmicrosoft.com/oauth2/v2.0/token"),
        (Cloud::Custom(custom), "https://login.example.com/contoso.onmicrosoft.com/oauth2/v2.0/token"),
    ];
    for (cloud, expected) in table {
        let transport = tokens();
        let provider = builder()
            .client_certificate(certificate())
            .cloud(cloud)
            .transport(transport.clone())
            .app_only();
        let scope = "https://graph.microsoft.com/.default".parse().unwrap();
        provider
            .token(&TokenRequest::for_scopes(scope))
            .await
            .unwrap();
        assert_eq!(partner_claims(&assertions(&transport)[0])["aud"], expected);
    }
}

#[tokio::test]
async fn a_refused_assertion_is_signed_anew_once() {
    for number in [700_024, 700_027] {
        let transport = ScriptedTransport::new()
            .answer(Answer::refusal(401, "invalid_client", number))
            .answer(Answer::token("t", 3_599))
            .repeat_last();
        provider(certificate(), &transport)
            .token(&request())
            .await
            .unwrap();
        let sent = assertions(&transport);
        assert_eq!(sent.len(), 2);
        assert_ne!(sent[0], sent[1], "AADSTS{number}");
    }
}

#[tokio::test]
async fn a_certificate_replaced_on_disk_needs_no_restart() {
    let folder = Folder::new();
    let path = folder.write("partner.pem", pair().pem());
    let transport = ScriptedTransport::new()
        .answer(Answer::refusal(401, "invalid_client", 700_027))
        .answer(Answer::token("t", 3_599))
        .repeat_last();
    let certificate = ClientCertificate::from_pem_file(&path).unwrap();
    let provider = provider(certificate, &transport);

    let renewed = Pair::new();
    folder.write("partner.pem", renewed.pem());
    provider.token(&request()).await.unwrap();

    let sent = assertions(&transport);
    verified(&sent[0], Algorithm::PS256, pair());
    verified(&sent[1], Algorithm::PS256, &renewed);

    // A file that is broken later changes nothing.
    folder.write("partner.pem", "half a fi");
    provider.token_of(Api::Graph).await;
}

#[test]
fn keys_come_as_pkcs_8_and_as_pkcs_1_with_text_around() {
    let (key, certificate) = (pair().key.serialize_pem(), pair().certificate.pem());
    let older = section("RSA PRIVATE KEY", &pair().pkcs1());
    for pem in [
        format!("{key}{certificate}"),
        format!("{certificate}{key}"),
        format!("Bag Attributes\n  friendlyName: partner\n{certificate}\nKey Attributes\n{older}"),
        format!("{certificate}{key}").replace('\n', "\r\n"),
    ] {
        let read = ClientCertificate::from_pem(pem.as_bytes()).unwrap();
        assert_eq!(read.thumbprint(), self::certificate().thumbprint());
    }
}

#[test]
fn what_cannot_be_used_is_named_with_the_cure() {
    let folder = Folder::new();
    let (key, certificate) = (pair().key.serialize_pem(), pair().certificate.pem());
    let other = Pair::of(&rcgen::PKCS_ECDSA_P256_SHA256);
    let edwards = Pair::of(&rcgen::PKCS_ED25519);
    let public = section("PUBLIC KEY", pair().key.public_key_raw());
    let encrypted = section("ENCRYPTED PRIVATE KEY", b"hunter2");
    let legacy = key
        .replace(
            "-----BEGIN PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n",
        )
        .replace("END PRIVATE", "END RSA PRIVATE");
    let broken = section("PRIVATE KEY", &pair().key.serialize_der()[..200]);
    let older_curve = section("EC PRIVATE KEY", b"x");
    let long = |length: usize| pair().pem() + &"\n".repeat(length - pair().pem().len());
    #[rustfmt::skip]
    let table: Vec<(&str, String, Option<&str>)> = vec![
        ("empty",      String::new(),                          Some("is empty")),
        ("text",       "hunter2".into(),                       Some("is not PEM")),
        ("pfx",        "\u{1}\u{2}".into(),                    Some("openssl pkcs12")),
        ("cut",        key[..200].into(),                      Some("is not PEM")),
        ("public",     format!("{public}{certificate}"),       Some("holds no private key")),
        ("alone",      certificate.clone(),                    Some("holds no private key")),
        ("key",        key.clone(),                            Some("no certificate")),
        ("encrypted",  format!("{encrypted}{certificate}"),    Some("openssl pkey")),
        ("legacy",     format!("{legacy}{certificate}"),       Some("openssl pkey")),
        ("curve",      other.pem(),                            Some("not RSA")),
        ("older",      format!("{older_curve}{certificate}"),  Some("not RSA")),
        ("edwards",    edwards.pem(),                          Some("not RSA")),
        ("broken",     format!("{broken}{certificate}"),       Some("damaged")),
        ("two",        format!("{key}{key}{certificate}"),     Some("more than one private key")),
        ("mismatch",   format!("{key}{}", other.certificate.pem()), Some("belongs to none")),
        ("too large",  long(1024 * 1024 + 1),                  Some("is larger than")),
        ("largest",    long(1024 * 1024),                      None),
    ];
    for (name, content, expected) in table {
        let path = folder.write(name, &content);
        let from_file = ClientCertificate::from_pem_file(&path);
        let from_bytes = ClientCertificate::from_pem(content.as_bytes());
        let Some(expected) = expected else {
            assert!(from_file.is_ok() && from_bytes.is_ok(), "{name}");
            continue;
        };
        let text = from_file.unwrap_err().to_string();
        assert!(text.contains(expected), "{name}: {text}");
        assert!(text.starts_with(&path.display().to_string()), "{text}");
        let text = from_bytes.unwrap_err().to_string();
        assert!(text.contains(expected), "{name}: {text}");
        assert!(text.starts_with("the PEM text"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[rustfmt::skip]
    let paths = [(folder.0.join("absent"), "does not exist"), (folder.0.clone(), "is a directory")];
    for (path, expected) in paths {
        let error = ClientCertificate::from_pem_file(path).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_device_is_not_read() {
    let error = ClientCertificate::from_pem_file("/dev/zero").unwrap_err();
    assert!(error.to_string().contains("is not a file"), "{error}");
}

#[tokio::test]
async fn the_key_and_its_signature_are_never_shown() {
    let body = |assertion: &str| {
        format!(r#"{{"error":"invalid_client","error_description":"you sent {assertion}"}}"#)
    };
    let clock = ManualClock::new();
    let transport = ScriptedTransport::new().answer(Answer::token("t", 3_599));
    let provider = builder()
        .client_certificate(certificate())
        .transport(transport.clone())
        .clock(clock)
        .app_only();
    provider.token(&request()).await.unwrap();
    let sent = assertions(&transport).remove(0);
    transport.push(Answer::json(401, &body(&sent)));
    let error = provider
        .token(&TokenRequest::new(Api::Graph))
        .await
        .unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Rejected);
    let shown = format!(
        "{error} {error:?} {error:#?} {provider:?} {:?} {:?}",
        certificate(),
        builder().client_certificate(certificate()),
    );
    let key = pair().key.serialize_pem();
    let lines = key.lines().filter(|line| !line.starts_with("---"));
    let signature = sent.rsplit('.').next().unwrap();
    for secret in lines.chain([signature, &*sent]) {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains(&certificate().thumbprint()), "{shown}");
}
