//! How often tokens were used whose uses are counted. These rows decide, so they are sealed.

use rusqlite::{Row, params};

use super::{
    rows::{ReadError, Rows, Sealed},
    writer::{Tx, Write},
};
use crate::core::{id::TokenId, keys::Sealer, limits::Window, refusal::Failure};

/// A token's counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meter {
    /// Whose.
    pub token: TokenId,
    /// Uses in all.
    pub used: u64,
    /// Uses in the period that its rate is counted in; it began at an instant, in milliseconds since the epoch.
    pub window: Window,
}

pub(super) fn seal_meter(sealer: Sealer, row: &Meter) -> Sealer {
    sealer.bytes(&row.token.0).int(row.used.cast_signed()).int(row.window.began).int(row.window.used.into())
}

pub(super) fn meter(row: &Row<'_>) -> rusqlite::Result<Sealed<Meter>> {
    let window = Window { began: row.get("began_at")?, used: row.get("began_used")? };
    let used = row.get::<_, i64>("used")?.cast_unsigned();
    Sealed::read(row, Meter { token: row.get("token")?, used, window })
}

impl Rows<'_> {
    /// The counts of a token; `None` for one that isn't counted.
    pub fn meter(&self, token: TokenId) -> Result<Option<Meter>, ReadError> {
        let row = self.one("SELECT * FROM token_meters WHERE token = ?", [token], meter)?;
        row.map(|row| self.unseal(row, "token_meters", seal_meter, |row| row.token.to_string())).transpose()
    }
}

impl Tx<'_> {
    /// Begins to count a token's uses.
    pub fn insert_meter(&mut self, token: TokenId) -> Result<(), Failure> {
        self.put_meter(&Meter { token, used: 0, window: Window::default() })
    }

    /// Counts a token's uses on top of those that stand there.
    pub fn add_uses(&mut self, token: TokenId, uses: u64) -> Result<(), Failure> {
        let Some(meter) = self.meter(token)? else {
            return Err(Failure::broken(format!("token {token} isn't counted")));
        };
        self.put_meter(&Meter { used: meter.used + uses, ..meter })
    }

    fn put_meter(&mut self, row: &Meter) -> Result<(), Failure> {
        let (seal, pepper) = self.seal("token_meters", |sealer| seal_meter(sealer, row));
        self.execute(
            "INSERT OR REPLACE INTO token_meters (token, used, began_at, began_used, seal, seal_pepper)
             VALUES (?, ?, ?, ?, ?, ?)",
            params![row.token, row.used.cast_signed(), row.window.began, row.window.used, seal, pepper],
        )?;
        Ok(())
    }
}

/// Writes down what was counted in memory: uses on top of those that stand there, and the periods as they are now.
pub struct Metered(pub Vec<Meter>);

impl Write for Metered {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        for counted in self.0 {
            // A row that was taken away or edited meanwhile stays as it is: its token isn't good any more.
            let stands = match tx.meter(counted.token) {
                Ok(stands) => stands,
                Err(error) if error.is_edit() => None,
                Err(error) => return Err(error.into()),
            };
            if let Some(meter) = stands {
                tx.put_meter(&Meter { used: meter.used + counted.used, ..counted })?;
            }
        }
        Ok(())
    }
}
