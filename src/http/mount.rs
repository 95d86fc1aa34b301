//! Mounting: every route with the access it demands and the words its refusals are said in.

use rocket::{
    Build, Data, Request, Rocket, Route,
    http::Method,
    response::Responder,
    route::{Handler, Outcome},
};

use super::{
    Site,
    carrier::{Carriers, credential},
    catch::said,
    guard::{self, Asked, CountedAt},
    native, origin,
    query::refuse_token_in_query,
    reply::Words,
    tags::Tagging,
};
use crate::{
    core::{
        checks::Endpoint,
        decision::Demand,
        refusal::{Failure, Refusal},
    },
    service::verify::Credential,
};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Anybody, without a credential.
    Open,
    /// Whoever has the feed's key that the query names: the route holds it against its feeds.
    Keyed,
    /// Whoever has a credential that meets this.
    Needs(Demand<'static>),
    /// The same, in HTTP Basic and no other carrier.
    NeedsBasic(Demand<'static>),
    /// The same as `Needs`, where the query may name a token that is looked for.
    NeedsToFind(Demand<'static>),
    /// Whoever knows the token that the query names; a credential that comes along must meet this.
    Holds(Demand<'static>),
}

impl Access {
    /// Whether the route reads a token in its query.
    const fn reads_token(self) -> bool {
        matches!(self, Self::NeedsToFind(_) | Self::Holds(_))
    }
}

/// The routes of one API, below one path.
pub(super) struct Mount {
    base: &'static str,
    words: Words,
    carriers: Carriers,
    tagged: bool,
    routes: Vec<Route>,
}

/// Which API's words are spoken below which path.
pub(super) struct Territories(Vec<(&'static str, Words)>);

impl Territories {
    pub(super) fn of(mounts: &[Mount]) -> Self {
        let mut territories: Vec<_> = mounts.iter().map(|mount| (mount.base, mount.words)).collect();
        territories.sort_by_key(|(base, _)| std::cmp::Reverse(base.len()));
        Self(territories)
    }

    /// The words at a path: those of the longest base that it is below.
    pub(super) fn words(&self, path: &str) -> Words {
        let below = |base: &str| {
            let rest = path.strip_prefix(base.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.0.iter().find(|(base, _)| below(base)).map_or(native::WORDS, |(_, words)| *words)
    }
}

impl Mount {
    /// An API below `base` that says its refusals in `words`.
    pub(super) const fn new(base: &'static str, words: Words) -> Self {
        Self { base, words, carriers: Carriers::AnyOne, tagged: false, routes: Vec::new() }
    }

    /// Of an API whose clients send two carriers at once.
    #[must_use]
    pub(super) const fn carried_by(mut self, carriers: Carriers) -> Self {
        self.carriers = carriers;
        self
    }

    /// Of an API whose replies to GET are tagged by their bodies, and not sent to whoever has them already.
    #[must_use]
    pub(super) const fn tagged(mut self) -> Self {
        self.tagged = true;
        self
    }

    /// Adds routes, all with the same access.
    #[must_use]
    pub(super) fn routes(mut self, access: Access, routes: Vec<Route>) -> Self {
        let (words, carriers) = (self.words, self.carriers);
        self.routes.extend(routes.into_iter().map(|mut route| {
            let tagging = Tagging(self.tagged && route.method == Method::Get);
            route.handler = Box::new(Demanding { access, carriers, words, tagging, inner: route.handler });
            route
        }));
        self
    }

    /// Whose checks are counted as another API's than jeton's own.
    #[must_use]
    pub(super) fn counted_at(mut self, endpoint: Endpoint) -> Self {
        for route in &mut self.routes {
            route.handler = Box::new(Counting { endpoint, inner: route.handler.clone() });
        }
        self
    }

    pub(super) fn onto(self, rocket: Rocket<Build>) -> Rocket<Build> {
        let literal: Vec<_> =
            self.routes.iter().filter(|route| dynamic(route.uri.path()) == 0).cloned().collect();
        let mut routes = self.routes;
        for route in routes.iter_mut().filter(|route| dynamic(route.uri.path()) > 0) {
            let taken =
                |path: &str| literal.iter().any(|other| other.method == route.method && other.uri == path);
            let paths = literal.iter().map(|other| other.uri.path());
            let named = paths.filter(|path| matches(route.uri.path(), path) && !taken(path));
            let named: Vec<String> = named.map(|path| format!("{}{path}", self.base)).collect();
            if !named.is_empty() {
                route.handler = Box::new(Sparing { named, inner: route.handler.clone() });
            }
        }
        rocket.mount(self.base, routes)
    }
}

/// A route for any id that leaves alone the paths with a name of their own: `/tokens/self` is no token's id, and a method
/// that it hasn't got is 405 there.
#[derive(Clone)]
struct Sparing {
    named: Vec<String>,
    inner: Box<dyn Handler>,
}

#[rocket::async_trait]
impl Handler for Sparing {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        let path = request.uri().path();
        if !self.named.iter().any(|named| path == named.as_str()) {
            return self.inner.handle(request, data).await;
        }
        match said(request.rocket(), path.as_str()).respond_to(request) {
            Ok(response) => Outcome::Success(response),
            Err(status) => Outcome::Error(status),
        }
    }
}

/// A route whose checks are counted as one API's.
#[derive(Clone)]
struct Counting {
    endpoint: Endpoint,
    inner: Box<dyn Handler>,
}

#[rocket::async_trait]
impl Handler for Counting {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        request.local_cache(|| CountedAt(self.endpoint));
        self.inner.handle(request, data).await
    }
}

/// A route's handler behind its demand: it isn't reached before the one decision has said yes.
#[derive(Clone)]
struct Demanding {
    access: Access,
    carriers: Carriers,
    words: Words,
    tagging: Tagging,
    inner: Box<dyn Handler>,
}

impl Demanding {
    async fn admit(&self, request: &Request<'_>) -> Result<(), Failure> {
        if !self.access.reads_token() {
            refuse_token_in_query(request, self.access == Access::Keyed)?;
        }
        let found = || credential(request.headers(), self.carriers);
        let (demand, found) = match self.access {
            Access::Open | Access::Keyed => return Ok(()),
            Access::Holds(demand) => match found() {
                Err(Refusal::CredentialMissing) => return Ok(()),
                found => (demand, found?),
            },
            Access::Needs(demand) | Access::NeedsToFind(demand) => (demand, found()?),
            Access::NeedsBasic(demand) => match found() {
                Ok(found) if found.by_basic => (demand, found),
                Ok(_) | Err(Refusal::CredentialMissing) => return Err(Refusal::BasicRequired.into()),
                Err(refusal) => return Err(refusal.into()),
            },
        };
        let credential = found.credential;
        if let Credential::Session { .. } = credential {
            origin::proven(request)?;
        }
        let site = request.rocket().state::<Site>().ok_or_else(|| Failure::broken("no site is managed"))?;
        let caller = site.service.authenticate(&credential, demand, guard::peer(request)).await?;
        // Whoever presents a successor to revoke it doesn't rely on it: the one that it was to replace stays.
        let parting = demand == Demand::Itself && request.method() == Method::Delete;
        if !parting {
            site.service.commit_rotation(caller.first_use).await;
        }
        request.local_cache(|| Asked(Some(caller)));
        Ok(())
    }
}

#[rocket::async_trait]
impl Handler for Demanding {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        request.local_cache(|| self.words);
        request.local_cache(|| self.tagging);
        match self.admit(request).await {
            Ok(()) => self.inner.handle(request, data).await,
            Err(failure) => match failure.respond_to(request) {
                Ok(response) => Outcome::Success(response),
                Err(status) => Outcome::Error(status),
            },
        }
    }
}

/// The methods that some route takes at `path`, in the order of an `Allow` header; `None` where no route has it.
pub(super) fn allowed<'a>(routes: impl Iterator<Item = &'a Route>, path: &str) -> Option<String> {
    // Rocket takes a slash at the end for none.
    let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
    let matching: Vec<_> = routes.filter(|route| matches(route.uri.path(), path)).collect();
    // A path with a name of its own isn't an id.
    let least = matching.iter().map(|route| dynamic(route.uri.path())).min();
    let matching = matching.into_iter().filter(|route| Some(dynamic(route.uri.path())) == least);
    let mut methods: Vec<Method> = matching.map(|route| route.method).collect();
    if methods.contains(&Method::Get) {
        methods.push(Method::Head);
    }
    let order = [Method::Get, Method::Head, Method::Post, Method::Put, Method::Patch, Method::Delete];
    let names: Vec<&str> =
        order.iter().filter(|method| methods.contains(method)).map(|method| method.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// How many parameters a pattern has.
fn dynamic(pattern: &str) -> usize {
    pattern.matches('<').count()
}

fn matches(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            // What is left over, however many parts it has.
            (Some(one), Some(_)) if one.ends_with("..>") => return true,
            (Some(one), Some(other)) if one == other || (one.starts_with('<') && !other.is_empty()) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Mount, Territories, Words, matches};
    use crate::{
        core::refusal::{Failure, Refusal},
        http::{native, reply::Reply},
    };

    #[test]
    fn a_path_is_answered_in_the_words_of_the_api_that_it_is_below() {
        const TEAPOT: Words = Words(|_| Reply::empty(418));
        const GONE: Words = Words(|_| Reply::empty(410));
        let mounts =
            [("/", native::WORDS), ("/api", TEAPOT), ("/api/v1", GONE)].map(|(at, say)| Mount::new(at, say));
        let territories = Territories::of(&mounts);
        let says = |path| (territories.words(path).0)(&Failure::from(Refusal::RouteUnknown)).status();
        for (path, status) in [
            ("/", 404),
            ("/apis", 404),
            ("/api", 418),
            ("/api/", 418),
            ("/api/v10", 418),
            ("/api/v1", 410),
            ("/api/v1/me/tokens", 410),
        ] {
            assert_eq!(says(path), status, "{path}");
        }
    }

    #[test]
    fn a_path_matches_its_pattern_whole() {
        assert!(matches("/v1/tokens/<id>", "/v1/tokens/x"));
        assert!(!matches("/v1/tokens/<id>", "/v1/tokens/"));
        assert!(!matches("/v1/tokens/<id>", "/v1/tokens/x/y"));
        assert!(!matches("/v1/tokens", "/v1"));
        assert!(matches("/v1/<rest..>", "/v1/x") && matches("/v1/<rest..>", "/v1/x/y"));
        assert!(!matches("/v1/<rest..>", "/v1") && !matches("/v1/<rest..>", "/v2/x"));
    }
}
