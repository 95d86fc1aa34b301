//! The only place that knows Rocket. `mounts` is the one mount table: what is served where, and what each route
//! demands of whoever asks. A route without a demand can't be mounted.

// Rocket hands a handler its guards by value.
#![allow(clippy::needless_pass_by_value)]

mod admin;
mod app;
mod body;
mod carrier;
mod catch;
pub mod dialects;
mod documents;
mod forwarded;
mod gate;
mod guard;
mod head;
mod headers;
mod hosts;
mod introspection;
mod metrics;
mod mount;
mod native;
mod once;
#[cfg(test)]
mod openapi;
mod origin;
mod problem;
mod query;
mod quick;
mod reply;
mod request_id;
mod tags;
mod told;

use std::sync::{Arc, OnceLock};

use rocket::{Build, Config, Rocket, config::LogLevel, routes};

pub use self::{
    app::{Answer, AnswerBody, App, Call, LaunchError, Peer, Whole},
    dialects::Dialects,
    documents::openapi_json,
    gate::GateSetting,
    head::{Head, Line, Lines, lines},
    problem::Problem,
    quick::Answered,
    request_id::RequestId,
};
use self::{
    carrier::Carriers,
    hosts::Hosts,
    metrics::Connections,
    mount::{Access, Mount, Territories},
};
use crate::{
    core::decision::Demand,
    ops::{config::Proxies, metrics::Metrics},
    service::Service,
};

/// What every handler can reach.
pub struct Site {
    /// The use cases.
    pub service: Arc<Service>,
    /// The URL that replies and documents name, without a slash at its end.
    pub public_url: String,
    /// Whose word is taken for where a request to jeton's own API came from.
    pub proxies: Proxies,
    /// The host names that are answered.
    hosts: Hosts,
    /// The vendors' APIs that are served.
    dialects: Dialects,
    /// The OpenAPI document of everything that is served, once somebody has asked for it.
    document: OnceLock<String>,
    /// Which API's words are spoken where.
    territories: Territories,
    /// What is scraped.
    metrics: Metrics,
    /// Who is connected, once a door is open.
    connections: Connections,
}

impl Site {
    /// jeton's own host, and its port where the public URL has one.
    fn host(&self) -> Option<&str> {
        let (_, rest) = self.public_url.split_once("://")?;
        rest.split('/').next()
    }
}

/// What an application is set up with.
pub struct Setting {
    /// The URL that replies and documents name, without a slash at its end.
    pub public_url: String,
    /// The other vendors' APIs that are served.
    pub dialects: Dialects,
    /// Host names to answer to beside the public URL's, in lower case.
    pub hosts: Vec<String>,
    /// Whether the gate's proxies count for jeton's own API as well.
    pub api_trusts_proxy: bool,
    /// What the gate is set up with.
    pub gate: GateSetting,
}

/// The mount table, the dialects' apart.
fn mounts() -> Vec<Mount> {
    use Access::{Keyed, Needs, NeedsBasic, Open};
    vec![
        Mount::new("/v1", native::WORDS)
            .carried_by(Carriers::OrCookie)
            .tagged()
            .routes(Needs(Demand::Itself), routes![native::tokens::show_self, native::tokens::delete_self])
            .routes(
                Needs(Demand::Owner),
                routes![
                    native::me::me,
                    native::tokens::create,
                    native::tokens::list,
                    native::tokens::show,
                    native::leaks::list,
                    native::tokens::relabel,
                    native::tokens::delete,
                    native::tokens::disable,
                    native::tokens::enable,
                    native::revocations::create,
                    native::revocations::descendants,
                    native::rotate::rotate,
                    native::rotate::rotate_self,
                    native::uses::privileges,
                    native::uses::stragglers,
                    native::checks::show,
                    native::checks::expiring,
                    native::users::show,
                    native::users::change,
                    native::users::set_password,
                    native::organizations::list,
                    native::organizations::show,
                    native::organizations::policy,
                    native::organizations::privileges,
                    native::modules::list,
                ],
            )
            .routes(Needs(Demand::Introspection), routes![native::introspect::batch, native::leaks::check])
            // The feed's key in the query is the credential.
            .routes(Keyed, routes![native::feeds::calendar])
            // Whoever holds a token's secret may say where it was found: the tokens in the body are the credentials.
            .routes(Open, routes![native::leaks::report])
            // The password in the body is the credential; that the page itself sent it is looked at there.
            .routes(Open, routes![native::sessions::create])
            .routes(Needs(Demand::User), routes![native::sessions::show, native::sessions::delete])
            .routes(
                Needs(Demand::Management),
                routes![
                    native::users::create,
                    native::users::list,
                    native::users::disable,
                    native::users::enable,
                    native::users::delete,
                    native::organizations::change,
                    native::organizations::change_policy,
                    native::modules::create,
                    native::modules::rename,
                    native::modules::remove,
                    native::members::create,
                    native::members::list,
                    native::members::show,
                    native::members::change,
                    native::members::remove,
                    native::events::list,
                    native::feeds::create,
                    native::feeds::list,
                    native::feeds::remove,
                    native::sessions::list,
                    native::sessions::end,
                ],
            )
            .routes(
                Needs(Demand::Operator),
                routes![
                    native::organizations::create,
                    native::organizations::disable,
                    native::organizations::enable,
                    native::organizations::set_privileges,
                    native::organizations::add_privilege,
                    native::organizations::remove_privilege,
                    native::verify::verify,
                    native::backup::create,
                    native::imports::create,
                    native::verify::prune,
                ],
            ),
        Mount::new("/oauth", gate::oauth::WORDS)
            .routes(Needs(Demand::Introspection), routes![gate::oauth::introspect])
            // Whoever holds a token's secret may revoke it: the token in the form is the credential.
            .routes(Open, routes![gate::oauth::revoke]),
        Mount::new("/oauth/token", gate::token::WORDS)
            .routes(NeedsBasic(Demand::User), routes![gate::token::issue]),
        Mount::new("/", native::WORDS).routes(Needs(Demand::Operator), routes![metrics::metrics]).routes(
            Open,
            routes![
                admin::page,
                admin::asset,
                gate::oauth::metadata,
                gate::oauth::metadata_below,
                native::health::live,
                native::health::ready,
                documents::openapi
            ],
        ),
    ]
}

