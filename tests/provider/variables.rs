//! From variables to a provider, and what a provider refuses before anything is sent.

use partner_auth::testing::{Answer, ManualClock, ScriptedTransport};
use partner_auth::{
    Api, Cloud, ConfigError, ErrorKind, Flaw, PartnerAuth, TokenProvider, TokenRequest,
};

use super::support::{CLIENT, SECRET, Scene, TENANT, request};

type Variables<'a> = &'a [(&'a str, &'a str)];

const GOOD: [(&str, &str); 3] = [
    ("AZURE_TENANT_ID", TENANT),
    ("AZURE_CLIENT_ID", CLIENT),
    ("AZURE_CLIENT_SECRET", SECRET),
];

/// Looks up in `changes` first, then in what is good. An empty change is as good as none.
fn builder(
    changes: Variables<'_>,
) -> Result<partner_auth::Builder<partner_auth::WantsAccess>, ConfigError> {
    PartnerAuth::from_variables(|name| {
        let known = changes
            .iter()
            .chain(&GOOD)
            .find(|(known, _)| *known == name);
        known.map(|(_, value)| (*value).to_owned())
    })
}

async fn url_of(changes: Variables<'_>) -> String {
    let endpoint = ScriptedTransport::new().answer(Answer::token("t-1", 3_600));
    let provider = builder(changes)
        .unwrap()
        .transport(endpoint.clone())
        .app_only();
    provider.token(&request()).await.unwrap();
    endpoint.requests()[0].url().to_string()
}

#[tokio::test]
async fn the_variables_of_azure_tools_make_a_provider() {
    #[rustfmt::skip]
    let table = [
        (None,                                           "https://login.microsoftonline.com"),
        (Some(""),                                       "https://login.microsoftonline.com"),
        (Some("https://login.microsoftonline.com/"),     "https://login.microsoftonline.com"),
        (Some("https://login.windows.net"),              "https://login.microsoftonline.com"),
        (Some("https://login.microsoftonline.us/"),      "https://login.microsoftonline.us"),
        (Some("https://login.partner.microsoftonline.cn"), "https://login.partner.microsoftonline.cn"),
        (Some("https://login.chinacloudapi.cn/"),        "https://login.partner.microsoftonline.cn"),
        (Some("login.microsoftonline.us"),               "https://login.microsoftonline.us"),
        (Some("https://login.sovcloud-identity.fr"),     "https://login.sovcloud-identity.fr"),
        (Some("https://login.sovcloud-identity.de/"),    "https://login.sovcloud-identity.de"),
        (Some("https://login.sovcloud-identity.sg"),     "https://login.sovcloud-identity.sg"),
        (Some("http://127.0.0.1:8080"),                  "http://127.0.0.1:8080"),
    ];
    for (authority, origin) in table {
        let changes: Vec<_> = authority
            .map(|value| ("AZURE_AUTHORITY_HOST", value))
            .into_iter()
            .collect();
        // The sovereign clouds have no Partner Center: what is asked for does not matter here.
        let endpoint = ScriptedTransport::new().answer(Answer::token("t-1", 3_600));
        let provider = builder(&changes)
            .unwrap()
            .transport(endpoint.clone())
            .app_only();
        let request = TokenRequest::for_scopes("api://x/.default".parse().unwrap());
        provider.token(&request).await.unwrap();
        let sent = endpoint.requests().remove(0);
        assert_eq!(
            sent.url().as_str(),
            format!("{origin}/{TENANT}/oauth2/v2.0/token"),
            "{authority:?}"
        );
        assert_eq!(sent.form_field("client_id").as_deref(), Some(CLIENT));
        assert_eq!(sent.form_field("client_secret").as_deref(), Some(SECRET));
    }
    assert!(
        url_of(&[("AZURE_TENANT_ID", "Contoso.com")])
            .await
            .contains("/contoso.com/")
    );
}

