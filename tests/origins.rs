//! Where tokens and secrets go: to their own server, over TLS, and nowhere else.

#![cfg(all(feature = "reqwest", feature = "testing"))]
#![allow(clippy::panic, clippy::unwrap_used)] // helpers of tests are tests

mod support;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::{Extensions, HeaderValue};
use partner_auth::{
    AccessToken, Api, AppOnlyProvider, Cloud, ConfigError, CustomCloud, Error, ErrorKind, Flaw,
    PartnerAuth, PartnerClient, ReqwestTransport, ReqwestTransportBuilder, RetryPolicy,
    SecretBytes, TokenProvider as _, TokenRequest, Transport as _, TransportErrorKind,
};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use support::house::{Fixed, http};
use support::raw::{Raw, answer, token_answer};

const TOKEN: &str = "canary.of.the.token";
const SECRET: &str = "Canary-of-the.client_secret-0123456789ab";

fn token() -> AccessToken {
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    AccessToken::new(TOKEN, later).unwrap()
}

/// Returns a provider of the canary whose Partner Center is at `base`.
fn fixed(base: &str) -> Fixed {
    let cloud = CustomCloud::new("http://127.0.0.1:9").unwrap();
    Fixed::new(
        token(),
        Cloud::Custom(cloud.with_api(&Api::PartnerCenter, base).unwrap()),
    )
}

fn provider(authority: &str, transport: ReqwestTransport) -> AppOnlyProvider {
    PartnerAuth::builder()
        .tenant("contoso.onmicrosoft.com".parse().unwrap())
        .client("00001111-aaaa-2222-bbbb-3333cccc4444".parse().unwrap())
        .client_secret(SECRET.parse().unwrap())
        .cloud(Cloud::Custom(CustomCloud::new(authority).unwrap()))
        .transport(transport)
        .retry(RetryPolicy::never())
        .app_only()
}

async fn fetched(provider: &AppOnlyProvider) -> Result<AccessToken, Error> {
    provider.token(&TokenRequest::new(Api::PartnerCenter)).await
}

/// Sees that nobody came.
fn assert_untouched(trap: &Raw) {
    assert_eq!(
        (trap.connections(), trap.bytes().len()),
        (0, 0),
        "{:?}",
        trap.requests()
    );
}

