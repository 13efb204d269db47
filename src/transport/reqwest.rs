//! The default transport, on [`reqwest`](https://docs.rs/reqwest) with rustls.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use http::{Request, Response};
use url::Url;

use super::{Transport, TransportError, TransportErrorKind, TransportFuture};
use crate::cloud::is_secure;
use crate::error::{ConfigError, Flaw};
use crate::secret::SecretBytes;

/// Sends token requests over HTTPS.
///
/// Made for requests that hold secrets: redirects are never followed, nothing is decompressed, no
/// cookie is kept, no `Referer` is sent, an answer above [`MAX_ANSWER`](Self::MAX_ANSWER) is
/// refused while it arrives, and plain `http` goes to loopback only, past every proxy.
///
/// Share one between providers to share its connections:
///
/// ```
/// # use partner_auth::ReqwestTransport;
/// # use std::sync::Arc;
/// # use std::time::Duration;
/// let transport = ReqwestTransport::builder()
///     .timeout(Duration::from_secs(5))
///     .build()?;
/// let transport = Arc::new(transport); // .transport(transport.clone()) on each builder
/// # Ok::<(), partner_auth::ConfigError>(())
/// ```
#[derive(Default)]
pub struct ReqwestTransport {
    settings: Settings,
    client: OnceLock<reqwest::Client>,
    loopback: OnceLock<reqwest::Client>,
}

impl ReqwestTransport {
    /// The largest answer that is read: 1 MiB, some hundred times a real one.
    pub const MAX_ANSWER: usize = 1 << 20;

    /// Returns a builder with the defaults: 5 seconds to connect, 15 seconds for a whole call, the
    /// platform's root certificates, the environment's proxies.
    pub fn builder() -> ReqwestTransportBuilder {
        ReqwestTransportBuilder {
            settings: Settings::default(),
        }
    }

    /// The client for `url`, made at its first use: a provider that is never asked costs nothing.
    fn client(&self, url: &Url) -> Result<&reqwest::Client, TransportError> {
        let (cell, by_proxy) = match url.scheme() {
            "https" => (&self.client, true),
            _ if is_secure(url) => (&self.loopback, false),
            _ => {
                let text = "a token endpoint must be https (http is for loopback only)";
                return Err(TransportError::new(TransportErrorKind::Config, text));
            }
        };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let client = self.settings.client(by_proxy).map_err(|error| {
            TransportError::new(TransportErrorKind::Config, "the HTTP client cannot be made")
                .caused_by(error)
        })?;
        Ok(cell.get_or_init(|| client))
    }

    async fn send_one(
        &self,
        request: Request<SecretBytes>,
    ) -> Result<Response<SecretBytes>, TransportError> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string()).map_err(|error| {
            TransportError::new(TransportErrorKind::Config, "the token endpoint is no URL")
                .caused_by(error)
        })?;
        let no_answer = format!("no answer from {}", url.host_str().unwrap_or_default());
        let sent = self
            .client(&url)?
            .request(parts.method, url)
            .headers(parts.headers)
            .body(body.into_bytes())
            .send();
        let mut answer = sent.await.map_err(|error| failed(error, &no_answer))?;

        let announced = answer
            .content_length()
            .and_then(|length| usize::try_from(length).ok());
        if announced.is_some_and(|length| length > Self::MAX_ANSWER) {
            return Err(too_large());
        }
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(announced.unwrap_or(4_096)));
        let interrupted = |error| failed(error, "the answer broke off");
        while let Some(chunk) = answer.chunk().await.map_err(interrupted)? {
            if bytes.len() + chunk.len() > Self::MAX_ANSWER {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }

        let mut response = Response::new(SecretBytes::from(std::mem::take(&mut *bytes)));
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

impl Transport for ReqwestTransport {
    fn send(&self, request: Request<SecretBytes>) -> TransportFuture<'_> {
        Box::pin(self.send_one(request))
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport").finish_non_exhaustive()
    }
}

