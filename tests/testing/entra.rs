//! The fake Entra.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use partner_auth::Api;
use partner_auth::testing::{FakeCloud, ManualClock};
use serde_json::Value;

use super::support::{CENTER, PARTNER, call, claims, get, post_form, token_call, token_url};

#[tokio::test]
async fn a_secret_gets_an_app_only_token_of_version_1() {
    let cloud = FakeCloud::start().await;
    let answer = token_call(&cloud, CENTER).send().await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("cache-control").unwrap().contains("no-store"));

    let body = answer.json();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 3_599);
    assert_eq!(body["ext_expires_in"], 3_599);
    assert!(body.get("refresh_in").is_none());
    assert!(body.get("refresh_token").is_none());

    let claims = claims(body["access_token"].as_str().unwrap());
    let tenant = cloud.tenant();
    assert_eq!(claims["aud"], CENTER);
    assert_eq!(claims["iss"], format!("https://sts.windows.net/{tenant}/"));
    assert_eq!(claims["tid"], tenant.as_str());
    assert_eq!(claims["appid"], cloud.client().as_str());
    assert_eq!(claims["appidacr"], "1");
    assert_eq!(claims["idtyp"], "app");
    assert_eq!(claims["ver"], "1.0");
    assert_eq!(claims["oid"], claims["sub"]);
    assert!(claims.get("roles").is_none());
    assert!(claims.get("scp").is_none());
}

#[tokio::test]
async fn the_old_endpoint_speaks_in_strings() {
    let cloud = FakeCloud::start().await;
    let clock = ManualClock::new();
    cloud.use_clock(Arc::new(clock));
    let url = format!("{}/{}/oauth2/token", cloud.entra().url(), cloud.domain());
    let body = post_form(
        &url,
        &[
            ("grant_type", "client_credentials"),
            ("client_id", cloud.client().as_str()),
            ("client_secret", &cloud.client_secret()),
            ("resource", PARTNER),
        ],
    );
    let body = body.send().await.json();

    assert_eq!(body["expires_in"], "3599");
    assert_eq!(body["expires_on"], "1767229199");
    assert_eq!(body["not_before"], "1767225300");
    assert_eq!(body["resource"], PARTNER);
    assert_eq!(
        claims(body["access_token"].as_str().unwrap())["aud"],
        PARTNER
    );
}

