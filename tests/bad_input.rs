//! What a token endpoint, or something in its place, may answer: each bad answer is one kind of
//! error, and the next good answer works.

#![cfg(all(feature = "reqwest", feature = "testing"))]
#![allow(clippy::panic, clippy::unwrap_used)] // helpers of tests are tests

mod support;

use std::sync::Arc;
use std::time::Duration;

use partner_auth::testing::ManualClock;
use partner_auth::{
    AccessToken, Api, AppOnlyProvider, Cloud, CustomCloud, Error, ErrorKind, PartnerAuth,
    ReqwestTransport, RetryPolicy, TokenProvider as _, TokenRequest,
};

use support::house::transport;
use support::raw::{Line, Raw, answer, pause, token_answer};

const GOOD: &str = "a.good.token";

/// A provider at an endpoint whose first answer is bad and whose others are good.
struct Bench {
    endpoint: Raw,
    clock: ManualClock,
    provider: AppOnlyProvider,
}

impl Bench {
    fn with(first: impl Fn(&mut Line<'_>) + Send + Sync + 'static) -> Self {
        Self::over(transport(), first)
    }

    fn saying(first: impl Into<Vec<u8>>) -> Self {
        let first = first.into();
        Self::with(move |line| line.say(&first))
    }

    fn over(
        transport: Arc<ReqwestTransport>,
        first: impl Fn(&mut Line<'_>) + Send + Sync + 'static,
    ) -> Self {
        let endpoint = Raw::answering(move |line| match line.number {
            1 => first(line),
            _ => line.say(token_answer(GOOD)),
        });
        let clock = ManualClock::new();
        let provider = PartnerAuth::builder()
            .tenant("contoso.onmicrosoft.com".parse().unwrap())
            .client("00001111-aaaa-2222-bbbb-3333cccc4444".parse().unwrap())
            .client_secret("Kx-8Q~0d3pT5vZ1uR6sW9yB2eH4jL7nM8oP0qA5c".parse().unwrap())
            .cloud(Cloud::Custom(CustomCloud::new(&endpoint.url()).unwrap()))
            .transport(transport)
            .retry(RetryPolicy::never())
            .clock(clock.clone())
            .app_only();
        Self {
            endpoint,
            clock,
            provider,
        }
    }

    async fn token(&self) -> Result<AccessToken, Error> {
        self.provider
            .token(&TokenRequest::new(Api::PartnerCenter))
            .await
    }

    /// Returns the error of the bad answer, and sees that it does no lasting harm.
    async fn error(&self) -> Error {
        let error = self.token().await.unwrap_err();
        assert_eq!(self.endpoint.requests().len(), 1, "one attempt: {error}");
        assert_eq!(error.to_string().lines().count(), 2, "{error}");
        // A failure is remembered for a while, at the longest for the hour that any server may ask.
        self.clock.advance(Duration::from_secs(7_200));
        assert_eq!(self.token().await.unwrap().secret(), GOOD, "after {error}");
        assert_eq!(self.endpoint.requests().len(), 2);
        error
    }
}

fn json(body: impl AsRef<[u8]>) -> Vec<u8> {
    answer("200 OK", "content-type: application/json\r\n", body)
}

fn with_members(members: &str) -> Vec<u8> {
    json(format!(
        r#"{{"token_type":"Bearer","access_token":"a.b.c",{members}}}"#
    ))
}

#[tokio::test]
async fn an_answer_that_is_no_token_is_malformed() {
    let deep = format!(
        r#"{{"token_type":"Bearer","expires_in":9,"access_token":{}"#,
        "[".repeat(100_000)
    );
    #[rustfmt::skip]
    let table: [(&str, Vec<u8>); 26] = [
        ("truncated",           json(r#"{"token_type":"Bearer","expires_in":3599,"access_tok"#)),
        ("truncated in text",   json(r#"{"token_type":"Bearer","expires_in":3599,"access_token":"a.b"#)),
        ("empty",               json("")),
        ("no content",          answer("204 No Content", "", "")),
        ("a page",              answer("200 OK", "content-type: text/html\r\n", "<html><h1>Sign in to this network</h1></html>")),
        ("another type",        answer("200 OK", "content-type: image/png\r\n", b"\x89PNG\r\n\x1a\n")),
        ("an array",            json("[]")),
        ("a word",              json("null")),
        ("brackets",            json("[".repeat(100_000))),
        ("deep",                json(deep)),
        ("not UTF-8",           json(b"{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"\xff\xfe\"}")),
        ("UTF-16",              json(b"\xff\xfe{\0\"\0")),
        ("twice",               json(r#"{"token_type":"Bearer","expires_in":9,"access_token":"a","access_token":"b"}"#)),
        ("expires_in twice",    with_members(r#""expires_in":9,"expires_in":99"#)),
        ("no expires_in",       with_members(r#""x":1"#)),
        ("negative",            with_members(r#""expires_in":-1"#)),
        ("negative text",       with_members(r#""expires_in":"-3599""#)),
        ("no number",           with_members(r#""expires_in":"soon""#)),
        ("NaN",                 with_members(r#""expires_in":"NaN""#)),
        ("an object",           with_members(r#""expires_in":{}"#)),
        ("no token",            json(r#"{"token_type":"Bearer","expires_in":3599}"#)),
        ("an empty token",      json(r#"{"token_type":"Bearer","expires_in":3599,"access_token":""}"#)),
        ("a token of lines",    json(r#"{"token_type":"Bearer","expires_in":3599,"access_token":"a\r\nhost: b"}"#)),
        ("no token_type",       json(r#"{"expires_in":3599,"access_token":"a.b.c"}"#)),
        ("another token_type",  json(r#"{"token_type":"mac","expires_in":3599,"access_token":"a.b.c"}"#)),
        ("DPoP unasked",        json(r#"{"token_type":"DPoP","expires_in":3599,"access_token":"a.b.c"}"#)),
    ];
    for (what, first) in table {
        let error = Bench::saying(first).error().await;
        assert_eq!(error.kind(), ErrorKind::Malformed, "{what}: {error}");
        assert!(
            !error.is_transient() && !error.to_string().contains("a.b.c"),
            "{what}: {error}"
        );
    }
}

#[tokio::test]
async fn lifetimes_and_types_are_read_as_servers_write_them() {
    let far = Duration::from_secs(7 * 24 * 3_600);
    let hour = Duration::from_secs(3_599);
    #[rustfmt::skip]
    let table = [
        (r#""expires_in":3599"#,                           hour),
        (r#""expires_in":"3599""#,                         hour),
        (r#""expires_in":3599.75"#,                        hour),
        (r#""expires_in":"3599.75""#,                      hour),
        (r#""expires_in":3.599e3"#,                        hour),
        (r#""expires_in":0"#,                              Duration::ZERO),
        (r#""expires_in":99999999999"#,                    far),
        (r#""expires_in":18446744073709551615"#,           far),
        (r#""expires_in":1e308"#,                          far),
        (r#""expires_in":"9999999999999999999999999999""#, far),
        (r#""expires_on":"1767229199","resource":"x""#,    hour),
        (r#""expires_in":3599,"refresh_in":-5"#,           hour),
        (r#""expires_in":3599,"refresh_in":1e308"#,        hour),
        (r#""expires_in":3599,"unknown":{"a":[1,null]}"#,  hour),
    ];
    for (members, expected) in table {
        let bench = Bench::saying(with_members(members));
        let token = bench
            .token()
            .await
            .unwrap_or_else(|error| panic!("{members}: {error}"));
        let now = partner_auth::Clock::now(&bench.clock).wall();
        assert_eq!(
            token.expires_on().duration_since(now).unwrap(),
            expected,
            "{members}"
        );
        assert_eq!(token.secret(), "a.b.c");
    }

    for kind in ["bearer", "BEARER", "Bearer"] {
        let body = format!(r#"{{"token_type":"{kind}","expires_in":3599,"access_token":"x"}}"#);
        let odd = answer("200 OK", "content-type: text/plain\r\n", body);
        assert_eq!(
            Bench::saying(odd).token().await.unwrap().secret(),
            "x",
            "one byte, wrong content type"
        );
    }
    let long = "x".repeat(65_536);
    assert_eq!(
        Bench::saying(token_answer(&long))
            .token()
            .await
            .unwrap()
            .secret(),
        long
    );
}

#[tokio::test]
async fn a_refusal_in_any_dress_names_the_next_step() {
    let plain = "content-type: text/plain\r\n";
    let html = "content-type: text/html\r\n";
    let page = "<html><body><h1>502 Bad Gateway</h1></body></html>";
    #[rustfmt::skip]
    let table = [
        (answer("429 Too Many Requests", plain, "Too many requests."),        ErrorKind::Unavailable, 429),
        (answer("502 Bad Gateway", html, page),                               ErrorKind::Unavailable, 502),
        (answer("503 Service Unavailable", "", ""),                           ErrorKind::Unavailable, 503),
        (answer("504 Gateway Timeout", html, page),                           ErrorKind::Unavailable, 504),
        (answer("408 Request Timeout", "", ""),                               ErrorKind::Unavailable, 408),
        (answer("403 Forbidden", "", ""),                                     ErrorKind::Rejected,    403),
        (answer("403 Forbidden", html, "<html>blocked</html>"),               ErrorKind::Rejected,    403),
        (answer("401 Unauthorized", "", b"\xff\xfe"),                         ErrorKind::Rejected,    401),
        (answer("400 Bad Request", plain, "{\"error\":"),                     ErrorKind::Rejected,    400),
        (answer("400 Bad Request", "", r#"{"error":"invalid_client","error_codes":[7000215]}"#), ErrorKind::Rejected, 400),
        (answer("400 Bad Request", "", r#"{"error":7,"error_codes":"x","claims":[]}"#),          ErrorKind::Rejected, 400),
        (answer("400 Bad Request", "", r#"{"error":"invalid_grant"}"#),       ErrorKind::Rejected,    400),
        (answer("200 OK", "", r#"{"error":"invalid_client"}"#),               ErrorKind::Rejected,    200),
        (answer("200 OK", "", r#"{"error":"server_error"}"#),                 ErrorKind::Unavailable, 200),
        (answer("404 Not Found", html, page),                                 ErrorKind::Malformed,   404),
        (answer("418 I'm a teapot", "", ""),                                  ErrorKind::Malformed,   418),
        (answer("301 Moved", "location: https://contoso.example/\r\n", ""),   ErrorKind::Malformed,   301),
        (answer("307 Temporary Redirect", "location: /elsewhere\r\n", ""),    ErrorKind::Malformed,   307),
        (answer("308 Permanent Redirect", "", ""),                            ErrorKind::Malformed,   308),
    ];
    for (first, kind, status) in table {
        let text = String::from_utf8_lossy(&first).into_owned();
        let error = Bench::saying(first).error().await;
        assert_eq!(
            (error.kind(), error.status()),
            (kind, Some(status)),
            "{text}: {error}"
        );
        assert_eq!(error.is_transient(), kind == ErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn a_wait_is_read_in_every_form() {
    // The clock shows 2026-01-01 00:00:00.
    #[rustfmt::skip]
    let table = [
        ("7",                             Some(7)),
        ("0",                             Some(0)),
        ("1000000000",                    Some(3_600)),
        ("99999999999999999999999999",    Some(3_600)),
        ("Thu, 01 Jan 2026 00:00:42 GMT", Some(42)),
        ("Thursday, 01-Jan-26 00:00:42 GMT", Some(42)),
        ("Thu, 01 Jan 2099 00:00:00 GMT", Some(3_600)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("-5",                            None),
        ("1.5",                           None),
        ("soon",                          None),
    ];
    for (text, expected) in table {
        let headers = format!("content-type: text/plain\r\nretry-after: {text}\r\n");
        let bench = Bench::saying(answer("429 Too Many Requests", &headers, "slow down"));
        let error = bench.error().await;
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        match expected {
            Some(seconds) => assert_eq!(
                error.retry_after(),
                Some(Duration::from_secs(seconds)),
                "{text}"
            ),
            // The cache has its own idea then; it is short.
            None => assert!(
                error.retry_after().unwrap_or_default() <= Duration::from_secs(30),
                "{text}"
            ),
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_a_network_error() {
    let whole = token_answer("a.b.c");
    let cuts = [0, 1, 20, whole.len() / 2, whole.len() - 1];
    for cut in cuts {
        let part = whole[..cut].to_vec();
        let error = Bench::saying(part).error().await;
        assert_eq!(error.kind(), ErrorKind::Network, "cut after {cut}: {error}");
        assert!(error.is_transient());
    }
    for broken in [
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"tok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot-a-size\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        "HTTP/1.1 999999 what\r\n\r\n",
        "not HTTP at all\r\n\r\n",
        "\0\0\0\0",
    ] {
        let error = Bench::saying(broken).error().await;
        assert_eq!(error.kind(), ErrorKind::Network, "{broken:?}: {error}");
    }
}

#[tokio::test]
async fn an_answer_that_trickles_ends_with_the_timeout() {
    let impatient = || {
        let transport = ReqwestTransport::builder().timeout(Duration::from_millis(60));
        Arc::new(transport.build().unwrap())
    };
    let trickling = Bench::over(impatient(), |line| {
        line.say("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
        while line.push(b" ") {
            pause(Duration::from_millis(5));
        }
    });
    let silent = Bench::over(impatient(), |_| pause(Duration::from_millis(200)));
    for bench in [trickling, silent] {
        assert_eq!(bench.error().await.kind(), ErrorKind::Network);
    }
}

/// Fetches on this thread alone, so that what is counted is what the client allocates.
fn most_memory(bench: &Bench) -> (u64, Error) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut error = None;
    let used = allocation_counter::measure(|| {
        error = Some(runtime.block_on(bench.token()).unwrap_err());
    });
    (used.bytes_max, error.unwrap())
}

#[test]
fn a_huge_answer_costs_no_more_than_the_cap() {
    const OFFERED: usize = 100_000_000;
    let chunk = vec![b'{'; 64 * 1_024];
    let flood = |head: &'static str, frame: bool| {
        let chunk = chunk.clone();
        Bench::with(move |line| {
            let mut offered = 0;
            let mut is_wanted = line.push(head.as_bytes());
            while is_wanted && offered < OFFERED {
                if frame {
                    is_wanted = line.push(format!("{:x}\r\n", chunk.len()).as_bytes());
                }
                is_wanted = is_wanted && line.push(&chunk) && (!frame || line.push(b"\r\n"));
                offered += chunk.len();
            }
        })
    };
    let benches = [
        (
            "announced",
            flood(
                "HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n",
                false,
            ),
        ),
        (
            "not announced",
            flood("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", false),
        ),
        (
            "in chunks",
            flood(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
                true,
            ),
        ),
        (
            "a refusal",
            flood(
                "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n",
                false,
            ),
        ),
    ];
    for (what, bench) in benches {
        let (most, error) = most_memory(&bench);
        assert_eq!(error.kind(), ErrorKind::Malformed, "{what}: {error}");
        assert!(
            error.to_string().contains("larger than 1048576 bytes"),
            "{what}: {error}"
        );
        assert!(most < 8 << 20, "{what}: {most} bytes of memory");
        assert!(
            bench.endpoint.sent() < 24 << 20,
            "{what}: {} bytes were taken",
            bench.endpoint.sent()
        );

        bench.clock.advance(Duration::from_secs(7_200));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        assert_eq!(
            runtime.block_on(bench.token()).unwrap().secret(),
            GOOD,
            "{what}"
        );
    }
}

#[tokio::test]
async fn an_answer_of_the_cap_is_read_and_one_byte_more_is_not() {
    let cap = ReqwestTransport::MAX_ANSWER;
    let token = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"a.b.c"}"#;
    let padded = |size: usize| format!("{token}{}", " ".repeat(size - token.len()));
    let unannounced = |size| {
        format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}",
            padded(size)
        )
        .into_bytes()
    };

    assert!(Bench::saying(json(padded(cap))).token().await.is_ok());
    assert!(Bench::saying(unannounced(cap)).token().await.is_ok());
    for over in [json(padded(cap + 1)), unannounced(cap + 1)] {
        assert_eq!(
            Bench::saying(over).error().await.kind(),
            ErrorKind::Malformed
        );
    }
}

#[tokio::test]
async fn a_compressed_answer_is_not_unpacked() {
    let token = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"unpacked"}"#;
    let headers = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    let bench = Bench::saying(answer("200 OK", headers, gzip_stored(token.as_bytes())));
    assert_eq!(
        bench.error().await.kind(),
        ErrorKind::Malformed,
        "else the token would have been found"
    );
    let asked = bench.endpoint.requests().concat().to_ascii_lowercase();
    assert!(!asked.contains("accept-encoding"), "{asked}");
}

#[test]
fn a_gzip_bomb_does_not_go_off() {
    let bomb = gzip_of_zeros(100_000_000);
    assert!(bomb.len() < ReqwestTransport::MAX_ANSWER);
    let headers = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    let bench = Bench::saying(answer("200 OK", headers, bomb));
    let (most, error) = most_memory(&bench);
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(most < 8 << 20, "{most} bytes of memory");
}

/// A gzip file (RFC 1952) with one block as it is.
fn gzip_stored(text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let mut file = GZIP_HEAD.to_vec();
    file.push(1); // the last block, stored
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(&(!length).to_le_bytes());
    file.extend_from_slice(text);
    let crc = text.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc: u32, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1))
        })
    });
    file.extend_from_slice(&(!crc).to_le_bytes());
    file.extend_from_slice(&u32::from(length).to_le_bytes());
    file
}

/// A gzip file of about `count` zeros, in one block of fixed codes (RFC 1951 §3.2.6): a zero, then
/// "the last one again, 258 times" over and over. Only the sum at its end is missing.
fn gzip_of_zeros(count: usize) -> Vec<u8> {
    let mut file = GZIP_HEAD.to_vec();
    let (mut bits, mut held) = (0_u64, 0);
    let mut put = |file: &mut Vec<u8>, code: u64, width: u32| {
        bits |= code << held;
        held += width;
        while held >= 8 {
            file.push(u8::try_from(bits & 0xff).unwrap());
            bits >>= 8;
            held -= 8;
        }
    };
    put(&mut file, 0b011, 3); // the last block, fixed codes
    put(&mut file, 0b0000_1100, 8); // the literal 0: 00110000, highest bit first
    for _ in 0..count / 258 {
        put(&mut file, 0b1010_0011, 8); // the length 258: 11000101, highest bit first
        put(&mut file, 0, 5); // the distance 1
    }
    put(&mut file, 0, 7 + 8); // the end of the block, and to the next byte
    file
}

const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
