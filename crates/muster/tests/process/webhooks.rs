//! Webhooks of real servers that are killed or stopped between the sending of a message and its
//! acknowledgement.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::watching::{ask, management};
use super::{Server, found_account, on_postgres, on_sqlite, parse};

/// A message as it came.
struct Message {
    headers: HeaderMap,
    body: String,
}

impl Message {
    fn of(request: &str) -> Self {
        let (head, body) = request.split_once("\r\n\r\n").expect("a whole request");
        let pairs = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers = pairs.map(|(name, value)| {
            let name = HeaderName::try_from(name.to_ascii_lowercase()).expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        });
        Self { headers: headers.collect(), body: body.to_owned() }
    }

    fn numbers(&self) -> Vec<i64> {
        let message: Value = serde_json::from_str(&self.body).expect("JSON");
        let events = message["data"]["events"].as_array().expect("a list").clone();
        events.iter().map(|event| event["number"].as_i64().expect("a number")).collect()
    }
}

/// Takes messages, and answers none of them for as long as `holds`.
fn application(holds: &Arc<AtomicBool>) -> (String, Receiver<Message>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("it is bound"));
    let (tell, told) = channel();
    let holds = holds.clone();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let (mut request, mut part) = (Vec::new(), [0; 4_096]);
            // The body ends with the object that it is.
            while !request.ends_with(b"}}") {
                match stream.read(&mut part) {
                    Ok(length) if length > 0 => request.extend_from_slice(&part[..length]),
                    _ => break,
                }
            }
            if holds.load(SeqCst) {
                held.push(stream);
            } else {
                let _ = stream.write_all(b"HTTP/1.1 204 Kept\r\nconnection: close\r\n\r\n");
            }
            if tell.send(Message::of(&String::from_utf8_lossy(&request))).is_err() {
                return;
            }
        }
    });
    (url, told)
}

fn call(server: &Server, token: &str, line: &str, body: &Value) -> Value {
    let body = body.to_string();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nx-api-key: {token}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (status, body) = parse(&server.raw(request.as_bytes()));
    assert!(status < 300, "{line}: {status} {body}");
    body
}

fn add(server: &Server, token: &str, name: &str) {
    let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name});
    call(server, token, "POST /scim/v2/acme/Users", &user);
}

/// Makes a webhook; answers its secret, and the number of the last event before it.
fn webhook(server: &Server, token: &str, url: &str) -> (String, i64) {
    let wish = json!({"identifier": "app", "name": "app", "url": url});
    let made = call(server, token, "POST /ng/api/webhooks", &wish)["data"].clone();
    (made["secret"].as_str().unwrap().to_owned(), made["delivery"]["next"].as_i64().unwrap())
}

#[test]
fn another_replica_goes_on_where_one_stops_or_is_killed() {
    on_postgres(|store| {
        let token = found_account(store);
        let words = [store[0], store[1], "--webhook-allow", "127.0.0.1"];
        let holds = Arc::new(AtomicBool::new(true));
        let (url, told) = application(&holds);
        let next = |secs| told.recv_timeout(Duration::from_secs(secs)).expect("a message comes");
        let is_same = |one: &Message, other: &Message| {
            (&one.headers["webhook-id"], &one.body) == (&other.headers["webhook-id"], &other.body)
        };

        let first = Server::start(&words);
        let (_, before) = webhook(&first, &token, &url);
        add(&first, &token, "ada");
        let message = next(20);
        assert_eq!(message.numbers(), [before + 1]);
        let second = Server::start(&words);
        add(&second, &token, "grace");
        first.signal("TERM");
        // At once, and not when the attempt's time is over, which is 30 seconds.
        assert!(is_same(&message, &next(20)));
        let begun = Instant::now();
        let (code, _, log) = first.wait();
        assert_eq!(code, Some(0), "{log}");

        let third = Server::start(&words);
        second.signal("KILL");
        second.wait();
        holds.store(false, SeqCst);
        assert!(is_same(&message, &next(60)));
        assert!(begun.elapsed() > Duration::from_secs(20), "nobody takes an attempt before its time is over");
        assert_eq!(next(20).numbers(), [before + 2]);
        add(&third, &token, "edsger");
        assert_eq!(next(20).numbers(), [before + 3]);
    });
}

#[test]
fn a_message_of_a_killed_server_comes_again_and_nothing_is_lost() {
    on_sqlite(|store| {
        let token = found_account(store);
        let words =
            [store[0], store[1], "--webhook-allow", "127.0.0.1", "--management-listen", "127.0.0.1:0"];
        let holds = Arc::new(AtomicBool::new(true));
        let (url, told) = application(&holds);
        let next = || told.recv_timeout(Duration::from_secs(20)).expect("a message comes");

        let server = Server::start(&words);
        let (secret, before) = webhook(&server, &token, &url);
        add(&server, &token, "ada");
        let first = next();
        assert_eq!(first.numbers(), [before + 1]);
        // What is written while the message is under way comes after it.
        add(&server, &token, "grace");
        server.signal("KILL");
        server.wait();

        holds.store(false, SeqCst);
        let mut server = Server::start(&words);
        let metrics = management(&mut server);
        let (again, second) = (next(), next());
        assert_eq!((&again.headers["webhook-id"], &again.body), (&first.headers["webhook-id"], &first.body));
        assert_eq!(second.numbers(), [before + 2]);
        add(&server, &token, "edsger");
        let third = next();
        assert_eq!(third.numbers(), [before + 3]);
        for message in [&first, &again, &second, &third] {
            // By the public library, its time included.
            Webhook::new(&secret).unwrap().verify(message.body.as_bytes(), &message.headers).unwrap();
        }
        let since = Instant::now();
        loop {
            let page = ask(&mut server, metrics, "/metrics");
            let told = [
                "webhook_deliveries_total{outcome=\"delivered\"} 3\n",
                "webhook_lagging 0\n",
                "webhook_disabled_total 0\n",
            ];
            if told.iter().all(|line| page.contains(&format!("muster_{line}"))) {
                break;
            }
            assert!(since.elapsed() < Duration::from_secs(20), "{page}");
        }
        // One that is asked to stop does not wait for a receiver that thinks.
        holds.store(true, SeqCst);
        add(&server, &token, "alan");
        next();
        server.signal("TERM");
        let (code, _, log) = server.wait();
        assert_eq!(code, Some(0), "{log}");
        assert!(!log.contains("did not take the last notes"), "{log}");
    });
}
