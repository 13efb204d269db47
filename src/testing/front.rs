//! The door that all bytes of a fake go through.
//!
//! An HTTP server such as wiremock's cannot be made to send half an answer: hyper refuses a
//! `content-length` that the body does not keep (a panic with debug assertions, a connection that
//! hangs without). So clients connect to a plain TCP relay, and the server asks it, in a header that
//! no client ever sees, to break an answer off.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::pin::pin;
use std::thread;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener as AsyncTcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// A TCP relay on loopback, which stops when it is dropped, with all its connections.
#[derive(Debug)]
pub(super) struct Front {
    url: String,
    /// Dropping it ends the thread.
    _running: oneshot::Sender<()>,
}

impl Front {
    /// Opens a door to `server`, on a thread of its own: a test may block the one it runs on.
    pub(super) fn of(server: SocketAddr) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        listener
            .set_nonblocking(true)
            .expect("a listener can be made non-blocking");
        let address = listener.local_addr().expect("a listener has an address");
        let (running, stopped) = oneshot::channel::<()>();

        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .expect("a runtime can be made");
        thread::spawn(move || {
            runtime.block_on(async {
                let listener =
                    AsyncTcpListener::from_std(listener).expect("a listener is a listener");
                tokio::select! {
                    _ = stopped => {}
                    () = accept(listener, server) => {}
                }
            });
        });
        Self {
            url: format!("http://{address}"),
            _running: running,
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

async fn accept(listener: AsyncTcpListener, server: SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(relay(client, server));
        while connections.try_join_next().is_some() {}
    }
}

/// Carries one connection. An error on either side just ends it, as it would without a relay.
async fn relay(client: TcpStream, server: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();

    let up = async {
        let copied = tokio::io::copy(&mut from_client, &mut to_server).await;
        to_server.shutdown().await.and(copied).map(drop)
    };
    let mut down = pin!(down(from_server, to_client));
    tokio::select! {
        ended = &mut down => return ended,
        _ = up => {} // the client has said all; the answer may still be on its way
    }
    down.await
}

/// Carries answers, until the server ends the connection or asks for it to be broken.
async fn down(mut server: OwnedReadHalf, mut client: OwnedWriteHalf) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = server.read(&mut buffer).await?;
        match Mark::in_answer(&buffer[..count]) {
            _ if count == 0 => return client.shutdown().await,
            None => client.write_all(&buffer[..count]).await?,
            Some(mark) => {
                client.write_all(&mark.half()).await?;
                return client.shutdown().await;
            }
        }
    }
}

/// An answer with the header that asks for it to be broken off.
struct Mark<'a> {
    before: &'a [u8],
    value: &'a [u8],
    after: &'a [u8],
}

impl<'a> Mark<'a> {
    /// Finds the header. A server on loopback writes a small answer's head in one piece.
    fn in_answer(bytes: &'a [u8]) -> Option<Self> {
        let name = format!("\r\n{MARK}: ");
        let start = find(bytes, name.as_bytes())?;
        let rest = &bytes[start + name.len()..];
        let end = find(rest, b"\r\n")?;
        Some(Self {
            before: &bytes[..start],
            value: &rest[..end],
            after: &rest[end..],
        })
    }

    /// Returns what the client gets: nothing, or the head and half the body.
    fn half(&self) -> Vec<u8> {
        if self.value == b"dropped" {
            return Vec::new();
        }
        let head = find(self.after, b"\r\n\r\n").map_or(self.after.len(), |end| end + 4);
        let body = self.after.len() - head;
        [self.before, &self.after[..head + body / 2]].concat()
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// The header between a fake and its front.
pub(super) const MARK: &str = "x-partner-auth-fake-breaks-off";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_answer_has_the_whole_head_and_no_mark() {
        let answer =
            format!("HTTP/1.1 200 OK\r\na: b\r\n{MARK}: torn\r\ncontent-length: 4\r\n\r\nbody");
        let half = Mark::in_answer(answer.as_bytes()).unwrap().half();
        assert_eq!(
            half,
            b"HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 4\r\n\r\nbo"
        );

        assert!(Mark::in_answer(b"HTTP/1.1 200 OK\r\n\r\nbody").is_none());
    }
}
