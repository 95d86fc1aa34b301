//! Taking in tokens that were made elsewhere: by a digest of their text, so that they go on working and are seen by nobody.
//!
//! The plain digest is nowhere kept: what is stored is an HMAC over it, which the pepper is needed for.

use std::{collections::HashMap, sync::atomic::Ordering};

use super::{
    Caller, Service,
    issue::{event, organization, owner},
};
use crate::{
    core::{
        decision::{Subject, decide_for_good},
        event::Deed,
        foreign::ForeignKind,
        id::{OfToken, OrganizationId, TokenId, UserId},
        keys::{Digest, PepperId},
        lifetime::Lifetime,
        limits::Limits,
        minting::{Minter, Wish, judge},
        privilege::Privileges,
        refusal::{Failure, Refusal},
        time::Instant,
        token::{Cause, Status, Token},
    },
    store::{Tx, Write},
};

/// A token that was made elsewhere, its fields' forms checked.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// A name for people.
    pub name: String,
    /// By username or id.
    pub owner: String,
    /// By slug or any id; `None` for the owner's home.
    pub organization: Option<String>,
    /// What it is to hold; `None` for whatever its owner holds and isn't reserved.
    pub privileges: Option<Privileges>,
    /// When it ends.
    pub lifetime: Lifetime,
    /// By which digest its text is known.
    pub kind: ForeignKind,
    /// That digest.
    pub digest: Vec<u8>,
}

/// What becomes of a row.
#[derive(Clone, Debug)]
pub enum Fate {
    /// It is imported, or would be.
    Taken(TokenId),
    /// It was before.
    There(TokenId),
    /// It can't be.
    Bad(Refusal),
}

impl Service {
    /// Imports all rows or, where one of them is bad, none; says what becomes of each. Those that are there already stay as
    /// they are.
    pub async fn import(
        &self,
        caller: &Caller,
        rows: Vec<Result<Foreign, Refusal>>,
        dry_run: bool,
    ) -> Result<Vec<Fate>, Failure> {
        // Whoever imports knows the text: it is like minting, and nobody but the operator of the machine mints for another.
        // That a token of one's own is no wider than the credential at hand couldn't be said of one that is good elsewhere.
        if !matches!(caller.subject, Subject::Local) {
            return Err(Refusal::OwnerForeign.into());
        }
        let now = self.now();
        let pepper = self.keys.current();
        let row = |row: Result<Foreign, Refusal>| {
            let row = row.map(|foreign| {
                let digest = self.keys.foreign_digest(pepper, foreign.kind, &foreign.digest);
                let digest = digest.expect("the current pepper is in the keyring");
                Row { id: self.new_id(now), digest, foreign }
            });
            row.map(Box::new)
        };
        let rows = rows.into_iter().map(row).collect();
        let fates = self.store.write(Import { caller: caller.clone(), rows, pepper, dry_run, now }).await?;
        if !dry_run {
            self.any_foreign.store(true, Ordering::Release);
        }
        Ok(fates)
    }
}

struct Row {
    id: TokenId,
    digest: Digest,
    foreign: Foreign,
}

struct Import {
    caller: Caller,
    rows: Vec<Result<Box<Row>, Refusal>>,
    pepper: PepperId,
    dry_run: bool,
    now: Instant,
}

/// How many tokens an owner gets in an organization by rows that were looked at before.
type More = HashMap<(UserId, OrganizationId), u32>;

impl Write for Import {
    type Output = Vec<Fate>;
    // What was refused as unknown isn't kept, so nothing that was read before is wrong.
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Vec<Fate>, Failure> {
        let Self { caller, rows, pepper, dry_run, now } = self;
        let subject = caller.decide_again(tx, now)?;
        decide_for_good(&subject, now)?;
        let (mut more, mut known, mut tokens) = (More::new(), HashMap::new(), Vec::new());
        let mut fates = Vec::with_capacity(rows.len());
        for (at, row) in rows.into_iter().enumerate() {
            let judged = row.map_err(Failure::from).and_then(|row| {
                if let Some(there) = tx.foreign_token(row.foreign.kind, &row.foreign.digest)? {
                    return Ok(Fate::There(there.id));
                }
                if let Some(first) = known.insert(row.digest, at) {
                    return Err(Refusal::invalid("digest", format!("the same as row {}'s", first + 1)).into());
                }
                let token = accept(tx, &subject, *row, pepper, &mut more, now)?;
                let id = token.id;
                tokens.push(token);
                Ok(Fate::Taken(id))
            });
            fates.push(match judged {
                Err(Failure::Refused(refusal)) => Fate::Bad(refusal),
                other => other?,
            });
        }
        let bad = fates.iter().any(|fate| matches!(fate, Fate::Bad(_)));
        if !dry_run && !bad {
            for mut token in tokens {
                token.number = tx.next_number::<OfToken>()?;
                tx.insert_foreign(&token)?;
                let mut imported = event(&token, Deed::TokenCreated, caller.origin(), now);
                "imported".clone_into(&mut imported.detail);
                tx.record(&imported)?;
            }
        }
        Ok(fates)
    }
}

/// The token that a row becomes, as if its owner's were made: within the policy, the quota and what the owner holds.
fn accept(
    tx: &Tx<'_>,
    subject: &Subject,
    row: Row,
    pepper: PepperId,
    more: &mut More,
    now: Instant,
) -> Result<Token, Failure> {
    let Row { id, digest, foreign } = row;
    let owner = owner(tx, subject, Some(&foreign.owner))?;
    let organization = match &foreign.organization {
        Some(named) => organization(tx, subject, &owner, Some(named), now)?,
        None => tx.organization(owner.home)?.ok_or(Refusal::NotFound { what: "organization" })?,
    };
    let account = tx.account(owner, organization.id)?;
    let wish = Wish {
        lifetime: foreign.lifetime,
        lifetime_field: "expires_at",
        privileges: foreign.privileges,
        modules: None,
        limits: Limits::default(),
        outlives: false,
        restricted: false,
        tied: None,
        max_idle: None,
    };
    let others = more.entry((account.user.id, organization.id)).or_default();
    let live = tx.live_tokens(account.user.id, organization.id, organization.policy.quota, now)? + *others;
    let terms = judge(&wish, &Minter::Local, &account, live, &[], now)?;
    *others += 1;
    Ok(Token {
        id,
        // Its own comes with the others', once all are good.
        number: crate::core::number::Number::from_place(1),
        digest,
        pepper,
        owner: account.user.id,
        organization: organization.id,
        name: foreign.name,
        description: String::new(),
        icon: String::new(),
        privileges: terms.privileges,
        modules: terms.modules,
        limits: terms.limits,
        restricted: false,
        minted_by: Minter::Local.minted_by(),
        tied: terms.tied,
        max_idle: terms.max_idle,
        replaces: None,
        line: None,
        waiting: None,
        superseded: None,
        status: Status::Active,
        cause: Cause::Said,
        status_at: Some(now),
        created_at: now,
        updated_at: now,
        expires_at: terms.expires_at,
        change_sequence: 0,
    })
}
