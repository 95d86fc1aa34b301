//! What others do while a view stands open.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::enter;
use crate::harness::{
    Server,
    server::{Actor, named},
};

#[test]
fn what_befalls_a_token_elsewhere_is_seen_in_its_view() {
    let server = Server::start();
    let ada = server.administrator("ada");
    let made = server.mint(&ada, &json!({ "name": "nightly", "privileges": ["tokens:mint", "orders:read"] }));
    let (id, secret) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    let browser = enter(&server, &ada);
    browser.press("nightly");
    browser.wait_for_text("Checks over time");
    browser.wait_for_text("Nobody asked it for a privilege.");
    for words in ["Found in the open", "What it has minted", "not yet: it waits"] {
        assert!(!browser.text().contains(words), "{words}");
    }
    let mut client = server.client();
    let mut post = |path: &str, body: &Value| {
        client.post(path).basic(&ada.name, &ada.password).json(body).send().expect(201);
    };
    post(&format!("/v1/tokens/{id}/rotate"), &json!({}));
    browser.wait_for_text("not yet: it waits for its first use");
    browser.wait_for_text("Another successor takes the place of the one that waits");
    server.child(secret, &json!({ "name": "grandchild" }));
    browser.wait_for_text("What it has minted");
    browser.wait_for_text("grandchild");
    client.get("/gate?require=orders:read").bearer(secret).send().expect(200);
    browser.wait_until_gone("Nobody asked it for a privilege.");
    let found =
        json!([{ "token": secret, "type": "jeton", "url": "https://paste.example/1", "source": "content" }]);
    client.post("/v1/leaks").bearer(server.secret()).json(&found).send().expect(200);
    browser.wait_for_text("Found in the open");
}

#[test]
fn a_change_of_what_others_changed_is_refused_once_and_keeps_theirs() {
    let server = Server::start();
    let ada = server.user("ada");
    let made = server.mint(&ada, &named("robot"));
    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    let browser = enter(&server, &ada);
    browser.press("robot");
    browser.press("Edit");
    browser.wait_for_text("Edit the token");
    let mut client = server.client();
    let theirs = json!({ "description": "theirs" });
    client
        .patch(&path)
        .basic(&ada.name, &ada.password)
        .header("If-Match", "*")
        .json(&theirs)
        .send()
        .expect(200);
    browser.wait_for_text("theirs");
    browser.fill("Name", "automaton");
    browser.expect("status of 412");
    browser.press("Save");
    browser.wait_for_text("This was changed meanwhile");
    browser.press("Save");
    browser.wait_for_text("automaton is saved.");
    let token = client.get(&path).basic(&ada.name, &ada.password).send().expect(200).json();
    assert_eq!((&token["name"], &token["description"]), (&json!("automaton"), &json!("theirs")));
}

#[test]
fn a_view_of_what_is_gone_says_that_it_is_old() {
    let server = Server::start();
    let ada = server.administrator("ada");
    server.user("bob");
    let browser = enter(&server, &ada);
    browser.press("Users");
    browser.press("bob");
    browser.wait_for_text("Where they are signed in");
    browser.expect("status of 404");
    server.client().delete("/v1/users/bob").basic(&ada.name, &ada.password).send().expect(204);
    browser.wait_for_text("What is shown isn't up to date");
}

#[test]
fn a_plan_goes_when_what_was_asked_is_changed() {
    let server = Server::start();
    let ada = server.administrator("ada");
    server.mint(&ada, &named("robot"));
    let browser = enter(&server, &ada);
    browser.press("Incident");
    browser.fill("Owner", "ada");
    browser.press("Show what that is");
    browser.wait_for_text("1 token would be disabled");
    browser.fill("Organization", "default");
    browser.wait_until_gone("1 token would be disabled");
    assert!(!browser.offers("Disable it"), "{}", browser.text());
}

#[test]
fn a_dialog_stays_while_it_does_something() {
    let server = Server::start();
    let ada = server.user("ada");
    server.mint(&ada, &named("robot"));
    let browser = enter(&server, &ada);
    browser.press("robot");
    browser.press("Edit");
    browser.fill("Name", "automaton");
    server.signal(Signal::STOP);
    browser.press("Save");
    browser.keys("\u{e00c}");
    assert!(browser.text().contains("Edit the token"), "{}", browser.text());
    server.signal(Signal::CONT);
    browser.wait_for_text("automaton is saved.");
    browser.wait_until_gone("Edit the token");
    // At rest it goes.
    browser.press("Edit");
    browser.wait_for_text("Edit the token");
    browser.keys("\u{e00c}");
    browser.wait_until_gone("Edit the token");
}

#[test]
fn what_was_done_in_an_organization_leads_to_more_of_it_there() {
    let server = Server::start();
    let mut client = server.client();
    let mut post = |path: &str, body: &Value| {
        client.post(path).bearer(server.secret()).json(body).send().expect(201);
    };
    post("/v1/organizations", &json!({ "slug": "acme", "name": "Acme" }));
    let anna = Actor::named("anna");
    let home = json!({
        "username": "anna", "password": anna.password, "organization": "default", "role": "administrator",
    });
    post("/v1/users", &home);
    post("/v1/organizations/acme/members", &json!({ "user": "anna", "role": "administrator" }));
    let browser = enter(&server, &anna);
    browser.open("/#/events?organization=acme&kind=member.added");
    browser.wait_for_text("member.added");
    browser.script("document.querySelector('td[data-label=About] a').click()", vec![]);
    browser.until("the same place", || {
        browser.address().contains("object=") && browser.address().contains("organization=acme")
    });
    browser.wait_for_text("member.added");
}
