//! When and how often tokens were used, and from where the last time; and writing down what was gathered of them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use rusqlite::params;

use super::{
    checks::Checked,
    rows::{ReadError, Rows},
    sources::Successor,
    writer::{Tx, Write},
};
use crate::core::{
    checks::{Hour, Tally},
    gathered::Gathered,
    id::{TokenId, UserId},
    refusal::Failure,
    token::Use,
    uses::LastUse,
};

impl Rows<'_> {
    /// A token's use as far as it has been written down, be it spilled; `None` for never.
    pub fn token_use(&self, token: TokenId) -> Result<Option<Use>, ReadError> {
        // First: what is merged between the two isn't missed.
        let spilled = self.spilled_of(token)?;
        let merged = self.merged_use(token)?;
        let Some(spilled) = spilled else { return Ok(merged) };
        let (Some(times), Some(LastUse { at, address, agent })) = (spilled.times(), spilled.last()) else {
            return Ok(merged);
        };
        Ok(Some(match merged {
            Some(merged) if merged.last_at > at => Use { count: merged.count + times.count, ..merged },
            merged => {
                let count = merged.map_or(0, |merged| merged.count) + times.count;
                Use { last_at: at, address, agent, count }
            }
        }))
    }

    /// A token's use as far as it is in the tables; `None` for never.
    pub fn merged_use(&self, token: TokenId) -> Result<Option<Use>, ReadError> {
        self.one(
            "SELECT last_at, address, agent, count FROM token_uses WHERE token = ? AND last_at > 0",
            [token],
            |row| {
                Ok(Use {
                    last_at: row.get(0)?,
                    address: row.get(1)?,
                    agent: row.get(2)?,
                    count: row.get::<_, i64>(3)?.cast_unsigned(),
                })
            },
        )
    }

    /// Whether a token's owner was deleted.
    pub(super) fn is_orphan(&self, token: TokenId) -> Result<bool, ReadError> {
        let found = self.one(
            "SELECT 1 FROM tokens JOIN users ON users.id = owner WHERE tokens.id = ? AND deleted_at IS NOT NULL",
            [token],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }
}

/// Writes down a batch of what was gathered in memory, sorted by token, its counts on top of what stands. Of a user who
/// was deleted meanwhile nothing is kept but when and how often.
pub struct Used {
    /// Of which token what.
    pub gathered: Vec<(TokenId, Arc<Gathered>)>,
    /// How many rows of checks may stand for tokens. Beyond them the oldest go.
    pub most: u64,
}

impl Write for Used {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let mut owners = Owners::default();
        let mut hours = 0;
        for (token, gathered) in &self.gathered {
            let gone = owners.is_gone(tx, *token, gathered)?;
            let successor = if gone { None } else { tx.successor(*token)? };
            hours += tx.put_gathered(*token, gathered, gone, successor)?;
        }
        for ((of, hour), tally) in sums(&self.gathered) {
            tx.add_checks(of, hour, &tally)?;
        }
        tx.count_hours(hours, self.most)
    }
}

/// Each organization's checks and all.
pub(super) fn sums(batch: &[(TokenId, Arc<Gathered>)]) -> BTreeMap<(Checked, Hour), Tally> {
    let mut sums = HashMap::<(Option<Checked>, Hour), Tally>::new();
    for (_, gathered) in batch {
        let organization = gathered.whose.map(|(_, organization)| Checked::Organization(organization));
        for (hour, tally) in gathered.checks() {
            sums.entry((organization, *hour)).or_default().add(tally);
        }
    }
    let mut all = BTreeMap::<(Checked, Hour), Tally>::new();
    for ((organization, hour), tally) in sums {
        for of in [Some(Checked::Instance), organization].into_iter().flatten() {
            all.entry((of, hour)).or_default().add(&tally);
        }
    }
    all
}

/// Which owners were deleted: each is looked up once in a batch.
#[derive(Default)]
pub(super) struct Owners(HashMap<UserId, bool>);

impl Owners {
    pub(super) fn is_gone(
        &mut self,
        rows: &Rows<'_>,
        token: TokenId,
        gathered: &Gathered,
    ) -> Result<bool, ReadError> {
        let Some((owner, _)) = gathered.whose else { return rows.is_orphan(token) };
        if let Some(gone) = self.0.get(&owner) {
            return Ok(*gone);
        }
        let sql = "SELECT 1 FROM users WHERE id = ? AND deleted_at IS NOT NULL";
        let gone = rows.one(sql, [owner], |_| Ok(()))?.is_some();
        self.0.insert(owner, gone);
        Ok(gone)
    }
}

impl Tx<'_> {
    /// Puts what was gathered of a token on top of what stands; says how many rows of checks there are more. Of one whose
    /// owner is `gone` nothing is kept but when and how often.
    pub(super) fn put_gathered(
        &mut self,
        token: TokenId,
        gathered: &Gathered,
        gone: bool,
        successor: Option<Successor>,
    ) -> Result<i64, Failure> {
        if let Some((times, LastUse { at, address, agent })) = gathered.times().zip(gathered.last()) {
            let kept = |text: Option<String>| text.filter(|_| !gone);
            let values = params![token, at, kept(address), kept(agent), times.count.cast_signed()];
            // Mostly it is from where it was before: then that stands, and so does its place in the index.
            let known = self.execute(
                "UPDATE token_uses SET last_at = max(last_at, ?2), count = count + ?5
                 WHERE token = ?1 AND address IS ?3 AND agent IS ?4",
                values,
            )?;
            if known == 0 {
                self.execute(
                    "INSERT INTO token_uses (token, last_at, address, agent, count) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at),
                         address = iif(excluded.last_at >= last_at, excluded.address, address),
                         agent = iif(excluded.last_at >= last_at, excluded.agent, agent),
                         count = count + excluded.count",
                    values,
                )?;
            }
        }
        if gone {
            return Ok(0);
        }
        self.add_sources(token, gathered, successor)?;
        self.add_demands(token, gathered)?;
        let mut hours = 0;
        for (hour, tally) in gathered.checks() {
            hours += i64::from(self.add_checks(Checked::Token(token), *hour, tally)?);
        }
        Ok(hours)
    }
}
