//! Lists: very many rows, places far in, and orders where there is no room for the columns' heads.

use serde_json::json;

use super::{NARROW, enter};
use crate::harness::{Server, fill::fill, server::named};

#[test]
fn very_many_tokens_are_shown_though_nobody_counts_them() {
    let mut server = Server::start();
    let ada = server.administrator("ada");
    server.stop();
    fill(&server.data(), 12_000);
    server.launch();
    let browser = enter(&server, &ada);
    browser.wait_for_text("11,700 tokens");
    // No index has so short a word.
    browser.fill("Name", "e");
    browser.wait_for_text("50 tokens of very many");
    browser.press("Next →");
    browser.wait_for_text("50 tokens of very many, further on");
    browser.press("← Previous");
    browser.until("the beginning", || !browser.text().contains("further on"));
    browser.fill("Name", "grafana nightly");
    browser.until("a number", || {
        let text = browser.text();
        text.contains(" tokens") && !text.contains("very many")
    });
}

#[test]
fn a_place_that_is_come_to_by_its_address_leads_back_to_the_first() {
    let server = Server::start();
    let ada = server.user("ada");
    for number in 0..60 {
        server.mint(&ada, &named(&format!("robot {number:02}")));
    }
    let browser = enter(&server, &ada);
    browser.wait_for_text("robot 59");
    browser.press("Next →");
    browser.wait_for_text("robot 00");
    assert!(browser.offers("← Previous"));
    // The trail goes with the document.
    browser.script("location.reload()", vec![]);
    browser.until("the way back", || browser.offers("← To the first"));
    browser.wait_for_text("robot 00");
    browser.press("← To the first");
    browser.wait_for_text("robot 59");
}

#[test]
fn an_order_is_chosen_from_a_list_on_a_narrow_screen() {
    let server = Server::start();
    let ada = server.user("ada");
    for name in ["beta", "alpha", "gamma"] {
        server.mint(&ada, &named(name));
    }
    let browser = enter(&server, &ada);
    browser.resize(NARROW.0, NARROW.1);
    browser.wait_for_text("alpha");
    let order = || {
        let rows = "return [...document.querySelectorAll('tbody th a')].map((each) => each.textContent)";
        browser.script(rows, vec![])
    };
    assert_eq!(order(), json!(["gamma", "alpha", "beta"]), "the newest first");
    browser.choose("Order", "Name ↑");
    browser.until("the order", || order() == json!(["alpha", "beta", "gamma"]));
    browser.choose("Order", "Name ↓");
    browser.until("the other order", || order() == json!(["gamma", "beta", "alpha"]));
}

#[test]
fn a_token_is_made_in_any_of_very_many_organizations() {
    let server = Server::start();
    let ada = server.administrator("ada");
    let mut client = server.client();
    for number in 0..205 {
        let slug = format!("team-{number:03}");
        let body = json!({ "slug": slug, "name": slug });
        client.post("/v1/organizations").bearer(server.secret()).json(&body).send().expect(201);
    }
    let member = json!({ "user": "ada", "role": "administrator" });
    client
        .post("/v1/organizations/team-204/members")
        .bearer(server.secret())
        .json(&member)
        .send()
        .expect(201);
    let browser = enter(&server, &ada);
    browser.open("/#/tokens/new");
    browser.wait_for_text("Lifetime in days");
    browser.fill("Name", "robot");
    browser.choose("Organization", "team-204");
    browser.press("Make the token");
    browser.wait_for_text("Copy the token now");
    let made = client.get("/v1/tokens").bearer(server.secret()).send().expect(200).json();
    assert_eq!(made["items"].as_array().unwrap().last().unwrap()["organization"], "team-204");
}