#[tokio::test]
async fn a_secret_may_come_in_the_authorization_header() {
    let cloud = FakeCloud::start().await;
    let url = token_url(&cloud, &cloud.tenant());
    let fields = [
        ("grant_type", "client_credentials"),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    let secret = cloud.client_secret().replace('~', "%7E");
    let basic = STANDARD.encode(format!("{}:{secret}", cloud.client()));

    let answer = post_form(&url, &fields)
        .header("authorization", &format!("Basic {basic}"))
        .send()
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn each_refusal_has_entras_status_error_and_number() {
    let cloud = FakeCloud::start().await;
    let client = cloud.client();
    let secret = cloud.client_secret();
    let (grant, app) = (
        ("grant_type", "client_credentials"),
        ("client_id", client.as_str()),
    );
    let key = ("client_secret", secret.as_str());
    let default = ("scope", "https://api.partner.microsoft.com/.default");
    let kind = (
        "client_assertion_type",
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    );
    let tenant = cloud.tenant();
    let stranger = "99998888-7777-6666-5555-444433332222";

    #[rustfmt::skip]
    let table = [
        (tenant.as_str(), vec![app, key, default],                                  400, "invalid_request",        900_144),
        (tenant.as_str(), vec![grant, key, default],                                400, "invalid_request",        900_144),
        (tenant.as_str(), vec![grant, app, key],                                    400, "invalid_request",        900_144),
        (tenant.as_str(), vec![("grant_type", "magic"), app, key, default],         400, "unsupported_grant_type",  70_003),
        (stranger,        vec![grant, app, key, default],                           400, "invalid_request",         90_002),
        ("organizations", vec![grant, app, key, default],                           400, "invalid_request",         90_002),
        (tenant.as_str(), vec![grant, ("client_id", stranger), key, default],       400, "unauthorized_client",    700_016),
        (tenant.as_str(), vec![grant, app, ("client_secret", "wrong"), default],    401, "invalid_client",       7_000_215),
        (tenant.as_str(), vec![grant, app, default],                                401, "invalid_client",       7_000_218),
        (tenant.as_str(), vec![grant, app, ("client_secret", ""), default],         401, "invalid_client",       7_000_218),
        (tenant.as_str(), vec![grant, app, ("client_assertion", "a.b.c"), default], 400, "invalid_request",        900_144),
        (tenant.as_str(), vec![grant, app, kind, ("client_assertion", "a.b.c"), default], 401, "invalid_client",    50_027),
        (tenant.as_str(), vec![grant, app, key, kind, ("client_assertion", "a.b.c"), default], 400, "invalid_request", 900_144),
        (tenant.as_str(), vec![grant, app, key, ("scope", "https://graph.microsoft.com/User.Read")],
                                                                                    400, "invalid_scope",        1_002_012),
        (tenant.as_str(), vec![grant, app, key, ("scope", "/.default")],            400, "invalid_scope",           70_011),
        (tenant.as_str(), vec![grant, app, key, ("scope", "https://graph.microsoft.com/.default https://management.azure.com/.default")],
                                                                                    400, "invalid_scope",           70_011),
        (tenant.as_str(), vec![grant, app, key, ("scope", "api://nobody/.default")], 400, "invalid_resource",       500_011),
    ];

    for (tenant, fields, status, error, number) in table {
        let url = format!("{}/{tenant}/oauth2/v2.0/token", cloud.entra().url());
        let answer = post_form(&url, &fields).send().await;
        let body = answer.json();
        assert_eq!(
            (answer.status, &body["error"]),
            (status, &Value::from(error)),
            "{number}: {answer:?}"
        );
        assert_eq!(body["error_codes"], Value::from(vec![number]), "{answer:?}");
        let description = body["error_description"].as_str().unwrap();
        assert!(
            description.starts_with(&format!("AADSTS{number}: ")),
            "{description}"
        );
    }
}

#[tokio::test]
async fn an_expired_and_a_rotated_secret_are_told_apart() {
    let cloud = FakeCloud::start().await;
    let number = async || token_call(&cloud, CENTER).send().await.json()["error_codes"][0].clone();

    cloud.entra().expire_secret(&cloud.client());
    assert_eq!(number().await, 7_000_222);

    let old = cloud.client_secret();
    let new = cloud.entra().rotate_secret(&cloud.client());
    assert_ne!(old, new);
    assert_eq!(cloud.client_secret(), new);
    assert_eq!(number().await, Value::Null);

    let url = token_url(&cloud, &cloud.tenant());
    let app = cloud.client();
    let scope = "https://graph.microsoft.com/.default";
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", app.as_str()),
        ("client_secret", &old),
        ("scope", scope),
    ];
    assert_eq!(
        post_form(&url, &fields).send().await.json()["error_codes"][0],
        7_000_215
    );
}

#[tokio::test]
async fn a_refusal_repeats_the_callers_id_and_tells_its_own() {
    let cloud = FakeCloud::start().await;
    cloud.use_clock(Arc::new(ManualClock::new()));
    let id = "8bc54b2c-2d5b-4f5b-9c1e-6f2b1a3c4d5e";
    let url = token_url(&cloud, &cloud.tenant());
    let answer = post_form(&url, &[])
        .header("client-request-id", id)
        .header("return-client-request-id", "true")
        .send()
        .await;

    let body = answer.json();
    let trace = answer.header("x-ms-request-id").unwrap();
    assert_eq!(answer.header("client-request-id"), Some(id));
    assert_eq!(body["correlation_id"], id);
    assert_eq!(body["trace_id"], trace);
    assert_eq!(body["timestamp"], "2026-01-01 00:00:00Z");
    assert_eq!(
        body["error_uri"],
        "https://login.microsoftonline.com/error?code=900144"
    );
    let ending = format!("Trace ID: {trace} Correlation ID: {id} Timestamp: 2026-01-01 00:00:00Z");
    assert!(
        body["error_description"]
            .as_str()
            .unwrap()
            .ends_with(&ending),
        "{body}"
    );

    let unasked = post_form(&url, &[])
        .header("client-request-id", id)
        .send()
        .await;
    assert_eq!(unasked.header("client-request-id"), None);
}

#[tokio::test]
async fn a_token_endpoint_takes_posts_only() {
    let cloud = FakeCloud::start().await;
    let answer = get(&token_url(&cloud, &cloud.tenant())).send().await;
    assert_eq!(
        (answer.status, answer.json()["error_codes"][0].clone()),
        (405, 900_561.into())
    );
    assert_eq!(cloud.entra().token_requests(), 0);
}

#[tokio::test]
async fn the_published_keys_verify_the_tokens_before_and_after_a_rotation() {
    let cloud = FakeCloud::start().await;
    for rotations in 0..2 {
        let token = token_call(&cloud, CENTER).send().await.json()["access_token"].clone();
        let token = token.as_str().unwrap();
        let metadata = format!(
            "{}/{}/v2.0/.well-known/openid-configuration",
            cloud.entra().url(),
            cloud.domain()
        );
        let metadata = get(&metadata).send().await.json();
        let issuer = format!("{}/{}/v2.0", cloud.entra().url(), cloud.tenant());
        assert_eq!(metadata["issuer"], issuer);

        let keys = get(metadata["jwks_uri"].as_str().unwrap()).send().await;
        assert_eq!(keys.json()["keys"][0]["issuer"], issuer);
        let keys: JwkSet = serde_json::from_str(&keys.text).unwrap();
        assert_eq!(
            keys.keys.len(),
            rotations + 1,
            "the old key stays published"
        );

        let id = decode_header(token).unwrap().kid.unwrap();
        let key = DecodingKey::from_jwk(keys.find(&id).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[CENTER]);
        validation.set_issuer(&[format!("https://sts.windows.net/{}/", cloud.tenant())]);
        decode::<Value>(token, &key, &validation).unwrap();
        cloud.entra().rotate_key();
    }
}

#[tokio::test]
async fn metadata_is_published_under_every_name_of_a_tenant() {
    let cloud = FakeCloud::start().await;
    let origin = cloud.entra().url();
    let (tenant, domain) = (cloud.tenant(), cloud.domain());
    #[rustfmt::skip]
    let table = [
        (tenant.as_str(),  tenant.as_str()),
        (domain.as_str(),  tenant.as_str()),
        ("common",         "{tenantid}"),
        ("organizations",  "{tenantid}"),
    ];
    for (name, issuer) in table {
        let v2 = get(&format!(
            "{origin}/{name}/v2.0/.well-known/openid-configuration"
        ))
        .send()
        .await
        .json();
        assert_eq!(v2["issuer"], format!("{origin}/{issuer}/v2.0"));
        assert_eq!(
            v2["token_endpoint"],
            format!("{origin}/{name}/oauth2/v2.0/token")
        );
        assert_eq!(
            v2["authorization_endpoint"],
            format!("{origin}/{name}/oauth2/v2.0/authorize")
        );
        assert_eq!(
            v2["device_authorization_endpoint"],
            format!("{origin}/{name}/oauth2/v2.0/devicecode")
        );

        let v1 = get(&format!("{origin}/{name}/.well-known/openid-configuration"))
            .send()
            .await
            .json();
        assert_eq!(v1["issuer"], format!("https://sts.windows.net/{issuer}/"));
        assert_eq!(
            v1["token_endpoint"],
            format!("{origin}/{name}/oauth2/token")
        );
        assert_eq!(
            get(v1["jwks_uri"].as_str().unwrap()).send().await.status,
            200
        );
    }
    let unknown = get(&format!(
        "{origin}/fabrikam.com/v2.0/.well-known/openid-configuration"
    ))
    .send()
    .await;
    assert_eq!(
        (unknown.status, unknown.json()["error"].clone()),
        (400, "invalid_tenant".into())
    );
}

#[tokio::test]
async fn instance_discovery_knows_the_fakes_own_host_and_no_other() {
    let cloud = FakeCloud::start().await;
    let origin = cloud.entra().url();
    let ask = |host: &str| {
        get(&format!(
            "{origin}/common/discovery/instance?api-version=1.1&authorization_endpoint={host}/t/oauth2/v2.0/authorize"
        ))
    };

    let known = ask(origin).send().await.json();
    let host = origin.strip_prefix("http://").unwrap();
    assert_eq!(known["metadata"][0]["aliases"][0], host);
    assert_eq!(
        ask("https://evil.example").send().await.json()["error"],
        "invalid_instance"
    );
}

#[tokio::test]
async fn requests_are_counted_and_kept_without_a_word_of_their_secrets() {
    let cloud = FakeCloud::start().await;
    let elsewhere = "bbbbcccc-1111-dddd-2222-eeee3333ffff".parse().unwrap();
    cloud.entra().add_tenant(&elsewhere, &["fabrikam.com"]);
    let secret = cloud.entra().add_app(&elsewhere, &cloud.client());
    assert_eq!(
        secret,
        cloud.client_secret(),
        "one app has one secret in all its tenants"
    );

    token_call(&cloud, CENTER).send().await;
    token_call(&cloud, PARTNER).send().await;
    let by_domain = token_url(&cloud, &"fabrikam.com".parse().unwrap());
    post_form(&by_domain, &[("grant_type", "client_credentials")])
        .send()
        .await;

    assert_eq!(cloud.entra().token_requests(), 3);
    assert_eq!(cloud.entra().token_requests_of(&cloud.tenant()), 2);
    assert_eq!(cloud.entra().token_requests_of(&cloud.domain()), 2);
    assert_eq!(cloud.entra().token_requests_of(&elsewhere), 1);

    let requests = cloud.entra().requests();
    assert_eq!(
        requests[0].form_field("client_secret"),
        Some(secret.clone())
    );
    assert_eq!(
        requests[1].form_field("scope").unwrap(),
        format!("{PARTNER}/.default")
    );
    let text = format!("{requests:?} {cloud:?}");
    assert!(!text.contains(&secret), "{text}");
    assert!(text.contains("client_secret=[redacted]"), "{text}");
}

#[tokio::test]
async fn lifetime_and_refresh_time_are_what_the_test_says() {
    let cloud = FakeCloud::start().await;
    cloud.entra().set_lifetime(Duration::from_secs(86_400));
    cloud
        .entra()
        .set_refresh_in(Some(Duration::from_secs(43_200)));
    let body = token_call(&cloud, CENTER).send().await.json();
    assert_eq!(
        (body["expires_in"].clone(), body["refresh_in"].clone()),
        (86_400.into(), 43_200.into())
    );
}

#[tokio::test]
async fn a_resource_can_be_missing_or_the_testers_own() {
    let cloud = FakeCloud::start().await;
    cloud.entra().remove_resource(PARTNER);
    assert_eq!(
        token_call(&cloud, PARTNER).send().await.json()["error"],
        "invalid_resource"
    );
    cloud.entra().add_resource("api://contoso-orders");
    assert_eq!(
        token_call(&cloud, "api://contoso-orders")
            .send()
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_minted_token_says_what_the_test_wants() {
    let cloud = FakeCloud::start().await;
    let mint = || cloud.entra().user_token(&Api::PartnerCenter);

    let user = claims(mint().upn("bert@fabrikam.com").mint().secret());
    assert_eq!(
        (user["scp"].clone(), user["upn"].clone()),
        ("user_impersonation".into(), "bert@fabrikam.com".into())
    );
    assert_eq!(user["amr"], Value::from(vec!["pwd", "mfa"]));
    assert!(user.get("idtyp").is_none());

    let other = claims(
        mint()
            .without_mfa()
            .claim("acrs", "[\"c1\"]")
            .mint()
            .secret(),
    );
    assert_eq!(other["amr"], Value::from(vec!["pwd"]));
    assert_eq!(other["acrs"], Value::from(vec!["c1"]));
}

#[tokio::test]
async fn two_clouds_do_not_share_their_secrets() {
    let (one, two) = (FakeCloud::start().await, FakeCloud::start().await);
    assert_ne!(one.client_secret(), two.client_secret());
    assert_eq!(one.client_secret().len(), 40);
}

#[tokio::test]
async fn a_server_stops_with_its_last_handle() {
    let cloud = FakeCloud::start().await;
    let url = format!("{}/common/discovery/keys", cloud.entra().url());
    let entra = cloud.entra().clone();
    drop(cloud);
    assert_eq!(call(reqwest::Method::GET, &url).send().await.status, 200);

    drop(entra);
    for _ in 0..200 {
        if get(&url).attempt().await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the server still answers");
}