/// Builds a [`ReqwestTransport`].
#[must_use]
pub struct ReqwestTransportBuilder {
    settings: Settings,
}

impl ReqwestTransportBuilder {
    /// Adds root certificates to the platform's own, from a PEM file with one or more.
    ///
    /// # Errors
    ///
    /// [`ConfigError::HttpClient`] when there is no certificate in it.
    pub fn root_certificates_pem(mut self, pem: &[u8]) -> Result<Self, ConfigError> {
        let refuse = |text: &str| ConfigError::HttpClient(format!("the root certificates: {text}"));
        let certificates =
            reqwest::Certificate::from_pem_bundle(pem).map_err(|_| refuse("this is not PEM"))?;
        if certificates.is_empty() {
            return Err(refuse("no certificate in the file"));
        }
        self.settings.roots.extend(certificates);
        Ok(self)
    }

    /// Sends every call through the proxy at `url`, instead of those that the environment names.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Url`] when the text is no URL.
    pub fn proxy(mut self, url: &str) -> Result<Self, ConfigError> {
        let refuse = |_| ConfigError::Url {
            what: "proxy",
            flaw: Flaw::NotAUrl,
        };
        self.settings.proxy = Some(reqwest::Proxy::all(url).map_err(refuse)?);
        Ok(self)
    }

    /// Sets how long a connection may take to come up, TLS included. The default is 5 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// Sets how long one call may take, from the first byte to the last. The default is 15 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Returns the transport.
    ///
    /// # Errors
    ///
    /// [`ConfigError::HttpClient`] when no client can be made from these settings.
    pub fn build(self) -> Result<ReqwestTransport, ConfigError> {
        let client = self.settings.client(true).map_err(|error| {
            let text = error.without_url().to_string();
            ConfigError::HttpClient(text)
        })?;
        Ok(ReqwestTransport {
            settings: self.settings,
            client: OnceLock::from(client),
            loopback: OnceLock::new(),
        })
    }
}

impl fmt::Debug for ReqwestTransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransportBuilder")
            .finish_non_exhaustive()
    }
}

struct Settings {
    roots: Vec<reqwest::Certificate>,
    proxy: Option<reqwest::Proxy>,
    connect_timeout: Duration,
    timeout: Duration,
}

impl Settings {
    fn client(&self, by_proxy: bool) -> Result<reqwest::Client, reqwest::Error> {
        let mut builder = hardened()
            .connect_timeout(self.connect_timeout)
            .timeout(self.timeout);
        for root in &self.roots {
            builder = builder.add_root_certificate(root.clone());
        }
        match (by_proxy, &self.proxy) {
            (false, _) => builder.no_proxy(),
            (true, Some(proxy)) => builder.proxy(proxy.clone()),
            (true, None) => builder,
        }
        .build()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            proxy: None,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
        }
    }
}

/// A client for what holds secrets: nothing is followed, told on, or unpacked.
pub(crate) fn hardened() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("partner-auth/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // Another crate in the tree may have switched the decoders on for everybody. A token answer
        // may be a bomb, and price sheets are archives that call themselves encoded.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
}

fn failed(error: reqwest::Error, text: &str) -> TransportError {
    let kind = if error.is_connect() {
        TransportErrorKind::Connect
    } else if error.is_timeout() {
        TransportErrorKind::Timeout
    } else {
        TransportErrorKind::Interrupted
    };
    let error = error.without_url();
    let mut root: &dyn std::error::Error = &error;
    while let Some(cause) = root.source() {
        root = cause;
    }
    TransportError::new(kind, format!("{text}: {root}")).caused_by(error)
}

fn too_large() -> TransportError {
    let limit = ReqwestTransport::MAX_ANSWER;
    let text = format!("the answer is larger than {limit} bytes, which no token answer is");
    TransportError::new(TransportErrorKind::TooLarge, text)
}
