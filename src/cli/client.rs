//! The client of the API: one code path over three transports.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, LINK};
use http::uri::Authority;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::Full;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use serde_json::{Map, Value};
use tokio::net::{TcpStream, UnixStream};

use crate::cli::failure::{Refused, Usage};
use crate::core::idempotency::{self, Key};
use crate::core::secret::SecretText;
use crate::door::dial::{self, Sink};
use crate::http::{App, Call, Peer};
use crate::ops::data_dir::DataDir;

/// Longer than anything that the server allows itself.
const TIMEOUT: Duration = Duration::from_mins(1);
/// How long a server that broke off is given to come back.
const PAUSE: Duration = Duration::from_secs(1);
/// Objects asked for at a time.
const PAGE: usize = 100;
/// Rows of CSV asked for at a time.
const TABLE_PAGE: usize = 10_000;

/// Asks the API with one credential.
pub struct Client {
    transport: Transport,
    credential: SecretText,
}

enum Transport {
    InProcess(&'static App),
    Control(Arc<DataDir>),
    Remote(Endpoint),
}

/// Where a server that was named listens.
#[derive(Debug)]
pub enum Endpoint {
    /// Host and port, and what its paths begin with.
    Tcp {
        /// As it stood in the address.
        authority: Authority,
        /// Without a slash at its end.
        prefix: String,
        /// For https.
        tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// What a request carries.
pub enum Body {
    /// Nothing.
    Empty,
    /// JSON.
    Json(Map<String, Value>),
    /// JSON that is a list.
    List(Vec<Value>),
    /// The fields of a form.
    Form(Vec<(&'static str, SecretText)>),
}

impl Client {
    /// Of the application in this process.
    pub fn in_process(app: &'static App, credential: SecretText) -> Self {
        Self { transport: Transport::InProcess(app), credential }
    }

    /// Of the server that runs on a data directory.
    pub fn control(data_dir: Arc<DataDir>, credential: SecretText) -> Self {
        Self { transport: Transport::Control(data_dir), credential }
    }

    /// Of a server that was named.
    pub fn remote(endpoint: Endpoint, credential: SecretText) -> Self {
        Self { transport: Transport::Remote(endpoint), credential }
    }

    /// Whether the credential is the local operator's.
    pub fn is_local_operator(&self) -> bool {
        !matches!(self.transport, Transport::Remote(_))
    }

    /// The object that the API answers with; null for an empty answer.
    ///
    /// # Errors
    /// [`Refused`] with the server's own words when it says no.
    pub async fn call(&self, method: Method, target: &str, body: Body) -> anyhow::Result<Value> {
        self.call_within(TIMEOUT, method, target, body).await
    }

    /// The same, where the answer may take its time.
    pub async fn call_within(
        &self,
        patience: Duration,
        method: Method,
        target: &str,
        body: Body,
    ) -> anyhow::Result<Value> {
        let reply = self.ask(patience, method, target, body, None, None).await?;
        if reply.body().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(reply.body()).context("the server's answer isn't JSON")
    }

    /// Whether the application runs in this process: no connection to it is ever lost.
    pub fn is_in_process(&self) -> bool {
        matches!(self.transport, Transport::InProcess(_))
    }

    /// Makes what is told once: where no answer comes, it is asked for once more under the same key, and so isn't made
    /// twice.
    pub async fn make(&self, target: &str, object: Map<String, Value>, key: &Key) -> anyhow::Result<Value> {
        self.make_within(TIMEOUT, target, object, key).await
    }

    async fn make_within(
        &self,
        patience: Duration,
        target: &str,
        object: Map<String, Value>,
        key: &Key,
    ) -> anyhow::Result<Value> {
        let again = Body::Json(object.clone());
        let once = |body| self.ask(patience, Method::POST, target, body, Some(key), None);
        let reply = match once(Body::Json(object)).await {
            Err(error) if error.is::<Lost>() => {
                tokio::time::sleep(PAUSE).await;
                let hint = format!(
                    "whether it was made isn't known: ask again with --idempotency-key {}",
                    key.expose()
                );
                once(again).await.context(hint)?
            }
            reply => reply?,
        };
        serde_json::from_slice(reply.body()).context("the server's answer isn't JSON")
    }

    /// Every object of a list, page by page. `target` may have a query.
    pub async fn list(&self, target: &str) -> anyhow::Result<Vec<Value>> {
        self.list_up_to(target, usize::MAX).await
    }

    /// The same, but no more than `limit` of them.
    pub async fn list_up_to(&self, target: &str, limit: usize) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        while items.len() < limit {
            let size = PAGE.min(limit - items.len());
            let next = with_query(target, &format!("limit={size}{cursor}"));
            let mut page = self.call(Method::GET, &next, Body::Empty).await?;
            if let Value::Array(found) = page["items"].take() {
                items.extend(found);
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={}", encode(next)),
                None => break,
            }
        }
        Ok(items)
    }

    /// A list as CSV, under one row of names: page by page, and no more than `limit` rows of it.
    pub async fn table(&self, target: &str, limit: usize) -> anyhow::Result<Vec<u8>> {
        let mut table = Vec::new();
        let mut left = limit;
        let mut cursor = String::new();
        while left > 0 || table.is_empty() {
            let size = TABLE_PAGE.min(left.max(1));
            let next = with_query(target, &format!("format=csv&limit={size}{cursor}"));
            let page = self.ask(TIMEOUT, Method::GET, &next, Body::Empty, None, None).await?;
            let names = page.body().windows(2).position(|end| end == b"\r\n").map_or(0, |end| end + 2);
            table.extend_from_slice(&page.body()[if table.is_empty() { 0 } else { names }..]);
            left = left.saturating_sub(size);
            match page.headers().get(LINK).and_then(|link| next_cursor(link.to_str().ok()?)) {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        Ok(table)
    }

    /// Asks for a file, whose bytes go to `sink` as they come; gives the headers of the reply.
    pub async fn download(
        &self,
        patience: Duration,
        method: Method,
        target: &str,
        sink: Sink<'_>,
    ) -> anyhow::Result<HeaderMap> {
        let reply = self.ask(patience, method, target, Body::Empty, None, Some(sink)).await?;
        Ok(reply.into_parts().0.headers)
    }

    /// What the API answers when it says yes.
    async fn ask(
        &self,
        patience: Duration,
        method: Method,
        target: &str,
        body: Body,
        key: Option<&Key>,
        sink: Option<Sink<'_>>,
    ) -> anyhow::Result<Response<Vec<u8>>> {
        let reply = tokio::time::timeout(patience, Box::pin(self.send(method, target, body, key, sink)))
            .await
            .map_err(|_| Lost::Late)??;
        if reply.status().is_success() {
            return Ok(reply);
        }
        Err(Refused::new(reply.status(), reply.body()).into())
    }

    async fn send(
        &self,
        method: Method,
        target: &str,
        body: Body,
        key: Option<&Key>,
        sink: Option<Sink<'_>>,
    ) -> anyhow::Result<Response<Vec<u8>>> {
        let (media_type, body) = body.encode();
        let mut headers = HeaderMap::new();
        let bearer = format!("Bearer {}", self.credential.expose());
        let mut bearer = HeaderValue::from_str(&bearer)
            .map_err(|_| Usage("JETON_TOKEN holds what can't stand in a header".to_owned()))?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        if let Some(media_type) = media_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        if let Some(key) = key {
            headers.insert(idempotency::HEADER, HeaderValue::from_str(key.expose())?);
        }
        match &self.transport {
            Transport::InProcess(app) => {
                let call = Call { method, target: target.to_owned(), headers, body, peer: Peer::Local };
                let answer = app.call(call).await;
                let body = match sink.filter(|_| answer.status.is_success()) {
                    Some(sink) => dial::pour(answer.body, sink).await.map(|()| Vec::new()),
                    None => answer.body.collect().await,
                };
                let mut reply = Response::new(body?);
                *reply.status_mut() = answer.status;
                *reply.headers_mut() = answer.headers;
                Ok(reply)
            }
            Transport::Control(data_dir) => {
                let request = wire_request(method, target, "localhost", headers, body)?;
                let connected = data_dir.connect_control().and_then(|stream| {
                    stream.set_nonblocking(true)?;
                    UnixStream::from_std(stream)
                });
                let stream = connected.context("can't reach the server that runs on this data directory")?;
                finish(dial::exchange(stream, request, sink).await)
            }
            Transport::Remote(endpoint) => endpoint.send(method, target, headers, body, sink).await,
        }
    }
}

impl Endpoint {
    async fn send(
        &self,
        method: Method,
        target: &str,
        headers: HeaderMap,
        body: Vec<u8>,
        sink: Option<Sink<'_>>,
    ) -> anyhow::Result<Response<Vec<u8>>> {
        match self {
            Self::Unix(path) => {
                let request = wire_request(method, target, "localhost", headers, body)?;
                let stream = UnixStream::connect(path).await;
                let stream = stream.with_context(|| format!("can't reach {}", path.display()))?;
                finish(dial::exchange(stream, request, sink).await)
            }
            Self::Tcp { authority, prefix, tls } => {
                let request =
                    wire_request(method, &format!("{prefix}{target}"), authority.as_str(), headers, body)?;
                let port = authority.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
                let host = authority.host().trim_matches(['[', ']']);
                let stream = TcpStream::connect((host, port)).await;
                let stream = stream.with_context(|| format!("can't reach {authority}"))?;
                let Some((config, name)) = tls else {
                    return finish(dial::exchange(stream, request, sink).await);
                };
                let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
                let stream = connector.connect(name.clone(), stream).await;
                let stream = stream.with_context(|| format!("no TLS with {authority}"))?;
                finish(dial::exchange(stream, request, sink).await)
            }
        }
    }
}

/// No answer came; the request may have been carried out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// There was a connection, and it ended.
    #[error("the connection broke before the answer was whole")]
    Broken,
    /// It was waited for in vain.
    #[error("the server didn't answer in time")]
    Late,
}

fn wire_request(
    method: Method,
    target: &str,
    host: &str,
    headers: HeaderMap,
    body: Vec<u8>,
) -> anyhow::Result<Request<Full<Bytes>>> {
    let mut request = Request::builder().method(method).uri(target).body(Full::new(Bytes::from(body)))?;
    *request.headers_mut() = headers;
    request.headers_mut().insert(HOST, HeaderValue::from_str(host)?);
    Ok(request)
}

fn finish(reply: io::Result<Response<Bytes>>) -> anyhow::Result<Response<Vec<u8>>> {
    let reply = reply.context(Lost::Broken)?;
    Ok(reply.map(Into::into))
}

impl Body {
    fn encode(self) -> (Option<&'static str>, Vec<u8>) {
        match self {
            Self::Empty => (None, Vec::new()),
            Self::Json(object) => (Some("application/json"), Value::Object(object).to_string().into_bytes()),
            Self::List(items) => (Some("application/json"), Value::Array(items).to_string().into_bytes()),
            Self::Form(fields) => {
                let fields = fields.iter().map(|(field, text)| format!("{field}={}", encode(text.expose())));
                let form = fields.collect::<Vec<_>>().join("&");
                (Some("application/x-www-form-urlencoded"), form.into_bytes())
            }
        }
    }
}

/// Percent-encodes all but the unreserved characters: for a path's segment, a query's value and a form's.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A target with more in its query.
fn with_query(target: &str, more: &str) -> String {
    let join = if target.contains('?') { '&' } else { '?' };
    format!("{target}{join}{more}")
}

/// The cursor in the `next` of a `Link` header (RFC 8288), still encoded.
fn next_cursor(link: &str) -> Option<&str> {
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let query = target.split_once('?')?.1;
    let cursor = query.split('&').find_map(|pair| pair.strip_prefix("cursor="));
    cursor.filter(|_| parameters.contains("rel=\"next\""))
}

/// A path with a name or an id as its last segment.
///
/// # Errors
/// [`Usage`] for a name that would be another path.
pub fn path_of(parent: &str, name: &str) -> Result<String, Usage> {
    if matches!(name, "" | "." | "..") {
        return Err(Usage(format!("`{name}` can't be a name or an id")));
    }
    Ok(format!("{parent}/{}", encode(name)))
}

#[cfg(test)]
mod tests;
