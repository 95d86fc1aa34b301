//! What a token mints is never wider than it is, on any axis and in any spelling, whichever API makes it.

use serde_json::{Value, json};

use crate::harness::{Reply, Server, estate::bearer, server::Actor, token};

const NONE: Value = Value::Null;

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn secret(made: &Value) -> String {
    text(&made["token"])
}

/// So many days from now.
fn days(count: i64) -> String {
    let at = jiff::Timestamp::now().as_millisecond() + count * 86_400_000;
    jiff::Timestamp::from_millisecond(at).unwrap().to_string()
}

/// An organization where everything may be asked for, and a parent that is limited on every axis.
struct Family {
    server: Server,
    anna: Actor,
    parent: String,
    other_module: Value,
}

fn limits() -> Value {
    json!({
        "networks": { "allow": ["127.0.0.0/8", "10.0.0.0/9"], "deny": ["127.9.0.0/16"] },
        "routes": ["* 127.0.0.1/v1/*", "GET *.example/v1/*/items"],
        "not_before": "2020-01-01T00:00:00Z", "uses": 100_000, "rate": "100000/h",
    })
}

impl Family {
    fn new() -> Self {
        let server = Server::start();
        server.policy("default", &json!({ "allow_never": true }));
        server.organization("acme", &json!({}));
        let anna = server.user("anna");
        server.join("acme", &anna, &json!({ "privileges": ["*:*"], "may_issue": true }));
        let module = |number: &str| {
            let body = json!({ "number": number, "name": number });
            server.locally("POST", "/v1/organizations/default/modules", &body).expect(201).json()
        };
        module("MOD-1111-1111");
        let other_module = module("MOD-2222-2222");
        let body = json!({
            "name": "parent", "lifetime": "10d", "max_idle": "10d", "privileges": ["orders:*", "bills:read"],
            "modules": ["MOD-1111-1111"], "limits": limits(),
        });
        let parent = secret(&server.mint(&anna, &body));
        Self { server, anna, parent, other_module }
    }

    /// Asks for a child that is as narrow as it has to be, but for this.
    fn ask(&self, but_for: &Value) -> Reply {
        let mut body = json!({ "name": "child", "limits": { "uses": 5 } });
        for (member, value) in but_for.as_object().unwrap() {
            if member == "limits" {
                for (limit, value) in value.as_object().unwrap() {
                    body["limits"][limit] = value.clone();
                }
            } else {
                body[member] = value.clone();
            }
        }
        self.server.with(&self.parent, "POST", "/v1/tokens", &body)
    }

    fn made(&self) -> Value {
        let path = format!("/v1/tokens/{}/descendants?total=true", token::Wire::read(&self.parent).uuid());
        self.server.ask(&self.anna.basic(), "GET", &path, &NONE).expect(200).json()["total"].clone()
    }

    #[track_caller]
    fn refuses(&self, wider: &Value, code: &str, field: &str) {
        let reply = self.ask(wider);
        assert_eq!(reply.problem(403), code, "{wider}");
        assert_eq!(reply.json()["field"], field, "{wider}");
    }
}

#[test]
fn a_child_as_narrow_as_its_parent_is_made() {
    let family = Family::new();
    let made = family.ask(&json!({})).expect(201).json();
    assert_eq!(made["privileges"], json!(["bills:read", "orders:*"]));
    assert_eq!((&made["modules"], &made["max_idle"]), (&json!(["MOD-1111-1111"]), &json!("10d")));
    let own = family.server.with(&family.parent, "GET", "/v1/tokens/self", &NONE).expect(200).json();
    assert_eq!(made["expires_at"], own["expires_at"], "a life that isn't named ends with the parent's");
    assert_eq!(made["parent"], own["id"]);
    let narrower = json!({
        "lifetime": "9d", "max_idle": "9d", "privileges": ["orders:read"], "modules": [], "tied": true,
        "limits": {
            "networks": { "allow": ["::ffff:127.0.0.1", "10.0.0.0/10"] },
            "routes": ["HEAD A.example:8443/v1/7/items"], "not_before": "2020-01-01T00:00:00.001Z",
            "uses": 1, "rate": "1/h",
        },
    });
    let made = family.ask(&narrower).expect(201).json();
    assert_eq!(made["limits"]["networks"]["allow"], json!(["10.0.0.0/10", "127.0.0.1/32"]));
    assert_eq!((&made["tied"], &made["modules"]), (&json!(true), &json!([])));
    assert_eq!(family.made(), 2);
}

