//! The list of the caller's own tokens.

use serde_json::{Value, json};

use super::{
    NONE, ORGANIZATION_KEYS, TOKEN_KEYS, TOKENS, assert_id, assert_keys, list, living, mint, path, text,
};
use crate::harness::{
    Server,
    estate::bearer,
    server::{Actor, named},
};

/// The organization that stands at the caller's only token.
fn organization(server: &Server, actor: &Actor) -> Value {
    list(server, &actor.basic())[0]["organization"].clone()
}

#[test]
fn a_list_is_bare_and_each_token_masked_with_its_organization() {
    let server = Server::start();
    let anna = server.user("anna");
    assert_eq!(list(&server, &anna.basic()), [NONE; 0]);
    let made: Vec<Value> = ["one", "two", "three"]
        .map(|name| mint(&server, &anna.basic(), &json!({ "name": name, "lifetime": "one-week" })))
        .into();
    let reply = server.ask(&anna.basic(), "GET", TOKENS, &NONE).expect(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let listed = list(&server, &anna.basic());
    let names: Vec<_> = listed.iter().map(|token| text(token, "name")).collect();
    assert_eq!(names, ["three", "two", "one"], "the newest first");
    for (token, made) in listed.iter().rev().zip(&made) {
        assert_keys(token, &[&TOKEN_KEYS[..], &["organization"]].concat());
        for member in TOKEN_KEYS.iter().filter(|member| **member != "token") {
            assert_eq!(token[member], made[member], "{member}");
        }
        let (mask, secret) = (text(token, "token"), text(made, "token"));
        assert_eq!(mask, format!("{}…", &secret[..27]), "the prefix and the public id");
        assert!(!reply.text().contains(&secret[27..]), "a secret is in the list");
        let organization = &token["organization"];
        assert_keys(organization, &ORGANIZATION_KEYS);
        for member in ["_id", "owner"] {
            assert_id(organization, member);
        }
        assert_eq!(organization["_id"], token["organizationId"]);
        assert_eq!((&organization["slug"], &organization["status"]), (&json!("default"), &json!(1)));
        assert_eq!(organization["isExecutive"], json!(false));
        assert!(organization["privileges"].is_array());
    }
}

#[test]
fn a_list_holds_the_callers_own_whichever_api_made_them_and_whatever_else_the_caller_may_see() {
    let server = Server::start();
    let (anna, mia, ada) = (server.user("anna"), server.manager("mia"), server.administrator("ada"));
    let here = mint(&server, &anna.basic(), &living("one-week"));
    let native = server.mint(&anna, &named("native"));
    let disabled = server.mint(&anna, &named("disabled"));
    let path = |made: &Value| format!("/v1/tokens/{}", text(made, "id"));
    server.ask(&anna.basic(), "POST", &format!("{}/disable", path(&disabled)), &NONE).expect(200);
    let gone = server.mint(&anna, &named("gone"));
    server.ask(&anna.basic(), "DELETE", &path(&gone), &NONE).expect(204);
    for asker in [anna.basic(), bearer(text(&here, "token")), bearer(text(&native, "token"))] {
        let listed = list(&server, &asker);
        let names: Vec<_> = listed.iter().map(|token| text(token, "name")).collect();
        assert_eq!(names, ["disabled", "native", "t"], "the deleted one isn't listed");
    }
    for other in [&mia, &ada] {
        assert_eq!(list(&server, &other.basic()), [NONE; 0], "{}", other.name);
    }
}

#[test]
fn a_token_that_lives_for_good_has_a_date_too() {
    let server = Server::start();
    server.policy("default", &json!({ "allow_never": true }));
    let anna = server.user("anna");
    server.mint(&anna, &json!({ "name": "t", "lifetime": "never" }));
    assert_eq!(list(&server, &anna.basic())[0]["expiresOn"], json!("9999-12-31T23:59:59.999Z"));
}

#[test]
fn an_organization_is_shown_as_the_vendors_schema_has_it_however_short_its_texts_are() {
    let server = Server::start();
    let long = "é".repeat(200);
    for (slug, more, name, shown, description) in [
        ("a", json!({ "name": "A", "description": "" }), "-a", "-a", "-a"),
        ("bb", json!({ "name": "Bees", "description": "B" }), "Bees", "bb", "Bees"),
        ("cc", json!({ "name": "Seas", "description": "Of all" }), "Seas", "cc", "Of all"),
        (
            "dd",
            json!({ "name": long, "description": "é".repeat(2_000) }),
            &long[..200],
            "dd",
            &"é".repeat(255),
        ),
    ] {
        let made = server.organization(slug, &more);
        let user = server.issuer_of(slug, &format!("user-{slug}"));
        mint(&server, &user.basic(), &living("one-week"));
        let organization = organization(&server, &user);
        assert_keys(&organization, &ORGANIZATION_KEYS);
        assert_eq!(organization["name"], json!(name), "{made}");
        assert_eq!(organization["slug"], json!(shown));
        assert_eq!(organization["description"], json!(description));
    }
}

#[test]
fn an_organization_without_an_owner_has_the_tokens() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let bo = server.issuer_of("acme", "bo");
    let token = mint(&server, &bo.basic(), &living("one-week"));
    assert_eq!(organization(&server, &bo)["owner"], token["userId"]);
    let mia = server.manager_of("acme", "mia");
    server.locally("PATCH", "/v1/organizations/acme", &json!({ "owner": "mia" })).expect(200);
    let mias = mint(&server, &mia.basic(), &living("one-week"));
    assert_eq!(organization(&server, &bo)["owner"], mias["userId"]);
}

#[test]
fn a_picture_is_left_out_where_there_is_none_and_a_switched_off_organization_has_status_0() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let bo = server.issuer_of("acme", "bo");
    mint(&server, &bo.basic(), &living("one-week"));
    assert_keys(&organization(&server, &bo), &ORGANIZATION_KEYS);
    let image = "https://example.com/acme.png";
    server.locally("PATCH", "/v1/organizations/acme", &json!({ "image": image })).expect(200);
    assert_keys(&organization(&server, &bo), &[&ORGANIZATION_KEYS[..], &["imageUrl"]].concat());
    assert_eq!(organization(&server, &bo)["imageUrl"], json!(image));
    server.locally("POST", "/v1/organizations/acme/disable", &NONE).expect(200);
    assert_eq!(organization(&server, &bo)["status"], json!(0));
}

#[test]
fn a_token_that_was_changed_says_so() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = mint(&server, &anna.basic(), &living("one-week"));
    let native = server.with(text(&token, "token"), "GET", "/v1/tokens/self", &NONE);
    let id = format!("/v1/tokens/{}", text(&native.expect(200).json(), "id"));
    server.ask(&anna.basic(), "POST", &format!("{id}/disable"), &NONE).expect(200);
    let listed = &list(&server, &anna.basic())[0];
    assert_eq!(listed["createdAt"], token["createdAt"]);
    assert!(text(listed, "updatedAt") > text(&token, "updatedAt"));
    // A disabled one can still be deleted.
    server.ask(&anna.basic(), "DELETE", &path(&token), &NONE).expect(204);
}
