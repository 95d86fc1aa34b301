//! The other end of the wire: one HTTP/1.1 exchange over a connection that somebody has opened, for the command line.

use std::{error::Error, io};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// Largest reply that is taken in, in bytes: many times a full page of a list.
const REPLY_BYTES: usize = 16 * 1024 * 1024;

/// Takes a body's bytes as they come.
pub type Sink<'a> = &'a mut (dyn FnMut(&[u8]) -> io::Result<()> + Send);

/// Sends `request` and waits for the whole reply. The body of a success goes to `sink` where there is one, however large
/// it is. The connection isn't used again.
///
/// # Errors
/// A connection that breaks, what isn't HTTP, a reply of more than 16 MiB, or the sink's own.
pub async fn exchange<S>(
    stream: S,
    request: Request<Full<Bytes>>,
    sink: Option<Sink<'_>>,
) -> io::Result<Response<Bytes>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
    let body = match sink.filter(|_| head.status.is_success()) {
        Some(sink) => {
            pour(body, sink).await?;
            Bytes::new()
        }
        None => Limited::new(body, REPLY_BYTES).collect().await.map_err(io::Error::other)?.to_bytes(),
    };
    connection.abort();
    Ok(Response::from_parts(head, body))
}

/// Hands all of a body on.
pub async fn pour<B>(mut body: B, sink: Sink<'_>) -> io::Result<()>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
            sink(&data)?;
        }
    }
    Ok(())
}
