//! Lists: every filter and every order on each, held against what a look at the whole list gives; pages that miss
//! nothing; and who sees what.

mod filters;
mod pages;
mod scope;

use serde_json::Value;

use crate::harness::{Client, Reply, Server, fill::fill};

/// Asks with one credential.
struct Asker {
    client: Client,
    token: String,
}

impl Asker {
    fn send(&mut self, path: &str) -> Reply {
        self.client.get(path).bearer(&self.token).send()
    }

    fn get(&mut self, path: &str) -> Value {
        self.send(path).expect(200).json()
    }

    /// Everything on a list, page by page.
    fn all(&mut self, path: &str, limit: usize) -> Vec<Value> {
        let path = format!("{path}{}limit={limit}", if path.contains('?') { '&' } else { '?' });
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}{cursor}"));
            let found = page["items"].as_array().unwrap();
            assert!(found.len() <= limit);
            items.extend(found.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }
}

/// A server with a few hundred tokens of twenty users in five organizations and `default`.
fn filled(tokens: usize) -> Server {
    let mut server = Server::start();
    server.stop();
    fill(&server.data(), tokens);
    server.launch();
    server
}

fn local(server: &Server) -> Asker {
    Asker { client: server.client(), token: server.secret().into() }
}

fn text<'a>(item: &'a Value, field: &str) -> &'a str {
    item[field].as_str().unwrap_or_default()
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn contains(text: &str, needle: &str) -> bool {
    text.to_ascii_lowercase().contains(&needle.to_ascii_lowercase())
}

const COLUMNS: [&str; 12] = [
    "sequence",
    "at",
    "kind",
    "actor",
    "actor_user",
    "actor_username",
    "actor_token",
    "address",
    "object_kind",
    "object",
    "organization",
    "detail",
];
