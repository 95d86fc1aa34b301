//! Who and what there is on the server of each file, and how a request is put and a reply written down.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    exchange::{Exchange, in_lines},
    redact::{Names, assert_members},
};
use crate::harness::{Client, Reply, Server, server::Actor};

/// The headers of the connection and of the door, which no API sets.
const CONNECTION: [&str; 4] = ["connection", "content-length", "date", "x-request-id"];

/// A fresh server with its people, and the names given so far.
pub struct Setting {
    server: Server,
    client: Client,
    names: Names,
    people: Vec<Actor>,
    /// What stands for what in a request, the braces included.
    tokens: HashMap<String, String>,
}

impl Setting {
    pub fn new() -> Self {
        let names = Names::new();
        let server = Server::start();
        let people = people(&server);
        let client = server.client();
        Self { server, client, names, people, tokens: HashMap::new() }
    }

    /// Sends an exchange's request and gives the exchange with what was answered.
    pub fn play(&mut self, exchange: &Exchange) -> Exchange {
        let target = self.filled(&exchange.target);
        let headers: String = exchange
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}\r\n", self.filled(value)))
            .collect();
        let body = exchange.body.as_ref().map(|body| self.filled(body));
        let length = body.as_ref().map(|body| format!("Content-Length: {}\r\n", body.len()));
        let first = format!("{} {target} HTTP/1.1\r\nHost: localhost\r\n", exchange.method);
        let (length, body) = (length.unwrap_or_default(), body.unwrap_or_default());
        let bytes = [first, headers, length, "\r\n".into(), body].concat();
        self.client.write_raw(bytes.as_bytes()).expect("the server accepts");
        let reply = self.client.read_reply(exchange.method == "HEAD").expect("the server answers");
        Exchange { reply: self.written(&reply), ..exchange.clone() }
    }

    fn written(&mut self, reply: &Reply) -> String {
        let mut headers: Vec<_> =
            reply.headers.iter().filter(|(name, _)| !CONNECTION.contains(&name.as_str())).collect();
        headers.sort();
        let head: String = headers
            .into_iter()
            .map(|(name, value)| format!("{name}: {}\n", self.names.header(name, value)))
            .collect();
        let body = self.names.redact(&in_lines(&reply.text()));
        if let Ok(body) = serde_json::from_str(&body) {
            assert_members(&body);
        }
        format!("{}\n{head}\n{body}", reply.status).trim_end().into()
    }

    /// `text` with what its placeholders and names stand for.
    fn filled(&mut self, text: &str) -> String {
        let mut filled = self.names.restore(text);
        for actor in self.people.clone() {
            let Actor { name, password } = &actor;
            let basic = actor.basic().trim_start_matches("Basic ").to_owned();
            filled = filled.replace(&format!("{{password:{name}}}"), password);
            filled = filled.replace(&format!("{{basic:{name}}}"), &basic);
            for kind in ["token", "dead"] {
                let placeholder = format!("{{{kind}:{name}}}");
                if filled.contains(&placeholder) {
                    let token = self.token(kind, &actor);
                    filled = filled.replace(&placeholder, &token);
                }
            }
        }
        let ahead = regex_lite::Regex::new(r"\{days:(\d+)\}").unwrap();
        let filled = ahead.replace_all(&filled, |found: &regex_lite::Captures<'_>| in_days(&found[1]));
        let left = regex_lite::Regex::new(r"\{\w+:\w+\}|<[A-Za-z]+-\d+>")
            .unwrap()
            .find(&filled)
            .map(|left| left.as_str());
        assert_eq!(left, None, "stands for nothing");
        filled.into()
    }

    fn token(&mut self, kind: &str, actor: &Actor) -> String {
        let server = &self.server;
        let made = self.tokens.entry(format!("{kind}:{}", actor.name)).or_insert_with(|| {
            let token = server.token(actor);
            if kind == "dead" {
                server.with(&token, "DELETE", "/v1/tokens/self", &Value::Null).expect(204);
            }
            token
        });
        made.clone()
    }
}

/// So many days from now, as most of these APIs write a time.
fn in_days(days: &str) -> String {
    let now = jiff::Timestamp::from_millisecond(jiff::Timestamp::now().as_millisecond()).unwrap();
    format!("{:.3}", now + jiff::SignedDuration::from_hours(24 * days.parse::<i64>().unwrap()))
}

fn people(server: &Server) -> Vec<Actor> {
    let open = json!({ "name": "Acme", "description": "A customer.", "image": "https://example.org/acme.png",
        "policy": { "allow_never": true } });
    server.organization("acme", &open);
    server.organization(
        "small",
        &json!({ "policy": { "quota": 1, "max_lifetime": "1h", "default_lifetime": "1h" } }),
    );
    server.organization("closed", &json!({ "policy": { "api_access": false } }));
    for (number, name) in [("MOD-1111", "Orders"), ("MOD-2222-3333", "Returns")] {
        let body = json!({ "number": number, "name": name });
        server.locally("POST", "/v1/organizations/acme/modules", &body).expect(201);
    }
    let ada = json!({ "role": "administrator", "operator": true, "email": "ada@example.org", "first_name": "Ada",
        "last_name": "Lovelace", "title": "Countess", "image": "https://example.org/ada.png" });
    let people = vec![
        server.user_of("default", "ada", &ada),
        server.issuer_of("default", "bert"),
        server.user_of("default", "carl", &json!({})),
        server.manager_of("acme", "mona"),
        server.manager_of("small", "sam"),
        server.manager_of("closed", "otto"),
    ];
    server.join("acme", &people[1], &json!({ "privileges": ["*:*"], "may_issue": true }));
    people
}
