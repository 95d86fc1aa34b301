//! Limits: what they hold, what they refuse, and that a child has none that are wider.

use super::{Asked, Limits, Networks, Rate, Refusal, Route, TokenId, Window};

fn routes(list: &[&str]) -> Vec<Route> {
    Route::parse_all(list).expect("routes")
}

fn asked<'a>(method: &'a str, host: &'a str, path: &'a str) -> Asked<'a> {
    Asked { method: Some(method), host: Some(host), path: Some(path) }
}

fn judge(limits: &Limits, asked: Asked<'_>) -> Result<(), Refusal> {
    limits.judge_route(asked, false)
}

#[test]
fn a_route_holds_what_its_wildcards_say() {
    for (route, method, host, path, held) in [
        ("GET api.example/v1/reports/*", "GET", "api.example", "/v1/reports/3", true),
        ("GET api.example/v1/reports/*", "GET", "API.Example:443", "/v1/reports/3/rows", true),
        ("GET api.example/v1/reports/*", "GET", "api.example", "/v1/reports/", true),
        ("GET api.example/v1/reports/*", "HEAD", "api.example", "/v1/reports/3", true),
        ("GET api.example/v1/reports/*", "GET", "api.example", "/v1/reports", false),
        ("GET api.example/v1/reports/*", "GET", "api.example", "/v1/reportsx/3", false),
        ("GET api.example/v1/reports/*", "POST", "api.example", "/v1/reports/3", false),
        ("GET api.example/v1/reports/*", "get", "api.example", "/v1/reports/3", false),
        ("GET api.example/v1/reports/*", "GET", "api.example.evil", "/v1/reports/3", false),
        ("GET api.example:8443/x", "GET", "api.example:8443", "/x", true),
        ("GET api.example:8443/x", "GET", "api.example", "/x", false),
        ("GET [2001:db8::1]/x", "GET", "[2001:db8::1]:80", "/x", true),
        ("* */*", "DELETE", "anything", "/at/all", true),
        ("* *.example/*", "GET", "a.b.example", "/", true),
        ("* *.example/*", "GET", "example", "/", false),
        ("* *.example/*", "GET", ".example", "/", false),
        ("* *.example/*", "GET", "badexample", "/", false),
        ("GET x/users/*/reports", "GET", "x", "/users/3/reports", true),
        ("GET x/users/*/reports", "GET", "x", "/users//reports", false),
        ("GET x/users/*/reports", "GET", "x", "/users/3/4/reports", false),
        ("GET x/Users", "GET", "x", "/users", false),
        ("GET x/", "GET", "x", "/", true),
        ("GET x/", "GET", "x", "/a", false),
    ] {
        let limits = Limits { routes: routes(&[route]), ..Limits::default() };
        let expected = match (held, path.contains("//")) {
            (true, _) => Ok(()),
            (false, false) => Err(Refusal::RouteDenied),
            (false, true) => {
                assert!(matches!(
                    judge(&limits, asked(method, host, path)),
                    Err(Refusal::RouteUnclear { .. })
                ));
                continue;
            }
        };
        assert_eq!(judge(&limits, asked(method, host, path)), expected, "{route}: {method} {host}{path}");
    }
}

#[test]
fn what_is_not_known_is_held_by_a_wildcard_alone() {
    let nothing = Asked::default();
    let held = |route| judge(&Limits { routes: routes(&[route]), ..Limits::default() }, nothing).is_ok();
    assert!(held("* */*"));
    assert!(!held("GET */*") && !held("* x/*") && !held("* */x") && !held("* */x/*"));
}

#[test]
fn a_path_that_two_readers_may_read_differently_is_judged_by_no_route() {
    let limited = Limits { routes: routes(&["* */*"]), ..Limits::default() };
    for path in
        ["/a%2fb", "/a%5cb", "/a\\b", "/a%00", "/..", "/a/%2e%2e/b", "/a;b=c", "/a//b", "/é", "/a b", "", "a"]
    {
        let refused = judge(&limited, asked("GET", "x", path));
        assert!(matches!(refused, Err(Refusal::RouteUnclear { .. })), "{path}");
        assert_eq!(judge(&Limits::default(), asked("GET", "x", path)), Ok(()), "nothing has to judge {path}");
    }
    assert_eq!(judge(&limited, asked("GET", "x", "/caf%C3%A9/a.b")), Ok(()));
}