#[tokio::test]
async fn a_url_of_another_origin_is_refused_before_anything_is_sent() {
    let (api, trap) = (Raw::trap(), Raw::trap());
    let fixed = fixed(&api.url());
    let client = PartnerClient::builder(Api::PartnerCenter, fixed.clone()).unwrap();
    let client = client.http_client(http()).build().unwrap();
    let (a, t) = (api.port(), trap.port());
    let urls = [
        // other ports, schemes and names of the same machine
        format!("http://127.0.0.1:{t}/v1/customers"),
        format!("https://127.0.0.1:{a}/v1/customers"),
        "http://127.0.0.1/v1/customers".to_owned(),
        format!("http://localhost:{a}/v1/customers"),
        format!("http://localhost:{t}/v1/customers"),
        format!("http://127.0.0.2:{a}/"),
        format!("http://0.0.0.0:{t}/"),
        format!("http://0:{t}/"),
        format!("http://[::1]:{t}/"),
        format!("http://[::ffff:127.0.0.1]:{a}/"),
        format!("http://[::ffff:127.0.0.1]:{t}/"),
        // the trap, written otherwise
        format!("http://127.1:{t}/"),
        format!("http://2130706433:{t}/"),
        format!("http://0x7f000001:{t}/"),
        format!("http://0177.0.0.1:{t}/"),
        format!("http://%31%32%37.0.0.1:{t}/"),
        format!("http://１２７.0.0.1:{t}/"),
        format!("http://127。0。0。1:{t}/"),
        format!("http://127.0.0.1.:{t}/"),
        format!("HTTP://127.0.0.1:{t}/"),
        // users
        format!("http://x@127.0.0.1:{a}/"),
        format!("http://x:y@127.0.0.1:{a}/"),
        format!("http://:y@127.0.0.1:{a}/"),
        format!("http://127.0.0.1:{a}@127.0.0.1:{t}/"),
        format!("http://127.0.0.1:{a}%2f@127.0.0.1:{t}/"),
        format!("http://127.0.0.1:{a}%40127.0.0.1:{t}@127.0.0.1:{t}/"),
        format!("//127.0.0.1:{a}@127.0.0.1:{t}/"),
        // hosts that begin or end like it
        format!("http://127.0.0.1.contoso.example:{a}/"),
        format!("http://sub.127.0.0.1.contoso.example:{a}/"),
        format!("http://contoso.example/127.0.0.1:{a}/"),
        format!("http://contoso.example?127.0.0.1:{a}/"),
        format!("http://contoso.example#@127.0.0.1:{a}/"),
        // slashes that lean
        format!("//127.0.0.1:{t}/v1/customers"),
        format!("///127.0.0.1:{t}/v1/customers"),
        format!("/////127.0.0.1:{t}/v1/customers"),
        format!("\\\\127.0.0.1:{t}\\v1\\customers"),
        format!("\\/127.0.0.1:{t}/"),
        format!("http:\\\\127.0.0.1:{t}\\v1"),
        format!("http://127.0.0.1:{t}\\@127.0.0.1:{a}/"),
        // what a parser strips
        format!("\thttp://127.0.0.1:{t}/"),
        format!("  http://127.0.0.1:{t}/"),
        format!("ht\ntp://127.0.0.1:{t}/"),
        format!("\t//127.0.0.1:{t}/"),
        format!("\r\n\\\\127.0.0.1:{t}/"),
        // other schemes
        format!("ws://127.0.0.1:{a}/"),
        format!("ftp://127.0.0.1:{t}/"),
        "file:///etc/passwd".to_owned(),
        "javascript:alert(1)".to_owned(),
        "data:text/plain,x".to_owned(),
        format!("blob:http://127.0.0.1:{a}/x"),
        "http://".to_owned(),
        "http://:80/".to_owned(),
    ];
    for url in urls {
        for (call, is_walk) in [
            (client.get(&url), false),
            (client.post(&url).body(TOKEN), false),
            (client.get(&url), true),
        ] {
            let error = match is_walk {
                false => call.send().await.err(),
                true => call
                    .items::<serde_json::Value>()
                    .next()
                    .await
                    .and_then(Result::err),
            };
            let error = error.unwrap_or_else(|| panic!("{url:?} was called"));
            assert!(
                matches!(error.kind(), ErrorKind::OriginRefused | ErrorKind::Config),
                "{url:?}: {error}"
            );
        }
    }
    assert_untouched(&trap);
    assert_untouched(&api);
    assert_eq!(fixed.asked(), 0, "not even a token is asked for");
}

#[tokio::test]
async fn a_path_stays_with_the_api_whatever_is_in_it() {
    let (api, trap) = (Raw::trap(), Raw::trap());
    let fixed = fixed(&api.url());
    let client = PartnerClient::builder(Api::PartnerCenter, fixed).unwrap();
    let client = client.http_client(http()).build().unwrap();
    let (a, t) = (api.port(), trap.port());
    let paths = [
        "../../../../v1/customers".to_owned(),
        "v1/../..//../customers".to_owned(),
        "%2e%2e/%2E%2E/v1".to_owned(),
        format!("@127.0.0.1:{t}/"),
        format!("v1@127.0.0.1:{t}/"),
        format!("%40127.0.0.1:{t}/"),
        format!(":{t}/v1"),
        format!("./:{t}/v1"),
        format!("/.//127.0.0.1:{t}/"),
        format!(".//127.0.0.1:{t}/"),
        format!("v1/..//127.0.0.1:{t}/"),
        format!("/%5c127.0.0.1:{t}/"),
        format!("/\\127.0.0.1:{t}/"),
        format!("/\t/127.0.0.1:{t}/"),
        format!("%2f%2f127.0.0.1:{t}/"),
        format!("?next=http://127.0.0.1:{t}/"),
        format!("#http://127.0.0.1:{t}/"),
        format!("v1/customers?x=//127.0.0.1:{t}/"),
        format!("v1/http://127.0.0.1:{t}/"),
        "v1/a b\u{e9}\u{202e}".to_owned(),
        String::new(),
        // its own origin, written otherwise
        format!("http://127.0.0.1:{a}/v1"),
        format!("HTTP://127.0.0.1:{a}/v1"),
        format!("http://127.1:{a}/v1"),
        format!("http://2130706433:{a}/v1"),
        format!("http://%31%32%37.0.0.1:{a}/v1"),
        format!("http://127.0.0.1:{a}\\@127.0.0.1:{t}/"),
        format!("http://127.0.0.1:{a}#@127.0.0.1:{t}/"),
    ];
    for (place, path) in paths.iter().enumerate() {
        match client.get(path).send().await {
            Ok(answer) => assert_eq!(answer.url().port(), Some(a), "{path:?}"),
            Err(error) => panic!("{path:?}: {error}"),
        }
        let requests = api.requests();
        assert_eq!(requests.len(), place + 1, "{path:?}");
        let request = requests[place].to_ascii_lowercase();
        assert!(request.starts_with("get /"), "{path:?}: {request}");
        assert_eq!(
            request
                .matches(&format!("\r\nhost: 127.0.0.1:{a}\r\n"))
                .count(),
            1,
            "{path:?}: {request}"
        );
        assert_eq!(request.matches("\r\nauthorization: bearer ").count(), 1);
        let line = request.lines().next().unwrap();
        assert!(!line.contains(TOKEN), "no token in a URL");
    }
    assert_untouched(&trap);
}

