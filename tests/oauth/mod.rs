//! Introspection (RFC 7662), revocation (RFC 7009) and the document that announces them (RFC 8414).

mod batch;
mod client;
mod grant;
mod metadata;
mod refusals;

use serde_json::{Value, json};

use crate::harness::{
    Client, Reply, Server,
    server::{Setup, named},
    token,
};

fn introspect(client: &mut Client, caller: &str, text: &str) -> Reply {
    let form = format!("token={text}");
    client.post("/oauth/introspect").bearer(caller).form(&form).send()
}

/// A server, an ordinary user's keeper token, and a token that may introspect.
fn stage() -> (Server, String, String) {
    stage_on(Server::setup())
}

/// The same with settings of its own.
fn stage_on(setup: Setup) -> (Server, String, String) {
    let server = setup.start();
    let (anna, ada) = (server.user("anna"), server.administrator("ada"));
    let keeper = server.token(&anna);
    let asker = server.token_with(&ada, &["--privilege", "jeton:introspect"]);
    (server, keeper, asker)
}

#[test]
fn a_live_token_is_described_in_the_standards_terms() {
    let (server, keeper, asker) = stage();
    let made = server.child(&keeper, &json!({ "name": "asked", "lifetime": "2h" }));
    let mut client = server.client();
    let reply = introspect(&mut client, &asker, made["token"].as_str().unwrap()).expect(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("pragma"), None, "it says nothing in a reply (RFC 9111, 5.4)");
    let said = reply.json();
    assert_eq!(said["active"], true);
    assert_eq!(said["username"], "anna");
    let seconds = |text: &Value| text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    assert_eq!(said["exp"], seconds(&made["expires_at"]));
    assert_eq!(said["iat"], seconds(&made["created_at"]));
    assert!(said["scope"].is_string(), "a space-separated list: {said}");
    assert_eq!((&said["jti"], &said["client_id"]), (&made["id"], &made["id"]));
    assert_eq!(said["nbf"], said["iat"]);
    assert_eq!(said["aud"], "default");
    assert_eq!(said["organization"], "default");
    assert_eq!(said["iss"], format!("http://{}", server.address()));
    let members: Vec<_> = said.as_object().unwrap().keys().map(String::as_str).collect();
    let mut known = [
        "active",
        "scope",
        "client_id",
        "username",
        "token_type",
        "exp",
        "iat",
        "nbf",
        "sub",
        "aud",
        "iss",
        "jti",
        "organization",
    ];
    known.sort_unstable();
    assert_eq!(members.iter().copied().collect::<std::collections::BTreeSet<_>>(), known.into());
    assert!(!reply.text().contains("jtn_"));
}

#[test]
fn whatever_is_not_usable_is_exactly_inactive() {
    let (server, keeper, asker) = stage();
    let mut client = server.client();
    let disabled = server.child(&keeper, &named("disabled"));
    client
        .post(&format!("/v1/tokens/{}/disable", disabled["id"].as_str().unwrap()))
        .bearer(&keeper)
        .send()
        .expect(200);
    let deleted = server.child(&keeper, &named("deleted"));
    let deleted = deleted["token"].as_str().unwrap();
    client.delete("/v1/tokens/self").bearer(deleted).send().expect(204);
    let good = server.child(&keeper, &named("good"));
    let good = good["token"].as_str().unwrap();
    for (what, text) in [
        ("disabled", disabled["token"].as_str().unwrap().to_owned()),
        ("deleted", deleted.to_owned()),
        ("wrong secret", token::resealed(&token::altered(good, 40))),
        ("unknown", token::resealed(&token::altered(good, 20))),
        ("misspelt", token::altered(good, 40)),
        ("none at all", "hello".into()),
        ("empty", String::new()),
        ("a local secret", server.secret().into()),
        ("a password", "anna+walks+a+crooked+mile".into()),
        ("not UTF-8", "%ff%fe".into()),
    ] {
        let reply = introspect(&mut client, &asker, &text);
        if !matches!(what, "empty" | "not UTF-8") || reply.status == 200 {
            assert_eq!((reply.status, reply.text().as_str()), (200, "{\"active\":false}"), "{what}");
        } else {
            reply.problem(400);
        }
    }
    let owner = server.user("berta");
    let theirs = server.token(&owner);
    server.run(&["user", "disable", "berta"]).done();
    assert_eq!(introspect(&mut client, &asker, &theirs).text(), "{\"active\":false}", "of a disabled user");
}

#[test]
fn whoever_asks_must_be_allowed_to() {
    let (server, keeper, asker) = stage();
    let mut client = server.client();
    assert_eq!(client.post("/oauth/introspect").form("token=x").send().status, 401);
    assert_eq!(introspect(&mut client, &keeper, &keeper).status, 403, "even about itself");
    let restricted = server.child(&keeper, &json!({ "name": "r", "restricted": true }));
    assert_eq!(introspect(&mut client, restricted["token"].as_str().unwrap(), &keeper).status, 403);
    let ada = server.administrator("ada2");
    let form = format!("token={keeper}");
    let reply =
        client.post("/oauth/introspect").basic(&ada.name, &ada.password).form(&form).send().expect(200);
    assert_eq!(reply.json()["active"], true);
    introspect(&mut client, &asker, &keeper).expect(200);
}

