//! The listener: accepts connections within their limits, serves HTTP/1.1 on them, and at the end lets
//! requests in flight finish. Knows no route.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::header::CONNECTION;
use http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::AbortHandle;

use super::limits::{ConnectionLimits, Pulse, Watched};
use super::refusal::{Refusals, Worded};
use super::rest::Rest;

/// What answers requests. The peer is the other end of the connection, if there is one.
pub trait Answers: Clone + Send + Sync + 'static {
    /// The answer to one.
    fn answer(
        &self,
        request: Request<Body>,
        peer: Option<SocketAddr>,
    ) -> impl Future<Output = Response> + Send;
}

/// Says once and to all that the server ends.
pub type Stop = watch::Receiver<bool>;

/// Waits until the server is to end. A sender that is gone says the same.
pub async fn stopped(stop: &mut Stop) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Connections that the kernel keeps until they are accepted; it may keep fewer (`net.core.somaxconn`). By
/// itself the runtime asks for 128, and who is over that waits a second for the next try, or gives up.
const BACKLOG: u32 = 1_024;

/// Listens on the first usable address of `HOST:PORT`.
///
/// # Errors
/// That of the last address.
pub async fn bind(place: &str) -> io::Result<TcpListener> {
    let mut outcome = Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    for address in tokio::net::lookup_host(place).await? {
        outcome = bind_to(address);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn bind_to(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Connections of a server that has just ended do not keep the port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop`, then takes no new connection and waits for requests in flight, at most the drain
/// time. Answers how many connections were still open then.
///
/// # Panics
/// Never: the semaphore of seats lives as long as the loop.
pub async fn serve(
    listener: TcpListener,
    (front, refusals): (impl Answers, Refusals),
    limits: ConnectionLimits,
    mut stop: Stop,
) -> usize {
    let (limits, refusals) = (Arc::new(limits), Arc::new(refusals));
    let seats = Arc::new(Semaphore::new(limits.connections));
    let mut seated = Seated::default();
    loop {
        // Above the cap new connections wait in the kernel's queue, or the oldest give way.
        let next = async {
            let accepted = if limits.give_way { Some(accept(&listener).await) } else { None };
            if limits.give_way && seats.available_permits() == 0 {
                seated.unseat_one();
            }
            let seat = Arc::clone(&seats).acquire_owned().await.expect("the semaphore is never closed");
            let accepted = match accepted {
                Some(accepted) => accepted,
                None => accept(&listener).await,
            };
            (accepted, seat)
        };
        let ((stream, peer), seat) = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            next = next => next,
        };
        let pulse = Arc::<Pulse>::default();
        let handler = Handler {
            front: front.clone(),
            refusals: Arc::clone(&refusals),
            peer,
            pulse: Arc::clone(&pulse),
        };
        let stream = Worded::new(Watched { stream, pulse: Arc::clone(&pulse) }, Arc::clone(&refusals));
        let task = tokio::spawn(connection(stream, handler, Arc::clone(&limits), stop.clone(), seat));
        if limits.give_way {
            seated.push(pulse, task.abort_handle());
        }
    }
    drop(listener);
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    match tokio::time::timeout(limits.drain_timeout, seats.acquire_many(all)).await {
        Ok(_) => 0,
        Err(_) => limits.connections - seats.available_permits(),
    }
}

/// The connections of a listener where old ones give way, oldest first.
#[derive(Default)]
struct Seated(Vec<(Arc<Pulse>, AbortHandle)>);

impl Seated {
    fn push(&mut self, pulse: Arc<Pulse>, task: AbortHandle) {
        self.0.retain(|(_, task)| !task.is_finished());
        self.0.push((pulse, task));
    }

    /// Ends the oldest without a request under way; where each has one, the oldest.
    fn unseat_one(&mut self) {
        self.0.retain(|(_, task)| !task.is_finished());
        let unused = self.0.iter().position(|(pulse, _)| pulse.is_idle() || pulse.awaits_head());
        if !self.0.is_empty() {
            self.0.remove(unused.unwrap_or(0)).1.abort();
        }
    }
}

/// The next connection. Errors of one connection are the peer's; a lack of file descriptors passes.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are written whole: waiting to gather more only delays them.
                let _ = stream.set_nodelay(true);
                return (stream, peer);
            }
            Err(error) if is_of_peer(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections; raise the limit of open files or lower max-connections");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

fn is_of_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn connection(
    stream: Worded<TcpStream>,
    handler: Handler<impl Answers>,
    limits: Arc<ConnectionLimits>,
    mut stop: Stop,
    seat: OwnedSemaphorePermit,
) {
    let pulse = Arc::clone(&handler.pulse);
    let mut builder = http1::Builder::new();
    // The pulse bounds the head of a request; hyper's own timer would also end quiet connections.
    builder.header_read_timeout(None).max_header_size(limits.header_bytes);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), handler));
    let mut ticks = tokio::time::interval(limits.tick());
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks.reset();
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            done = connection.as_mut() => {
                if let Err(error) = done {
                    tracing::debug!(%error, "a connection broke off");
                }
                break;
            }
            () = stopped(&mut stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            _ = ticks.tick() => {
                if pulse.overdue(&limits) {
                    tracing::debug!("a connection was still for too long");
                    break;
                }
            }
        }
    }
    drop(seat);
}

/// What answers, at one connection.
struct Handler<F> {
    front: F,
    refusals: Arc<Refusals>,
    peer: SocketAddr,
    pulse: Arc<Pulse>,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

impl<F: Answers> Service<Request<Incoming>> for Handler<F> {
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.pulse.busy();
        let refusal = self.refusals.without_host(&request);
        let (front, peer, pulse) = (self.front.clone(), self.peer, Arc::clone(&self.pulse));
        Box::pin(async move {
            let (request, rest) = Rest::of(request);
            let mut response = match refusal {
                Some(refusal) => refusal,
                None => front.answer(request, Some(peer)).await,
            };
            if let Some(rest) = rest
                && !rest.ends().await
            {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                pulse.linger();
            }
            pulse.idle();
            Ok(response)
        })
    }
}