/// A wall in place of the network, which writes down the host that was meant.
#[derive(Clone, Default)]
struct Wall(Arc<Mutex<Vec<(String, HeaderValue)>>>);

#[async_trait::async_trait]
impl Middleware for Wall {
    async fn handle(
        &self,
        request: Request,
        _: &mut Extensions,
        _: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let origin = request.url().origin().ascii_serialization();
        self.0
            .lock()
            .unwrap()
            .push((origin, request.headers()["authorization"].clone()));
        Ok(http::Response::new("{}").into())
    }
}

#[tokio::test]
async fn the_real_apis_are_known_by_their_exact_origins() {
    for (api, host, other) in [
        (
            Api::PartnerCenter,
            "api.partnercenter.microsoft.com",
            "api.partner.microsoft.com",
        ),
        (
            Api::PartnerApi,
            "api.partner.microsoft.com",
            "api.partnercenter.microsoft.com",
        ),
    ] {
        let wall = Wall::default();
        let client = PartnerClient::builder(api, Fixed::new(token(), Cloud::Public)).unwrap();
        let client = client
            .http_client(http())
            .inner(wall.clone())
            .build()
            .unwrap();
        let refused = [
            format!("http://{host}/"),
            format!("http://{host}:443/"),
            format!("https://{host}:80/"),
            format!("https://{host}:8443/"),
            format!("https://{host}./"),
            format!("https://{host}.contoso.example/"),
            format!("https://x{host}/"),
            format!("https://x.{host}/"),
            format!("https://{host}@contoso.example/"),
            format!("https://contoso.example@{host}/"),
            format!("https://{other}/"),
            format!("https://{other}\\@{host}/"),
            "https://microsoft.com/".to_owned(),
            "https://api.microsoft.com/".to_owned(),
            format!("https://{}/", host.replace("api", "\u{430}pi")),
            format!("https://{}/", host.replace('.', "-")),
            format!("https://{host}%2econtoso.example/"),
            format!("https://{host}%00/"),
            format!("https://{host}\u{200b}.contoso.example/"),
        ];
        for url in refused {
            let error = client.get(&url).send().await.expect_err(&url);
            assert!(
                matches!(error.kind(), ErrorKind::OriginRefused | ErrorKind::Config),
                "{url}: {error}"
            );
        }
        assert_eq!(wall.0.lock().unwrap().len(), 0);

        let allowed = [
            format!("https://{host}/x"),
            format!("https://{host}:443/x"),
            format!("HTTPS://{}/x", host.to_ascii_uppercase()),
            format!("https:\\\\{host}\\x"),
            format!("https://%61pi{}/x", &host[3..]),
            format!("https://\u{ff41}pi{}/x", &host[3..]),
            format!("https://a\u{200b}pi{}/x", &host[3..]), // a zero-width space is nothing in a host
            format!("//{host}/x"),
            "x".to_owned(),
        ];
        let count = allowed.len();
        for url in allowed {
            client
                .get(&url)
                .send()
                .await
                .unwrap_or_else(|error| panic!("{url}: {error}"));
        }
        let seen = wall.0.lock().unwrap().clone();
        assert_eq!(seen.len(), count);
        let expected = format!("https://{host}");
        assert!(
            seen.iter()
                .all(|(origin, value)| *origin == expected && value.is_sensitive())
        );
    }
}

