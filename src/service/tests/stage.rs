//! The stage: a service on a store of its own, with a clock whose hands are moved, and one user; and what is asked of it
//! where a test doesn't care.

use std::{path::Path, sync::Arc};

use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::{
    core::{
        checks::Endpoint,
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
        verify::{Credential, Peer},
    },
    store::Keeping,
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

/// The reply that gives a token out is the token alone.
#[expect(clippy::needless_pass_by_value, clippy::unnecessary_wraps, reason = "it is a `Render`")]
pub(in crate::service) fn secret(issued: Issued, _: Instant) -> Result<Zeroizing<Vec<u8>>, Failure> {
    Ok(Zeroizing::new(issued.secret.expose().as_bytes().to_vec()))
}

/// Starts a service over a directory.
pub(in crate::service) fn open(directory: &Path, time: &ManualTime) -> Arc<Service> {
    open_with(directory, Clock::new(time.clone()), Pepper::generate([1; 32]))
}

/// The same with another clock and another pepper.
pub(in crate::service) fn open_with(directory: &Path, clock: Clock, pepper: Pepper) -> Arc<Service> {
    Service::open(Opening {
        database: directory.join("jeton.db"),
        pepper,
        clock: Arc::new(clock),
        entropy: Arc::new(Entropy::system()),
        keeping: Keeping::default(),
        control: ControlSecret::generate([2; 32]),
    })
    .unwrap()
}

/// A member who holds everything, and of whom nothing but the name is known.
pub(in crate::service) fn user(name: &str) -> NewUser {
    NewUser {
        username: name.to_owned(),
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
    }
}

/// All that the owner holds, for as long as is usual.
pub(in crate::service) fn wish() -> Wish {
    Wish {
        lifetime: Lifetime::Default,
        lifetime_field: "lifetime",
        privileges: None,
        modules: None,
        limits: Limits::default(),
        restricted: false,
        tied: None,
        max_idle: None,
        outlives: false,
    }
}

/// A token of `anna`'s.
pub(in crate::service) fn request(name: &str, wish: Wish) -> IssueRequest {
    let (description, icon) = (String::new(), String::new());
    let (name, owner) = (name.to_owned(), Some("anna".to_owned()));
    IssueRequest { name, description, icon, wish, organization: None, owner }
}

/// Uses a token, from nowhere in particular.
pub(in crate::service) async fn present(service: &Service, token: &SecretText) -> Result<(), Failure> {
    let peer = Peer { address: None, agent: None, asked: Asked::default(), endpoint: Endpoint::NATIVE };
    service.authenticate(&Credential::Bearer(token.clone()), Demand::Itself, peer).await.map(|_| ())
}

impl Stage {
    pub(in crate::service) async fn new() -> Self {
        Self::at(BEGIN).await
    }

    /// The same where the clock begins at another time.
    pub(in crate::service) async fn at(begin: i64) -> Self {
        let (directory, time) = (TempDir::new().unwrap(), ManualTime::at(begin));
        let service = open(directory.path(), &time);
        service.create_user(&local(), user("anna")).await.unwrap();
        Self { service, time, directory }
    }

    /// The same after a stop and a start.
    pub(in crate::service) async fn again(self) -> Self {
        let Self { service, time, directory } = self;
        service.shut_down().await;
        drop(service);
        Self { service: open(directory.path(), &time), time, directory }
    }

    /// A token with these privileges.
    pub(in crate::service) async fn token(&self, privileges: &str) -> Issued {
        let privileges = Privileges::from_stored(privileges);
        let wish = Wish { lifetime: Lifetime::For(300 * DAY), privileges, ..wish() };
        self.service.issue(&local(), request("used", wish)).await.unwrap()
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
        let peer = Peer {
            address: from.0.parse().ok(),
            agent: Some(from.1),
            asked: Asked::default(),
            endpoint: Endpoint::NATIVE,
        };
        let (found, first) =
            self.service.introspect(&token.secret, &wanted, &Facts::default(), peer).unwrap();
        self.service.commit_rotation(first).await;
        found.is_some()
    }

    /// What a statement finds in the database.
    pub(in crate::service) fn number(&self, sql: &str) -> i64 {
        let connection = rusqlite::Connection::open(self.directory.path().join("jeton.db")).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}
