//! Fills a database with many rows, through jeton's own store: sealed, indexed, counted and recorded like any others.
//!
//! The one place of the harness that knows jeton's code. A million tokens over HTTP would take the better part of an
//! hour; what is asked of them afterwards is asked of the real binary.

use std::{path::Path, sync::Arc};

use jeton::{
    core::{
        event::{Actor, Deed, Event, Origin},
        gathered::{Gathered, Seen, Times},
        id::{IdCounter, OfUser, OrganizationId, TokenId, UserId},
        keys::{Digest, Keyring, Pepper},
        limits::Limits,
        number::Number,
        organization::{Organization, Policy},
        privilege::Privileges,
        refusal::Failure,
        time::{Clock as _, DAY, Instant},
        token::{Cause, MintedBy, Status, Token},
        user::{Membership, Role, User},
    },
    ops::{clock::Clock, entropy::Entropy},
    store::{Keeping, SetUp, Store, Tx, Used, Write},
};

/// How many tokens are written in one transaction.
const BATCH: usize = 10_000;

/// Words that names are made of.
const WORDS: [&str; 16] = [
    "deploy", "Backup", "grafana", "nightly", "orders", "export", "mobile", "billing", "search", "runner",
    "webhook", "staging", "reader", "ansible", "metrics", "gateway",
];

/// What stands in the filled database.
pub struct Filled {
    /// How many users were made, `user-0` and on, all members of `default` and some of `org-0` to `org-4`.
    pub users: usize,
    /// How many tokens.
    pub tokens: usize,
}

/// Fills the database in `data`, which no server runs on, with `tokens` tokens.
pub fn fill(data: &Path, tokens: usize) -> Filled {
    let pepper = std::fs::read_to_string(data.join("pepper.key")).expect("the pepper");
    let keys = Arc::new(Keyring::new(&Pepper::parse(&pepper).expect("a pepper")));
    let clock = Arc::new(Clock::system());
    let now = clock.now();
    let set_up = |now: Instant, _: &dyn jeton::core::secret::Entropy| -> SetUp {
        panic!("a server has set it up, before {now:?}")
    };
    let store =
        Store::open(&data.join("jeton.db"), keys, clock, &Entropy::system(), &Keeping::default(), set_up)
            .expect("the store opens");
    let filled = Filled { users: (tokens / 50).max(20), tokens };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let ids = Arc::new(IdCounter::default());
        let made = store.write(People { ids: Arc::clone(&ids), users: filled.users, now }).await;
        let (users, organizations) = made.expect("users are made");
        let (users, organizations) = (Arc::new(users), Arc::new(organizations));
        // Another counter: an id never goes back behind one that was given before, and tokens are older here.
        let ids = Arc::new(IdCounter::default());
        for from in (0..tokens).step_by(BATCH) {
            let tokens = Tokens {
                ids: Arc::clone(&ids),
                users: Arc::clone(&users),
                organizations: Arc::clone(&organizations),
                numbers: (from..(from + BATCH).min(tokens)).collect(),
                of: tokens,
                now,
            };
            let used = store.write(tokens).await.expect("tokens are made");
            let gathered = used.into_iter().map(|(token, at)| {
                let mut gathered = Gathered::default();
                gathered.add_seen(Seen { address: None, agent: None, times: Times::once(at) });
                (token, Arc::new(gathered))
            });
            let used = Used { gathered: gathered.collect(), most: u64::MAX };
            store.write(used).await.expect("uses are written");
        }
    });
    store.close();
    filled
}

struct People {
    ids: Arc<IdCounter>,
    users: usize,
    now: Instant,
}

