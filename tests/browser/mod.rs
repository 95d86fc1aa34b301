//! The page in a real browser, as its users have it.

mod faults;

use crate::harness::{Browser, Server};

/// The width of a narrow phone.
const NARROW: (u32, u32) = (360, 740);

#[test]
fn the_front_page_loads_without_a_word_to_the_console() {
    let server = Server::start();
    let browser = Browser::start(&server);
    browser.open("/");
    browser.wait_for_text("jeton");
    assert_eq!(browser.console(), []);
    assert_eq!(browser.faults(), [""; 0]);
    browser.reload();
    assert_eq!(browser.console(), []);
}

#[test]
fn nothing_serious_keeps_anybody_from_the_front_page() {
    let server = Server::start();
    let browser = Browser::start(&server);
    browser.open("/");
    browser.accessible("the front page");
}

#[test]
fn the_front_page_fits_a_phone() {
    let server = Server::start();
    let browser = Browser::start(&server);
    browser.resize(NARROW.0, NARROW.1);
    browser.open("/");
    browser.fits("the front page");
    browser.screenshot("front-360");
}

#[test]
fn the_front_page_is_dark_where_the_system_is() {
    let server = Server::start();
    let browser = Browser::start(&server);
    browser.open("/");
    let light = browser.ground();
    assert!(light.iter().all(|part| *part > 200), "{light:?}");
    browser.dark();
    let dark = browser.ground();
    assert!(dark.iter().all(|part| *part < 64), "{dark:?}");
    browser.screenshot("front-dark");
    browser.light();
    assert_eq!(browser.ground(), light);
}
