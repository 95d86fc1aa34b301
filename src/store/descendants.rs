//! What a token has minted, and they in turn.

use std::collections::{HashSet, VecDeque};

use rusqlite::params;

use super::rows::{ReadError, Rows};
use crate::core::id::TokenId;

/// A token that another one has minted, or one that it minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descendant {
    /// Which.
    pub id: TokenId,
    /// How many mintings lie between: 1 for what the token itself has minted.
    pub depth: u32,
}

/// How far a token's descendants have been looked for. What a token minted that another has taken the place of counts as
/// that one's.
#[derive(Clone, Debug)]
pub struct Family {
    /// Those whose children haven't all been found yet.
    minters: VecDeque<Minter>,
    /// Those that are or were among them: a line of successors, all of one minter, is walked once.
    minters_met: HashSet<TokenId>,
    /// Each is found once, however the rows refer to one another.
    met: HashSet<TokenId>,
}

#[derive(Clone, Copy, Debug)]
struct Minter {
    id: TokenId,
    depth: u32,
    /// The last of its children that was found.
    after: TokenId,
}

impl Minter {
    const fn new(id: TokenId, depth: u32) -> Self {
        Self { id, depth, after: TokenId::from_bytes([0; 16]) }
    }
}

impl Family {
    /// None has been found yet.
    pub fn of(root: TokenId) -> Self {
        Self {
            minters: VecDeque::from([Minter::new(root, 0)]),
            minters_met: HashSet::from([root]),
            met: HashSet::from([root]),
        }
    }

    /// Whether all have been found.
    pub fn is_whole(&self) -> bool {
        self.minters.is_empty()
    }
}

