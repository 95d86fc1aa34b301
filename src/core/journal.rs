//! What has become of tokens, users, organizations and memberships, as a log beside the database says it: a database
//! that is older than the log learns from it what it missed.
//!
//! One line a record, JSON that a person can read. Each ends with an HMAC over it and the HMAC before it, so that no line
//! can be changed, taken out or put in between; that the tail is there says the database's own count. A record holds
//! what decides of a thing as it is from then on, so applying it twice does nothing more.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{
    id::{Id, OrganizationId, TokenId, UserId, hex, unhex},
    keys::Digest,
    privilege::Privileges,
    time::Instant,
    token::{Cause, Status, Superseded, Waiting},
    user::Role,
};

/// What a thing has become, as far as a decision asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A log begins; its name is random.
    Begun([u8; 16]),
    /// A token.
    Token(TokenId, TokenFate),
    /// A user.
    User(UserId, UserFate),
    /// An organization.
    Organization(OrganizationId, OrganizationFate),
    /// What a user is in an organization; `None` for nothing any more.
    Membership(UserId, OrganizationId, Option<MembershipFate>),
}

/// What decides of a token and may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFate {
    /// Its status.
    pub status: Status,
    /// Why it has it.
    pub cause: Cause,
    /// Since when.
    pub status_at: Option<Instant>,
    /// The first instant at which it is dead.
    pub expires_at: Option<Instant>,
    /// That it waits to replace another.
    pub waiting: Option<Waiting>,
    /// That another has taken its place.
    pub superseded: Option<Superseded>,
    /// The modules that it is narrowed to, parted by single spaces.
    pub modules: String,
}

/// What decides of a user and may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserFate {
    /// Whether they are let in.
    pub active: bool,
    /// Whether they operate the instance.
    pub operator: bool,
    /// Since when they are deleted.
    pub deleted_at: Option<Instant>,
}

/// What decides of an organization and may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationFate {
    /// Whether it is switched on.
    pub enabled: bool,
    /// Whether its tokens are let in by APIs.
    pub api_access: bool,
    /// The privileges that exist in it.
    pub privileges: Privileges,
}

/// What decides of a membership and may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipFate {
    /// The role.
    pub role: Role,
    /// Whether tokens may be issued; `None` leaves it to the policy.
    pub may_issue: Option<bool>,
    /// What was granted.
    pub privileges: Privileges,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place: larger than that of the line before.
    pub sequence: i64,
    /// When it was written.
    pub at: Instant,
    /// What it says.
    pub fate: Fate,
}

/// What is before the place of a line.
const PLACE: &str = "{\"sequence\":";

/// What is before the HMAC in a line, and after it.
const LINK: &str = ",\"link\":\"";
const END: &str = "\"}";

/// The key of a log. It is random, not made of a pepper, so that no new pepper ends the log.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// From fresh random bytes, or from those that were kept.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key itself: to be kept, encrypted.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// To write or to check many lines with.
    pub fn linker(&self) -> Linker {
        Linker(Hmac::new_from_slice(self.0.as_slice()).expect("HMAC takes a key of any length"))
    }
}

/// A [`Key`] that is worked into the state of the HMAC, which is what most of a line would cost.
#[derive(Clone)]
pub struct Linker(Hmac<Sha256>);

impl Linker {
    fn link(&self, before: &Digest, body: &[u8]) -> Digest {
        let mac = self.0.clone().chain_update(before.0).chain_update(body);
        Digest(mac.finalize().into_bytes().into())
    }

    /// A record's line after the line with the link `before`, without its line feed; and its own link.
    pub fn write(&self, record: &Record, before: &Digest) -> (String, Digest) {
        let Record { sequence, at, fate } = record;
        let (name, value) = fate.to_json();
        let body = format!("{PLACE}{sequence},\"at\":\"{at}\",\"{name}\":{value}");
        let link = self.link(before, body.as_bytes());
        (format!("{body}{LINK}{}{END}", hex(&link.0)), link)
    }

    /// The link of a line that is what follows the line with the link `before`; `None` for any other. What it says isn't
    /// read: nobody without the key has written it.
    pub fn check(&self, text: &[u8], before: &Digest) -> Option<Digest> {
        let (body, link) = parted(text)?;
        self.link(before, body).matches(&link).then_some(link)
    }
}

impl Record {
    /// Reads a line that was [checked](Linker::check); `None` for one that this version doesn't understand.
    pub fn read(text: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(text).ok()?;
        Some(Self {
            sequence: value["sequence"].as_i64()?,
            at: Instant::parse(value["at"].as_str()?)?,
            fate: Fate::from_json(&value)?,
        })
    }

    /// The place that a line says it has.
    pub fn sequence_of(text: &[u8]) -> Option<i64> {
        let digits = text.strip_prefix(PLACE.as_bytes())?;
        let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
        std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
    }

