//! What administrators do: users, organizations, rotation, incidents, the record.

use serde_json::json;

use super::enter;
use crate::harness::{
    Server,
    page::Page,
    server::{Actor, named},
};

#[test]
fn an_operator_makes_a_user_and_says_what_tokens_are_allowed() {
    let server = Server::start();
    let ada = server.administrator("ada");
    let browser = enter(&server, &ada);
    browser.press("Users");
    browser.press("New user");
    let grace = Actor::named("grace");
    browser.fill("Username", &grace.name);
    browser.fill("Password", &grace.password);
    browser.fill("First name", "Grace <b>");
    browser.press("Make the user");
    browser.wait_for_text("Grace <b>");
    // Who was just made can sign in.
    let mut page = Page::open(&server, &grace);
    assert_eq!(page.send("POST", "/v1/tokens", &named("robot")).problem(403), "issuing_forbidden");
    browser.press("Organizations");
    browser.press("Default");
    browser.wait_for_text("Members");
    browser.press("Change the policy");
    browser.choose("Who makes tokens", "all of its members, but for whom an administrator said no");
    browser.press("Save");
    browser.wait_for_text("The policy is changed.");
    page.send("POST", "/v1/tokens", &named("robot")).expect(201);
    // Disabling signs out.
    browser.press("Users");
    browser.press("grace");
    browser.press("Disable");
    browser.wait_for_text("Disable this user?");
    browser.press("Disable");
    browser.wait_for_text("Disabled: their tokens fail their next check.");
    assert_eq!(page.get("/v1/session").problem(401), "session_ended");
}

#[test]
fn a_rotation_is_begun_and_watched_at_the_page() {
    let server = Server::start();
    let ada = server.user("ada");
    let made = server.mint(&ada, &named("nightly"));
    let old = made["token"].as_str().unwrap();
    assert!(server.accepts(old));
    let browser = enter(&server, &ada);
    browser.press("nightly");
    browser.press("Rotate");
    browser.fill("Linger", "1h");
    browser.press("Make the successor");
    browser.wait_for_text("Copy the token now");
    browser.press("Copy the token");
    let new = browser.clipboard();
    browser.wait_for_text("not yet: it waits for its first use");
    browser.accessible("a rotation");
    browser.screenshot("rotation");
    assert!(server.accepts(&new));
    // Seen without a reload.
    browser.wait_for_text("It took over");
    browser.until("it to be safe", || browser.text().contains("Safe to finish"));
    assert!(server.accepts(old), "it lingers");
}

#[test]
fn an_incident_is_looked_at_and_then_ended_at_the_page() {
    let server = Server::start();
    let ada = server.administrator("ada");
    let bob = server.user("bob");
    let tokens: Vec<String> = ["laptop", "nightly"]
        .iter()
        .map(|name| server.mint(&bob, &named(name))["token"].as_str().unwrap().to_owned())
        .collect();
    assert!(tokens.iter().all(|token| server.accepts(token)));
    let browser = enter(&server, &ada);
    browser.press("Incident");
    browser.fill("Owner", "bob");
    browser.press("Show what that is");
    browser.wait_for_text("2 tokens would be disabled");
    browser.accessible("a plan");
    browser.screenshot("plan");
    assert!(tokens.iter().all(|token| server.accepts(token)), "nothing is done by looking");
    // One more comes meanwhile: what was looked at isn't what would happen.
    let late = server.mint(&bob, &named("late"))["token"].as_str().unwrap().to_owned();
    browser.expect_status("/v1/revocations", 409);
    browser.press("Disable these 2");
    browser.fill("How many are they? Type 2 to go on", "2");
    browser.press("Disable them");
    browser.wait_for_text("Nothing was disabled: meanwhile others match");
    assert!(server.accepts(&late));
    browser.press("Disable these 3");
    browser.fill("How many are they? Type 3 to go on", "3");
    browser.press("Disable them");
    browser.wait_for_text("3 tokens are disabled");
    assert!(tokens.iter().chain([&late]).all(|token| !server.accepts(token)));
    browser.press("What the record says of it");
    browser.wait_for_text("revocation.carried_out");
    browser.press("Save as CSV");
    browser.wait_for_text("1 event saved.");
    browser.press("Check the record");
    browser.wait_for_text("The record is sound");
}

#[test]
fn an_administrator_manages_their_organization_and_no_more() {
    let server = Server::start();
    server.administrator("ada");
    let mut client = server.client();
    let acme = json!({ "slug": "acme", "name": "Acme" });
    client.post("/v1/organizations").bearer(server.secret()).json(&acme).send().expect(201);
    let anna = Actor::named("anna");
    let body = json!({
        "username": "anna", "password": anna.password, "organization": "acme", "role": "administrator",
    });
    client.post("/v1/users").bearer(server.secret()).json(&body).send().expect(201);
    let browser = enter(&server, &anna);
    browser.press("Users");
    browser.press("New user");
    let bert = Actor::named("bert");
    browser.fill("Username", &bert.name);
    browser.fill("Password", &bert.password);
    browser.press("Make the user");
    browser.wait_for_text("What was done");
    let made = client.get("/v1/users/bert").bearer(server.secret()).send().expect(200).json();
    assert_eq!((&made["organization"], &made["role"]), (&json!("acme"), &json!("member")));
    browser.press("Organizations");
    browser.press("Acme");
    browser.wait_for_text("bert");
    browser.press("New module");
    browser.fill("Number", "MOD-4321-8765");
    browser.fill("Name", "Invoices");
    browser.press("Add");
    browser.wait_for_text("Invoices");
    // What exists in an organization is an operator's to say.
    assert!(!browser.offers("Another privilege"));
    browser.press("Checks");
    browser.wait_for_text("In the last 24 hours");
}
