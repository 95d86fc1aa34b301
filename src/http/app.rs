//! The application as one async function, over Rocket's in-process client.
//!
//! The door and the command line both end here, so a request is decided by the same routes whichever way it came.

use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::{Body, Frame, SizeHint};
use rocket::http::uri::Origin;
use rocket::http::{Header, Method};
use rocket::local::asynchronous::{Client, LocalRequest, LocalResponse};
use rocket::tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::Site;
use super::gate::forward::Gate;
use super::head::Head;
use super::hosts::Hosts;
use super::problem::Problem;
use super::quick::{self, Answered};
use super::reply::Reply;
use crate::service::Service;

/// Bodies of a known size up to this leave in one frame; the rest are streamed.
const WHOLE_BYTES: usize = 64 * 1024;

/// Where proxies say whom they heard from.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// What makes it safe to send a request again.
const ONCE: &str = "idempotency-key";

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A TCP connection from this address.
    Net(SocketAddr),
    /// A Unix socket, or the command line in-process.
    Local,
}

/// One request, its body already whole and within the limit.
pub struct Call {
    /// The method, which Rocket may not know.
    pub method: http::Method,
    /// Origin-form `path?query`, as it was sent.
    pub target: String,
    /// Every header, repeated ones included.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
    /// Where it came from.
    pub peer: Peer,
}

/// One reply.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers; the framing ones are the transport's, but for the length of a body that HEAD leaves out.
    pub headers: HeaderMap,
    /// Its body.
    pub body: AnswerBody,
}

impl Answer {
    /// A problem document with its media type.
    pub fn problem(problem: &Problem) -> Self {
        Self::from_reply(Reply::problem(problem))
    }

    pub(super) fn from_reply(reply: Reply) -> Self {
        Whole::from_reply(reply).into()
    }

    fn broken() -> Self {
        Whole::broken().into()
    }
}

/// A reply that is all there and not looked into any more: its lines in the order in which they are sent.
pub struct Whole {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, without those that frame it.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Whole {
    pub(super) fn from_reply(reply: Reply) -> Self {
        let status = StatusCode::from_u16(reply.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = reply.head().filter_map(|(name, value)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
        });
        let mut headers = headers.collect();
        super::headers::complete_lines(&mut headers);
        Self { status, headers, body: reply.into_body() }
    }

    fn broken() -> Self {
        let detail = "the server failed; nothing is known about the request";
        Self::from_reply(Reply::problem(&Problem::new(500, "internal", detail)))
    }
}

impl From<Whole> for Answer {
    fn from(Whole { status, headers, body }: Whole) -> Self {
        let mut map = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers {
            map.append(name, value);
        }
        Self { status, headers: map, body: body.into() }
    }
}

/// The body of an [`Answer`]: whole when small and of known size, otherwise read from the handler as the
/// client takes it.
pub struct AnswerBody(Source);

enum Source {
    Whole(Bytes),
    Stream(Box<Stream>),
}

struct Stream {
    response: LocalResponse<'static>,
    buffer: BytesMut,
    chunk: usize,
    left: Option<u64>,
    done: bool,
}

impl From<Vec<u8>> for AnswerBody {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Source::Whole(bytes.into()))
    }
}

impl AnswerBody {
    /// Reads what is left of the body.
    pub async fn collect(self) -> io::Result<Vec<u8>> {
        match self.0 {
            Source::Whole(bytes) => Ok(bytes.into()),
            Source::Stream(mut stream) => {
                let mut bytes = Vec::new();
                stream.response.read_to_end(&mut bytes).await?;
                Ok(bytes)
            }
        }
    }
}