    /// The link that a line says it has.
    pub fn link_of(text: &[u8]) -> Option<Digest> {
        parted(text).map(|(_, link)| link)
    }
}

/// What a line says, and its link.
fn parted(text: &[u8]) -> Option<(&[u8], Digest)> {
    let text = text.strip_suffix(END.as_bytes())?;
    let (rest, link) = text.split_at_checked(text.len().checked_sub(2 * size_of::<Digest>())?)?;
    Some((rest.strip_suffix(LINK.as_bytes())?, Digest(unhex(link)?)))
}

impl Fate {
    /// What it is about, so that the last word on a thing can be told from earlier ones.
    pub fn about(&self) -> (&'static str, [u8; 16], [u8; 16]) {
        match self {
            Self::Begun(name) => ("log", *name, [0; 16]),
            Self::Token(id, _) => ("token", id.0, [0; 16]),
            Self::User(id, _) => ("user", id.0, [0; 16]),
            Self::Organization(id, _) => ("organization", id.0, [0; 16]),
            Self::Membership(user, organization, _) => ("membership", user.0, organization.0),
        }
    }

    fn to_json(&self) -> (&'static str, Value) {
        let value = match self {
            Self::Begun(name) => json!({ "name": hex(name) }),
            Self::Token(id, fate) => json!({
                "id": id.to_string(),
                "status": fate.status.as_str(),
                "cause": fate.cause.as_str(),
                "status_at": written(fate.status_at),
                "expires_at": written(fate.expires_at),
                "waits_until": written(fate.waiting.map(|waiting| waiting.until)),
                "linger": fate.waiting.map(|waiting| waiting.linger),
                "superseded_by": fate.superseded.map(|superseded| superseded.by.to_string()),
                "superseded_at": written(fate.superseded.map(|superseded| superseded.at)),
                "modules": fate.modules,
            }),
            Self::User(id, fate) => json!({
                "id": id.to_string(),
                "active": fate.active,
                "operator": fate.operator,
                "deleted_at": written(fate.deleted_at),
            }),
            Self::Organization(id, fate) => json!({
                "id": id.to_string(),
                "enabled": fate.enabled,
                "api_access": fate.api_access,
                "privileges": fate.privileges.to_string(),
            }),
            Self::Membership(user, organization, fate) => json!({
                "user": user.to_string(),
                "organization": organization.to_string(),
                "role": fate.as_ref().map(|fate| fate.role.as_str()),
                "may_issue": fate.as_ref().and_then(|fate| fate.may_issue),
                "privileges": fate.as_ref().map(|fate| fate.privileges.to_string()),
            }),
        };
        (self.about().0, value)
    }

    fn from_json(record: &Value) -> Option<Self> {
        if let Some(log) = record.get("log") {
            return Some(Self::Begun(unhex(log["name"].as_str()?)?));
        }
        if let Some(token) = record.get("token") {
            return token_fate(token);
        }
        if let Some(user) = record.get("user") {
            let fate = UserFate {
                active: user["active"].as_bool()?,
                operator: user["operator"].as_bool()?,
                deleted_at: instant(&user["deleted_at"])?,
            };
            return Some(Self::User(id(&user["id"])?, fate));
        }
        if let Some(organization) = record.get("organization") {
            let fate = OrganizationFate {
                enabled: organization["enabled"].as_bool()?,
                api_access: organization["api_access"].as_bool()?,
                privileges: Privileges::from_stored(organization["privileges"].as_str()?)?,
            };
            return Some(Self::Organization(id(&organization["id"])?, fate));
        }
        let membership = record.get("membership")?;
        let fate = if membership["role"].is_null() {
            None
        } else {
            Some(MembershipFate {
                role: Role::from_stored(membership["role"].as_str()?)?,
                may_issue: membership["may_issue"].as_bool(),
                privileges: Privileges::from_stored(membership["privileges"].as_str()?)?,
            })
        };
        Some(Self::Membership(id(&membership["user"])?, id(&membership["organization"])?, fate))
    }
}

fn token_fate(token: &Value) -> Option<Fate> {
    let waiting = match instant(&token["waits_until"])? {
        Some(until) => Some(Waiting { until, linger: token["linger"].as_i64()? }),
        None => None,
    };
    let superseded = match instant(&token["superseded_at"])? {
        Some(at) => Some(Superseded { by: id(&token["superseded_by"])?, at }),
        None => None,
    };
    let fate = TokenFate {
        status: Status::from_stored(token["status"].as_str()?)?,
        cause: Cause::from_stored(token["cause"].as_str()?)?,
        status_at: instant(&token["status_at"])?,
        expires_at: instant(&token["expires_at"])?,
        waiting,
        superseded,
        modules: token["modules"].as_str()?.to_owned(),
    };
    Some(Fate::Token(id(&token["id"])?, fate))
}

