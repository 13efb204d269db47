//! Which credential the `AZURE_*` variables give.

use partner_auth::testing::FakeCloud;
use partner_auth::{Builder, ConfigError, PartnerAuth, TokenProvider, WantsAccess};

use super::support::{Folder, pair, request};

const SECRET: &str = "AZURE_CLIENT_SECRET";
const CERTIFICATE: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";

fn from(fake: &FakeCloud, set: &[(&str, &str)]) -> Result<Builder<WantsAccess>, ConfigError> {
    PartnerAuth::from_variables(|name| match name {
        "AZURE_TENANT_ID" => Some(fake.tenant().to_string()),
        "AZURE_CLIENT_ID" => Some(fake.client().to_string()),
        name => {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    })
}

#[tokio::test]
async fn secret_certificate_and_workload_are_taken_in_azures_order() {
    let (fake, folder) = (FakeCloud::start().await, Folder::new());
    let issuer = fake.entra().issuer("https://oidc.example/cluster");
    fake.entra()
        .trust(&fake.client(), &issuer, "system:serviceaccount:a:b");
    fake.entra()
        .add_certificate(&fake.client(), pair().certificate.der());
    let secret = fake.client_secret();
    let pem = folder.write("partner.pem", pair().pem());
    let token = issuer.assertion("system:serviceaccount:a:b");
    let token = folder.write("token", token.expose());
    let secret = (SECRET, &*secret);
    let certificate = (CERTIFICATE, pem.to_str().unwrap());
    let workload = (TOKEN_FILE, token.to_str().unwrap());

    #[rustfmt::skip]
    let table = [
        (vec![secret, certificate, workload],           "client_secret"),
        (vec![(SECRET, ""), certificate, workload],     "certificate"),
        (vec![workload],                                "workload"),
    ];
    for (set, expected) in table {
        let provider = from(&fake, &set).unwrap().cloud(fake.cloud()).app_only();
        provider.token(&request()).await.unwrap();

        let sent = fake.entra().requests().pop().unwrap();
        let shown = sent.form_field("client_assertion");
        let kind = match &shown {
            None => "client_secret",
            Some(text) if Some(&**text) == std::fs::read_to_string(&token).ok().as_deref() => {
                "workload"
            }
            Some(_) => "certificate",
        };
        assert_eq!(kind, expected);
    }
}

#[tokio::test]
async fn the_chain_is_sent_when_azures_variable_says_so() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let (fake, folder) = (FakeCloud::start().await, Folder::new());
    let pem = folder.write("partner.pem", pair().pem());
    for (value, is_sent) in [("1", true), ("True", true), ("0", false), ("", false)] {
        let set = [
            (CERTIFICATE, pem.to_str().unwrap()),
            ("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", value),
        ];
        let provider = from(&fake, &set).unwrap().cloud(fake.cloud()).app_only();
        provider.token(&request()).await.unwrap_err(); // nobody knows the certificate
        let last = fake.entra().requests().pop().unwrap();
        let assertion = last.form_field("client_assertion").unwrap();
        let header = URL_SAFE_NO_PAD.decode(assertion.split('.').next().unwrap());
        let header = String::from_utf8(header.unwrap()).unwrap();
        assert_eq!(header.contains("x5c"), is_sent, "{value:?}");
    }
}

#[tokio::test]
async fn what_is_set_and_cannot_be_used_is_not_passed_over() {
    let fake = FakeCloud::start().await;
    let secret = "Kx-8Q~0d3pT5vZ1uR6sW9yB2eH4jL7nM8oP0qA5c";
    let pem = pair().pem();
    #[rustfmt::skip]
    let table = [
        (vec![],                                                             SECRET,      "set AZURE_CLIENT_CERTIFICATE_PATH or AZURE_FEDERATED_TOKEN_FILE"),
        (vec![(SECRET, "<client-secret>"), (TOKEN_FILE, "/token")],          SECRET,      "placeholder"),
        (vec![(CERTIFICATE, "/absent/partner.pem"), (TOKEN_FILE, "/token")], CERTIFICATE, "/absent/partner.pem does not exist"),
        (vec![(CERTIFICATE, "absent.pem")],                                  CERTIFICATE, "absent.pem does not exist"),
        // The secret itself, where its path belongs.
        (vec![(CERTIFICATE, secret)],                                        CERTIFICATE, "a name that is not shown"),
        (vec![(CERTIFICATE, &*pem)],                                         CERTIFICATE, "a name that is not shown"),
    ];
    for (set, name, expected) in table {
        let text = from(&fake, &set).unwrap_err().to_string();
        assert!(text.contains(name) && text.contains(expected), "{text}");
        assert!(!text.contains(secret) && !text.contains("BEGIN"), "{text}");
    }
}