#[test]
fn a_child_with_more_privileges_or_modules_is_not_made() {
    let family = Family::new();
    for wider in [
        json!(["bills:write"]),
        json!(["orders:read", "bills:write"]),
        json!(["*:*"]),
        json!(["*:read"]),
        json!(["bills:*"]),
        json!(["orders:*", "*:write"]),
        json!(["jeton:admin"]),
        json!(["jeton:introspect"]),
    ] {
        family.refuses(&json!({ "privileges": wider }), "privilege_not_held", "privileges");
    }
    for other in ["MOD-2222-2222", family.other_module["id"].as_str().unwrap()] {
        for wider in [json!([other]), json!(["MOD-1111-1111", other])] {
            family.refuses(&json!({ "modules": wider }), "wider_than_minter", "modules");
        }
    }
    assert_eq!(family.made(), 0);
}

#[test]
fn a_child_with_wider_limits_is_not_made() {
    let family = Family::new();
    for (wider, field) in [
        (json!({ "networks": { "allow": ["0.0.0.0/0"] } }), "limits.networks.allow"),
        (json!({ "networks": { "allow": ["126.0.0.0/7"] } }), "limits.networks.allow"),
        (json!({ "networks": { "allow": ["10.0.0.0/8"] } }), "limits.networks.allow"),
        (json!({ "networks": { "allow": ["127.0.0.1", "10.128.0.1"] } }), "limits.networks.allow"),
        (json!({ "networks": { "allow": ["::/0"] } }), "limits.networks.allow"),
        (json!({ "networks": { "allow": ["::1"] } }), "limits.networks.allow"),
        (json!({ "networks": { "allow": ["::127.0.0.1"] } }), "limits.networks.allow"),
        (json!({ "networks": { "allow": ["::ffff:11.0.0.1"] } }), "limits.networks.allow"),
        (json!({ "networks": { "allow": ["::ffff:b00:1"] } }), "limits.networks.allow"),
        (json!({ "networks": { "allow": ["::fffe:0:0/95"] } }), "limits.networks.allow"),
        (json!({ "routes": ["* */*"] }), "limits.routes"),
        (json!({ "routes": ["* 127.0.0.1/*"] }), "limits.routes"),
        (json!({ "routes": ["* 127.0.0.1/v1"] }), "limits.routes"),
        (json!({ "routes": ["* 127.0.0.1/V1/x"] }), "limits.routes"),
        (json!({ "routes": ["* 127.0.0.1/%761/x"] }), "limits.routes"),
        (json!({ "routes": ["* 127.0.0.1/*/x"] }), "limits.routes"),
        (json!({ "routes": ["* *.0.0.1/v1/x"] }), "limits.routes"),
        (json!({ "routes": ["* 127.0.0.1/v1/x", "POST a.example/v1/7/items"] }), "limits.routes"),
        (json!({ "routes": ["GET example/v1/7/items"] }), "limits.routes"),
        (json!({ "routes": ["GET a.EXAMPLE/v1/*"] }), "limits.routes"),
        (json!({ "routes": ["GET a.example.org/v1/7/items"] }), "limits.routes"),
        (json!({ "not_before": "2019-12-31T23:59:59.999Z" }), "limits.not_before"),
        (json!({ "not_before": "2020-01-01T00:59:59+01:00" }), "limits.not_before"),
        (json!({ "uses": null }), "limits.uses"),
        (json!({ "uses": 100_001 }), "limits.uses"),
        (json!({ "uses": 1_000_000_000_000_i64 }), "limits.uses"),
        (json!({ "rate": "100001/h" }), "limits.rate"),
        (json!({ "rate": "1/s" }), "limits.rate"),
        (json!({ "rate": "100000/min" }), "limits.rate"),
        (json!({ "rate": "100000/day" }), "limits.rate"),
    ] {
        family.refuses(&json!({ "limits": wider }), "wider_than_minter", field);
    }
    // What is no network or route at all is none that is wider.
    for bad in [
        json!({ "networks": { "allow": ["::ffff:0:0/96"] } }),
        json!({ "networks": { "allow": ["127.0.0.1/0"] } }),
        json!({ "routes": ["* 127.0.0.1/v1/%2e%2e/x"] }),
        json!({ "routes": ["* 127.0.0.1./v1/x"] }),
        json!({ "rate": "0100/h" }),
    ] {
        family.ask(&json!({ "limits": bad })).expect(400);
    }
    // Nothing named is nothing more.
    for empty in [
        json!({ "routes": [] }),
        json!({ "networks": { "allow": [], "deny": [] } }),
        json!({ "networks": {} }),
    ] {
        let made = family.ask(&json!({ "limits": empty })).expect(201).json();
        assert_eq!(made["limits"]["routes"], limits()["routes"]);
        assert_eq!(
            made["limits"]["networks"],
            json!({
                "allow": ["10.0.0.0/9", "127.0.0.0/8"], "deny": ["127.9.0.0/16"],
            })
        );
    }
    assert_eq!(family.made(), 3);
}