#[test]
fn routes_do_not_keep_a_token_from_itself() {
    let limits = Limits { routes: routes(&["GET x/y"]), ..Limits::default() };
    assert_eq!(limits.judge_route(Asked::default(), true), Ok(()));
    assert_eq!(limits.judge_route(Asked::default(), false), Err(Refusal::RouteDenied));
}

#[test]
fn what_is_no_route_is_refused() {
    for text in [
        "",
        "GET",
        "GET api.example",
        "get x/y",
        "GET  x/y",
        "GET x y/z",
        "GET x/y?z",
        "GET x/y#z",
        "GET x/../y",
        "GET x//y",
        "GET x/a%2fb",
        "GET x/a;b",
        "GET x/repo*",
        "GET /y",
        "GET x:99999/y",
        "GET x:+1/y",
        "GET a..b/y",
        "GET *x/y",
        "GET u@x/y",
        "GET é/y",
    ] {
        assert!(Route::parse(text).is_err(), "{text}");
    }
    assert!(Route::parse(&format!("GET x/{}", "a".repeat(600))).is_err());
    assert_eq!(
        Route::parse("GET API.example:8443/A").expect("a route").to_string(),
        "GET api.example:8443/A"
    );
}

#[test]
fn networks_are_held_against_the_address() {
    let from = |allow: &[&str], deny: &[&str], address: &str| {
        let networks = Networks::parse(allow, deny).expect("networks");
        let limits = Limits { networks, ..Limits::default() };
        limits.networks.hold(address.parse().ok())
    };
    assert!(from(&[], &[], "192.0.2.1") && from(&[], &[], "unknown"));
    assert!(from(&["10.0.0.0/8"], &[], "10.9.9.9") && from(&["10.0.0.0/8"], &[], "::ffff:10.9.9.9"));
    assert!(!from(&["10.0.0.0/8"], &[], "11.0.0.1") && !from(&["10.0.0.0/8"], &[], "2001:db8::1"));
    assert!(!from(&["10.0.0.0/8"], &["10.1.0.0/16"], "10.1.2.3"));
    assert!(from(&["2001:db8::/32", "192.0.2.1"], &[], "192.0.2.1"));
    assert!(!from(&[], &["192.0.2.0/24"], "192.0.2.1") && from(&[], &["192.0.2.0/24"], "192.0.3.1"));
    for unknown in [from(&["0.0.0.0/0"], &[], "unknown"), from(&[], &["192.0.2.1"], "unknown")] {
        assert!(!unknown, "an address that isn't known is good for nothing that asks for one");
    }
}

#[test]
fn what_is_no_network_is_refused() {
    for text in ["", "10.0.0.1/8", "10.0.0.0/33", "localhost", "10.0.0", "::ffff:10.0.0.0/104", "10.0.0.0/8 "]
    {
        assert!(Networks::parse(&[text], &[]).is_err(), "{text}");
        assert!(Networks::parse(&[], &[text]).is_err(), "{text}");
    }
    assert!(Networks::parse(&vec!["10.0.0.1"; 101], &[]).is_err());
}