fn written(instant: Option<Instant>) -> Option<String> {
    instant.map(|instant| instant.to_string())
}

fn id<K>(value: &Value) -> Option<Id<K>> {
    Id::parse_uuid(value.as_str()?)
}

/// Whether there is one, which is `None` inside; `None` outside for what is no instant.
#[expect(clippy::option_option, reason = "none is a value here")]
fn instant(value: &Value) -> Option<Option<Instant>> {
    if value.is_null() { Some(None) } else { Instant::parse(value.as_str()?).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::{Digest, Fate, Key, Linker, MembershipFate, OrganizationFate, Record, TokenFate, UserFate};
    use crate::core::{
        id::Id,
        privilege::Privileges,
        time::Instant,
        token::{Cause, Status, Superseded, Waiting},
        user::Role,
    };

    const NONE: Digest = Digest([0; 32]);

    fn id<K>(last: u8) -> Id<K> {
        Id::parse_uuid(&format!("01890000-0000-7000-8000-0000000000{last:02x}")).unwrap()
    }

    fn fates() -> Vec<Fate> {
        let at = Instant::from_millis(1_800_000_000_123);
        let token = TokenFate {
            status: Status::Disabled,
            cause: Cause::Leak,
            status_at: Some(at),
            expires_at: None,
            waiting: Some(Waiting { until: at, linger: 7 }),
            superseded: Some(Superseded { by: id(9), at }),
            modules: "MOD-0001 MOD-0002".into(),
        };
        let bare = TokenFate { waiting: None, superseded: None, expires_at: Some(at), ..token.clone() };
        let privileges = Privileges::everything();
        let member = MembershipFate { role: Role::Member, may_issue: None, privileges: privileges.clone() };
        vec![
            Fate::Begun([7; 16]),
            Fate::Token(id(1), token),
            Fate::Token(id(2), bare),
            Fate::User(id(3), UserFate { active: true, operator: false, deleted_at: None }),
            Fate::User(id(3), UserFate { active: false, operator: false, deleted_at: Some(at) }),
            Fate::Organization(id(4), OrganizationFate { enabled: false, api_access: true, privileges }),
            Fate::Membership(id(3), id(4), Some(member.clone())),
            Fate::Membership(id(3), id(4), Some(MembershipFate { may_issue: Some(false), ..member })),
            Fate::Membership(id(3), id(4), None),
        ]
    }

    fn written(key: &Linker) -> (Vec<Record>, Vec<String>) {
        let (mut before, mut records, mut lines) = (NONE, Vec::new(), Vec::new());
        for (sequence, fate) in (1..).zip(fates()) {
            let record = Record { sequence, at: Instant::from_millis(1_800_000_000_000 + sequence), fate };
            let (text, link) = key.write(&record, &before);
            before = link;
            records.push(record);
            lines.push(text);
        }
        (records, lines)
    }

    fn read(linker: &Linker, lines: &[String]) -> Vec<Record> {
        let mut before = NONE;
        let next = |line: &String| {
            before = linker.check(line.as_bytes(), &before)?;
            let record = Record::read(line.as_bytes())?;
            assert_eq!(Record::sequence_of(line.as_bytes()), Some(record.sequence));
            assert_eq!(Record::link_of(line.as_bytes()), Some(before));
            Some(record)
        };
        lines.iter().map_while(next).collect()
    }

    #[test]
    fn what_is_written_reads_back() {
        let key = Key::new([1; 32]).linker();
        let (records, lines) = written(&key);
        assert_eq!(read(&key, &lines), records);
        assert!(lines.iter().all(|line| !line.contains('\n') && line.starts_with("{\"sequence\":")));
    }

    #[test]
    fn a_line_that_was_changed_taken_out_or_moved_ends_it() {
        let key = Key::new([1; 32]).linker();
        let (_, lines) = written(&key);
        assert!(read(&Key::new([2; 32]).linker(), &lines).is_empty(), "another key");
        for at in 0..lines.len() - 1 {
            let mut out = lines.clone();
            out.remove(at);
            assert_eq!(read(&key, &out).len(), at);
            let mut moved = lines.clone();
            moved.swap(at, at + 1);
            assert_eq!(read(&key, &moved).len(), at);
            for byte in 0..lines[at].len() {
                let mut bytes = lines[at].clone().into_bytes();
                bytes[byte] ^= 1;
                let Ok(text) = String::from_utf8(bytes) else { continue };
                let mut flipped = lines.clone();
                flipped[at] = text;
                assert_eq!(read(&key, &flipped).len(), at, "byte {byte} of line {at}");
            }
        }
    }
}
