//! Proxies that ask the gate: nginx and Caddy as they are, with the set-ups that are shipped, before an application that
//! writes down what reaches it; and the requests of those that aren't run here.

mod application;
mod forgery;
mod limits;
pub mod proxy;
mod scenario;
mod shapes;
mod shipped;
mod storm;

use proxy::Kind;
use serde_json::json;

use crate::harness::{Client, Reply, Server, server::Actor};
use application::Application;
use proxy::Proxy;

/// The host that the shipped set-ups serve.
const HOST: &str = "reports.example";

/// A header's name and its value.
type Header<'text> = (&'text str, &'text str);

/// What the application answers with.
const BODY: &str = "this is the application";

/// jeton, an application, and a proxy between the application and the world that asks jeton.
struct Site {
    // In this order they end: nothing is asked of what is gone.
    proxy: Proxy,
    application: Application,
    server: Server,
    /// Somebody who may hold any privilege.
    anna: Actor,
}

impl Site {
    fn new(kind: Kind) -> Self {
        Self::with(kind, &[])
    }

    /// With flags for jeton.
    fn with(kind: Kind, flags: &[&str]) -> Self {
        Self::edited(kind, flags, |site| site)
    }

    /// With flags for jeton, and the proxy's set-up changed.
    fn edited(kind: Kind, flags: &[&str], edited: impl FnOnce(String) -> String) -> Self {
        let server = Server::setup().flags(flags).start();
        let application = Application::start();
        let proxy = Proxy::start(kind, server.address(), application.address(), edited);
        let anna = server.user("anna");
        Self { proxy, application, server, anna }
    }

    /// A token that the gate lets through, with more flags for `token create`.
    fn token(&self, more: &[&str]) -> String {
        self.server.token_with(&self.anna, &[&["--privilege", "orders:read"], more].concat())
    }

    /// A client of the proxy.
    fn client(&self) -> Client {
        self.proxy.client()
    }

    /// Asks for a path with a token and more headers, as one client on a connection of its own.
    fn get(&self, path: &str, token: &str, more: &[Header<'_>]) -> Reply {
        self.ask("GET", path, token, more)
    }

    fn ask(&self, method: &str, path: &str, token: &str, more: &[Header<'_>]) -> Reply {
        let mut client = self.client();
        let request = client.request(method, path).header("Host", HOST).bearer(token);
        more.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
    }

    /// Asserts that a reply is the application's.
    #[track_caller]
    fn passed(&self, reply: &Reply) {
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.text(), BODY);
        assert_eq!(self.application.take().len(), 1);
    }

    /// Asserts a refusal, and that the application saw nothing of it; gives what jeton says was wrong.
    #[track_caller]
    fn refused(&self, reply: &Reply, status: u16) -> String {
        assert_eq!(reply.status, status, "{reply:?}");
        assert!(self.application.take().is_empty(), "refused, and passed on");
        assert!(!reply.text().contains(BODY));
        reply.header("x-auth-reason").unwrap_or_default().into()
    }
}

/// What may be said in a policy to stop all tokens of an organization, and to let them in again.
fn api_access(server: &Server, on: bool) {
    server.policy("default", &json!({ "api_access": on }));
}

/// Each scenario behind each proxy.
macro_rules! behind {
    ($($scenario:ident::$name:ident,)*) => {
        mod nginx {
            //! Behind nginx.
            $(#[test] fn $name() { super::$scenario::$name(super::Kind::Nginx) })*
        }
        mod caddy {
            //! Behind Caddy.
            $(#[test] fn $name() { super::$scenario::$name(super::Kind::Caddy) })*
        }
    };
}

behind![
    scenario::what_is_good_passes_and_what_is_not_is_refused,
    scenario::the_client_is_told_what_jeton_says,
    scenario::a_body_arrives_whole,
    limits::a_token_opens_its_routes_alone,
    limits::a_token_is_good_in_its_networks_alone,
    limits::a_rate_is_429_and_uses_end,
    scenario::without_jeton_everything_is_closed,
    forgery::the_application_is_told_who_it_is_and_nothing_else,
    forgery::nothing_that_a_client_claims_changes_a_decision,
    limits::a_proxy_that_nobody_trusts_is_not_believed,
    scenario::a_token_that_expires_soon_is_announced,
    scenario::each_place_asks_for_what_is_needed_there,
    storm::what_is_stopped_is_stopped_for_the_next_request,
];