#[tokio::test]
async fn a_redirect_of_the_api_is_not_followed() {
    let trap = Raw::trap();
    let host = format!("127.0.0.1:{}", trap.port());
    for status in [301, 302, 303, 307, 308] {
        let targets = [
            format!("http://{host}/v1"),
            format!("http://localhost:{}/v1", trap.port()),
            format!("http://x:y@{host}/v1"),
            format!("//{host}/v1"),
            format!("https://{host}/v1"),
            "/v1/elsewhere".to_owned(),
        ];
        for target in targets {
            let location = format!("location: {target}\r\n");
            let api = Raw::saying(answer(&format!("{status} Moved"), &location, ""));
            // As it comes, with no client of the caller's.
            let client = PartnerClient::new(Api::PartnerCenter, fixed(&api.url())).unwrap();
            let moved = client.get("v1/customers").send().await.unwrap();
            assert_eq!(
                (
                    moved.status().as_u16(),
                    moved.headers()["location"].to_str().unwrap()
                ),
                (status, &*target)
            );
            let error = client
                .post("v1/customers")
                .body("{}")
                .send()
                .await
                .unwrap()
                .ok()
                .await
                .unwrap_err();
            assert_eq!(
                (error.kind(), error.status()),
                (ErrorKind::Api, Some(status))
            );
            assert_eq!(api.requests().len(), 2, "{status} {target}");
        }
    }
    assert_untouched(&trap);
}

#[tokio::test]
async fn a_redirect_of_the_token_endpoint_takes_no_secret_along() {
    let trap = Raw::trap();
    for status in [301, 302, 303, 307, 308] {
        for target in [
            format!("{}/token", trap.url()),
            format!("//127.0.0.1:{}/", trap.port()),
            "/again".to_owned(),
        ] {
            let entra = Raw::saying(answer(
                &format!("{status} Moved"),
                &format!("location: {target}\r\n"),
                "",
            ));
            let error = fetched(&provider(&entra.url(), ReqwestTransport::default()))
                .await
                .unwrap_err();
            assert_eq!(
                (error.kind(), error.status()),
                (ErrorKind::Malformed, Some(status))
            );
            assert!(error.to_string().contains(&status.to_string()), "{error}");
            assert_eq!(entra.requests().len(), 1);
            let sent = entra.requests().remove(0);
            let (head, body) = sent.split_once("\r\n\r\n").unwrap();
            assert!(
                !head.contains(SECRET) && body.contains(SECRET),
                "in the body, never in the URL"
            );
            assert_eq!(
                head.to_ascii_lowercase().matches("authorization:").count(),
                0
            );
            assert!(!head.to_ascii_lowercase().contains("referer:"));
        }
    }
    assert_untouched(&trap);
}

#[tokio::test]
async fn no_cookie_of_the_token_endpoint_comes_back() {
    let refusal = answer(
        "503 Busy",
        "set-cookie: fpc=1; path=/\r\nretry-after: 0\r\n",
        "",
    );
    let entra = Raw::answering(move |line| match line.number {
        1 => line.say(&refusal),
        _ => line.say(token_answer(TOKEN)),
    });
    let provider = PartnerAuth::builder()
        .tenant("contoso.onmicrosoft.com".parse().unwrap())
        .client("00001111-aaaa-2222-bbbb-3333cccc4444".parse().unwrap())
        .client_secret(SECRET.parse().unwrap())
        .cloud(Cloud::Custom(CustomCloud::new(&entra.url()).unwrap()))
        .app_only();
    assert_eq!(fetched(&provider).await.unwrap().secret(), TOKEN);
    assert_eq!(entra.requests().len(), 2);
    assert!(!entra.requests()[1].to_ascii_lowercase().contains("cookie"));
}