impl Write for People {
    type Output = (Vec<UserId>, Vec<OrganizationId>);
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Self::Output, Failure> {
        let now = self.now;
        let mut organizations = Vec::new();
        for number in 0..5 {
            let organization = Organization {
                id: self.ids.next(now, [number; 12]),
                number: tx.next_number::<jeton::core::id::OfOrganization>()?,
                slug: format!("org-{number}"),
                name: format!("Organization {number}"),
                description: String::new(),
                image: String::new(),
                owner: None,
                enabled: true,
                privileges: Privileges::everything(),
                policy: Policy::default(),
                created_at: now,
                updated_at: now,
                change_sequence: 0,
            };
            tx.insert_organization(&organization)?;
            organizations.push(organization.id);
        }
        let home = tx.organization_named("default")?.expect("there is one").id;
        let mut users = Vec::new();
        for number in 0..self.users {
            let user = User {
                id: self.ids.next(now, [1; 12]),
                number: tx.next_number::<OfUser>()?,
                username: format!("user-{number}"),
                email: format!("{}.{number}@example.com", WORDS[number % WORDS.len()].to_lowercase()),
                first_name: "Van der".into(),
                last_name: format!("Berg {number}"),
                title: String::new(),
                image: String::new(),
                active: number % 50 != 7,
                operator: false,
                home,
                deleted_at: None,
                created_at: now,
                updated_at: now,
                change_sequence: 0,
            };
            tx.insert_user(&user)?;
            for (at, organization) in [home].iter().chain(&organizations).enumerate() {
                // The first few are in all of them; they own most of the tokens.
                if at == 0 || number < 20 || number % 5 == at - 1 {
                    let membership = Membership {
                        user: user.id,
                        organization: *organization,
                        role: if number % 100 == 3 { Role::Administrator } else { Role::Member },
                        may_issue: None,
                        privileges: Privileges::everything(),
                        created_at: now,
                    };
                    tx.insert_membership(&membership)?;
                }
            }
            users.push(user.id);
        }
        Ok((users, organizations))
    }
}

struct Tokens {
    ids: Arc<IdCounter>,
    users: Arc<Vec<UserId>>,
    organizations: Arc<Vec<OrganizationId>>,
    numbers: Vec<usize>,
    of: usize,
    now: Instant,
}

impl Write for Tokens {
    type Output = Vec<(TokenId, Instant)>;
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Self::Output, Failure> {
        let mut used = Vec::new();
        let privileges = |text| Privileges::from_stored(text).expect("privileges");
        for number in self.numbers {
            // Over the last year; the oldest first.
            let ago = 365 * DAY / i64::try_from(self.of).expect("a count")
                * i64::try_from(self.of - number).expect("a count");
            let created_at = Instant::from_millis(self.now.millis() - ago);
            let scattered = number.wrapping_mul(2_654_435_761) >> 8;
            let mut token = Token {
                id: self.ids.next(created_at, [u8::try_from(number % 251).expect("a byte"); 12]),
                number: Number::from_place(0),
                digest: Digest([0; 32]),
                pepper: 1,
                owner: self.users[scattered % 20],
                organization: self.organizations[(scattered / 20) % 5],
                name: format!(
                    "{} {}-{number:07}",
                    WORDS[scattered % WORDS.len()],
                    WORDS[(scattered / 16) % WORDS.len()]
                ),
                description: String::new(),
                icon: String::new(),
                privileges: privileges(if number % 5_000 == 17 { "billing:export" } else { "orders:read" }),
                modules: Vec::new(),
                limits: Limits::default(),
                restricted: false,
                minted_by: MintedBy::Local,
                tied: false,
                max_idle: None,
                replaces: None,
                line: None,
                waiting: None,
                superseded: None,
                cause: Cause::Said,
                status_at: None,
                status: if number % 50 == 9 { Status::Disabled } else { Status::Active },
                created_at,
                updated_at: created_at,
                expires_at: (number % 4 != 0).then(|| {
                    Instant::from_millis(
                        created_at.millis() + (30 + i64::try_from(number % 400).expect("a count")) * DAY,
                    )
                }),
                change_sequence: 0,
            };
            token.number = tx.next_number::<jeton::core::id::OfToken>()?;
            tx.insert_token(&token)?;
            let event = |deed| Event {
                at: self.now,
                origin: Origin { actor: Actor::Password(token.owner), address: Some("192.0.2.7".into()) },
                deed,
                object: token.id.into(),
                organization: Some(token.organization),
                detail: String::new(),
            };
            tx.record(&event(Deed::TokenCreated))?;
            if number % 40 == 5 {
                let deleted = event(Deed::TokenDeleted);
                let before = token.status;
                token.status = Status::Deleted;
                tx.update_token(before, &mut token, self.now)?;
                tx.record(&deleted)?;
            } else if number % 3 == 0 {
                let last_at = Instant::from_millis(self.now.millis() - ago / 2);
                used.push((token.id, last_at));
            }
        }
        Ok(used)
    }
}
