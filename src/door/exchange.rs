//! One request and its reply.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::Service;
use tracing::Instrument as _;

use super::screen::{Rejection, screen};
use super::shared::Shared;
use super::{Limits, refusal};
use crate::http::{Answer, AnswerBody, Answered, App, Call, Head, Lines, Peer, RequestId, lines};

/// hyper's service for one connection.
pub(super) struct Exchange {
    pub(super) app: &'static App,
    pub(super) limits: Arc<Limits>,
    pub(super) shared: Arc<Shared>,
    pub(super) peer: Peer,
}

impl Service<Request<Incoming>> for Exchange {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    // Boxed so that a connection at rest holds no room for a request.
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let verdict = self.shared.take_call();
        let (app, limits, shared, peer) =
            (self.app, Arc::clone(&self.limits), Arc::clone(&self.shared), self.peer);
        Box::pin(async move {
            let answer = match verdict {
                Err(rejection) => {
                    let id = RequestId::sent(Lines(&lines(request.headers())));
                    said(Err(rejection), &id.unwrap_or_else(RequestId::make), &limits)
                }
                Ok(()) => admitted(app, request, &limits, peer).await,
            };
            Ok(reply(answer, shared.ends_here()))
        })
    }
}

/// The answer to a request that came in by its `id`, if it has one.
async fn admitted(app: &'static App, request: Request<Incoming>, limits: &Limits, peer: Peer) -> Answer {
    let (head, body) = request.into_parts();
    let (gated, id) = {
        let lines = lines(&head.headers);
        let gated = Head::of(&head, &lines).and_then(|head| at_gate(app, &head, peer));
        (gated, RequestId::sent(Lines(&lines)))
    };
    // Before anything that is refused of jeton's own paths: what stands behind the gate's is another's.
    if let Some(gated) = gated {
        return app.settle(gated).await.into();
    }
    let id = id.unwrap_or_else(RequestId::make);
    let answer = screened(app, head, body, limits, peer).instrument(id.span()).await;
    said(answer, &id, limits)
}

/// The answer to a request that is the gate's, to be settled; `None` for any other. No id is made for it: that would cost
/// each of a proxy's requests, and a proxy that wants one has one.
pub(super) fn at_gate(app: &App, head: &Head<'_>, peer: Peer) -> Option<Answered> {
    let Some(id) = RequestId::sent(head.headers) else { return app.at_gate(head, peer) };
    id.span().in_scope(|| app.at_gate(head, peer)).map(|gated| gated.with(id.line()))
}

/// The answer, or the refusal, with the request's id.
fn said(answer: Result<Answer, Rejection>, id: &RequestId, limits: &Limits) -> Answer {
    let mut answer = answer.unwrap_or_else(|rejection| refusal::answer(rejection, limits));
    let (name, value) = id.line();
    answer.headers.insert(name, value);
    answer
}

async fn screened(
    app: &'static App,
    head: Parts,
    body: Incoming,
    limits: &Limits,
    peer: Peer,
) -> Result<Answer, Rejection> {
    screen(&head, limits)?;
    let body = if body.is_end_stream() { Vec::new() } else { gather(body, &head.headers, limits).await? };
    let target = head.uri.path_and_query().ok_or(Rejection::TargetForm)?.to_string();
    Ok(app.call(Call { method: head.method, target, headers: head.headers, body, peer }).await)
}

/// Reads a whole body, within its time and its size.
async fn gather(body: Incoming, headers: &HeaderMap, limits: &Limits) -> Result<Vec<u8>, Rejection> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let reading = read(body, declared.unwrap_or(0).min(limits.body_bytes), limits.body_bytes);
    tokio::time::timeout(limits.body_timeout, reading).await.unwrap_or(Err(Rejection::BodyTimeout))
}

async fn read(body: Incoming, room: usize, limit: usize) -> Result<Vec<u8>, Rejection> {
    let mut bytes = Vec::with_capacity(room);
    let mut body = pin!(body);
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        // Trailers are dropped: nothing of ours reads them.
        let Ok(data) = frame.map_err(|_| Rejection::BodyIncomplete)?.into_data() else { continue };
        if data.len() > limit - bytes.len() {
            return Err(Rejection::BodyTooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn reply(answer: Answer, ends_here: bool) -> Response<AnswerBody> {
    let mut response = Response::new(answer.body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    if ends_here {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
