//! Lists of very many rows: a page costs what a page costs, however many there are.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Client, Server, alone, campaign, fill::fill};

/// How long a page may take; what isn't optimized takes its time.
const QUICK: Duration = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 50 });

/// The same where the reply says how many there are in all, for which all of one owner's tokens are looked at.
const COUNTED: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1_000 } else { 500 });

/// A list, and what it is asked.
const ASKED: [&str; 31] = [
    // As the page asks.
    "/v1/tokens?sort=-created_at&limit=50&total=true",
    "/v1/tokens?name=grafana+nightly&sort=-created_at&total=true",
    "/v1/tokens?name=0012345&sort=-created_at&total=true",
    "/v1/tokens?name=deploy&sort=-created_at&total=true",
    "/v1/tokens",
    "/v1/tokens?limit=200",
    "/v1/tokens?total=true",
    "/v1/tokens?sort=created_at",
    "/v1/tokens?sort=name",
    "/v1/tokens?sort=-name&organization=org-1",
    "/v1/tokens?sort=expires_at",
    "/v1/tokens?sort=-last_used_at",
    "/v1/tokens?name=deploy",
    "/v1/tokens?name=grafana%20nightly",
    "/v1/tokens?name=0012345",
    "/v1/tokens?name=deploy&owner=user-3&organization=org-2",
    "/v1/tokens?owner=user-3",
    "/v1/tokens?organization=org-3&status=active",
    "/v1/tokens?owner=user-5&organization=org-1&total=true",
    "/v1/tokens?status=disabled",
    "/v1/tokens?status=expired&sort=-expires_at",
    "/v1/tokens?status=deleted",
    "/v1/tokens?status=deleted&owner=user-3",
    "/v1/users?name=berg%201",
    "/v1/users?active=false",
    "/v1/users?total=true",
    "/v1/organizations/org-1/members?role=administrator",
    "/v1/organizations/org-1/members?name=deploy&sort=username",
    "/v1/events?total=true",
    "/v1/events?organization=org-2&kind=token.deleted",
    "/v1/events?actor=user-3&kind=token.",
];

/// The same by the other vendors' APIs, of one owner's tokens.
const TRANSLATED: [&str; 14] = [
    "/v4/apiAccessTokens?limit=100",
    "/v4/apiAccessTokens?limit=100&offset=500",
    "/public/v1/accounts/api-tokens",
    "/public/v1/accounts/api-tokens?offset=500&limit=100",
    "/public/v1/accounts/api-tokens?order=name",
    "/public/v1/accounts/api-tokens?order=-audit.created.at,name&select=%2Baudit&limit=10",
    "/public/v1/accounts/api-tokens?ilike(name,*deploy*)&eq(status,active)",
    "/public/v1/accounts/api-tokens?or(like(name,deploy*),gt(audit.created.at,2020-01-01T00:00:00Z))&order=-name",
    "/public/v1/accounts/api-tokens?not(eq(lastAccessAt,null()))&limit=10",
    "/api/access-tokens?pageSize=100",
    "/api/access-tokens?page=20&sort=name:desc",
    "/api/access-tokens?filter=name~'deploy*'&sort=createdOn:asc",
    "/api/access-tokens?filter=expiresAt%3E'2020-01-01T00:00:00Z'%20and%20not(name:'x')",
    "/api/access-tokens?query=grafana",
];

/// What is counted through along an index: every active token that is the caller's to see.
const CHARTS: [&str; 3] =
    ["/v1/tokens/expiring", "/v1/tokens/expiring?organization=org-1&days=366", "/v1/checks?span=30d"];

struct Reader {
    client: Client,
    secret: String,
}

impl Reader {
    fn get(&mut self, path: &str) -> (Value, Duration) {
        let start = Instant::now();
        let reply = self.client.get(path).bearer(&self.secret).send();
        (reply.expect(200).json(), start.elapsed())
    }

    /// The middle one of several.
    fn median(&mut self, path: &str) -> Duration {
        let mut took: Vec<_> = (0..5).map(|_| self.get(path).1).collect();
        took.sort();
        took[2]
    }
}

