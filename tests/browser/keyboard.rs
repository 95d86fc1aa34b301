//! The keyboard alone.

use super::open;
use crate::harness::{
    Server,
    browser::{ENTER, SPACE, TAB},
};

#[test]
fn all_of_it_can_be_done_with_the_keyboard_alone() {
    let server = Server::start();
    let ada = server.user("ada");
    let browser = open(&server);
    // The first field has the focus already.
    assert_eq!(browser.active().name, "Username");
    browser.keys(&ada.name);
    browser.keys(TAB);
    browser.keys(&ada.password);
    browser.keys(ENTER);
    browser.wait_for_text("Make your first token");
    browser.until("the form to have the focus", || browser.active().name == "Name");
    browser.keys("by hand");
    browser.keys(ENTER);
    browser.wait_for_text("Copy the token now");
    browser.tab_to("Copy the token");
    browser.keys(SPACE);
    let token = browser.clipboard();
    assert!(server.accepts(&token));
    browser.tab_to("Show what it may do");
    browser.keys(ENTER);
    browser.wait_for_text("Begins with");
    browser.tab_to("Disable");
    browser.keys(SPACE);
    browser.until("it to be refused", || !server.accepts(&token));
    // What was pressed has another name by now, and the focus still.
    browser.until("the focus to stay", || browser.active().name == "Enable");
    // A dialog takes the focus and gives it back.
    browser.tab_to("Delete");
    browser.keys(ENTER);
    browser.wait_for_text("Delete this token?");
    browser.keys("\u{e00c}");
    browser.wait_until_gone("Delete this token?");
    assert_eq!(browser.active().name, "Delete");
    browser.tab_to("Sign out");
    browser.keys(ENTER);
    browser.wait_for_text("Username");
}
