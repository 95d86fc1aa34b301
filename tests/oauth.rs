//! Introspection (RFC 7662), revocation (RFC 7009) and the document that announces them (RFC 8414).

use serde_json::{Value, json};

use crate::harness::{Client, Reply, Server, server::named, token};

fn introspect(client: &mut Client, caller: &str, text: &str) -> Reply {
    let form = format!("token={text}");
    client.post("/oauth/introspect").bearer(caller).form(&form).send()
}

/// A server, an ordinary user's keeper token, and a token that may introspect.
fn stage() -> (Server, String, String) {
    let server = Server::start();
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
    let said = reply.json();
    assert_eq!(said["active"], true);
    assert_eq!(said["username"], "anna");
    let seconds = |text: &Value| text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    assert_eq!(said["exp"], seconds(&made["expires_at"]));
    assert_eq!(said["iat"], seconds(&made["created_at"]));
    assert!(said["scope"].is_string(), "a space-separated list: {said}");
    assert_eq!(said["jti"], made["id"]);
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
fn a_question_is_one_form_field() {
    let (server, keeper, asker) = stage();
    let mut client = server.client();
    let mut ask = |form: &str| client.post("/oauth/introspect").bearer(&asker).form(form).send();
    ask("").problem(400);
    ask("tokens=x").problem(400);
    ask(&format!("token={keeper}&token={keeper}")).problem(400);
    // RFC 7662 lets a caller hint, and a server ignore it.
    assert_eq!(
        ask(&format!("token_type_hint=access_token&token={keeper}")).expect(200).json()["active"],
        true
    );
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
    client.post("/oauth/revoke").form("").send().problem(400);
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

#[test]
fn the_endpoints_are_announced() {
    let server = Server::start();
    let said = server.client().get("/.well-known/oauth-authorization-server").send().expect(200).json();
    let issuer = said["issuer"].as_str().unwrap();
    assert_eq!(issuer, format!("http://{}", server.address()));
    assert_eq!(said["introspection_endpoint"], format!("{issuer}/oauth/introspect"));
    assert_eq!(said["revocation_endpoint"], format!("{issuer}/oauth/revoke"));
}