/// The application, ready to be launched by [`App::launch`].
pub fn rocket(service: Arc<Service>, setting: Setting) -> Rocket<Build> {
    let Setting { public_url, dialects, hosts, api_trusts_proxy, gate } = setting;
    let proxies = if api_trusts_proxy { gate.proxies.clone() } else { Proxies::default() };
    let hosts = Hosts::new(&public_url, hosts);
    let config = Config {
        // Rocket's own log prints paths, queries and bodies that failed to parse.
        log_level: LogLevel::Off,
        // Otherwise a client picks its own address with X-Real-IP.
        ip_header: None,
        ident: rocket::config::Ident::none(),
        // Rocket's listener isn't used: the signals are the process's own.
        shutdown: rocket::config::Shutdown {
            ctrlc: false,
            signals: std::collections::HashSet::new(),
            ..Default::default()
        },
        ..Config::release_default()
    };
    // `Shield::new()` holds no policy: it keeps Rocket from attaching its default one.
    let mounts: Vec<Mount> = mounts().into_iter().chain(dialects.mounts()).collect();
    let territories = Territories::of(&mounts);
    let connections = Connections::default();
    let metrics = metrics::of(&service, &dialects.endpoints(), &connections);
    let rocket = rocket::custom(config)
        .attach(rocket::shield::Shield::new())
        .manage(Arc::new(gate::forward::Gate::new(Arc::clone(&service), gate)))
        .manage(Site {
            service,
            public_url,
            proxies,
            hosts,
            dialects,
            document: OnceLock::new(),
            territories,
            metrics,
            connections,
        })
        .register("/", catch::catchers());
    mounts.into_iter().fold(rocket, |rocket, mount| mount.onto(rocket))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Dialects, mounts, openapi_json};

    /// Served, and no part of the API: the page and what it refers to.
    const PAGE: [&str; 2] = ["get /", "get /assets/{digest}/{name}"];

    /// A path without the slash at its end, which Rocket takes for none.
    fn bare(path: &str) -> &str {
        path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path)
    }

    #[test]
    fn the_document_describes_every_route_and_nothing_else() {
        let dialects = Dialects::all();
        let rocket = mounts()
            .into_iter()
            .chain(dialects.mounts())
            .fold(rocket::custom(rocket::Config::default()), |rocket, mount| mount.onto(rocket));
        let served: BTreeSet<String> = rocket
            .routes()
            .map(|route| {
                format!(
                    "{} {}",
                    route.method.as_str().to_lowercase(),
                    bare(&route.uri.path().replace('<', "{").replace("..>", "}").replace('>', "}"))
                )
            })
            .filter(|route| !PAGE.contains(&route.as_str()))
            .collect();
        let document: serde_json::Value = serde_json::from_str(&openapi_json(&dialects)).unwrap();
        let paths = document["paths"].as_object().unwrap();
        // The gate is answered at the door.
        let described: BTreeSet<String> = paths
            .iter()
            .filter(|(path, _)| !path.starts_with("/gate"))
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(move |method| format!("{method} {}", bare(path)))
            })
            .collect();
        assert_eq!(served, described);
    }
}
