//! Secrets, tokens and claims in what is printed: never, on any path, at any level.

#![cfg(all(feature = "reqwest", feature = "testing"))]
#![allow(clippy::panic, clippy::unwrap_used)] // helpers of tests are tests

mod support;

use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::fmt::{Debug, Write as _};
use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use partner_auth::testing::{Answer, FakeCloud, ScriptedTransport};
use partner_auth::{
    AccessToken, Api, AppOnlyProvider, BearerMiddleware, ClientId, ClientSecret, Cloud,
    CorrelationId, CustomCloud, Error, PartnerAuth, PartnerClient, ReqwestTransport, RetryPolicy,
    Scope, Secret, SecretBytes, TenantId, TokenProvider as _, TokenRequest,
};
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use support::house::{http, transport};
use support::raw::{Raw, answer, token_answer};

/// With characters that are written otherwise in a URL.
const SECRET: &str = "Kq7~Vn3S+8f/3kQ=9zX&wLpR2mT%7vB-uD5yN1xW4h";
const TOKEN: &str = "eyZ8xqT1vLb3Hn.Wq5uRk2MzJ7aYc9Pe4Gd6Sf0.oXi1NtB8rVw3KjQh5LmUy7Zp";
const CLAIM: &str = "Jx4bQ9-55e1c0de77aa-f00dfeed-Vt2Lm8";

fn claims() -> String {
    json!({ "access_token": { "acrs": { "essential": true, "value": CLAIM } } }).to_string()
}

fn url_encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// All that must not be seen: the canaries in all their forms, in pieces of eight characters, so that
/// any sixteen in a row hold one.
fn fragments() -> &'static BTreeSet<String> {
    static FRAGMENTS: OnceLock<BTreeSet<String>> = OnceLock::new();
    FRAGMENTS.get_or_init(|| {
        let mut fragments = BTreeSet::new();
        for canary in [SECRET, TOKEN, CLAIM] {
            let encoded = url_encoded(canary);
            let mut forms = vec![canary.to_owned(), encoded.to_ascii_lowercase(), encoded];
            // Base64 depends on what stands before: of three offsets one fits.
            for offset in 0..3 {
                let shifted = &canary[offset..];
                forms.extend([STANDARD.encode(shifted), URL_SAFE.encode(shifted)]);
            }
            for form in forms {
                let pieces = form.as_bytes().chunks_exact(8);
                fragments.extend(pieces.map(|piece| String::from_utf8_lossy(piece).into_owned()));
            }
            let bytes: Vec<String> = canary.bytes().map(|byte| byte.to_string()).collect();
            fragments.extend(bytes.chunks_exact(8).map(|piece| piece.join(", ")));
        }
        fragments
    })
}

fn found(text: &str) -> Option<&'static String> {
    fragments()
        .iter()
        .find(|fragment| text.contains(&***fragment))
}

#[track_caller]
fn assert_clean(what: &str, text: &str) {
    if let Some(fragment) = found(text) {
        let (before, after) = text.split_once(&**fragment).unwrap_or_default();
        let before = before.rsplit('\n').next().unwrap_or_default();
        let after = after.split('\n').next().unwrap_or_default();
        panic!("{what} shows {fragment:?}: {before}{fragment}{after}");
    }
}

/// Looks at what was said since the last look, by whichever test.
#[track_caller]
fn assert_log_clean() {
    static SEEN: Mutex<usize> = Mutex::new(0);
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let new = seen.saturating_sub(1_000); // nothing is cut in two
    *seen = heard.len();
    assert_clean("the log", &String::from_utf8_lossy(&heard[new..]));
}

#[track_caller]
fn assert_debug_clean(what: &str, value: &dyn Debug) {
    assert_clean(what, &format!("{value:?}"));
    assert_clean(what, &format!("{value:#?}"));
}

/// Looks at an error, at all that caused it, and at all it says of itself.
#[track_caller]
fn assert_error_clean(what: &str, error: &(dyn StdError + 'static)) {
    let mut text = String::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        write!(text, "{error}\n{error:?}\n{error:#?}\n").unwrap();
        if let Some(own) = error.downcast_ref::<Error>() {
            let (trace, correlation) = (own.trace_id(), own.correlation_id());
            write!(
                text,
                "{:?} {:?} {trace:?} {correlation:?}",
                own.diagnosis(),
                own.api_error()
            )
            .unwrap();
            write!(text, "{:?} {:?}", own.oauth_error(), own.suberror()).unwrap();
        }
        cause = error.source();
    }
    assert_clean(what, &text);
}

