//! The page in a real browser, as its users have it.

mod faults;
mod first;
mod keyboard;
mod lists;
mod manage;
mod meanwhile;
mod payloads;
mod sessions;
mod views;

use crate::harness::{Browser, Server, server::Actor};

/// The width of a narrow phone.
const NARROW: (u32, u32) = (360, 740);

/// Opens the page as somebody who isn't signed in yet.
#[track_caller]
fn open(server: &Server) -> Browser {
    let browser = Browser::start(server);
    // The page asks who is signed in, and nobody is.
    browser.expect_status("/v1/session", 401);
    browser.open("/");
    browser.wait_for_text("Sign in");
    browser
}

/// Signs in by the form that stands there.
#[track_caller]
fn sign_in(browser: &Browser, actor: &Actor) {
    browser.fill("Username", &actor.name);
    browser.fill("Password", &actor.password);
    browser.press("Sign in");
    browser.wait_for_text("Sign out");
}

/// Opens the page and signs in.
#[track_caller]
fn enter(server: &Server, actor: &Actor) -> Browser {
    let browser = open(server);
    sign_in(&browser, actor);
    browser
}