#[test]
fn a_token_is_a_clients_secret_in_basic() {
    let (server, keeper, asker) = stage();
    let mut client = server.client();
    let id = token::Wire::read(&asker).uuid();
    let uri = format!("secret-token:{asker}");
    let encoded = uri.replace(':', "%3A").replace('_', "%5F");
    for (name, secret) in [
        (id.as_str(), asker.as_str()),
        // RFC 6749, 2.3.1: a name and a secret are each form-encoded before they are joined.
        ("a%3Aclient+of%20ours", &asker),
        ("client", &uri),
        ("client", &encoded),
        ("", &asker),
        (&asker, ""),
        (&encoded, ""),
    ] {
        let form = format!("token={keeper}");
        let reply = client.post("/oauth/introspect").basic(name, secret).form(&form).send();
        assert_eq!(reply.expect(200).json()["active"], true, "{name}");
    }
    // A secret in the form is none of the ways that are announced.
    let form = format!("client_id={id}&client_secret={asker}&token={keeper}");
    client.post("/oauth/introspect").form(&form).send().expect(401);
}

#[test]
fn a_question_is_one_form_field() {
    let (server, keeper, asker) = stage();
    let mut client = server.client();
    let mut ask = |form: &str| client.post("/oauth/introspect").bearer(&asker).form(form).send();
    ask("").problem(400);
    ask("tokens=x").problem(400);
    // RFC 6749, 3.1: a field without a value isn't there, and none stands twice, whatever it is.
    ask("token=").problem(400);
    ask(&format!("token={keeper}&token={keeper}")).problem(400);
    ask(&format!("token={keeper}&t%6Fken=")).problem(400);
    ask(&format!("token={keeper}&nothing=1&nothing=2")).problem(400);
    // RFC 7662 lets a caller hint, and a server ignore it.
    for hint in ["access_token", "refresh_token", "", "%22+nothing%0A"] {
        let reply = ask(&format!("token_type_hint={hint}&token={keeper}&nothing=1"));
        assert_eq!(reply.expect(200).json()["active"], true, "{hint}");
    }
    let as_json = client.post("/oauth/introspect").bearer(&asker).json(&json!({ "token": keeper })).send();
    assert!(matches!(as_json.status, 400 | 415), "{}", as_json.status);
}

#[test]
fn whoever_holds_the_secret_may_revoke_it() {
    let (server, keeper, _) = stage();
    let made = server.child(&keeper, &named("leaked"));
    let token = made["token"].as_str().unwrap();
    let mut client = server.client();
    let reply = client.post("/oauth/revoke").form(&format!("token={token}")).send().expect(200);
    assert_eq!(reply.body, b"");
    assert!(!server.accepts(token));
    assert!(server.accepts(&keeper));
    client
        .post("/oauth/revoke")
        .form(&format!("token={token}&token_type_hint=refresh_token"))
        .send()
        .expect(200);
}

#[test]
fn revoking_what_is_unknown_is_200_and_does_nothing() {
    let (server, keeper, _) = stage();
    let mut client = server.client();
    for text in [
        token::resealed(&token::altered(&keeper, 40)),
        token::resealed(&token::altered(&keeper, 20)),
        token::altered(&keeper, 40),
        "hello".into(),
    ] {
        client.post("/oauth/revoke").form(&format!("token={text}")).send().expect(200);
    }
    for form in ["", "token=", "token_type_hint=access_token", "token=x&token=y", "token=x&descendants=yes"] {
        client.post("/oauth/revoke").form(form).send().problem(400);
    }
    // A client's own credentials aren't looked at: what is revoked is its own credential.
    client
        .post("/oauth/revoke")
        .basic("nobody", "nothing")
        .form("token=x&client_id=nobody")
        .send()
        .expect(200);
    client.post("/oauth/revoke").form("token=x&token_type_hint=%22nothing&descendants=").send().expect(200);
    assert!(server.accepts(&keeper));
}

#[test]
fn descendants_go_along_when_that_is_asked_for() {
    for asked in [false, true] {
        let (server, keeper, _) = stage();
        let parent = server.child(&keeper, &named("parent"));
        let parent = parent["token"].as_str().unwrap();
        let child = server.child(parent, &named("child"));
        let child = child["token"].as_str().unwrap();
        let grandchild = server.child(child, &named("grandchild"));
        let aunt = server.child(&keeper, &named("aunt"));
        let flag = if asked { "&descendants=true" } else { "" };
        server.client().post("/oauth/revoke").form(&format!("token={parent}{flag}")).send().expect(200);
        assert!(!server.accepts(parent));
        assert_eq!(server.accepts(child), !asked);
        assert_eq!(server.accepts(grandchild["token"].as_str().unwrap()), !asked);
        assert!(server.accepts(aunt["token"].as_str().unwrap()) && server.accepts(&keeper));
    }
}
