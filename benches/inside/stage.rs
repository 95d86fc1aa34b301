//! The stage: a service on a database of its own on disk, one user in it, and as many tokens as are asked for.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use jeton::{
    core::{
        checks::Endpoint,
        decision::{Demand, Subject},
        keys::{Keyring, Pepper},
        lifetime::Lifetime,
        limits::{Asked, Limits},
        minting::Wish,
        organization::{LARGEST_QUOTA, PolicyChange},
        privilege::Privileges,
        secret::{ControlSecret, SecretText, random},
        user::Role,
        wanted::Wanted,
    },
    ops::{clock::Clock, entropy::Entropy},
    service::{
        Caller, Opening, Service,
        issue::{IssueRequest, Issued},
        organizations::OrganizationChange,
        people::NewUser,
        verify::Peer,
    },
    store::{Keeping, SetUp, Store},
};
use tempfile::TempDir;
use tokio::{runtime::Runtime, task::JoinSet};

/// What each token is given.
const PRIVILEGES: &str = "bills:read orders:* reports:read";

/// What tokens are called, in turn, a number behind it.
const NAMES: [&str; 5] =
    ["deploy production", "Grafana", "nightly backup", "CI runner", "export to the warehouse"];

/// Where requests come from.
pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// What is asked for.
pub const ASKED: Asked<'static> =
    Asked { method: Some("GET"), host: Some("api.example"), path: Some("/v1/orders/4711/lines") };

/// A client as the gate knows it.
pub fn peer() -> Peer<'static> {
    Peer { address: Some(ADDRESS), agent: Some("curl/8.14.1"), asked: ASKED, endpoint: Endpoint::GATE }
}

/// That a privilege is wanted.
pub fn wanted(privilege: &str) -> Wanted {
    let mut wanted = Wanted::default();
    wanted.require(privilege).expect("a privilege");
    wanted
}

/// A service that is open.
pub struct Stage {
    pub service: Arc<Service>,
    pub runtime: Runtime,
    pepper: Pepper,
    directory: TempDir,
}

/// The local operator.
pub fn operator() -> Caller {
    Caller { subject: Subject::Local, demand: Demand::Operator, address: None, first_use: None }
}

/// A request for a token that is called by its number.
pub fn request(number: usize, limits: Limits) -> IssueRequest {
    IssueRequest {
        name: format!("{} {number}", NAMES[number % NAMES.len()]),
        description: String::new(),
        icon: String::new(),
        wish: Wish {
            lifetime: Lifetime::Default,
            lifetime_field: "lifetime",
            privileges: Privileges::from_stored(PRIVILEGES),
            modules: None,
            limits,
            outlives: false,
            restricted: false,
            tied: None,
            max_idle: None,
        },
        organization: None,
        owner: Some("ada".into()),
    }
}

impl Stage {
    pub fn new() -> Self {
        // Below `target`, and not where temporary files go: that may be memory, which makes a sync cost nothing.
        let directory = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let entropy = Entropy::system();
        let pepper = Pepper::generate(random(&entropy));
        let opening = Opening {
            database: directory.path().join("jeton.db"),
            pepper: pepper.clone(),
            clock: Arc::new(Clock::system()),
            control: ControlSecret::generate(random(&entropy)),
            entropy: Arc::new(entropy),
            keeping: Keeping::default(),
        };
        let service = Service::open(opening).expect("a new database");
        let runtime = Runtime::new().expect("a runtime");
        let stage = Self { service, runtime, pepper, directory };
        stage.runtime.block_on(stage.people());
        stage
    }

    async fn people(&self) {
        let operator = operator();
        let user = NewUser {
            username: "ada".into(),
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
        self.service.create_user(&operator, user).await.expect("the first user");
        // Where a quota is reached each write counts tokens, which is another matter.
        let policy = PolicyChange { quota: Some(LARGEST_QUOTA), ..PolicyChange::default() };
        let (name, description, image, owner) = (None, None, None, None);
        let update = OrganizationChange::Update { name, description, image, owner, policy };
        let changed = self.service.change_organization(&operator, "default", update, None);
        changed.await.expect("a change by the operator");
    }

    /// Issues tokens, all asked for at once as by so many connections.
    pub fn issue_at_once(&self, requests: Vec<IssueRequest>) -> Vec<Issued> {
        self.runtime.block_on(async {
            let mut asked = JoinSet::new();
            for request in requests {
                let service = Arc::clone(&self.service);
                asked.spawn(async move { service.issue(&operator(), request).await });
            }
            let issued = asked.join_all().await;
            issued.into_iter().collect::<Result<_, _>>().expect("tokens by the operator")
        })
    }

    /// So many tokens, without limits.
    pub fn tokens(&self, count: usize) -> Vec<Issued> {
        let requests: Vec<_> = (0..count).map(|number| request(number, Limits::default())).collect();
        requests.chunks(512).flat_map(|requests| self.issue_at_once(requests.to_vec())).collect()
    }

    /// The store alone, once the service is shut down.
    pub fn store(&self) -> Store {
        self.runtime.block_on(self.service.shut_down());
        let (keys, clock) = (Arc::new(Keyring::new(&self.pepper)), Arc::new(Clock::system()));
        let set_up = |_, _: &dyn jeton::core::secret::Entropy| -> SetUp { unreachable!("it is set up") };
        let database = self.directory.path().join("jeton.db");
        Store::open(&database, keys, clock, &Entropy::system(), &Keeping::default(), set_up)
            .expect("the database that was left")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Before its directory goes.
        self.runtime.block_on(self.service.shut_down());
    }
}