#[tokio::test]
async fn plain_http_is_for_loopback_only() {
    let is_refused = |outcome: Result<(), ConfigError>, url: &str| match outcome {
        Err(ConfigError::Url {
            flaw: Flaw::NotHttps,
            ..
        }) => {}
        other => panic!("{url}: {other:?}"),
    };
    for url in [
        "http://login.microsoftonline.com",
        "http://api.partnercenter.microsoft.com",
        "http://10.0.0.1:8080",
        "http://0.0.0.0:8080",
        "http://[::]:8080",
        "http://169.254.169.254",
        "http://128.0.0.1",
        "http://127.0.0.1.contoso.example",
        "http://localhost.contoso.example",
        "http://[::ffff:10.0.0.1]",
        "ftp://127.0.0.1",
        "ws://127.0.0.1",
    ] {
        is_refused(CustomCloud::new(url).map(drop), url);
        is_refused(Cloud::of_authority(url).map(drop), url);
        is_refused(Api::custom("api://x", url).map(drop), url);
        let cloud = CustomCloud::new("https://login.example.com").unwrap();
        is_refused(cloud.with_api(&Api::PartnerCenter, url).map(drop), url);
        let from_env = PartnerAuth::from_variables(|name| {
            Some(match name {
                "AZURE_TENANT_ID" => "contoso.onmicrosoft.com".into(),
                "AZURE_CLIENT_ID" => "00001111-aaaa-2222-bbbb-3333cccc4444".into(),
                "AZURE_CLIENT_SECRET" => SECRET.into(),
                "AZURE_AUTHORITY_HOST" => url.into(),
                _ => return None,
            })
        });
        assert!(
            matches!(
                from_env,
                Err(ConfigError::Variable {
                    name: "AZURE_AUTHORITY_HOST",
                    ..
                })
            ),
            "{url}"
        );

        // Not even when somebody goes around the builder.
        let request = http::Request::post(format!("{url}/token"))
            .body(SecretBytes::from(SECRET.as_bytes().to_vec()));
        let error = ReqwestTransport::default()
            .send(request.unwrap())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Config, "{url}");
    }
    for url in [
        "http://127.0.0.1:8080",
        "http://127.8.9.1",
        "http://localhost:8080",
        "http://[::1]:8080",
    ] {
        assert!(CustomCloud::new(url).is_ok(), "{url}");
    }
}

#[tokio::test]
async fn a_proxy_sees_no_secret() {
    let proxy =
        Raw::saying("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    let transport = || {
        ReqwestTransport::builder()
            .proxy(&proxy.url())
            .unwrap()
            .build()
            .unwrap()
    };

    let entra = Raw::saying(token_answer(TOKEN));
    assert!(fetched(&provider(&entra.url(), transport())).await.is_ok());
    assert_untouched(&proxy); // plain http stays on this machine

    let error = fetched(&provider("https://login.contoso.example", transport()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert_eq!(proxy.requests().len(), 1);
    let seen = String::from_utf8_lossy(&proxy.bytes()).into_owned();
    assert!(
        seen.starts_with("CONNECT login.contoso.example:443 HTTP/1.1\r\n"),
        "{seen}"
    );
    assert!(
        !seen.contains("Canary") && !seen.contains("oauth2"),
        "{seen}"
    );
}

/// An HTTPS server on loopback with a certificate of the test's.
struct Https {
    port: u16,
    /// What came out of TLS: all that a client said to somebody it trusts.
    said: Arc<Mutex<Vec<u8>>>,
    hellos: Arc<Mutex<usize>>,
}

impl Https {
    fn with(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Self {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (said, hellos) = (
            Arc::<Mutex<Vec<u8>>>::default(),
            Arc::<Mutex<usize>>::default(),
        );
        let (heard, greeted) = (Arc::clone(&said), Arc::clone(&hellos));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                *greeted.lock().unwrap() += 1;
                let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = rustls::StreamOwned::new(connection, stream);
                let mut buffer = [0; 16 * 1_024];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    let mut heard = heard.lock().unwrap();
                    heard.extend_from_slice(&buffer[..count]);
                    let text = String::from_utf8_lossy(&heard);
                    let is_call = text.starts_with("GET") && text.ends_with("\r\n\r\n");
                    if is_call || text.contains("client_secret=") {
                        let _ = stream.write_all(&token_answer(TOKEN));
                        stream.conn.send_close_notify();
                        let _ = stream.flush();
                        break;
                    }
                }
            }
        });
        Self { port, said, hellos }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().unwrap()).into_owned()
    }
}

