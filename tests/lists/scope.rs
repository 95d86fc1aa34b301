//! Who sees what, and what is asked wrongly.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{filled, local, text};
use crate::harness::{Server, server::Actor};

/// Whoever was made by `fill`, with a password from now on.
fn actor(server: &Server, name: &str) -> Actor {
    let actor = Actor { name: name.into(), password: format!("{name} walks a crooked mile") };
    let body = json!({ "password": actor.password });
    let path = format!("/v1/users/{name}/password");
    server.client().request("PUT", &path).bearer(server.secret()).json(&body).send().expect(204);
    actor
}

#[test]
fn everybody_sees_what_is_theirs_to_see() {
    let server = filled(300);
    let (ada, member, manager) =
        (server.administrator("ada"), actor(&server, "user-5"), actor(&server, "user-3"));
    let mut local = local(&server);
    let all = local.all("/v1/tokens", 200);
    let expected = |keep: &dyn Fn(&Value) -> bool| -> Vec<Value> {
        all.iter().filter(|item| keep(item)).cloned().collect()
    };
    let mint =
        |actor: &Actor, extra: &[&str]| server.token_with(actor, &[extra, &["--lifetime", "1d"]].concat());
    let ids = |items: &[Value]| -> HashSet<String> {
        items.iter().map(|item| text(item, "id").to_owned()).collect()
    };
    let by_password = |actor: &Actor, path: &str| -> Vec<Value> {
        let path = format!("{path}{}limit=200", if path.contains('?') { '&' } else { '?' });
        let reply = server.client().get(&path).basic(&actor.name, &actor.password).send().expect(200);
        reply.json()["items"].as_array().unwrap().clone()
    };
    let status = |actor: &Actor, path: &str| {
        server.client().get(path).basic(&actor.name, &actor.password).send().status
    };
    // A member: their own, everywhere; in an organization, their own there; others are unknown.
    let own = |item: &Value| item["owner"] == "user-5";
    assert_eq!(by_password(&member, "/v1/tokens"), expected(&own));
    assert_eq!(
        by_password(&member, "/v1/tokens?organization=org-2"),
        expected(&|item| own(item) && item["organization"] == "org-2")
    );
    assert_eq!(by_password(&member, "/v1/tokens?owner=user-5"), expected(&own));
    assert_eq!(status(&member, "/v1/tokens?owner=user-3"), 404);
    assert_eq!(status(&member, "/v1/tokens?owner=nobody"), 404);
    assert_eq!(status(&member, "/v1/tokens?organization=nowhere"), 404);
    for path in ["/v1/users", "/v1/events", "/v1/organizations/org-1/members"] {
        let reply = server.client().get(path).basic(&member.name, &member.password).send();
        assert_eq!(reply.problem(403), "administrator_required", "{path}");
    }
    // An administrator of every organization, at home in `default`.
    assert_eq!(by_password(&manager, "/v1/tokens").len(), 0, "none are in default");
    assert_eq!(
        by_password(&manager, "/v1/tokens?organization=org-4"),
        expected(&|item| item["organization"] == "org-4")
    );
    assert_eq!(
        by_password(&manager, "/v1/tokens?organization=org-4&owner=user-5"),
        expected(&|item| item["organization"] == "org-4" && own(item))
    );
    assert_eq!(by_password(&manager, "/v1/users").len(), 21);
    assert_eq!(by_password(&manager, "/v1/organizations/org-1/members").len(), 20);
    let events = by_password(&manager, "/v1/events?organization=org-1");
    assert!(!events.is_empty() && events.iter().all(|event| event["organization"] == "org-1"));
    assert!(by_password(&manager, "/v1/events").iter().all(|event| event["organization"] == "default"));
    // An operator: all of it.
    assert_eq!(by_password(&ada, "/v1/tokens").len(), all.len().min(200));
    assert_eq!(by_password(&ada, "/v1/users?organization=org-1").len(), 20);

    // Tokens see no farther than their organization, and manage only with jeton:admin.
    let plain = mint(&manager, &["--organization", "org-1", "--privilege", "a:b"]);
    let admin = mint(&manager, &["--organization", "org-1", "--privilege", "jeton:admin"]);
    let restricted = mint(&manager, &["--organization", "org-1", "--restricted"]);
    let ask = |token: &str, path: &str| server.client().get(path).bearer(token).send();
    let listed = |token: &str, path: &str| {
        let reply = ask(token, &format!("{path}{}limit=200", if path.contains('?') { '&' } else { '?' }));
        reply.expect(200).json()["items"].as_array().unwrap().clone()
    };
    let all = local.all("/v1/tokens", 200);
    let in_org = |keep: &dyn Fn(&Value) -> bool| -> HashSet<String> {
        ids(&all
            .iter()
            .filter(|item| item["organization"] == "org-1" && keep(item))
            .cloned()
            .collect::<Vec<_>>())
    };
    assert_eq!(ids(&listed(&plain, "/v1/tokens")), in_org(&|item| item["owner"] == "user-3"));
    assert_eq!(ids(&listed(&admin, "/v1/tokens")), in_org(&|_| true));
    assert_eq!(ids(&listed(&admin, "/v1/tokens?owner=user-5")), in_org(&own));
    for path in
        ["/v1/tokens?organization=org-2", "/v1/users?organization=org-2", "/v1/events?organization=org-2"]
    {
        assert_eq!(ask(&admin, path).problem(404), "not_found", "{path}");
    }
    assert_eq!(ask(&plain, "/v1/tokens?organization=org-2").problem(404), "not_found");
    for path in ["/v1/users", "/v1/events", "/v1/organizations/org-1/members"] {
        assert_eq!(ask(&plain, path).problem(403), "privilege_missing", "{path}");
        assert_eq!(ask(&restricted, path).problem(403), "token_restricted", "{path}");
        ask(&admin, path).expect(200);
    }
    assert_eq!(ask(&restricted, "/v1/tokens").problem(403), "token_restricted");
    assert_eq!(listed(&admin, "/v1/users").len(), 20);
}

