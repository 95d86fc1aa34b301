//! Limits as fields: set at the making of a token, read back as they were meant, and refused by name where they are wrong.

use serde_json::{Value, json};

use super::{Stage, secret};

/// What a token without any limit shows.
fn none() -> Value {
    json!({ "networks": { "allow": [], "deny": [] }, "routes": [], "not_before": null, "uses": null, "rate": null })
}

#[test]
fn what_is_set_is_read_back_everywhere_a_token_is_shown() {
    let mut stage = Stage::new();
    let limits = json!({
        "networks": { "allow": ["10.0.0.0/8", "127.0.0.0/8", "2001:db8::/32"], "deny": ["10.1.0.0/16"] },
        "routes": ["GET API.example/v1/*", "* 127.0.0.1/*", "POST *.example:8443/v1/*/items"],
        "not_before": "2020-02-28T23:59:59.999+14:00", "uses": 1000, "rate": "100/min",
    });
    let made = stage.server.mint(&stage.anna, &json!({ "name": "all", "limits": limits }));
    let expected = json!({
        "networks": { "allow": ["10.0.0.0/8", "127.0.0.0/8", "2001:db8::/32"], "deny": ["10.1.0.0/16"] },
        "routes": ["GET api.example/v1/*", "* 127.0.0.1/*", "POST *.example:8443/v1/*/items"],
        "not_before": "2020-02-28T09:59:59.999Z", "uses": 1000, "rate": "100/min",
    });
    assert_eq!((&made["limits"], &made["used"]), (&expected, &json!(0)));
    let token = secret(&made);
    let shown = stage.shown(&token);
    assert_eq!((&shown["limits"], &shown["used"]), (&expected, &json!(0)), "looking isn't using");
    let own = stage.present(&token).expect(200).json();
    assert_eq!((&own["limits"], &own["used"]), (&expected, &json!(1)), "this very request counts");
    let me = stage.client.get("/v1/me").bearer(&token).send().expect(200).json();
    assert_eq!((&me["token"]["limits"], &me["token"]["used"]), (&expected, &json!(2)));
    let list = stage.client.get("/v1/tokens").bearer(&token).send().expect(200).json();
    let one = &list["items"][0];
    assert_eq!((&one["limits"], &one["used"]), (&expected, &json!(3)));
}

#[test]
fn every_member_is_optional_and_the_shape_is_always_the_same() {
    let stage = Stage::new();
    for limits in [
        json!(null),
        json!({}),
        json!({ "networks": null, "routes": null, "not_before": null, "uses": null, "rate": null }),
        json!({ "networks": {}, "routes": [] }),
        json!({ "networks": { "allow": null, "deny": [] } }),
    ] {
        let made = stage.server.mint(&stage.anna, &json!({ "name": "none", "limits": limits }));
        assert_eq!((&made["limits"], &made["used"]), (&none(), &Value::Null), "{limits}");
    }
    let made = stage.server.mint(&stage.anna, &json!({ "name": "one", "limits": { "rate": "1/s" } }));
    let mut expected = none();
    expected["rate"] = json!("1/s");
    assert_eq!((&made["limits"], &made["used"]), (&expected, &Value::Null), "a rate is no count of uses");
    let made = stage
        .server
        .mint(&stage.anna, &json!({ "name": "an address", "limits": { "networks": { "deny": ["::1"] } } }));
    assert_eq!(made["limits"]["networks"], json!({ "allow": [], "deny": ["::1/128"] }));
}

