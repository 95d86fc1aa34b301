//! The document that announces the endpoints (RFC 8414).

use serde_json::json;

use crate::harness::{Reply, Server};

const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";

fn at(server: &Server, rest: &str) -> Reply {
    server.client().get(&format!("{WELL_KNOWN}{rest}")).send()
}

#[test]
fn the_endpoints_are_announced() {
    let server = Server::start();
    let said = at(&server, "").expect(200).json();
    let issuer = format!("http://{}", server.address());
    assert_eq!(
        said,
        json!({
            "issuer": issuer,
            "token_endpoint": format!("{issuer}/oauth/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "introspection_endpoint": format!("{issuer}/oauth/introspect"),
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "Bearer"],
            "revocation_endpoint": format!("{issuer}/oauth/revoke"),
            "revocation_endpoint_auth_methods_supported": ["none"],
            "scopes_supported": ["jeton:introspect", "jeton:admin"],
            "response_types_supported": ["none"],
            "grant_types_supported": ["client_credentials"],
            "service_documentation": format!("{issuer}/openapi.json"),
        })
    );
    for rest in ["/jeton", "/x/y", "/x%2Fy"] {
        assert!(matches!(at(&server, rest).status, 400 | 404), "{rest}");
    }
}

#[test]
fn a_public_url_with_a_path_has_it_after_the_well_known_part() {
    for path in ["jeton", "apps/jeton"] {
        let issuer = format!("https://x.example/{path}");
        let server = Server::setup().flags(&["--public-url", &format!("{issuer}/")]).start();
        let said = at(&server, &format!("/{path}")).expect(200).json();
        assert_eq!(said["issuer"], issuer.as_str());
        assert_eq!(said["introspection_endpoint"], format!("{issuer}/oauth/introspect"));
        // Where a proxy takes the path off.
        assert_eq!(at(&server, "").expect(200).json(), said);
        for rest in ["/jetons", "/Jeton", "/apps", "/jeton/apps", "/apps/jeton/x", "/x.example"] {
            assert_eq!(at(&server, rest).problem(404), "route_unknown", "{path}: {rest}");
        }
        let reply = server.client().post(&format!("{WELL_KNOWN}/{path}")).send();
        assert_eq!(reply.problem(405), "method_not_allowed");
        assert_eq!(reply.header("allow"), Some("GET, HEAD"));
    }
}
