//! Fills a data directory with tokens: each is issued by the service itself, as the server does it, over half a year of
//! a clock that is turned by hand.
//!
//! `fill FOLDER COUNT` leaves in the folder `data`, to be served, `tokens`, up to a million live ones of those, a line
//! each, `spare`, some more that may be revoked, and `access.json`, what a load needs to come in.

use std::{
    env,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use jeton::{
    core::{
        checks::Endpoint,
        decision::{Demand, Subject},
        id::Reference,
        lifetime::Lifetime,
        limits::{Asked, Limits},
        minting::Wish,
        organization::{Issuers, LARGEST_QUOTA, PolicyChange},
        privilege::Privileges,
        refusal::Failure,
        secret::{ControlSecret, SecretText, random},
        time::DAY,
        user::Role,
    },
    ops::{
        clock::{Clock, TimeSource},
        data_dir::{DATABASE, DataDir},
        entropy::Entropy,
    },
    service::{
        Caller, Opening, Service,
        change::{Change, Target},
        issue::{IssueRequest, Issued},
        members::NewMember,
        organizations::{NewOrganization, OrganizationChange},
        people::NewUser,
        verify::Peer,
    },
    store::Keeping,
};

/// How far back the oldest token goes.
const SPAN: i64 = 180 * DAY;

/// As many as are issued side by side: what shares a commit in a busy hour.
const AT_ONCE: u64 = 512;

/// Most tokens that are written down for a load.
const LISTED: u64 = 1_000_000;

/// One of how many of these is set apart to be revoked.
const SPARE: usize = 50;

/// How many users have them; the one more that a load comes in as has none.
const USERS: u64 = 100;

/// The organizations beside `default`.
const ORGANIZATIONS: u64 = 5;

/// Who a load comes in as.
const OPERATOR: &str = "ada";

/// Everybody's here: what is filled is for a benchmark and for nobody else.
const PASSWORD: &str = "ada lays the table for ten";

/// Words that names are made of.
const WORDS: [&str; 16] = [
    "deploy", "Backup", "grafana", "nightly", "orders", "export", "mobile", "billing", "search", "runner",
    "webhook", "staging", "reader", "ansible", "metrics", "gateway",
];

/// A clock that stands still until it is turned.
#[derive(Clone)]
struct Turned {
    wall: Arc<AtomicI64>,
    began: i64,
}

impl TimeSource for Turned {
    fn wall_ms(&self) -> i64 {
        self.wall.load(Ordering::Relaxed)
    }

    fn monotonic_ms(&self) -> i64 {
        self.wall_ms() - self.began
    }
}

/// What becomes of the token of a number: most are live, some are what a service of some years has too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Live,
    Disabled,
    Deleted,
    Expired,
}

impl Fate {
    const fn of(number: u64) -> Self {
        match number % 200 {
            9 | 109 => Self::Disabled,
            19 => Self::Deleted,
            29 | 79 | 129 | 179 => Self::Expired,
            _ => Self::Live,
        }
    }
}

struct Filling {
    service: Arc<Service>,
    caller: Caller,
    clock: Turned,
    count: u64,
    next: AtomicU64,
    progress: ProgressBar,
}

impl Filling {
    async fn issue(&self, name: String, owner: String, organization: String, wish: Wish) -> Result<Issued> {
        let request = IssueRequest {
            name,
            description: String::new(),
            icon: String::new(),
            wish,
            organization: Some(organization),
            owner: Some(owner),
        };
        Ok(self.service.issue(&self.caller, request).await?)
    }

    /// Issues the token of a number, and what else befalls it. Answers it where it is one for the list.
    async fn make(&self, number: u64) -> Result<Option<SecretText>> {
        let fate = Fate::of(number);
        self.clock.wall.fetch_add(SPAN / i64::try_from(self.count)?, Ordering::Relaxed);
        // Neighbours in time aren't neighbours in anything else.
        let scattered = (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize;
        let words = (WORDS[scattered % WORDS.len()], WORDS[scattered / WORDS.len() % WORDS.len()]);
        let rare = number % 5_000 == 17;
        let privileges = if rare { "billing:export" } else { "orders:read" };
        let days = if fate == Fate::Expired { 1 } else { 200 + i64::try_from(number % 160)? };
        let issued = self
            .issue(
                format!("{} {}-{number:08}", words.0, words.1),
                format!("user-{}", scattered as u64 % USERS),
                format!("org-{}", scattered as u64 / USERS % ORGANIZATIONS),
                wish(Lifetime::For(days * DAY), privileges)?,
            )
            .await?;
        let target = Target::of(Reference::Id(issued.view.token.id));
        let change = match fate {
            Fate::Disabled => Some(Change::Disable),
            Fate::Deleted => Some(Change::Delete),
            Fate::Live | Fate::Expired => None,
        };
        if let Some(change) = change {
            self.service.change(&self.caller, target, change).await?;
        } else if fate == Fate::Live && number.is_multiple_of(3) {
            let peer = Peer { address: None, agent: None, asked: Asked::default(), endpoint: Endpoint::GATE };
            self.service.judge_token(&issued.secret, Demand::Itself, peer).outcome?;
        }
        let listed = fate == Fate::Live && !rare && number.is_multiple_of(self.count.div_ceil(LISTED));
        Ok(listed.then_some(issued.secret))
    }

    /// Makes tokens until there are enough; answers those for the list.
    async fn work(self: Arc<Self>) -> Result<Vec<SecretText>> {
        let mut listed = Vec::new();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.count {
                return Ok(listed);
            }
            listed.extend(self.make(number).await?);
            self.progress.inc(1);
        }
    }

