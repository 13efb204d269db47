//! A token endpoint over TLS that answers as it is told: [`Server`].

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A token endpoint on a thread of its own, for as long as the process lives.
pub(crate) struct Server {
    origin: String,
    certificate: String,
    shared: Arc<Shared>,
}

/// What the endpoint answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) latency: Duration,
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u32>,
    pub(crate) body: String,
}

struct Shared {
    answer: Mutex<Answer>,
    asked: AtomicUsize,
}

impl Answer {
    /// Returns a token that lives for an hour.
    pub(crate) fn token() -> Self {
        Self::token_with(r#""expires_in":3600"#)
    }

    /// Returns a token that is valid for 200 seconds more, and due to be renewed: by its
    /// `refresh_in`, or because these are less than 300.
    pub(crate) fn due_token() -> Self {
        Self::token_with(r#""expires_in":200,"refresh_in":1"#)
    }

    /// Returns a refusal.
    pub(crate) fn error(status: u16, error: &str) -> Self {
        Self::with_body(
            status,
            format!(r#"{{"error":"{error}","error_description":"made up","error_codes":[]}}"#),
        )
    }

    pub(crate) fn after(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    fn token_with(life: &str) -> Self {
        let token = "x".repeat(1_500);
        let body = format!(r#"{{"token_type":"Bearer",{life},"access_token":"{token}"}}"#);
        Self::with_body(200, body)
    }

    fn with_body(status: u16, body: String) -> Self {
        Self {
            latency: Duration::ZERO,
            status,
            retry_after: None,
            body,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let Self { status, body, .. } = self;
        let retry_after = self
            .retry_after
            .map_or_else(String::new, |seconds| format!("retry-after: {seconds}\r\n"));
        format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{retry_after}content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

impl Server {
    /// Starts a server with a certificate authority of its own.
    pub(crate) fn start() -> Self {
        let (certificate, acceptor) = tls();
        let shared = Arc::new(Shared {
            answer: Mutex::new(Answer::token()),
            asked: AtomicUsize::new(0),
        });
        let (sender, receiver) = mpsc::channel();
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                    .await
                    .expect("a port");
                let address = listener.local_addr().expect("an address");
                sender.send(address).expect("the starter waits");
                loop {
                    let (stream, _) = listener.accept().await.expect("a connection");
                    let (acceptor, shared) = (acceptor.clone(), Arc::clone(&served));
                    tokio::spawn(async move { shared.serve(stream, acceptor).await });
                }
            });
        });
        let address = receiver.recv().expect("the server starts");
        Self {
            origin: format!("https://{address}"),
            certificate,
            shared,
        }
    }

    /// Returns the origin to ask.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the root certificate as PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Sets what is answered from now on, and forgets how many requests came before.
    pub(crate) fn answer(&self, answer: Answer) {
        *self
            .shared
            .answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = answer;
        self.shared.asked.store(0, Ordering::SeqCst);
    }

    /// Returns how many requests have come since.
    pub(crate) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }
}

impl Shared {
    async fn serve(&self, stream: TcpStream, acceptor: TlsAcceptor) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut stream = acceptor.accept(stream).await?;
        let mut bytes = Vec::new();
        loop {
            let request_length = loop {
                match length_of_request(&bytes) {
                    Some(length) if length <= bytes.len() => break length,
                    _ if stream.read_buf(&mut bytes).await? == 0 => return Ok(()),
                    _ => {}
                }
            };
            bytes.drain(..request_length);

            self.asked.fetch_add(1, Ordering::SeqCst);
            let answer = self
                .answer
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            tokio::time::sleep(answer.latency).await;
            stream.write_all(&answer.to_bytes()).await?;
            stream.flush().await?;
        }
    }
}

/// Returns how long the request is, once its head is there.
fn length_of_request(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|length| length.trim().parse().ok());
    Some(end + length.unwrap_or(0))
}

/// Returns a root certificate as PEM, and what a server with a certificate of it needs.
fn tls() -> (String, TlsAcceptor) {
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate().expect("a key");
    let root_pem = root.self_signed(&root_key).expect("a certificate").pem();
    let issuer = Issuer::new(root, root_key);

    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new([Ipv4Addr::LOCALHOST.to_string()])
        .and_then(|params| params.signed_by(&key, &issuer))
        .expect("a certificate");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .expect("key and certificate match");
    (root_pem, TlsAcceptor::from(Arc::new(config)))
}
