//! The client of the API: one code path over three transports.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use http::uri::Authority;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::Full;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use serde_json::{Map, Value};
use tokio::net::{TcpStream, UnixStream};

use crate::cli::failure::{Refused, Usage};
use crate::core::secret::SecretText;
use crate::door::dial;
use crate::http::{App, Call, Peer};
use crate::ops::data_dir::DataDir;

/// Longer than anything that the server allows itself.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Objects asked for at a time.
const PAGE: usize = 100;

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
    /// One field of a form.
    Form(&'static str, SecretText),
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
        let (status, reply) = tokio::time::timeout(TIMEOUT, Box::pin(self.send(method, target, body)))
            .await
            .context("the server didn't answer within a minute")??;
        if !status.is_success() {
            return Err(Refused::new(status, &reply).into());
        }
        if reply.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&reply).context("the server's answer isn't JSON")
    }

    /// Every object of a list, page by page. `target` may have a query.
    pub async fn list(&self, target: &str) -> anyhow::Result<Vec<Value>> {
        let join = if target.contains('?') { '&' } else { '?' };
        let first = format!("{target}{join}limit={PAGE}");
        let mut items = Vec::new();
        let mut next = first.clone();
        loop {
            let mut page = self.call(Method::GET, &next, Body::Empty).await?;
            if let Value::Array(found) = page["items"].take() {
                items.extend(found);
            }
            match page["next_cursor"].as_str() {
                Some(cursor) => next = format!("{first}&cursor={}", encode(cursor)),
                None => return Ok(items),
            }
        }
    }

    async fn send(&self, method: Method, target: &str, body: Body) -> anyhow::Result<(StatusCode, Vec<u8>)> {
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
        match &self.transport {
            Transport::InProcess(app) => {
                let call = Call { method, target: target.to_owned(), headers, body, peer: Peer::Local };
                let answer = app.call(call).await;
                Ok((answer.status, answer.body.collect().await?))
            }
            Transport::Control(data_dir) => {
                let request = wire_request(method, target, "localhost", headers, body)?;
                let connected = data_dir.connect_control().and_then(|stream| {
                    stream.set_nonblocking(true)?;
                    UnixStream::from_std(stream)
                });
                let stream = connected.context("can't reach the server that runs on this data directory")?;
                finish(dial::exchange(stream, request).await)
            }
            Transport::Remote(endpoint) => endpoint.send(method, target, headers, body).await,
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
    ) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        match self {
            Self::Unix(path) => {
                let request = wire_request(method, target, "localhost", headers, body)?;
                let stream = UnixStream::connect(path).await;
                let stream = stream.with_context(|| format!("can't reach {}", path.display()))?;
                finish(dial::exchange(stream, request).await)
            }
            Self::Tcp { authority, prefix, tls } => {
                let request =
                    wire_request(method, &format!("{prefix}{target}"), authority.as_str(), headers, body)?;
                let port = authority.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
                let host = authority.host().trim_matches(['[', ']']);
                let stream = TcpStream::connect((host, port)).await;
                let stream = stream.with_context(|| format!("can't reach {authority}"))?;
                let Some((config, name)) = tls else {
                    return finish(dial::exchange(stream, request).await);
                };
                let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
                let stream = connector.connect(name.clone(), stream).await;
                let stream = stream.with_context(|| format!("no TLS with {authority}"))?;
                finish(dial::exchange(stream, request).await)
            }
        }
    }
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

fn finish(reply: io::Result<http::Response<Bytes>>) -> anyhow::Result<(StatusCode, Vec<u8>)> {
    let reply = reply.context("the connection broke before the answer was whole")?;
    Ok((reply.status(), reply.into_body().into()))
}

impl Body {
    fn encode(self) -> (Option<&'static str>, Vec<u8>) {
        match self {
            Self::Empty => (None, Vec::new()),
            Self::Json(object) => (Some("application/json"), Value::Object(object).to_string().into_bytes()),
            Self::Form(field, text) => {
                let form = format!("{field}={}", encode(text.expose()));
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
mod tests {
    use super::*;

    #[test]
    fn names_stay_one_segment() {
        assert_eq!(path_of("/v1/users", "a/b?c#d e%ü").unwrap(), "/v1/users/a%2Fb%3Fc%23d%20e%25%C3%BC");
        assert_eq!(path_of("/v1/users", "o_k-1.x~").unwrap(), "/v1/users/o_k-1.x~");
        for name in ["", ".", ".."] {
            assert!(path_of("/v1/users", name).is_err());
        }
    }

    #[test]
    fn a_form_holds_its_text_whole() {
        let (media_type, body) = Body::Form("token", SecretText::new("a&b=c+d")).encode();
        assert_eq!(media_type, Some("application/x-www-form-urlencoded"));
        assert_eq!(body, b"token=a%26b%3Dc%2Bd");
    }
}
