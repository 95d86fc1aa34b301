//! What holds behind every proxy, each on a server, an application and a proxy of its own.

use std::{fs, time::Duration};

use rustix::process::Signal;

use super::{
    BODY, HOST, Header, Kind, Site,
    application::Application,
    proxy::{Proxy, replaced},
};
use crate::harness::{Client, wait_for};

pub fn what_is_good_passes_and_what_is_not_is_refused(kind: Kind) {
    let site = Site::new(kind);
    let token = site.token(&[]);
    site.passed(&site.get("/v1/reports/1", &token, &[]));
    // What is needed stands in the proxy's configuration, whatever the client asks for.
    site.passed(&site.get("/?require=mail:send&organization=acme&policy=none&profile=envoy", &token, &[]));
    // The application's cookies, more than jeton would read, don't reach it.
    let cookie = "c".repeat(8_100);
    site.passed(&site.get("/", &token, &[("Cookie", &cookie), ("Cookie", &cookie)]));
    let mut client = site.client();
    let reply = client.request("HEAD", "/").header("Host", HOST).header("x-api-key", &token).send();
    assert_eq!((reply.status, site.application.take().len()), (200, 1));

    let nothing = client.get("/v1/reports/1").header("Host", HOST).send();
    assert!(nothing.header("www-authenticate").is_some_and(|value| value.contains("Bearer")), "{nothing:?}");
    assert_eq!(site.refused(&nothing, 401), "credential_missing");
    let password = client.get("/").header("Host", HOST).basic("anna", &site.anna.password).send();
    assert!(password.header("www-authenticate").is_some());
    assert_eq!(site.refused(&password, 401), "token_required");
    assert_eq!(site.refused(&site.get("/", &format!("{token}x"), &[]), 401), "credential_invalid");
    let both = client.get("/").header("Host", HOST).bearer(&token).header("x-api-key", &token).send();
    assert_eq!(site.refused(&both, 400), "credential_ambiguous");
    for name in ["x-api-key", "Authorization"] {
        let value = format!("Bearer {token}");
        let value = if name == "x-api-key" { &token } else { &value };
        let twice = client.get("/").header("Host", HOST).header(name, value).header(name, value).send();
        site.refused(&twice, 400);
    }

    let other = site.server.token_with(&site.anna, &["--privilege", "mail:send"]);
    let refused = site.get("/v1/reports/1", &other, &[]);
    assert!(
        refused.header("www-authenticate").is_some_and(|value| value.contains("orders:read")),
        "{refused:?}"
    );
    assert_eq!(site.refused(&refused, 403), "privilege_missing");
    if kind == Kind::Nginx {
        // The place that asks is for nginx itself.
        site.refused(&site.get("/_jeton", &token, &[]), 404);
    }
}

