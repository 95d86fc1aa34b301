//! The main thing: a token is made, copied, used, switched off and refused.

use serde_json::json;

use super::{enter, open};
use crate::harness::{Server, page::COOKIE, server::named};

#[test]
fn a_new_user_makes_a_first_working_token_in_four_actions() {
    let server = Server::start();
    let ada = server.user("ada");
    let browser = open(&server);
    browser.accessible("the sign-in form");
    browser.screenshot("sign-in");
    browser.fill("Username", &ada.name);
    browser.fill("Password", &ada.password);
    // One: sign in. The form for the first token stands there, since there is none.
    browser.press("Sign in");
    browser.wait_for_text("Make your first token");
    browser.screenshot("first-token");
    // The form that was sent, and what stood in it, are kept nowhere.
    assert!(browser.script("return globalThis.first", vec![]).is_null());
    // Two: a name. Three: make it. Four: copy it.
    browser.fill("Name", "nightly report");
    browser.press("Make the token");
    browser.wait_for_text("Copy the token now");
    browser.accessible("the secret");
    browser.screenshot("secret");
    browser.press("Copy the token");
    let token = browser.clipboard();
    assert!(server.accepts(&token), "what was copied works: {token}");
    let cookie = browser.cookies().into_iter().find(|cookie| cookie.name == COOKIE).expect("a session");
    assert!(cookie.http_only && cookie.secure && cookie.same_site == "Strict", "{cookie:?}");
    // The line for a shell is the very request.
    browser.press("Copy the line");
    let line = browser.clipboard();
    let asked =
        std::process::Command::new("sh").args(["-c", &format!("{line} -s")]).output().expect("a shell");
    let answer: serde_json::Value = serde_json::from_slice(&asked.stdout).expect("an answer");
    assert_eq!(answer["name"], "nightly report");
    browser.press("Try it now");
    browser.wait_for_text("200\n");
    // Leaving takes the secret away, and it is nowhere in the browser's memory of where it was.
    browser.press("Show what it may do");
    browser.wait_for_text("nightly report");
    let left = browser.script("return document.documentElement.outerHTML + location.href", vec![]);
    assert!(!left.as_str().unwrap().contains(&token));
}

#[test]
fn a_token_that_is_disabled_at_the_page_is_refused_at_once() {
    let server = Server::start();
    let ada = server.user("ada");
    let made = server.mint(&ada, &named("robot"));
    let token = made["token"].as_str().unwrap();
    let browser = enter(&server, &ada);
    browser.press("robot");
    browser.press("Disable");
    browser.wait_for_text("Disabled: its next check fails.");
    assert!(!server.accepts(token));
    browser.press("Enable");
    browser.wait_for_text("Enabled: it is good again.");
    assert!(server.accepts(token));
    // Deleting wants the name.
    browser.press("Delete");
    browser.fill("Type robot to go on", "another");
    browser.press("Delete it for good");
    browser.wait_for_text("This isn't its name.");
    assert!(server.accepts(token));
    browser.fill("Type robot to go on", "robot");
    browser.press("Delete it for good");
    browser.wait_for_text("Deleted.");
    assert!(!server.accepts(token));
}

#[test]
fn whoever_leaves_without_the_secret_is_asked() {
    let server = Server::start();
    let ada = server.user("ada");
    let browser = enter(&server, &ada);
    browser.fill("Name", "forgotten");
    browser.press("Make the token");
    browser.wait_for_text("Copy the token now");
    browser.press("Account");
    browser.wait_for_text("The token isn't copied yet");
    browser.press("Cancel");
    browser.wait_for_text("Copy the token now");
    browser.press("Copy the token");
    browser.press("Account");
    browser.wait_for_text("Your account");
}

#[test]
fn a_refusal_stands_at_its_field_and_what_was_typed_stays() {
    let server = Server::start();
    let ada = server.user("ada");
    let browser = enter(&server, &ada);
    browser.expect_status("/v1/tokens", 400);
    browser.fill("Name", "reports");
    browser.press("Limits: from where, for what, how often");
    browser.fill("Only from these networks", "10.0.0.0/8\nnonsense");
    browser.press("Make the token");
    browser.until("a refusal at the field", || {
        let told = browser.script(
            "return document.querySelector('[aria-invalid=true]')?.closest('.field').innerText ?? ''",
            vec![],
        );
        told.as_str()
            .is_some_and(|told| told.contains("Only from these networks") && told.lines().count() > 2)
    });
    assert_eq!(browser.filled("Name"), "reports");
    browser.fill("Only from these networks", "10.0.0.0/8");
    browser.press("Make the token");
    browser.wait_for_text("Copy the token now");
    browser.press("Copy the token");
    let token = browser.clipboard();
    let shown = server.client().get("/v1/tokens").basic("ada", &ada.password).send().expect(200).json();
    assert_eq!(shown["items"][0]["limits"]["networks"]["allow"], json!(["10.0.0.0/8"]));
    let refused = server.client().get("/v1/tokens/self").bearer(&token).send();
    assert_eq!(refused.problem(403), "network_denied", "it isn't good from here");
}

#[test]
fn an_edit_that_came_too_late_can_be_made_again() {
    let server = Server::start();
    let ada = server.user("ada");
    let made = server.mint(&ada, &named("robot"));
    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    let browser = enter(&server, &ada);
    browser.press("robot");
    browser.press("Edit");
    browser.fill("Name", "mine");
    let theirs = json!({ "name": "theirs" });
    server
        .client()
        .patch(&path)
        .basic("ada", &ada.password)
        .header("If-Match", "*")
        .json(&theirs)
        .send()
        .expect(200);
    browser.expect_status(&path, 412);
    browser.press("Save");
    browser.wait_for_text("This was changed meanwhile");
    assert_eq!(browser.filled("Name"), "mine");
    browser.press("Save");
    browser.wait_for_text("mine is saved.");
}
