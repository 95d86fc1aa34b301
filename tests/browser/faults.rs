//! The harness sees what is wrong: a page of its own for each thing that may not happen.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    thread,
};

use crate::harness::{
    Browser,
    browser::{ENTER, Focus, SPACE, TAB},
};

/// What jeton's page is held to, near enough.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// A server that answers each of these paths with this page or (what ends like a statement) script and all others 404, for as long as the test runs.
fn serve(pages: &'static [(&str, &str)]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let request = lines.next().unwrap_or_default();
                lines.take_while(|line| !line.is_empty()).for_each(drop);
                let path = request.split(' ').nth(1).unwrap_or_default();
                let found = pages.iter().find(|(at, _)| *at == path);
                let (status, body) = found.map_or((404, ""), |(_, body)| (200, *body));
                let kind = if body.ends_with(';') { "text/javascript" } else { "text/html" };
                let length = body.len();
                let _ = write!(
                    &stream,
                    "HTTP/1.1 {status} -\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\n\
                     Content-Security-Policy: {POLICY}\r\n\
                     Set-Cookie: __Host-test=kept; Path=/; Secure; HttpOnly; SameSite=Strict\r\n\
                     Connection: close\r\n\r\n{body}"
                );
            });
        }
    });
    address
}

/// A page's beginning, with nothing for the browser to ask for beside.
macro_rules! page {
    ($body:literal) => {
        concat!(
            "<!doctype html><html lang=en><title>A page</title><link rel=icon href='data:,'>",
            "<main><h1>A page</h1>",
            $body,
            "</main>"
        )
    };
}

/// What the harness has to say about a page.
fn faults(pages: &'static [(&str, &str)]) -> Vec<String> {
    let browser = Browser::at(serve(pages));
    browser.open("/");
    browser.wait_for_text("A page");
    let mut faults = Vec::new();
    browser.until("a fault", || {
        faults.extend(browser.faults());
        !faults.is_empty()
    });
    faults
}

fn mentions(faults: &[String], words: &str) -> bool {
    faults.iter().any(|fault| fault.contains(words))
}

#[test]
fn a_script_that_fails_is_seen() {
    let faults = faults(&[
        ("/", page!("<script src=/bad.js></script>")),
        ("/bad.js", "setTimeout(() => { throw new Error('out of cheese'); });"),
    ]);
    assert!(mentions(&faults, "error: Uncaught Error: out of cheese"), "{faults:?}");
}

#[test]
fn a_promise_that_nobody_looks_after_is_seen() {
    let faults = faults(&[
        ("/", page!("<script src=/bad.js></script>")),
        ("/bad.js", "Promise.reject(new Error('out of milk'));"),
    ]);
    assert!(mentions(&faults, "unhandled rejection: Error: out of milk"), "{faults:?}");
}

#[test]
fn what_is_said_to_the_console_is_seen() {
    let faults = faults(&[
        ("/", page!("<script src=/bad.js></script>")),
        ("/bad.js", "console.error('out of bread');"),
    ]);
    assert!(mentions(&faults, "out of bread"), "{faults:?}");
}

#[test]
fn what_the_content_security_policy_forbids_is_seen() {
    for body in [
        page!("<p onclick='x()'>x</p>"),
        page!("<script>globalThis.__pwned = 1</script>"),
        page!("<p style='color: red'>x</p>"),
        page!("<img src='http://192.0.2.1/x.png' alt=''>"),
    ] {
        let pages: &'static [(&str, &str)] = Box::leak(Box::new([("/", body)]));
        let faults = faults(pages);
        assert!(mentions(&faults, "CSP report"), "{body}: {faults:?}");
    }
    let faults = faults(&[
        ("/", page!("<script src=/bad.js></script>")),
        ("/bad.js", "document.body.innerHTML = '<b>x</b>';"),
    ]);
    assert!(mentions(&faults, "CSP report: require-trusted-types-for"), "{faults:?}");
}

