//! Many connections at once.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::watching::{ask, management};
use super::{Server, data_dir, rest};

#[test]
fn hundreds_of_connections_wait_above_the_cap() {
    let (_folder, data) = data_dir();
    let server = Server::start(&["--data-dir", &data, "--max-connections", "1"]);
    let seat = server.connect();
    std::thread::sleep(Duration::from_millis(200));
    let patience = Duration::from_millis(900);
    // Over its bound the kernel drops the first packet of a connection, and the next comes a second later.
    let mut waiting: Vec<_> = (0..300)
        .map(|n| TcpStream::connect_timeout(&server.address, patience).unwrap_or_else(|e| panic!("{n}: {e}")))
        .collect();
    let mut first = waiting.remove(0);
    std::io::Write::write_all(&mut first, b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .expect("the kernel takes it");
    drop(seat);
    first.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
    assert!(rest(&mut first).starts_with("HTTP/1.1 200"));
}

#[test]
fn idle_connections_to_the_second_listener_give_way() {
    let (_folder, data) = data_dir();
    let mut server = Server::start(&["--data-dir", &data, "--management-listen", "127.0.0.1:0"]);
    let at = management(&mut server);
    let connect = || TcpStream::connect(at).expect("the kernel takes it");
    let send = |mut stream: TcpStream, bytes: &[u8]| {
        std::io::Write::write_all(&mut stream, bytes).expect("it is open");
        stream
    };
    // Some say nothing, some have begun, one was answered and stays.
    let mut kept = send(connect(), b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n");
    let _idle: Vec<_> = (0..100).map(|_| connect()).collect();
    let _slow: Vec<_> = (0..100).map(|_| send(connect(), b"GET /livez HTTP/1.1\r\nx-slow: ")).collect();
    let since = Instant::now();
    for path in ["/livez", "/readyz", "/metrics"] {
        assert!(ask(&mut server, at, path).starts_with("HTTP/1.1 200"), "{path}");
    }
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
    kept.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
    assert!(rest(&mut kept).starts_with("HTTP/1.1 200"), "it was answered before it gave way");
}
