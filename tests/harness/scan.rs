//! Looks for secrets, and for pieces of them, in what was written to disk.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use super::files::children;

/// How long a run of a secret may be before it counts as leaked, in bytes.
pub const RUN: usize = 12;

/// All runs of [`RUN`] bytes of the secrets given to it.
pub struct Runs {
    runs: HashMap<[u8; RUN], &'static str>,
    /// A bit for each way that some run begins: most of what is scanned begins like none.
    beginnings: Vec<u64>,
}

impl Default for Runs {
    fn default() -> Self {
        Self { runs: HashMap::new(), beginnings: vec![0; 1 << (BITS - 6)] }
    }
}

/// How many bits of a beginning are told apart, as a power of two.
const BITS: u32 = 26;

/// The word and the bit in it that stand for how `window` begins.
fn beginning(window: &[u8]) -> (usize, u64) {
    let first = u64::from_le_bytes(window[..8].try_into().expect("a window is longer"));
    let mixed = first.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS);
    (usize::try_from(mixed >> 6).expect("fewer than 2^20 words"), 1 << (mixed & 63))
}

impl Runs {
    /// Adds every run of `secret`; `what` names it in a failure, which shows no secret.
    pub fn add(&mut self, what: &'static str, secret: &[u8]) {
        for window in secret.windows(RUN) {
            let (word, bit) = beginning(window);
            self.beginnings[word] |= bit;
            self.runs.insert(window.try_into().expect("a window of that size"), what);
        }
    }

    /// Adds a text as it stands and as a scan would meet it: hex, both base64 alphabets at each offset, and UTF-16.
    pub fn add_disguised(&mut self, what: &'static str, secret: &[u8]) {
        use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE};
        self.add(what, secret);
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        self.add(what, hex.as_bytes());
        self.add(what, hex.to_uppercase().as_bytes());
        for offset in 0..3 {
            // The first and last digits mix with neighbours; what lies between is the same in any text.
            let whole = (secret.len() - offset) / 3 * 3;
            self.add(what, BASE64_STANDARD.encode(&secret[offset..offset + whole]).as_bytes());
            self.add(what, BASE64_URL_SAFE.encode(&secret[offset..offset + whole]).as_bytes());
        }
        let wide: Vec<u8> = secret.iter().flat_map(|byte| [*byte, 0]).collect();
        self.add(what, &wide);
    }

    /// Where in `bytes` a run stands first: its offset and the name it was added under.
    pub fn find(&self, bytes: &[u8]) -> Option<(usize, &'static str)> {
        let mut windows = bytes.windows(RUN).enumerate();
        windows.find_map(|(at, window)| {
            let (word, bit) = beginning(window);
            if self.beginnings[word] & bit == 0 {
                return None;
            }
            Some((at, *self.runs.get(window)?))
        })
    }
}

/// Every plain file under `directory`, whole.
pub fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for path in children(directory) {
        let kind = path.symlink_metadata().unwrap().file_type();
        if kind.is_dir() {
            found.extend(contents(&path));
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found
}