#[test]
fn a_child_that_lives_or_idles_longer_is_not_made() {
    let family = Family::new();
    for wider in ["11d", "2w", "241h", "never", &days(11), &days(11).replace('Z', "+00:00")] {
        family.refuses(&json!({ "lifetime": wider }), "wider_than_minter", "lifetime");
    }
    family.refuses(&json!({ "expires_at": days(11) }), "wider_than_minter", "expires_at");
    let mut latest = days(10).replace('Z', "-00:01");
    family.refuses(&json!({ "expires_at": latest }), "wider_than_minter", "expires_at");
    latest = days(9);
    assert_eq!(family.ask(&json!({ "expires_at": latest })).expect(201).json()["depth"], NONE);
    for wider in ["11d", "2w", "241h", "864001s"] {
        family.refuses(&json!({ "max_idle": wider }), "wider_than_minter", "max_idle");
    }
    family.ask(&json!({ "max_idle": "never" })).expect(400);
    assert_eq!(family.made(), 1);
}

#[test]
fn a_child_of_another_owner_or_organization_is_not_made() {
    let family = Family::new();
    family.server.user("berta");
    let reply = family.ask(&json!({ "owner": "berta" }));
    assert_eq!(reply.problem(403), "owner_foreign");
    // Its owner is in there; the token isn't.
    assert_eq!(family.ask(&json!({ "organization": "acme" })).problem(404), "not_found");
    assert_eq!(family.made(), 0);
}

/// A token can't leave behind what outlives that which it was tied to.
#[test]
fn what_a_tied_token_mints_is_tied_as_well() {
    let server = Server::start();
    let anna = server.user("anna");
    let parent = server.token(&anna);
    let tied = secret(&server.child(&parent, &json!({ "name": "tied", "tied": true })));
    let body = json!({ "name": "loose", "tied": false });
    let reply = server.with(&tied, "POST", "/v1/tokens", &body);
    assert_eq!((reply.problem(403).as_str(), &reply.json()["field"]), ("wider_than_minter", &json!("tied")));
    let unsaid = server.child(&tied, &json!({ "name": "unsaid" }));
    assert_eq!(unsaid["tied"], true);
    let week = json!({ "name": "t", "lifetime": "one-week" });
    let through_another = server.ask(&bearer(&tied), "POST", "/api/v1/me/tokens", &week).expect(201).json();
    assert_eq!(server.child(&parent, &body)["tied"], false);
    server.client().delete("/v1/tokens/self").bearer(&parent).send().expect(204);
    for gone in [&tied, &secret(&unsaid), &secret(&through_another)] {
        let reply = server.with(gone, "GET", "/v1/tokens/self", &NONE);
        assert_eq!(reply.problem(401), "parent_dead");
    }
}