#[test]
fn a_variable_that_cannot_be_used_is_named_with_what_is_wrong() {
    #[rustfmt::skip]
    let table = [
        ("AZURE_TENANT_ID",     "<tenant-id>",                                  "Tenant", Flaw::Placeholder),
        ("AZURE_TENANT_ID",     "your-tenant-id",                               "Tenant", Flaw::Placeholder),
        ("AZURE_TENANT_ID",     "\"contoso-quoted.com\"",                       "Tenant", Flaw::Quoted),
        ("AZURE_TENANT_ID",     "contoso-spaced.com ",                          "Tenant", Flaw::WhiteSpace),
        ("AZURE_TENANT_ID",     "https://login.microsoftonline.com/contoso-url.com", "Tenant", Flaw::Url),
        ("AZURE_TENANT_ID",     "00000000-0000-0000-0000-000000000000",         "Tenant", Flaw::ZeroGuid),
        ("AZURE_TENANT_ID",     "organizations",                                "Tenant", Flaw::NamesNoTenant),
        ("AZURE_TENANT_ID",     "Contoso Limited Company",                      "Tenant", Flaw::WhiteSpace),
        ("AZURE_TENANT_ID",     "   ",                                          "Tenant", Flaw::Empty),
        ("AZURE_CLIENT_ID",     "my-partner-app",                               "Client", Flaw::NotAGuid),
        ("AZURE_CLIENT_ID",     "'00001111-aaaa-2222-bbbb-3333cccc4444'",       "Client", Flaw::Quoted),
        ("AZURE_CLIENT_ID",     "{client-id-here}",                             "Client", Flaw::Placeholder),
        ("AZURE_CLIENT_SECRET", "<client-secret>",                              "ClientSecret", Flaw::Placeholder),
        ("AZURE_CLIENT_SECRET", "0f9e8d7c-6b5a-4321-8765-4321fedcba98",         "ClientSecret", Flaw::KeyId),
        ("AZURE_CLIENT_SECRET", "\"Kx-8Q~0d3pT5vZ1uR6sW9yB2eH4jL7nM8oP0qA5c\"", "ClientSecret", Flaw::Quoted),
        ("AZURE_CLIENT_SECRET", "Kx-8Q~0d3pT5vZ1uR6sW9yB2eH4jL7nM8oP0qA5c\n",   "ClientSecret", Flaw::WhiteSpace),
        ("AZURE_AUTHORITY_HOST", "http://login.example-plain.com",              "Url", Flaw::NotHttps),
        ("AZURE_AUTHORITY_HOST", "https://login.example-path.com/contoso",      "Url", Flaw::Path),
        ("AZURE_AUTHORITY_HOST", "https://user:pw@login.example-user.com",      "Url", Flaw::UrlParts),
    ];
    for (name, value, expected_kind, expected_flaw) in table {
        let error = builder(&[(name, value)]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(name), "{text}");
        assert!(
            value.trim().is_empty() || !format!("{text} {error:?}").contains(value.trim()),
            "{text}"
        );
        let ConfigError::Variable {
            name: named, error, ..
        } = error
        else {
            panic!("{error}");
        };
        let found = match *error {
            ConfigError::Tenant(flaw) => ("Tenant", flaw),
            ConfigError::Client(flaw) => ("Client", flaw),
            ConfigError::ClientSecret(flaw) => ("ClientSecret", flaw),
            ConfigError::Url { flaw, .. } => ("Url", flaw),
            other => panic!("{other}"),
        };
        assert_eq!((named, found), (name, (expected_kind, expected_flaw)));
    }
}

#[test]
fn a_variable_that_is_missing_or_empty_is_named_with_what_to_set() {
    for (missing, hint) in [
        ("AZURE_TENANT_ID", "directory (tenant) id"),
        ("AZURE_CLIENT_ID", "application (client) id"),
        ("AZURE_CLIENT_SECRET", "the key's value"),
    ] {
        let without = |name: &str| {
            let known = GOOD
                .iter()
                .find(|(known, _)| *known == name && name != missing);
            known.map(|(_, value)| (*value).to_owned())
        };
        let absent = PartnerAuth::from_variables(without).unwrap_err();
        let empty = builder(&[(missing, "")]).unwrap_err();
        assert_eq!(absent, empty);
        assert!(matches!(&absent, ConfigError::MissingVariable { name, .. } if *name == missing));
        let text = absent.to_string();
        assert!(text.contains(missing) && text.contains(hint), "{text}");
    }
}

#[tokio::test]
async fn an_api_that_the_cloud_lacks_is_refused_before_anything_is_sent() {
    #[rustfmt::skip]
    let table = [
        (Cloud::China,              Api::PartnerApi,    "21Vianet"),
        (Cloud::SovereignFrance,    Api::PartnerCenter, "public cloud"),
        (Cloud::SovereignGermany,   Api::PartnerApi,    "public cloud"),
        (Cloud::SovereignSingapore, Api::Graph,         "Api::custom"),
    ];
    for (cloud, api, reason) in table {
        let endpoint = ScriptedTransport::new();
        let scene = Scene::with(ManualClock::new(), &endpoint, |builder| {
            builder.cloud(cloud.clone())
        });
        assert_eq!(scene.provider.cloud(), cloud);
        for _ in 0..3 {
            let error = scene
                .provider
                .token(&TokenRequest::new(api.clone()))
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{cloud} {api}");
            assert!(error.to_string().contains(reason), "{error}");
        }
        scene.provider.invalidate(&TokenRequest::new(api)); // and nothing happens
        assert_eq!(scene.requests(), 0);
    }
}

#[tokio::test]
async fn settings_may_come_at_any_point_of_the_chain() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::token("t", 3_600))
        .repeat_last();
    let first = PartnerAuth::builder()
        .transport(endpoint.clone())
        .cloud(Cloud::UsGovernment)
        .tenant(TENANT.parse().unwrap())
        .client(CLIENT.parse().unwrap())
        .client_secret(SECRET.parse().unwrap())
        .app_only();
    let last = PartnerAuth::builder()
        .tenant(TENANT.parse().unwrap())
        .client(CLIENT.parse().unwrap())
        .client_secret(SECRET.parse().unwrap())
        .transport(endpoint.clone())
        .cloud(Cloud::UsGovernment)
        .app_only();
    first.token(&request()).await.unwrap();
    last.token(&request()).await.unwrap();
    let requests = endpoint.requests();
    assert_eq!(requests[0].url(), requests[1].url());
    assert_eq!(requests[0].body(), requests[1].body());
}

#[test]
fn neither_builder_nor_provider_shows_the_secret() {
    let shown = format!(
        "{:?} {:#?}",
        builder(&[]).unwrap(),
        builder(&[]).unwrap().app_only()
    );
    assert!(
        shown.contains(TENANT) && !shown.contains("0d3pT5vZ1uR6"),
        "{shown}"
    );
}