#[test]
fn what_a_list_is_asked_wrongly_is_named() {
    let server = filled(40);
    let mut local = local(&server);
    for (path, field) in [
        ("/v1/tokens?status=Active", "status"),
        ("/v1/tokens?status=", "status"),
        ("/v1/tokens?name=", "name"),
        ("/v1/tokens?name=a%00b", "name"),
        ("/v1/tokens?name=%ff", "name"),
        ("/v1/tokens?privilege=x", "privilege"),
        ("/v1/tokens?minted_by=nobody", "minted_by"),
        ("/v1/tokens?expires_before=tomorrow", "expires_before"),
        ("/v1/tokens?unused_since=1", "unused_since"),
        ("/v1/tokens?created_after=2026-01-01", "created_after"),
        ("/v1/tokens?created_before=", "created_before"),
        ("/v1/tokens?sort=owner", "sort"),
        ("/v1/tokens?sort=--name", "sort"),
        ("/v1/tokens?sort=", "sort"),
        ("/v1/tokens?total=1", "total"),
        ("/v1/tokens?limit=0", "limit"),
        ("/v1/tokens?limit=201", "limit"),
        ("/v1/tokens?status=active&status=active", "status"),
        ("/v1/users?active=yes", "active"),
        ("/v1/users?operator=1", "operator"),
        ("/v1/users?role=owner", "role"),
        ("/v1/users?sort=name", "sort"),
        ("/v1/organizations/org-1/members?may_issue=null", "may_issue"),
        ("/v1/organizations/org-1/members?sort=role", "sort"),
        ("/v1/events?since=x", "since"),
        ("/v1/events?format=xml", "format"),
        ("/v1/events?sort=at", "sort"),
        ("/v1/events?kind=.", "kind"),
    ] {
        let reply = local.send(path);
        assert_eq!(reply.problem(400), "invalid", "{path}");
        assert_eq!(reply.json()["field"], field, "{path}");
    }
    for path in ["/v1/tokens?nothing=1", "/v1/users?owner=x", "/v1/events?name=x", "/v1/tokens?active=true"] {
        assert_eq!(local.send(path).problem(400), "malformed", "{path}");
    }
}