/// A certificate authority of the test's.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Returns a server with a certificate for `name`, changed as the test wants it.
    fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Https {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Https::with(vec![certificate.der().clone()], &key)
    }

    fn transport(&self) -> ReqwestTransport {
        let transport = ReqwestTransport::builder();
        transport
            .root_certificates_pem(self.pem.as_bytes())
            .unwrap()
            .build()
            .unwrap()
    }

    fn http(&self) -> reqwest::Client {
        let root = reqwest::Certificate::from_pem(self.pem.as_bytes()).unwrap();
        reqwest::Client::builder()
            .tls_certs_only([root])
            .no_proxy()
            .build()
            .unwrap()
    }
}

#[tokio::test]
async fn a_server_that_cannot_prove_itself_hears_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let own = KeyPair::generate().unwrap();
    let self_signed = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .self_signed(&own)
        .unwrap();
    let servers = [
        (
            "self-signed",
            Https::with(vec![self_signed.der().clone()], &own),
        ),
        ("another authority's", stranger.server("localhost", |_| {})),
        ("wrong host", authority.server("contoso.example", |_| {})),
        (
            "parent of the host",
            authority.server("*.localhost", |_| {}),
        ),
        (
            "expired",
            authority.server("localhost", |params| {
                params.not_before = rcgen::date_time_ymd(2020, 1, 1);
                params.not_after = rcgen::date_time_ymd(2021, 1, 1);
            }),
        ),
        (
            "not yet valid",
            authority.server("localhost", |params| {
                params.not_before = rcgen::date_time_ymd(2090, 1, 1);
                params.not_after = rcgen::date_time_ymd(2091, 1, 1);
            }),
        ),
        (
            "for clients only",
            authority.server("localhost", |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
        ),
    ];
    for (what, server) in servers {
        let error = fetched(&provider(&server.url(), authority.transport()))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{what}: {error}");
        assert!(error.is_transient(), "{what}");

        let client = PartnerClient::builder(Api::PartnerCenter, fixed(&server.url())).unwrap();
        let client = client.http_client(authority.http()).build().unwrap();
        let error = client.get("v1/customers").send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{what}: {error}");

        assert!(
            *server.hellos.lock().unwrap() >= 2,
            "{what}: both have tried"
        );
        assert_eq!(server.said(), "", "{what}");
    }
}

#[tokio::test]
async fn a_server_of_an_authority_that_was_added_is_trusted() {
    let authority = Authority::new();
    let server = authority.server("localhost", |_| {});
    assert_eq!(
        fetched(&provider(&server.url(), authority.transport()))
            .await
            .unwrap()
            .secret(),
        TOKEN
    );
    assert!(server.said().contains(&format!("client_secret={SECRET}")));

    let server = authority.server("localhost", |_| {});
    let client = PartnerClient::builder(Api::PartnerCenter, fixed(&server.url())).unwrap();
    let client = client.http_client(authority.http()).build().unwrap();
    assert_eq!(
        client.get("v1/customers").send().await.unwrap().status(),
        200
    );
    assert!(server.said().contains(TOKEN));

    // Without it, the same server hears nothing.
    let server = authority.server("localhost", |_| {});
    let error = fetched(&provider(&server.url(), ReqwestTransport::default()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    let client = PartnerClient::new(Api::PartnerCenter, fixed(&server.url())).unwrap();
    assert_eq!(
        client.get("v1/customers").send().await.unwrap_err().kind(),
        ErrorKind::Network
    );
    assert_eq!(server.said(), "");
}

#[test]
fn root_certificates_that_are_none_are_refused_at_build() {
    for pem in [
        "",
        "no PEM at all",
        "-----BEGIN CERTIFICATE-----\nAAAA\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let outcome = ReqwestTransport::builder()
            .root_certificates_pem(pem.as_bytes())
            .and_then(ReqwestTransportBuilder::build);
        assert!(
            matches!(outcome, Err(ConfigError::HttpClient(_))),
            "{pem:?}"
        );
    }
}
