//! The other end of the wire: one HTTP/1.1 exchange over a connection that somebody has opened, for the command line.

use std::io;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// Largest reply that is taken in, in bytes: many times a full page of a list.
const REPLY_BYTES: usize = 16 * 1024 * 1024;

/// Sends `request` and waits for the whole reply. The connection isn't used again.
///
/// # Errors
/// A connection that breaks, what isn't HTTP, or a reply of more than 16 MiB.
pub async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> io::Result<Response<Bytes>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
    let body = Limited::new(body, REPLY_BYTES).collect().await.map_err(io::Error::other)?.to_bytes();
    connection.abort();
    Ok(Response::from_parts(head, body))
}
