//! What tests of use stand on: a service on a store of its own, with a clock whose hands are moved, and one user.

use std::sync::Arc;

use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::{
    core::{
        decision::{Demand, Subject},
        id::{Reference, TokenId},
        keys::Pepper,
        lifetime::Lifetime,
        limits::{Asked, Facts, Limits},
        minting::Wish,
        privilege::Privileges,
        refusal::Failure,
        rotation::Mode,
        secret::{ControlSecret, SecretText},
        time::{DAY, Instant},
        user::Role,
        wanted::Wanted,
    },
    ops::{
        clock::{Clock, ManualTime},
        entropy::Entropy,
    },
    service::{
        Caller, Opening, Service,
        change::Target,
        issue::{IssueRequest, Issued, Telling},
        people::NewUser,
        rotate::RotateRequest,
        verify::Peer,
    },
};

/// When the clock begins.
pub(in crate::service) const BEGIN: i64 = 1_800_000_000_000;

/// A service with `anna` in it.
pub(in crate::service) struct Stage {
    pub(in crate::service) service: Arc<Service>,
    pub(in crate::service) time: ManualTime,
    pub(in crate::service) directory: TempDir,
}

pub(in crate::service) fn local() -> Caller {
    Caller { subject: Subject::Local, demand: Demand::Operator, address: None, first_use: None }
}

/// The reply is the token alone.
#[expect(clippy::needless_pass_by_value, clippy::unnecessary_wraps, reason = "it is a `Render`")]
fn secret(issued: Issued, _: Instant) -> Result<Zeroizing<Vec<u8>>, Failure> {
    Ok(Zeroizing::new(issued.secret.expose().as_bytes().to_vec()))
}

fn open(directory: &TempDir, time: &ManualTime) -> Arc<Service> {
    Service::open(Opening {
        database: directory.path().join("jeton.db"),
        pepper: Pepper::generate([1; 32]),
        clock: Arc::new(Clock::new(time.clone())),
        entropy: Arc::new(Entropy::system()),
        control: ControlSecret::generate([2; 32]),
    })
    .unwrap()
}

impl Stage {
    pub(in crate::service) async fn new() -> Self {
        let (directory, time) = (TempDir::new().unwrap(), ManualTime::at(BEGIN));
        let service = open(&directory, &time);
        let user = NewUser {
            username: "anna".to_owned(),
            password: SecretText::new("a walk of a crooked mile"),
            email: String::new(),
            first_name: String::new(),
            last_name: String::new(),
            title: String::new(),
            image: String::new(),
            operator: false,
            role: Role::Member,
            may_issue: Some(true),
            privileges: Privileges::everything(),
            organization: None,
        };
        service.create_user(&local(), user).await.unwrap();
        Self { service, time, directory }
    }

    /// The same after a stop and a start.
    pub(in crate::service) async fn again(self) -> Self {
        let Self { service, time, directory } = self;
        service.shut_down().await;
        drop(service);
        Self { service: open(&directory, &time), time, directory }
    }

    /// A token with these privileges.
    pub(in crate::service) async fn token(&self, privileges: &str) -> Issued {
        let wish = Wish {
            lifetime: Lifetime::For(300 * DAY),
            lifetime_field: "lifetime",
            privileges: Privileges::from_stored(privileges),
            modules: None,
            limits: Limits::default(),
            restricted: false,
            tied: None,
            max_idle: None,
            outlives: false,
        };
        let (name, owner) = ("used".to_owned(), Some("anna".to_owned()));
        let (description, icon) = (String::new(), String::new());
        let request = IssueRequest { name, description, icon, wish, organization: None, owner };
        self.service.issue(&local(), request).await.unwrap()
    }

    /// Its successor.
    pub(in crate::service) async fn rotate(&self, token: TokenId, mode: Mode) -> Issued {
        let request = RotateRequest { mode, privileges: None };
        let telling = Telling { once: None, render: secret };
        let target = Target::of(Reference::Id(token));
        let replied = self.service.rotate(&local(), target, request, telling).await.unwrap();
        let view = self.service.token(&local(), &Reference::Id(replied.token)).unwrap();
        Issued { view, secret: SecretText::new(String::from_utf8(replied.reply.to_vec()).unwrap()) }
    }

    /// Uses it from somewhere, a millisecond later; whether it was good for what was wanted.
    pub(in crate::service) async fn present(
        &self,
        token: &Issued,
        from: (&str, &str),
        require: &str,
    ) -> bool {
        self.time.pass(1);
        let mut wanted = Wanted::default();
        require.split_whitespace().for_each(|text| wanted.require(text).unwrap());
        let peer = Peer { address: from.0.parse().ok(), agent: Some(from.1), asked: Asked::default() };
        let found = self.service.introspect(&token.secret, &wanted, &Facts::default(), peer).await;
        found.unwrap().is_some()
    }

    /// What a statement finds in the database.
    pub(in crate::service) fn number(&self, sql: &str) -> i64 {
        let connection = rusqlite::Connection::open(self.directory.path().join("jeton.db")).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}