#[test]
fn a_rate_counts_from_the_first_use_to_the_end_of_the_period() {
    let rate = Rate::parse("2/min").expect("a rate");
    let first = Window::default().after_use(rate, 1_000).expect("the first");
    let second = first.after_use(rate, 30_000).expect("the second");
    assert_eq!(second, Window { began: 1_000, used: 2 });
    let refused = |at| match second.after_use(rate, at) {
        Err(Refusal::RateExceeded { limit: 2, period: 60, retry_after }) => retry_after,
        other => panic!("{other:?}"),
    };
    assert_eq!((refused(30_000), refused(60_000), refused(60_999)), (31, 1, 1));
    assert_eq!(second.after_use(rate, 61_000), Ok(Window { began: 61_000, used: 1 }));
    for bad in ["", "1", "0/s", "1/m", "-1/s", "+1/s", "1/S", "1.5/s", "1000000001/s", " 1/s", "01/s"] {
        assert!(Rate::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(Rate::parse("10000/day").expect("a rate").to_string(), "10000/day");
}

type Change = fn(&mut Limits);

fn full() -> Limits {
    Limits {
        networks: Networks::parse(&["10.0.0.0/8"], &["10.1.0.0/16"]).expect("networks"),
        routes: routes(&["GET api.example/v1/*", "* *.example/x/*/y"]),
        not_before: Some(super::Instant::from_millis(1_000)),
        uses: Some(100),
        rate: Some(Rate::parse("10/s").expect("a rate")),
        counted_with: Some(TokenId::from_bytes(*b"\x01\x8f\x00\x00\x00\x00\x70\x01\x80\x00\x00\x01abcd")),
        uses_with: Some(TokenId::from_bytes(*b"\x01\x8f\x00\x00\x00\x00\x70\x01\x80\x00\x00\x01efgh")),
    }
}

#[test]
fn the_stored_form_reads_back() {
    for limits in [Limits::default(), full()] {
        assert_eq!(Limits::from_stored(&limits.to_string()), Some(limits));
    }
    for bad in ["x", "allow", "allow x", "uses x", "uses -1", "what 1", "route GET x"] {
        assert_eq!(Limits::from_stored(bad), None, "{bad}");
    }
}

#[test]
fn a_child_has_its_parents_limits_and_none_that_are_wider() {
    let (parent, id) = (full(), TokenId::from_bytes([7; 16]));
    let uses = Some(10);
    let child = Limits { uses, ..Limits::default() }.within(id, &parent).expect("all but uses are inherited");
    assert_eq!(child, Limits { uses, uses_with: None, ..parent.clone() });
    let wider: [(&str, Change); 12] = [
        ("limits.networks.allow", |l| l.networks.allow = vec!["0.0.0.0/0".parse().unwrap()]),
        ("limits.networks.allow", |l| l.networks.allow = vec!["2001:db8::/32".parse().unwrap()]),
        ("limits.routes", |l| l.routes = routes(&["GET api.example/*"])),
        ("limits.routes", |l| l.routes = routes(&["* api.example/v1/*"])),
        ("limits.routes", |l| l.routes = routes(&["GET */v1/*"])),
        ("limits.routes", |l| l.routes = routes(&["GET api.example/v1/x", "GET a.example/x/*"])),
        ("limits.routes", |l| l.routes = routes(&["GET example/x/1/y"])),
        ("limits.not_before", |l| l.not_before = Some(super::Instant::from_millis(999))),
        ("limits.uses", |l| l.uses = None),
        ("limits.uses", |l| l.uses = Some(101)),
        ("limits.rate", |l| l.rate = Rate::parse("11/s").ok()),
        ("limits.rate", |l| l.rate = Rate::parse("10/min").ok()),
    ];
    for (field, change) in wider {
        let mut wish = Limits { uses, ..Limits::default() };
        change(&mut wish);
        assert_eq!(wish.within(id, &parent), Err(Refusal::WiderThanMinter { field }));
    }
    let narrower: [Change; 8] = [
        |l| l.networks.allow = vec!["10.2.0.0/16".parse().unwrap()],
        |l| l.networks.deny = vec!["10.3.0.0/16".parse().unwrap()],
        |l| l.routes = routes(&["HEAD api.example:443/v1/a", "PUT *.a.example/x/1/y"]),
        |l| l.routes = routes(&["GET api.example/v1/*/b/*"]),
        |l| l.not_before = Some(super::Instant::from_millis(1_001)),
        |l| l.uses = Some(100),
        |l| l.rate = Rate::parse("10/s").ok(),
        |l| l.rate = Rate::parse("9/s").ok(),
    ];
    for change in narrower {
        let mut wish = Limits { uses, ..Limits::default() };
        change(&mut wish);
        let child = wish.within(id, &parent).expect("narrower");
        assert!(child.networks.deny.contains(&"10.1.0.0/16".parse().unwrap()), "what is denied stays so");
        assert_eq!(child.counted_with, parent.counted_with);
    }
}

/// A script can't get a rate twice by minting a token for itself.
#[test]
fn a_rate_is_shared_by_a_token_and_what_it_mints() {
    let (id, rate) = (TokenId::from_bytes([7; 16]), Rate::parse("10/s").ok());
    let child = Limits::default().within(id, &Limits { rate, ..Limits::default() }).expect("a child");
    assert_eq!((child.rate, child.counted_with), (rate, Some(id)));
    let grandchild = Limits::default().within(TokenId::from_bytes([8; 16]), &child).expect("a grandchild");
    assert_eq!(grandchild.counted_with, Some(id));
    let own = Limits { rate, ..Limits::default() }.within(id, &Limits::default()).expect("narrower");
    assert_eq!((own.rate, own.counted_with), (rate, None), "its parent has none");
}
