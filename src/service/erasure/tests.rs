//! Erasing over a real store, and a look at every byte of its files.

use std::{path::Path, sync::Arc, time::Duration};

use tempfile::TempDir;

use super::{EraseTokens, Which};
use crate::{
    core::{
        checks::Endpoint, decision::Demand, id::TokenId, keys::Pepper, limits::Asked, refusal::Failure,
        secret::SecretText, time::Instant, token::Status,
    },
    ops::clock::Clock,
    service::{
        Service,
        change::{Change, Labels, Target},
        issue::IssueRequest,
        people::NewUser,
        tests::stage::{self, local, open_with, request, wish},
        verify::{Credential, Peer},
    },
    store::{Tx, Write},
};

/// What must not be found of the user who is deleted: the letters of it stand nowhere else, any three in a row.
const LABEL: &str = "ꦄꦅꦆꦇꦈꦉꦊꦋ";
const OLD_LABEL: &str = "ꦌꦍꦎꦏꦐꦑꦒꦓ";
const AGENT: &str = "agent-of-anna";
const ADDRESS: &str = "203.0.113.77";
const PERSONAL: [&str; 7] =
    ["anna.surname", "anna@example.org", "Anna-Maria", "words about anna", "anna.png", AGENT, ADDRESS];

fn open(directory: &Path) -> Arc<Service> {
    open_with(directory, Clock::system(), Pepper::generate([1; 32]))
}

async fn user(service: &Service, name: &str) {
    let text = |text: &str| if name == "anna.surname" { text.to_owned() } else { String::new() };
    let user = NewUser {
        email: text("anna@example.org"),
        first_name: text("Anna-Maria"),
        image: text("https://example.org/anna.png"),
        ..stage::user(name)
    };
    service.create_user(&local(), user).await.unwrap();
}

async fn token(service: &Service, owner: &str, name: &str) -> (TokenId, SecretText) {
    let description = if owner == "anna.surname" { "words about anna" } else { "other words" }.to_owned();
    let request = IssueRequest { description, owner: Some(owner.to_owned()), ..request(name, wish()) };
    let issued = service.issue(&local(), request).await.unwrap();
    (issued.view.token.id, issued.secret)
}

/// Deletes as the use case does, without erasing.
struct Delete(&'static str, Instant);

impl Write for Delete {
    type Output = ();
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let user = tx.user_by_name(self.0)?.expect("it is there");
        tx.delete_user(&user, self.1)
    }
}

/// Two users with many tokens side by side, used, relabelled and revoked, and refused sign-ins.
async fn set(directory: &Path) -> (Arc<Service>, Vec<TokenId>) {
    let service = open(directory);
    for name in ["anna.surname", "berta"] {
        user(&service, name).await;
    }
    let mut tokens = Vec::new();
    for number in 0..450 {
        // Of different lengths, so that pages are split in many ways.
        let (id, secret) = token(&service, "anna.surname", &LABEL[..3 * (2 + number % 7)]).await;
        tokens.push(id);
        let peer = Peer {
            address: ADDRESS.parse().ok(),
            agent: Some(AGENT),
            asked: Asked::default(),
            endpoint: Endpoint::NATIVE,
        };
        service.authenticate(&Credential::Bearer(secret), Demand::Itself, peer).await.unwrap();
        let change = match number % 4 {
            0 => Some(Change::Delete),
            1 => Some(Change::Relabel(Labels {
                name: Some(OLD_LABEL.to_owned()),
                description: None,
                icon: None,
                modules: None,
            })),
            _ => None,
        };
        if let Some(change) = change {
            service.change(&local(), Target::of(crate::core::id::Reference::Id(id)), change).await.unwrap();
        }
        token(&service, "berta", &"berta's label ".repeat(1 + number % 5)).await;
    }
    service.flush_uses().await;
    for _ in 0..3 {
        let credential = Credential::Password {
            username: "anna.surname".to_owned(),
            password: SecretText::new("not the password at all"),
        };
        let peer = Peer {
            address: ADDRESS.parse().ok(),
            agent: None,
            asked: Asked::default(),
            endpoint: Endpoint::NATIVE,
        };
        service.authenticate(&credential, Demand::Owner, peer).await.unwrap_err();
    }
    (service, tokens)
}

