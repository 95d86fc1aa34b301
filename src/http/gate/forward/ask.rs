//! What a proxy is configured to ask: the gate's path and query.

use std::{borrow::Cow, collections::BTreeMap};

use rocket::http::RawStr;

use crate::core::{refusal::Refusal, wanted::Wanted};

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

/// What a query was found to ask.
pub(super) struct Known {
    wanted: Wanted,
    profile: Profile,
}

impl Known {
    pub(super) fn of(ask: &Ask<'_>) -> Self {
        Self { wanted: ask.wanted.as_ref().clone(), profile: ask.profile }
    }

    /// The same question.
    pub(super) const fn ask(&self) -> Ask<'_> {
        Ask { wanted: Cow::Borrowed(&self.wanted), profile: self.profile, path: None }
    }
}

/// A question that can't be put, and how to say so.
pub(super) struct Misasked {
    pub(super) profile: Profile,
    pub(super) refusal: Refusal,
}

type Policies = BTreeMap<String, Wanted>;

impl<'a> Ask<'a> {
    /// What a query asks. What is wrong with it is said in the profile that stands there.
    pub(super) fn of_query(query: &str, policies: &'a Policies) -> Result<Self, Misasked> {
        // First of all, so that even a refusal of the rest is folded.
        let mut profiles = parts(query).filter(|(name, _)| *name == "profile").map(|(_, text)| text);
        let named = profiles.next();
        let profile = named.map_or(Some(Profile::default()), Profile::parse);
        let misasked = |refusal| Misasked { profile: profile.unwrap_or_default(), refusal };
        if profiles.next().is_some() {
            return Err(misasked(Refusal::invalid("profile", "stands twice")));
        }
        let Some(known) = profile else {
            return Err(misasked(Refusal::invalid("profile", "nginx, caddy, traefik or envoy")));
        };
        let wanted = wanted(query, policies).map_err(misasked)?;
        Ok(Self { wanted, profile: known, path: None })
    }

    /// What is asked by a policy's name and the path that was asked for, where one follows.
    pub(super) fn of_path(named: &'a str, policies: &'a Policies) -> Result<Self, Misasked> {
        let (name, path) = match named.find('/') {
            Some(slash) => (&named[..slash], Some(&named[slash..])),
            None => (named, None),
        };
        let profile = Profile::Any;
        match policy(policies, name) {
            Ok(wanted) => Ok(Self { wanted, profile, path }),
            Err(refusal) => Err(Misasked { profile, refusal }),
        }
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
