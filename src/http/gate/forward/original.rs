//! What a proxy was asked, and by whom: believed of trusted peers alone, and refused where it could be read in two ways.

use std::net::IpAddr;

use super::ask::{Ask, Profile};
use crate::{
    core::{limits::Asked, refusal::Refusal},
    http::{
        app::Peer,
        forwarded,
        head::{Head, Lines},
    },
    ops::config::Proxies,
};

/// A proxy's client and what it asked for, as far as they are known.
pub(super) struct Client<'a> {
    pub(super) address: Option<IpAddr>,
    pub(super) asked: Asked<'a>,
}

/// Who stands behind a request and what it asks for. Of a peer that isn't trusted no header is read.
pub(super) fn client<'a>(
    head: &Head<'a>,
    peer: Peer,
    proxies: &Proxies,
    ask: &Ask<'a>,
) -> Result<Client<'a>, Refusal> {
    let socket = match peer {
        Peer::Net(address) => Some(address.ip().to_canonical()),
        Peer::Local => None,
    };
    if !proxies.trusts(socket) {
        return Ok(Client { address: socket, asked: Asked::default() });
    }
    // A client mustn't unsay by a stray byte what a proxy appended to it.
    let forwarded = raw(head.headers, "x-forwarded-for")?.map(String::from_utf8_lossy);
    let forwarded: Vec<&str> = forwarded.as_deref().into_iter().collect();
    let address = forwarded::client(socket, &forwarded, proxies);
    let asked = match ask.path {
        Some(path) => {
            let host = one(head.headers, "host")?;
            Asked { method: Some(head.method), host, path: Some(path) }
        }
        None => by_headers(head.headers, ask.profile)?,
    };
    Ok(Client { address, asked })
}

fn by_headers(headers: Lines<'_>, profile: Profile) -> Result<Asked<'_>, Refusal> {
    let either = |original, forwarded| {
        let (original, forwarded) = match profile {
            Profile::Nginx => (one(headers, original)?, None),
            Profile::Forwarded => (None, one(headers, forwarded)?),
            Profile::Any => (one(headers, original)?, one(headers, forwarded)?),
        };
        match (original, forwarded) {
            (Some(_), Some(_)) => unclear("X-Original-* and X-Forwarded-* came together: name the profile"),
            (one, other) => Ok(one.or(other)),
        }
    };
    let method = either("x-original-method", "x-forwarded-method")?;
    let host = either("x-original-host", "x-forwarded-host")?;
    let uri = either("x-original-uri", "x-forwarded-uri")?;
    let (named, uri) = uri.map_or((None, None), whole);
    let path = uri.map(|uri| uri.split('?').next().unwrap_or_default());
    match (host, named) {
        (Some(host), Some(named)) if !host.eq_ignore_ascii_case(named) => {
            unclear("the original host and that of the original URI aren't the same")
        }
        (host, named) => Ok(Asked { method, host: host.or(named), path }),
    }
}

/// Some proxies say the whole URL: its host, and the rest.
fn whole(uri: &str) -> (Option<&str>, Option<&str>) {
    match uri.split_once("://").filter(|_| !uri.starts_with('/')) {
        Some((_, rest)) => {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            (Some(host), Some(path))
        }
        None => (None, Some(uri)),
    }
}

fn unclear<T>(what: &'static str) -> Result<T, Refusal> {
    Err(Refusal::RouteUnclear { what })
}

/// A header that is there once, or not at all.
fn raw<'a>(headers: Lines<'a>, name: &str) -> Result<Option<&'a [u8]>, Refusal> {
    let mut values = headers.all(name);
    match (values.next(), values.next()) {
        (_, Some(_)) => unclear("a header that says what was asked for came twice"),
        (value, None) => Ok(value.filter(|value| !value.is_empty())),
    }
}

/// The same as text. What isn't any is there, and is nothing that a route holds.
fn one<'a>(headers: Lines<'a>, name: &str) -> Result<Option<&'a str>, Refusal> {
    Ok(raw(headers, name)?.map(|value| std::str::from_utf8(value).unwrap_or("\u{fffd}")))
}