/// Every place in any file where something personal stands.
fn found(directory: &Path) -> Vec<String> {
    let trigrams = [LABEL, OLD_LABEL].map(|label| label.char_indices().map(|(at, _)| at).collect::<Vec<_>>());
    let pairs = [LABEL, OLD_LABEL].into_iter().zip(trigrams).flat_map(|(label, starts)| {
        starts.windows(3).map(|at| label[at[0]..at[2]].to_owned()).collect::<Vec<_>>()
    });
    let needles: Vec<String> = PERSONAL.iter().map(ToString::to_string).chain(pairs).collect();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for needle in &needles {
            if bytes.windows(needle.len()).any(|window| window == needle.as_bytes()) {
                found.push(format!("{needle} in {}", path.display()));
            }
        }
    }
    found
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Each term in the index of tokens' names.
fn terms(directory: &Path) -> Vec<String> {
    let connection = rusqlite::Connection::open(directory.join("jeton.db")).unwrap();
    connection
        .execute_batch("CREATE VIRTUAL TABLE temp.terms USING fts5vocab (main, token_words, row)")
        .unwrap();
    let mut statement = connection.prepare("SELECT term FROM terms").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn nothing_of_a_deleted_user_is_left_in_any_file() {
    let directory = TempDir::new().unwrap();
    runtime().block_on(async {
        let (service, tokens) = set(directory.path()).await;
        assert!(found(directory.path()).len() > PERSONAL.len(), "the scan sees what is there");
        let late = token(&service, "anna.surname", LABEL).await;
        let peer = Peer {
            address: ADDRESS.parse().ok(),
            agent: Some(AGENT),
            asked: Asked::default(),
            endpoint: Endpoint::NATIVE,
        };
        service.authenticate(&Credential::Bearer(late.1), Demand::Itself, peer).await.unwrap();
        service.store.write(Delete("anna.surname", service.now())).await.unwrap();
        service.erase_deleted().await.unwrap();
        // What was gathered before comes after.
        service.flush_uses().await;
        while !service.store.scrub(false).await.unwrap() {}
        assert_eq!(found(directory.path()), Vec::<String>::new());
        assert!(!terms(directory.path()).iter().any(|term| term.contains('ꦄ') || term.contains('ꦌ')));
        assert!(terms(directory.path()).iter().any(|term| term == "ber"));

        let verdict = service.verify_events().await.unwrap();
        assert_eq!(verdict.flaw, None);
        for id in tokens.iter().chain([&late.0]) {
            let token = service.store.read(|rows| rows.token(*id)).unwrap().unwrap();
            assert_eq!((token.status, token.name.as_str()), (Status::Deleted, ""));
        }
        service.shut_down().await;
    });
    let connection = rusqlite::Connection::open(directory.path().join("jeton.db")).unwrap();
    let detail: String = connection
        .query_row("SELECT detail FROM events WHERE deed = 'user.erased'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(detail, "tokens=451");
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("SELECT count(*) FROM users WHERE erased_at IS NOT NULL"), 1);
    assert_eq!(number("SELECT count(*) FROM tokens WHERE name <> '' AND status <> 'deleted'"), 450);
    assert_eq!(number("SELECT count FROM totals WHERE list = 'tokens' AND scope = zeroblob(16)"), 450);
    assert_eq!(number("SELECT sum(count) FROM token_uses"), 451, "how often is nothing personal");
    assert_eq!(number("SELECT count(*) FROM token_sources"), 0);
    assert_eq!(number("SELECT count(*) FROM token_demands"), 0);
}

#[test]
fn an_erasure_that_was_cut_short_is_gone_on_with() {
    let directory = TempDir::new().unwrap();
    runtime().block_on(async {
        let (service, tokens) = set(directory.path()).await;
        service.store.write(Delete("anna.surname", service.now())).await.unwrap();
        let owner = service.store.read(|rows| rows.users_to_erase(1)).unwrap()[0].id;
        let write = EraseTokens { owner, which: Which::Kept, after: None, now: service.now() };
        assert_eq!(service.store.write(write).await.unwrap().len(), 200);
        service.shut_down().await;
        drop(service);
        assert!(!found(directory.path()).is_empty());

        let service = open(directory.path());
        service.erase_deleted().await.unwrap();
        assert_eq!(found(directory.path()), Vec::<String>::new());
        // Nothing is left to do, and nothing is done twice.
        service.erase_deleted().await.unwrap();
        let verdict = service.verify_events().await.unwrap();
        assert_eq!(verdict.flaw, None);
        let last = service.store.read(|rows| rows.token(tokens[0])).unwrap().unwrap();
        assert_eq!(last.name, "");
        service.shut_down().await;
    });
}

#[test]
fn a_reader_in_the_log_puts_the_end_off() {
    let directory = TempDir::new().unwrap();
    runtime().block_on(async {
        let service = open(directory.path());
        user(&service, "anna.surname").await;
        let reader = rusqlite::Connection::open(directory.path().join("jeton.db")).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM users").unwrap();
        service.store.write(Delete("anna.surname", service.now())).await.unwrap();
        let erasing = tokio::time::timeout(Duration::from_secs(2), service.erase_deleted()).await;
        assert!(erasing.is_err(), "it waits for the reader");
        let waiting = service.store.read(|rows| rows.users_to_erase(1)).unwrap();
        assert_eq!(waiting.len(), 1, "and isn't said to be done");
        reader.execute_batch("COMMIT").unwrap();
        service.erase_deleted().await.unwrap();
        assert_eq!(found(directory.path()), Vec::<String>::new());
        service.shut_down().await;
    });
}

#[test]
fn a_token_edited_behind_our_back_holds_nothing_up() {
    let directory = TempDir::new().unwrap();
    runtime().block_on(async {
        let service = open(directory.path());
        user(&service, "anna.surname").await;
        for _ in 0..3 {
            token(&service, "anna.surname", LABEL).await;
        }
        let other = rusqlite::Connection::open(directory.path().join("jeton.db")).unwrap();
        other
            .execute("UPDATE tokens SET expires_at = NULL WHERE id = (SELECT max(id) FROM tokens)", [])
            .unwrap();
        drop(other);
        service.store.write(Delete("anna.surname", service.now())).await.unwrap();
        service.erase_deleted().await.unwrap();
        assert_eq!(found(directory.path()), Vec::<String>::new());
        service.shut_down().await;
    });
}
