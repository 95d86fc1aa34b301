//! Who asks: every way to come, every person, every token, and what has become of it.

/// How the credential comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// Not at all.
    None,
    /// Username and password by Basic.
    Password,
    /// The page's cookie, in a request that the page makes.
    Session,
    /// A token as Basic's password.
    BasicToken,
    /// `Authorization: Bearer`.
    Bearer,
    /// `x-api-key`.
    ApiKey,
    /// `x-access-token`.
    AccessToken,
    /// `user-token`.
    UserToken,
    /// A good token, twice, in two headers.
    Two,
}

/// Those that carry one token.
pub const TOKEN_CARRIERS: [Carrier; 5] =
    [Carrier::Bearer, Carrier::BasicToken, Carrier::ApiKey, Carrier::AccessToken, Carrier::UserToken];

/// Whose credential it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Person {
    /// Operates the instance; a member of the organization who may issue.
    Operator,
    /// Administers the organization.
    Administrator,
    /// A member who may issue, and was granted whatever isn't reserved.
    Issuer,
    /// A plain member who was granted everything, the reserved privileges too.
    Member,
    /// Administers another organization.
    Outsider,
    /// A member here who administers another organization; the token is of this one.
    Double,
    /// The same with a token of the other one.
    DoubleAway,
    /// The command line, with the control secret.
    Local,
}

/// Everybody who has tokens.
pub const PEOPLE: [Person; 7] = [
    Person::Operator,
    Person::Administrator,
    Person::Issuer,
    Person::Member,
    Person::Outsider,
    Person::Double,
    Person::DoubleAway,
];

/// What is on the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Powers {
    /// All that its owner holds and isn't reserved.
    Everything,
    /// `jeton:admin`.
    Admin,
    /// `jeton:introspect`.
    Introspect,
    /// No privilege.
    Nothing,
    /// Restricted to itself.
    Restricted,
}

/// All of them.
pub const POWERS: [Powers; 5] =
    [Powers::Everything, Powers::Admin, Powers::Introspect, Powers::Nothing, Powers::Restricted];

/// What has become of the token, its owner or its organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing.
    Active,
    /// Past its expiry.
    Expired,
    /// Switched off.
    Disabled,
    /// Revoked.
    Deleted,
    /// Its owner is disabled.
    OwnerDisabled,
    /// Its owner has left the organization.
    OwnerGone,
    /// Its organization is disabled.
    OrganizationDisabled,
    /// Its organization's policy has API access off.
    ApiAccessOff,
}

/// All of them.
pub const STATES: [State; 8] = [
    State::Active,
    State::Expired,
    State::Disabled,
    State::Deleted,
    State::OwnerDisabled,
    State::OwnerGone,
    State::OrganizationDisabled,
    State::ApiAccessOff,
];

/// An organization of the scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Org {
    /// The one that most requests are about.
    Acme,
    /// Another one.
    Bravo,
    /// One that is disabled in the end.
    Shut,
    /// One whose API access is off in the end.
    Quiet,
}

impl Org {
    /// Its slug.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Acme => "acme",
            Self::Bravo => "bravo",
            Self::Shut => "shut",
            Self::Quiet => "quiet",
        }
    }
}

/// One credential, one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Asker {
    /// How it comes.
    pub carrier: Carrier,
    /// Whose it is.
    pub person: Person,
    /// What is on it, where it is a token.
    pub powers: Powers,
    /// What has become of it.
    pub state: State,
}

impl Asker {
    /// Whether a token is presented, not a password or the control secret.
    pub fn by_token(self) -> bool {
        self.person != Person::Local && TOKEN_CARRIERS.contains(&self.carrier)
    }

    /// The organization of the token; the user's home for a password.
    pub fn home(self) -> Org {
        match (self.person, self.state) {
            (Person::Outsider | Person::DoubleAway, _) => Org::Bravo,
            (_, State::OrganizationDisabled) => Org::Shut,
            (_, State::ApiAccessOff) => Org::Quiet,
            _ => Org::Acme,
        }
    }

    /// Where the user is a member by now, and whether as an administrator.
    pub fn places(self) -> Vec<(Org, bool)> {
        let home = Self { person: Person::Member, ..self }.home();
        let mut places = match self.person {
            Person::Operator | Person::Issuer | Person::Member => vec![(home, false)],
            Person::Administrator => vec![(home, true)],
            Person::Outsider => vec![(Org::Bravo, true)],
            Person::Double | Person::DoubleAway => vec![(home, false), (Org::Bravo, true)],
            Person::Local => Vec::new(),
        };
        if self.state == State::OwnerGone {
            places.retain(|(org, _)| *org != self.home());
        }
        places
    }

    /// Who asks an operation, as far as that hears them: nothing but our own API takes the page's cookie.
    pub fn heard_by(self, ours: bool) -> Self {
        if ours || self.carrier != Carrier::Session { self } else { NOBODY }
    }

    /// A number for a person in a state, to take turns by.
    pub fn place(self) -> usize {
        self.person as usize + 3 * self.state as usize
    }

    /// Whether the scene has such a credential.
    pub fn exists(self) -> bool {
        let elsewhere = matches!(self.person, Person::Outsider | Person::DoubleAway)
            && matches!(self.state, State::OrganizationDisabled | State::ApiAccessOff);
        let plain = self.powers == Powers::Everything;
        !elsewhere
            && match self.carrier {
                Carrier::None => self == NOBODY,
                Carrier::Password | Carrier::Session => {
                    let of_token = matches!(self.state, State::Expired | State::Disabled | State::Deleted);
                    plain && !of_token && !matches!(self.person, Person::DoubleAway | Person::Local)
                }
                _ if self.person == Person::Local => {
                    plain && self.state == State::Active && self.carrier == Carrier::Bearer
                }
                _ => true,
            }
    }
}

impl std::fmt::Display for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { carrier, person, powers, state } = self;
        write!(f, "{person:?}/{carrier:?}")?;
        if !matches!(carrier, Carrier::Password | Carrier::Session) {
            write!(f, "/{powers:?}")?;
        }
        if *state == State::Active { Ok(()) } else { write!(f, "/{state:?}") }
    }
}

/// Nobody: no credential.
pub const NOBODY: Asker = Asker {
    carrier: Carrier::None,
    person: Person::Member,
    powers: Powers::Everything,
    state: State::Active,
};

/// The command line.
pub const LOCAL: Asker = Asker { carrier: Carrier::Bearer, person: Person::Local, ..NOBODY };