impl Stream {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.done {
            return Poll::Ready(None);
        }
        self.buffer.resize(self.chunk, 0);
        let mut room = ReadBuf::new(&mut self.buffer);
        let outcome = ready!(Pin::new(&mut self.response).poll_read(cx, &mut room));
        let filled = room.filled().len();
        if let Err(error) = outcome {
            self.done = true;
            return Poll::Ready(Some(Err(error)));
        }
        if filled == 0 {
            self.done = true;
            return Poll::Ready(None);
        }
        self.left = self.left.map(|left| left.saturating_sub(filled as u64));
        Poll::Ready(Some(Ok(Frame::data(self.buffer.split_to(filled).freeze()))))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.0 {
            Source::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Source::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Source::Stream(stream) => stream.poll_chunk(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::Whole(bytes) => bytes.is_empty(),
            Source::Stream(stream) => stream.done || stream.left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Stream(stream) => stream.left.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

/// Why the application could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the routes do not fit together: {0}")]
pub struct LaunchError(String);

/// The routes, launched and ready to be called.
pub struct App {
    client: Client,
    gate: Option<Arc<Gate>>,
}

impl App {
    /// Launches `rocket` without a listener. The application lives as long as the process, which is what lets
    /// replies stream.
    pub async fn launch(rocket: rocket::Rocket<rocket::Build>) -> Result<&'static Self, LaunchError> {
        let gate = rocket.state().map(Arc::clone);
        let client =
            Client::untracked(rocket).await.map_err(|error| LaunchError(error.kind().to_string()))?;
        Ok(Box::leak(Box::new(Self { client, gate })))
    }

    /// The answer to a request that is the gate's, to be settled; `None` for any other. Its body isn't read.
    pub fn at_gate(&self, head: &Head<'_>, peer: Peer) -> Option<Answered> {
        let gate = self.gate.as_ref()?;
        caught(|| gate.answer(head, peer))
    }

    /// The answer to one of the questions of jeton's own API that need no route, to be settled; `None` for any other.
    pub fn at_once(&self, head: &Head<'_>, body: &[u8], peer: Peer) -> Option<Answered> {
        let site = self.client.rocket().state::<Site>()?;
        caught(|| quick::answer(site, head, body, peer))
    }

    /// The answer, once what hangs on it is done: the first use of a token that waited for it is written down.
    pub async fn settle(&self, Answered { answer, first_uses }: Answered) -> Whole {
        if let Some(site) = self.client.rocket().state::<Site>().filter(|_| !first_uses.is_empty()) {
            for first in first_uses {
                site.service.commit_rotation(Some(first)).await;
            }
        }
        answer
    }

    /// How often this thread has read the store: what was answered meanwhile, if that is the same, cost next to nothing.
    pub fn reads_of_this_thread() -> u64 {
        Service::reads_of_this_thread()
    }

    /// Lets the metrics know how many are connected.
    pub fn count_connections(&self, count: impl Fn() -> usize + Send + Sync + 'static) {
        if let Some(site) = self.client.rocket().state::<Site>() {
            site.connections.counted_by(count);
        }
    }

    /// Answers one call. A panic anywhere in it is an answer of status 500.
    pub async fn call(&'static self, call: Call) -> Answer {
        if !self.is_meant(&call) {
            return Answer::problem(&Hosts::problem());
        }
        let Some(method) = known(&call.method) else { return self.method_not_allowed(&call) };
        let Ok(origin) = Origin::parse_owned(call.target) else {
            return Answer::problem(&Problem::new(
                400,
                "target_malformed",
                "the request target is not a valid URI",
            ));
        };
        let request = fill(self.client.req(method, origin), &call.headers, call.peer);
        let request = if call.body.is_empty() { request } else { request.body(call.body) };
        unwound(Box::pin(answer(request, method))).await.unwrap_or_else(Answer::broken)
    }

    /// Whether jeton is the host that is asked: a Unix socket and the command line reach no other.
    fn is_meant(&self, call: &Call) -> bool {
        match (call.peer, self.client.rocket().state::<Site>()) {
            (Peer::Net(_), Some(site)) => site.hosts.are_meant(&call.headers),
            // Without a site the routes are a test's own.
            (Peer::Local, _) | (_, None) => true,
        }
    }

    /// Rocket has no name for this method: answered as the catcher answers one that a path doesn't take.
    fn method_not_allowed(&self, call: &Call) -> Answer {
        let path = call.target.split('?').next().unwrap_or_default();
        Answer::from_reply(super::catch::said(self.client.rocket(), path))
    }
}

/// What `answer` answers; a panic in it is an answer of status 500.
fn caught(answer: impl FnOnce() -> Option<Answered>) -> Option<Answered> {
    let broken = |_| Some(Answered { answer: Whole::broken(), first_uses: Vec::new() });
    std::panic::catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(broken)
}

/// The method as Rocket knows it. TRACE and CONNECT have no use here and would only read as 404.
fn known(method: &http::Method) -> Option<Method> {
    match *method {
        http::Method::GET => Some(Method::Get),
        http::Method::HEAD => Some(Method::Head),
        http::Method::POST => Some(Method::Post),
        http::Method::PUT => Some(Method::Put),
        http::Method::PATCH => Some(Method::Patch),
        http::Method::DELETE => Some(Method::Delete),
        http::Method::OPTIONS => Some(Method::Options),
        _ => None,
    }
}

fn fill(mut request: LocalRequest<'static>, headers: &HeaderMap, peer: Peer) -> LocalRequest<'static> {
    if let Peer::Net(address) = peer {
        request.set_remote(address);
    }
    for (name, value) in headers {
        if name == FORWARDED_FOR || name == ONCE {
            // Whole even where it isn't text: a client mustn't unsay by a stray byte what a proxy appended to it, nor be
            // answered as if it had sent no key.
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            request.add_header(Header::new(name.as_str().to_owned(), value));
            continue;
        }
        // Rocket's headers are strings; the door has refused credentials that are not.
        let Ok(value) = std::str::from_utf8(value.as_bytes()) else { continue };
        request.add_header(Header::new(name.as_str().to_owned(), value.to_owned()));
    }
    request
}

async fn answer(request: LocalRequest<'static>, method: Method) -> Answer {
    let mut response = request.dispatch().await;
    let Some(mut headers) = carried(&response) else { return Answer::broken() };
    super::headers::complete(&mut headers);
    let status = StatusCode::from_u16(response.status().code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let size = response.body().preset_size();
    if method == Method::Head {
        // A 304 that is said to be empty would say that of what the client has.
        if let Some(size) = size.filter(|_| status != StatusCode::NOT_MODIFIED) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
        }
        return Answer { status, headers, body: AnswerBody::from(Vec::new()) };
    }
    if let Some(size) = size.filter(|size| *size <= WHOLE_BYTES) {
        let mut bytes = Vec::with_capacity(size);
        return match response.read_to_end(&mut bytes).await {
            Ok(_) => Answer { status, headers, body: AnswerBody::from(bytes) },
            Err(_) => Answer::broken(),
        };
    }
    let chunk = response.body().max_chunk_size();
    let left = size.map(|size| size as u64);
    let stream = Stream { response, buffer: BytesMut::new(), chunk, left, done: false };
    Answer { status, headers, body: AnswerBody(Source::Stream(Box::new(stream))) }
}

/// Rocket's headers as `http`'s, without those that frame or keep a connection; none when one isn't a header.
fn carried(response: &LocalResponse<'static>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(8);
    for header in response.headers().iter() {
        let name = HeaderName::from_bytes(header.name().as_str().as_bytes()).ok()?;
        if name == CONTENT_LENGTH || name == TRANSFER_ENCODING || name == CONNECTION {
            continue;
        }
        headers.append(name, HeaderValue::from_bytes(header.value().as_bytes()).ok()?);
    }
    Some(headers)
}

/// Runs `future`, turning a panic into `None`: Rocket catches those of handlers but not of fairings. Boxed, because
/// Rocket's part of a request is large and would otherwise be moved with every future around it.
async fn unwound<F: Future>(mut future: Pin<Box<F>>) -> Option<F::Output> {
    std::future::poll_fn(move |cx| {
        let poll = std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        match poll {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}
