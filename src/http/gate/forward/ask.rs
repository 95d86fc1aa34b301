//! What a proxy is configured to ask: the gate's path and query.

use std::{borrow::Cow, collections::BTreeMap};

use http::Uri;
use rocket::http::RawStr;

use crate::core::{refusal::Refusal, wanted::Wanted};

/// The gate's path.
const GATE: &str = "/gate";

/// How a proxy has to be answered, and which headers it sets itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Profile {
    /// Any that passes on what it is answered.
    #[default]
    Any,
    /// nginx sets `X-Original-*` by its snippet, and makes a 500 of whatever is neither 2xx nor 401 nor 403.
    Nginx,
    /// Caddy and Traefik set `X-Forwarded-*`.
    Forwarded,
}

impl Profile {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "nginx" => Self::Nginx,
            "caddy" | "traefik" => Self::Forwarded,
            "envoy" => Self::Any,
            _ => return None,
        })
    }

    /// The status that stands for another one.
    pub(super) const fn folded(self, status: u16) -> u16 {
        match (self, status) {
            (Self::Nginx, 401) => 401,
            (Self::Nginx, _) => 403,
            (Self::Any | Self::Forwarded, status) => status,
        }
    }
}

/// What is asked.
pub(super) struct Ask<'a> {
    /// What a token has to be.
    pub(super) wanted: Cow<'a, Wanted>,
    pub(super) profile: Profile,
    /// The path that was asked for, where the proxy has put it behind its own.
    pub(super) path: Option<&'a str>,
}

type Policies = BTreeMap<String, Wanted>;

impl<'a> Ask<'a> {
    /// Reads a request target; `None` where it isn't the gate's. What is wrong with it is said in the profile that stands
    /// there.
    pub(super) fn read(uri: &'a Uri, policies: &'a Policies) -> Option<Result<Self, (Profile, Refusal)>> {
        // A whole URL is no proxy's, and the door's to refuse.
        let rest = uri.path().strip_prefix(GATE).filter(|_| uri.authority().is_none())?;
        if rest.is_empty() {
            return Some(Self::of_query(uri.query().unwrap_or_default(), policies));
        }
        let rest = rest.strip_prefix("/policy/")?;
        let (name, path) =
            rest.find('/').map_or((rest, None), |slash| (&rest[..slash], Some(&rest[slash..])));
        let ask = policy(policies, name).map(|wanted| Self { wanted, profile: Profile::Any, path });
        Some(ask.map_err(|refusal| (Profile::Any, refusal)))
    }

    fn of_query(query: &str, policies: &'a Policies) -> Result<Self, (Profile, Refusal)> {
        // First of all, so that even a refusal of the rest is folded.
        let mut profiles = parts(query).filter(|(name, _)| *name == "profile");
        let profile = match (profiles.next(), profiles.next()) {
            (None, _) => Profile::default(),
            (Some((_, text)), None) => Profile::parse(text).ok_or_else(|| {
                (Profile::Any, Refusal::invalid("profile", "nginx, caddy, traefik or envoy"))
            })?,
            (Some((_, text)), Some(_)) => {
                let refusal = Refusal::invalid("profile", "stands twice");
                return Err((Profile::parse(text).unwrap_or_default(), refusal));
            }
        };
        let wanted = wanted(query, policies).map_err(|refusal| (profile, refusal))?;
        Ok(Self { wanted, profile, path: None })
    }
}

fn parts(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

fn wanted<'a>(query: &str, policies: &'a Policies) -> Result<Cow<'a, Wanted>, Refusal> {
    let mut wanted = Wanted::default();
    let mut named = None;
    for (name, value) in parts(query) {
        let text = |field: &'static str| {
            RawStr::new(value).url_decode().map_err(|_| Refusal::invalid(field, "isn't UTF-8"))
        };
        match name {
            "require" => wanted.require(&text("require")?)?,
            "organization" => wanted.organization(&text("organization")?)?,
            "module" => wanted.module(&text("module")?)?,
            "policy" if named.is_some() => return Err(Refusal::invalid("policy", "stands twice")),
            "policy" => named = Some(policy(policies, value)?),
            "profile" => {}
            _ => {
                return Err(Refusal::malformed(
                    "an unknown query parameter: the gate takes require, organization, module, policy, profile",
                ));
            }
        }
    }
    match named {
        None => Ok(Cow::Owned(wanted)),
        Some(named) if wanted == Wanted::default() => Ok(named),
        Some(_) => {
            let problem = "says all that is wanted: not together with require, organization or module";
            Err(Refusal::invalid("policy", problem))
        }
    }
}

fn policy<'a>(policies: &'a Policies, name: &str) -> Result<Cow<'a, Wanted>, Refusal> {
    let found = policies.get(name).map(Cow::Borrowed);
    found.ok_or_else(|| Refusal::invalid("policy", "jeton's configuration has none of this name"))
}
