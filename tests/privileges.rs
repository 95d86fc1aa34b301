//! What a token may do: never wider than what minted it, and nothing administrative that wasn't named.

use serde_json::{Value, json};

use crate::harness::{Client, Server, server::named};

/// A server and a token that holds these privileges.
fn holder(privileges: &[&str]) -> (Server, String, Client) {
    let server = Server::start();
    let anna = server.user("anna");
    let made = server.mint(&anna, &json!({ "name": "holder", "privileges": privileges }));
    let client = server.client();
    (server, made["token"].as_str().unwrap().into(), client)
}

fn set(value: &Value) -> Vec<&str> {
    let mut words: Vec<_> = value.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    words.sort_unstable();
    words
}

#[test]
fn not_named_a_token_gets_what_the_credential_holds_but_nothing_of_jetons() {
    let (server, holder, _) = holder(&["mail:read", "mail:send", "disk:*"]);
    let all = server.child(&holder, &named("all"));
    assert_eq!(set(&all["privileges"]), ["disk:*", "mail:read", "mail:send"]);
    let none = server.child(&holder, &json!({ "name": "none", "privileges": [] }));
    assert_eq!(none["privileges"], json!([]));
    let ada = server.administrator("ada");
    let admin = server.mint(&ada, &named("plain"));
    assert!(!admin["privileges"].to_string().contains("jeton:"), "{}", admin["privileges"]);
}

#[test]
fn named_privileges_must_be_held() {
    let (_server, holder, mut client) = holder(&["mail:read", "disk:*"]);
    let mut ask = |privileges: &[&str]| {
        let body = json!({ "name": "t", "privileges": privileges });
        client.post("/v1/tokens").bearer(&holder).json(&body).send()
    };
    let made = ask(&["mail:read", "disk:write"]).expect(201).json();
    assert_eq!(set(&made["privileges"]), ["disk:write", "mail:read"]);
    for wide in
        ["mail:send", "mail:*", "*:read", "*:*", "tape:read", "jeton:admin", "jeton:introspect", "jeton:*"]
    {
        let reply = ask(&["mail:read", wide]);
        assert!(matches!(reply.status, 400 | 403 | 422), "{wide} is {}", reply.status);
    }
}

#[test]
fn a_child_is_never_wider_than_its_parent() {
    let (server, holder, mut client) = holder(&["mail:*", "disk:*"]);
    let parent = server.child(&holder, &json!({ "name": "p", "privileges": ["mail:read", "disk:*"] }));
    let parent = parent["token"].as_str().unwrap();
    let mut ask = |privileges: Value| {
        let body = json!({ "name": "c", "privileges": privileges });
        client.post("/v1/tokens").bearer(parent).json(&body).send()
    };
    for wide in ["mail:send", "mail:*", "*:*", "*:read"] {
        let reply = ask(json!([wide]));
        assert_eq!(reply.problem(403), "privilege_not_held", "{wide}");
    }
    let narrow = ask(json!(["disk:read"])).expect(201).json();
    assert_eq!(set(&narrow["privileges"]), ["disk:read"]);
    let child = narrow["token"].as_str().unwrap();
    let grandchild = server.child(child, &named("g"));
    assert_eq!(set(&grandchild["privileges"]), ["disk:read"]);
    let back = server
        .client()
        .post("/v1/tokens")
        .bearer(child)
        .json(&json!({ "name": "w", "privileges": ["disk:*"] }))
        .send();
    back.problem(403);
}

#[test]
fn privileges_have_one_grammar() {
    let (_server, holder, mut client) = holder(&["*:*"]);
    let mut status = |privilege: &str| {
        let body = json!({ "name": "t", "privileges": [privilege] });
        client.post("/v1/tokens").bearer(&holder).json(&body).send().status
    };
    for good in ["mail:read", "a.b-c_d:0", "mail:*", "*:read", "*:*"] {
        assert_eq!(status(good), 201, "{good}");
    }
    for bad in [
        "",
        ":",
        "mail",
        "mail:",
        ":read",
        "Mail:read",
        "mail:re ad",
        "mail:read:x",
        "m*:read",
        "mail:r*",
        "mail:\u{e9}",
        " mail:read",
    ] {
        assert!(matches!(status(bad), 400 | 422), "{bad:?} is {}", status(bad));
    }
}

#[test]
fn no_wildcard_matches_what_is_reserved() {
    let (_server, token, mut client) = holder(&["*:*"]);
    assert_eq!(client.get("/v1/users").bearer(&token).send().status, 403);
    let reply = client.post("/oauth/introspect").bearer(&token).form("token=x").send();
    assert_eq!(reply.status, 403);
    for reserved in ["jeton:admin", "jeton:introspect"] {
        let body = json!({ "name": "r", "privileges": [reserved] });
        let reply = client.post("/v1/tokens").bearer(&token).json(&body).send();
        assert!(matches!(reply.status, 400 | 403 | 422), "{reserved} is {}", reply.status);
    }
}

