//! Sessions that end in the midst of work, several tabs, a server that is away.

use serde_json::json;

use super::{enter, open, sign_in};
use crate::gate::proxy::{Kind, Proxy};
use crate::harness::{
    Browser, Server,
    page::{COOKIE, Page},
    server::named,
};

/// The session's secret, as only the browser's own tools see it.
fn cookie(browser: &Browser) -> String {
    browser.cookies().into_iter().find(|cookie| cookie.name == COOKIE).expect("a session").value
}

#[test]
fn a_session_that_ends_in_mid_work_costs_nothing_that_was_typed() {
    let server = Server::start();
    let ada = server.user("ada");
    let browser = enter(&server, &ada);
    browser.fill("Name", "half typed");
    browser.expect_status("/v1/", 401);
    // The page may be just asking.
    browser.expect("status of 401");
    Page::with(&server, &cookie(&browser)).request("DELETE", "/v1/session").send().expect(204);
    browser.press("Make the token");
    browser.wait_for_text("Your session has ended.");
    browser.screenshot("session-ended");
    browser.fill("Password", &ada.password);
    browser.press("Sign in");
    browser.wait_for_text("Copy the token now");
    browser.press("Copy the token");
    assert!(server.accepts(&browser.clipboard()));
    let tokens = server.client().get("/v1/tokens").basic("ada", &ada.password).send().expect(200).json();
    assert_eq!(tokens["items"][0]["name"], "half typed");
    assert_eq!(tokens["items"].as_array().unwrap().len(), 1);
}

#[test]
fn what_cant_be_undone_asks_who_is_there_and_then_does_it() {
    let mut server = Server::setup().at("+0").start();
    let ada = server.user("ada");
    let robot = server.mint(&ada, &named("robot"));
    let browser = enter(&server, &ada);
    let address = server.address();
    server.stop();
    server.set_env("FAKETIME", "+6m");
    server.set_port(address.port());
    // What the page asks meanwhile finds nobody, and says so.
    browser.expect("ERR_CONNECTION");
    browser.expect("ERR_EMPTY_RESPONSE");
    server.launch();
    browser.press("robot");
    browser.expect_status("/v1/tokens/", 403);
    browser.expect("status of 403");
    browser.press("Delete");
    browser.fill("Type robot to go on", "robot");
    browser.press("Delete it for good");
    browser.wait_for_text("Is it still you?");
    assert!(server.accepts(robot["token"].as_str().unwrap()));
    browser.fill("Password", &ada.password);
    browser.press("Go on");
    browser.wait_for_text("Deleted.");
    assert!(!server.accepts(robot["token"].as_str().unwrap()));
}

#[test]
fn two_tabs_show_the_same_and_sign_out_together() {
    let server = Server::start();
    let ada = server.user("ada");
    server.mint(&ada, &named("robot"));
    let browser = enter(&server, &ada);
    browser.wait_for_text("robot");
    browser.second_tab();
    browser.open("/");
    browser.wait_for_text("robot");
    // What somebody does elsewhere is shown without a reload.
    server.mint(&ada, &named("another one"));
    browser.wait_for_text("another one");
    browser.switch_to(0);
    browser.wait_for_text("another one");
    browser.press("Sign out");
    browser.wait_for_text("Username");
    browser.expect("status of 401");
    browser.switch_to(1);
    browser.wait_for_text("Your session has ended.");
    browser.fill("Password", &ada.password);
    browser.press("Sign in");
    browser.wait_until_gone("Your session has ended.");
    browser.wait_for_text("robot");
}

#[test]
fn a_server_that_is_away_is_said_to_be_and_seen_when_it_is_back() {
    let mut server = Server::start();
    let ada = server.user("ada");
    server.mint(&ada, &named("robot"));
    let browser = enter(&server, &ada);
    browser.wait_for_text("robot");
    let port = server.address().port();
    browser.expect("ERR_CONNECTION");
    browser.expect("ERR_EMPTY_RESPONSE");
    server.stop();
    browser.wait_for_text("jeton can't be reached since");
    browser.screenshot("unreachable");
    assert!(browser.text().contains("robot"), "what was there is shown still");
    server.set_port(port);
    server.launch();
    // It asks by itself too, and may have just done so.
    browser.press_if_there("Ask now");
    browser.wait_until_gone("jeton can't be reached since");
    server.mint(&ada, &named("a newer one"));
    browser.wait_for_text("a newer one");
}

#[test]
fn a_proxy_that_finds_no_server_is_no_answer() {
    let mut server = Server::setup().flags(&["--behind-proxy"]).start();
    let ada = server.user("ada");
    server.mint(&ada, &named("robot"));
    let port = server.address().port();
    let site = "server {\n listen 80;\n location / {\n proxy_pass http://127.0.0.1:8700;\n \
                proxy_set_header Host $http_host;\n }\n}\n";
    let proxy = Proxy::start(Kind::Nginx, server.address(), server.address(), |_| site.to_owned());
    let browser = Browser::at(proxy.address());
    browser.expect_status("/v1/session", 401);
    browser.open("/");
    browser.wait_for_text("Sign in");
    sign_in(&browser, &ada);
    browser.wait_for_text("robot");
    browser.expect("status of 502");
    server.stop();
    browser.wait_for_text("jeton can't be reached since");
    browser.press("New token");
    browser.wait_for_text("This can't be shown");
    browser.wait_for_text("jeton can't be reached.");
    server.set_port(port);
    server.launch();
    browser.press_if_there("Ask now");
    browser.wait_until_gone("jeton can't be reached since");
    browser.press("Try again");
    browser.wait_for_text("Lifetime in days");
}

#[test]
fn a_wrong_password_is_told_without_a_word_of_which_was_wrong() {
    let server = Server::start();
    let ada = server.user("ada");
    let browser = open(&server);
    browser.expect_status("/v1/session", 401);
    for (name, password) in [("ada", "not the password at all"), ("nobody", ada.password.as_str())] {
        browser.fill("Username", name);
        browser.fill("Password", password);
        browser.press("Sign in");
        browser.wait_for_text("No user has this name and password: check both.");
    }
    sign_in(&browser, &ada);
}

#[test]
fn another_password_signs_out_everywhere_else() {
    let server = Server::start();
    let ada = server.user("ada");
    let mut other = Page::open(&server, &ada);
    let browser = enter(&server, &ada);
    browser.press("Account");
    browser.fill("New password", "another crooked mile to walk");
    browser.fill("The same again", "another crooked mile to walk");
    browser.press("Change the password");
    browser.wait_for_text("The password is changed.");
    assert_eq!(other.get("/v1/session").problem(401), "session_ended");
    browser.press("Tokens");
    browser.wait_for_text("Make your first token");
    let body = json!({ "username": "ada", "password": "another crooked mile to walk" });
    Page::with(&server, "").send("POST", "/v1/session", &body).expect(201);
}
