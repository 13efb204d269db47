//! An HTTP server that costs next to nothing: one thread a connection, one fixed answer.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Starts the server and returns its origin. It lives as long as the process.
pub(crate) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    format!("http://{address}")
}

fn serve(mut stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut buffer = vec![0; 16 * 1_024];
    let mut filled = 0;
    loop {
        let read = stream
            .read(&mut buffer[filled..])
            .ok()
            .filter(|&read| read > 0)?;
        filled += read;
        // One `GET` at a time, without a body: its head is all there is.
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            stream.write_all(ANSWER).ok()?;
            filled = 0;
        }
    }
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 31\r\n\r\n{\"totalCount\":0,\"items\":[    ]}";