    async fn people(&self) -> Result<(), Failure> {
        let policy = PolicyChange {
            quota: Some(LARGEST_QUOTA),
            issuers: Some(Issuers::Members),
            ..PolicyChange::default()
        };
        let everything = || Privileges::everything();
        for number in 0..ORGANIZATIONS {
            let organization = NewOrganization {
                slug: format!("org-{number}"),
                name: format!("Organization {number}"),
                description: String::new(),
                image: String::new(),
                owner: None,
                privileges: everything(),
                policy,
            };
            self.service.create_organization(&self.caller, organization).await?;
        }
        for number in 0..USERS {
            let username = format!("user-{number}");
            self.service.create_user(&self.caller, user(&username, Role::Member, false)).await?;
            for organization in 0..ORGANIZATIONS {
                let member = NewMember {
                    user: username.clone(),
                    role: Role::Member,
                    may_issue: None,
                    privileges: everything(),
                };
                self.service.add_member(&self.caller, &format!("org-{organization}"), member).await?;
            }
        }
        self.service.create_user(&self.caller, user(OPERATOR, Role::Administrator, true)).await?;
        let home =
            OrganizationChange::Update { name: None, description: None, image: None, owner: None, policy };
        self.service.change_organization(&self.caller, "default", home, None).await?;
        Ok(())
    }
}

fn user(username: &str, role: Role, operator: bool) -> NewUser {
    NewUser {
        username: username.to_owned(),
        password: SecretText::new(PASSWORD),
        email: format!("{username}@example.com"),
        first_name: "Van der".into(),
        last_name: username.to_owned(),
        title: String::new(),
        image: String::new(),
        operator,
        role,
        may_issue: None,
        privileges: Privileges::everything(),
        organization: Some("default".into()),
    }
}

fn wish(lifetime: Lifetime, privileges: &str) -> Result<Wish> {
    let privileges: Vec<&str> = privileges.split(' ').collect();
    Ok(Wish {
        lifetime,
        lifetime_field: "lifetime",
        privileges: Some(Privileges::parse(&privileges)?),
        modules: None,
        limits: Limits::default(),
        outlives: false,
        restricted: false,
        tied: None,
        max_idle: None,
    })
}

async fn fill(folder: &Path, count: u64) -> Result<()> {
    let data = folder.join("data");
    anyhow::ensure!(!data.exists(), "{} is there already", data.display());
    fs::create_dir_all(folder)?;
    let data = DataDir::open(&data)?;
    let held = data.lock()?;
    let entropy = Arc::new(Entropy::system());
    let began = i64::try_from(std::time::UNIX_EPOCH.elapsed()?.as_millis())? - SPAN;
    let clock = Turned { wall: Arc::new(AtomicI64::new(began)), began };
    let service = Service::open(Opening {
        database: data.file(DATABASE),
        pepper: data.pepper(&held, &*entropy)?,
        clock: Arc::new(Clock::new(clock.clone())),
        entropy: Arc::clone(&entropy) as _,
        control: ControlSecret::generate(random(&*entropy)),
        keeping: Keeping::default(),
    })?;
    let house = Arc::clone(&service);
    tokio::spawn(async move { house.keep_uses().await });
    let style = "{bar:40} {human_pos} of {human_len} tokens, {per_sec}, {eta} to go";
    let progress = ProgressBar::new(count).with_style(ProgressStyle::with_template(style)?);
    let caller = Caller { subject: Subject::Local, demand: Demand::Operator, address: None, first_use: None };
    let filling = Arc::new(Filling { service, caller, clock, count, next: AtomicU64::new(0), progress });
    filling.people().await?;
    let access = filling
        .issue(
            "load".into(),
            OPERATOR.into(),
            "default".into(),
            wish(Lifetime::For(366 * DAY), "jeton:admin jeton:introspect *:*")?,
        )
        .await?;
    let workers: Vec<_> = (0..AT_ONCE).map(|_| tokio::spawn(Arc::clone(&filling).work())).collect();
    let mut tokens = BufWriter::new(File::create(folder.join("tokens"))?);
    let mut spare = BufWriter::new(File::create(folder.join("spare"))?);
    let mut listed = Vec::new();
    for worker in workers {
        listed.extend(worker.await??);
    }
    for (at, token) in listed.iter().enumerate() {
        writeln!(if at % SPARE == 1 { &mut spare } else { &mut tokens }, "{}", token.expose())?;
    }
    tokens.flush()?;
    spare.flush()?;
    filling.progress.finish();
    filling.service.shut_down().await;
    let access = serde_json::json!({
        "tokens": count, "listed": listed.len(), "token": access.secret.expose(),
        "username": OPERATOR, "password": PASSWORD,
    });
    fs::write(folder.join("access.json"), format!("{access:#}\n"))?;
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [folder, count] = arguments.as_slice() else { anyhow::bail!("fill FOLDER COUNT") };
    let count = count.to_str().and_then(|text| text.parse().ok()).context("COUNT is a number")?;
    anyhow::ensure!(count > 0, "COUNT is 1 or more");
    // As `jeton` does: it opens no database that others may read.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(fill(Path::new(folder), count))
}