/// What all crates of the process have said, at all levels.
static HEARD: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Ears;

impl io::Write for Ears {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        HEARD
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl log::Log for Ears {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let _ = io::Write::write_fmt(
            &mut Ears,
            format_args!("{}: {}\n", record.target(), record.args()),
        );
    }

    fn flush(&self) {}
}

/// Opens the ears, once for all tests of this file.
fn listen() {
    static OPENED: OnceLock<()> = OnceLock::new();
    OPENED.get_or_init(|| {
        log::set_logger(&Ears).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(|| Ears)
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

fn heard() -> String {
    let heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&heard).into_owned()
}

fn provider(authority: &str) -> AppOnlyProvider {
    listen();
    PartnerAuth::builder()
        .tenant("contoso.onmicrosoft.com".parse().unwrap())
        .client("00001111-aaaa-2222-bbbb-3333cccc4444".parse().unwrap())
        .client_secret(SECRET.parse().unwrap())
        .cloud(cloud(authority, authority))
        .transport(transport())
        .retry(RetryPolicy::never())
        .app_only()
}

fn cloud(authority: &str, base: &str) -> Cloud {
    let cloud = CustomCloud::new(authority).unwrap();
    let cloud = cloud.with_api(&Api::PartnerCenter, base).unwrap();
    Cloud::Custom(cloud.with_api(&Api::PartnerApi, base).unwrap())
}

/// A client whose token is the canary, of an API that answers as told.
fn client(api: &Raw) -> PartnerClient {
    listen();
    let entra = ScriptedTransport::new()
        .answer(Answer::token(TOKEN, 3_599))
        .repeat_last();
    let provider = PartnerAuth::builder()
        .tenant("contoso.onmicrosoft.com".parse().unwrap())
        .client("00001111-aaaa-2222-bbbb-3333cccc4444".parse().unwrap())
        .client_secret(SECRET.parse().unwrap())
        .cloud(cloud("https://login.contoso.example", &api.url()))
        .transport(entra)
        .app_only();
    let client = PartnerClient::builder(Api::PartnerCenter, provider).unwrap();
    client.http_client(http()).build().unwrap()
}

#[test]
fn the_detector_finds_each_form_of_a_canary() {
    for canary in [SECRET, TOKEN, CLAIM] {
        let middle = &canary[7..30];
        for form in [
            canary.to_owned(),
            middle.to_owned(),
            url_encoded(canary),
            url_encoded(canary).to_ascii_lowercase(),
            STANDARD.encode(canary),
            STANDARD.encode(format!("x{canary}")),
            URL_SAFE.encode(format!("xy:{canary}")),
            format!("{:?}", canary.as_bytes()),
            json!({ "a": canary }).to_string(),
        ] {
            assert!(found(&format!("before {form} after")).is_some(), "{form}");
        }
    }
    assert!(found("eyZ8xq, 55e1c0d and other beginnings").is_none());
}

#[test]
fn the_ears_hear_every_crate_at_every_level() {
    listen();
    tracing::trace!("a trace of tracing");
    log::trace!("a trace of log");
    assert!(heard().contains("a trace of tracing") && heard().contains("a trace of log"));
}

#[tokio::test]
async fn a_fetch_and_a_call_say_nothing_secret() {
    let unknown = answer("401 Unauthorized", "", "");
    let challenge = STANDARD.encode(claims());
    let challenge = format!(
        "www-authenticate: Bearer error=\"insufficient_claims\", claims=\"{challenge}\"\r\n"
    );
    let challenge = answer("401 Unauthorized", &challenge, "");
    let api = Raw::answering(move |line| match line.number {
        1 => line.say(&unknown),
        3 => line.say(&challenge),
        _ => line.say(answer("200 OK", "", "[]")),
    });
    let entra = Raw::answering(|line| {
        // A token each time: the canary, and then others, so that there is something to replay.
        let token = format!("{TOKEN}{}", line.number);
        line.say(token_answer(&token));
    });
    let provider = provider(&entra.url());
    let token = provider
        .token(&TokenRequest::new(Api::PartnerCenter))
        .await
        .unwrap();
    assert!(token.secret().starts_with(TOKEN));

    let custom = Api::custom("api://contoso", &api.url()).unwrap();
    let client = PartnerClient::builder(custom, provider.clone()).unwrap();
    let client = client.http_client(http()).build().unwrap();
    for path in ["v1/a", "v1/b"] {
        let call = client.get(path).query([("sas", TOKEN)]);
        assert_debug_clean("a request", &call);
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_debug_clean("an answer", &answer);
        assert_debug_clean("reqwest's answer", &answer.into_inner().headers());
    }
    let fields = entra.requests().concat();
    assert!(
        fields.contains(&url_encoded(SECRET)) && fields.contains(CLAIM),
        "all has been said to Entra"
    );
    assert_eq!((api.requests().len(), entra.requests().len()), (4, 4));
    for debug in [&provider as &dyn Debug, &client, &token] {
        assert_debug_clean("a value", debug);
    }

    let heard = heard();
    assert!(heard.contains("token issued"), "this crate was heard");
    assert!(
        heard.contains("starting new connection"),
        "the HTTP client was heard"
    );
    assert_log_clean();
}

/// Every place of a token answer that can repeat what was sent.
fn echoes(said: &str) -> Vec<Vec<u8>> {
    let html = "content-type: text/html\r\n";
    let plain = "content-type: text/plain\r\n";
    let refusal = |field: &str| {
        let mut body = json!({ "error": "invalid_client", "error_description": "AADSTS7000215: no", "error_codes": [7_000_215] });
        body[field] = format!("you sent {said} to us").into();
        answer(
            "401 Unauthorized",
            "content-type: application/json\r\n",
            body.to_string(),
        )
    };
    let mut echoes: Vec<Vec<u8>> = [
        "error",
        "error_description",
        "suberror",
        "trace_id",
        "correlation_id",
        "claims",
        "error_uri",
        "timestamp",
    ]
    .into_iter()
    .map(refusal)
    .collect();
    let padded = format!("{} {said}", "x".repeat(980));
    echoes.extend([
        answer("400 Bad Request", html, format!("<html>{said}</html>")),
        answer("502 Bad Gateway", html, format!("<html>{said}</html>")),
        answer("429 Too Many Requests", plain, said),
        answer("200 OK", html, format!("<html>{said}</html>")),
        answer("200 OK", "", format!("{{\"error\":\"{said}\"}}")),
        answer("200 OK", "", format!("\"{said}\"")),
        answer("200 OK", "", json!({ "token_type": said, "expires_in": 1, "access_token": "x" }).to_string()),
        answer("200 OK", "", json!({ "token_type": "Bearer", "expires_in": said, "access_token": "x" }).to_string()),
        answer("200 OK", "", json!({ "token_type": "Bearer", "expires_in": -1, "access_token": said }).to_string()),
        answer("200 OK", "", json!({ "token_type": "Bearer", "expires_in": 1, "access_token": [said] }).to_string()),
        answer("200 OK", "", json!({ "token_type": "Bearer", "expires_in": 1, "access_token": format!("{said}\r\n") }).to_string()),
        answer("200 OK", "", format!(r#"{{"access_token":"{said}","access_token":"{said}"}}"#)),
        answer("200 OK", "", format!(r#"{{"token_type":"Bearer","access_token":"{said}"#)),
        answer("200 OK", "", format!(r#"{{"{said}":1,"{said}":2}}"#)),
        answer("307 Moved", &format!("location: https://contoso.example/{said}?{said}\r\n"), ""),
        answer("307 Moved", &format!("location: /{said}\r\n"), ""),
        answer("400 Bad Request", &format!("content-type: {said}\r\n"), "no"),
        answer("400 Bad Request", &format!("x-ms-request-id: {said}\r\nclient-request-id: {said}\r\n"), "no"),
        answer("200 OK", &format!("x-ms-request-id: {said}\r\nclient-request-id: {said}\r\n"), "no"),
        answer("200 OK", &format!("content-type: {said}\r\n"), "no"),
        answer("429 Too Many Requests", &format!("retry-after: {said}\r\n"), ""),
        answer("400 Bad Request", "", json!({ "error": "invalid_request", "error_description": padded }).to_string()),
        // torn
        format!("HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{{\"access_token\":\"{said}").into_bytes(),
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{said}").into_bytes(),
        format!("HTTP/1.1 {said}\r\n\r\n").into_bytes(),
        format!("HTTP/1.1 200 OK\r\n{said}\r\n\r\n").into_bytes(),
        said.as_bytes().to_vec(),
        Vec::new(),
    ]);
    echoes
}

#[tokio::test]
async fn a_token_endpoint_that_repeats_the_secret_is_not_repeated() {
    for said in [
        SECRET.to_owned(),
        url_encoded(SECRET),
        format!("client_secret={}&x=", url_encoded(SECRET)),
    ] {
        for echo in echoes(&said) {
            let what = String::from_utf8_lossy(&echo).into_owned();
            let entra = Raw::saying(echo);
            let provider = provider(&entra.url());
            let error = provider
                .token(&TokenRequest::new(Api::PartnerCenter))
                .await
                .unwrap_err();
            assert_error_clean(&what, &error);
            assert_debug_clean(&what, &provider);
            // What a caller sees who comes through the client.
            let client = PartnerClient::builder(Api::PartnerCenter, provider).unwrap();
            let client = client.http_client(http()).build().unwrap();
            assert_error_clean(&what, &client.get("v1/x").send().await.unwrap_err());
        }
    }
    assert_log_clean();
}

#[tokio::test]
async fn an_answer_that_holds_a_token_is_not_repeated_when_it_cannot_be_used() {
    for echo in echoes(TOKEN) {
        let what = String::from_utf8_lossy(&echo).into_owned();
        if what.contains("/html") || !what.contains("access_token") {
            continue; // there no token is where tokens are
        }
        let entra = Raw::saying(echo);
        let error = provider(&entra.url())
            .token(&TokenRequest::new(Api::PartnerCenter))
            .await
            .unwrap_err();
        assert_error_clean(&what, &error);
    }
    assert_log_clean();
}

#[tokio::test]
async fn an_api_that_repeats_the_token_is_not_repeated() {
    let html = "content-type: text/html\r\n";
    let said = format!("Authorization: Bearer {TOKEN}");
    for status in [
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "429 Slow",
        "500 Oops",
        "503 Busy",
    ] {
        let bodies = [
            answer(status, "", &said),
            answer(status, html, format!("<html>{said}</html>")),
            answer(status, "", json!({ "code": said, "description": said, "data": [said], "source": said }).to_string()),
            answer(status, "", json!({ "error": { "code": said, "message": said, "target": said, "innerError": { "code": said } } }).to_string()),
            answer(status, "", json!({ "error": said, "error_description": said }).to_string()),
            answer(status, "", json!({ "statusCode": 429, "message": said }).to_string()),
            answer(status, "", json!(said).to_string()),
            answer(status, &format!("ms-requestid: {said}\r\nms-correlationid: {said}\r\nrequest-id: {said}\r\n"), "MFA required"),
            answer(status, &format!("www-authenticate: Bearer error=\"{said}\", claims=\"{TOKEN}\"\r\n"), ""),
            answer(&format!("{status} {said}"), "", ""),
        ];
        for body in bodies {
            let what = String::from_utf8_lossy(&body).into_owned();
            let client = client(&Raw::saying(body));
            let error = match client.get("v1/x").send().await {
                Ok(answer) => answer.json::<Value>().await.unwrap_err(),
                Err(error) => error,
            };
            assert_error_clean(&what, &error);
            let error = client
                .get("v1/x")
                .items::<Value>()
                .next()
                .await
                .unwrap()
                .unwrap_err();
            assert_error_clean(&what, &error);
        }
    }
    assert_log_clean();
}

#[tokio::test]
async fn a_claims_challenge_is_for_the_next_sign_in_and_not_for_a_log() {
    let challenge = STANDARD.encode(claims());
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let header = format!(
            "www-authenticate: Bearer error=\"insufficient_claims\", claims=\"{challenge}\"\r\n"
        );
        let api = Raw::saying(answer(status, &header, ""));
        let entra =
            Raw::answering(|line| line.say(token_answer(&format!("{TOKEN}{}", line.number))));
        let provider = PartnerAuth::builder()
            .tenant("contoso.onmicrosoft.com".parse().unwrap())
            .client("00001111-aaaa-2222-bbbb-3333cccc4444".parse().unwrap())
            .client_secret(SECRET.parse().unwrap())
            .cloud(cloud(&entra.url(), &api.url()))
            .app_only();
        let client = PartnerClient::builder(Api::PartnerCenter, provider).unwrap();
        let client = client.http_client(http()).build().unwrap();
        let error = client.get("v1/x").send().await.unwrap_err();
        assert_eq!(error.claims(), Some(&*claims()), "it is there for who asks");
        assert_error_clean(status, &error);
    }

    let body = json!({ "error": "interaction_required", "claims": claims(), "error_description": "AADSTS50076: MFA" });
    let entra = Raw::saying(answer("400 Bad Request", "", body.to_string()));
    let error = provider(&entra.url())
        .token(&TokenRequest::new(Api::PartnerCenter))
        .await
        .unwrap_err();
    assert_eq!(error.claims(), Some(&*claims()));
    assert_error_clean("interaction_required", &error);
    assert_log_clean();
}

#[tokio::test]
async fn a_failing_connection_names_no_url_and_no_header() {
    let closed = Raw::saying(Vec::new());
    let client = client(&closed);
    let call = client
        .get("v1/x")
        .query([("sas", SECRET)])
        .header("x-key", TOKEN);
    assert_debug_clean("a request", &call);
    assert_error_clean("a dropped connection", &call.send().await.unwrap_err());

    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let provider = provider(&format!("http://{nobody}"));
    let error = provider
        .token(&TokenRequest::new(Api::PartnerCenter))
        .await
        .unwrap_err();
    assert_error_clean("a refused connection", &error);

    let paths = [
        format!("https://x:{TOKEN}@contoso.example/{TOKEN}?{TOKEN}#{TOKEN}"),
        format!("https://contoso.example/{TOKEN}?sas={TOKEN}"),
        format!("http://[::1?{TOKEN}"),
        format!("//{}@contoso.example/", url_encoded(SECRET)),
    ];
    for path in paths {
        let call = client.get(&path);
        assert_debug_clean(&path, &call.header("x-key", &format!("{TOKEN}\0")));
        assert_error_clean(&path, &client.get(&path).send().await.unwrap_err());
    }
    for (name, value) in [
        ("authorization", format!("Bearer {TOKEN}")),
        ("x-key", format!("{TOKEN}\r\n")),
        (&*format!("{TOKEN} "), "x".to_owned()),
        ("host", TOKEN.to_owned()),
    ] {
        let error = client
            .get("v1/x")
            .header(name, &value)
            .send()
            .await
            .unwrap_err();
        assert_error_clean(name, &error);
    }
    let link =
        json!({ "value": [], "nextLink": format!("https://contoso.example/{TOKEN}?{TOKEN}") });
    let api = Raw::saying(answer("200 OK", "", link.to_string()));
    let error = self::client(&api)
        .get("v1/x")
        .items::<Value>()
        .next()
        .await
        .unwrap()
        .unwrap_err();
    assert_error_clean("a link", &error);
    assert_log_clean();
}

#[test]
fn a_setting_in_the_wrong_place_is_not_repeated() {
    let said = [
        SECRET.to_owned(),
        format!(" {SECRET}"),
        format!("\"{SECRET}\""),
        format!("{SECRET}\n"),
        format!("{SECRET}\u{fc}"),
        format!(
            "https://x:{}@contoso.example/?{}",
            url_encoded(SECRET),
            url_encoded(SECRET)
        ),
        format!("http://contoso.example/{}", url_encoded(SECRET)),
        format!("<{SECRET}>"),
    ];
    for text in said {
        let mut errors: Vec<Box<dyn StdError>> = Vec::new();
        errors.extend(text.parse::<TenantId>().err().map(Into::into));
        errors.extend(text.parse::<ClientId>().err().map(Into::into));
        errors.extend(text.parse::<ClientSecret>().err().map(Into::into));
        errors.extend(text.parse::<CorrelationId>().err().map(Into::into));
        errors.extend(text.parse::<Scope>().err().map(Into::into));
        errors.extend(CustomCloud::new(&text).err().map(Into::into));
        errors.extend(Cloud::of_authority(&text).err().map(Into::into));
        errors.extend(Api::custom(&text, &text).err().map(Into::into));
        errors.extend(
            AccessToken::new(&format!("{text} "), SystemTime::UNIX_EPOCH)
                .err()
                .map(Into::into),
        );
        errors.extend(
            TokenRequest::new(Api::Graph)
                .with_claims(&text)
                .err()
                .map(Into::into),
        );
        errors.extend(
            TokenRequest::new(Api::Graph)
                .with_challenge(&text)
                .err()
                .map(Into::into),
        );
        errors.extend(
            ReqwestTransport::builder()
                .proxy(&text)
                .err()
                .map(Into::into),
        );
        errors.extend(
            ReqwestTransport::builder()
                .root_certificates_pem(text.as_bytes())
                .err()
                .map(Into::into),
        );
        for only in [
            "AZURE_TENANT_ID",
            "AZURE_CLIENT_ID",
            "AZURE_CLIENT_SECRET",
            "AZURE_AUTHORITY_HOST",
        ] {
            let from_env = PartnerAuth::from_variables(|name| match name {
                name if name == only => Some(text.clone()),
                "AZURE_TENANT_ID" => Some("contoso.onmicrosoft.com".into()),
                "AZURE_CLIENT_ID" => Some("00001111-aaaa-2222-bbbb-3333cccc4444".into()),
                "AZURE_CLIENT_SECRET" => Some(SECRET.into()),
                _ => None,
            });
            match from_env {
                Ok(builder) => assert_debug_clean("a builder", &builder),
                Err(error) => errors.push(error.into()),
            }
        }
        assert!(errors.len() > 8, "{text:?}: {errors:?}");
        for error in errors {
            assert_error_clean(&text, &*error);
        }
    }
}

#[tokio::test]
async fn no_public_type_shows_what_it_holds() {
    listen();
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    let token = AccessToken::new(TOKEN, later).unwrap();
    let secret: ClientSecret = SECRET.parse().unwrap();
    let request = TokenRequest::new(Api::PartnerCenter)
        .with_claims(&claims())
        .unwrap();
    let challenged = request
        .clone()
        .with_challenge(&claims())
        .unwrap()
        .replacing(&token)
        .force_refresh();
    let transport = ScriptedTransport::new()
        .answer(Answer::token(TOKEN, 3_599))
        .repeat_last();
    let builder = PartnerAuth::builder();
    let debugs = format!("{builder:?}");
    let builder = builder.tenant("contoso.onmicrosoft.com".parse().unwrap());
    let debugs = format!("{debugs}{builder:?}");
    let builder = builder.client("00001111-aaaa-2222-bbbb-3333cccc4444".parse().unwrap());
    let debugs = format!("{debugs}{builder:?}");
    let builder = builder
        .client_secret(secret.clone())
        .transport(transport.clone());
    assert_clean("a builder", &format!("{debugs}{builder:?}{builder:#?}"));
    let provider = builder.app_only();
    assert_eq!(provider.token(&request).await.unwrap().secret(), TOKEN);
    let future = provider.token(&challenged);
    assert_debug_clean("a future", &future);
    future.await.unwrap();

    let bearer = BearerMiddleware::new(Api::PartnerCenter, provider.clone()).unwrap();
    let client_builder = PartnerClient::builder(Api::PartnerCenter, provider.clone())
        .unwrap()
        .http_client(http());
    assert_debug_clean("a client's builder", &client_builder);
    let client = client_builder.build().unwrap();
    let call = client
        .post("v1/x")
        .header("x-key", TOKEN)
        .body(TOKEN)
        .json(&TOKEN)
        .query([("a", TOKEN)]);
    let call = call.token_request(challenged.clone());
    let fake = FakeCloud::start().await;
    #[rustfmt::skip]
    let values: [(&str, &dyn Debug); 15] = [
        ("Secret",             &Secret::new(SECRET)),
        ("SecretBytes",        &SecretBytes::from(SECRET.as_bytes().to_vec())),
        ("ClientSecret",       &secret),
        ("AccessToken",        &token),
        ("its header",         token.authorization()),
        ("TokenRequest",       &request),
        ("a challenge",        &challenged),
        ("AppOnlyProvider",    &provider),
        ("BearerMiddleware",   &bearer),
        ("PartnerClient",      &client),
        ("PartnerRequest",     &call),
        ("ScriptedTransport",  &transport),
        ("its requests",       &transport.requests()),
        ("a scripted Answer",  &Answer::token(TOKEN, 1)),
        ("ReqwestTransport",   &ReqwestTransport::builder()),
    ];
    for (what, value) in values {
        assert_debug_clean(what, value);
    }
    let items = call.items::<Value>();
    assert_debug_clean("Items", &items);
    let own = fake.client_secret();
    assert!(!format!("{fake:?}{:?}", fake.entra().requests()).contains(&own));
    assert_log_clean();
}