pub fn the_client_is_told_what_jeton_says(kind: Kind) {
    let application = Application::start();
    for (status, reason) in [
        (400, "credential_ambiguous"),
        (400, "invalid"),
        (400, "malformed"),
        (400, "route_unclear"),
        (401, "token_expired"),
        (403, "network_denied"),
        (403, "one_that_is_yet_to_come"),
        (429, "rate_exceeded"),
        (500, "internal"),
        (503, "busy"),
    ] {
        let said = if kind == Kind::Nginx && status != 401 { 403 } else { status };
        let head = format!(
            "HTTP/1.1 {said} So\r\nX-Auth-Reason: {reason}\r\nRetry-After: 7\r\nContent-Length: 0\r\n"
        );
        let gate = Application::answering(head, "");
        let proxy = Proxy::start(kind, gate.address(), application.address(), |site| site);
        let reply = proxy.client().get("/").header("Host", HOST).send();
        assert_eq!((reply.status, reply.header("x-auth-reason")), (status, Some(reason)));
        if said != 401 {
            assert_eq!(reply.header("retry-after"), Some("7"), "{reason}");
        }
    }
    // What isn't jeton's.
    for (said, head) in [
        (503, "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n"),
        (503, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"),
        (503, "220 mail.example ESMTP\r\n"),
    ] {
        let gate = Application::answering(head.into(), "");
        let proxy = Proxy::start(kind, gate.address(), application.address(), |site| site);
        let reply = proxy.client().get("/").header("Host", HOST).send();
        // Caddy passes on whatever isn't a yes.
        assert!(if kind == Kind::Nginx { reply.status == said } else { reply.status >= 300 }, "{reply:?}");
    }
    assert!(application.take().is_empty());
}

pub fn a_body_arrives_whole(kind: Kind) {
    let site = Site::new(kind);
    let token = site.token(&[]);
    // More than a proxy keeps in memory, and no two parts of it the same.
    let body: Vec<u8> = (0..300_000_u32).flat_map(u32::to_be_bytes).take(900_000).collect();
    let mut client = site.client();
    let post = |client: &mut Client, more: &[Header<'_>], token: &str| {
        let request = client.post("/v1/reports").header("Host", HOST).bearer(token);
        let request = more.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.text("application/octet-stream", body.clone()).send()
    };
    assert_eq!(post(&mut client, &[], &token).expect(200).text(), BODY);
    let arrival = site.application.only();
    assert!(arrival.line.starts_with("POST /v1/reports HTTP/1."), "{}", arrival.line);
    assert!(arrival.body == body, "{} bytes of {}", arrival.body.len(), body.len());

    let head = format!("POST /chunks HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n");
    let chunks = format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    assert_eq!(client.raw_reply(chunks.as_bytes()).expect(200).text(), BODY);
    assert_eq!(site.application.only().body, b"hello world");
    // The gate is asked with the head alone, and doesn't wait for what the client holds back.
    let waits = format!("{head}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    client.write_raw(waits.as_bytes()).unwrap();
    assert_eq!(client.read_reply(false).unwrap().status, 100);
    client.write_raw(b"hello").unwrap();
    let mut replies = std::iter::from_fn(|| client.read_reply(false).ok());
    // The application's own 100 may be passed on as well.
    let last = replies.find(|reply| reply.status != 100).unwrap();
    assert_eq!(last.expect(200).text(), BODY);
    assert_eq!(site.application.only().body, b"hello");

    let other = site.server.token_with(&site.anna, &["--privilege", "mail:send"]);
    let refused = site.client().post("/").header("Host", HOST).bearer(&other).form("a=b").send();
    assert_eq!(site.refused(&refused, 403), "privilege_missing");
}

pub fn without_jeton_everything_is_closed(kind: Kind) {
    let mut site = Site::new(kind);
    let token = site.token(&[]);
    site.passed(&site.get("/", &token, &[]));
    let closed = |site: &Site| {
        let reply = site.get("/", &token, &[]);
        assert!(matches!(reply.status, 502..=504), "{reply:?}");
        site.refused(&reply, reply.status);
    };
    // It is there and says nothing.
    site.server.signal(Signal::STOP);
    wait_for("all of its threads to stand still", Duration::from_secs(10), || {
        let mut threads = fs::read_dir(format!("/proc/{}/task", site.server.pid())).unwrap();
        let still = |thread: fs::DirEntry| {
            let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
            status.lines().any(|line| line.starts_with("State:\tT"))
        };
        threads.all(|thread| still(thread.unwrap())).then_some(())
    });
    closed(&site);
    site.server.signal(Signal::CONT);
    wait_for("the gate to open again", Duration::from_secs(10), || {
        (site.get("/", &token, &[]).status == 200).then_some(())
    });
    site.application.take();
    site.server.stop();
    closed(&site);
    closed(&site);
}

pub fn a_token_that_expires_soon_is_announced(kind: Kind) {
    let site = Site::new(kind);
    let soon = site.token(&["--lifetime", "10d"]);
    let forged = [("X-Auth-Expires-In", "1")];
    for more in [&[][..], &forged[..]] {
        let reply = site.get("/", &soon, more);
        let left: u32 = reply.header("x-auth-expires-in").expect("it is announced").parse().unwrap();
        assert!((864_000 - 600..=864_000).contains(&left), "{left}");
        assert_eq!(site.application.only().all("x-auth-expires-in"), [left.to_string()]);
        let late = site.token(&["--lifetime", "15d"]);
        let reply = site.get("/", &late, more);
        assert_eq!(reply.header("x-auth-expires-in").unwrap_or_default(), "", "{reply:?}");
        site.passed(&reply);
    }
}

/// The set-up with a second place, `/mail`, for which something else is needed.
fn with_a_second_place(kind: Kind, site: &str) -> String {
    match kind {
        Kind::Nginx => {
            let place = "    location /mail {\n        set $jeton_gate /gate?require=mail:send&profile=nginx;\n        \
                         include jeton/location.conf;\n        proxy_pass http://127.0.0.1:9000;\n    }\n";
            // And a third that forgets to say what is needed.
            let forgotten = place.replace("/mail", "/forgotten");
            let forgotten: String = forgotten.lines().filter(|line| !line.contains("set ")).collect();
            replaced(site, "    location / {", &format!("{place}{forgotten}\n    location / {{"))
        }
        Kind::Caddy => {
            let begin = "\troute {\n\t\thandle /mail* {\n\t\t\timport jeton 127.0.0.1:8700 \
                         /gate?require=mail:send&profile=caddy\n\t\t\treverse_proxy 127.0.0.1:9000\n\t\t}\n\
                         \t\thandle {";
            let site = replaced(site, "\troute {", begin);
            replaced(
                &site,
                "\t\treverse_proxy 127.0.0.1:9000\n\t}",
                "\t\treverse_proxy 127.0.0.1:9000\n\t}\n\t}",
            )
        }
    }
}

pub fn each_place_asks_for_what_is_needed_there(kind: Kind) {
    let site = Site::edited(kind, &[], |site| with_a_second_place(kind, &site));
    let reader = site.token(&["--lifetime", "10d"]);
    let sender = site.server.token_with(&site.anna, &["--privilege", "mail:send", "--lifetime", "10d"]);
    site.passed(&site.get("/", &reader, &[]));
    site.passed(&site.get("/mail", &sender, &[]));
    assert_eq!(site.refused(&site.get("/", &sender, &[]), 403), "privilege_missing");
    assert_eq!(site.refused(&site.get("/mail", &reader, &[]), 403), "privilege_missing");
    if kind == Kind::Nginx {
        site.refused(&site.get("/forgotten", &reader, &[]), 503);
    }
}
