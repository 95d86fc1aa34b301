//! Access to the API: off, for administrators, for single users; and workspaces.

use serde_json::{Value, json};

use super::{NONE, TOKENS, id, ids, list, live, mint, refused, routes, seconds, text, value};
use crate::harness::{Reply, Server, estate::bearer, server::Actor};

fn in_workspace(server: &Server, actor: &Actor, method: &str, workspace: &str, body: &Value) -> Reply {
    let mut client = server.client();
    let request = client.request(method, TOKENS).basic(&actor.name, &actor.password);
    let request = request.header("x-trifacta-workspace-id", workspace);
    if body.is_null() { request.send() } else { request.json(body).send() }
}

#[test]
fn access_is_off_then_for_administrators_then_for_a_single_user() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let mia = server.manager_of("acme", "mia");
    let [bo, cy] = ["bo", "cy"].map(|name| server.user_of("acme", name, &json!({})));
    let ask = |actor: &Actor| server.ask(&actor.basic(), "POST", TOKENS, &seconds(100));
    let off = |reply: &Reply| refused(reply, 404, "RouteNotFoundException");
    server.policy("acme", &json!({ "api_access": false }));
    for actor in [&mia, &bo, &cy] {
        off(&ask(actor));
        assert_eq!(live(&server, actor), 0);
    }
    server.policy("acme", &json!({ "api_access": true }));
    ask(&mia).expect(201);
    for actor in [&bo, &cy] {
        refused(&ask(actor), 403, "ForbiddenException");
        assert_eq!(live(&server, actor), 0);
    }
    let member = "/v1/organizations/acme/members/bo";
    server.ask(&mia.basic(), "PATCH", member, &json!({ "may_issue": true })).expect(200);
    let bos = ask(&bo).expect(201).json();
    mint(&server, &bearer(value(&bos)), &seconds(100));
    refused(&ask(&cy), 403, "ForbiddenException");
    server.ask(&mia.basic(), "PATCH", member, &json!({ "may_issue": false })).expect(200);
    refused(&ask(&bo), 403, "ForbiddenException");
    refused(&server.with(value(&bos), "POST", TOKENS, &seconds(100)), 403, "ForbiddenException");
    assert!(server.accepts(value(&bos)), "what was made works on");
}

#[test]
fn where_access_is_off_every_route_is_unknown_to_passwords_and_tokens_alike() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let bo = server.issuer_of("acme", "bo");
    let made = mint(&server, &bo.basic(), &seconds(1000));
    let unknown = server.ask(&bo.basic(), "GET", "/v4/nothing", &NONE);
    refused(&unknown, 404, "RouteNotFoundException");
    server.policy("acme", &json!({ "api_access": false }));
    for (method, path, body) in routes(id(&made)) {
        for authorization in [bo.basic(), bearer(value(&made))] {
            let reply = server.ask(&authorization, method, &path, &body);
            let settled = |reply: &Reply| {
                let mut reply = reply.clone();
                reply.settle();
                reply.headers
            };
            assert_eq!((reply.status, &reply.body), (unknown.status, &unknown.body), "{method} {path}");
            assert_eq!(settled(&reply), settled(&unknown), "{method} {path}");
        }
    }
    server.policy("acme", &json!({ "api_access": true }));
    assert!(server.accepts(value(&made)), "nothing was deleted");
    assert_eq!(live(&server, &bo), 1);
}

#[test]
fn where_an_organization_is_switched_off_so_is_the_api() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let bo = server.issuer_of("acme", "bo");
    let made = mint(&server, &bo.basic(), &seconds(1000));
    server.locally("POST", "/v1/organizations/acme/disable", &NONE).expect(200);
    for (method, path, body) in routes(id(&made)) {
        refused(&server.ask(&bo.basic(), method, &path, &body), 404, "RouteNotFoundException");
        super::unauthorized(&server.with(value(&made), method, &path, &body));
    }
    server.locally("POST", "/v1/organizations/acme/enable", &NONE).expect(200);
    assert!(server.accepts(value(&made)));
}

#[test]
fn a_workspace_is_named_by_slug_number_or_id() {
    let server = Server::start();
    let acme = server.organization("acme", &json!({}));
    let anna = server.user("anna");
    server.join("acme", &anna, &json!({ "may_issue": true, "privileges": ["*:*"] }));
    let home = mint(&server, &anna.basic(), &seconds(100));
    for name in ["acme", text(&acme, "id"), text(&acme, "number"), " acme "] {
        let made = in_workspace(&server, &anna, "POST", name, &seconds(100)).expect(201).json();
        let own = server.with(value(&made), "GET", "/v1/tokens/self", &NONE).expect(200).json();
        assert_eq!(own["organization"], "acme", "{name}");
    }
    let there = in_workspace(&server, &anna, "GET", "acme", &NONE).expect(200).json();
    assert_eq!(there["count"], 4);
    let here = in_workspace(&server, &anna, "GET", "default", &NONE).expect(200).json();
    assert_eq!(ids(&here), [id(&home)]);
    assert_eq!(list(&server, &anna.basic())["count"], 5, "a password sees its own everywhere");
}

#[test]
fn a_workspace_that_is_not_the_callers_is_unknown() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let bo = server.issuer_of("acme", "bo");
    for workspace in ["default", "nowhere", "ACC-0000-0001", "7", ""] {
        for (method, body) in [("GET", NONE), ("POST", seconds(100))] {
            let reply = in_workspace(&server, &bo, method, workspace, &body);
            refused(&reply, 404, "NotFoundException");
        }
    }
    let mut client = server.client();
    let twice = client.get(TOKENS).basic(&bo.name, &bo.password).header("x-trifacta-workspace-id", "acme");
    refused(&twice.header("x-trifacta-workspace-id", "acme").send(), 400, "ValidationFailed");
    // A token is in one organization, and reaches no other.
    let anna = server.user("anna");
    server.join("acme", &anna, &json!({ "may_issue": true }));
    let token = mint(&server, &anna.basic(), &seconds(100));
    let mut client = server.client();
    let elsewhere = client.post(TOKENS).bearer(value(&token)).header("x-trifacta-workspace-id", "acme");
    refused(&elsewhere.json(&seconds(100)).send(), 404, "NotFoundException");
    assert_eq!((live(&server, &bo), live(&server, &anna)), (0, 1));
}

#[test]
fn access_is_the_named_workspaces_own() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let anna = server.user("anna");
    server.join("acme", &anna, &json!({ "may_issue": true }));
    server.policy("acme", &json!({ "api_access": false }));
    for (method, body) in [("GET", NONE), ("POST", seconds(100))] {
        let reply = in_workspace(&server, &anna, method, "acme", &body);
        refused(&reply, 404, "RouteNotFoundException");
    }
    mint(&server, &anna.basic(), &seconds(100));
}