#[test]
fn a_wrong_value_is_refused_by_the_name_of_its_field() {
    let mut stage = Stage::new();
    let many = |text: &str| json!(vec![text; 101]);
    let long = format!("GET x/{}", "a".repeat(600));
    let mut wrong = vec![
        ("limits", json!([])),
        ("limits", json!("10/s")),
        ("limits.networks", json!({ "networks": ["10.0.0.0/8"] })),
        ("limits.networks.allow", json!({ "networks": { "allow": many("10.0.0.1") } })),
        ("limits.networks.deny", json!({ "networks": { "deny": many("10.0.0.1") } })),
        ("limits.networks.allow", json!({ "networks": { "allow": "10.0.0.0/8" } })),
        ("limits.networks.allow[0]", json!({ "networks": { "allow": [10] } })),
        ("limits.routes", json!({ "routes": "GET a/b" })),
        ("limits.routes", json!({ "routes": many("GET a/b") })),
        ("limits.routes", json!({ "routes": [long] })),
    ];
    for network in
        ["", "10.0.0.1/8", "10.0.0.0/33", "10.0.0", "localhost", "::ffff:10.0.0.0/104", "10.0.0.0/8 "]
    {
        wrong.push(("limits.networks.allow", json!({ "networks": { "allow": ["10.0.0.0/8", network] } })));
        wrong.push(("limits.networks.deny", json!({ "networks": { "deny": [network] } })));
    }
    for route in [
        "",
        "GET",
        "GET a",
        "get a/b",
        "GET /b",
        "GET a/b?c",
        "GET a/b#c",
        "GET a/../b",
        "GET a//b",
        "GET a/b*",
        "GET a/%2e%2e/b",
        "GET a/b;c",
        "GET  a/b",
        "GET a:99999/b",
        "GET https://a/b",
        "GET a/é",
        "G,T a/b",
    ] {
        wrong.push(("limits.routes", json!({ "routes": [route] })));
    }
    for instant in ["", "tomorrow", "2030-01-01", "2030-13-01T00:00:00Z", "1893456000"] {
        wrong.push(("limits.not_before", json!({ "not_before": instant })));
    }
    for uses in [json!(0), json!(-1), json!(1.5), json!("1"), json!(1_000_000_000_001_u64), json!([1])] {
        wrong.push(("limits.uses", json!({ "uses": uses })));
    }
    for rate in
        [json!(""), json!("1"), json!("0/s"), json!("1/month"), json!("-1/s"), json!("01/s"), json!(1)]
    {
        wrong.push(("limits.rate", json!({ "rate": rate })));
    }
    for (field, limits) in wrong {
        let body = json!({ "name": "wrong", "limits": limits });
        let request = stage.client.post("/v1/tokens").basic(&stage.anna.name, &stage.anna.password);
        let reply = request.json(&body).send();
        assert_eq!(reply.problem(400), "invalid", "{limits}");
        assert_eq!(reply.json()["field"], field, "{limits}: {}", reply.text());
    }
    let list = stage.client.get("/v1/tokens").basic(&stage.anna.name, &stage.anna.password).send().json();
    assert_eq!(list["items"], json!([]), "nothing was made");
}

#[test]
fn the_most_of_each_is_taken() {
    let stage = Stage::new();
    let networks: Vec<_> = (0..100).map(|number| format!("10.0.{number}.0/24")).collect();
    let routes: Vec<_> = (0..100).map(|number| format!("GET a.example/{number}")).collect();
    let limits = json!({
        "networks": { "allow": networks, "deny": networks }, "routes": routes, "uses": 1_000_000_000_000_u64,
        "rate": "1000000000/day",
    });
    let made = stage.server.mint(&stage.anna, &json!({ "name": "most", "limits": limits }));
    for member in ["routes", "uses", "rate"] {
        assert_eq!(made["limits"][member], limits[member]);
    }
    assert_eq!(made["limits"]["networks"]["allow"].as_array().map(Vec::len), Some(100));
}

#[test]
fn what_is_not_known_is_refused_at_each_level() {
    let mut stage = Stage::new();
    for (field, limits) in [
        ("limits.route", json!({ "route": ["GET a/b"] })),
        ("limits.counted_with", json!({ "counted_with": null })),
        ("limits.networks.only", json!({ "networks": { "only": [] } })),
    ] {
        let body = json!({ "name": "unknown", "limits": limits });
        let request = stage.client.post("/v1/tokens").basic(&stage.anna.name, &stage.anna.password);
        let reply = request.json(&body).send();
        reply.problem(400);
        assert_eq!(reply.json()["field"], field, "{}", reply.text());
    }
}

#[test]
fn limits_never_change() {
    let mut stage = Stage::new();
    let token = stage.mint(&json!({ "uses": 5 }));
    let before = stage.shown(&token);
    for body in [json!({ "limits": {} }), json!({ "limits": { "uses": 4 } }), json!({ "used": 0 })] {
        let path = format!("/v1/tokens/{}", before["id"].as_str().unwrap());
        let request = stage.client.patch(&path).basic(&stage.anna.name, &stage.anna.password);
        let reply = request.header("If-Match", "*").json(&body).send();
        assert_eq!(reply.problem(400), "invalid", "{body}");
    }
    assert_eq!(stage.shown(&token), before);
}
