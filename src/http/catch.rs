//! What no handler answers: unknown routes, wrong methods, panics. Every one is JSON.

use rocket::{Catcher, Orbit, Request, Rocket, catch, catchers, http::Status};

use super::mount::allowed;
use crate::core::refusal::{Failure, Refusal};

/// The catchers.
pub(super) fn catchers() -> Vec<Catcher> {
    catchers![unanswered]
}

/// Why nothing was routed at a path: no route has it, or none with that method. Rocket says 404 to both.
pub(super) fn unrouted(rocket: &Rocket<Orbit>, path: &str) -> Refusal {
    match allowed(rocket.routes(), path) {
        Some(allow) => Refusal::MethodNotAllowed { allow },
        None => Refusal::RouteUnknown,
    }
}

#[catch(default)]
fn unanswered(status: Status, request: &Request<'_>) -> Failure {
    match status.code {
        404 => unrouted(request.rocket(), request.uri().path().as_str()).into(),
        code if code < 500 => Refusal::malformed("the request can't be read").into(),
        // Rocket has no more to say of a panic than that; the panic hook has logged it.
        _ => Failure::broken("a handler didn't answer"),
    }
}