#[test]
fn a_page_at_a_million_tokens_is_quick() {
    alone();
    let mut server = Server::start();
    server.stop();
    let count = campaign(20_000, 1_000_000);
    let start = Instant::now();
    let filled = fill(&server.data(), count);
    println!("{} tokens and {} users in {:?}", filled.tokens, filled.users, start.elapsed());
    server.launch();
    println!("started in {:?}", server.started_in);
    let mut reader = Reader { client: server.client(), secret: server.secret().into() };
    reader.get("/v1/tokens?limit=200");
    let before = server.resident();
    let mut slow = Vec::new();
    for path in ASKED {
        let (page, _) = reader.get(path);
        let took = reader.median(path);
        let items = page["items"].as_array().unwrap().len();
        println!("{:8.2} ms  {items:3}  {path}", took.as_secs_f64() * 1_000.0);
        assert!(items > 0, "nothing at {path}");
        if took > QUICK {
            slow.push((path, took));
        }
        // The next page costs the same.
        if let Some(cursor) = page["next_cursor"].as_str() {
            let join = if path.contains('?') { '&' } else { '?' };
            reader.get(&format!("{path}{join}cursor={cursor}"));
        }
    }
    for path in CHARTS {
        let took = reader.median(path);
        println!("{:8.2} ms  {path}", took.as_secs_f64() * 1_000.0);
        if took > COUNTED {
            slow.push((path, took));
        }
    }
    let body = json!({ "name": "reader", "owner": "user-3", "organization": "org-1" });
    let made = reader.client.post("/v1/tokens").bearer(&reader.secret).json(&body).send().expect(201).json();
    let mut owner = Reader { client: server.client(), secret: made["token"].as_str().unwrap().to_owned() };
    for path in TRANSLATED {
        let took = owner.median(path);
        println!("{:8.2} ms  {path}", took.as_secs_f64() * 1_000.0);
        if took > COUNTED {
            slow.push((path, took));
        }
    }
    let took = owner.median(CHARTS[0]);
    println!("{:8.2} ms  {} of one owner", took.as_secs_f64() * 1_000.0, CHARTS[0]);
    if took > COUNTED {
        slow.push((CHARTS[0], took));
    }
    owner.client.delete("/v1/tokens/self").bearer(&owner.secret).send().expect(204);
    // What has expired is old: from the newest on there is far to go, but not too far.
    let start = Instant::now();
    reader.get("/v1/tokens?status=expired");
    println!("{:?} for what has expired, the newest first", start.elapsed());
    // Deep into a list is no farther than its beginning.
    let mut cursor = String::new();
    for _ in 0..campaign(20, 500) {
        let (page, took) = reader.get(&format!("/v1/tokens?limit=200&sort=name{cursor}"));
        cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap());
        if took > Duration::from_millis(500) {
            slow.push(("a page far in", took));
        }
    }
    let after = server.resident();
    println!("resident: {} MB before, {} MB after", before >> 20, after >> 20);
    assert!(after < before + (48 << 20), "{before} bytes before, {after} after");
    if campaign(0, 1) == 1 {
        assert!(slow.is_empty(), "over {QUICK:?}: {slow:?}");
    }
    for (path, total) in [
        ("/v1/tokens", filled.tokens - filled.tokens.div_ceil(40)),
        ("/v1/users", filled.users),
        ("/v1/organizations/org-1/members", 20 + (filled.users - 20) / 5),
    ] {
        let (page, _) = reader.get(&format!("{path}?total=true&limit=1"));
        assert_eq!(page["total"], total, "{path}");
    }
    if count > 100_000 {
        let refused = |path: &str| -> Value {
            let reply = server.client().get(path).bearer(server.secret()).send();
            assert_eq!(reply.problem(400), "filter_too_broad", "{path}");
            reply.json()["field"].clone()
        };
        assert_eq!(refused("/v1/tokens?privilege=no%3Asuch"), "privilege");
        assert_eq!(refused("/v1/tokens?minted_by=session&privilege=no%3Asuch"), "minted_by, privilege");
        assert_eq!(refused("/v1/tokens?name=zz"), "name");
    }
}