#[test]
fn an_operators_script_token_is_not_the_instance() {
    let server = Server::start();
    let ada = server.administrator("ada");
    let script = server.mint(&ada, &named("script"));
    let script = script["token"].as_str().unwrap();
    let admin = server.mint(&ada, &json!({ "name": "admin", "privileges": ["jeton:admin"] }));
    let admin = admin["token"].as_str().unwrap();
    let mut client = server.client();
    let user = |name: &str| json!({ "username": name, "password": "a walk of a crooked mile" });

    assert_eq!(client.get("/v1/users").bearer(script).send().problem(403), "privilege_missing");
    client.post("/v1/users").bearer(script).json(&user("eve")).send().problem(403);
    client.post("/v1/users/ada/disable").bearer(script).send().problem(403);
    let body = json!({ "name": "up", "privileges": ["jeton:admin"] });
    client.post("/v1/tokens").bearer(script).json(&body).send().problem(403);

    client.get("/v1/users").bearer(admin).send().expect(200);
    client.post("/v1/users").bearer(admin).json(&user("berta")).send().expect(201);
    // A password carries its owner's whole role.
    client.get("/v1/users").basic(&ada.name, &ada.password).send().expect(200);
}

#[test]
fn the_privilege_without_the_role_opens_nothing() {
    let server = Server::start();
    let (ada, anna) = (server.administrator("ada"), server.member("anna"));
    let mut client = server.client();
    // The local operator may put any name on a token; the role it acts for is still its owner's.
    let minted =
        server.run(&["token", "create", "--user", "anna", "--name", "t", "--privilege", "jeton:admin"]);
    if minted.code == Some(0) {
        let token = minted.done();
        assert_eq!(client.get("/v1/users").bearer(token.trim()).send().status, 403);
    }
    assert_eq!(client.get("/v1/users").basic(&anna.name, &anna.password).send().status, 403);
    assert_eq!(client.get("/v1/users").basic(&ada.name, &ada.password).send().status, 200);
}

#[test]
fn a_restricted_token_reads_and_revokes_itself_and_nothing_more() {
    let server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let sibling = server.child(&keeper, &named("sibling"));
    let made = server.child(&keeper, &json!({ "name": "r", "restricted": true }));
    assert_eq!(made["restricted"], true);
    let (token, id) = (made["token"].as_str().unwrap(), made["id"].as_str().unwrap());
    let sibling = format!("/v1/tokens/{}", sibling["id"].as_str().unwrap());
    let itself = format!("/v1/tokens/{id}");
    let mut client = server.client();
    let mut ask = |method: &str, path: &str, body: Option<Value>| {
        let request = client.request(method, path).bearer(token).header("If-Match", "\"0\"");
        match body {
            Some(body) => request.json(&body).send(),
            None => request.send(),
        }
    };
    ask("GET", "/v1/tokens/self", None).expect(200);
    let refused: Vec<(&str, String, Option<Value>)> = vec![
        ("GET", "/v1/tokens".into(), None),
        ("POST", "/v1/tokens".into(), Some(named("child"))),
        ("PATCH", itself.clone(), Some(named("other"))),
        ("POST", format!("{itself}/disable"), None),
        ("POST", format!("{itself}/enable"), None),
        ("GET", sibling.clone(), None),
        ("DELETE", sibling.clone(), None),
        ("PATCH", sibling.clone(), Some(named("other"))),
        ("GET", "/v1/users".into(), None),
    ];
    for (method, path, body) in refused {
        let reply = ask(method, &path, body);
        assert!(matches!(reply.status, 403 | 404), "{method} {path} is {}", reply.status);
    }
    ask("DELETE", "/v1/tokens/self", None).expect(204);
    assert!(!server.accepts(token));
    let list = server.client().get("/v1/tokens").bearer(&keeper).send().expect(200).json();
    assert!(list.to_string().contains(&sibling[11..]), "the sibling is still there");
}

#[test]
fn a_restricted_parent_has_no_children_and_a_plain_one_may_have_restricted_ones() {
    let server = Server::start();
    let anna = server.user("anna");
    let restricted = server.token_with(&anna, &["--restricted"]);
    let reply = server.client().post("/v1/tokens").bearer(&restricted).json(&named("child")).send();
    assert_eq!(reply.problem(403), "token_restricted");
}

#[test]
fn a_token_reaches_its_owners_other_tokens() {
    let server = Server::start();
    let anna = server.user("anna");
    let (one, other) = (server.token(&anna), server.mint(&anna, &named("other")));
    let path = format!("/v1/tokens/{}", other["id"].as_str().unwrap());
    let mut client = server.client();
    client.get(&path).bearer(&one).send().expect(200);
    client.patch(&path).bearer(&one).header("If-Match", "\"0\"").json(&named("named")).send().expect(200);
    client.post(&format!("{path}/disable")).bearer(&one).send().expect(200);
    client.post(&format!("{path}/enable")).bearer(&one).send().expect(200);
    client.delete(&path).bearer(&one).send().expect(204);
}

#[test]
fn by_default_only_administrators_issue() {
    let server = Server::start();
    let anna = server.member("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    let by_password = client.post("/v1/tokens").basic(&anna.name, &anna.password).json(&named("t")).send();
    assert_eq!(by_password.problem(403), "issuing_forbidden");
    assert_eq!(
        client.post("/v1/tokens").bearer(&token).json(&named("t")).send().problem(403),
        "issuing_forbidden"
    );
    // What the local operator gave a member is the member's own to read and to revoke.
    client.get("/v1/tokens").bearer(&token).send().expect(200);
    client.delete("/v1/tokens/self").bearer(&token).send().expect(204);
}