#[test]
fn only_what_a_token_mints_can_be_tied() {
    let server = Server::start();
    let anna = server.user("anna");
    for authorization in [anna.basic(), bearer(server.secret())] {
        let local = authorization.starts_with("Bearer");
        let mut body = json!({ "name": "t", "tied": true });
        if local {
            body["owner"] = json!("anna");
        }
        let reply = server.ask(&authorization, "POST", "/v1/tokens", &body);
        assert_eq!((reply.problem(400).as_str(), &reply.json()["field"]), ("invalid", &json!("tied")));
        body["tied"] = json!(false);
        assert_eq!(server.ask(&authorization, "POST", "/v1/tokens", &body).expect(201).json()["tied"], false);
    }
}

/// Their scripts renew a token by itself, so a life may be longer there; and nothing else may.
#[test]
fn no_other_api_makes_a_wider_child_either() {
    let server = Server::start();
    let anna = server.user("anna");
    let limits = json!({ "networks": { "allow": ["127.0.0.1"] }, "rate": "1000/h" });
    let body = json!({
        "name": "parent", "lifetime": "2d", "privileges": ["orders:read"], "max_idle": "10d", "limits": limits,
    });
    let parent = server.mint(&anna, &body);
    let by = bearer(&secret(&parent));
    let basic = Actor { name: "anna".into(), password: secret(&parent) }.basic();
    let path = format!("/v1/tokens/{}/descendants?total=true", text(&parent["id"]));
    let children = || server.ask(&anna.basic(), "GET", &path, &NONE).expect(200).json();
    let week = json!({ "name": "t", "lifetime": "one-week" });
    for wider in ["orders:write", "orders:*", "*:*", "*:read", "jeton:admin"] {
        let mut body = week.clone();
        body["privileges"] = json!([wider]);
        let reply = server.ask(&by, "POST", "/api/v1/me/tokens", &body).expect(400);
        assert!(reply.text().contains(wider), "{}", reply.text());
        let form = format!("grant_type=client_credentials&scope={wider}");
        let mut client = server.client();
        let reply =
            client.post("/oauth/token").header("Authorization", &basic).form(&form).send().expect(400);
        assert_eq!(reply.json()["error"], "invalid_scope");
    }
    assert_eq!(children()["total"], 0);
    for (by, path, body) in [
        (&by, "/api/v1/me/tokens", week),
        (&by, "/v4/apiAccessTokens", json!({ "lifetimeSeconds": 3 * 86_400 })),
        (&by, "/api/access-tokens", json!({ "name": "t" })),
        (&by, "/public/v1/accounts/api-tokens", json!({ "name": "t" })),
        (&basic, "/ds-api/user-token", NONE),
    ] {
        server.ask(by, "POST", path, &body).expect(201);
    }
    let form = "grant_type=client_credentials";
    server.client().post("/oauth/token").header("Authorization", &basic).form(form).send().expect(200);
    let children = children();
    assert_eq!(children["total"], 6);
    for child in children["items"].as_array().unwrap() {
        assert_eq!(child["privileges"], json!(["orders:read"]));
        assert_eq!(
            (&child["limits"]["networks"], &child["limits"]["rate"]),
            (&parent["limits"]["networks"], &json!("1000/h"))
        );
        assert_eq!(child["max_idle"], "10d");
    }
}
