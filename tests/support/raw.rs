//! A listener on loopback that speaks no more HTTP than a test wants it to.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A listener that writes down every byte before it answers. It stops with the test's process.
#[derive(Clone)]
pub(crate) struct Raw {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    bytes: Vec<u8>,
    requests: Vec<String>,
    sent: usize,
}

/// The other end of one connection, once a whole request has come in.
pub(crate) struct Line<'a> {
    stream: &'a mut TcpStream,
    seen: &'a Mutex<Seen>,
    pub(crate) number: usize,
}

impl Raw {
    /// Returns a listener where nothing should ever arrive. Whoever comes gets a friendly answer,
    /// so that a client that came by mistake says all it has to say.
    pub(crate) fn trap() -> Self {
        Self::answering(|line| {
            line.say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
        })
    }

    /// Returns a server that gives each request to `answer`, and closes the connection after it.
    pub(crate) fn answering(answer: impl Fn(&mut Line<'_>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (shared, answer) = (Arc::clone(&seen), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                lock(&shared).connections += 1;
                let (seen, answer) = (Arc::clone(&shared), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &seen, &*answer));
            }
        });
        Self { address, seen }
    }

    /// Returns a server that says the same to everybody.
    pub(crate) fn saying(text: impl Into<Vec<u8>>) -> Self {
        let text = text.into();
        Self::answering(move |line| line.say(&text))
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the origin, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        lock(&self.seen).connections
    }

    /// Returns all bytes that came in, over all connections.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        lock(&self.seen).bytes.clone()
    }

    /// Returns the requests that came in whole, as text.
    pub(crate) fn requests(&self) -> Vec<String> {
        lock(&self.seen).requests.clone()
    }

    /// Returns how many bytes could be sent before the other end went away.
    pub(crate) fn sent(&self) -> usize {
        lock(&self.seen).sent
    }
}

impl Line<'_> {
    /// Sends bytes, and returns nothing if nobody wants them any more.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.push(bytes.as_ref());
    }

    /// Sends bytes. Returns `false` when the other end is gone.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> bool {
        let sent = self
            .stream
            .write_all(bytes)
            .and_then(|()| self.stream.flush());
        lock(self.seen).sent += if sent.is_ok() { bytes.len() } else { 0 };
        sent.is_ok()
    }
}

fn serve(mut stream: TcpStream, seen: &Mutex<Seen>, answer: &(dyn Fn(&mut Line<'_>) + Sync)) {
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
    let _ = stream.set_write_timeout(Some(Duration::from_secs(10)));
    let mut request = Vec::new();
    let mut buffer = [0; 16 * 1_024];
    while !is_whole(&request) {
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => {
                lock(seen).bytes.extend_from_slice(&buffer[..count]);
                request.extend_from_slice(&buffer[..count]);
            }
            _ => return,
        }
    }
    let number = {
        let mut seen = lock(seen);
        seen.requests
            .push(String::from_utf8_lossy(&request).into_owned());
        seen.requests.len()
    };
    let mut line = Line {
        stream: &mut stream,
        seen,
        number,
    };
    answer(&mut line);
}

fn is_whole(request: &[u8]) -> bool {
    let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| {
        line.strip_prefix("content-length:")?
            .trim()
            .parse::<usize>()
            .ok()
    });
    request.len() >= head + 4 + length.unwrap_or_default()
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns a whole HTTP/1.1 answer that ends the connection.
pub(crate) fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Returns the answer of a token endpoint that gives this token for an hour.
pub(crate) fn token_answer(token: &str) -> Vec<u8> {
    let body = format!(r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"{token}"}}"#);
    answer("200 OK", "content-type: application/json\r\n", body)
}

/// Waits for real: for a server that trickles.
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
