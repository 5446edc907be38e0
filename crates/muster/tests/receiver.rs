//! An application on loopback that takes what webhooks are sent: keeps each message as it came, and answers
//! what a test wants.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the receiver answers from now on.
#[derive(Clone)]
pub enum Says {
    /// This status.
    Status(u16),
    /// This head and body.
    Raw(String),
    /// 200, but not before it is let go.
    Held,
}

/// A message as it came.
#[derive(Clone, Debug)]
pub struct Message {
    pub headers: HeaderMap,
    pub text: String,
    pub json: Value,
}

impl Message {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }
    /// The numbers of its events.
    pub fn numbers(&self) -> Vec<i64> {
        let events = self.json["data"]["events"].as_array().expect("a list");
        events.iter().map(|event| event["number"].as_i64().expect("a number")).collect()
    }
    /// Is it signed with this secret, by the words of the public library? Its time is the test's, not the
    /// machine's, so that it is not looked at.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let time = self.header("webhook-timestamp").parse().expect("seconds");
        let signature = Webhook::new(secret).unwrap().sign(self.id(), time, self.text.as_bytes()).unwrap();
        self.header("webhook-signature").split(' ').any(|one| one == signature)
    }
}

/// A running receiver; ends with the test's runtime.
pub struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    says: Mutex<Says>,
    messages: Mutex<Vec<Message>>,
    arrived: watch::Sender<usize>,
    held: watch::Sender<bool>,
}

impl Receiver {
    /// Answers 200.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let state = Arc::new(State {
            says: Mutex::new(Says::Status(200)),
            messages: Mutex::default(),
            arrived: watch::Sender::new(0),
            held: watch::Sender::new(true),
        });
        let served = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, served.clone()));
            }
        });
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }
    /// From now on it answers this.
    pub fn say(&self, says: Says) {
        *self.state.says.lock() = says;
    }
    /// Holds again those that come from now on, if it says so.
    pub fn hold(&self) {
        self.state.held.send_replace(true);
    }
    /// Lets all go that are held, now and later.
    pub fn let_go(&self) {
        self.state.held.send_replace(false);
    }
    /// All messages so far.
    pub fn messages(&self) -> Vec<Message> {
        self.state.messages.lock().clone()
    }
    /// All messages, once there are so many.
    pub async fn arrived(&self, count: usize) -> Vec<Message> {
        let mut arrived = self.state.arrived.subscribe();
        let wait = arrived.wait_for(|arrived| *arrived >= count);
        let came = tokio::time::timeout(Duration::from_secs(20), wait).await;
        assert!(came.is_ok(), "{} of {count} messages came", self.messages().len());
        self.messages()
    }
    /// All messages, once the events in them are all of these numbers.
    pub async fn all_up_to(&self, number: i64) -> Vec<Message> {
        let mut count = 0;
        loop {
            let all = self.messages();
            if all.iter().any(|message| message.numbers().contains(&number)) {
                return all;
            }
            count = all.len().max(count) + 1;
            self.arrived(count).await;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Message> {
    let (mut bytes, mut part) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        let length = stream.read(&mut part).await.ok().filter(|length| *length > 0)?;
        bytes.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let mut headers = HeaderMap::new();
        for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
            let name = HeaderName::try_from(name.to_ascii_lowercase()).expect("a name");
            headers.insert(name, HeaderValue::from_str(value).expect("a value"));
        }
        let length = headers.get("content-length").and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        if body.len() >= length.unwrap_or(0) {
            let json = serde_json::from_str(body).unwrap_or(Value::Null);
            return Some(Message { headers, text: body.to_owned(), json });
        }
    }
}

async fn answer(mut stream: TcpStream, state: Arc<State>) {
    let Some(message) = read(&mut stream).await else { return };
    let says = state.says.lock().clone();
    state.messages.lock().push(message);
    state.arrived.send_modify(|arrived| *arrived += 1);
    let text = match says {
        Says::Raw(text) => text,
        Says::Status(status) => {
            format!("HTTP/1.1 {status} X\r\ncontent-length: 5\r\nconnection: close\r\n\r\nthere")
        }
        Says::Held => {
            let _ = state.held.subscribe().wait_for(|held| !held).await;
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned()
        }
    };
    let _ = stream.write_all(text.as_bytes()).await;
}
