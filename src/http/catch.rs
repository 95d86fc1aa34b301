//! What no handler answers: unknown routes, wrong methods, panics. Each in the words of the API whose path it is.

use rocket::{Catcher, Orbit, Request, Rocket, catch, catchers, http::Status};

use super::{
    Site,
    mount::allowed,
    native,
    reply::{Reply, Words},
};
use crate::core::refusal::{Failure, Refusal};

/// The catchers.
pub(super) fn catchers() -> Vec<Catcher> {
    catchers![unanswered]
}

/// Why nothing was routed at a path: no route has it, or none with that method. Rocket says 404 to both.
fn unrouted(rocket: &Rocket<Orbit>, path: &str) -> Refusal {
    match allowed(rocket.routes(), path) {
        Some(allow) => Refusal::MethodNotAllowed { allow },
        None => Refusal::RouteUnknown,
    }
}

fn words(rocket: &Rocket<Orbit>, path: &str) -> Words {
    rocket.state::<Site>().map_or(native::WORDS, |site| site.territories.words(path))
}

/// What is said where nothing was routed at a path.
pub(super) fn said(rocket: &Rocket<Orbit>, path: &str) -> Reply {
    (words(rocket, path).0)(&unrouted(rocket, path).into())
}

#[catch(default)]
fn unanswered(status: Status, request: &Request<'_>) -> Reply {
    let path = request.uri().path().as_str();
    let failure = match status.code {
        404 => return said(request.rocket(), path),
        code if code < 500 => Refusal::malformed("the request can't be read").into(),
        // Rocket has no more to say of a panic than that; the panic hook has logged it.
        _ => Failure::broken("a handler didn't answer"),
    };
    (words(request.rocket(), path).0)(&failure)
}
