//! Every view: in light and dark, on a phone, for whoever may see it, and for everybody's eyes and ears.

use serde_json::json;

use super::{NARROW, enter, open};
use crate::harness::{Browser, Server, server::named};

/// Each view: its address, and what it says.
fn views(token: &str) -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("tokens", "#/tokens".into(), "Tokens"),
        ("new-token", "#/tokens/new".into(), "New token"),
        ("token", format!("#/tokens/{token}"), "Begins with"),
        ("checks", "#/checks".into(), "Checks"),
        ("users", "#/users".into(), "Users"),
        ("user", "#/users/bob".into(), "bob"),
        ("organizations", "#/organizations".into(), "Organizations"),
        ("organization", "#/organizations/default".into(), "Members"),
        ("events", "#/events".into(), "Events"),
        ("incident", "#/revocations".into(), "Incident"),
        ("account", "#/account".into(), "Your account"),
    ]
}

/// Goes to a view and waits until it stands there.
#[track_caller]
fn go(browser: &Browser, address: &str, says: &str) {
    browser.script("location.hash = arguments[0]", vec![json!(address)]);
    browser.until(address, || {
        let busy = browser.script("return document.querySelector('main').ariaBusy === 'true'", vec![]);
        busy == false && browser.text().contains(says)
    });
}

/// A server with something to see in each view, and the id of a token.
fn scene() -> (Server, String) {
    let server = Server::start();
    let ada = server.administrator("ada");
    let bob = server.user("bob");
    let made = server.mint(&bob, &named("nightly report"));
    let token = made["token"].as_str().unwrap();
    let mut client = server.client();
    for _ in 0..5 {
        client.get("/v1/tokens/self").header("User-Agent", "curl/8").bearer(token).send().expect(200);
    }
    client.get("/gate?require=orders:write").bearer(token).send();
    client.get("/v1/users").bearer(token).send().expect(403);
    client.get("/v1/me").bearer("jtn_none").send().expect(401);
    for (name, lifetime) in [("deploy key", "7d"), ("grafana", "60d"), ("backup", "300d")] {
        let body = json!({ "name": name, "lifetime": lifetime, "privileges": ["orders:read"] });
        server.mint(&ada, &body);
    }
    let module = json!({ "number": "MOD-1234-5678", "name": "Records" });
    client.post("/v1/organizations/default/modules").bearer(server.secret()).json(&module).send().expect(201);
    (server, made["id"].as_str().unwrap().to_owned())
}

#[test]
fn every_view_is_for_everybodys_eyes_and_ears() {
    let (server, token) = scene();
    let ada = crate::harness::server::Actor::named("ada");
    let browser = enter(&server, &ada);
    for (name, address, says) in views(&token) {
        go(&browser, &address, says);
        browser.accessible(name);
        browser.screenshot(name);
        browser.dark();
        browser.screenshot(&format!("{name}-dark"));
        browser.light();
    }
}

#[test]
fn every_view_fits_a_phone() {
    let (server, token) = scene();
    let browser = open(&server);
    browser.resize(NARROW.0, NARROW.1);
    browser.fits("the sign-in form");
    super::sign_in(&browser, &crate::harness::server::Actor::named("ada"));
    for (name, address, says) in views(&token) {
        go(&browser, &address, says);
        browser.fits(name);
        browser.screenshot(&format!("{name}-360"));
    }
}

#[test]
fn the_page_is_dark_where_the_system_is() {
    let server = Server::start();
    let browser = open(&server);
    let light = browser.ground();
    assert!(light.iter().all(|part| *part > 200), "{light:?}");
    browser.dark();
    let dark = browser.ground();
    assert!(dark.iter().all(|part| *part < 64), "{dark:?}");
    browser.light();
    assert_eq!(browser.ground(), light);
}

#[test]
fn each_role_is_offered_what_it_may_do() {
    let (server, token) = scene();
    let mut client = server.client();
    let acme = json!({ "slug": "acme", "name": "Acme" });
    client.post("/v1/organizations").bearer(server.secret()).json(&acme).send().expect(201);
    for (name, role) in [("anna", "administrator"), ("moss", "member")] {
        let actor = crate::harness::server::Actor::named(name);
        let body = json!({
            "username": name, "password": actor.password, "organization": "acme", "role": role,
            "may_issue": true,
        });
        client.post("/v1/users").bearer(server.secret()).json(&body).send().expect(201);
        let named = json!({ "name": format!("{name}'s own") });
        server.mint(&actor, &named);
    }
    let shown = |name: &str| {
        let browser = enter(&server, &crate::harness::server::Actor::named(name));
        browser.wait_for_text("own");
        let text = browser.text();
        browser.screenshot(&format!("tokens-of-{name}"));
        (browser, text)
    };
    // A member sees their own and manages nothing.
    let (browser, text) = shown("moss");
    assert!(text.contains("moss's own") && !text.contains("anna's own") && !text.contains("nightly report"));
    assert!(!browser.offers("Users") && !browser.offers("Events") && !browser.offers("Checks"));
    // What isn't theirs isn't there.
    browser.expect("status of 404");
    go(&browser, &format!("#/tokens/{token}"), "Not found");
    drop(browser);
    // An administrator sees their organization's, and no other's.
    let (browser, text) = shown("anna");
    assert!(text.contains("moss's own") && text.contains("anna's own") && !text.contains("nightly report"));
    assert!(browser.offers("Users") && browser.offers("Events"));
    go(&browser, "#/users", "moss");
    assert!(!browser.text().contains("bob"));
    drop(browser);
    // An operator sees all.
    let (browser, text) = shown("ada");
    assert!(["moss's own", "anna's own", "nightly report"].iter().all(|name| text.contains(name)), "{text}");
    go(&browser, "#/organizations", "acme");
}