#[test]
fn a_fault_is_seen_though_its_page_is_gone() {
    let browser = Browser::at(serve(&[
        ("/", page!("<script src=/bad.js></script>")),
        ("/bad.js", "Promise.reject(new Error('out of milk'));"),
        ("/next", page!("<p>Next")),
    ]));
    browser.open("/");
    browser.wait_for_text("A page");
    browser.open("/next");
    browser.wait_for_text("Next");
    let faults = browser.faults();
    assert!(mentions(&faults, "unhandled rejection: Error: out of milk"), "{faults:?}");
}

#[test]
fn what_is_announced_is_no_fault() {
    let browser = Browser::at(serve(&[
        ("/", page!("<script src=/ask.js></script>")),
        ("/ask.js", "fetch('/nothing').then((reply) => { document.title = reply.status; });"),
    ]));
    browser.expect_status("/nothing", 404);
    browser.open("/");
    browser.until("the reply", || browser.script("return document.title", vec![]) == "404");
    browser.until("the console's line", || !browser.console().is_empty());
    assert_eq!(browser.faults(), [""; 0]);
}

#[test]
fn a_field_without_a_label_is_seen() {
    let browser = Browser::at(serve(&[("/", page!("<input>"))]));
    browser.open("/");
    let found = browser.violations("a page");
    // In light and in dark.
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|violation| violation.contains("critical label:")), "{found:?}");
}

#[test]
fn a_page_that_is_too_wide_is_seen() {
    let browser = Browser::at(serve(&[(
        "/",
        page!("<pre>0123456789012345678901234567890123456789012345678901234567890"),
    )]));
    browser.open("/");
    browser.resize(360, 740);
    assert_eq!(browser.script("return innerWidth", vec![]), 360);
    let fits = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| browser.fits("a page")));
    assert!(fits.is_err());
    browser.resize(1280, 800);
    browser.fits("a page");
}

#[test]
fn a_user_s_steps_are_taken() {
    let browser = Browser::at(serve(&[
        (
            "/",
            page!(
                "<label>Name <input id=name></label>
                <label>Colour <select id=colour><option>Red<option>Green</select></label>
                <button id=ask type=button>Ask</button> <button hidden type=button>Never</button> <a href=#forgotten>Forget</a>
                <button id=copy type=button>Copy</button> <p id=said></p>
                <script src=/steps.js></script>"
            ),
        ),
        (
            "/steps.js",
            "const at = (id) => document.getElementById(id);
            at('ask').onclick = () => { at('said').textContent = `${at('name').value} likes ${at('colour').value}`; };
            at('copy').onclick = () => navigator.clipboard.writeText('copied ' + at('name').value);
            onhashchange = () => { at('said').textContent = ''; };",
        ),
    ]));
    browser.open("/");
    browser.fill("Name", "Ada");
    assert_eq!(browser.filled("Name"), "Ada");
    browser.choose("Colour", "Green");
    assert!(!browser.text().contains("likes"));
    browser.press("Ask");
    browser.wait_for_text("Ada likes Green");
    browser.press("Forget");
    browser.wait_until_gone("Ada likes Green");
    assert_eq!(browser.address(), "/#forgotten");
    assert!(browser.offers("Ask") && !browser.offers("Never"));
    browser.press("Copy");
    browser.until("what was copied", || browser.clipboard() == "copied Ada");

    // The same with the keyboard alone.
    browser.fill("Name", "Bert");
    assert_eq!(browser.active(), Focus { role: "textbox".into(), name: "Name".into() });
    browser.keys(TAB);
    assert_eq!(browser.active().name, "Colour");
    browser.tab_to("Ask");
    browser.keys(ENTER);
    browser.wait_for_text("Bert likes Green");
    browser.tab_to("Copy");
    browser.keys(SPACE);
    browser.until("what was copied", || browser.clipboard() == "copied Bert");

    // A cookie that is for secure contexts alone is kept over loopback.
    let cookies = browser.cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    let cookie = &cookies[0];
    assert_eq!((cookie.name.as_str(), cookie.value.as_str()), ("__Host-test", "kept"));
    assert!(cookie.http_only && cookie.secure && cookie.same_site == "Strict", "{cookie:?}");

    browser.second_tab();
    browser.open("/");
    assert_eq!(browser.filled("Name"), "");
    browser.switch_to(0);
    assert_eq!(browser.filled("Name"), "Bert");
}
