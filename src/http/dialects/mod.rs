//! Other vendors' token APIs, for their scripts to run here unchanged.
//!
//! A dialect is a translator: it owns paths, names, forms of time, statuses and the shapes of refusals, and no rule. It
//! is one file or folder with its lines in the list below; without both, the rest builds.

mod akinon;
mod dataprep;
mod datasentinel;
mod kodexa;
mod softwareone;
#[cfg(test)]
mod tests;

use rocket::{
    Data, Request, Route,
    http::Method,
    route::{Handler, Outcome},
};
use utoipa::openapi::{
    ContentBuilder, HttpMethod, ObjectBuilder, OpenApi, ResponseBuilder, SecurityRequirement,
    path::OperationBuilder,
};

use super::{
    mount::{Access, Mount},
    native,
    openapi::{Bodies, complete},
    reply::{Reply, Words},
};
use crate::core::checks::Endpoint;

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
    /// What its handlers say of themselves.
    described: fn() -> OpenApi,
    /// How its refusals look.
    bodies: Bodies,
}

impl Dialect {
    /// Its OpenAPI document.
    fn document(&self) -> OpenApi {
        let mut document = (self.described)();
        complete(&mut document, self.bodies);
        document
    }

    /// A route for its document.
    fn route(&self, path: &str) -> Route {
        let text = self.document().to_pretty_json().expect("the document is plain data");
        Route::new(Method::Get, path, DocumentRoute(text))
    }
}

/// Answers with a document.
#[derive(Clone)]
struct DocumentRoute(String);

#[rocket::async_trait]
impl Handler for DocumentRoute {
    async fn handle<'r>(&self, request: &'r Request<'_>, _: Data<'r>) -> Outcome<'r> {
        Outcome::from(request, Reply::json_text(self.0.clone()))
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

    /// What is served where, each dialect's document included.
    pub(super) fn mounts(&self) -> Vec<Mount> {
        let documents = self.0.iter().map(|dialect| dialect.route(&document_path(dialect)));
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

fn document_path(dialect: &Dialect) -> String {
    format!("/openapi/{}.json", dialect.name)
}

/// The OpenAPI document of everything that is served.
pub fn openapi_json(dialects: &Dialects) -> String {
    let mut document = native::document::own();
    for dialect in &dialects.0 {
        document.merge(dialect.document());
        document.merge(OpenApi::new(document.info.clone(), documents(dialect)));
    }
    document.to_pretty_json().expect("the document is plain data")
}

/// The path of a dialect's own document.
fn documents(dialect: &Dialect) -> utoipa::openapi::Paths {
    let object = ContentBuilder::new().schema(Some(ObjectBuilder::new())).build();
    let operation = OperationBuilder::new()
        .tag("documents")
        .operation_id(Some(format!("documents_{}", dialect.name)))
        .summary(Some(format!("The {} dialect alone.", dialect.name)))
        .security(SecurityRequirement::default())
        .response("200", ResponseBuilder::new().content("application/json", object).build());
    let mut paths = OpenApi::default();
    paths.paths.add_path_operation(document_path(dialect), vec![HttpMethod::Get], operation);
    complete(&mut paths, |_| Some((super::problem::MEDIA_TYPE, "Problem")));
    paths.paths
}