impl Rows<'_> {
    /// All that a token has minted and they in turn, the deleted ones too, in no order; `None` where they, or those whose
    /// place it has taken, are more than `most`.
    pub fn descendants(&self, root: TokenId, most: usize) -> Result<Option<Vec<Descendant>>, ReadError> {
        let mut family = Family::of(root);
        // Each is found and asked for its children, and before that the root and those before it.
        let found = self.more_descendants(&mut family, 3 * most + 1)?;
        Ok((family.is_whole() && found.len() <= most).then_some(found))
    }

    /// More of a token's descendants, in no order. A minter that is asked for its children is a step, and so is each child:
    /// it ends after `steps` at the latest.
    ///
    /// It goes by what the rows say without believing them, so that an edited row hides none of those below it.
    pub fn more_descendants(&self, family: &mut Family, steps: usize) -> Result<Vec<Descendant>, ReadError> {
        let (mut found, mut left) = (Vec::new(), steps);
        while left > 0
            && let Some(minter) = family.minters.pop_front()
        {
            let children = self.all(
                "SELECT id FROM tokens INDEXED BY tokens_by_minter
                 WHERE minted_by_token = ? AND id > ? ORDER BY id LIMIT ?",
                params![minter.id, minter.after, i64::try_from(left).unwrap_or(i64::MAX)],
                |row| row.get::<_, TokenId>(0),
            )?;
            match children.last() {
                Some(last) if children.len() == left => {
                    family.minters.push_front(Minter { after: *last, ..minter });
                }
                _ => {
                    let before =
                        self.given_way(minter.id)?.filter(|before| family.minters_met.insert(*before));
                    family.minters.extend(before.map(|before| Minter::new(before, minter.depth)));
                }
            }
            left = left.saturating_sub(1 + children.len());
            for id in children.into_iter().filter(|id| family.met.insert(*id)) {
                let depth = minter.depth + 1;
                found.push(Descendant { id, depth });
                if family.minters_met.insert(id) {
                    family.minters.push_back(Minter::new(id, depth));
                }
            }
        }
        Ok(found)
    }

    /// The token whose place this one has taken.
    fn given_way(&self, token: TokenId) -> Result<Option<TokenId>, ReadError> {
        self.one(
            "SELECT old.id FROM tokens AS new JOIN tokens AS old ON old.id = new.replaces
             WHERE new.id = ? AND old.superseded_by = new.id",
            [token],
            |row| row.get(0),
        )
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::{Descendant, Family, TokenId};
    use crate::{
        core::keys::{Keyring, Pepper},
        store::{rows::Rows, schema},
    };

    fn id(number: u16) -> TokenId {
        let [high, low] = number.to_be_bytes();
        let mut bytes = [0; 16];
        (bytes[1], bytes[2]) = (high, low);
        TokenId::from_bytes(bytes)
    }

    fn number(id: TokenId) -> u16 {
        u16::from_be_bytes([id.0[1], id.0[2]])
    }

    /// Tokens as numbers: which one, what minted it, what it replaces, and what has taken its place.
    fn over<T>(tokens: &[(u16, u16, u16, u16)], look: impl FnOnce(&Rows<'_>) -> T) -> T {
        let connection = schema::empty();
        connection.pragma_update(None, "foreign_keys", "OFF").unwrap();
        let given = |number: u16| (number > 0).then(|| id(number));
        for (token, minter, replaces, superseded_by) in tokens {
            connection
                .execute(
                    "INSERT INTO tokens (id, place, digest, pepper, owner, organization, name, description, icon,
                         privileges, modules, limits, restricted, minted_by, minted_by_token, replaces, superseded_by,
                         status, created_at, updated_at, change_sequence, seal, seal_pepper)
                     VALUES (?, ?, x'', 1, x'', x'', '', '', '', '', '', '', 0, '', ?, ?, ?, 'active', 0, 0, 0, x'', 1)",
                    params![id(*token), token, given(*minter), given(*replaces), given(*superseded_by)],
                )
                .unwrap();
        }
        let keys = Keyring::new(&Pepper::generate([7; 32]));
        look(&Rows::new(&connection, &keys))
    }

    fn sorted(found: &[Descendant]) -> Vec<(u16, u32)> {
        let mut found: Vec<_> = found.iter().map(|one| (number(one.id), one.depth)).collect();
        found.sort_unstable();
        found
    }

    fn walked(tokens: &[(u16, u16, u16, u16)], root: u16, most: usize) -> Option<Vec<(u16, u32)>> {
        let found = over(tokens, |rows| rows.descendants(id(root), most)).unwrap()?;
        Some(sorted(&found))
    }

    #[test]
    fn what_a_token_minted_is_what_took_its_places() {
        // 1 minted 2; 3 took the place of 1, and 4 that of 3; 3 minted 5 and 4 minted 6, which minted 7.
        let line = [
            (1, 0, 0, 3),
            (2, 1, 0, 0),
            (3, 0, 1, 4),
            (4, 0, 3, 0),
            (5, 3, 0, 0),
            (6, 4, 0, 0),
            (7, 6, 0, 0),
        ];
        assert_eq!(walked(&line, 1, 9).unwrap(), [(2, 1)]);
        assert_eq!(walked(&line, 3, 9).unwrap(), [(2, 1), (5, 1)]);
        assert_eq!(walked(&line, 4, 9).unwrap(), [(2, 1), (5, 1), (6, 1), (7, 2)]);
        assert_eq!(walked(&line, 6, 9).unwrap(), [(7, 1)]);
        assert_eq!(walked(&line, 4, 4).map(|found| found.len()), Some(4));
        assert_eq!(walked(&line, 4, 3), None);
    }

    #[test]
    fn what_waits_to_take_a_place_or_was_undone_has_not_taken_it() {
        // 3 and 4 were to replace 1, and neither has.
        let tokens = [(1, 0, 0, 0), (2, 1, 0, 0), (3, 0, 1, 0), (4, 0, 1, 0)];
        assert_eq!(walked(&tokens, 1, 9).unwrap(), [(2, 1)]);
        assert_eq!(walked(&tokens, 3, 9).unwrap(), []);
        // A successor has its predecessor's minter.
        let tokens = [(1, 0, 0, 0), (2, 1, 0, 3), (3, 1, 2, 0), (4, 2, 0, 0)];
        assert_eq!(walked(&tokens, 1, 9).unwrap(), [(2, 1), (3, 1), (4, 2)]);
    }

    #[test]
    fn rows_that_were_edited_into_a_ring_end_the_walk() {
        let ring = [(1, 3, 2, 2), (2, 1, 1, 1), (3, 2, 0, 0)];
        assert_eq!(walked(&ring, 1, 9).unwrap(), [(2, 1), (3, 1)]);
    }

    /// 1 minted 2, which was rotated `times` times; the last of them minted another.
    fn rotated(times: u16) -> Vec<(u16, u16, u16, u16)> {
        let last = times + 2;
        let before = |number: u16| if number == 2 { 0 } else { number - 1 };
        let after = |number: u16| if number == last { 0 } else { number + 1 };
        let line = (2..=last).map(|number| (number, 1, before(number), after(number)));
        [(1, 0, 0, 0)].into_iter().chain(line).chain([(last + 1, last, 0, 0)]).collect()
    }

    #[test]
    fn a_token_that_was_rotated_often_is_walked_once() {
        let times = 2_000;
        let tokens = rotated(times);
        let below = tokens.len() - 1;
        // All are found, and each of them and the root are asked for their children.
        let steps = 2 * below + 1;
        over(&tokens, |rows| {
            let mut family = Family::of(id(1));
            assert_eq!(rows.more_descendants(&mut family, steps).unwrap().len(), below);
            assert!(family.is_whole());
            let mut family = Family::of(id(1));
            rows.more_descendants(&mut family, steps - 1).unwrap();
            assert!(!family.is_whole(), "that is how much work it is");
            // From the end of the line: those before it have no other children.
            let mut family = Family::of(id(times + 2));
            assert_eq!(rows.more_descendants(&mut family, below + 1).unwrap().len(), 1);
            assert!(family.is_whole());
        });
        assert_eq!(walked(&tokens, times + 2, 100), None, "its line is longer than that");
    }

    #[test]
    fn step_by_step_the_same_are_found() {
        let tokens = rotated(20);
        let whole = walked(&tokens, 1, 100).unwrap();
        for steps in [1, 2, 3, 7] {
            let found = over(&tokens, |rows| {
                let (mut family, mut found) = (Family::of(id(1)), Vec::new());
                while !family.is_whole() {
                    let more = rows.more_descendants(&mut family, steps).unwrap();
                    assert!(more.len() <= steps);
                    found.extend(more);
                }
                found
            });
            assert_eq!(sorted(&found), whole);
        }
    }
}
