//! What a token has minted, and they in turn.

use std::collections::{HashSet, VecDeque};

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

impl Rows<'_> {
    /// All that a token has minted and they in turn, the deleted ones too, in no order; `None` where they are more than
    /// `most`. What a token minted that another has taken the place of counts as that one's.
    ///
    /// It goes by what the rows say without believing them, so that an edited row hides none of those below it.
    pub fn descendants(&self, root: TokenId, most: usize) -> Result<Option<Vec<Descendant>>, ReadError> {
        let mut found = Vec::new();
        // Each is met once, however the rows refer to one another.
        let mut met = HashSet::from([root]);
        let mut waiting = VecDeque::from([Descendant { id: root, depth: 0 }]);
        while let Some(Descendant { id, depth }) = waiting.pop_front() {
            for minter in self.line(id)? {
                let minted = self.all(
                    "SELECT id FROM tokens INDEXED BY tokens_by_minter WHERE minted_by_token = ?",
                    [minter],
                    |row| row.get::<_, TokenId>(0),
                )?;
                for id in minted.into_iter().filter(|id| met.insert(*id)) {
                    if found.len() == most {
                        return Ok(None);
                    }
                    let descendant = Descendant { id, depth: depth + 1 };
                    found.push(descendant);
                    waiting.push_back(descendant);
                }
            }
        }
        Ok(Some(found))
    }

    /// A token, and those that it has taken the place of.
    fn line(&self, token: TokenId) -> Result<Vec<TokenId>, ReadError> {
        let mut line = vec![token];
        let mut last = token;
        while let Some(before) = self.one(
            "SELECT old.id FROM tokens AS new JOIN tokens AS old ON old.id = new.replaces
             WHERE new.id = ? AND old.superseded_by = new.id",
            [last],
            |row| row.get(0),
        )? {
            if line.contains(&before) {
                break;
            }
            line.push(before);
            last = before;
        }
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::{Descendant, TokenId};
    use crate::{
        core::keys::{Keyring, Pepper},
        store::{rows::Rows, schema},
    };

    fn id(number: u8) -> TokenId {
        TokenId::from_bytes([number; 16])
    }

    /// Tokens as numbers: which one, what minted it, what it replaces, and what has taken its place.
    fn walked(tokens: &[(u8, u8, u8, u8)], root: u8, most: usize) -> Option<Vec<(u8, u32)>> {
        let connection = schema::empty();
        connection.pragma_update(None, "foreign_keys", "OFF").unwrap();
        let given = |number: u8| (number > 0).then(|| id(number));
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
        let found = Rows::new(&connection, &keys).descendants(id(root), most).unwrap()?;
        let mut found: Vec<_> = found.iter().map(|Descendant { id, depth }| (id.0[0], *depth)).collect();
        found.sort_unstable();
        Some(found)
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
}
