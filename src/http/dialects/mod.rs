//! Other vendors' token APIs, for their scripts to run here unchanged.
//!
//! A dialect is a translator: it owns paths, names, forms of time, statuses and the shapes of refusals, and no rule. It
//! is one file or folder with its lines in the list below; without both, the rest builds.

mod akinon;
mod dataprep;
mod datasentinel;
mod kodexa;
pub mod softwareone;
#[cfg(test)]
mod tests;

use super::{
    documents::{Carried, path_of},
    mount::{Access, Mount},
    native,
    reply::{Reply, Words},
};
use crate::core::checks::Endpoint;
use rocket::{
    Data, Request, Route,
    http::Method,
    route::{Handler, Outcome},
};

/// All of them, a line each.
#[rustfmt::skip]
const ALL: &[Dialect] = &[
    akinon::DIALECT,
    dataprep::DIALECT,
    datasentinel::DIALECT,
    kodexa::DIALECT,
    softwareone::DIALECT,
];

/// One vendor's API.
struct Dialect {
    /// Its name in the settings and in `/openapi/<name>.json`.
    name: &'static str,
    /// How it says a failure.
    words: Words,
    /// What is served where.
    mounts: fn() -> Vec<Mount>,
    /// Its OpenAPI document.
    document: Carried,
    /// What its handlers say of themselves.
    #[cfg(test)]
    described: fn() -> utoipa::openapi::OpenApi,
    /// How its refusals look.
    #[cfg(test)]
    bodies: super::openapi::Bodies,
}

impl Dialect {
    /// A route for its document.
    fn route(&self) -> Route {
        Route::new(Method::Get, &path_of(self.name), DocumentRoute(self.document))
    }
}

/// Answers with a document.
#[derive(Clone)]
struct DocumentRoute(Carried);

#[rocket::async_trait]
impl Handler for DocumentRoute {
    async fn handle<'r>(&self, request: &'r Request<'_>, _: Data<'r>) -> Outcome<'r> {
        Outcome::from(request, Reply::json_text(self.0.text()))
    }
}

/// The dialects that are served.
#[derive(Clone)]
pub struct Dialects(Vec<&'static Dialect>);

impl Dialects {
    /// The names of all that there are.
    pub const NAMES: &[&str] = &names();

    /// All of them.
    pub fn all() -> Self {
        Self(ALL.iter().collect())
    }

    /// Those that are named; a name that is none's stands for nothing.
    pub fn named(names: &[String]) -> Self {
        Self(ALL.iter().filter(|dialect| names.iter().any(|name| name == dialect.name)).collect())
    }

    /// Each one's name and document.
    pub(super) fn documents(&self) -> impl Iterator<Item = (&'static str, Carried)> {
        self.0.iter().map(|dialect| (dialect.name, dialect.document))
    }

    /// The same, and what the handlers say.
    #[cfg(test)]
    pub(super) fn described(
        &self,
    ) -> impl Iterator<Item = (&'static str, Carried, utoipa::openapi::OpenApi)> {
        self.0.iter().map(|dialect| {
            let mut described = (dialect.described)();
            super::openapi::complete(&mut described, dialect.bodies);
            (dialect.name, dialect.document, described)
        })
    }

    /// What is served where, each dialect's document included.
    pub(super) fn mounts(&self) -> Vec<Mount> {
        let documents = self.0.iter().map(|dialect| dialect.route());
        let documents = Mount::new("/", native::WORDS).routes(Access::Open, documents.collect());
        let counted = |dialect: &Dialect| {
            let place = Self::NAMES.iter().position(|name| *name == dialect.name).unwrap_or_default();
            (dialect.mounts)().into_iter().map(move |mount| mount.counted_at(Endpoint::dialect(place)))
        };
        self.0.iter().flat_map(|dialect| counted(dialect)).chain([documents]).collect()
    }

    /// Which checks are counted apart: of what is jeton's own, and of each dialect that is served.
    pub(super) fn endpoints(&self) -> Vec<(&'static str, Endpoint)> {
        let own = [
            ("gate", Endpoint::GATE),
            ("introspection", Endpoint::INTROSPECTION),
            ("native", Endpoint::NATIVE),
        ];
        let all = Self::NAMES.iter().enumerate();
        let served = all.filter(|(_, name)| self.0.iter().any(|dialect| dialect.name == **name));
        own.into_iter().chain(served.map(|(place, name)| (*name, Endpoint::dialect(place)))).collect()
    }
}

const fn names() -> [&'static str; ALL.len()] {
    let mut names = [""; ALL.len()];
    let mut at = 0;
    while at < ALL.len() {
        names[at] = ALL[at].name;
        at += 1;
    }
    names
}
